"""What one object uses of what can be limited, and what scopes ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from petset.api.quantity import ZERO, Quantity, parse
from petset.api.resources import Resource
from petset.api.types import Event, EventsV1Event, Object, PersistentVolumeClaim, Pod, PodAffinityTerm, Service
from petset.kinds.persistentvolumeclaim import storage_class_name
from petset.kinds.podspec.qos import qos_class
from petset.kinds.podspec.totals import Amounts, add, parsed, total_limits, total_requests
from petset.kinds.resourcenames import HUGE_PAGES, REQUESTS, is_extended, is_native

ONE = Quantity(Fraction(1))
UNCOUNTED: frozenset[type[Object]] = frozenset({Event, EventsV1Event})
"""Kinds that no quota limits."""

_TERMINAL = frozenset({"Failed", "Succeeded"})
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_OF_PODS = frozenset(
    {"pods", "count/pods", *_COMPUTE, *(f"{kind}.{name}" for kind in ("requests", "limits") for name in _COMPUTE)}
)
_OF_CLAIMS = frozenset({"persistentvolumeclaims", "count/persistentvolumeclaims", "requests.storage"})
_OF_SERVICES = frozenset({"services", "count/services", "services.nodeports", "services.loadbalancers"})
_BY_CLASS = ".storageclass.storage.k8s.io/"
_ALIASES = frozenset({"configmaps", "resourcequotas", "secrets"})
"""Core kinds that may be counted by their bare name too."""
_DEVICE_CLASSES = f"{REQUESTS}deviceclass.resource.kubernetes.io/"


@dataclass(frozen=True, slots=True)
class Charge:
    """What one object counts for.

    `amounts` are by the names quotas use; `scopes` those that hold; `names` what scopes with values compare.
    """

    type: type[Object]
    amounts: tuple[tuple[str, Quantity], ...]
    scopes: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()


def charge_of(resource: Resource[Any], obj: Any) -> Charge:
    """What an object counts for."""
    if isinstance(obj, Pod):
        return _shared(Charge(Pod, tuple(_pod_amounts(obj).items()), *_pod_scopes(obj)))
    if isinstance(obj, PersistentVolumeClaim):
        classes = _attributes_classes(obj)
        scopes = frozenset({"VolumeAttributesClass"}) if classes else frozenset()
        return _shared(Charge(PersistentVolumeClaim, tuple(_claim_amounts(obj).items()), scopes, classes))
    if isinstance(obj, Service):
        return _shared(Charge(Service, tuple(_service_amounts(obj).items())))
    return _shared(Charge(resource.type, tuple((name, ONE) for name in _count_names(resource))))


@lru_cache(maxsize=4096)
def concerns(resource: Resource[Any], name: str) -> bool:
    """Whether objects of a resource can count for what a quota calls `name`."""
    if resource.type is Pod:
        return name in _OF_PODS or name.startswith((HUGE_PAGES, f"{REQUESTS}{HUGE_PAGES}")) or _is_extended(name)
    if resource.type is PersistentVolumeClaim:
        own, _, of_class = name.partition(_BY_CLASS)
        return name in _OF_CLAIMS or (bool(own) and of_class in ("persistentvolumeclaims", "requests.storage"))
    if resource.type is Service:
        return name in _OF_SERVICES
    return name in _count_names(resource)


@lru_cache(maxsize=1024)
def _shared(charge: Charge) -> Charge:
    """Objects of one making count alike: one value for all of them."""
    return charge


def _count_names(resource: Resource[Any]) -> tuple[str, ...]:
    if resource.type in UNCOUNTED or not resource.namespaced:
        return ()
    counted = f"count/{resource.plural}"
    if resource.group:
        return (f"{counted}.{resource.group}",)
    return (counted, resource.plural) if resource.plural in _ALIASES else (counted,)


def _is_extended(name: str) -> bool:
    return name.startswith(REQUESTS) and (not is_native(name) or name.startswith(_DEVICE_CLASSES))


# --- pods -------------------------------------------------------------------------------------------------------------


def _pod_amounts(pod: Pod) -> Amounts:
    """One pod; and what it asks for, until it has ended."""
    amounts: Amounts = {"count/pods": ONE}
    if pod.status.phase in _TERMINAL:
        return amounts
    spec = pod.spec
    requests, limits = total_requests(spec), total_limits(spec)
    overhead = parsed(spec.overhead)
    add(requests, overhead)
    add(limits, {name: amount for name, amount in overhead.items() if limits.get(name)})
    return amounts | _compute_amounts(requests, limits)


def _compute_amounts(requests: Mapping[str, Quantity], limits: Mapping[str, Quantity]) -> Amounts:
    """Requests and limits, of a pod or of a container, by the names quotas use."""
    amounts: Amounts = {"pods": ONE}
    for name in _COMPUTE:
        if name in requests:
            amounts[name] = amounts[f"requests.{name}"] = requests[name]
        if name in limits:
            amounts[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith(HUGE_PAGES):
            amounts[name] = amounts[f"{REQUESTS}{name}"] = amount
        elif is_extended(name):
            amounts[f"{REQUESTS}{name}"] = amount
    return amounts


def _pod_scopes(pod: Pod) -> tuple[frozenset[str], tuple[str, ...]]:
    spec = pod.spec
    deadline = spec.active_deadline_seconds
    scopes = {
        "NotTerminating" if deadline is None or deadline < 0 else "Terminating",
        "BestEffort" if qos_class(spec) == "BestEffort" else "NotBestEffort",
    }
    if _reaches_other_namespaces(pod):
        scopes.add("CrossNamespacePodAffinity")
    if not spec.priority_class_name:
        return frozenset(scopes), ()
    return frozenset({*scopes, "PriorityClass"}), (spec.priority_class_name,)


def _reaches_other_namespaces(pod: Pod) -> bool:
    affinity = pod.spec.affinity
    if affinity is None:
        return False
    terms: list[PodAffinityTerm] = []
    for rules in (affinity.pod_affinity, affinity.pod_anti_affinity):
        if rules is not None:
            terms += rules.required_during_scheduling_ignored_during_execution
            preferred = rules.preferred_during_scheduling_ignored_during_execution
            terms += [weighted.pod_affinity_term for weighted in preferred]
    return any(term.namespaces or term.namespace_selector is not None for term in terms)


# --- claims and Services ----------------------------------------------------------------------------------------------


def _claim_amounts(claim: PersistentVolumeClaim) -> Amounts:
    amounts = {"persistentvolumeclaims": ONE, "count/persistentvolumeclaims": ONE}
    requested = claim.spec.resources.requests.get("storage")
    if requested is not None:
        storage = max(_whole(requested), _whole(claim.status.allocated_resources.get("storage", "0")))
        amounts["requests.storage"] = storage
    class_ = storage_class_name(claim)
    if class_:
        of_class = {f"{class_}{_BY_CLASS}{name}": amount for name, amount in amounts.items() if "count/" not in name}
        amounts |= of_class
    return amounts


def _whole(text: str) -> Quantity:
    """Storage is counted in whole bytes."""
    amount = parse(text)
    return amount if amount.amount.denominator == 1 else Quantity(Fraction(amount.value()), amount.format)


def _attributes_classes(claim: PersistentVolumeClaim) -> tuple[str, ...]:
    status = claim.status
    changing = status.modify_volume_status
    names = {
        claim.spec.volume_attributes_class_name,
        status.current_volume_attributes_class_name,
        changing.target_volume_attributes_class_name if changing is not None else None,
    }
    return tuple(sorted(name for name in names if name))


def _service_amounts(service: Service) -> Amounts:
    spec = service.spec
    balanced = spec.type == "LoadBalancer"
    ports = [port for port in spec.ports if spec.allocate_load_balancer_node_ports is not False or port.node_port]
    has_ports = balanced or spec.type == "NodePort"
    counted = ports if balanced else spec.ports
    return {
        "services": ONE,
        "count/services": ONE,
        "services.loadbalancers": ONE if balanced else ZERO,
        "services.nodeports": Quantity(Fraction(len(counted))) if has_ports else ZERO,
    }
