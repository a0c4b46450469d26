"""kubectl with budgets, limits, quotas, priorities, and the kinds that are stored only."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import kubectl_namespace
from tests.e2e.kubectl import Kubectl
from tests.e2e.manifests import Tree, container, pod, stateful_set
from tests.e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def manifest(api_version: str, kind: str, name: str = "web", **body: object) -> Tree:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, **body}


BACKEND = {"service": {"name": "web", "port": {"number": 80}}}
POLICY = manifest("networking.k8s.io/v1", "NetworkPolicy", spec={"podSelector": {"matchLabels": {"app": "web"}}})
INGRESS = manifest("networking.k8s.io/v1", "Ingress", spec={"defaultBackend": BACKEND})
INGRESS_CLASS = manifest("networking.k8s.io/v1", "IngressClass", spec={"controller": "example.com/web"})
AUTOSCALER = manifest(
    "autoscaling/v2",
    "HorizontalPodAutoscaler",
    spec={"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}},
)
BUDGET = manifest(
    "policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}
)
LIMITS = manifest("v1", "LimitRange", spec={"limits": [{"type": "Container", "max": {"cpu": "1"}}]})
QUOTA = manifest("v1", "ResourceQuota", spec={"hard": {"pods": "1", "limits.cpu": "2"}})
PRIORITY = manifest("scheduling.k8s.io/v1", "PriorityClass", value=1000)
STORED_ONLY = (POLICY, INGRESS, INGRESS_CLASS, AUTOSCALER)
CLUSTER_WIDE = (INGRESS_CLASS, PRIORITY)


@pytest.fixture(scope="module")
def stored(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a namespace with one object of each kind, and none of a pod."""
    with kubectl_namespace(server, tmp_path_factory) as kubectl:
        for tree in (*STORED_ONLY, BUDGET, LIMITS, QUOTA, PRIORITY):
            kubectl.apply(tree)
        yield kubectl
        for tree in CLUSTER_WIDE:
            kubectl.run("delete", tree["kind"], "web")


@pytest.mark.parametrize("tree", STORED_ONLY, ids=lambda tree: tree["kind"])
def test_what_nobody_enforces_says_so(kubectl: Kubectl, tree: Tree) -> None:
    named = {**tree, "metadata": {"name": f"{tree['kind'].lower()}-told"}}
    done = kubectl.run("apply", "--dry-run=server", "-o", "name", "-f", "-", stdin=json.dumps(named))
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"Warning: {tree['kind']} is stored but ")


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("netpol/web", "NAME POD-SELECTOR AGE", "web app=web"),
        ("ing/web", "NAME CLASS HOSTS ADDRESS PORTS AGE", "web <none> * 80"),
        ("ingressclass/web", "NAME CONTROLLER PARAMETERS AGE", "web example.com/web <none>"),
        (
            "hpa/web",
            "NAME REFERENCE TARGETS MINPODS MAXPODS REPLICAS AGE",
            "web StatefulSet/web cpu: <unknown>/80% 1 3 0",
        ),
        ("pdb/web", "NAME MIN AVAILABLE MAX UNAVAILABLE ALLOWED DISRUPTIONS AGE", "web N/A 0 0"),
        ("limits/web", "NAME CREATED AT", "web 20"),
        ("quota/web", "NAME REQUEST LIMIT AGE", "web pods: 0/1 limits.cpu: 0/2"),
        ("pc/web", "NAME VALUE GLOBAL-DEFAULT AGE PREEMPTIONPOLICY", "web 1000 false"),
    ],
)
def test_get_prints_a_table(stored: Kubectl, name: str, header: str, row: str) -> None:
    if name == "quota/web":
        stored("wait", "--for=jsonpath={.status.used.pods}=0", name, "--timeout=30s")
    lines = [" ".join(line.split()) for line in stored("get", name).splitlines()]
    assert lines[0] == header
    assert lines[1].startswith(row)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("netpol/web", "PodSelector: app=web"),
        ("ing/web", "Default backend: web:80 "),
        ("ingressclass/web", "Controller: example.com/web"),
        ("hpa/web", "Reference: StatefulSet/web"),
        ("pdb/web", "Max unavailable: 0"),
        ("limits/web", "Container cpu - 1 1 1 -"),
        ("quota/web", "Resource Used Hard"),
        ("pc/web", "Value: 1000"),
    ],
)
def test_describe_reads_naturally(stored: Kubectl, name: str, line: str) -> None:
    lines = [" ".join(line.split()) for line in stored("describe", name).splitlines()]
    assert any(found.startswith(line.strip()) for found in lines), lines


