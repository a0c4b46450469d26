"""Which changes make a set be looked at, and which of them can wait until its counters may be written again."""

from collections.abc import Callable

import pytest

from petset.api.meta import copy
from petset.api.types import (
    ContainerStatus,
    OwnerReference,
    Pod,
    PodCondition,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
)
from petset.controllers.statefulset.controller import is_new, only_goes_on_ending, was_only_counted, was_only_placed
from tests.simulation.world import web


def new_pod() -> Pod:
    pod = Pod()
    pod.metadata.labels = {"app": "web"}
    pod.status.phase = "Pending"
    return pod


def placed(change: Callable[[Pod], object] = lambda _: None) -> Pod:
    """The same pod on a node, as the binding leaves it, and changed."""
    pod = new_pod()
    pod.spec.node_name = "node"
    pod.status.conditions = [PodCondition(type="PodScheduled", status="True")]
    change(pod)
    return pod


def test_a_pod_that_only_got_its_node_is_no_news() -> None:
    assert was_only_placed(new_pod(), placed())


MORE = [
    pytest.param(lambda pod: setattr(pod.status, "phase", "Running"), id="runs"),
    pytest.param(lambda pod: setattr(pod.status, "container_statuses", [ContainerStatus()]), id="a container"),
    pytest.param(lambda pod: setattr(pod.status, "init_container_statuses", [ContainerStatus()]), id="init container"),
    pytest.param(lambda pod: pod.metadata.labels.update(app="db"), id="other labels"),
    pytest.param(lambda pod: pod.metadata.owner_references.append(OwnerReference()), id="other owners"),
    pytest.param(lambda pod: setattr(pod.metadata, "deletion_timestamp", "2026-11-23T09:00:00Z"), id="deleted"),
]


@pytest.mark.parametrize("change", MORE)
def test_whatever_else_happened_with_it_is(change: Callable[[Pod], object]) -> None:
    assert not was_only_placed(new_pod(), placed(change))


def test_a_pod_that_could_not_be_placed_before_no_longer_waits_for_that() -> None:
    unschedulable = new_pod()
    unschedulable.status.conditions = [PodCondition(type="PodScheduled", status="False", reason="Unschedulable")]
    assert not was_only_placed(unschedulable, placed())


def test_a_pod_that_is_on_its_node_already_tells_with_every_change() -> None:
    assert not was_only_placed(placed(), copy(placed()))


# --- what can wait ----------------------------------------------------------------------------------------------------

ENDING = "2026-11-23T09:00:00Z"


def test_a_new_pod_is_waited_for_like_a_missing_one() -> None:
    assert is_new(new_pod())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda pod: setattr(pod.status, "phase", "Running"), id="runs"),
        pytest.param(lambda pod: setattr(pod.status, "phase", None), id="unseen by the API"),
        pytest.param(lambda pod: setattr(pod.metadata, "deletion_timestamp", ENDING), id="deleted"),
        pytest.param(lambda pod: pod.status.conditions.append(PodCondition(type="Ready")), id="has been looked after"),
    ],
)
def test_a_pod_of_which_something_has_become_is_looked_at_at_once(change: Callable[[Pod], object]) -> None:
    pod = new_pod()
    change(pod)
    assert not is_new(pod)


def ending(change: Callable[[Pod], object] = lambda _: None) -> Pod:
    pod = placed(change)
    pod.metadata.deletion_timestamp = ENDING
    return pod


@pytest.mark.parametrize(
    "before", [pytest.param(placed(), id="it was deleted"), pytest.param(ending(), id="it was being deleted")]
)
def test_a_pod_that_ends_is_waited_for_whatever_else_it_does(before: Pod) -> None:
    failed = ending(lambda pod: setattr(pod.status, "phase", "Failed"))
    assert only_goes_on_ending(before, failed)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        pytest.param(placed(), placed(), id="it does not end"),
        pytest.param(ending(), ending(lambda pod: pod.metadata.labels.update(app="db")), id="it may no longer match"),
        pytest.param(
            ending(), ending(lambda pod: pod.metadata.owner_references.append(OwnerReference())), id="other owners"
        ),
    ],
)
def test_a_pod_that_may_not_be_the_sets_any_more_is_looked_at_at_once(before: Pod, now: Pod) -> None:
    assert not only_goes_on_ending(before, now)


def rolling(change: Callable[[StatefulSet], object] = lambda _: None) -> StatefulSet:
    set_ = web()
    set_.metadata.generation = 1
    set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy()
    set_.status.update_revision = "web-1"
    change(set_)
    return set_


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda set_: None, id="nothing"),
        pytest.param(lambda set_: setattr(set_.status, "ready_replicas", 2), id="ready"),
        pytest.param(lambda set_: setattr(set_.status, "current_replicas", 2), id="current"),
        pytest.param(lambda set_: set_.metadata.annotations.update(a="b"), id="annotations"),
    ],
)
def test_counters_of_a_set_concern_nobody(change: Callable[[StatefulSet], object]) -> None:
    assert was_only_counted(rolling(), rolling(change))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda set_: setattr(set_.spec, "replicas", 7), id="spec"),
        pytest.param(lambda set_: setattr(set_.metadata, "generation", 2), id="generation"),
        pytest.param(lambda set_: set_.metadata.labels.update(a="b"), id="labels"),
        pytest.param(lambda set_: setattr(set_.metadata, "deletion_timestamp", ENDING), id="deleted"),
        pytest.param(lambda set_: setattr(set_.status, "update_revision", "web-2"), id="a revision"),
        pytest.param(lambda set_: setattr(set_.spec.update_strategy, "rolling_update", None), id="a number decides"),
    ],
)
def test_all_else_that_happens_to_a_set_does(change: Callable[[StatefulSet], object]) -> None:
    assert not was_only_counted(rolling(), rolling(change))
