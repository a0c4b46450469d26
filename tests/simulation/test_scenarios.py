"""The scenarios that upstream's controller is held to, as tables: each in both modes, under every retention policy.

Every step of every scenario is followed by the checks of `drivers.Driver.check`.
"""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from petset.api.meta import format_time, is_running_and_ready
from petset.api.types import RollingUpdateStatefulSetStrategy, StatefulSetOrdinals
from petset.controllers.statefulset import model
from petset.controllers.statefulset.names import ordinal_of
from petset.controllers.statefulset.plan import max_unavailable
from tests.simulation.drivers import MODES, POLICIES, Driver, running, world_of
from tests.simulation.world import Fate, said

every_mode = pytest.mark.parametrize("mode", MODES)
every_policy = pytest.mark.parametrize("policy", POLICIES)
OLD, NEW = "nginx:1", "nginx:2"


def images(driver: Driver) -> list[str | None]:
    return list(dict(sorted(driver.world.images().items())).values())


def rolling(driver: Driver, partition: int = 0, limit: int | str | None = None) -> None:
    """An update strategy."""
    strategy = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=limit)
    driver.world.set.spec.update_strategy.rolling_update = strategy


def on_delete(driver: Driver) -> None:
    driver.world.set.spec.update_strategy.type = "OnDelete"
    driver.world.set.spec.update_strategy.rolling_update = None


def ready_for(driver: Driver, seconds: float) -> None:
    """All pods are ready since then."""
    moment = format_time(driver.world.now - timedelta(seconds=seconds))
    for pod in driver.world.pods.values():
        for condition in pod.status.conditions:
            condition.last_transition_time = moment


def created(plan: model.Plan) -> list[str]:
    return [action.pod.metadata.name for action in plan.actions() if isinstance(action, model.CreatePod)]


def deleted(plan: model.Plan) -> list[str]:
    return [action.name for action in plan.actions() if isinstance(action, model.DeletePod)]


# --- create, scale, replace -------------------------------------------------------------------------------------------


@every_mode
@every_policy
def test_pods_are_created(mode: str, policy: str) -> None:
    driver = running(3, mode, policy)
    assert driver.counters() == (3, 3, 3, 3, 3)
    indexes = [pod.metadata.labels["apps.kubernetes.io/pod-index"] for pod in driver.pods().values()]
    assert indexes == ["0", "1", "2"]


@every_mode
@every_policy
@pytest.mark.parametrize(("before", "after"), [(3, 4), (3, 0), (0, 3), (5, 2)])
def test_a_set_is_scaled(mode: str, policy: str, before: int, after: int) -> None:
    driver = running(before, mode, policy)
    driver.scale(after)
    assert driver.counters() == (after,) * 5
    kept = after if policy.startswith("Delete") else max(before, after)
    assert sorted(driver.world.claims) == [f"www-web-{ordinal}" for ordinal in range(kept)]


@every_mode
@every_policy
def test_lost_pods_are_replaced(mode: str, policy: str) -> None:
    driver = running(5, mode, policy)
    assert not [
        ref for claim in driver.world.claims.values() for ref in claim.metadata.owner_references if ref.kind == "Pod"
    ]
    claims = {name: claim.metadata.uid for name, claim in driver.world.claims.items()}
    for name in ("web-0", "web-2", "web-4"):
        driver.world.gone(name)
    back = []
    while len(driver.world.pods) < 5:
        decided = driver.world.step()
        back += created(decided)
        driver.progress()
    assert back == ["web-0", "web-2", "web-4"]
    driver.until_at_rest()
    assert driver.counters() == (5, 5, 5, 5, 5)
    assert {name: claim.metadata.uid for name, claim in driver.world.claims.items()} == claims


@every_mode
@every_policy
@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
@pytest.mark.parametrize("deletion_fails", [False, True])
def test_an_ended_pod_is_recreated(mode: str, policy: str, phase: str, deletion_fails: bool) -> None:
    driver = world_of(3, mode, policy)
    first = driver.step()
    driver.world.fail("web-0", phase)
    if deletion_fails:
        assert deleted(driver.step_failing(model.DeletePod)) == ["web-0"]
        assert driver.world.pods["web-0"].status.phase == phase
    assert deleted(driver.world.step()) == ["web-0"]
    again = driver.world.step()
    assert (created(again)[0], deleted(again)) == ("web-0", [])
    assert len(created(first) + created(again)) == (2 if mode == "OrderedReady" else 4)
    driver.until_at_rest()
    assert driver.counters() == (3, 3, 3, 3, 3)


