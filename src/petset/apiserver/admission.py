"""Rules that need more than the object itself: other objects, defaults of the cluster, things to allocate.

Each step is a function of `Attributes`, in tables by type; the pipeline runs them without knowing any kind. A step
changes the object in place or raises. They stand for upstream's admission plugins of the same purpose.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import structs

from petset.aio.identity import name_suffix
from petset.api.errors import Forbidden, NotFound
from petset.api.quantity import Quantity, parse
from petset.api.resources import Resource
from petset.api.types import (
    ClusterRole,
    ClusterRoleBinding,
    Ingress,
    IngressClass,
    Namespace,
    Node,
    Object,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PriorityClass,
    ResourceQuota,
    Role,
    RoleBinding,
    Service,
    ServiceAccount,
    StorageClass,
    Taint,
    Toleration,
)
from petset.apiserver.authorization.authorizer import Authorizer
from petset.apiserver.authorization.escalation import check_binding, check_role
from petset.apiserver.limitranger import check_claim, check_pod, complete_pod
from petset.apiserver.priorities import check_default, give_priority, keep_priority
from petset.apiserver.registry import Registry
from petset.apiserver.request import Identity
from petset.kinds.ingress import CLASS_ANNOTATION
from petset.kinds.ingressclass import is_default
from petset.kinds.podspec import api_access

_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_ACCOUNT = "default"
_ACCOUNT_TRIES, _ACCOUNT_PAUSE = 10, 0.1
_LOST_NODES = tuple(
    Toleration(key=f"node.kubernetes.io/{state}", operator="Exists", effect="NoExecute", toleration_seconds=300)
    for state in ("not-ready", "unreachable")
)
_NOT_READY = Taint(key="node.kubernetes.io/not-ready", effect="NoSchedule")
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_MIRROR = "kubernetes.io/config.mirror"


class Attributes(msgspec.Struct, frozen=True):
    """What a step sees of a request. `obj` is the new state, or for a deletion the present one."""

    registry: Registry
    identity: Identity
    resource: Resource[Any]
    obj: Any
    authorizer: Authorizer


Step = Callable[[Attributes], None]


def waits_for_account(attributes: Attributes) -> bool:
    """Whether a pod comes so soon behind its namespace that this has not yet the account that it is given."""
    pod, registry = attributes.obj, attributes.registry
    if not isinstance(pod, Pod) or (pod.spec.service_account_name or pod.spec.service_account or _ACCOUNT) != _ACCOUNT:
        return False
    namespace = pod.metadata.namespace
    return not registry.has(ServiceAccount, namespace, _ACCOUNT) and registry.has(Namespace, "", namespace)


async def until_account(attributes: Attributes) -> None:
    """Waits for that account for a second. ServiceAccount: upstream's plugin tries as often."""
    for _ in range(_ACCOUNT_TRIES):
        await attributes.registry.clock.sleep(_ACCOUNT_PAUSE)
        if not waits_for_account(attributes):
            return


def admit_create(attributes: Attributes) -> None:
    """Runs what has to be done before a new object is validated."""
    if attributes.resource.namespaced:
        _need_namespace(attributes)
    for step in _CREATE.get(attributes.resource.type, ()):
        step(attributes)


def admit_update(attributes: Attributes) -> None:
    """Runs what has to be done before a changed object is validated."""
    for step in _UPDATE.get(attributes.resource.type, ()):
        step(attributes)


def check_create(attributes: Attributes) -> None:
    """Raises when a valid new object breaks a rule that others have set, such as a limit."""
    for step in _CHECK_CREATE.get(attributes.resource.type, ()):
        step(attributes)


def complete_create(attributes: Attributes) -> None:
    """Adds to a valid new object what the server vouches for itself, so that nobody has to look at it again."""
    for step in _COMPLETE_CREATE.get(attributes.resource.type, ()):
        step(attributes)


def check_update(attributes: Attributes) -> None:
    """The same for the new state of an object; subresources are not checked."""
    for step in _CHECK_UPDATE.get(attributes.resource.type, ()):
        step(attributes)


def admit_delete(attributes: Attributes) -> None:
    """Raises when the object may not be deleted at all."""
    for step in _DELETE.get(attributes.resource.type, ()):
        step(attributes)


def mark_deleted(obj: Object) -> None:
    """What an object shows, beyond its deletionTimestamp, while it is being deleted. What it had may be shared."""
    mark = _MARK_DELETED.get(type(obj))
    if mark:
        mark(obj)


def is_held(obj: Object) -> bool:
    """Whether finalizers, in the metadata or elsewhere, keep a deleted object from going away."""
    held = _HELD.get(type(obj))
    return bool(obj.metadata.finalizers) or (held is not None and held(obj))


def returns_deleted(obj: Object) -> bool:
    """Whether a deletion answers with the object, as upstream's storage of the kind does, rather than with a Status."""
    return type(obj) in _RETURNED


