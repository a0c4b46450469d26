"""What roles and their bindings have in common, namespaced or cluster-wide (rbac.authorization.k8s.io)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, TypeVar

from petset.api.field import FieldError, invalid, not_supported, required
from petset.api.names import dns1123_subdomain_errors, path_segment_name_errors
from petset.api.resources import Strategy
from petset.api.table import Column
from petset.api.types import ClusterRoleBinding, Object, PolicyRule, RoleBinding, RoleRef, Subject
from petset.kinds.checks import format_errors, required_errors
from petset.kinds.columns import AGE, NAME

GROUP = "rbac.authorization.k8s.io"
SERVICE_ACCOUNT, USER, GROUP_KIND = "ServiceAccount", "User", "Group"

T = TypeVar("T", bound=Object)
B = TypeVar("B", RoleBinding, ClusterRoleBinding)


class PolicyStrategy(Strategy[T]):
    """May be written by PUT before it exists, under any name that can stand in a URL."""

    allow_create_on_update = True

    def name_errors(self, name: str) -> list[str]:
        """Between two slashes anything can stand but a slash."""
        return path_segment_name_errors(name)


# --- rules ------------------------------------------------------------------------------------------------------------


def rule_errors(path: str, rule: PolicyRule, *, namespaced: bool) -> Iterator[FieldError]:
    """A rule is about resources, or (cluster-wide only) about paths, and names at least one verb."""
    if not rule.verbs:
        yield required(f"{path}.verbs", "verbs must contain at least one value")
    if rule.non_resource_urls:
        yield from _path_errors(f"{path}.nonResourceURLs", rule, namespaced=namespaced)
        return
    if not rule.api_groups:
        yield required(f"{path}.apiGroups", "resource rules must supply at least one api group")
    if not rule.resources:
        yield required(f"{path}.resources", "resource rules must supply at least one resource")


def _path_errors(path: str, rule: PolicyRule, *, namespaced: bool) -> Iterator[FieldError]:
    if namespaced:
        yield invalid(path, rule.non_resource_urls, "namespaced rules cannot apply to non-resource URLs")
    if rule.api_groups or rule.resources or rule.resource_names:
        text = "rules cannot apply to both regular resources and non-resource URLs"
        yield invalid(path, rule.non_resource_urls, text)


# --- bindings ---------------------------------------------------------------------------------------------------------


class BindingStrategy(PolicyStrategy[B]):
    """What a binding of either scope keeps to; `role_kinds` are the roles that it can bind."""

    def __init__(self, *role_kinds: str, namespaced: bool) -> None:
        self._role_kinds = role_kinds
        self._namespaced = namespaced

    def default(self, obj: B) -> None:
        """Everything but ServiceAccounts is of the RBAC group unless it says otherwise."""
        obj.role_ref.api_group = obj.role_ref.api_group or GROUP
        for subject in obj.subjects:
            if subject.kind in {USER, GROUP_KIND}:
                subject.api_group = subject.api_group or GROUP

    def validate_create(self, obj: B) -> list[FieldError]:
        """A role that can be bound here, and subjects that there can be."""
        errors = list(_role_ref_errors("roleRef", obj.role_ref, self._role_kinds))
        for index, subject in enumerate(obj.subjects):
            errors += _subject_errors(f"subjects[{index}]", subject, namespaced=self._namespaced)
        return errors

    def validate_update(self, obj: B, old: B) -> list[FieldError]:
        """Who is bound may change; to what may not: that would grant without being asked whether one may."""
        errors = self.validate_create(obj)
        if obj.role_ref != old.role_ref:
            # upstream shows its internal type, whose fields have no JSON names
            shown = {"APIGroup": obj.role_ref.api_group or "", "Kind": obj.role_ref.kind, "Name": obj.role_ref.name}
            errors.append(invalid("roleRef", shown, "cannot change roleRef"))
        return errors


def _role_ref_errors(path: str, ref: RoleRef, kinds: tuple[str, ...]) -> Iterator[FieldError]:
    if ref.api_group != GROUP:
        yield not_supported(f"{path}.apiGroup", ref.api_group or "", [GROUP])
    if ref.kind not in kinds:
        yield not_supported(f"{path}.kind", ref.kind, kinds)
    yield from required_errors(f"{path}.name", ref.name, path_segment_name_errors)


def _subject_errors(path: str, subject: Subject, *, namespaced: bool) -> Iterator[FieldError]:
    if not subject.name:
        yield required(f"{path}.name")
    if subject.kind == SERVICE_ACCOUNT:
        if subject.name:
            yield from format_errors(f"{path}.name", subject.name, dns1123_subdomain_errors)
        if subject.api_group:
            yield not_supported(f"{path}.apiGroup", subject.api_group, [""])
        if not namespaced and not subject.namespace:
            yield required(f"{path}.namespace")
    elif subject.kind in {USER, GROUP_KIND}:
        if subject.api_group != GROUP:
            yield not_supported(f"{path}.apiGroup", subject.api_group or "", [GROUP])
    else:
        yield not_supported(f"{path}.kind", subject.kind, [SERVICE_ACCOUNT, USER, GROUP_KIND])


# --- columns ----------------------------------------------------------------------------------------------------------


def _created_at(obj: Any, _: datetime) -> str | None:
    created: str | None = obj.metadata.creation_timestamp
    return created


def _role(obj: Any, _: datetime) -> str:
    return f"{obj.role_ref.kind}/{obj.role_ref.name}"


def _names(kind: str) -> Column[Any]:
    def names(obj: Any, _: datetime) -> str:
        return ", ".join(subject.name for subject in obj.subjects if subject.kind == kind)

    return Column(f"{kind}s", names, priority=1)


def _service_accounts(obj: Any, _: datetime) -> str:
    accounts = (subject for subject in obj.subjects if subject.kind == SERVICE_ACCOUNT)
    return ", ".join(f"{account.namespace or ''}/{account.name}" for account in accounts)


ROLE_COLUMNS: tuple[Column[Any], ...] = (NAME, Column("Created At", _created_at, type="date"))
BINDING_COLUMNS: tuple[Column[Any], ...] = (
    NAME,
    Column("Role", _role),
    AGE,
    _names(USER),
    _names(GROUP_KIND),
    Column("ServiceAccounts", _service_accounts, priority=1),
)
