"""What each rule says it waits for, and what an update leaves as it is; the plan in words."""

from collections.abc import Callable

import pytest

from petset.api.types import RollingUpdateStatefulSetStrategy
from petset.controllers.statefulset.names import REVISION_LABEL
from petset.controllers.statefulset.plan import plan
from tests.simulation.world import World, retention, said, settled

BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])


def rolling(world: World, partition: int | None = 0, budget: int | str | None = 1) -> None:
    strategy = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=budget)
    world.set.spec.update_strategy.rolling_update = strategy


def on_delete(world: World) -> None:
    world.set.spec.update_strategy.type, world.set.spec.update_strategy.rolling_update = "OnDelete", None


# --- waits ------------------------------------------------------------------------------------------------------------


def created(world: World) -> str:
    world.scale(4)
    return "web-3 to be created and become Running and Ready"


def pending(world: World) -> str:
    created(world)
    world.step()
    return "web-3 to be Running and Ready (phase Pending)"


def terminating(world: World) -> str:
    world.delete("web-1")
    return "web-1 to be gone (terminating)"


def not_yet_available(world: World) -> str:
    world.set.spec.min_ready_seconds = 10**6
    return "web-0 to be Ready for 1000000 s"


def failed(world: World) -> str:
    world.fail("web-1")
    return "web-1, which has failed, to be gone (phase Failed)"


def succeeded_and_going(world: World) -> str:
    world.delete("web-1")
    world.fail("web-1", "Succeeded")
    return "web-1, which has succeeded, to be gone (terminating)"


def stale_claim(world: World) -> str:
    world.set.spec.persistent_volume_claim_retention_policy = retention("Delete", "Retain")
    world.scale(2)
    world.step()
    world.step()
    world.gone("web-2")
    world.scale(3)
    return "claim www-web-2 of an earlier web-2 to be deleted"


def claim_that_goes(world: World) -> str:
    world.delete("web-2")
    world.delete_claim("www-web-2")
    del world.pods["web-2"]
    return "web-2 to be created; pvc www-web-2 is being deleted"


def condemned(world: World) -> str:
    world.scale(2)
    return "web-2 to be gone"


def condemned_and_going(world: World) -> str:
    world.scale(2)
    world.step()
    return "web-2 to be gone (terminating)"


def updated(world: World) -> str:
    world.set_image("nginx:2")
    return "web-2 to be replaced by the update"


BOTH_WAIT: list[Callable[[World], str]] = [
    created,
    pending,
    terminating,
    not_yet_available,
    failed,
    succeeded_and_going,
    stale_claim,
    claim_that_goes,
    condemned,
    condemned_and_going,
    updated,
]


@BOTH
@pytest.mark.parametrize("happens", BOTH_WAIT)
def test_what_a_set_waits_for(policy: str, happens: Callable[[World], str]) -> None:
    world = settled(policy=policy)
    expected = happens(world)
    assert str(plan(world.observe()).waiting_for) == expected


@pytest.mark.parametrize(
    ("policy", "first"), [("OrderedReady", "web-0 to be Running and Ready (phase Running)"), ("Parallel", None)]
)
def test_the_first_wait_of_all_is_named(policy: str, first: str | None) -> None:
    world = settled(4, policy)
    world.unready("web-0")
    world.delete("web-1")
    world.scale(2)
    decided = world.plan()
    assert str(decided.waiting_for) == "web-0 to be Running and Ready (phase Running)"
    assert said(decided) == ([] if first else ["delete pod web-3 (scale down)", "delete pod web-2 (scale down)"])


def test_an_ordered_set_says_of_a_condemned_pod_what_it_lacks() -> None:
    world = settled(4)
    world.scale(1)
    world.unready("web-2")
    world.unready("web-3")
    assert str(world.plan().waiting_for) == "web-3 to be Running and Ready before it is deleted (phase Running)"
    world.ready("web-3")
    world.set.spec.min_ready_seconds = 3600
    for name in ("web-0", "web-1"):
        world.pods[name].status.conditions[0].last_transition_time = "2025-12-31T00:00:00Z"
    assert str(world.plan().waiting_for) == "web-3 to be Ready for 3600 s"


def test_a_condemned_pod_that_goes_is_waited_for_in_an_ordered_set_and_passed_over_in_a_parallel_one() -> None:
    for policy, expected in (("OrderedReady", []), ("Parallel", ["delete pod web-2 (scale down)"])):
        world = settled(4, policy)
        world.delete("web-3")
        world.scale(2)
        assert said(world.plan()) == expected
        assert str(world.plan().waiting_for) == "web-3 to be gone (terminating)"


def test_a_plan_in_words() -> None:
    world = settled(2)
    world.scale(3)
    assert str(world.plan()).splitlines() == [
        f"replicas: create pod web-2 at {world.set.status.update_revision} with claim www-web-2",
        "waiting for web-2 to be created and become Running and Ready",
    ]


