"""What an aggregating ClusterRole is to hold. Follows upstream's `clusterroleaggregation` controller."""

from collections.abc import Iterable
from typing import Any

import msgspec

from petset.api.selectors import selector_of
from petset.api.types import ClusterRole, PolicyRule


def gathered(role: ClusterRole, roles: Iterable[ClusterRole]) -> list[PolicyRule]:
    """The rules of all other roles that it selects, selector by selector, in the order of their names; each once."""
    found: list[PolicyRule] = []
    if role.aggregation_rule is None:
        return found
    by_name = sorted(roles, key=lambda other: other.metadata.name)
    for spec in role.aggregation_rule.cluster_role_selectors:
        selector = selector_of(spec)
        for other in by_name:
            if other.metadata.name != role.metadata.name and selector.matches(other.metadata.labels):
                found += [rule for rule in other.rules or () if rule not in found]
    return found


def change(role: ClusterRole, roles: Iterable[ClusterRole]) -> dict[str, Any] | None:
    """What to apply to the role; None when it holds what it is to hold, or gathers nothing at all.

    The uid is in it, so that a role that has just gone does not come back.
    """
    if role.aggregation_rule is None:
        return None
    rules = gathered(role, roles)
    if rules == (role.rules or []):
        return None
    document = {
        "apiVersion": role.api_version,
        "kind": role.kind,
        "metadata": {"name": role.metadata.name, "uid": role.metadata.uid},
    }
    return {**document, "rules": msgspec.to_builtins(rules)} if rules else document
