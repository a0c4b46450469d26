"""What is foretold, a table a strategy; and that the real controller then does just that."""

import sys

import pytest

from petset.api.meta import copy
from petset.api.types import RollingUpdateStatefulSetStrategy, StatefulSet, StatefulSetOrdinals
from petset.cli.preview.forecast import Forecast, forecast
from petset.cli.preview.reading import neighbours, situation, stock
from petset.cli.preview.world import Limits
from tests.simulation.world import World, retention, settled, web
from tests.unit.cli.preview.samples import Change, break_pod, changed, created, image, scale, storage_class, told
from tests.unit.controllers.statefulset.cluster import SetCluster, set_cluster

POLICIES = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])


def partition(value: int) -> Change:
    def change(set_: StatefulSet) -> None:
        image()(set_)
        set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(partition=value, max_unavailable=1)

    return change


def budget(value: int | str) -> Change:
    def change(set_: StatefulSet) -> None:
        image()(set_)
        set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(partition=0, max_unavailable=value)

    return change


def on_delete(set_: StatefulSet) -> None:
    image()(set_)
    set_.spec.update_strategy.type, set_.spec.update_strategy.rolling_update = "OnDelete", None


def start_at_one(set_: StatefulSet) -> None:
    set_.spec.ordinals = StatefulSetOrdinals(start=1)


def larger_and_newer(set_: StatefulSet) -> None:
    image()(set_)
    scale(5)(set_)


def larger_by_two_and_newer(set_: StatefulSet) -> None:
    image()(set_)
    set_.spec.replicas = (set_.spec.replicas or 0) + 2


def nothing(_: StatefulSet) -> None:
    """The manifest says what is so."""


def replaced(name: str) -> list[str]:
    return [
        f"delete pod {name} at OLD (update)",
        f"wait for {name} to be gone",
        f"create pod {name} at NEW (with the existing claim www-{name})",
        f"wait for {name} to be Running and Ready",
    ]


def added(name: str, revision: str = "NEW") -> list[str]:
    return [
        f"create claim www-{name}",
        f"create pod {name} at {revision}",
        f"wait for {name} to be Running and Ready",
    ]


ORDERED = [
    ("nothing", nothing, []),
    ("scale up", scale(5), [*added("web-3"), *added("web-4")]),
    (
        "scale down",
        scale(1),
        [
            "delete pod web-2 at NEW (scale down)",
            "wait for web-2 to be gone",
            "delete pod web-1 at NEW (scale down)",
            "wait for web-1 to be gone",
        ],
    ),
    ("update", image(), [*replaced("web-2"), *replaced("web-1"), *replaced("web-0")]),
    ("partition", partition(2), replaced("web-2")),
    ("partition above replicas", partition(9), []),
    ("OnDelete", on_delete, []),
    (
        "update and scale up",
        larger_and_newer,
        [*added("web-3"), *added("web-4"), *replaced("web-2"), *replaced("web-1"), *replaced("web-0")],
    ),
    (
        "maxUnavailable 2",
        budget(2),
        [
            "delete pod web-2 at OLD (update)",
            "delete pod web-1 at OLD (update)",
            "wait for web-1, web-2 to be gone",
            "create pod web-1 at NEW (with the existing claim www-web-1)",
            "wait for web-1 to be Running and Ready",
            "create pod web-2 at NEW (with the existing claim www-web-2)",
            "wait for web-2 to be Running and Ready",
            *replaced("web-0"),
        ],
    ),
]


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in ORDERED], ids=[row[0] for row in ORDERED])
def test_steps_of_an_ordered_set(change: Change, expected: list[str]) -> None:
    it = changed(settled(), change)
    assert told(it) == expected
    assert it.forecast.stops is None


