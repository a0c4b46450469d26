"""The rules of the update: which pods it replaces and in which order, which revision pods get, what is forgotten."""

from typing import NamedTuple

import pytest

from petset.api.types import RollingUpdateStatefulSetStrategy, StatefulSetOrdinals
from petset.controllers.statefulset import model
from tests.simulation.world import World, said, settled, web

BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])


@BOTH
def test_a_rolling_update_goes_from_the_highest_down_one_at_a_time(policy: str) -> None:
    world = settled(policy=policy)
    world.set_image("nginx:2")
    for ordinal in (2, 1, 0):
        name = f"web-{ordinal}"
        assert said(world.step()) == [f"delete pod {name} (update)"]
        assert said(world.step()) == [], "waits for the termination"
        world.gone(name)
        assert said(world.step()) == [f"create pod {name}"]
        assert said(world.step()) == [], "waits until the new pod is available"
        world.ready(name)
    world.step()
    assert world.set.status.current_revision == world.set.status.update_revision
    assert set(world.images().values()) == {"nginx:2"}


@BOTH
def test_the_partition_is_respected_also_for_pods_deleted_by_hand(policy: str) -> None:
    world = settled(5, policy)
    rolling = world.set.spec.update_strategy.rolling_update
    assert rolling is not None
    rolling.partition = 3
    world.set_image("nginx:2")
    world.settle()
    old, new = "nginx:1", "nginx:2"
    assert world.images() == {0: old, 1: old, 2: old, 3: new, 4: new}
    for name in ("web-1", "web-4"):
        world.delete(name)
        world.gone(name)
        world.settle()
    assert world.images() == {0: old, 1: old, 2: old, 3: new, 4: new}
    assert world.set.status.current_revision != world.set.status.update_revision


@pytest.mark.parametrize(("current", "images"), [(None, [2, 2, 2]), (1, [1, 2, 2]), (2, [1, 1, 2]), (9, [1, 1, 1])])
def test_without_a_rolling_update_block_new_pods_are_current_as_far_as_the_rollout_has_not_come(
    current: int | None, images: list[int]
) -> None:
    world = settled(policy="Parallel")
    world.set.spec.update_strategy.rolling_update = None
    world.set_image("nginx:2")
    world.set.status.current_replicas = current
    world.pods.clear()
    created = [a.pod for a in world.plan().actions() if isinstance(a, model.CreatePod)]
    assert [pod.spec.containers[0].image for pod in created] == [f"nginx:{number}" for number in images]


CURRENT, UPDATE = "nginx:1", "nginx:2"


@pytest.mark.parametrize("start", [0, 5])
@pytest.mark.parametrize(
    ("type_", "partition", "images"),
    [
        ("RollingUpdate", 0, [UPDATE, UPDATE, UPDATE]),
        ("RollingUpdate", 1, [CURRENT, UPDATE, UPDATE]),
        ("RollingUpdate", 3, [CURRENT, CURRENT, CURRENT]),
        ("RollingUpdate", 9, [CURRENT, CURRENT, CURRENT]),
        ("OnDelete", 0, [UPDATE, UPDATE, UPDATE]),
    ],
)
def test_a_new_pod_gets_the_current_revision_below_the_partition_and_the_update_revision_from_there(
    type_: str, partition: int, images: list[str], start: int
) -> None:
    world = World(web(3, policy="Parallel"))
    world.set.spec.ordinals = StatefulSetOrdinals(start=start)
    world.settle()
    block = RollingUpdateStatefulSetStrategy(partition=partition) if type_ == "RollingUpdate" else None
    world.set.spec.update_strategy.type, world.set.spec.update_strategy.rolling_update = type_, block
    world.set_image("nginx:2")
    world.pods.clear()
    created = [a.pod for a in world.plan().actions() if isinstance(a, model.CreatePod)]
    assert [pod.spec.containers[0].image for pod in created] == images


@BOTH
def test_a_rolling_update_block_without_a_partition_updates_all(policy: str) -> None:
    world = settled(policy=policy)
    world.set.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy()
    world.set_image("nginx:2")
    world.gone("web-0")
    (created,) = [a.pod for a in world.plan().actions() if isinstance(a, model.CreatePod)]
    assert created.spec.containers[0].image == "nginx:2"
    world.settle()
    assert set(world.images().values()) == {"nginx:2"}


