"""What an aggregating role is to hold."""

import pytest

from petset.api.types import AggregationRule, ClusterRole, LabelSelector, ObjectMeta, PolicyRule
from petset.controllers.aggregation.plan import change, gathered


def rule(verb: str) -> PolicyRule:
    return PolicyRule(verbs=[verb], api_groups=[""], resources=["pods"])


def role(name: str, *verbs: str, **labels: str) -> ClusterRole:
    meta = ObjectMeta(name=name, labels=labels, uid="u1")
    return ClusterRole(metadata=meta, rules=[rule(verb) for verb in verbs] or None)


def gathering(name: str, *selections: dict[str, str], holding: tuple[str, ...] = (), **labels: str) -> ClusterRole:
    found = role(name, *holding, **labels)
    selectors = [LabelSelector(match_labels=labels) for labels in selections]
    found.aggregation_rule = AggregationRule(cluster_role_selectors=selectors)
    return found


@pytest.mark.parametrize(
    ("role_", "others", "verbs"),
    [
        (gathering("all", {"to": "all"}), [role("b", "list", to="all"), role("a", "get", to="all")], ["get", "list"]),
        (gathering("all", {"to": "all"}), [role("a", "get", to="view"), role("b", "list")], []),
        (gathering("all", {"to": "all"}), [role("a", "get", to="all"), role("b", "get", to="all")], ["get"]),
        (
            gathering("all", {"to": "x"}, {"to": "y"}),
            [role("a", "get", to="y"), role("b", "list", to="x")],
            ["list", "get"],
        ),
        (gathering("all", {}), [role("a", "get")], ["get"]),
        (gathering("all", {"to": "all"}, holding=("delete",), to="all"), [role("a", "get", to="all")], ["get"]),
    ],
)
def test_a_role_gathers_what_it_selects_but_itself(
    role_: ClusterRole, others: list[ClusterRole], verbs: list[str]
) -> None:
    assert gathered(role_, [*others, role_]) == [rule(verb) for verb in verbs]


def test_a_role_that_gathers_nothing_is_left_alone() -> None:
    assert change(role("a", "get"), [role("b", "list")]) is None


def test_what_is_right_is_not_written() -> None:
    assert change(gathering("all", {"to": "all"}, holding=("get",)), [role("a", "get", to="all")]) is None
    assert change(gathering("all", {"to": "all"}), []) is None


def test_what_was_added_by_hand_is_removed() -> None:
    document = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "all", "uid": "u1"},
    }
    assert change(gathering("all", {"to": "all"}, holding=("get",)), []) == document
    added = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    wanted = change(gathering("all", {"to": "all"}, holding=("list",)), [role("a", "get", to="all")])
    assert wanted == {**document, "rules": [added]}
