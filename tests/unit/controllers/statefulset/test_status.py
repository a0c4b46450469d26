"""What a set reports, as tables."""

from datetime import UTC, datetime
from typing import Any

import pytest

from petset.api.types import (
    ObjectMeta,
    Pod,
    PodCondition,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetStatus,
)
from petset.controllers.statefulset.names import REVISION_LABEL
from petset.controllers.statefulset.revisions import History, new_revision
from petset.controllers.statefulset.status import (
    Census,
    after_deletions,
    is_complete,
    needs_write,
    only_counts,
    report,
    tally,
)
from tests.simulation.world import web

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
OLD, NEW = new_revision(web(image="nginx:1"), 1, 0), new_revision(web(image="nginx:2"), 2, 0)
HISTORY = History((OLD, NEW), OLD, NEW, ())


def pod(phase: str, *, ready_since: str = "", going: bool = False, revision: str = "") -> Pod:
    made = Pod(metadata=ObjectMeta(name="web-0"))
    made.status.phase = phase
    if ready_since:
        made.status.conditions = [PodCondition(type="Ready", status="True", last_transition_time=ready_since)]
    if going:
        made.metadata.deletion_timestamp = "2026-01-01T11:59:00Z"
    if revision:
        made.metadata.labels[REVISION_LABEL] = revision
    return made


LONG_AGO, JUST_NOW = "2026-01-01T10:00:00Z", "2026-01-01T11:30:00Z"
OLD_NAME, NEW_NAME = OLD.metadata.name, NEW.metadata.name

COUNTERS = ("replicas", "ready_replicas", "available_replicas", "current_replicas", "updated_replicas")


def count(set_: StatefulSet, pods: list[Pod], history: History) -> StatefulSetStatus:
    census = Census()
    for each in pods:
        census.count(tally(each, set_.spec.min_ready_seconds or 0, NOW))
    return report(set_, census, history)


def test_a_pod_that_is_taken_back_leaves_no_trace() -> None:
    census = Census()
    counted = tally(pod("Running", ready_since=LONG_AGO, revision=NEW_NAME), 0, NOW)
    census.count(counted)
    census.count(counted, -1)
    assert report(web(), census, HISTORY) == report(web(), Census(), HISTORY)


@pytest.mark.parametrize(
    ("one", "counters"),
    [
        (pod(""), (0, None, 0, None, None)),
        (pod("Pending", revision=OLD_NAME), (1, None, 0, 1, None)),
        (pod("Running", revision=NEW_NAME), (1, None, 0, None, 1)),
        (pod("Running", ready_since=LONG_AGO, revision=NEW_NAME), (1, 1, 1, None, 1)),
        (pod("Running", ready_since=JUST_NOW, revision=NEW_NAME), (1, 1, 0, None, 1)),
        (pod("Running", ready_since=LONG_AGO, revision=OLD_NAME, going=True), (1, 1, 1, None, None)),
        (pod("Failed", revision=OLD_NAME), (1, None, 0, 1, None)),
        (pod("Succeeded", ready_since=LONG_AGO, revision=OLD_NAME), (1, None, 0, 1, None)),
        (pod("Running", revision="web-third"), (1, None, 0, None, None)),
        (pod("Running"), (1, None, 0, None, None)),
    ],
)
def test_what_a_pod_counts_for(one: Pod, counters: tuple[int | None, ...]) -> None:
    set_ = web()
    set_.spec.min_ready_seconds = 3600
    status = count(set_, [one], HISTORY)
    assert tuple(getattr(status, name) for name in COUNTERS) == counters


def test_a_pod_counts_as_current_and_as_updated_when_the_revisions_are_equal() -> None:
    status = count(web(), [pod("Running", revision=NEW_NAME)], History((NEW,), NEW, NEW, ()))
    assert (status.current_replicas, status.updated_replicas) == (1, 1)


def test_the_status_names_the_revisions_the_generation_and_the_collisions() -> None:
    set_ = web()
    set_.metadata.generation = 7
    set_.status.collision_count = 2
    status = count(set_, [], HISTORY)
    assert (status.current_revision, status.update_revision) == (OLD_NAME, NEW_NAME)
    assert (status.observed_generation, status.collision_count) == (7, 2)
    assert count(web(), [], HISTORY).collision_count == 0


@pytest.mark.parametrize(
    ("type_", "replicas", "ready", "updated", "complete"),
    [
        ("RollingUpdate", 3, 3, 3, True),
        ("RollingUpdate", 3, 3, 2, False),
        ("RollingUpdate", 3, 2, 3, False),
        ("RollingUpdate", 4, 3, 3, False),
        ("RollingUpdate", 2, 2, 2, False),
        ("OnDelete", 3, 3, 3, False),
    ],
)
def test_an_update_is_complete_when_all_pods_are_ready_and_updated(
    type_: str, replicas: int, ready: int, updated: int, complete: bool
) -> None:
    set_ = web(3)
    set_.spec.update_strategy.type = type_
    counted = StatefulSetStatus(
        replicas=replicas,
        ready_replicas=ready,
        updated_replicas=updated,
        current_revision=OLD_NAME,
        update_revision=NEW_NAME,
    )
    status = after_deletions(set_, counted, 0)
    assert (status.current_revision == NEW_NAME, status.current_replicas == updated) == (complete, complete)
    assert status.update_revision == NEW_NAME, "the update revision is never cleared"