@every_mode
@every_policy
@pytest.mark.parametrize("answer_lost", [False, True])
def test_a_creation_that_fails_is_made_up_for(mode: str, policy: str, answer_lost: bool) -> None:
    driver = world_of(3, mode, policy)
    driver.step()
    driver.world.ready("web-0")
    if mode == "Parallel":
        driver.world.gone("web-1")
    actions = [str(action) for action in driver.world.plan().actions()]
    at = next(number for number, action in enumerate(actions) if action.startswith("create pod web-1"))
    driver.world.step(Fate(fails_at=at, answer_lost=answer_lost))
    assert ("web-1" in driver.world.pods) is answer_lost
    driver.until_at_rest()
    assert driver.counters() == (3, 3, 3, 3, 3)


@every_mode
@every_policy
def test_a_status_that_cannot_be_written_is_made_up_for(mode: str, policy: str) -> None:
    driver = world_of(3, mode, policy)
    driver.world.step(Fate(status_fails=True))
    assert driver.world.set.status.observed_generation is None
    driver.until_at_rest()
    assert driver.counters() == (3, 3, 3, 3, 3)


@every_mode
@every_policy
def test_an_update_whose_deletion_fails_reports_the_new_revision_and_all_pods_as_current(
    mode: str, policy: str
) -> None:
    driver = running(3, mode, policy)
    driver.world.set_image(NEW)
    driver.step_failing(model.DeletePod)
    status = driver.world.set.status
    assert (status.current_replicas, status.current_revision != status.update_revision) == (3, True)
    assert deleted(driver.step()) == ["web-2"]
    assert driver.world.set.status.current_replicas == 2


@every_mode
@every_policy
def test_a_pending_pod_gets_its_claims_back(mode: str, policy: str) -> None:
    driver = world_of(1, mode, policy)
    driver.step()
    del driver.world.claims["www-web-0"]
    driver.step()
    assert list(driver.world.claims) == ["www-web-0"]


@every_mode
@every_policy
@pytest.mark.parametrize("start", [1, 2, 10])
def test_ordinals_start_elsewhere(mode: str, policy: str, start: int) -> None:
    driver = world_of(3, mode, policy)
    driver.world.set.spec.ordinals = StatefulSetOrdinals(start=start)
    driver.until_at_rest()
    assert list(driver.pods()) == [f"web-{start + offset}" for offset in range(3)]
    assert driver.counters() == (3, 3, 3, 3, 3)


@every_mode
def test_a_moved_range_is_filled_upwards_before_it_is_left_downwards(mode: str) -> None:
    driver = running(3, mode)
    driver.world.set.spec.ordinals = StatefulSetOrdinals(start=2)
    back: list[str] = []
    gone: list[str] = []
    most = 0
    while driver.world.plan().waiting_for is not None:
        decided = driver.world.step()
        back, gone = back + created(decided), gone + deleted(decided)
        most = max(most, driver.world.set.status.replicas)
        driver.progress()
    assert (back, gone) == (["web-3", "web-4"], ["web-1", "web-0"])
    assert most > 3, "both ranges count"


@every_policy
def test_a_scale_down_whose_deletion_fails_is_made_up_for(policy: str) -> None:
    driver = running(3, "OrderedReady", policy)
    driver.world.scale(0)
    driver.step_failing(model.DeletePod)
    assert len(driver.pods()) == 3
    driver.scale(0)
    assert driver.counters() == (0, 0, 0, 0, 0)


# --- updates ----------------------------------------------------------------------------------------------------------


@every_mode
@every_policy
@pytest.mark.parametrize("to", [3, 5, 1])
def test_a_rolling_update_reaches_every_pod_also_while_the_set_is_scaled(mode: str, policy: str, to: int) -> None:
    driver = running(3, mode, policy)
    driver.world.set_image(NEW)
    driver.world.scale(to)
    driver.until_at_rest()
    assert images(driver) == [NEW] * to
    status = driver.world.set.status
    assert status.current_revision == status.update_revision
    assert driver.counters() == (to,) * 5


