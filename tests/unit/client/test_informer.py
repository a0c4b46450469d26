import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from petset.aio.tasks import Supervisor
from petset.api.errors import Expired, Invalid, NotFound
from petset.api.types import Pod
from petset.client.cache import by_controller_uid
from petset.client.informer import Informer, InformerFactory, Selection
from petset.client.interface import Client, ConnectionLost, ListOptions, ObjectList, WatchOptions
from petset.testing.clock import VirtualClock
from tests.unit.client.scripted import ScriptedClient, Stream, bookmark, by_node, event, pod

REFUSED = Invalid("sendInitialEvents is forbidden")


class Harness:
    """An informer over a script, its clock, and the log of its handlers."""

    def __init__(self, client: ScriptedClient, supervisor: Supervisor, clock: VirtualClock) -> None:
        self.client = client
        self.clock = clock
        self.supervisor = supervisor
        self.informer: Informer[Pod] = Informer(cast("Client", client), Selection(Pod, "default"), clock)
        self.heard: list[tuple[Any, ...]] = []
        self.informer.add_handlers(
            lambda new: self.heard.append(("add", new.metadata.name, new.metadata.resource_version)),
            lambda old, new: self.heard.append(
                ("update", new.metadata.name, old.metadata.resource_version, new.metadata.resource_version)
            ),
            lambda old: self.heard.append(("delete", old.metadata.name, old.metadata.resource_version)),
        )
        supervisor.start("informer", self.informer.run)

    def shown(self) -> dict[str, str]:
        return {p.metadata.name: p.metadata.resource_version for p in self.informer.list()}


class Start:
    """Makes harnesses whose informers end with the test."""

    def __init__(self, supervisor: Supervisor, clock: VirtualClock) -> None:
        self._supervisor = supervisor
        self._clock = clock

    async def __call__(self, *answers: Stream | ObjectList[Any] | Exception) -> Harness:
        harness = Harness(ScriptedClient(*cast("Any", answers)), self._supervisor, self._clock)
        await self._clock.settle()
        return harness


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    clock = VirtualClock()
    async with Supervisor("test", clock) as supervisor:
        yield Start(supervisor, clock)


def listed(*pods: Pod, revision: int) -> Stream:
    return Stream(*(event("ADDED", p) for p in pods), bookmark(revision, ends_initial_events=True))


async def test_a_streaming_list_shows_nothing_before_its_bookmark(start: Start) -> None:
    stream = Stream(event("ADDED", pod("a", 3)), event("ADDED", pod("b", 4)))
    harness = await start(stream)
    assert harness.shown() == {}
    assert not harness.informer.is_synced
    stream.send(event("DELETED", pod("b", 5)), bookmark(7, ends_initial_events=True))
    await harness.clock.settle()
    assert harness.shown() == {"a": "3"}
    assert harness.informer.is_synced
    assert harness.informer.revision == 7
    assert harness.client.requests == [WatchOptions(send_initial_events=True)]


async def test_handlers_hear_every_change_in_order(start: Start) -> None:
    stream = listed(pod("a", 1), revision=1)
    harness = await start(stream)
    stream.send(event("ADDED", pod("b", 2)), event("MODIFIED", pod("a", 3)), event("DELETED", pod("a", 4)))
    await harness.clock.settle()
    assert harness.heard == [("add", "a", "1"), ("add", "b", "2"), ("update", "a", "1", "3"), ("delete", "a", "4")]
    assert harness.informer.revision == 4


async def test_late_handlers_hear_of_what_is_there(start: Start) -> None:
    harness = await start(listed(pod("a", 1), pod("b", 2), revision=2))
    heard: list[str | None] = []
    harness.informer.add_handlers(on_add=lambda new: heard.append(new.metadata.name))
    assert heard == ["a", "b"]


async def test_a_server_without_streaming_lists_is_listed_page_by_page_then_watched(start: Start) -> None:
    first: ObjectList[Pod] = ObjectList([pod("a", 1)], "5", continue_="next")
    second: ObjectList[Pod] = ObjectList([pod("b", 2)], "5")
    watch = Stream(event("MODIFIED", pod("a", 6)))
    harness = await start(REFUSED, first, second, watch)
    assert harness.shown() == {"a": "6", "b": "2"}
    assert harness.client.requests == [
        WatchOptions(send_initial_events=True),
        ListOptions(limit=500),
        ListOptions(limit=500, continue_="next"),
        WatchOptions(resource_version="5"),
    ]


