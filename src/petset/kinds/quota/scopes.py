"""Which quotas an object falls under: those all of whose scopes it is in."""

from collections.abc import Sequence

from petset.api.types import (
    Object,
    PersistentVolumeClaim,
    Pod,
    ResourceQuotaSpec,
    ScopedResourceSelectorRequirement,
)
from petset.kinds.quota.usage import Charge

_OF_PODS = frozenset(
    {"BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "PriorityClass", "CrossNamespacePodAffinity"}
)
_ANSWERED: dict[type[Object], frozenset[str]] = {
    Pod: _OF_PODS,
    PersistentVolumeClaim: frozenset({"VolumeAttributesClass"}),
}
"""The scopes that objects of a kind can be in; no other kind is in any."""


def terms_of(spec: ResourceQuotaSpec) -> tuple[ScopedResourceSelectorRequirement, ...]:
    """All scopes of a quota in one form."""
    plain = [ScopedResourceSelectorRequirement(scope_name=scope, operator="Exists") for scope in spec.scopes]
    selector = spec.scope_selector
    return tuple(plain) if selector is None else (*plain, *selector.match_expressions)


def is_in(charge: Charge, terms: Sequence[ScopedResourceSelectorRequirement]) -> bool:
    """Whether an object is in every scope."""
    return all(_is_in(charge, term) for term in terms)


def _is_in(charge: Charge, term: ScopedResourceSelectorRequirement) -> bool:
    if term.scope_name not in _ANSWERED.get(charge.type, ()):
        return False
    match term.operator:
        case "Exists":
            return term.scope_name in charge.scopes
        case "In":
            return any(name in term.values for name in charge.names)
        case "NotIn":
            return not charge.names or any(name not in term.values for name in charge.names)
        case _:
            return not charge.names