@every_mode
@every_policy
@pytest.mark.parametrize(("to", "then"), [(3, [OLD] * 3), (5, [OLD] * 3 + [NEW] * 2), (2, [OLD] * 2)])
def test_on_delete_leaves_the_old_pods_alone(mode: str, policy: str, to: int, then: list[str]) -> None:
    driver = running(3, mode, policy)
    on_delete(driver)
    driver.world.set_image(NEW)
    driver.world.scale(to)
    driver.until_at_rest()
    assert images(driver) == then
    driver.scale(0)
    assert all(
        ref.kind == "StatefulSet" for claim in driver.world.claims.values() for ref in claim.metadata.owner_references
    )
    driver.scale(to)
    assert images(driver) == [NEW] * to
    status = driver.world.set.status
    assert (status.current_replicas, status.updated_replicas) == (None, to)
    assert status.current_revision != status.update_revision, "nothing completes under OnDelete"


@every_mode
@every_policy
@pytest.mark.parametrize("to", [3, 5])
def test_pods_below_the_partition_keep_the_old_template(mode: str, policy: str, to: int) -> None:
    driver = running(3, mode, policy)
    rolling(driver, partition=2)
    driver.world.set_image(NEW)
    driver.world.scale(to)
    driver.until_at_rest()
    assert images(driver) == [OLD, OLD] + [NEW] * (to - 2)


@every_mode
@every_policy
@pytest.mark.parametrize("to", [3, 5, 1])
def test_a_rollback_returns_every_pod_to_the_first_template(mode: str, policy: str, to: int) -> None:
    driver = running(3, mode, policy)
    first = driver.world.set.status.update_revision
    for image in (NEW, OLD):
        driver.world.set_image(image)
        driver.world.scale(to)
        driver.until_at_rest()
    assert images(driver) == [OLD] * to
    assert driver.world.set.status.current_revision == first


@every_mode
def test_a_rollback_half_way_replaces_only_what_was_updated(mode: str) -> None:
    driver = running(4, mode)
    uids = {name: pod.metadata.uid for name, pod in driver.pods().items()}
    driver.world.set_image(NEW)
    driver.until(lambda: NEW in images(driver))
    driver.world.ready("web-3")
    driver.step()
    driver.world.set_image(OLD)
    driver.world.settle()
    assert images(driver) == [OLD] * 4
    assert [name for name, pod in driver.pods().items() if pod.metadata.uid == uids[name]] in (
        ["web-0", "web-1"],
        ["web-0", "web-1", "web-2"],
    )


# --- maxUnavailable ---------------------------------------------------------------------------------------------------


def test_an_ordered_update_takes_two_down_and_brings_them_back_one_by_one() -> None:
    driver = running(6, "OrderedReady")
    rolling(driver, partition=3, limit=2)
    driver.world.set_image(NEW)
    assert deleted(driver.world.step()) == ["web-5", "web-4"]
    driver.world.gone("web-5")
    driver.world.gone("web-4")
    assert created(driver.world.step()) == ["web-4"]
    assert said(driver.world.step()) == []
    driver.world.ready("web-4")
    assert (created(driver.world.step()), len(driver.world.pods)) == (["web-5"], 6)
    driver.until_at_rest()
    assert images(driver) == [OLD] * 3 + [NEW] * 3


def test_a_parallel_update_brings_two_back_at_once_and_goes_on_when_one_is_ready() -> None:
    driver = running(6, "Parallel")
    rolling(driver, partition=3, limit=2)
    driver.world.set_image(NEW)
    assert deleted(driver.world.step()) == ["web-5", "web-4"]
    driver.world.gone("web-5")
    driver.world.gone("web-4")
    assert created(driver.world.step()) == ["web-4", "web-5"]
    assert said(driver.world.step()) == []
    driver.world.ready("web-4")
    assert deleted(driver.world.step()) == ["web-3"]
    driver.world.gone("web-3")
    assert created(driver.world.step()) == ["web-3"]
    driver.world.ready("web-3")
    driver.world.ready("web-5")
    assert said(driver.world.step()) == []
    assert images(driver) == [OLD] * 3 + [NEW] * 3


