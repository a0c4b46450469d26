"""Roles and bindings: defaults, what they may say, what may change, and the lines kubectl prints."""

from datetime import UTC, datetime
from typing import Any

import pytest

from petset.api.field import FieldError
from petset.api.types import ClusterRole, ClusterRoleBinding, Object, Role, RoleBinding
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, merged, update_errors

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
RBAC = "rbac.authorization.k8s.io"
JANE: Tree = {"kind": "User", "name": "jane"}
BINDING: Tree = {
    "metadata": {"name": "b", "namespace": "default", "creationTimestamp": "2026-11-23T05:00:00Z"},
    "roleRef": {"kind": "Role", "name": "reader"},
    "subjects": [JANE],
}
CLUSTER_BINDING: Tree = merged(BINDING, {"roleRef": {"kind": "ClusterRole"}})
READ: Tree = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


def texts(errors: list[FieldError]) -> list[str]:
    return [str(error) for error in errors]


def with_rule(rule: Tree) -> Tree:
    return {"metadata": {"name": "r"}, "rules": [rule]}


# --- defaults ---------------------------------------------------------------------------------------------------------


def test_what_a_binding_names_is_of_the_rbac_group_but_for_accounts() -> None:
    subjects = [JANE, {"kind": "Group", "name": "devs"}, {"kind": "ServiceAccount", "name": "default"}]
    binding = defaulted(RoleBinding, merged(BINDING, {"subjects": subjects}))
    assert binding.role_ref.api_group == RBAC
    assert [subject.api_group for subject in binding.subjects] == [RBAC, RBAC, None]


@pytest.mark.parametrize("rules", [[], None])
def test_no_rules_are_null(rules: Any) -> None:
    assert created(Role, {"metadata": {"name": "r"}, "rules": rules}).rules is None
    assert created(ClusterRole, {"metadata": {"name": "r"}, "rules": rules}).rules is None


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "errors"),
    [
        ("system:node", []),
        ("Jane@example.org", []),
        (".", ["may not be '.'"]),
        ("..", ["may not be '..'"]),
        ("a/b%c", ["may not contain '/'", "may not contain '%'"]),
    ],
)
@pytest.mark.parametrize("kind", [Role, ClusterRole, RoleBinding, ClusterRoleBinding])
def test_a_name_is_what_can_stand_in_a_url(kind: type[Object], name: str, errors: list[str]) -> None:
    assert CATALOGUE.of(kind).strategy.name_errors(name) == errors


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "errors"),
    [
        (READ, []),
        ({"nonResourceURLs": ["/metrics"], "verbs": ["get"]}, []),
        (READ | {"verbs": []}, ["rules[0].verbs: Required value: verbs must contain at least one value"]),
        (
            {"verbs": ["get"]},
            [
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                "rules[0].resources: Required value: resource rules must supply at least one resource",
            ],
        ),
        (
            READ | {"nonResourceURLs": ["/metrics"]},
            [
                (
                    'rules[0].nonResourceURLs: Invalid value: ["/metrics"]: '
                    "rules cannot apply to both regular resources and non-resource URLs"
                )
            ],
        ),
    ],
)
def test_a_rule_is_about_resources_or_paths(rule: Tree, errors: list[str]) -> None:
    assert texts(create_errors(ClusterRole, with_rule(rule))) == errors


def test_a_namespace_has_no_paths() -> None:
    errors = texts(create_errors(Role, with_rule({"nonResourceURLs": ["/metrics"], "verbs": ["get"]})))
    assert errors == [
        'rules[0].nonResourceURLs: Invalid value: ["/metrics"]: namespaced rules cannot apply to non-resource URLs'
    ]


@pytest.mark.parametrize(
    ("selectors", "errors"),
    [
        ([{"matchLabels": {"a": "b"}}], []),
        (
            [],
            [
                (
                    "aggregationRule.clusterRoleSelectors: Required value: "
                    "at least one clusterRoleSelector required if aggregationRule is non-nil"
                )
            ],
        ),
        (
            [{"matchExpressions": [{"key": "a", "operator": "Near"}]}],
            [
                (
                    "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: "
                    'Invalid value: "Near": not a valid selector operator'
                ),
                "aggregationRule.clusterRoleSelectors[0]: Invalid value: null: invalid label selector.",
            ],
        ),
    ],
)
def test_an_aggregation_rule_selects(selectors: list[Tree], errors: list[str]) -> None:
    tree = {"metadata": {"name": "r"}, "aggregationRule": {"clusterRoleSelectors": selectors}}
    assert texts(create_errors(ClusterRole, tree)) == errors


