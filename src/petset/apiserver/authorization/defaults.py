"""The roles and bindings that every cluster has. Facts of upstream's `rbac/bootstrappolicy`, as of Kubernetes 1.36.

Of upstream's own list those are left out that only parts of Kubernetes use which do not run here. Rules also name
resources that are not served, so that a role means here what it means elsewhere.
"""

from petset.api.types import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    LabelSelector,
    ObjectMeta,
    PolicyRule,
    Role,
    RoleRef,
    Subject,
)
from petset.kinds.rbac import GROUP, GROUP_KIND, SERVICE_ACCOUNT

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
"""`false` on a role or binding keeps it from being reconciled."""

_READ = "get list watch"
_WRITE = "create delete deletecollection patch update"
_HEALTH = "/healthz /livez /readyz"
_EVERYBODY = "system:authenticated"
_AGGREGATION_CONTROLLER = "clusterrole-aggregation-controller"


def cluster_roles() -> list[ClusterRole]:
    """The roles, in no order that matters."""
    return [*_people(), *_aggregated(), *_parts()]


def _people() -> list[ClusterRole]:
    version = "/version /version/"
    discovery = "/api /api/* /apis /apis/* /openapi /openapi/*"
    return [
        _cluster_role("cluster-admin", _rule("*", "*", "*"), _paths("*", "*")),
        _cluster_role("system:public-info-viewer", _paths("get", f"{_HEALTH} {version}")),
        _cluster_role("system:discovery", _paths("get", f"{_HEALTH} {version} {discovery}")),
        _cluster_role(
            "system:basic-user",
            _rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
            _rule("create", "authentication.k8s.io", "selfsubjectreviews"),
        ),
    ]


def _aggregated() -> list[ClusterRole]:
    """admin holds edit, edit holds view; what others label in the same way is added to them."""
    return [
        _gathering("admin"),
        _gathering("edit", into="admin"),
        _gathering("view", into="edit"),
        _cluster_role(
            "system:aggregate-to-admin",
            _rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
            _rule(f"{_READ} {_WRITE}", GROUP, "roles rolebindings"),
            into="admin",
        ),
        _cluster_role("system:aggregate-to-edit", *_edit_rules(), into="edit"),
        _cluster_role("system:aggregate-to-view", *_view_rules(), into="view"),
    ]


_SCALED = "deployments deployments/scale replicasets replicasets/scale"
_STREAMS = "pods/attach pods/exec pods/portforward pods/proxy"