@pytest.mark.parametrize(
    ("terminating", "deletions"),
    [([], 2), ([5], 1), ([3], 1), ([4], 1), ([2], 1), ([1], 1), ([5, 4], 0), ([2, 1], 0), ([5, 3, 1], 0)],
)
def test_terminating_pods_use_up_the_budget_wherever_they_are(terminating: list[int], deletions: int) -> None:
    driver = running(6, "Parallel")
    rolling(driver, partition=3, limit=2)
    driver.world.set_image(NEW)
    for ordinal in terminating:
        driver.world.delete(f"web-{ordinal}")
    assert len(deleted(driver.world.step())) == deletions


@pytest.mark.parametrize(
    ("replicas", "limit", "number"),
    [
        (10, 2, 2),
        (10, "20%", 2),
        (8, "25%", 2),
        (5, "80%", 4),
        (3, "1%", 1),
        (0, "50%", 1),
        (7, "100%", 7),
        (4, None, 1),
    ],
)
def test_the_budget_is_a_number_or_a_share(replicas: int, limit: int | str | None, number: int) -> None:
    driver = world_of(replicas, "Parallel")
    rolling(driver, limit=limit)
    assert max_unavailable(driver.world.set) == number
    on_delete(driver)
    assert max_unavailable(driver.world.set) == 1


# --- history ----------------------------------------------------------------------------------------------------------


@every_mode
@pytest.mark.parametrize("limit", [0, 5, 10, -2])
@pytest.mark.parametrize("status_fails", [False, True])
def test_the_history_is_never_longer_than_its_limit_and_two(mode: str, limit: int, status_fails: bool) -> None:
    driver = running(1, mode)
    driver.world.set.spec.revision_history_limit = limit
    for number in range(2, 18):
        driver.world.set_image(f"nginx:{number}")
        if status_fails:
            driver.world.step(Fate(status_fails=True))
        else:
            driver.until_at_rest()
        assert len(driver.world.revisions) <= (limit + 2 if limit >= 0 else number)
    driver.world.step(Fate(status_fails=status_fails))
    assert len(driver.world.revisions) == (17 if limit < 0 else limit + 1 + status_fails)


# --- availability -----------------------------------------------------------------------------------------------------


@every_mode
@pytest.mark.parametrize(
    ("least", "since", "available"), [(3600, 7200, 2), (3600, 1800, 0), (30, 10, 0), (30, 60, 2), (0, 0, 2)]
)
def test_pods_are_available_after_min_ready_seconds(mode: str, least: int, since: int, available: int) -> None:
    driver = running(2, mode)
    driver.world.set.spec.min_ready_seconds = least
    ready_for(driver, since)
    driver.world.step()
    assert driver.world.set.status.available_replicas == available


@every_mode
@pytest.mark.parametrize(("since", "available", "gone"), [(10, 0, []), (60, 2, ["web-1"])])
def test_an_update_waits_until_all_pods_are_available(mode: str, since: int, available: int, gone: list[str]) -> None:
    driver = running(2, mode)
    driver.world.set.spec.min_ready_seconds = 30
    ready_for(driver, since)
    driver.world.set_image(NEW)
    if mode == "Parallel" and not gone:
        gone = ["web-1", "web-0"]
    decided = driver.world.step()
    assert (deleted(decided), decided.counted.available_replicas) == (gone, available)


def test_an_ordered_scale_down_waits_until_all_pods_are_available() -> None:
    driver = running(3, "OrderedReady")
    driver.world.set.spec.min_ready_seconds = 30
    ready_for(driver, 10)
    driver.world.scale(1)
    assert deleted(driver.world.step()) == []
    assert driver.world.set.status.available_replicas == 0
    driver.world.now += timedelta(seconds=30)
    assert deleted(driver.world.step()) == ["web-2"]


