"""Validation of the requests and limits of containers."""

from collections.abc import Iterator, Mapping, Sequence

from petset.api.field import FieldError, duplicate, forbidden, invalid, required
from petset.api.names import qualified_name_errors
from petset.api.quantity import QuantityError, parse
from petset.api.types import ContainerResizePolicy, ResourceRequirements
from petset.kinds.checks import one_of
from petset.kinds.quantities import quantity_errors

_STANDARD = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"
_RESIZABLE = ("cpu", "memory")
_RESIZE_POLICIES = ("NotRequired", "RestartContainer")


def resource_errors(path: str, resources: ResourceRequirements) -> Iterator[FieldError]:
    """Everything wrong with requests and limits, and with the one compared to the other."""
    yield from _amounts_errors(f"{path}.limits", resources.limits)
    yield from _amounts_errors(f"{path}.requests", resources.requests)
    named = {*resources.limits, *resources.requests}
    if any(name.startswith(_HUGE_PAGES) for name in named) and not named & {"cpu", "memory"}:
        yield forbidden(path, "HugePages require cpu or memory")
    for name, request in resources.requests.items():
        yield from _within_limit(f"{path}.requests", name, request, resources.limits.get(name))
        if name not in resources.limits and not _can_be_overcommitted(name):
            yield required(f"{path}.limits", "Limit must be set for non overcommitable resources")


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
    yield from _amounts_errors(f"{path}.limits", overhead)


def _amounts_errors(path: str, amounts: Mapping[str, str]) -> Iterator[FieldError]:
    for name, text in amounts.items():
        where = f"{path}[{name}]"
        for message in qualified_name_errors(name):
            yield invalid(where, name, message)
        if "/" not in name and not _is_standard(name):
            yield invalid(where, name, "must be a standard resource type or fully qualified")
            yield invalid(where, name, "must be a standard resource for containers")
        errors = quantity_errors(where, text)
        yield from errors
        if not errors and not _is_standard(name) and parse(text).amount.denominator != 1:
            yield invalid(where, text, "must be an integer")


def _within_limit(path: str, name: str, request: str, limit: str | None) -> Iterator[FieldError]:
    if limit is None:
        return
    try:
        wanted, most = parse(request), parse(limit)
    except QuantityError:
        return
    if wanted > most:
        yield invalid(path, request, f"must be less than or equal to {name} limit of {limit}")
    elif wanted != most and not _can_be_overcommitted(name):
        yield invalid(path, request, f"must be equal to {name} limit of {limit}")


def _is_standard(name: str) -> bool:
    return name in _STANDARD or name.startswith(_HUGE_PAGES)


def _can_be_overcommitted(name: str) -> bool:
    return "/" not in name and not name.startswith(_HUGE_PAGES)