@pytest.mark.parametrize(
    "field",
    [
        "netpol.spec.podSelector",
        "ing.spec.rules.http.paths.backend",
        "ingressclass.spec.controller",
        "hpa.spec.metrics.resource",
        "pdb.spec.unhealthyPodEvictionPolicy",
        "limits.spec.limits.maxLimitRequestRatio",
        "quota.spec.scopeSelector",
        "pc.globalDefault",
    ],
)
def test_explain_knows_the_field(stored: Kubectl, field: str) -> None:
    assert f"FIELD: {field.rpartition('.')[2]} <" in stored("explain", field)


def test_commands_make_them(kubectl: Kubectl) -> None:
    kubectl.apply(stateful_set(0, pod("", container())))
    kubectl("autoscale", "statefulset", "web", "--max=3", "--cpu-percent=70")
    kubectl("create", "poddisruptionbudget", "web", "--selector=app=web", "--min-available=50%")
    kubectl("create", "quota", "web", "--hard=pods=2", "--scopes=BestEffort")
    kubectl("create", "ingress", "web", "--rule=a.example/path=web:80,tls=secret")
    lines = [" ".join(line.split()) for line in kubectl("get", "hpa,pdb,ing", "--no-headers").splitlines() if line]
    assert lines[0].startswith("horizontalpodautoscaler.autoscaling/web StatefulSet/web cpu: <unknown>/70% 1 3 0")
    assert lines[1].startswith("poddisruptionbudget.policy/web 50% N/A 0")
    assert lines[2].startswith("ingress.networking.k8s.io/web <none> a.example 80, 443")
    assert kubectl.json("get", "quota", "web")["spec"] == {"hard": {"pods": "2"}, "scopes": ["BestEffort"]}


def test_other_workloads_are_no_kind_here(stored: Kubectl) -> None:
    deployment = manifest("apps/v1", "Deployment")
    complaint = stored.fails("apply", "-f", "-", stdin=json.dumps(deployment))
    assert 'no matches for kind "Deployment" in version "apps/v1"' in complaint


def test_a_set_runs_against_its_quota_and_goes_on_with_a_larger_one(kubectl: Kubectl) -> None:
    kubectl.apply(manifest("v1", "ResourceQuota", spec={"hard": {"pods": "1"}}))
    kubectl.apply(stateful_set(2, pod("", container()), podManagementPolicy="Parallel"))
    with kubectl.following("get", "events", "--watch", "-o", "custom-columns=R:.reason,M:.message") as events:
        seen = events.until(lambda text: "limited: pods=1" in text)
    assert "exceeded quota: web, requested: pods=1, used: pods=1, limited: pods=1" in seen
    kubectl("patch", "quota", "web", "--type=merge", "-p", '{"spec":{"hard":{"pods":"2"}}}')
    kubectl("rollout", "status", "statefulset/web", "--timeout=90s")
    kubectl("wait", "--for=jsonpath={.status.used.pods}=2", "quota/web", "--timeout=30s")


def test_drain_waits_for_the_budget(kubectl: Kubectl) -> None:
    kubectl.apply(stateful_set(2, pod("", container()), podManagementPolicy="Parallel"))
    kubectl.apply(BUDGET)
    kubectl("rollout", "status", "statefulset/web", "--timeout=60s")
    kubectl("wait", "--for=jsonpath={.status.currentHealthy}=2", "pdb/web", "--timeout=30s")
    (node,) = [item["metadata"]["name"] for item in kubectl.json("get", "nodes")["items"]]
    drain = ("drain", node, "--pod-selector=app=web", "--delete-emptydir-data", "--force")
    try:
        complaint = kubectl.fails(*drain, "--timeout=3s")
        assert "Cannot evict pod as it would violate the pod's disruption budget." in complaint
        kubectl("patch", "pdb", "web", "--type=merge", "-p", '{"spec":{"maxUnavailable":"100%"}}')
        kubectl("wait", "--for=jsonpath={.status.disruptionsAllowed}=2", "pdb/web", "--timeout=30s")
        assert kubectl(*drain, "--timeout=60s").count(" evicted") == 2
        assert f"{node} Ready,SchedulingDisabled" in " ".join(kubectl("get", "nodes").split())
    finally:
        kubectl("uncordon", node)
    kubectl("rollout", "status", "statefulset/web", "--timeout=60s")