@every_mode
def test_pods_below_the_partition_are_not_replaced_for_being_young(mode: str) -> None:
    driver = running(4, mode)
    rolling(driver, partition=4)
    driver.world.set.spec.min_ready_seconds = 30
    ready_for(driver, 10)
    driver.world.set_image(NEW)
    assert deleted(driver.world.step()) == []
    assert driver.world.set.status.available_replicas == 0


@every_mode
def test_on_delete_counts_availability_as_well(mode: str) -> None:
    driver = running(2, mode)
    on_delete(driver)
    driver.world.set.spec.min_ready_seconds = 30
    ready_for(driver, 10)
    driver.world.set_image(NEW)
    driver.world.step()
    status = driver.world.set.status
    assert (status.available_replicas, status.update_revision != status.current_revision) == (0, True)


# --- throughput -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [(3, 30), (10, 1), (501, 0), (0, 1000)])
def test_a_parallel_set_has_its_size_in_one_round(before: int, after: int) -> None:
    driver = world_of(before, "Parallel")
    driver.world.step()
    driver.world.live()
    driver.world.scale(after)
    decided = driver.world.step()
    assert len(created(decided)) == max(0, after - before)
    assert deleted(decided) == [f"web-{ordinal}" for ordinal in range(before - 1, after - 1, -1)]
    driver.world.live()
    driver.world.step()
    assert driver.world.set.status.replicas == len(driver.world.pods) == after


# --- special situations -----------------------------------------------------------------------------------------------


def broken(mode: str) -> Driver:
    """An update whose first pod never gets ready."""
    driver = running(3, mode)
    driver.world.set_image("broken")
    driver.world.step()
    driver.world.gone("web-2")
    driver.world.step()
    driver.world.run("web-2")
    return driver


@pytest.mark.parametrize("repaired", [OLD, NEW])
def test_an_ordered_set_is_stuck_on_a_broken_pod_until_somebody_deletes_it(repaired: str) -> None:
    driver = broken("OrderedReady")
    driver.world.set_image(repaired)
    for _ in range(3):
        assert said(driver.world.step()) == []
    driver.world.delete("web-2")
    driver.world.gone("web-2")
    driver.until_at_rest()
    assert images(driver) == [repaired] * 3


@pytest.mark.parametrize("repaired", [OLD, NEW])
def test_a_parallel_set_gets_rid_of_a_broken_pod_by_itself(repaired: str) -> None:
    driver = broken("Parallel")
    driver.world.set_image(repaired)
    assert deleted(driver.world.step()) == ["web-2"]
    driver.until_at_rest()
    assert images(driver) == [repaired] * 3


def test_several_ended_pods_beyond_the_range_hold_an_ordered_set_up_until_somebody_deletes_them() -> None:
    driver = running(3, "OrderedReady")
    driver.world.scale(1)
    for name in ("web-1", "web-2"):
        driver.world.fail(name)
    decided = driver.world.step()
    assert said(decided) == []
    assert str(decided.waiting_for).startswith("web-2 to be Running and Ready before it is deleted")
    driver.world.delete("web-1")
    assert deleted(driver.world.step()) == ["web-2"]


@every_mode
def test_a_pod_without_its_revision_label_is_replaced_by_the_update(mode: str) -> None:
    driver = running(3, mode)
    del driver.world.pods["web-1"].metadata.labels["controller-revision-hash"]
    assert deleted(driver.world.step()) == ["web-1"]


@every_mode
def test_a_deleted_set_leaves_everything_to_the_garbage_collector(mode: str) -> None:
    driver = running(3, mode, "Delete/Delete")
    driver.world.set.metadata.deletion_timestamp = format_time(driver.world.now)
    driver.world.set_image(NEW)
    driver.world.gone("web-1")
    assert said(driver.world.step()) == []
    assert driver.world.set.status.replicas == 2


def ordinals_of(driver: Driver) -> Iterator[int]:
    for name, pod in driver.pods().items():
        if is_running_and_ready(pod):
            yield ordinal_of("web", name) or 0


@every_policy
def test_an_ordered_set_scaled_down_while_it_grows_never_has_a_gap(policy: str) -> None:
    driver = world_of(5, "OrderedReady", policy)
    driver.until(lambda: len(driver.world.pods) == 4)
    driver.scale(2)
    assert list(ordinals_of(driver)) == [0, 1]
