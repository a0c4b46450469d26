"""What one rule allows, and what rules cover."""

import pytest

from petset.api.types import PolicyRule
from petset.apiserver.authorization.attributes import Attributes, forbidden
from petset.apiserver.authorization.rules import allows, compacted, described, missing
from petset.apiserver.request import Identity
from tests.unit.apiserver.authorization.given import JANE, paths, rule

GET_POD = Attributes(JANE, "get", "", "pods", namespace="default", name="web-0")
GET_LOG = Attributes(JANE, "get", "", "pods", "log", "default", "web-0")
LIST_SETS = Attributes(JANE, "list", "apps", "statefulsets", namespace="default")


@pytest.mark.parametrize(
    ("given", "asked", "allowed"),
    [
        (rule("get", "pods"), GET_POD, True),
        (rule("list", "pods"), GET_POD, False),
        (rule("*", "*", "*"), GET_POD, True),
        (rule("get", "pods", "apps"), GET_POD, False),
        (rule("get", "pods", "apps,"), GET_POD, True),
        (rule("list", "statefulsets", "apps"), LIST_SETS, True),
        (rule("list", "statefulsets"), LIST_SETS, False),
        (rule("get", "pods"), GET_LOG, False),
        (rule("get", "pods/log"), GET_LOG, True),
        (rule("get", "pods/log"), GET_POD, False),
        (rule("get", "*/log"), GET_LOG, True),
        (rule("get", "*/log"), GET_POD, False),
        (rule("get", "*"), GET_LOG, True),
        (rule("get", "pods/*"), GET_LOG, False),
        (rule("get", "pods", names="web-0"), GET_POD, True),
        (rule("get", "pods", names="web-1"), GET_POD, False),
        (rule("list", "statefulsets", "apps", names="web"), LIST_SETS, False),
        (paths("*", "*"), GET_POD, False),
    ],
)
def test_a_rule_names_verbs_groups_resources_and_objects(given: PolicyRule, asked: Attributes, allowed: bool) -> None:
    assert allows(given, asked) is allowed


@pytest.mark.parametrize(
    ("given", "path", "allowed"),
    [
        (paths("get", "/metrics"), "/metrics", True),
        (paths("get", "/metrics"), "/metrics/slis", False),
        (paths("get", "/metrics/*"), "/metrics/slis", True),
        (paths("get", "/metrics/*"), "/metrics", False),
        (paths("get", "/met*"), "/metrics", True),
        (paths("get", "*"), "/metrics", True),
        (paths("post", "*"), "/metrics", False),
        (rule("*", "*", "*"), "/metrics", False),
    ],
)
def test_a_rule_names_paths_or_how_they_begin(given: PolicyRule, path: str, allowed: bool) -> None:
    assert allows(given, Attributes(JANE, "get", path=path)) is allowed


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        ([rule("*", "*", "*")], [rule("get list", "pods secrets", ",apps")], []),
        ([rule("get list", "pods")], [rule("get", "pods")], []),
        ([rule("get", "pods"), rule("list", "pods")], [rule("get list", "pods")], []),
        ([rule("get", "pods")], [rule("get list", "pods")], [rule("list", "pods")]),
        ([rule("get", "pods", names="a b")], [rule("get", "pods", names="a")], []),
        ([rule("get", "pods", names="a")], [rule("get", "pods")], [rule("get", "pods")]),
        ([rule("get", "*/status")], [rule("get", "pods/status")], []),
        ([rule("get", "pods")], [rule("get", "pods/status")], [rule("get", "pods/status")]),
        ([rule("get", "*")], [rule("get", "pods/status")], []),
        ([paths("get", "/metrics/*")], [paths("get", "/metrics/a /metrics/*")], []),
        ([paths("get", "/metrics")], [paths("get", "/metrics/a")], [paths("get", "/metrics/a")]),
        ([rule("*", "*", "*")], [paths("get", "/metrics")], [paths("get", "/metrics")]),
    ],
)
def test_rules_cover_what_one_of_them_covers(
    held: list[PolicyRule], wanted: list[PolicyRule], lacking: list[PolicyRule]
) -> None:
    assert missing(held, wanted) == lacking


def test_what_is_lacking_is_told_by_resource() -> None:
    lacking = missing([], [rule("get list", "pods secrets", names="a"), rule("watch", "pods"), paths("get", "/a")])
    assert [described(part) for part in compacted(lacking)] == [
        '{NonResourceURLs:["/a"], Verbs:["get"]}',
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get" "list"]}',
        '{APIGroups:[""], Resources:["pods"], Verbs:["watch"]}',
    ]


@pytest.mark.parametrize(
    ("asked", "reason", "message", "details"),
    [
        (
            GET_POD,
            "",
            (
                'pods "web-0" is forbidden: User "jane" cannot get resource "pods" in API group "" '
                'in the namespace "default"'
            ),
            {"name": "web-0", "kind": "pods"},
        ),
        (
            Attributes(JANE, "list", "apps", "statefulsets", "scale"),
            "RBAC: x not found",
            (
                'statefulsets.apps is forbidden: User "jane" cannot list resource "statefulsets/scale" '
                'in API group "apps" at the cluster scope: RBAC: x not found'
            ),
            {"group": "apps", "kind": "statefulsets"},
        ),
        (
            Attributes(Identity('<b>&"x"'), "get", path="/metrics"),
            "",
            'forbidden: User "&lt;b&gt;&amp;\\"x\\"" cannot get path "/metrics"',
            {},
        ),
    ],
)
def test_a_refusal_says_who_cannot_do_what(
    asked: Attributes, reason: str, message: str, details: dict[str, str]
) -> None:
    status = forbidden(asked, reason).status()
    assert (status["message"], status["details"]) == (message, details)
