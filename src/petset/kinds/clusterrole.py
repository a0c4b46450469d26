"""ClusterRole: what may be done everywhere, or wherever a RoleBinding names it; some gather the rules of others."""

from collections.abc import Iterator

from petset.api.field import FieldError, invalid, required
from petset.api.resources import Resource
from petset.api.types import AggregationRule, ClusterRole
from petset.kinds.checks import label_selector
from petset.kinds.rbac import GROUP, ROLE_COLUMNS, PolicyStrategy, rule_errors


class ClusterRoleStrategy(PolicyStrategy[ClusterRole]):
    """Rules about resources or about paths. Those of an aggregating role are written by its controller."""

    def default(self, obj: ClusterRole) -> None:
        """No rules are null, as upstream writes them."""
        obj.rules = obj.rules or None

    def validate_create(self, obj: ClusterRole) -> list[FieldError]:
        """Rules that can apply to something, and selectors that can select."""
        rules = enumerate(obj.rules or ())
        errors = [error for i, rule in rules for error in rule_errors(f"rules[{i}]", rule, namespaced=False)]
        return errors + list(_aggregation_errors(obj.aggregation_rule))

    def validate_update(self, obj: ClusterRole, old: ClusterRole) -> list[FieldError]:
        """As on creation."""
        return self.validate_create(obj)


def _aggregation_errors(rule: AggregationRule | None) -> Iterator[FieldError]:
    if rule is None:
        return
    path = "aggregationRule.clusterRoleSelectors"
    if not rule.cluster_role_selectors:
        yield required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
    for index, selector in enumerate(rule.cluster_role_selectors):
        errors = list(label_selector(f"{path}[{index}]", selector))
        yield from errors
        if errors:
            yield invalid(f"{path}[{index}]", None, "invalid label selector.")


RESOURCE = Resource(
    group=GROUP,
    version="v1",
    kind="ClusterRole",
    plural="clusterroles",
    type=ClusterRole,
    namespaced=False,
    strategy=ClusterRoleStrategy(),
    columns=ROLE_COLUMNS,
)