def test_the_phases_of_a_plan_are_in_the_order_of_the_rules() -> None:
    world = settled(5, "Parallel")
    world.set.spec.persistent_volume_claim_retention_policy = retention("Delete", "Retain")
    world.pods["web-1"].metadata.owner_references = []
    world.revisions[world.revision_of("web-0")].metadata.owner_references = []
    world.gone("web-0")
    world.scale(3)
    world.set_image("nginx:2")
    rolling(world, 0, 2)
    decided = world.plan()
    assert [
        (step.phase, step.pace, [str(a).split(" (")[0].split(" at ")[0] for a in step.actions])
        for step in decided.steps
    ] == [
        ("adoption", "one by one", [f"adopt revision {world.set.status.current_revision}"]),
        ("claiming", "one by one", ["adopt pod web-1"]),
        ("revisions", "one by one", [f"create revision {decided.status.update_revision}"]),
        ("replicas", "doubling", ["create pod web-0"]),
        ("retention", "doubling", [f"set owners of claim www-web-{o} to Pod web-{o}" for o in (4, 3)]),
        ("condemned", "doubling", ["delete pod web-4", "delete pod web-3"]),
        ("update", "one by one", ["delete pod web-2"]),
    ]


def test_an_ordered_plan_goes_pod_by_pod() -> None:
    world = settled(3)
    world.scale(2)
    assert [(step.phase, step.pace) for step in world.plan().steps] == [("condemned", "one by one")]


def test_what_is_decided_can_be_compared_and_kept() -> None:
    """Values all the way down: tuples, no lists that somebody could change."""
    world = settled(5, "Parallel")
    world.pods["web-1"].metadata.owner_references = []
    world.scale(3)
    decided = world.plan()
    assert isinstance(hash(decided.waiting_for and decided.waiting_for.about), int)
    assert {type(step.groups) for step in decided.steps} == {tuple}
    assert {type(group) for step in decided.steps for group in step.groups} == {tuple}
    assert (type(decided.steps), type(decided.cleanup)) == (tuple, tuple)


# --- no room for the update -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "because"),
    [
        (1, "; maxUnavailable 1 leaves no room to update web-1 before"),
        (2, ""),
        ("70%", ""),
        ("40%", "; maxUnavailable 1 leaves no room to update web-1 before"),
    ],
)
def test_who_uses_up_the_budget_is_said(budget: int | str, because: str) -> None:
    world = settled(policy="Parallel")
    rolling(world, 0, budget)
    world.set_image("nginx:2")
    world.gone("web-2")
    decided = world.plan()
    assert str(decided.waiting_for) == f"web-2 to be created and become Running and Ready{because}"
    assert said(decided) == ["create pod web-2", *([] if because else ["delete pod web-1 (update)"])]


def test_room_is_no_matter_below_the_partition() -> None:
    world = settled(policy="Parallel")
    rolling(world, 2)
    world.set_image("nginx:2")
    world.gone("web-2")
    world.step()
    assert str(world.plan().waiting_for) == "web-2 to be Running and Ready (phase Pending)"


# --- what is held back ------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize(
    ("prepare", "held"),
    [
        (lambda world: rolling(world, 0), None),
        (lambda world: rolling(world, 1), "partition 1 keeps web-0 from revision {}"),
        (lambda world: rolling(world, 2), "partition 2 keeps web-1 and 1 more from revision {}"),
        (lambda world: rolling(world, 9), "partition 9 keeps web-2 and 2 more from revision {}"),
        (on_delete, "updateStrategy OnDelete keeps web-2 and 2 more from revision {}"),
    ],
)
def test_what_an_update_leaves_as_it_is(policy: str, prepare: Callable[[World], None], held: str | None) -> None:
    world = settled(policy=policy)
    prepare(world)
    assert world.plan().held_back is None
    world.set_image("nginx:2")
    world.settle()
    expected = held.format(world.set.status.update_revision) if held is not None else None
    assert (world.plan().held_back, world.plan().waiting_for) == (expected, None)
    world.unready("web-2")
    assert world.plan().held_back is None, "first comes what is waited for"


@BOTH
@pytest.mark.parametrize("prepare", [rolling, lambda world: rolling(world, 2), on_delete])
def test_a_set_that_is_being_deleted_holds_nothing_back_and_waits_for_nothing(
    policy: str, prepare: Callable[[World], None]
) -> None:
    world = settled(policy=policy)
    prepare(world)
    world.set_image("nginx:2")
    world.set.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    assert (world.plan().held_back, world.plan().waiting_for) == (None, None)


@BOTH
def test_a_pod_without_a_revision_is_held_back_like_an_old_one(policy: str) -> None:
    world = settled(policy=policy)
    on_delete(world)
    world.set_image("nginx:2")
    del world.pods["web-1"].metadata.labels[REVISION_LABEL]
    world.settle()
    revision = world.set.status.update_revision
    assert world.plan().held_back == f"updateStrategy OnDelete keeps web-2 and 2 more from revision {revision}"
