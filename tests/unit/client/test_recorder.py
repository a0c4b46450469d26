import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, cast

import pytest

from petset.aio.tasks import Supervisor
from petset.api.errors import Forbidden, NotFound
from petset.api.types import Event, Node, ObjectMeta, ObjectReference, StatefulSet
from petset.client.interface import Client, ConnectionLost, Patch
from petset.client.recorder import BURST, WAITING, EventRecorder, reference_to
from petset.testing.clock import VirtualClock
from tests.unit.client.scripted import pod

SET = StatefulSet(metadata=ObjectMeta(name="web", namespace="shop", uid="u1", resource_version="7"))


class EventServer:
    """Keeps created events by name and applies the recorder's patches."""

    def __init__(self) -> None:
        self.events: dict[str, Event] = {}
        self.refusal: Exception | None = None
        self.takes: Callable[[], Awaitable[None]] | None = None

    async def create_all(self, objects: Sequence[Event]) -> Sequence[Event | Exception]:
        if objects and self.takes is not None:
            await self.takes()
        return [self._created(obj) for obj in objects]

    def _created(self, obj: Event) -> Event | Exception:
        if self.refusal is not None:
            return self.refusal
        name = obj.metadata.name
        assert name not in self.events
        self.events[name] = obj
        return obj

    async def patch(self, kind: type[Event], name: str, namespace: str, patch: Patch) -> Event:
        if name not in self.events:
            raise NotFound.of("", "events", name)
        event = self.events[name]
        assert (patch.type, namespace) == ("merge", event.metadata.namespace)
        document: dict[str, Any] = patch.document
        event.count, event.last_timestamp = document["count"], document["lastTimestamp"]
        return event

    def summary(self) -> list[tuple[str | None, str | None, int | None]]:
        return [(e.reason, e.message, e.count) for e in self.events.values()]


class Bench:
    def __init__(self, supervisor: Supervisor, clock: VirtualClock) -> None:
        self.server = EventServer()
        self.clock = clock
        self.recorder = EventRecorder(cast("Client", self.server), "petset", host="node-1", clock=clock)
        self.supervisor = supervisor

    def start(self) -> "Bench":
        self.supervisor.start("events", self.recorder.run)
        return self


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    clock = VirtualClock()
    async with Supervisor("test", clock) as supervisor:
        yield Bench(supervisor, clock)


async def test_an_event_says_who_what_when_and_by_whom(bench: Bench) -> None:
    bench.start().recorder.event(SET, "Normal", "SuccessfulCreate", "create Pod web-0")
    await bench.recorder.flush()
    (event,) = bench.server.events.values()
    assert event.metadata.name.startswith("web.")
    assert event.metadata.namespace == "shop"
    assert event.involved_object == ObjectReference(
        api_version="apps/v1", kind="StatefulSet", namespace="shop", name="web", uid="u1", resource_version="7"
    )
    assert (event.type, event.reason, event.message) == ("Normal", "SuccessfulCreate", "create Pod web-0")
    assert (event.source.component, event.source.host) == ("petset", "node-1")
    assert (event.reporting_component, event.reporting_instance) == ("petset", "node-1")
    assert event.first_timestamp == event.last_timestamp == "2026-01-01T00:00:00Z"
    assert event.count == 1


async def test_a_repeated_event_raises_the_count(bench: Bench) -> None:
    recorder = bench.start().recorder
    recorder.event(SET, "Normal", "A", "first")
    await bench.clock.advance(5)
    recorder.event(SET, "Normal", "A", "first")
    recorder.event(SET, "Normal", "A", "second")
    await recorder.flush()
    assert bench.server.summary() == [("A", "first", 2), ("A", "second", 1)]
    first = next(iter(bench.server.events.values()))
    assert (first.first_timestamp, first.last_timestamp) == ("2026-01-01T00:00:00Z", "2026-01-01T00:00:05Z")


async def test_a_repeated_event_that_was_removed_is_written_anew(bench: Bench) -> None:
    recorder = bench.start().recorder
    recorder.event(SET, "Normal", "A", "first")
    await recorder.flush()
    bench.server.events.clear()
    recorder.event(SET, "Normal", "A", "first")
    await recorder.flush()
    assert bench.server.summary() == [("A", "first", 1)]


async def test_the_containers_of_a_pod_have_events_of_their_own(bench: Bench) -> None:
    recorder = bench.start().recorder
    for container in ("a", "b"):
        reference = reference_to(pod("web-0", 1), f"spec.containers{{{container}}}")
        recorder.event(reference, "Normal", "Started", "Started container")
    await recorder.flush()
    paths = [e.involved_object.field_path for e in bench.server.events.values()]
    assert paths == ["spec.containers{a}", "spec.containers{b}"]


async def test_events_of_cluster_wide_objects_are_in_the_default_namespace(bench: Bench) -> None:
    bench.start().recorder.event(Node(metadata=ObjectMeta(name="n1")), "Normal", "NodeReady", "ready")
    await bench.recorder.flush()
    (event,) = bench.server.events.values()
    assert event.metadata.namespace == "default"
    assert event.involved_object.namespace is None


async def test_one_object_cannot_flood_the_server(bench: Bench) -> None:
    recorder = bench.start().recorder
    for number in range(BURST + 5):
        recorder.event(SET, "Warning", "Failed", f"attempt {number}")
    recorder.event(pod("other", 1), "Normal", "Started", "not affected")
    await recorder.flush()
    assert len(bench.server.events) == BURST + 1
    await bench.clock.advance(300)
    recorder.event(SET, "Warning", "Failed", "later")
    await recorder.flush()
    assert len(bench.server.events) == BURST + 2


async def test_events_of_another_allowance_are_counted_by_themselves(bench: Bench) -> None:
    recorder = bench.start().recorder
    for number in range(BURST + 5):
        recorder.event(SET, "Warning", "Failed", f"attempt {number}")
    recorder.event(SET, "Normal", "Rare", "once", allowance="rare")
    await recorder.flush()
    assert len(bench.server.events) == BURST + 1
    assert ("Rare", "once", 1) in bench.server.summary()


async def test_the_caller_never_waits_and_a_full_queue_drops(bench: Bench) -> None:
    for number in range(WAITING + 10):
        bench.recorder.event(pod(f"p{number}", 1), "Normal", "Started", "started")
    bench.start()
    await bench.recorder.flush()
    assert len(bench.server.events) == WAITING


@pytest.mark.parametrize("refusal", [Forbidden("namespace is terminating"), ConnectionLost("refused")])
async def test_what_the_server_refuses_is_dropped_with_a_log_line(
    bench: Bench, refusal: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "petset.client.recorder")
    recorder = bench.start().recorder
    bench.server.refusal = refusal
    recorder.event(SET, "Normal", "A", "lost")
    await recorder.flush()
    bench.server.refusal = None
    recorder.event(SET, "Normal", "A", "kept")
    await recorder.flush()
    assert bench.server.summary() == [("A", "kept", 1)]
    assert f"dropped event A of web: {refusal}" in caplog.text


async def test_events_that_come_while_others_are_written_are_written_together_after_a_pause(bench: Bench) -> None:
    recorder = bench.start().recorder
    bench.server.takes = lambda: bench.clock.sleep(0.01)
    recorder.event(pod("p", 1), "Normal", "Started", "started")
    await bench.clock.advance(0.01)
    assert len(bench.server.events) == 1
    for number in range(3):
        recorder.event(pod(f"q{number}", 1), "Normal", "Started", "started")
    await bench.clock.advance(0.04)
    assert len(bench.server.events) == 1
    await bench.clock.advance(0.02)
    assert len(bench.server.events) == 4