@BOTH
def test_on_delete_waits_for_the_user(policy: str) -> None:
    world = settled(policy=policy)
    world.set.spec.update_strategy.type = "OnDelete"
    world.set.spec.update_strategy.rolling_update = None
    world.set_image("nginx:2")
    world.settle()
    assert set(world.images().values()) == {"nginx:1"}
    world.delete("web-1")
    world.gone("web-1")
    world.settle()
    assert world.images() == {0: "nginx:1", 1: "nginx:2", 2: "nginx:1"}
    assert world.set.status.updated_replicas == 1


@pytest.mark.parametrize(
    ("max_unavailable", "replicas", "deleted"),
    [
        (None, 5, 1),
        (1, 5, 1),
        (2, 5, 2),
        ("20%", 10, 2),
        ("25%", 6, 1),
        ("1%", 5, 1),
        ("80%", 5, 4),
        ("33%", 6, 1),
        (9, 3, 3),
        (0, 3, 1),
    ],
)
@BOTH
def test_max_unavailable_is_a_number_or_a_percentage_rounded_down_but_at_least_one(
    policy: str, max_unavailable: int | str | None, replicas: int, deleted: int
) -> None:
    world = settled(replicas, policy)
    world.set.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(max_unavailable=max_unavailable)
    world.set_image("nginx:2")
    assert len(said(world.step())) == deleted


def test_unavailable_pods_below_the_partition_use_up_the_budget() -> None:
    world = settled(4, "Parallel")
    world.set.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(max_unavailable=2, partition=2)
    world.set_image("nginx:2")
    world.unready("web-0")
    assert said(world.step()) == ["delete pod web-3 (update)"]


def test_a_parallel_update_first_replaces_all_broken_outdated_pods() -> None:
    world = settled(4, "Parallel")
    world.unready("web-0")
    world.unready("web-1")
    world.set_image("nginx:2")
    assert said(world.step()) == ["delete pod web-1 (update)", "delete pod web-0 (update)"]


def test_an_outdated_pod_that_has_ended_is_deleted_once_and_uses_up_the_budget() -> None:
    world = settled(3, "Parallel")
    world.set_image("nginx:2")
    world.fail("web-1")
    assert said(world.step()) == ["delete pod web-1 (failed)"]


@BOTH
def test_pods_of_a_third_revision_or_of_none_are_replaced_too(policy: str) -> None:
    world = settled(policy=policy)
    world.set_image("nginx:2")
    world.step()
    world.gone("web-2")
    world.step()
    world.ready("web-2")
    del world.pods["web-1"].metadata.labels["controller-revision-hash"]
    world.set_image("nginx:3")
    replaced = []
    for _ in range(3):
        (deleted,) = (action for action in world.step().actions() if isinstance(action, model.DeletePod))
        replaced.append(deleted.name)
        world.gone(deleted.name)
        world.step()
        world.ready(deleted.name)
    assert replaced == ["web-2", "web-1", "web-0"]
    assert set(world.images().values()) == {"nginx:3"}


@BOTH
def test_on_delete_never_makes_the_update_revision_the_current_one(policy: str) -> None:
    world = settled(policy=policy)
    world.set.spec.update_strategy.type, world.set.spec.update_strategy.rolling_update = "OnDelete", None
    first = world.set.status.current_revision
    world.set_image("nginx:2")
    for name in ("web-0", "web-1", "web-2"):
        world.delete(name)
        world.gone(name)
        world.settle()
    status = world.set.status
    assert set(world.images().values()) == {"nginx:2"}
    assert (status.current_revision, status.current_replicas, status.updated_replicas) == (first, None, 3)
    assert status.update_revision != first


def test_an_ordered_set_stays_stuck_on_a_broken_pod_after_the_template_is_repaired() -> None:
    world = settled()
    world.set_image("broken")
    world.step()
    world.gone("web-2")
    world.step()
    world.run("web-2")
    world.set_image("nginx:1")
    for _ in range(3):
        assert said(world.step()) == []
    world.delete("web-2")
    world.gone("web-2")
    world.settle()
    assert set(world.images().values()) == {"nginx:1"}