PARALLEL = [
    (
        "scale up",
        scale(5),
        [
            "create claim www-web-3",
            "create pod web-3 at NEW",
            "create claim www-web-4",
            "create pod web-4 at NEW",
            "wait for web-3, web-4 to be Running and Ready",
        ],
    ),
    (
        "scale down",
        scale(1),
        [
            "delete pod web-2 at NEW (scale down)",
            "delete pod web-1 at NEW (scale down)",
            "wait for web-1, web-2 to be gone",
        ],
    ),
    ("update", image(), [*replaced("web-2"), *replaced("web-1"), *replaced("web-0")]),
    ("OnDelete", on_delete, []),
    (
        "maxUnavailable 100%",
        budget("100%"),
        [
            *(f"delete pod web-{number} at OLD (update)" for number in (2, 1, 0)),
            "wait for web-0, web-1, web-2 to be gone",
            *(f"create pod web-{number} at NEW (with the existing claim www-web-{number})" for number in (0, 1, 2)),
            "wait for web-0, web-1, web-2 to be Running and Ready",
        ],
    ),
]


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in PARALLEL], ids=[row[0] for row in PARALLEL])
def test_steps_of_a_parallel_set(change: Change, expected: list[str]) -> None:
    it = changed(settled(policy="Parallel"), change)
    assert told(it) == expected
    assert it.forecast.stops is None


def test_steps_of_a_new_set() -> None:
    it = created(web(2))
    assert told(it) == [*added("web-0"), *added("web-1")]
    assert str(it.forecast.steps[0]).endswith("(number 1)")


def test_a_preview_changes_nothing_of_what_it_looked_at() -> None:
    world = settled()
    before = [copy(pod) for pod in world.observe().pods]
    it = changed(world, image())
    assert it.forecast.steps
    assert list(it.observed.pods) == before


def test_shifted_ordinals_create_before_they_delete() -> None:
    assert told(changed(settled(), start_at_one)) == [
        *added("web-3"),
        "delete pod web-0 at NEW (scale down)",
        "wait for web-0 to be gone",
    ]


def test_going_back_renumbers_the_earlier_revision() -> None:
    world = settled()
    first = world.revision_of("web-0")
    world.set_image("nginx:2")
    world.settle()
    step = changed(world, image("nginx:1")).forecast.steps[0]
    assert (step.verb, step.names) == ("update", (first,))
    assert step.detail.startswith("number 1 becomes 3")


def test_claims_go_with_their_pods_when_the_policy_says_so() -> None:
    def change(set_: StatefulSet) -> None:
        scale(2)(set_)
        set_.spec.persistent_volume_claim_retention_policy = retention("Delete", "Retain")

    assert told(changed(settled(), change)) == [
        "update claim www-web-2 (goes when Pod web-2 goes)",
        "delete pod web-2 at NEW (scale down)",
        "wait for web-2 to be gone",
        "delete claim www-web-2 (its owner is gone; so are its data)",
    ]


def test_min_ready_seconds_are_waited_for() -> None:
    def change(set_: StatefulSet) -> None:
        image()(set_)
        set_.spec.min_ready_seconds = 30

    it = changed(settled(1), change)
    assert [s for s in told(it) if s.startswith("wait")] == [
        "wait for web-0 to be Ready for 30 s",
        "wait for web-0 to be gone",
        "wait for web-0 to be Running and Ready",
        "wait for web-0 to be Ready for 30 s",
    ]


def test_a_pod_that_is_starting_is_expected_to_come_up() -> None:
    world = settled()
    world.unready("web-1")
    it = changed(world, scale(4))
    assert told(it) == ["wait for web-1 to be Running and Ready", *added("web-3")]
    assert it.forecast.broken == ()


def test_an_ordered_set_stops_at_a_broken_pod() -> None:
    world = settled()
    break_pod(world, "web-1")
    it = changed(world, image())
    assert told(it) == []
    assert it.forecast.broken == ("web-1",)
    assert (it.forecast.stops or "").startswith("web-1 to be Running and Ready (")


def test_a_parallel_set_replaces_a_broken_pod_first() -> None:
    world = settled(policy="Parallel")
    break_pod(world, "web-1")
    it = changed(world, image())
    assert told(it)[:4] == replaced("web-1")
    assert it.forecast.stops is None


def test_a_pod_that_does_not_end_is_waited_for_without_end() -> None:
    world = settled()
    world.delete("web-2")
    world.now = world.now.replace(hour=world.now.hour + 1)
    assert changed(world, image()).forecast.stops == "web-2 to be gone (terminating)"