def refuse(attributes: Attributes, why: str) -> Forbidden:
    """The refusal of a step, in the words of upstream's plugins."""
    resource, meta = attributes.resource, attributes.obj.metadata
    return Forbidden.of(resource.group, resource.plural, meta.name or meta.generate_name, why)


def _need_namespace(attributes: Attributes) -> None:
    """NamespaceLifecycle: nothing new where there is no namespace, or one that goes away."""
    name = attributes.obj.metadata.namespace
    registry = attributes.registry
    record = registry.newest(registry.catalogue.of(Namespace), "", name)
    if record is None:
        raise NotFound.of("", "namespaces", name)
    if record.fields.get("status.phase") != "Terminating":
        return
    refusal = refuse(attributes, f"unable to create new content in namespace {name} because it is being terminated")
    message = f"namespace {name} is being terminated"
    cause = {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
    refusal.details["causes"] = [cause]
    raise refusal


def _spare_immortal_namespaces(attributes: Attributes) -> None:
    if attributes.obj.metadata.name in _IMMORTAL:
        raise refuse(attributes, "this namespace may not be deleted")


def _give_service_account(attributes: Attributes) -> None:
    """ServiceAccount: a pod without one gets `default`, and the account has to be there."""
    pod: Pod = attributes.obj
    if _MIRROR in pod.metadata.annotations:
        return
    spec = pod.spec
    spec.service_account_name = spec.service_account_name or spec.service_account or _ACCOUNT
    spec.service_account = spec.service_account_name
    namespace = pod.metadata.namespace
    account = attributes.registry.find(ServiceAccount, namespace, spec.service_account_name)
    if account is None:
        place = f"{namespace}/{spec.service_account_name}"
        missing = f'serviceaccount "{spec.service_account_name}" not found'
        raise refuse(attributes, f"error looking up service account {place}: {missing}")
    if not spec.image_pull_secrets:
        spec.image_pull_secrets = list(account.image_pull_secrets)


def _give_api_access(attributes: Attributes) -> None:
    """ServiceAccount: the account of a pod opens the API to it."""
    pod: Pod = attributes.obj
    spec = pod.spec
    if _MIRROR in pod.metadata.annotations:
        return
    account = attributes.registry.find(ServiceAccount, pod.metadata.namespace, spec.service_account_name or "")
    if account is not None and api_access.wants_access(spec, account):
        api_access.add_access(spec, f"{api_access.VOLUME_PREFIX}{name_suffix()}")


def _tolerate_lost_nodes(attributes: Attributes) -> None:
    """DefaultTolerationSeconds: five minutes on a node that is not ready or not reachable."""
    tolerations = attributes.obj.spec.tolerations
    for added in _LOST_NODES:
        if not any(t.key in {added.key, None} and t.effect in {"NoExecute", None} for t in tolerations):
            tolerations.append(structs.replace(added))


def _know_no_runtime_class(attributes: Attributes) -> None:
    """RuntimeClass: nobody who asks for another runtime silently gets the usual one; there are no such classes here."""
    name = attributes.obj.spec.runtime_class_name
    if name:
        raise refuse(attributes, f'pod rejected: RuntimeClass "{name}" not found')


def _know_no_overhead(attributes: Attributes) -> None:
    """RuntimeClass: what a runtime takes is said by its class."""
    if attributes.obj.spec.overhead:
        raise refuse(attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")


def _protect(finalizer: str) -> Step:
    """StorageObjectInUseProtection: the object stays while something uses it."""

    def protect(attributes: Attributes) -> None:
        finalizers = attributes.obj.metadata.finalizers
        if finalizer not in finalizers:
            finalizers.append(finalizer)

    return protect


def _give_storage_class(attributes: Attributes) -> None:
    """DefaultStorageClass: a claim that names no class gets the default one; the youngest if there are several."""
    claim: PersistentVolumeClaim = attributes.obj
    legacy = "volume.beta.kubernetes.io/storage-class"
    if claim.spec.storage_class_name is not None or legacy in claim.metadata.annotations:
        return
    classes = [c for c in attributes.registry.all(StorageClass) if c.metadata.annotations.get(_DEFAULT_CLASS) == "true"]
    if classes:
        classes.sort(key=lambda c: c.metadata.name)
        newest = max(classes, key=lambda c: c.metadata.creation_timestamp or "")
        claim.spec.storage_class_name = newest.metadata.name


def _taint(attributes: Attributes) -> None:
    """TaintNodesByCondition: no pod comes to a new node before it is known to be well."""
    spec = attributes.obj.spec
    if not any((taint.key, taint.effect) == (_NOT_READY.key, _NOT_READY.effect) for taint in spec.taints):
        spec.taints = [*spec.taints, _NOT_READY]


def _give_ingress_class(attributes: Attributes) -> None:
    """DefaultIngressClass: an Ingress that names no class gets the default one; the youngest if there are several."""
    ingress: Ingress = attributes.obj
    if ingress.spec.ingress_class_name is not None or CLASS_ANNOTATION in ingress.metadata.annotations:
        return
    classes = [class_ for class_ in attributes.registry.all(IngressClass) if is_default(class_)]
    if classes:
        newest = max(classes, key=lambda c: c.metadata.creation_timestamp or "")
        ingress.spec.ingress_class_name = newest.metadata.name


def _note_phase(attributes: Attributes) -> None:
    """A volume tells since when it is in its phase; upstream's strategy of its status does that."""
    volume: PersistentVolume = attributes.obj
    old = attributes.registry.find(PersistentVolume, "", volume.metadata.name)
    since = volume.status.last_phase_transition_time
    if old is None or volume.status.phase == old.status.phase:
        return
    if since in {None, old.status.last_phase_transition_time}:
        volume.status = structs.replace(volume.status, last_phase_transition_time=attributes.registry.time())


def _let_grow_by_class(attributes: Attributes) -> None:
    """PersistentVolumeClaimResize: a claim may only grow when it is bound and its class allows that."""
    claim: PersistentVolumeClaim = attributes.obj
    old = attributes.registry.find(PersistentVolumeClaim, claim.metadata.namespace, claim.metadata.name)
    if old is None or _requested(claim) <= _requested(old):
        return
    if old.status.phase != "Bound":
        raise refuse(attributes, "only bound persistent volume claims can be expanded")
    class_ = attributes.registry.find(StorageClass, "", old.spec.storage_class_name or "")
    if class_ is None or not class_.allow_volume_expansion:
        text = "only dynamically provisioned pvc can be resized and "
        raise refuse(attributes, text + "the storageclass that provisions the pvc must support resize")


def _requested(claim: PersistentVolumeClaim) -> Quantity:
    return parse(str(claim.spec.resources.requests.get("storage", "0")))


def _grant_what_is_held(check: Callable[[Authorizer, Identity, Resource[Any], Any, Any], None]) -> Step:
    """Upstream's policy-based storage of roles and bindings: nobody grants more than they have."""

    def grant(attributes: Attributes) -> None:
        resource, obj, meta = attributes.resource, attributes.obj, attributes.obj.metadata
        old = attributes.registry.find(resource.type, meta.namespace, meta.name)
        check(attributes.authorizer, attributes.identity, resource, obj, old)

    return grant


def _with_registry(rule: Callable[[Registry, Any], None]) -> Step:
    """A rule that is written in a module of its own, and needs the stored objects only."""
    return lambda attributes: rule(attributes.registry, attributes.obj)


_ROLE, _BINDING = _grant_what_is_held(check_role), _grant_what_is_held(check_binding)
_CREATE: dict[type[Object], tuple[Step, ...]] = {
    Pod: (
        _with_registry(complete_pod),
        _give_service_account,
        _tolerate_lost_nodes,
        _with_registry(give_priority),
        _know_no_runtime_class,
    ),
    PersistentVolumeClaim: (_give_storage_class, _protect("kubernetes.io/pvc-protection")),
    PersistentVolume: (_protect("kubernetes.io/pv-protection"),),
    Ingress: (_give_ingress_class,),
    Node: (_taint,),
    ClusterRole: (_ROLE,),
    Role: (_ROLE,),
    ClusterRoleBinding: (_BINDING,),
    RoleBinding: (_BINDING,),
}
_UPDATE: dict[type[Object], tuple[Step, ...]] = {
    Pod: (_with_registry(keep_priority), _tolerate_lost_nodes),
    PersistentVolume: (_note_phase,),
    PersistentVolumeClaim: (_let_grow_by_class,),
    ClusterRole: (_ROLE,),
    Role: (_ROLE,),
    ClusterRoleBinding: (_BINDING,),
    RoleBinding: (_BINDING,),
}
_CHECK_CREATE: dict[type[Object], tuple[Step, ...]] = {
    Pod: (_with_registry(check_pod), _know_no_overhead),
    PersistentVolumeClaim: (_with_registry(check_claim),),
    PriorityClass: (_with_registry(check_default),),
}
_COMPLETE_CREATE: dict[type[Object], tuple[Step, ...]] = {Pod: (_give_api_access,)}
_CHECK_UPDATE: dict[type[Object], tuple[Step, ...]] = {
    PersistentVolumeClaim: (_with_registry(check_claim),),
    PriorityClass: (_with_registry(check_default),),
}
_DELETE: dict[type[Object], tuple[Step, ...]] = {Namespace: (_spare_immortal_namespaces,)}


def _show_terminating(namespace: Any) -> None:
    namespace.status = structs.replace(namespace.status, phase="Terminating")


_MARK_DELETED: dict[type[Object], Callable[[Any], None]] = {Namespace: _show_terminating}
_HELD: dict[type[Object], Callable[[Any], bool]] = {Namespace: lambda namespace: bool(namespace.spec.finalizers)}
_RETURNED: frozenset[type[Object]] = frozenset(
    {Pod, PersistentVolume, PersistentVolumeClaim, ResourceQuota, Service, ServiceAccount, StorageClass}
)
