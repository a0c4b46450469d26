import asyncio
import logging
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import cast

import pytest

from petset.aio.queue import KeyedQueue
from petset.aio.tasks import Supervisor
from petset.api.errors import AlreadyExists, Conflict, Forbidden, InternalError, NotFound, StatusError
from petset.api.meta import Key, key_of
from petset.api.types import ConfigMap, Pod
from petset.client.informer import Informer, Selection
from petset.client.interface import Client, ConnectionLost
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from
from petset.testing.clock import VirtualClock
from tests.unit.client.scripted import ScriptedClient, Stream, bookmark, event, pod

WEB = Key("default", "web")


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def supervisor(clock: VirtualClock) -> AsyncIterator[Supervisor]:
    async with Supervisor("test", clock) as supervisor:
        yield supervisor


def informer_over(stream: Stream, clock: VirtualClock) -> Informer[Pod]:
    return Informer(cast("Client", ScriptedClient(stream)), Selection(Pod), clock)


class Script:
    """A reconcile that ends as told, run by run, and notes when it ran."""

    def __init__(self, clock: VirtualClock, *ends: Result | Exception) -> None:
        self._clock = clock
        self._ends = list(ends)
        self.runs: list[float] = []

    async def __call__(self, key: Key) -> Result:
        self.runs.append(round(self._clock.monotonic(), 3))
        end = self._ends.pop(0) if self._ends else DONE
        if isinstance(end, Exception):
            raise end
        return end


async def test_a_run_looks_again_when_it_says_so(clock: VirtualClock, supervisor: Supervisor) -> None:
    queue: KeyedQueue[Key] = KeyedQueue("test", clock)
    script = Script(clock, Result(look_again=30), DONE)
    supervisor.start("controller", Controller("test", queue, script).run)
    queue.add(WEB)
    await clock.advance(100)
    assert script.runs == [0, 30]


async def test_errors_of_the_api_are_tried_again_later_and_later(clock: VirtualClock, supervisor: Supervisor) -> None:
    queue: KeyedQueue[Key] = KeyedQueue("test", clock)
    script = Script(clock, Conflict("changed"), ConnectionLost("refused"), Forbidden("no"), DONE, NotFound("no"))
    supervisor.start("controller", Controller("test", queue, script).run)
    queue.add(WEB)
    await clock.advance(10)
    assert script.runs == [0, 0.005, 0.015, 0.035]
    queue.add(WEB)
    await clock.advance(10)
    assert script.runs[4:] == [10, 10.005]


@pytest.mark.parametrize(
    ("error", "longest"),
    [(InternalError("the disk is full"), 10), (ConnectionLost("refused"), 10), (Forbidden("no"), 1000)],
)
async def test_what_passes_without_a_change_is_looked_at_often(
    error: StatusError | ConnectionLost, longest: float, clock: VirtualClock, supervisor: Supervisor
) -> None:
    queue: KeyedQueue[Key] = KeyedQueue("test", clock)
    script = Script(clock, *[error] * 100)
    supervisor.start("controller", Controller("test", queue, script).run)
    queue.add(WEB)
    for _ in range(80):
        await clock.advance(50)
    pauses = [round(later - run, 3) for run, later in pairwise(script.runs)]
    assert pauses[:3] == [0.005, 0.01, 0.02]
    assert max(pauses) == longest


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (Conflict("changed"), logging.DEBUG),
        (AlreadyExists("there"), logging.DEBUG),
        (NotFound("gone"), logging.DEBUG),
        (ConnectionLost("refused"), logging.INFO),
        (Forbidden("no"), logging.WARNING),
    ],
)
async def test_an_error_is_logged_as_loudly_as_it_deserves(
    error: StatusError | ConnectionLost,
    level: int,
    clock: VirtualClock,
    supervisor: Supervisor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "petset.controllers.runtime")
    queue: KeyedQueue[Key] = KeyedQueue("test", clock)
    supervisor.start("controller", Controller("test", queue, Script(clock, error)).run)
    queue.add(WEB)
    await clock.settle()
    records = [r for r in caplog.records if r.name == "petset.controllers.runtime"]
    assert [(r.levelno, r.getMessage()) for r in records] == [(level, f"test: default/web: {error}")]


async def test_nothing_runs_before_the_informers_are_synced(clock: VirtualClock, supervisor: Supervisor) -> None:
    stream = Stream()
    informer = informer_over(stream, clock)
    queue: KeyedQueue[Key] = KeyedQueue("test", clock)
    script = Script(clock)
    supervisor.start("informer", informer.run)
    supervisor.start("controller", Controller("test", queue, script, reads=[informer]).run)
    queue.add(WEB)
    await clock.settle()
    assert script.runs == []
    stream.send(bookmark(1, ends_initial_events=True))
    await clock.settle()
    assert script.runs == [0]


async def test_every_change_enqueues_what_it_concerns(clock: VirtualClock, supervisor: Supervisor) -> None:
    stream = Stream(bookmark(1, ends_initial_events=True))
    informer = informer_over(stream, clock)
    queue: KeyedQueue[str] = KeyedQueue("test", clock)
    enqueue_from(informer, queue, lambda p: [p.spec.node_name] if p.spec.node_name else [])
    supervisor.start("informer", informer.run)

    async def added_by(change: Stream) -> list[str]:
        assert change is stream
        await clock.settle()
        keys = [await queue.get() for _ in range(len(queue))]
        for key in keys:
            queue.done(key)
        return keys

    assert await added_by(stream.send(event("ADDED", pod("a", 2, node="n1")))) == ["n1"]
    assert await added_by(stream.send(event("MODIFIED", pod("a", 3, node="n2")))) == ["n1", "n2"]
    assert await added_by(stream.send(event("DELETED", pod("a", 4, node="n2")))) == ["n2"]
    assert await added_by(stream.send(event("ADDED", pod("b", 5)))) == []


async def test_a_key_is_settled_when_the_informers_show_its_writes(clock: VirtualClock, supervisor: Supervisor) -> None:
    stream = Stream(bookmark(1, ends_initial_events=True))
    informer = informer_over(stream, clock)
    supervisor.start("informer", informer.run)
    writes: SeenWrites[Key] = SeenWrites(informer)
    writes.wrote(WEB, pod("web-1", 7))
    writes.wrote(WEB, pod("web-0", 5))
    writes.wrote(WEB, ConfigMap())
    await clock.settle()
    await asyncio.wait_for(writes.settled(Key("default", "other")), 1)

    waiting = supervisor.background("wait", writes.settled(WEB))
    await clock.settle()
    stream.send(event("ADDED", pod("web-0", 5)))
    await clock.settle()
    assert not waiting.done()
    stream.send(event("ADDED", pod("web-1", 7)))
    await clock.settle()
    assert waiting.done()


async def test_a_forgotten_key_waits_for_nothing(clock: VirtualClock, supervisor: Supervisor) -> None:
    informer = informer_over(Stream(), clock)
    writes: SeenWrites[Key] = SeenWrites(informer)
    writes.wrote(key_of(pod("web", 1)), pod("web-1", 7))
    writes.forget(WEB)
    await asyncio.wait_for(writes.settled(WEB), 1)
    assert not informer.seen("7")
