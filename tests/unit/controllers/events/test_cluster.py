"""Events come and go, over the real API server in virtual time."""

from collections.abc import AsyncIterator

import pytest

from petset.api.meta import format_time
from petset.api.types import Event, EventsV1Event, ObjectMeta, ObjectReference
from petset.controllers.events.controller import EventExpiry
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

MINUTE = 60


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        cluster.start(EventExpiry(cluster.client, cluster.clock))
        await cluster.settle()
        yield cluster


async def occur(cluster: ToyCluster, name: str) -> None:
    about = ObjectReference(kind="Pod", namespace="default", name="web-0")
    now = format_time(cluster.clock.now())
    meta = ObjectMeta(name=name, namespace="default")
    await cluster.client.create(Event(metadata=meta, involved_object=about, last_timestamp=now, count=1))


async def recur(cluster: ToyCluster, name: str) -> None:
    event = await cluster.get(Event, name, "default")
    event.last_timestamp = format_time(cluster.clock.now())
    event.count = (event.count or 0) + 1
    await cluster.client.update(event)


async def pass_minutes(cluster: ToyCluster, minutes: float) -> list[str]:
    """The names of the events that are left then."""
    await cluster.clock.advance(minutes * MINUTE)
    return await cluster.names(Event)


async def test_each_goes_an_hour_after_it_occurred(cluster: ToyCluster) -> None:
    await occur(cluster, "one")
    assert await pass_minutes(cluster, 20) == ["one"]
    await occur(cluster, "two")
    assert await pass_minutes(cluster, 39.9) == ["one", "two"]
    assert await pass_minutes(cluster, 0.2) == ["two"]
    assert await pass_minutes(cluster, 20) == []


async def test_one_that_occurs_again_stays_an_hour_from_then(cluster: ToyCluster) -> None:
    await occur(cluster, "one")
    await pass_minutes(cluster, 40)
    await recur(cluster, "one")
    assert await pass_minutes(cluster, 59) == ["one"]
    assert await pass_minutes(cluster, 2) == []


async def test_a_name_that_is_used_again_has_its_own_hour(cluster: ToyCluster) -> None:
    await occur(cluster, "one")
    await pass_minutes(cluster, 30)
    await cluster.client.delete(Event, "one", "default")
    await occur(cluster, "one")
    assert await pass_minutes(cluster, 40) == ["one"]
    assert await pass_minutes(cluster, 21) == []


async def test_the_newer_group_shows_the_same(cluster: ToyCluster) -> None:
    meta = ObjectMeta(name="one", namespace="default")
    event = EventsV1Event(
        metadata=meta,
        event_time="2026-01-01T00:00:00.000000Z",
        regarding=ObjectReference(kind="Pod", namespace="default", name="web-0"),
        action="Binding",
        reason="Scheduled",
        type="Normal",
        reporting_controller="tests.example/one",
        reporting_instance="one",
    )
    await cluster.client.create(event)
    assert await pass_minutes(cluster, 59) == ["one"]
    assert await pass_minutes(cluster, 2) == []
    assert await cluster.names(EventsV1Event) == []


async def test_a_restart_loses_no_event(cluster: ToyCluster) -> None:
    await occur(cluster, "one")
    await pass_minutes(cluster, 30)
    await occur(cluster, "two")
    await cluster.supervisor.stop()
    await cluster.clock.advance(45 * MINUTE)
    async with cluster.restarted() as again:
        again.start(EventExpiry(again.client, again.clock))
        assert await pass_minutes(again, 1) == ["two"]
        assert await pass_minutes(again, 15) == []


async def test_there_is_nothing_to_do_in_between(cluster: ToyCluster) -> None:
    await occur(cluster, "one")
    await cluster.clock.settle()
    assert cluster.clock.next_wake == pytest.approx(3600, abs=1)