def test_a_pod_of_the_name_that_others_control_is_in_the_way() -> None:
    found = forecast(World(web(2)).observe(), Limits(taken=frozenset({"web-1"})))
    assert found.stops == "pod web-1 exists and is not the set's"
    assert str(found.steps[-1]) == "claim www-web-1"


def test_a_label_that_is_too_long_is_refused_and_nothing_follows() -> None:
    set_ = web(1)
    set_.metadata.name = "w" * 60
    found = forecast(World(set_).observe())
    assert "controller-revision-hash" in (found.stops or "")
    assert [step.kind for step in found.steps] == ["ControllerRevision", "PersistentVolumeClaim"]


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
@pytest.mark.parametrize("when_deleted", ["Retain", "Delete"])
def test_what_a_preview_costs_follows_the_number_of_steps(policy: str, when_deleted: str) -> None:
    """Counted in calls of functions. Looking at all pods in every round made it the square."""

    def calls(replicas: int) -> int:
        set_ = web(replicas, policy=policy)
        set_.spec.persistent_volume_claim_retention_policy = retention("Delete", when_deleted)
        world = World(set_)
        for _ in range(replicas + 1):
            world.step()
            world.live()
        it, counted = changed(world, larger_by_two_and_newer), 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            found = it.forecast
        finally:
            sys.setprofile(None)
        assert found.stops is None
        assert len(found.steps) >= 4 * replicas
        return counted

    assert calls(80) / 80 < 1.3 * calls(20) / 20


# --- the real controller ----------------------------------------------------------------------------------------------

CHANGES = [
    ("nothing", nothing),
    ("scale up", scale(5)),
    ("scale down", scale(1)),
    ("update", image()),
    ("update and scale up", larger_and_newer),
    ("partition", partition(1)),
    ("partition above replicas", partition(9)),
    ("maxUnavailable 2", budget(2)),
    ("OnDelete", on_delete),
    ("start at 1", start_at_one),
]


async def foretold(cluster: SetCluster, set_: StatefulSet) -> Forecast:
    """The forecast for a set, read through the client."""
    there = await stock(cluster.direct, "default")
    live = await cluster.set()
    around = neighbours(there, (), live.metadata.uid, petset=True)
    return situation(set_, live, there, around, cluster.clock.now()).forecast


def requests(found: Forecast) -> list[str]:
    """The steps as requests of the controller."""
    return [f"{step.verb} {step.kind} {step.names[0]}" for step in found.steps if step.verb in ("create", "delete")]


@POLICIES
@pytest.mark.parametrize("change", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
async def test_the_controller_does_what_was_foretold(policy: str, change: Change) -> None:
    async with set_cluster() as cluster:
        await cluster.direct.create(storage_class("standard", default=True))
        await cluster.create_set(policy=policy)
        cluster.start()
        await cluster.live()
        new = await cluster.set()
        change(new)
        found = await foretold(cluster, new)
        cluster.client.calls.clear()
        await cluster.change(change)
        await cluster.live()
        done = [call for call in cluster.client.said("create", "delete") if not call.startswith("create Event")]
        assert done == requests(found)
        assert found.stops is None
        assert await foretold(cluster, await cluster.set()) == Forecast(())


async def test_the_controller_adopts_what_an_orphaning_deletion_left() -> None:
    async with set_cluster() as cluster:
        await cluster.direct.create(storage_class("standard", default=True))
        await cluster.create_set()
        cluster.start()
        await cluster.live()
        new = await cluster.set()
        new.spec.service_name = "other"
        image()(new)
        there = await stock(cluster.direct, "default")
        live = await cluster.set()
        around = neighbours(there, (), live.metadata.uid, petset=True)
        it = situation(new, live, there, around, cluster.clock.now())
        assert it.fixed == ("spec.serviceName",)
        assert [str(step) for step in it.forecast.steps if step.verb == "adopt"][1:] == [
            f"pod web-{number} at {it.history.known[0].metadata.name}" for number in range(3)
        ]
        assert [s for s in requests(it.forecast) if "Pod" in s][:2] == ["delete Pod web-2", "create Pod web-2"]
