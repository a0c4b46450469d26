"""What the status says of sets that do not come further: the planner's own reason, since when, until when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from petset.api.meta import Key, format_time
from petset.api.types import PodCondition, RollingUpdateStatefulSetStrategy
from petset.cli.progress.missing import missing
from petset.cli.progress.snapshot import Snapshot
from petset.cli.progress.waits import held_back
from petset.controllers.statefulset.waiting import moment
from tests.simulation.world import World, retention, settled
from tests.unit.cli.progress_samples import a_node

WEB = Key("default", "web")


def seen(world: World) -> Snapshot:
    world.step()
    seen = world.observe()
    return Snapshot(
        sets=[seen.set],
        pods=list(seen.pods),
        claims=list(seen.claims.values()),
        nodes=[a_node()],
        revisions=list(seen.revisions),
        now=world.now.replace(hour=13),
    )


def lines(world: World) -> list[str]:
    return missing(seen(world), [WEB])


def pod_goes(world: World) -> list[str]:
    world.delete("web-1")
    return ["  waiting for web-1 to be gone, since 00:00:", "  web-1: terminating"]


def pod_is_unready(world: World) -> list[str]:
    world.unready("web-1")
    return ["  waiting for web-1 to be Running and Ready, since 00:00:", "  web-1: phase Running"]


def pod_is_not_scheduled(world: World) -> list[str]:
    pod = world.pods["web-1"]
    pod.status.phase = "Pending"
    condition = PodCondition(type="PodScheduled", status="False", message='persistentvolumeclaim "www-web-1" not found')
    condition.last_transition_time = "2025-12-31T01:02:03Z"
    pod.status.conditions = [condition]
    why = 'not scheduled: persistentvolumeclaim "www-web-1" not found'
    return ["  waiting for web-1 to be Running and Ready, since 2025-12-31 01:02:03", f"  web-1: {why}"]


def min_ready_seconds(world: World) -> list[str]:
    world.set.spec.min_ready_seconds = 24 * 3600
    world.set_image("nginx:2")
    for pod in world.pods.values():
        pod.status.conditions[0].last_transition_time = format_time(world.now.replace(hour=12))
    return ["  waiting for web-0 to be Ready for 86400 s, until 2026-01-02 12:00:"]


def stale_claim(world: World) -> list[str]:
    world.set.spec.persistent_volume_claim_retention_policy = retention("Delete", "Retain")
    world.scale(2)
    world.step()
    world.step()
    world.gone("web-2")
    world.scale(3)
    return ["  waiting for claim www-web-2 of an earlier web-2 to be deleted"]


WAITS: list[Callable[[World], list[str]]] = [
    pod_goes,
    pod_is_unready,
    pod_is_not_scheduled,
    min_ready_seconds,
    stale_claim,
]


@pytest.mark.parametrize("happens", WAITS)
def test_a_set_says_what_it_waits_for(happens: Callable[[World], list[str]]) -> None:
    world = settled()
    expected = happens(world)
    header, *told = lines(world)
    assert header.startswith("statefulset web: ")
    told = [line for line in told if not line.startswith("    ")]
    assert len(told) == len(expected), told
    for line, beginning in zip(told, expected, strict=True):
        assert line.startswith(beginning)


def test_an_update_without_room_says_so() -> None:
    world = settled(policy="Parallel")
    world.set_image("nginx:2")
    world.step()
    world.gone("web-2")
    (line,) = [line for line in lines(world) if "waiting for" in line]
    assert line.startswith(
        "  waiting for web-2 to be Running and Ready; maxUnavailable 1 leaves no room to update web-1"
    )


def test_a_pod_that_is_not_among_those_listed_is_described_where_it_is_named() -> None:
    world = settled(8)
    for ordinal in range(3, 8):
        world.unready(f"web-{ordinal}")
    world.scale(3)
    (line,) = [line for line in lines(world) if "waiting for" in line]
    assert line.startswith("  waiting for web-7 to be Running and Ready before it is deleted (phase Running), since ")


def test_of_many_sets_the_first_are_explained() -> None:
    world = settled()
    world.unready("web-0")
    one = seen(world)
    told = missing(one, [WEB] * 25)
    assert sum("waiting for" in line for line in told) == 20
    assert sum(line.startswith("statefulset web") for line in told) == 25


@pytest.mark.parametrize(
    ("partition", "says"),
    [
        (0, []),
        (1, ["statefulset web: partition 1 keeps web-0 from revision {}"]),
        (3, ["statefulset web: partition 3 keeps web-2 and 2 more from revision {}"]),
        (None, ["statefulset web: updateStrategy OnDelete keeps web-2 and 2 more from revision {}"]),
    ],
)
def test_what_an_update_leaves_as_it_is(partition: int | None, says: list[str]) -> None:
    world = settled()
    strategy = world.set.spec.update_strategy
    if partition is None:
        strategy.type, strategy.rolling_update = "OnDelete", None
    else:
        strategy.rolling_update = RollingUpdateStatefulSetStrategy(partition=partition)
    world.set_image("nginx:2")
    world.settle()
    snapshot = seen(world)
    assert missing(snapshot, [WEB]) == []
    assert list(held_back(snapshot, [WEB])) == [line.format(world.set.status.update_revision) for line in says]


def test_a_set_that_nobody_has_looked_at_yet_waits_for_that() -> None:
    snapshot = seen(settled())
    unseen = Snapshot(sets=snapshot.sets, nodes=snapshot.nodes)
    assert missing(unseen, [WEB]) == ["statefulset web: 0 of 3 pods ready", "  the next pod has not been created yet"]
    assert list(held_back(unseen, [WEB])) == []


def test_a_moment_is_shown_in_the_local_zone_with_its_day_when_it_is_another() -> None:
    now = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=1)))
    assert moment("2025-12-31T23:10:00Z", now) == "00:10:00"
    assert moment("2025-12-31T22:10:00Z", now) == "2025-12-31 23:10:00"
    assert moment("2026-01-01T00:10:00+01:00", now.astimezone(UTC)) == "23:10:00"
