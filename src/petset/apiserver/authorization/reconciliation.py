"""The default roles and bindings are there at every start, with at least what they are to have.

Pure: what has to be written, given what is there. Follows component-helpers' `rbac/reconciliation`, which only adds:
rules and subjects that somebody gave to a default role or binding stay.
"""

from typing import TypeAlias, TypeVar

from petset.api.meta import copy, semantically_equal
from petset.api.types import AggregationRule, ClusterRole, ClusterRoleBinding, Object, Role
from petset.apiserver.authorization.defaults import AUTOUPDATE
from petset.apiserver.authorization.rules import missing

T = TypeVar("T", bound=Object)
AnyRole: TypeAlias = Role | ClusterRole


def reconciled_role(present: AnyRole, expected: AnyRole) -> AnyRole | None:
    """The role with what it lacks; None when it lacks nothing or says that it is not to be touched."""
    if _is_protected(present):
        return None
    role = _marked(present, expected)
    same = present.rules == expected.rules  # as a rule, and then there is nothing to take apart
    lacking = [] if same else missing(present.rules or [], expected.rules or [])
    if lacking:
        role.rules = [*(role.rules or []), *lacking]
    if isinstance(role, ClusterRole) and isinstance(expected, ClusterRole):
        role.aggregation_rule = _aggregation(role.aggregation_rule, expected.aggregation_rule)
    return None if role == present else role


def reconciled_binding(present: ClusterRoleBinding, expected: ClusterRoleBinding) -> ClusterRoleBinding | None:
    """The binding with the subjects it lacks; None as for a role. One of another role has to be made anew."""
    if _is_protected(present):
        return None
    binding = _marked(present, expected)
    binding.subjects = binding.subjects + [s for s in expected.subjects if s not in present.subjects]
    return None if binding == present else binding


def refers_elsewhere(present: ClusterRoleBinding, expected: ClusterRoleBinding) -> bool:
    """Whether a default binding binds another role than it should; what a binding refers to cannot be changed."""
    return not _is_protected(present) and present.role_ref != expected.role_ref


def _is_protected(obj: Object) -> bool:
    return obj.metadata.annotations.get(AUTOUPDATE) == "false"


def _marked(present: T, expected: T) -> T:
    """A copy with the labels and annotations that it lacks; what is there wins."""
    obj = copy(present)
    obj.metadata.labels = {**expected.metadata.labels, **obj.metadata.labels}
    obj.metadata.annotations = {**expected.metadata.annotations, **obj.metadata.annotations}
    return obj


def _aggregation(present: AggregationRule | None, expected: AggregationRule | None) -> AggregationRule | None:
    if present is None or expected is None:
        return expected
    selectors = present.cluster_role_selectors
    lacking = [e for e in expected.cluster_role_selectors if not any(semantically_equal(e, p) for p in selectors)]
    return AggregationRule(cluster_role_selectors=[*selectors, *lacking])
