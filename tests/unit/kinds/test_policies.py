"""Disruption budgets and priority classes: defaults, rules, what may change, and the lines kubectl prints."""

from datetime import UTC, datetime

import pytest

from petset.api.types import PodDisruptionBudget, PriorityClass
from petset.kinds import CATALOGUE
from petset.kinds.priorityclass import system_classes
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, update_errors

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
BUDGET: Tree = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
}
CLASS: Tree = {"metadata": {"name": "high"}, "value": 1000}


def budget(change: Tree) -> Tree:
    return merged(BUDGET, {"spec": change})


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"minAvailable": None},
        {"minAvailable": "50%"},
        {"minAvailable": 0},
        {"minAvailable": None, "maxUnavailable": "100%"},
        {"selector": None},
        {"selector": {}},
        {"unhealthyPodEvictionPolicy": "AlwaysAllow"},
    ],
)
def test_permits_budget(change: Tree) -> None:
    assert create_errors(PodDisruptionBudget, budget(change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"minAvailable": -1}, "spec.minAvailable", "Invalid value: -1: must be greater than or equal to 0"),
        ({"minAvailable": "2"}, "spec.minAvailable", 'Invalid value: "2": a valid percent string must be'),
        ({"minAvailable": "101%"}, "spec.minAvailable", 'Invalid value: "101%": must not be greater than 100%'),
        (
            {"minAvailable": None, "maxUnavailable": "x%"},
            "spec.maxUnavailable",
            'Invalid value: "x%": a valid percent string',
        ),
        (
            {"selector": {"matchLabels": {"app": "a b"}}},
            "spec.selector.matchLabels",
            'Invalid value: "a b": a valid label must be',
        ),
        (
            {"unhealthyPodEvictionPolicy": "Never"},
            "spec.unhealthyPodEvictionPolicy",
            'Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
        ),
    ],
)
def test_refuses_budget(change: Tree, path: str, message: str) -> None:
    errors = create_errors(PodDisruptionBudget, budget(change))
    assert found(errors, path, message), errors


def test_refuses_budget_with_two_measures() -> None:
    (error,) = create_errors(PodDisruptionBudget, budget({"maxUnavailable": 1}))
    assert (error.path, error.reason) == ("spec", "FieldValueInvalid")
    assert error.body.endswith("minAvailable and maxUnavailable cannot be both set")


@pytest.mark.parametrize(("change", "generation"), [({}, 1), ({"minAvailable": 1}, 2)])
def test_a_budget_has_a_new_generation_when_it_asks_for_something_else(change: Tree, generation: int) -> None:
    strategy = CATALOGUE.of(PodDisruptionBudget).strategy
    old, new = created(PodDisruptionBudget, BUDGET), defaulted(PodDisruptionBudget, budget(change))
    strategy.prepare_update(new, old)
    assert new.metadata.generation == generation


CONDITION: Tree = {
    "type": "DisruptionAllowed",
    "status": "True",
    "reason": "SufficientPods",
    "lastTransitionTime": "2026-11-23T06:00:00Z",
}


@pytest.mark.parametrize(
    ("status", "path", "message"),
    [
        ({"disruptionsAllowed": -1}, "status.disruptionsAllowed", "Invalid value: -1"),
        ({"expectedPods": -1}, "status.expectedPods", "Invalid value: -1"),
        ({"conditions": [CONDITION, CONDITION]}, "status.conditions[1].type", 'Duplicate value: "DisruptionAllowed"'),
        (
            {"conditions": [{**CONDITION, "status": "Yes"}]},
            "status.conditions[0].status",
            'Unsupported value: "Yes": supported values: "False", "True", "Unknown"',
        ),
        ({"conditions": [{**CONDITION, "reason": ""}]}, "status.conditions[0].reason", "Required value"),
        (
            {"conditions": [{**CONDITION, "reason": "no no"}]},
            "status.conditions[0].reason",
            'Invalid value: "no no": a condition reason must start with alphabetic character',
        ),
        ({"conditions": [{**CONDITION, "type": ""}]}, "status.conditions[0].type", 'Invalid value: ""'),
        (
            {"conditions": [{**CONDITION, "lastTransitionTime": None}]},
            "status.conditions[0].lastTransitionTime",
            "Required value",
        ),
        (
            {"conditions": [{**CONDITION, "observedGeneration": -1}]},
            "status.conditions[0].observedGeneration",
            "Invalid value: -1: must be greater than or equal to zero",
        ),
        ({"conditions": [{**CONDITION, "reason": "a" * 1025}]}, "status.conditions[0].reason", "Too long"),
        ({"conditions": [{**CONDITION, "message": "a" * 32769}]}, "status.conditions[0].message", "Too long"),
    ],
)
def test_refuses_budget_status(status: Tree, path: str, message: str) -> None:
    strategy = CATALOGUE.of(PodDisruptionBudget).status
    assert strategy is not None
    old, new = created(PodDisruptionBudget, BUDGET), defaulted(PodDisruptionBudget, merged(BUDGET, {"status": status}))
    strategy.prepare_update(new, old)
    errors = strategy.validate_update(new, old)
    assert found(errors, path, message), errors


