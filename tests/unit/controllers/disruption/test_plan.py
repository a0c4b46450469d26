"""From the pods of a budget to its status: what is expected, what is healthy, what may go."""

from datetime import UTC, datetime
from typing import Any

import pytest

from petset.api.types import (
    LabelSelector,
    LabelSelectorRequirement,
    ObjectMeta,
    OwnerReference,
    Pod,
    PodCondition,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
)
from petset.controllers.disruption.model import Observed, Plan, Scale
from petset.controllers.disruption.plan import plan
from petset.controllers.disruption.selection import budget_label, selector_of_budget

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
JUST_NOW = "2026-11-23T05:59:30Z"
LONG_AGO = "2026-11-23T05:00:00Z"


def budget(status: PodDisruptionBudgetStatus | None = None, **spec: Any) -> PodDisruptionBudget:
    selector = LabelSelector(match_labels={"app": "web"})
    return PodDisruptionBudget(
        metadata=ObjectMeta(name="web", namespace="default", generation=3),
        spec=PodDisruptionBudgetSpec(selector=selector, **spec),
        status=status or PodDisruptionBudgetStatus(),
    )


def pod(ordinal: int, *, ready: bool = True, owner: str | None = "set", going: bool = False) -> Pod:
    meta = ObjectMeta(name=f"web-{ordinal}", namespace="default", labels={"app": "web"})
    if owner is not None:
        meta.owner_references = [OwnerReference(kind="StatefulSet", name=owner, uid=owner, controller=True)]
    if going:
        meta.deletion_timestamp = JUST_NOW
    obj = Pod(metadata=meta)
    obj.status.conditions = [PodCondition(type="Ready", status=str(ready))]
    return obj


def planned(given: PodDisruptionBudget, *pods: Pod, **scales: Scale) -> Plan:
    return plan(Observed(given, pods, scales, NOW))


def status_of(given: PodDisruptionBudget, *pods: Pod, **scales: Scale) -> PodDisruptionBudgetStatus:
    status = planned(given, *pods, **scales).status
    assert status is not None
    return status


THREE = (pod(0), pod(1), pod(2))


@pytest.mark.parametrize(
    ("spec", "replicas", "expected", "desired", "allowed"),
    [
        ({"min_available": 2}, 5, 3, 2, 1),
        ({"min_available": 0}, 5, 3, 0, 3),
        ({"min_available": 4}, 5, 3, 4, 0),
        ({"min_available": "50%"}, 3, 3, 2, 1),
        ({"min_available": "100%"}, 5, 5, 5, 0),
        ({"max_unavailable": 1}, 3, 3, 2, 1),
        ({"max_unavailable": 1}, 5, 5, 4, 0),
        ({"max_unavailable": "34%"}, 3, 3, 1, 2),
        ({"max_unavailable": 9}, 3, 3, 0, 3),
        ({"max_unavailable": 1}, 0, 0, 0, 0),
        ({}, 3, 0, 0, 0),
    ],
)
def test_counts_by_what_the_controllers_want(
    spec: dict[str, Any], replicas: int, expected: int, desired: int, allowed: int
) -> None:
    status = status_of(budget(**spec), *THREE, set=replicas)
    assert (status.expected_pods, status.desired_healthy, status.disruptions_allowed) == (expected, desired, allowed)
    assert status.observed_generation == 3
    (condition,) = status.conditions
    says = ("True", "SufficientPods") if allowed else ("False", "InsufficientPods")
    assert (condition.status, condition.reason) == says


def test_adds_up_all_controllers_once() -> None:
    pods = (pod(0), pod(1), pod(2, owner="other"))
    assert status_of(budget(max_unavailable=1), *pods, set=2, other=3).expected_pods == 5


@pytest.mark.parametrize(
    ("pods", "healthy"),
    [
        (THREE, 3),
        ((pod(0), pod(1, ready=False), pod(2, going=True)), 1),
        ((), 0),
    ],
)
def test_healthy_is_what_is_ready_and_stays(pods: tuple[Pod, ...], healthy: int) -> None:
    assert status_of(budget(min_available=1), *pods).current_healthy == healthy


