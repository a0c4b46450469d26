"""Role: what may be done within one namespace, by those that a RoleBinding names."""

from petset.api.field import FieldError
from petset.api.resources import Resource
from petset.api.types import Role
from petset.kinds.rbac import GROUP, ROLE_COLUMNS, PolicyStrategy, rule_errors


class RoleStrategy(PolicyStrategy[Role]):
    """Rules about resources only: paths belong to no namespace."""

    def default(self, obj: Role) -> None:
        """No rules are null, as upstream writes them."""
        obj.rules = obj.rules or None

    def validate_create(self, obj: Role) -> list[FieldError]:
        """Rules that can apply to something."""
        rules = enumerate(obj.rules or ())
        return [error for i, rule in rules for error in rule_errors(f"rules[{i}]", rule, namespaced=True)]

    def validate_update(self, obj: Role, old: Role) -> list[FieldError]:
        """As on creation."""
        return self.validate_create(obj)


RESOURCE = Resource(
    group=GROUP,
    version="v1",
    kind="Role",
    plural="roles",
    type=Role,
    namespaced=True,
    strategy=RoleStrategy(),
    columns=ROLE_COLUMNS,
)
