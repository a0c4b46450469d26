"""The rules of apps/v1 StatefulSet, one table or test a rule. Time and pods are a toy world's."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from petset.api.meta import copy
from petset.api.types import StatefulSetOrdinals
from tests.simulation.world import World, said, settled, web

BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])


# --- creation ---------------------------------------------------------------------------------------------------------


def test_ordered_creation_makes_one_pod_and_waits_for_it() -> None:
    world = World(web(3))
    assert said(world.step()) == ["create pod web-0"]
    assert said(world.step()) == []
    world.run("web-0")
    assert said(world.step()) == [], "Running is not Ready"
    world.ready("web-0")
    assert said(world.step()) == ["create pod web-1"]


def test_parallel_creation_makes_all_pods_at_once() -> None:
    world = World(web(3, policy="Parallel"))
    assert said(world.step()) == ["create pod web-0", "create pod web-1", "create pod web-2"]


@BOTH
def test_a_satisfied_set_needs_nothing(policy: str) -> None:
    world = settled(policy=policy)
    plan = world.plan()
    assert list(plan.actions()) == []
    assert plan.waiting_for is None
    assert str(plan) == "nothing to do"


def test_ordinals_start_where_the_spec_says() -> None:
    world = World(web(3))
    world.set.spec.ordinals = StatefulSetOrdinals(start=2)
    world.settle()
    assert sorted(world.pods) == ["web-2", "web-3", "web-4"]


def test_pods_carry_identity_labels_hostname_subdomain_and_their_claim() -> None:
    world = settled(1)
    pod = world.pods["web-0"]
    assert pod.metadata.labels["statefulset.kubernetes.io/pod-name"] == "web-0"
    assert pod.metadata.labels["apps.kubernetes.io/pod-index"] == "0"
    assert pod.metadata.labels["controller-revision-hash"] == world.set.status.update_revision
    assert (pod.spec.hostname, pod.spec.subdomain) == ("web-0", "nginx")
    volume = pod.spec.volumes[0]
    assert volume.persistent_volume_claim is not None
    assert (volume.name, volume.persistent_volume_claim.claim_name) == ("www", "www-web-0")
    assert world.claims["www-web-0"].metadata.labels == {"app": "nginx"}
    assert world.claims["www-web-0"].metadata.owner_references == []


@BOTH
def test_a_lost_pod_comes_back_whatever_those_after_it_do(policy: str) -> None:
    world = settled(4, policy)
    world.unready("web-2")
    world.delete("web-3")
    world.gone("web-1")
    assert said(world.plan()) == ["create pod web-1"]


@BOTH
def test_a_pod_without_a_phase_counts_for_nothing_and_is_created(policy: str) -> None:
    world = settled(policy=policy)
    world.pods["web-1"].status.phase = ""
    assert said(world.plan()) == ["create pod web-1"]
    assert world.plan().status.replicas == 2


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_an_ordered_set_says_what_it_waits_for() -> None:
    world = World(web(3))
    world.step()
    assert str(world.plan().waiting_for) == "web-0 to be Running and Ready (phase Pending)"


@pytest.mark.parametrize(
    ("ready_since", "again"),
    [
        ([], None),
        ([0], 30.0),
        ([10, 4], 20.0),
        ([29.5, 40], 0.5),
        ([30, 40], None),
        ([None], 30.0),
        ([None, 25], 5.0),
    ],
)
def test_a_set_is_looked_at_again_when_the_next_pod_becomes_available(
    ready_since: list[float | None], again: float | None
) -> None:
    world = World(web(len(ready_since), policy="Parallel"))
    world.set.spec.min_ready_seconds = 30
    world.step()
    for ordinal, seconds in enumerate(ready_since):
        world.ready(f"web-{ordinal}")
        (condition,) = world.pods[f"web-{ordinal}"].status.conditions
        moment = world.now - timedelta(seconds=seconds or 0)
        condition.last_transition_time = None if seconds is None else moment.isoformat()
    assert world.plan().look_again == again


@BOTH
@pytest.mark.parametrize("least", [None, 0])
def test_without_min_ready_seconds_a_ready_pod_is_available_whenever_it_got_ready(
    policy: str, least: int | None
) -> None:
    world = settled(policy=policy)
    world.set.spec.min_ready_seconds = least
    for pod in world.pods.values():
        pod.status.conditions[0].last_transition_time = None
    assert (said(world.plan()), world.plan().waiting_for) == ([], None)
    assert (world.plan().status.available_replicas, world.plan().look_again) == (3, None)


def test_min_ready_seconds_holds_the_next_pod_back_and_sets_a_timer() -> None:
    world = World(web(2))
    world.set.spec.min_ready_seconds = 30
    world.step()
    world.ready("web-0")
    plan = world.step()
    assert said(plan) == []
    assert plan.look_again == 30
    assert (plan.status.ready_replicas, plan.status.available_replicas) == (1, 0)


@BOTH
@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_an_ended_pod_is_deleted_once_and_created_anew(policy: str, phase: str) -> None:
    world = settled(policy=policy)
    world.pods["web-0"].status.phase = phase
    assert said(world.step()) == [f"delete pod web-0 ({phase.lower()})"]
    assert said(world.step()) == ["create pod web-0"]


def test_an_ended_pod_that_terminates_is_not_deleted_again() -> None:
    world = settled()
    world.delete("web-1")
    world.pods["web-1"].status.phase = "Failed"
    assert said(world.plan()) == []


@pytest.mark.parametrize(("policy", "replaced"), [("OrderedReady", []), ("Parallel", ["create pod web-2"])])
def test_a_terminating_pod_blocks_an_ordered_set_only(policy: str, replaced: list[str]) -> None:
    world = settled(policy=policy)
    world.delete("web-1")
    world.delete("web-2")
    world.gone("web-2")
    assert said(world.step()) == replaced


def not_ready(world: World) -> None:
    world.unready("web-0")


def not_yet_available(world: World) -> None:
    world.set.spec.min_ready_seconds = 10**6


def terminating(world: World) -> None:
    world.delete("web-0")


@pytest.mark.parametrize("obstacle", [not_ready, not_yet_available, terminating])
@pytest.mark.parametrize(
    ("replicas", "steps"),
    [(5, ["create pod web-3", "create pod web-4"]), (1, [f"delete pod web-{o} (scale down)" for o in (2, 1)])],
)
def test_an_unavailable_replica_stops_an_ordered_set_and_not_a_parallel_one(
    obstacle: Callable[[World], None], replicas: int, steps: list[str]
) -> None:
    for policy, expected in (("OrderedReady", []), ("Parallel", steps)):
        world = settled(policy=policy)
        obstacle(world)
        world.scale(replicas)
        assert said(world.plan()) == expected


@pytest.mark.parametrize("obstacle", [not_ready, not_yet_available, terminating])
def test_an_unavailable_replica_stops_the_update_of_an_ordered_set(obstacle: Callable[[World], None]) -> None:
    world = settled()
    obstacle(world)
    world.set_image("nginx:2")
    assert said(world.plan()) == []


# --- scale down -------------------------------------------------------------------------------------------------------


def test_ordered_scale_down_deletes_the_highest_and_waits_until_it_is_gone() -> None:
    world = settled()
    world.scale(1)
    assert said(world.step()) == ["delete pod web-2 (scale down)"]
    assert said(world.step()) == []
    world.gone("web-2")
    assert said(world.step()) == ["delete pod web-1 (scale down)"]


def test_parallel_scale_down_deletes_all_at_once_highest_first() -> None:
    world = settled(policy="Parallel")
    world.scale(0)
    assert said(world.step()) == [f"delete pod web-{o} (scale down)" for o in (2, 1, 0)]


@BOTH
def test_only_deletions_for_the_update_lessen_the_current_replicas_at_once(policy: str) -> None:
    world = settled(policy=policy)
    world.scale(2)
    assert world.plan().status.current_replicas == 3
    world.scale(3)
    world.set_image("nginx:2")
    assert world.plan().status.current_replicas == 2


def test_ordered_scale_down_waits_for_an_unhealthy_replica_in_range() -> None:
    world = settled()
    world.unready("web-0")
    world.scale(1)
    assert said(world.step()) == []


def test_parallel_scale_down_deletes_unhealthy_pods_too() -> None:
    world = settled(4, "Parallel")
    for name in ("web-0", "web-2", "web-3"):
        world.unready(name)
    world.scale(1)
    assert said(world.step()) == [f"delete pod web-{o} (scale down)" for o in (3, 2, 1)]


def test_ordered_scale_down_deletes_the_condemned_pod_that_is_itself_the_unhealthy_one() -> None:
    world = settled()
    world.unready("web-2")
    world.scale(1)
    assert said(world.step()) == ["delete pod web-2 (scale down)"]


def test_ordered_scale_to_zero_of_an_all_unready_set_waits() -> None:
    world = settled()
    for name in list(world.pods):
        world.unready(name)
    world.scale(0)
    assert said(world.step()) == []


@pytest.mark.parametrize(
    ("policy", "lost", "steps"),
    [
        ("OrderedReady", True, ["create pod web-1"]),
        ("OrderedReady", False, ["delete pod web-3 (scale down)"]),
        ("Parallel", True, ["create pod web-1", "delete pod web-3 (scale down)"]),
        ("Parallel", False, ["delete pod web-3 (scale down)", "delete pod web-2 (update)"]),
    ],
)
def test_replicas_come_before_scale_down_and_scale_down_before_the_update(
    policy: str, lost: bool, steps: list[str]
) -> None:
    world = settled(4, policy)
    if lost:
        world.gone("web-1")
    world.scale(3)
    world.set_image("nginx:2")
    assert said(world.plan()) == steps


# --- claiming ---------------------------------------------------------------------------------------------------------


def test_an_orphan_that_matches_is_adopted_and_one_of_another_name_is_not() -> None:
    world = settled()
    world.pods["web-1"].metadata.owner_references = []
    stranger = world.pods["web-2"]
    world.pods["other-2"] = stranger
    del world.pods["web-2"]
    stranger.metadata.name = "other-2"
    actions = [str(action) for action in world.plan().actions()]
    assert actions == ["adopt pod web-1", "release pod other-2", actions[2]]
    assert actions[2].startswith("create pod web-2")


@BOTH
def test_a_pod_that_no_longer_matches_is_released_counts_no_more_and_its_place_is_tried(policy: str) -> None:
    world = settled(policy=policy)
    world.pods["web-1"].metadata.labels["app"] = "debugged"
    plan = world.plan()
    assert [str(action).split(" at ")[0] for action in plan.actions()] == ["release pod web-1", "create pod web-1"]
    assert plan.status.replicas == 2


@BOTH
def test_an_orphan_that_is_going_away_is_not_adopted_and_its_place_is_tried(policy: str) -> None:
    world = settled(policy=policy)
    world.pods["web-1"].metadata.owner_references = []
    world.delete("web-1")
    assert [str(action).split(" at ")[0] for action in world.plan().actions()] == ["create pod web-1"]


def test_a_set_that_is_being_deleted_touches_no_pod() -> None:
    world = settled()
    world.set.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    world.scale(5)
    assert list(world.plan().actions()) == []


@BOTH
def test_a_set_that_is_being_deleted_neither_adopts_nor_releases(policy: str) -> None:
    world = settled(policy=policy)
    world.set.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    world.pods["web-0"].metadata.labels["app"] = "debugged"
    world.pods["web-1"].metadata.owner_references = []
    decided = world.plan()
    assert list(decided.actions()) == []
    assert decided.status.replicas == 1


def test_a_set_that_is_being_deleted_still_forgets_revisions() -> None:
    world = settled(1)
    first = world.set.status.current_revision
    world.set_image("nginx:2")
    world.settle()
    world.set.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    world.set.spec.revision_history_limit = 0
    decided = world.plan()
    assert (decided.steps, [drop.name for drop in decided.cleanup]) == ((), [first])
    world.set_image("nginx:3")
    assert [step.phase for step in world.plan().steps] == ["revisions"]


def test_a_member_whose_number_is_too_large_has_no_place() -> None:
    world = settled()
    stray = world.pods.pop("web-2")
    stray.metadata.name = "web-2147483648"
    world.pods[stray.metadata.name] = stray
    plan = world.plan()
    assert said(plan) == ["create pod web-2"], "neither adopted, released nor deleted"
    assert plan.status.replicas == 2


def test_of_two_pods_of_one_ordinal_the_plainly_named_has_the_place() -> None:
    world = settled()
    double = copy(world.pods["web-1"])
    double.metadata.name = "web-01"
    for pods in ({"web-01": double, **world.pods}, {**world.pods, "web-01": double}):
        world.pods = dict(pods)
        assert said(world.plan()) == []


def test_a_pod_with_another_spelling_of_its_ordinal_is_renamed_which_the_api_refuses() -> None:
    world = settled()
    odd = world.pods.pop("web-1")
    odd.metadata.name = odd.metadata.labels["statefulset.kubernetes.io/pod-name"] = "web-01"
    world.pods["web-01"] = odd
    assert said(world.plan()) == ["repair identity of pod web-1"]


@BOTH
def test_a_lost_label_is_repaired(policy: str) -> None:
    world = settled(policy=policy)
    del world.pods["web-1"].metadata.labels["statefulset.kubernetes.io/pod-name"]
    assert said(world.step()) == ["repair identity of pod web-1"]
    assert said(world.step()) == []


@pytest.mark.parametrize(
    "happens",
    [
        lambda world: world.unready("web-1"),
        lambda world: world.delete("web-1"),
        lambda world: setattr(world.set.spec, "min_ready_seconds", 10**6),
    ],
    ids=["not ready", "terminating", "not yet available"],
)
@pytest.mark.parametrize(("policy", "repair"), [("OrderedReady", []), ("Parallel", ["repair identity of pod web-1"])])
def test_a_pod_that_is_waited_for_is_repaired_in_a_parallel_set_only(
    policy: str, repair: list[str], happens: Callable[[World], None]
) -> None:
    world = settled(policy=policy)
    happens(world)
    del world.pods["web-1"].metadata.labels["statefulset.kubernetes.io/pod-name"]
    assert said(world.plan()) == repair
