"""Follows a server: its watches feed the narration, the snapshot and the display."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.meta import Key, key_of
from petset.api.types import ControllerRevision, Event, Node, PersistentVolume, PersistentVolumeClaim, Pod, StatefulSet
from petset.cli.progress.display import Display
from petset.cli.progress.ending import remaining
from petset.cli.progress.missing import all_ready, missing
from petset.cli.progress.narration import Narrator
from petset.cli.progress.overview import HEADER, SET_HEADER, pod_rows, set_rows
from petset.cli.progress.snapshot import Snapshot
from petset.client.informer import InformerFactory
from petset.client.interface import Client

LOOK_AGAIN = 0.25


class Follower:
    """What a server has and what happens to it, shown on a display."""

    def __init__(self, client: Client, display: Display, domain: str) -> None:
        self._clock = SystemClock()
        self._display = display
        self._domain = domain
        self._narrator = Narrator()
        self._changed = asyncio.Event()
        self._telling = False
        self._factory = factory = InformerFactory(client, self._clock)
        self._sets = factory.informer(StatefulSet)
        self._pods = factory.informer(Pod)
        self._claims = factory.informer(PersistentVolumeClaim)
        self._volumes = factory.informer(PersistentVolume)
        self._nodes = factory.informer(Node)
        self._events = factory.informer(Event)
        self._revisions = factory.informer(ControllerRevision)

    async def start(self, supervisor: Supervisor) -> None:
        """Watches from now on; what is there already is known, but not told."""
        self._listen()
        self._factory.start(supervisor)
        await self._factory.synced()
        self._telling = True

    def snapshot(self) -> Snapshot:
        """The present."""
        return Snapshot(
            sets=self._sets.list(),
            pods=self._pods.list(),
            claims=self._claims.list(),
            volumes=self._volumes.list(),
            nodes=self._nodes.list(),
            events=self._events.list(),
            revisions=self._revisions.list(),
            now=self._clock.now().astimezone(),
        )

    def rows(self) -> list[Sequence[str]]:
        """The table of pods, header first."""
        return [HEADER, *pod_rows(self.snapshot(), self._domain)]

    def set_rows(self) -> list[Sequence[str]]:
        """The table of StatefulSets, header first."""
        return [SET_HEADER, *set_rows(self.snapshot())]

    def all_sets(self) -> list[Key]:
        """Every StatefulSet there is."""
        return sorted(key_of(set_) for set_ in self._sets.list())

    async def until_seen(self, resource_version: str) -> None:
        """Waits until the sets are at least as new as a write was."""
        await self._sets.until_seen(resource_version)

    async def until_ready(self, targets: Iterable[Key]) -> None:
        """Waits for these sets, showing what they wait for."""
        wanted = list(targets)
        while not all_ready(self.snapshot(), wanted):
            self._display.waiting(missing(self.snapshot(), wanted))
            await self._next()
        self._display.waiting(())

    async def stand_by(self, rows: Callable[[], Sequence[Sequence[str]]]) -> None:
        """Shows `rows`, as they become, and tells what happens, until it is cancelled."""
        while True:
            self._display.standing(rows())
            await self._next()

    async def until_pods_gone(self, trouble: Callable[[], Awaitable[str]]) -> None:
        """Tells how pods end, until none is left. `trouble` says why the server cannot end them, "" when it can."""
        while lines := remaining(self.snapshot(), await trouble()):
            self._display.waiting(lines)
            await self._next()
        self._display.waiting(["the server has to end"])

    async def _next(self) -> None:
        """Waits for a change, but not long: conditions can be met by the mere passing of time."""
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._changed.wait()
        except TimeoutError:
            return
        self._changed.clear()

    def _listen(self) -> None:
        narrator, now, say = self._narrator, self._clock.monotonic, self._say
        self._pods.add_handlers(
            lambda pod: say(narrator.pod_created(pod, now())),
            lambda old, new: say(narrator.pod_changed(old, new, now())),
            lambda pod: say(narrator.pod_gone(pod)),
        )
        self._claims.add_handlers(
            lambda claim: say(narrator.claim_changed(None, claim)),
            lambda old, new: say(narrator.claim_changed(old, new)),
        )
        self._volumes.add_handlers(
            lambda volume: say(narrator.volume(volume)), lambda _, volume: say(narrator.volume(volume))
        )
        self._events.add_handlers(lambda event: say(narrator.event(event)), lambda _, event: say(narrator.event(event)))
        self._sets.add_handlers(lambda _: say(()), lambda _, __: say(()), lambda _: say(()))
        self._nodes.add_handlers(lambda _: say(()), lambda _, __: say(()), lambda _: say(()))

    def _say(self, lines: Iterable[str]) -> None:
        """Tells what is news. What was there from the beginning the narrator has to know, and nobody has to read."""
        told = list(lines)
        if self._telling:
            for line in told:
                self._display.say(line)
        self._changed.set()


@asynccontextmanager
async def following(client: Client, display: Display, domain: str) -> AsyncIterator[Follower]:
    """A follower that has started."""
    async with Supervisor("progress") as supervisor:
        follower = Follower(client, display, domain)
        await follower.start(supervisor)
        yield follower
