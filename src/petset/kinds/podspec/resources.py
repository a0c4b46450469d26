"""Validation of the requests and limits of containers, and of pods as a whole."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress

from petset.api.field import FieldError, duplicate, forbidden, invalid, not_found, not_supported, required
from petset.api.names import dns1123_label_errors
from petset.api.quantity import QuantityError, parse
from petset.api.types import ContainerResizePolicy, PodSpec, ResourceClaim, ResourceRequirements
from petset.kinds.checks import one_of, optional_errors
from petset.kinds.podspec.totals import container_limits, container_requests, is_for_pods
from petset.kinds.quantities import quantity_errors
from petset.kinds.resourcenames import (
    HUGE_PAGES,
    can_be_overcommitted,
    container_resource_errors,
    is_extended,
    resource_name_errors,
)

_OF_PODS = ("cpu", HUGE_PAGES, "memory")
_RESIZABLE = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")
_NameErrors = Callable[[str, str], Iterator[FieldError]]


def resource_errors(path: str, resources: ResourceRequirements, claims: Collection[str]) -> Iterator[FieldError]:
    """Everything wrong with what a container asks for, in a pod that has these claims."""
    yield from _requirements_errors(path, resources, container_resource_errors)
    yield from _claims_errors(f"{path}.claims", resources.claims, claims)


def pod_resource_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """Everything wrong with what a pod asks for as a whole; it is no less than its containers ask for."""
    resources = spec.resources
    if resources is None:
        return
    if spec.os is not None and spec.os.name == "windows":
        yield forbidden(path, "may not be set for a windows pod")
        return
    if resources.claims:
        yield forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level")
    yield from _requirements_errors(path, resources, _pod_name_errors)
    yield from _claims_errors(f"{path}.claims", resources.claims, {claim.name for claim in spec.resource_claims})
    with suppress(QuantityError):  # which was told above
        yield from _consistency_errors(path, spec, resources)


def _requirements_errors(path: str, resources: ResourceRequirements, name_errors: _NameErrors) -> Iterator[FieldError]:
    """Everything wrong with requests and limits, and with the one compared to the other."""
    yield from _amounts_errors(f"{path}.limits", resources.limits, name_errors)
    for name, request in resources.requests.items():
        yield from _amounts_errors(f"{path}.requests", {name: request}, name_errors)
        yield from _within_limit(f"{path}.requests", name, request, resources.limits.get(name))
        if name not in resources.limits and not can_be_overcommitted(name):
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")
    named = {*resources.limits, *resources.requests}
    if any(name.startswith(HUGE_PAGES) for name in named) and not named & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")


def _claims_errors(path: str, claims: Sequence[ResourceClaim], known: Collection[str]) -> Iterator[FieldError]:
    """Each request of a claim is named once, and a claim that is named as a whole not again by its parts."""
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        where, key = f"{path}[{index}]", f"{claim.name}/{claim.request}" if claim.request else claim.name
        if not claim.name:
            yield required(where)
            continue
        if claim.name in seen:
            yield duplicate(where, claim.name)
        else:
            yield from optional_errors(f"{where}.request", claim.request, dns1123_label_errors)
            if key in seen or (not claim.request and any(name.startswith(f"{claim.name}/") for name in seen)):
                yield duplicate(where, key)
            seen.add(key)
        if claim.name not in known:
            listed = f": {', '.join(sorted(known))}" if known else " which is empty"
            yield not_found(where, claim.name, f"must be one of the names in pod.spec.resourceClaims{listed}")


def _consistency_errors(path: str, spec: PodSpec, whole: ResourceRequirements) -> Iterator[FieldError]:
    for name, amount in container_requests(spec).items():
        given = whole.requests.get(name)
        if given is not None and amount > parse(given):
            rule = f"must be greater than or equal to aggregate container requests of {amount}"
            yield invalid(f"{path}.requests[{name}]", given, rule)
    for name, amount in container_limits(spec).items():
        given = whole.limits.get(name)
        if given is not None and name.startswith(HUGE_PAGES) and amount > parse(given):
            rule = f"must be greater than or equal to aggregate container limits of {amount}"
            yield invalid(f"{path}.limits[{name}]", given, rule)
    for index, container in enumerate(spec.containers):
        for name, limit in container.resources.limits.items():
            given = whole.limits.get(name)
            if given is not None and parse(limit) > parse(given):
                rule = f"must be less than or equal to pod limits of {given}"
                yield invalid(f"{path}.containers[{index}][{name}].limits", limit, rule)


def resize_errors(
    path: str, policies: Sequence[ContainerResizePolicy], restart_policy: str | None
) -> Iterator[FieldError]:
    """Everything wrong with what a change of resources may do to a container of a pod with this restartPolicy."""
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        if policy.resource_name in seen:
            yield duplicate(f"{path}[{index}]", policy.resource_name)
        seen.add(policy.resource_name)
        yield from one_of(path, policy.resource_name, _RESIZABLE)
        yield from one_of(path, policy.restart_policy, _RESIZE_POLICIES)
        if restart_policy == "Never" and policy.restart_policy != "NotRequired":
            yield invalid(path, policy.restart_policy, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")


def overhead_errors(path: str, overhead: Mapping[str, str]) -> Iterator[FieldError]:
    """What a pod takes beyond its containers has the form of a limit."""
    yield from _amounts_errors(f"{path}.limits", overhead, container_resource_errors)


def _amounts_errors(path: str, amounts: Mapping[str, str], name_errors: _NameErrors) -> Iterator[FieldError]:
    for name, text in amounts.items():
        where = f"{path}[{name}]"
        yield from name_errors(where, name)
        errors = quantity_errors(where, text)
        yield from errors
        if not errors and is_extended(name) and parse(text).amount.denominator != 1:
            yield invalid(where, text, "must be an integer")


def _pod_name_errors(path: str, name: str) -> Iterator[FieldError]:
    errors = [*resource_name_errors(path, name)]
    yield from errors
    if not errors and not is_for_pods(name):
        yield not_supported(path, name, _OF_PODS)


def _within_limit(path: str, name: str, request: str, limit: str | None) -> Iterator[FieldError]:
    if limit is None:
        return
    try:
        wanted, most = parse(request), parse(limit)
    except QuantityError:
        return
    if wanted > most:
        yield invalid(path, request, f"must be less than or equal to {name} limit of {limit}")
    elif wanted != most and not can_be_overcommitted(name):
        yield invalid(path, request, f"must be equal to {name} limit of {limit}")