def test_a_class_preempts_unless_it_says_never() -> None:
    assert created(PriorityClass, CLASS).preemption_policy == "PreemptLowerPriority"
    assert created(PriorityClass, {**CLASS, "preemptionPolicy": "Never"}).preemption_policy == "Never"


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (
            {"value": 1_000_000_001},
            "value",
            "Forbidden: maximum allowed value of a user defined priority is 1000000000",
        ),
        (
            {"metadata": {"name": "system-mine"}},
            "metadata.name",
            (
                "Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: "
                "system-mine is not a known system priority class"
            ),
        ),
        (
            {"metadata": {"name": "system-node-critical"}},
            "metadata.name",
            (
                "Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: "
                "value of system-node-critical PriorityClass must be 2000001000"
            ),
        ),
        (
            {"metadata": {"name": "system-cluster-critical"}, "value": 2_000_000_000, "globalDefault": True},
            "metadata.name",
            (
                "Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: "
                "globalDefault of system-cluster-critical PriorityClass must be false"
            ),
        ),
        ({"preemptionPolicy": "Always"}, "preemptionPolicy", 'Unsupported value: "Always"'),
        ({"preemptionPolicy": ""}, "preemptionPolicy", "Required value"),
    ],
)
def test_refuses_priority_class(change: Tree, path: str, message: str) -> None:
    errors = create_errors(PriorityClass, merged(CLASS, change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"value": 7}, "value", "Forbidden: may not be changed in an update."),
        ({"preemptionPolicy": "Never"}, "preemptionPolicy", 'Invalid value: "Never": field is immutable'),
    ],
)
def test_refuses_to_change_what_pods_have_taken_over(change: Tree, path: str, message: str) -> None:
    errors = update_errors(PriorityClass, CLASS, merged(CLASS, change))
    assert found(errors, path, message), errors


def test_permits_another_default_and_description() -> None:
    assert update_errors(PriorityClass, CLASS, {**CLASS, "globalDefault": True, "description": "new"}) == []


def test_the_system_classes_are_valid() -> None:
    for obj in system_classes():
        CATALOGUE.of(PriorityClass).strategy.default(obj)
        assert CATALOGUE.of(PriorityClass).strategy.validate_create(obj) == []
    assert [(obj.metadata.name, obj.value) for obj in system_classes()] == [
        ("system-node-critical", 2_000_001_000),
        ("system-cluster-critical", 2_000_000_000),
    ]


def test_lines_of_kubectl() -> None:
    budgets = CATALOGUE.of(PodDisruptionBudget).columns
    obj = created(PodDisruptionBudget, BUDGET)
    assert [column.cell(obj, NOW) for column in budgets][:4] == ["web", "2", "N/A", 0]
    assert [column.name for column in budgets] == [
        "Name",
        "Min Available",
        "Max Unavailable",
        "Allowed Disruptions",
        "Age",
    ]
    classes = CATALOGUE.of(PriorityClass).columns
    high = created(PriorityClass, CLASS)
    high.metadata.creation_timestamp = "2026-11-23T05:59:00Z"
    assert [column.cell(high, NOW) for column in classes] == ["high", 1000, False, "60s", "PreemptLowerPriority"]
