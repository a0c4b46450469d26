"""ResourceQuota: how much all objects of a namespace may use together."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from petset.api.field import FieldError, invalid, required
from petset.api.quantity import parse
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import (
    ResourceQuota,
    ResourceQuotaSpec,
    ResourceQuotaStatus,
    ScopedResourceSelectorRequirement,
)
from petset.kinds.checks import IMMUTABLE
from petset.kinds.columns import AGE, NAME
from petset.kinds.quantities import canonicalize
from petset.kinds.resourcenames import is_standard_for_quota, quota_amount_errors, quota_resource_errors

_COMPUTE = frozenset(
    {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory", "pods"},
)
_SCOPES = {
    "Terminating": _COMPUTE,
    "NotTerminating": _COMPUTE,
    "BestEffort": frozenset({"pods"}),
    "NotBestEffort": _COMPUTE,
    "PriorityClass": _COMPUTE,
    "CrossNamespacePodAffinity": _COMPUTE,
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}
"""The scopes, and what a quota with one of them can limit."""
_PRESENCE_ONLY = frozenset(_SCOPES) - {"PriorityClass", "VolumeAttributesClass"}
_CONFLICTS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))


class ResourceQuotaStrategy(Strategy[ResourceQuota]):
    """Limits may change, scopes may not."""

    def default(self, obj: ResourceQuota) -> None:
        """Amounts are stored in their canonical form."""
        for amounts in (obj.spec.hard, obj.status.hard, obj.status.used):
            canonicalize(amounts)

    def prepare_create(self, obj: ResourceQuota) -> None:
        """Nothing is counted yet."""
        obj.status = ResourceQuotaStatus()

    def validate_create(self, obj: ResourceQuota) -> list[FieldError]:
        """Resources that can be limited, and scopes that go with them."""
        return list(_spec_errors(obj.spec))

    def prepare_update(self, obj: ResourceQuota, old: ResourceQuota) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status

    def validate_update(self, obj: ResourceQuota, old: ResourceQuota) -> list[FieldError]:
        """The scopes stay."""
        errors = list(_spec_errors(obj.spec))
        if set(obj.spec.scopes) != set(old.spec.scopes):
            errors.append(invalid("spec.scopes", obj.spec.scopes, IMMUTABLE))
        return errors

    def warnings(self, obj: ResourceQuota) -> list[str]:
        """More to be requested than to be limited."""
        return list(_warnings(obj.spec.hard))


class ResourceQuotaStatusStrategy(Strategy[ResourceQuota]):
    """`/status`: only the status changes."""

    def default(self, obj: ResourceQuota) -> None:
        """As on the quota itself."""
        RESOURCE.strategy.default(obj)

    def prepare_update(self, obj: ResourceQuota, old: ResourceQuota) -> None:
        """Keeps the spec."""
        obj.spec = old.spec

    def validate_update(self, obj: ResourceQuota, old: ResourceQuota) -> list[FieldError]:
        """Resources that can be limited."""
        return [*_amounts_errors("status.hard", obj.status.hard), *_amounts_errors("status.used", obj.status.used)]


def _spec_errors(spec: ResourceQuotaSpec) -> Iterator[FieldError]:
    yield from _amounts_errors("spec.hard", spec.hard)
    path = "spec.scopes"
    for scope in spec.scopes:
        if scope not in _SCOPES:
            yield invalid(path, spec.scopes, "unsupported scope")
        for _ in _unlimited_by(scope, spec):
            yield invalid(path, spec.scopes, "unsupported scope applied to resource")
    yield from _conflict_errors(path, set(spec.scopes), spec)
    if spec.scope_selector is None:
        return
    place = "spec.scopeSelector.matchExpressions"
    for term in spec.scope_selector.match_expressions:
        yield from _term_errors(place, term, spec)
    yield from _conflict_errors(place, {term.scope_name for term in spec.scope_selector.match_expressions}, spec)


def _amounts_errors(path: str, amounts: dict[str, str]) -> Iterator[FieldError]:
    for name, amount in amounts.items():
        yield from quota_resource_errors(f"{path}[{name}]", name)
        yield from quota_amount_errors(f"{path}[{name}]", name, amount)


def _unlimited_by(scope: str, spec: ResourceQuotaSpec) -> list[str]:
    """The resources of a quota that a scope has no say in."""
    allowed = _SCOPES.get(scope)
    if allowed is None:
        return []
    return [name for name in sorted(spec.hard) if is_standard_for_quota(name) and name not in allowed]


def _conflict_errors(path: str, scopes: set[str], spec: ResourceQuotaSpec) -> Iterator[FieldError]:
    for pair in _CONFLICTS:
        if scopes.issuperset(pair):
            yield invalid(path, spec.scopes or None, "conflicting scopes")


def _term_errors(path: str, term: ScopedResourceSelectorRequirement, spec: ResourceQuotaSpec) -> Iterator[FieldError]:
    if term.scope_name not in _SCOPES:
        yield invalid(f"{path}.scopeName", term.scope_name, "unsupported scope")
    for _ in _unlimited_by(term.scope_name, spec):
        yield invalid(path, _internal(spec), "unsupported scope applied to resource")
    if term.scope_name in _PRESENCE_ONLY and term.operator != "Exists":
        text = "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
        text += "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort "
        yield invalid(f"{path}.operator", term.operator, f"{text}or ResourceQuotaScopeCrossNamespacePodAffinity")
    if term.operator in ("In", "NotIn"):
        if not term.values:
            text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            yield required(f"{path}.values", text)
    elif term.operator in ("Exists", "DoesNotExist"):
        if term.values:
            text = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
            yield invalid(f"{path}.values", term.values, text)
    else:
        yield invalid(f"{path}.operator", term.operator, "not a valid selector operator")


def _internal(spec: ResourceQuotaSpec) -> dict[str, Any]:
    """The scope selector as upstream shows it: its internal form has no JSON names."""
    terms = spec.scope_selector.match_expressions if spec.scope_selector is not None else []
    shown = [{"ScopeName": t.scope_name, "Operator": t.operator, "Values": t.values or None} for t in terms]
    return {"MatchExpressions": shown}


def _warnings(hard: dict[str, str]) -> Iterator[str]:
    for name in ("cpu", "memory", "storage", "ephemeral-storage"):
        requests, limits = f"requests.{name}", f"limits.{name}"
        if requests not in hard and name in ("cpu", "memory"):
            requests = name
        if requests not in hard or limits not in hard:
            continue
        if parse(hard[requests]) > parse(hard[limits]):
            shown = f"{requests} ({hard[requests]}) should be less than {limits} ({hard[limits]})"
            yield f"ResourceQuota {shown}"


def _amounts(obj: ResourceQuota, *, limits: bool) -> str:
    status = obj.status
    names = [name for name in sorted(status.hard) if name.startswith("limits.") == limits]
    return ", ".join(f"{name}: {status.used.get(name, '0')}/{status.hard[name]}" for name in names)


def _requests(obj: ResourceQuota, _: datetime) -> str:
    return _amounts(obj, limits=False)


def _limits(obj: ResourceQuota, _: datetime) -> str:
    return _amounts(obj, limits=True)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="ResourceQuota",
    plural="resourcequotas",
    type=ResourceQuota,
    namespaced=True,
    strategy=ResourceQuotaStrategy(),
    status=ResourceQuotaStatusStrategy(),
    short_names=("quota",),
    columns=(NAME, Column("Request", _requests), Column("Limit", _limits), AGE),
)