@pytest.mark.parametrize("partition", [0, 2])
def test_a_set_scaled_to_zero_has_completed_its_update_whatever_the_partition(partition: int) -> None:
    set_ = web(0)
    assert set_.spec.update_strategy.rolling_update is not None
    set_.spec.update_strategy.rolling_update.partition = partition
    counted = StatefulSetStatus(current_revision=OLD_NAME, update_revision=NEW_NAME)
    assert after_deletions(set_, counted, 0).current_revision == NEW_NAME


@pytest.mark.parametrize(("counted", "deleted", "left"), [(3, 1, 2), (1, 1, None), (None, 1, None), (1, 2, None)])
def test_pods_deleted_for_the_update_are_no_longer_current(counted: int | None, deleted: int, left: int | None) -> None:
    before = StatefulSetStatus(replicas=5, current_replicas=counted)
    assert after_deletions(web(3), before, deleted).current_replicas == left


WRITTEN: dict[str, Any] = {
    "observed_generation": 4,
    "replicas": 3,
    "ready_replicas": 2,
    "available_replicas": 1,
    "current_replicas": 2,
    "updated_replicas": 1,
    "current_revision": OLD_NAME,
    "update_revision": NEW_NAME,
}


@pytest.mark.parametrize(
    ("change", "written"),
    [
        ({}, False),
        ({"observed_generation": 5}, True),
        ({"observed_generation": 3}, False),
        ({"replicas": 4}, True),
        ({"ready_replicas": 3}, True),
        ({"available_replicas": 2}, True),
        ({"current_replicas": None}, True),
        ({"updated_replicas": 2}, True),
        ({"current_revision": NEW_NAME}, True),
        ({"update_revision": OLD_NAME}, True),
        ({"collision_count": 9}, False),
    ],
)
def test_a_status_is_written_when_it_says_something_new(change: dict[str, Any], written: bool) -> None:
    set_ = web()
    set_.status = StatefulSetStatus(**WRITTEN)
    assert needs_write(set_, StatefulSetStatus(**{**WRITTEN, **change})) is written


@pytest.mark.parametrize(("before", "now", "written"), [(None, 1, True), (None, None, False), (1, None, False)])
def test_a_generation_is_reported_the_first_time(before: int | None, now: int | None, written: bool) -> None:
    set_ = web()
    set_.status = StatefulSetStatus(**{**WRITTEN, "observed_generation": before})
    assert needs_write(set_, StatefulSetStatus(**{**WRITTEN, "observed_generation": now})) is written


@pytest.mark.parametrize(
    ("change", "waits"),
    [
        ({}, True),
        ({"replicas": 4, "ready_replicas": 3, "available_replicas": 2, "current_replicas": 1}, True),
        ({"updated_replicas": None}, True),
        ({"observed_generation": 5}, False),
        ({"current_revision": NEW_NAME}, False),
        ({"update_revision": OLD_NAME}, False),
    ],
)
def test_numbers_may_wait_and_nothing_else_may(change: dict[str, Any], waits: bool) -> None:
    set_ = web()
    set_.status = StatefulSetStatus(**WRITTEN)
    assert only_counts(set_, StatefulSetStatus(**{**WRITTEN, **change})) is waits


@pytest.mark.parametrize(
    ("type_", "block", "waits"),
    [
        ("RollingUpdate", True, True),
        ("RollingUpdate", False, False),
        ("OnDelete", False, True),
    ],
)
def test_no_number_waits_that_says_how_far_a_rollout_has_come(type_: str, block: bool, waits: bool) -> None:
    set_ = web()
    set_.status = StatefulSetStatus(**WRITTEN)
    set_.spec.update_strategy.type = type_
    set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy() if block else None
    assert only_counts(set_, StatefulSetStatus(**WRITTEN)) is waits


ALL_THERE = {"replicas": 3, "ready_replicas": 3, "available_replicas": 3, "updated_replicas": 3}


@pytest.mark.parametrize(
    ("replicas", "change", "complete"),
    [
        (3, {}, True),
        (3, {"current_replicas": 1}, True),
        (2, {}, False),
        (4, {}, False),
        (0, {}, False),
        *((3, {name: count}, False) for name in ALL_THERE for count in (2, 4)),
        (0, dict.fromkeys(ALL_THERE, 0), True),
        (0, {"replicas": 0, "ready_replicas": None, "available_replicas": 0, "updated_replicas": None}, True),
    ],
)
def test_a_set_is_complete_with_all_its_pods_updated_and_available(
    replicas: int, change: dict[str, Any], complete: bool
) -> None:
    assert is_complete(web(replicas=replicas), StatefulSetStatus(**{**ALL_THERE, **change})) is complete


def test_a_counter_of_nothing_is_as_good_as_a_missing_one() -> None:
    set_ = web()
    set_.status = StatefulSetStatus(ready_replicas=0, current_revision=OLD_NAME)
    assert not needs_write(set_, StatefulSetStatus(ready_replicas=None, current_revision=OLD_NAME))