def _view_rules() -> list[PolicyRule]:
    kept = (
        "configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers "
        "replicationcontrollers/scale serviceaccounts services services/status"
    )
    shown = (
        "bindings limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas "
        "resourcequotas/status"
    )
    workloads = f"{_SCALED} daemonsets daemonsets/status deployments/status replicasets/status"
    stateful = "controllerrevisions statefulsets statefulsets/scale statefulsets/status"
    network = "ingresses ingresses/status networkpolicies"
    return [
        _rule(_READ, "", kept),
        _rule(_READ, "", shown),
        _rule(_READ, "", "namespaces"),
        _rule(_READ, " events.k8s.io", "events"),
        _rule(_READ, "discovery.k8s.io", "endpointslices"),
        _rule(_READ, "apps", f"{workloads} {stateful}"),
        _rule(_READ, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
        _rule(_READ, "batch", "cronjobs cronjobs/status jobs jobs/status"),
        _rule(_READ, "extensions", f"{workloads} {network} replicationcontrollers/scale"),
        _rule(_READ, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
        _rule(_READ, "networking.k8s.io", network),
        _rule(_READ, "resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
    ]


def _edit_rules() -> list[PolicyRule]:
    kept = (
        "configmaps persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts "
        "services services/proxy"
    )
    workloads = f"{_SCALED} daemonsets deployments/rollback"
    return [
        _rule(_READ, "", f"{_STREAMS} secrets services/proxy"),
        _rule("impersonate", "", "serviceaccounts"),
        _rule(_WRITE, "", f"pods {_STREAMS}"),
        _rule("create", "", "pods/eviction"),
        _rule(_WRITE, "", kept),
        _rule("create", "", "serviceaccounts/token"),
        _rule(_WRITE, " events.k8s.io", "events"),
        _rule(_WRITE, "apps", f"{workloads} statefulsets statefulsets/scale"),
        _rule(_WRITE, "autoscaling", "horizontalpodautoscalers"),
        _rule(_WRITE, "batch", "cronjobs jobs"),
        _rule(_WRITE, "extensions", f"{workloads} ingresses networkpolicies replicationcontrollers/scale"),
        _rule(_WRITE, "policy", "poddisruptionbudgets"),
        _rule(_WRITE, "networking.k8s.io", "ingresses networkpolicies"),
        _rule(f"{_READ} {_WRITE}", "coordination.k8s.io", "leases"),
        _rule(_WRITE, "resource.k8s.io", "resourceclaims resourceclaimtemplates"),
    ]


def _parts() -> list[ClusterRole]:
    """For what runs in the cluster or watches it."""
    health = f"{_HEALTH} /healthz/* /livez/* /readyz/*"
    issuer = "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/"
    return [
        _cluster_role(
            "system:monitoring",
            _paths("get", f"{health} /flagz /metrics /metrics/slis /statusz"),
            _rule("get", "", "nodes/metrics"),
        ),
        _cluster_role(
            "system:auth-delegator",
            _rule("create", "authentication.k8s.io", "tokenreviews"),
            _rule("create", "authorization.k8s.io", "subjectaccessreviews"),
        ),
        _cluster_role(
            "system:persistent-volume-provisioner",
            _rule(f"{_READ} create delete", "", "persistentvolumes"),
            _rule(f"{_READ} update", "", "persistentvolumeclaims"),
            _rule(_READ, "storage.k8s.io", "storageclasses"),
            _rule("watch", "", "events"),
            _rule("create patch update", " events.k8s.io", "events"),
        ),
        _cluster_role("system:service-account-issuer-discovery", _paths("get", issuer)),
        _cluster_role(
            f"system:controller:{_AGGREGATION_CONTROLLER}",
            _rule(f"{_READ} escalate patch update", GROUP, "clusterroles"),
        ),
    ]


def cluster_role_bindings() -> list[ClusterRoleBinding]:
    """Who has them from the start."""
    controller = Subject(kind=SERVICE_ACCOUNT, name=_AGGREGATION_CONTROLLER, namespace="kube-system")
    return [
        _binding("cluster-admin", _group("system:masters")),
        _binding("system:monitoring", _group("system:monitoring")),
        _binding("system:discovery", _group(_EVERYBODY)),
        _binding("system:basic-user", _group(_EVERYBODY)),
        _binding("system:public-info-viewer", _group(_EVERYBODY), _group("system:unauthenticated")),
        _binding("system:service-account-issuer-discovery", _group("system:serviceaccounts")),
        _binding(f"system:controller:{_AGGREGATION_CONTROLLER}", controller),
    ]


def roles() -> list[Role]:
    """Charts bind themselves to this one, to find how extension servers authenticate."""
    name = "extension-apiserver-authentication"
    rule = _rule(_READ, "", "configmaps")
    rule.resource_names = [name]
    return [Role(metadata=_meta(f"{name}-reader", namespace="kube-system"), rules=[rule])]


# --- short forms ------------------------------------------------------------------------------------------------------


def _rule(verbs: str, groups: str, resources: str) -> PolicyRule:
    """Words in the order of the alphabet; a space before a group adds the core group to it."""
    named = sorted(groups.split(" "))
    return PolicyRule(verbs=sorted(verbs.split()), api_groups=named, resources=sorted(resources.split()))


def _paths(verbs: str, urls: str) -> PolicyRule:
    return PolicyRule(verbs=verbs.split(), non_resource_urls=sorted(urls.split()))


def _meta(name: str, labels: dict[str, str] | None = None, namespace: str = "") -> ObjectMeta:
    marked = {"kubernetes.io/bootstrapping": "rbac-defaults", **(labels or {})}
    return ObjectMeta(name=name, namespace=namespace, labels=marked, annotations={AUTOUPDATE: "true"})


def _label(into: str) -> dict[str, str]:
    return {f"{GROUP}/aggregate-to-{into}": "true"} if into else {}


def _cluster_role(name: str, *rules: PolicyRule, into: str = "") -> ClusterRole:
    return ClusterRole(metadata=_meta(name, _label(into)), rules=list(rules))


def _gathering(name: str, into: str = "") -> ClusterRole:
    selector = LabelSelector(match_labels=_label(name))
    rule = AggregationRule(cluster_role_selectors=[selector])
    return ClusterRole(metadata=_meta(name, _label(into)), aggregation_rule=rule)


def _group(name: str) -> Subject:
    return Subject(api_group=GROUP, kind=GROUP_KIND, name=name)


def _binding(role: str, *subjects: Subject) -> ClusterRoleBinding:
    ref = RoleRef(api_group=GROUP, kind="ClusterRole", name=role)
    return ClusterRoleBinding(metadata=_meta(role), role_ref=ref, subjects=list(subjects))