def test_an_evicted_pod_is_counted_out_until_it_is_seen_to_go() -> None:
    noted = PodDisruptionBudgetStatus(disrupted_pods={"web-0": JUST_NOW, "web-1": JUST_NOW, "gone": JUST_NOW})
    decided = planned(budget(noted, min_available=1), pod(0), pod(1, going=True), pod(2))
    assert decided.status is not None
    assert decided.status.disrupted_pods == {"web-0": JUST_NOW}
    assert decided.status.current_healthy == 1
    assert decided.look_again == 90.0


def test_an_evicted_pod_that_never_goes_counts_again_and_says_so() -> None:
    noted = PodDisruptionBudgetStatus(disrupted_pods={"web-0": LONG_AGO})
    decided = planned(budget(noted, min_available=1), pod(0), pod(1))
    assert decided.status is not None
    assert (decided.status.current_healthy, decided.status.disrupted_pods) == (2, {})
    (remark,) = decided.remarks
    assert (remark.type, remark.reason, remark.about.metadata.name) == ("Warning", "NotDeleted", "web-0")


def test_what_is_true_already_is_not_written() -> None:
    given = budget(min_available=2)
    given.status = status_of(given, *THREE)
    decided = planned(given, *THREE)
    assert decided.status is None
    assert str(decided) == "nothing to do"
    given.metadata.generation = 4
    assert planned(given, *THREE).status is not None


@pytest.mark.parametrize(
    ("scales", "why"),
    [
        ({}, 'found no controllers for pod "web-0"'),
        ({"set": "configmaps does not implement the scale subresource"}, "configmaps does not implement the scale"),
    ],
)
def test_what_cannot_be_worked_out_allows_nothing(scales: dict[str, Scale], why: str) -> None:
    given = budget(max_unavailable=1)
    given.status = PodDisruptionBudgetStatus(disruptions_allowed=2, observed_generation=2)
    decided = planned(given, *THREE, **scales)
    assert decided.status is not None
    assert decided.status.disruptions_allowed == 0
    (condition,) = decided.status.conditions
    assert (condition.status, condition.reason) == ("False", "SyncFailed")
    assert condition.message.startswith(why)
    (remark,) = decided.remarks
    assert remark.reason == "CalculateExpectedPodCountFailed"
    assert remark.message.startswith(f"Failed to calculate the number of expected pods: {why}")
    given.status = decided.status
    assert planned(given, *THREE, **scales).status is None


def test_pods_without_a_controller_are_remarked() -> None:
    given = budget(max_unavailable=1)
    assert given.spec.selector is not None
    given.spec.selector.match_expressions = [LabelSelectorRequirement(key="a", operator="In", values=["b", "c"])]
    decided = planned(given, pod(0, owner=None), pod(1), set=1)
    assert decided.status is not None
    assert decided.status.expected_pods == 1
    (remark,) = decided.remarks
    assert remark.reason == "UnmanagedPods"
    assert (
        "(selector: &LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:"
        "[]LabelSelectorRequirement{LabelSelectorRequirement{Key:a,Operator:In,Values:[b c],},},})"
    ) in remark.message


def test_a_budget_without_pods_says_so() -> None:
    (remark,) = planned(budget(min_available=1)).remarks
    assert (remark.type, remark.reason, remark.message) == ("Normal", "NoPods", "No matching pods found")


@pytest.mark.parametrize(
    ("selector", "place"),
    [
        (None, "default"),
        (LabelSelector(), "default"),
        (LabelSelector(match_labels={"b": "2", "a": "1"}), "default/a=1"),
        (LabelSelector(match_labels={"apps.kubernetes.io/pod-index": "0"}), "default"),
    ],
)
def test_a_budget_is_filed_under_one_label(selector: LabelSelector | None, place: str) -> None:
    given = budget()
    given.spec.selector = selector
    assert tuple(budget_label(given)) == (place,)


def test_a_selector_that_means_nothing_selects_nothing() -> None:
    given = budget()
    given.spec.selector = LabelSelector(match_expressions=[LabelSelectorRequirement(key="a", operator="Is")])
    assert not selector_of_budget(given).matches({"app": "web"})
