"""What a pod asks for as a whole: containers and sidecars together, or its largest init container if that is more.

Follows `PodRequests` and `PodLimits` of component-helpers, by the spec alone.
"""

from collections.abc import Callable, Mapping

from petset.api.quantity import Quantity, parse
from petset.api.types import PodSpec, ResourceRequirements
from petset.kinds.resourcenames import HUGE_PAGES

Amounts = dict[str, Quantity]
_Part = Callable[[ResourceRequirements], Mapping[str, str]]


def total_requests(spec: PodSpec) -> Amounts:
    """The requests of the whole pod, without its overhead."""
    return _total(spec, lambda resources: resources.requests)


def total_limits(spec: PodSpec) -> Amounts:
    """The limits of the whole pod, without its overhead."""
    return _total(spec, lambda resources: resources.limits)


def container_requests(spec: PodSpec) -> Amounts:
    """What the containers request together, whatever the pod says as a whole."""
    return _of_containers(spec, lambda resources: resources.requests)


def container_limits(spec: PodSpec) -> Amounts:
    """The limits of the containers together, whatever the pod says as a whole."""
    return _of_containers(spec, lambda resources: resources.limits)


def is_for_pods(name: str) -> bool:
    """Whether a pod as a whole may ask for the resource."""
    return name in ("cpu", "memory") or name.startswith(HUGE_PAGES)


def add(amounts: Amounts, more: Mapping[str, Quantity]) -> None:
    """Adds resource by resource, in place."""
    for name, amount in more.items():
        amounts[name] = amounts[name] + amount if name in amounts else amount


def parsed(amounts: Mapping[str, str]) -> Amounts:
    """The amounts of a resource list; it must be valid."""
    return {name: parse(text) for name, text in amounts.items()}


def _total(spec: PodSpec, of: _Part) -> Amounts:
    whole = _of_containers(spec, of)
    if spec.resources is not None:
        whole |= {name: amount for name, amount in parsed(of(spec.resources)).items() if is_for_pods(name)}
    return whole


def _of_containers(spec: PodSpec, of: _Part) -> Amounts:
    whole: Amounts = {}
    for container in spec.containers:
        add(whole, parsed(of(container.resources)))
    sidecars: Amounts = {}
    for container in spec.init_containers:
        amounts = parsed(of(container.resources))
        if container.restart_policy == "Always":
            add(whole, amounts)
            add(sidecars, amounts)
            continue
        add(amounts, sidecars)
        _raise_to(whole, amounts)
    return whole


def _raise_to(amounts: Amounts, least: Mapping[str, Quantity]) -> None:
    for name, amount in least.items():
        if name not in amounts or amounts[name] < amount:
            amounts[name] = amount