# --- bindings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "change", "errors"),
    [
        (RoleBinding, {}, []),
        (RoleBinding, {"roleRef": {"kind": "ClusterRole"}}, []),
        (ClusterRoleBinding, {"roleRef": {"kind": "ClusterRole"}}, []),
        (
            ClusterRoleBinding,
            {},
            ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
        ),
        (
            RoleBinding,
            {"roleRef": {"apiGroup": "v1", "kind": "User", "name": ""}},
            [
                f'roleRef.apiGroup: Unsupported value: "v1": supported values: "{RBAC}"',
                'roleRef.kind: Unsupported value: "User": supported values: "Role", "ClusterRole"',
                "roleRef.name: Required value",
            ],
        ),
        (RoleBinding, {"roleRef": {"name": "a/b"}}, ["roleRef.name: Invalid value: \"a/b\": may not contain '/'"]),
    ],
)
def test_a_binding_refers_to_a_role(kind: type[Object], change: Tree, errors: list[str]) -> None:
    assert texts(create_errors(kind, merged(BINDING, change))) == errors


@pytest.mark.parametrize(
    ("kind", "subject", "errors"),
    [
        (RoleBinding, {"kind": "User", "name": "a b:c"}, []),
        (RoleBinding, {"kind": "ServiceAccount", "name": "default"}, []),
        (ClusterRoleBinding, {"kind": "ServiceAccount", "name": "default", "namespace": "default"}, []),
        (
            ClusterRoleBinding,
            {"kind": "ServiceAccount", "name": "default"},
            ["subjects[0].namespace: Required value"],
        ),
        (RoleBinding, {"kind": "Group"}, ["subjects[0].name: Required value"]),
        (
            RoleBinding,
            {"kind": "User", "name": "jane", "apiGroup": "v1"},
            [f'subjects[0].apiGroup: Unsupported value: "v1": supported values: "{RBAC}"'],
        ),
        (
            RoleBinding,
            {"kind": "ServiceAccount", "name": "default", "apiGroup": RBAC},
            [f'subjects[0].apiGroup: Unsupported value: "{RBAC}": supported values: ""'],
        ),
        (
            RoleBinding,
            {"kind": "Role", "name": "x"},
            ['subjects[0].kind: Unsupported value: "Role": supported values: "ServiceAccount", "User", "Group"'],
        ),
    ],
)
def test_a_subject_is_a_user_a_group_or_an_account(kind: type[Object], subject: Tree, errors: list[str]) -> None:
    whole = BINDING if kind is RoleBinding else CLUSTER_BINDING
    assert texts(create_errors(kind, merged(whole, {"subjects": [subject]}))) == errors


def test_what_is_bound_cannot_change() -> None:
    errors = texts(update_errors(RoleBinding, BINDING, merged(BINDING, {"roleRef": {"name": "writer"}})))
    shown = f'{{"APIGroup":"{RBAC}","Kind":"Role","Name":"writer"}}'
    assert errors == [f"roleRef: Invalid value: {shown}: cannot change roleRef"]


def test_who_is_bound_can_change() -> None:
    assert update_errors(RoleBinding, BINDING, merged(BINDING, {"subjects": []})) == []


# --- columns ----------------------------------------------------------------------------------------------------------


def test_a_binding_shows_its_role_and_in_wide_output_its_subjects() -> None:
    subjects = [
        JANE,
        {"kind": "User", "name": "joe"},
        {"kind": "Group", "name": "devs"},
        {"kind": "ServiceAccount", "name": "web", "namespace": "prod"},
    ]
    binding = defaulted(RoleBinding, merged(BINDING, {"subjects": subjects}))
    cells = [(column.name, column.cell(binding, NOW)) for column in CATALOGUE.of(RoleBinding).columns]
    assert cells == [
        ("Name", "b"),
        ("Role", "Role/reader"),
        ("Age", "60m"),
        ("Users", "jane, joe"),
        ("Groups", "devs"),
        ("ServiceAccounts", "prod/web"),
    ]


def test_a_role_shows_when_it_was_made() -> None:
    role = defaulted(Role, {"metadata": {"name": "r", "creationTimestamp": "2026-11-23T05:00:00Z"}})
    cells = [(column.name, column.cell(role, NOW)) for column in CATALOGUE.of(Role).columns]
    assert cells == [("Name", "r"), ("Created At", "2026-11-23T05:00:00Z")]