async def test_a_watch_that_ends_goes_on_from_the_last_revision(start: Start) -> None:
    harness = await start(listed(pod("a", 1), revision=1).send(bookmark(9)).end())
    assert harness.client.requests[1:] == [WatchOptions(resource_version="9")]


async def test_a_lost_connection_backs_off_longer_each_time_until_something_comes(start: Start) -> None:
    lost = ConnectionLost("refused")
    harness = await start(listed(pod("a", 1), revision=1).fail(lost), lost, lost)
    stream = Stream()
    harness.client.answers.append(stream)
    assert len(harness.client.requests) == 1
    for pause, requests in [(0.09, 1), (0.02, 2), (0.18, 2), (0.02, 3), (0.38, 3), (0.02, 4)]:
        await harness.clock.advance(pause)
        assert len(harness.client.requests) == requests
    stream.send(event("MODIFIED", pod("a", 2))).fail(lost)
    await harness.clock.advance(0.11)
    assert len(harness.client.requests) == 5
    assert harness.shown() == {"a": "2"}


async def test_an_expired_revision_relists_and_handlers_hear_the_difference(start: Start) -> None:
    before = listed(pod("kept", 1), pod("changed", 2), pod("gone", 3), pod("again", 4, uid="old"), revision=4)
    after = listed(pod("kept", 1), pod("changed", 12), pod("new", 13), pod("again", 14, uid="new"), revision=20)
    harness = await start(before.fail(Expired("too old")), after)
    assert harness.heard[4:] == [
        ("delete", "gone", "3"),
        ("update", "changed", "2", "12"),
        ("add", "new", "13"),
        ("delete", "again", "4"),
        ("add", "again", "14"),
    ]
    assert harness.shown() == {"kept": "1", "changed": "12", "new": "13", "again": "14"}
    assert harness.informer.revision == 20


async def test_a_refused_watch_relists_after_a_pause(start: Start) -> None:
    harness = await start(listed(revision=1).fail(NotFound("gone")), listed(pod("a", 2), revision=2))
    assert harness.shown() == {}
    await harness.clock.advance(0.1)
    assert harness.shown() == {"a": "2"}


async def test_a_stream_that_closes_at_once_falls_back_to_a_list(start: Start) -> None:
    items: ObjectList[Pod] = ObjectList([pod("a", 1)], "1")
    harness = await start(Stream().end(), items)
    assert harness.shown() == {"a": "1"}


async def test_seen_wakes_exactly_those_whose_revision_is_reached(start: Start) -> None:
    stream = listed(revision=3)
    harness = await start(stream)
    informer = harness.informer
    assert informer.seen("3")
    assert not informer.seen("4")
    waits = [harness.supervisor.background("wait", informer.until_seen(r)) for r in ("6", "5", "3", "")]
    await harness.clock.settle()
    assert [w.done() for w in waits] == [False, False, True, True]
    stream.send(event("ADDED", pod("a", 5)))
    await harness.clock.settle()
    assert [w.done() for w in waits] == [False, True, True, True]
    stream.send(bookmark(10))
    await asyncio.gather(*waits)


async def test_a_history_that_starts_anew_releases_those_who_wait(start: Start) -> None:
    stream = listed(pod("a", 90), revision=90)
    harness = await start(stream)
    wait = harness.supervisor.background("wait", harness.informer.until_seen("95"))
    harness.client.answers.append(listed(pod("a", 2), revision=3))
    stream.fail(Expired("too large"))
    await harness.clock.settle()
    await wait
    assert harness.informer.revision == 3
    assert harness.shown() == {"a": "2"}


async def test_informers_are_shared_per_selection_and_indexes_add_up() -> None:
    client = ScriptedClient(listed(pod("a", 1, node="n1"), revision=1), listed(revision=1))
    factory = InformerFactory(cast("Client", client))
    pods = factory.informer(Pod, indexes={"node": by_node})
    assert factory.informer(Pod, indexes={"controller": by_controller_uid}) is pods
    async with Supervisor("test") as supervisor:
        factory.start(supervisor)
        with pytest.raises(RuntimeError):
            factory.start(supervisor)
        other = factory.informer(Pod, "default", label_selector="app=x")
        assert other is not pods
        await factory.synced()
        assert len(pods.by_index("node", "n1")) == 1
        assert pods.by_index("controller", "x") == []
        assert other.list() == []
    assert client.requests == [
        WatchOptions(send_initial_events=True),
        WatchOptions(send_initial_events=True, label_selector="app=x"),
    ]
