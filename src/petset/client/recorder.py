"""Writing Events: what happened to an object, for people to read. Best effort; never in the way of the work itself."""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import msgspec

from petset.aio.clock import Clock, SystemClock
from petset.api.errors import NotFound, StatusError
from petset.api.meta import format_time
from petset.api.types import Event, EventSource, Object, ObjectMeta, ObjectReference
from petset.client.interface import Client, ConnectionLost, Patch

log = logging.getLogger(__name__)

WAITING = 1000
"""Events that may wait to be written; the ones that find no room are dropped."""
BATCH = 100
"""Events that are written at the same time."""
PAUSE = 5.0
"""How long to pause after a batch, in times of how long it took."""
LONGEST_PAUSE = 0.05
REMEMBERED = 4096
"""Events, and objects, that are remembered for counting and limiting."""
BURST = 25
SECONDS_PER_EVENT = 300.0
"""An object may have 25 events at once and one more every five minutes (client-go's `EventSourceObjectSpamFilter`)."""


class _Sameness(NamedTuple):
    """Events equal in all of this are one event that happened several times."""

    namespace: str
    involved: tuple[str | None, ...]
    type: str
    reason: str
    message: str


class _Happening(NamedTuple):
    about: ObjectReference
    sameness: _Sameness
    moment: datetime


class _Written(msgspec.Struct, frozen=True):
    name: str
    count: int


@dataclass(slots=True)
class _Allowance:
    """The token bucket of one object."""

    tokens: float
    at: float


def reference_to(obj: Object, field_path: str = "") -> ObjectReference:
    """What an event's involvedObject says; `field_path` names a part, as in `spec.containers{nginx}`."""
    metadata = obj.metadata
    return ObjectReference(
        api_version=obj.api_version,
        kind=obj.kind,
        namespace=metadata.namespace or None,
        name=metadata.name,
        uid=metadata.uid or None,
        resource_version=metadata.resource_version or None,
        field_path=field_path or None,
    )


def _identity(about: ObjectReference) -> tuple[str | None, ...]:
    return about.api_version, about.kind, about.namespace, about.name, about.uid, about.field_path


class EventRecorder:
    """Records core/v1 Events for one component. `run` writes them; `event` only notes them down.

    An event that repeats raises the count of the first one. The limit per object counts both.
    """

    def __init__(self, client: Client, component: str, *, host: str = "", clock: Clock | None = None) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock = clock or SystemClock()
        self._waiting: deque[_Happening] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._written: OrderedDict[_Sameness, _Written] = OrderedDict()
        self._allowances: OrderedDict[tuple[str | None, ...], _Allowance] = OrderedDict()
        self._last_stamp = 0

    def event(
        self, about: Object | ObjectReference, type_: str, reason: str, message: str, *, allowance: str = ""
    ) -> None:
        """Notes an event of type `Normal` or `Warning`; returns at once, and drops it when there are too many.

        Events of another `allowance` are counted by themselves: neither do they use up that of the others.
        """
        reference = about if isinstance(about, ObjectReference) else reference_to(about)
        involved = _identity(reference)
        if len(self._waiting) >= WAITING or not self._allowed((*involved[:-1], allowance)):
            log.debug("dropped event %s of %s %s: too many", reason, reference.kind, reference.name)
            return
        namespace = reference.namespace or "default"
        sameness = _Sameness(namespace, involved, type_, reason, message)
        self._waiting.append(_Happening(reference, sameness, self._clock.now()))
        self._idle.clear()
        self._wake.set()

    async def run(self) -> None:
        """Writes events until cancelled; what the server refuses is dropped with a log line.

        Those that wait are written together, and then there is a pause: whoever works gets most of the server's time,
        and few commits are spent on events.
        """
        while True:
            while self._waiting:
                began = self._clock.monotonic()
                await self._write_batch()
                if not self._waiting:
                    self._idle.set()
                took = self._clock.monotonic() - began
                await self._clock.sleep(min(took * PAUSE, LONGEST_PAUSE))
            self._wake.clear()
            await self._wake.wait()

    async def flush(self) -> None:
        """Waits until everything noted so far is written or dropped."""
        await self._idle.wait()

    async def _write_batch(self) -> None:
        """Creates what is new, all at once; then counts what happened again, each event in turn."""
        new: dict[_Sameness, _Happening] = {}
        again: dict[_Sameness, list[_Happening]] = {}
        for _ in range(min(len(self._waiting), BATCH)):
            happening = self._waiting.popleft()
            sameness = happening.sameness
            if sameness in self._written or sameness in new:
                again.setdefault(sameness, []).append(happening)
            else:
                new[sameness] = happening
        await self._create(new.values())
        if again:
            async with asyncio.TaskGroup() as tasks:
                for happenings in again.values():
                    tasks.create_task(self._count_up(happenings))

    async def _count_up(self, happenings: Iterable[_Happening]) -> None:
        """Counts happenings of one event."""
        for happening in happenings:
            written = self._written.get(happening.sameness)
            try:
                if written is None:
                    raise NotFound.path()
                count = written.count + 1
                change = {"count": count, "lastTimestamp": format_time(happening.moment)}
                await self._client.patch(Event, written.name, happening.sameness.namespace, Patch("merge", change))
                self._remember(happening, _Written(written.name, count))
            except NotFound:
                await self._create([happening])
            except (StatusError, ConnectionLost) as error:
                _drop(happening, error)

    async def _create(self, happenings: Iterable[_Happening]) -> None:
        told = [(happening, self._event(happening)) for happening in happenings]
        outcomes = await self._client.create_all([event for _, event in told])
        for (happening, event), outcome in zip(told, outcomes, strict=True):
            if isinstance(outcome, Event):
                self._remember(happening, _Written(event.metadata.name, 1))
            else:
                _drop(happening, outcome)

    def _event(self, happening: _Happening) -> Event:
        sameness = happening.sameness
        moment = format_time(happening.moment)
        name = f"{happening.about.name}.{self._stamp(happening.moment):x}"
        return Event(
            metadata=ObjectMeta(name=name, namespace=sameness.namespace),
            involved_object=happening.about,
            type=sameness.type,
            reason=sameness.reason,
            message=sameness.message,
            source=EventSource(component=self._component, host=self._host or None),
            reporting_component=self._component,
            reporting_instance=self._host,
            first_timestamp=moment,
            last_timestamp=moment,
            count=1,
        )

    def _remember(self, happening: _Happening, written: _Written) -> None:
        self._written[happening.sameness] = written
        self._written.move_to_end(happening.sameness)
        if len(self._written) > REMEMBERED:
            self._written.popitem(last=False)

    def _stamp(self, moment: datetime) -> int:
        """Nanoseconds since 1970, made distinct: the part of the name that makes it unique."""
        self._last_stamp = max(self._last_stamp + 1, int(moment.timestamp() * 1e6) * 1000)
        return self._last_stamp

    def _allowed(self, involved: tuple[str | None, ...]) -> bool:
        now = self._clock.monotonic()
        allowance = self._allowances.get(involved)
        if allowance is None:
            allowance = self._allowances[involved] = _Allowance(BURST, now)
            if len(self._allowances) > REMEMBERED:
                self._allowances.popitem(last=False)
        else:
            self._allowances.move_to_end(involved)
        allowance.tokens = min(BURST, allowance.tokens + (now - allowance.at) / SECONDS_PER_EVENT)
        allowance.at = now
        if allowance.tokens < 1:
            return False
        allowance.tokens -= 1
        return True


def _drop(happening: _Happening, why: Exception) -> None:
    log.info("dropped event %s of %s: %s", happening.sameness.reason, happening.about.name, why)