@BOTH
def test_a_rollback_uses_the_old_revision_under_its_old_name(policy: str) -> None:
    world = settled(policy=policy)
    first = world.set.status.update_revision
    world.set_image("nginx:2")
    world.settle()
    world.set_image("nginx:1")
    world.settle()
    assert world.set.status.update_revision == first
    assert len(world.revisions) == 2
    assert world.revisions[first or ""].revision == 3


@pytest.mark.parametrize(("limit", "kept"), [(0, 1), (2, 3), (5, 6), (-2, 8)])
def test_old_revisions_are_forgotten_beyond_the_limit(limit: int, kept: int) -> None:
    world = settled(1)
    world.set.spec.revision_history_limit = limit
    for number in range(2, 9):
        world.set_image(f"nginx:{number}")
        world.settle()
    world.step()
    assert len(world.revisions) == kept


# --- the update, as of 1.37 (kubernetes/kubernetes#137666) ------------------------------------------------------------


class Update(NamedTuple):
    """A set with a new template, the places of its pods that are unready or go, and of those that one plan deletes."""

    policy: str
    replicas: int
    partition: int
    budget: int
    unready: list[int]
    going: list[int]
    deleted: list[int]


UPDATES = [
    Update("Parallel", 1, 0, 1, [0], [], [0]),
    Update("Parallel", 3, 0, 1, [2], [], [2]),
    Update("Parallel", 5, 0, 2, [3, 4], [], [4, 3]),
    Update("Parallel", 3, 0, 1, [], [2], []),
    Update("Parallel", 5, 0, 3, [3], [4], [3, 2]),
    Update("Parallel", 5, 0, 3, [4], [3], [4, 2]),
    Update("Parallel", 5, 2, 1, [4], [], [4]),
    Update("Parallel", 5, 2, 1, [2], [], [2]),
    Update("Parallel", 5, 2, 1, [1], [], []),
    Update("Parallel", 5, 3, 2, [3, 4], [], [4, 3]),
    Update("Parallel", 5, 3, 2, [1, 4], [], [4]),
    Update("Parallel", 4, 0, 2, [0, 1], [], [1, 0]),
    Update("Parallel", 5, 0, 3, [0, 1], [], [1, 0, 4]),
    Update("OrderedReady", 1, 0, 1, [0], [], []),
    Update("OrderedReady", 3, 0, 1, [2], [], []),
    Update("OrderedReady", 5, 0, 2, [4], [], []),
    Update("OrderedReady", 3, 0, 1, [], [2], []),
    Update("OrderedReady", 5, 0, 3, [3], [4], []),
    Update("OrderedReady", 5, 0, 3, [4], [3], []),
    Update("OrderedReady", 5, 2, 1, [4], [], []),
]


@pytest.mark.parametrize("case", UPDATES, ids=str)
@pytest.mark.parametrize("start", [0, 3])
def test_which_pods_an_update_deletes(case: Update, start: int) -> None:
    world = World(web(case.replicas, policy=case.policy))
    world.set.spec.ordinals = StatefulSetOrdinals(start=start)
    world.set.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(
        partition=case.partition, max_unavailable=case.budget
    )
    world.settle()
    world.set_image("nginx:2")
    for place in case.unready:
        world.unready(f"web-{start + place}")
    for place in case.going:
        world.delete(f"web-{start + place}")
    assert said(world.plan()) == [f"delete pod web-{start + place} (update)" for place in case.deleted]


@BOTH
def test_of_several_pods_the_first_to_be_replaced_is_waited_for(policy: str) -> None:
    world = settled(4, policy)
    world.set.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(max_unavailable=2)
    world.set_image("nginx:2")
    assert str(world.plan().waiting_for) == "web-3 to be replaced by the update"


@pytest.mark.parametrize(("policy", "deleted"), [("OrderedReady", []), ("Parallel", [2])])
def test_a_pod_within_its_min_ready_seconds_is_unavailable_to_the_update(policy: str, deleted: list[int]) -> None:
    world = settled(policy=policy)
    world.now = world.now.replace(day=2)
    world.set.spec.min_ready_seconds = 30
    world.unready("web-2")
    world.ready("web-2")
    world.set_image("nginx:2")
    assert said(world.plan()) == [f"delete pod web-{ordinal} (update)" for ordinal in deleted]
