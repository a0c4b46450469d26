"""Informers: a live, indexed, read-only copy of what a list selects, kept by one watch and shared by all who need it.

Objects out of an informer are shared: read them, `api.meta.copy` them before changing anything. Handlers are called
synchronously, in the order of events, after the cache shows the change; they must be quick and must not raise.
"""

import asyncio
import heapq
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from petset.aio.clock import Clock, SystemClock
from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.api.meta import Key, key_of, revision, revision_of
from petset.api.types import Object
from petset.client.cache import Cache, IndexFunction
from petset.client.interface import Client, ConnectionLost, ListOptions, WatchEvent, WatchOptions
from petset.client.reflector import Outcome, State, after, outcome_of

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Object)

PAGE = 500
FIRST_BACK_OFF = 0.1
LONGEST_BACK_OFF = 30.0
EVENTS_PER_TURN = 100
SHORTEST_WATCH = 1.0
"""Seconds: a stream that ends sooner, without an event, has failed."""


@dataclass(frozen=True, slots=True)
class Selection(Generic[T]):
    """What an informer shows."""

    kind: type[T]
    namespace: str = ""
    """Empty: all namespaces."""
    label_selector: str = ""
    field_selector: str = ""

    def __str__(self) -> str:
        parts = (self.kind.__name__, self.namespace, self.label_selector, self.field_selector)
        return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Handlers(Generic[T]):
    """What to call for a change. For an update: the old object, then the new one."""

    on_add: Callable[[T], None] | None = None
    on_update: Callable[[T, T], None] | None = None
    on_delete: Callable[[T], None] | None = None


class Informer(Generic[T]):
    """A selection of objects, kept up to date while `run` runs. Reads before `synced` may show nothing or old news."""

    def __init__(self, client: Client, selection: Selection[T], clock: Clock | None = None) -> None:
        self.selection = selection
        self._client = client
        self._clock = clock or SystemClock()
        self._cache: Cache[T] = Cache()
        self._handlers: list[Handlers[T]] = []
        self._synced = asyncio.Event()
        self._state = State.STREAMING_LIST
        self._revision = 0
        self._back_off = FIRST_BACK_OFF
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._turn = 0

    # --- reading -----------------------------------------------------------------------------------------------------

    def get(self, namespace: str, name: str) -> T | None:
        """One object; None when it is not there. Cluster-wide kinds have the namespace ""."""
        return self._cache.get(namespace, name)

    def list(self, namespace: str | None = None) -> Sequence[T]:
        """All objects, or those of one namespace, in no particular order."""
        return self._cache.list(namespace)

    def by_index(self, index: str, key: str) -> Sequence[T]:
        """The objects an index shows under `key`. Raises KeyError for an unknown index."""
        return self._cache.by_index(index, key)

    def __len__(self) -> int:
        return len(self._cache)

    @property
    def is_synced(self) -> bool:
        """Whether the cache has shown the whole selection at least once."""
        return self._synced.is_set()

    async def synced(self) -> None:
        """Waits for the first complete state."""
        await self._synced.wait()

    @property
    def revision(self) -> int:
        """The newest revision the cache has reached."""
        return self._revision

    def seen(self, resource_version: str) -> bool:
        """Whether the cache shows a write with this resourceVersion, provided that it was to the selection."""
        return self._revision >= revision(resource_version)

    async def until_seen(self, resource_version: str) -> None:
        """Waits until `seen`. Also returns when the server's history starts anew below that revision."""
        if self.seen(resource_version):
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiters, (revision(resource_version), next(self._order), waiter))
        await waiter

    # --- construction ------------------------------------------------------------------------------------------------

    def add_indexes(self, indexes: Mapping[str, IndexFunction[T]]) -> None:
        """Adds indexes. Raises ValueError when a name is taken by another function."""
        self._cache.add_indexes(indexes)

    def add_handlers(
        self,
        on_add: Callable[[T], None] | None = None,
        on_update: Callable[[T, T], None] | None = None,
        on_delete: Callable[[T], None] | None = None,
    ) -> None:
        """Calls these for every change from now on; `on_add` at once for what the cache already shows."""
        self._handlers.append(Handlers(on_add, on_update, on_delete))
        if on_add is not None:
            for obj in self._cache.list():
                on_add(obj)

    # --- running -----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Follows the server until cancelled; errors of the server or the connection never end it."""
        while True:
            outcome = await self._step()
            self._state, back_off = after(self._state, outcome)
            if back_off:
                await self._clock.sleep(self._back_off)
                self._back_off = min(self._back_off * 2, LONGEST_BACK_OFF)

    async def _step(self) -> Outcome:
        try:
            match self._state:
                case State.STREAMING_LIST:
                    return await self._streaming_list()
                case State.LISTING:
                    return await self._list()
                case State.WATCHING:
                    return await self._watch()
        except (StatusError, ConnectionLost) as error:
            outcome = outcome_of(error)
            level = logging.WARNING if outcome is Outcome.REFUSED else logging.INFO
            log.log(level, "informer of %s: %s: %s", self.selection, self._state.name.lower(), error)
            return outcome

    async def _streaming_list(self) -> Outcome:
        initial: dict[Key, T] = {}
        began = self._clock.monotonic()
        any_event = False
        async with self._open(WatchOptions(send_initial_events=True)) as events:
            async for event in events:
                any_event = True
                await self._give_way()
                if event.ends_initial_events:
                    self._replace(initial.values(), revision_of(event.object))
                    self._state = State.WATCHING
                    return await self._follow(events)
                if event.type == "DELETED":
                    initial.pop(key_of(event.object), None)
                elif event.type != "BOOKMARK":
                    initial[key_of(event.object)] = event.object
        return self._ended(began, any_event=any_event)

    async def _list(self) -> Outcome:
        selection = self.selection
        options = ListOptions(selection.label_selector, selection.field_selector, limit=PAGE)
        page = await self._client.list(selection.kind, selection.namespace, options)
        objects = page.items
        while page.continue_:
            options = replace(options, continue_=page.continue_)
            page = await self._client.list(selection.kind, selection.namespace, options)
            objects.extend(page.items)
        self._replace(objects, revision(page.resource_version))
        return Outcome.LISTED

    async def _watch(self) -> Outcome:
        async with self._open(WatchOptions(resource_version=str(self._revision))) as events:
            return await self._follow(events)

    def _open(self, options: WatchOptions) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[T]]]:
        selection = self.selection
        options = replace(options, label_selector=selection.label_selector, field_selector=selection.field_selector)
        return self._client.watch(selection.kind, selection.namespace, options)

    async def _follow(self, events: AsyncIterator[WatchEvent[T]]) -> Outcome:
        began = self._clock.monotonic()
        any_event = False
        async for event in events:
            any_event = True
            self._apply(event)
            await self._give_way()
        return self._ended(began, any_event=any_event)

    async def _give_way(self) -> None:
        """Lets others run now and then: thousands of events may be there at once, without a wait between them."""
        self._turn += 1
        if self._turn % EVENTS_PER_TURN == 0:
            await self._clock.sleep(0)

    def _ended(self, began: float, *, any_event: bool) -> Outcome:
        lasted = self._clock.monotonic() - began
        return Outcome.ENDED if any_event or lasted >= SHORTEST_WATCH else Outcome.ENDED_AT_ONCE

    # --- changes -----------------------------------------------------------------------------------------------------

    def _apply(self, event: WatchEvent[T]) -> None:
        obj = event.object
        match event.type:
            case "ADDED" | "MODIFIED":
                self._put(obj)
            case "DELETED":
                if self._cache.remove(key_of(obj)) is not None:
                    self._deleted(obj)
        self._reached(revision_of(obj))

    def _replace(self, objects: Iterable[T], listed_revision: int) -> None:
        """Makes the cache show exactly `objects`; handlers hear of the differences only."""
        present = {key_of(obj): obj for obj in objects}
        for old in self._cache.list():
            if key_of(old) not in present:
                self._cache.remove(key_of(old))
                self._deleted(old)
        for obj in present.values():
            self._put(obj)
        if listed_revision < self._revision:
            self._release_all()
            self._revision = listed_revision
        self._reached(listed_revision)
        self._synced.set()

    def _put(self, obj: T) -> None:
        old = self._cache.get(obj.metadata.namespace, obj.metadata.name)
        if old is not None and old.metadata.uid != obj.metadata.uid:
            self._cache.remove(key_of(old))
            self._deleted(old)
            old = None
        if old is not None and old.metadata.resource_version == obj.metadata.resource_version:
            return
        self._cache.put(obj)
        if old is None:
            for handlers in self._handlers:
                if handlers.on_add is not None:
                    handlers.on_add(obj)
        else:
            for handlers in self._handlers:
                if handlers.on_update is not None:
                    handlers.on_update(old, obj)

    def _deleted(self, obj: T) -> None:
        for handlers in self._handlers:
            if handlers.on_delete is not None:
                handlers.on_delete(obj)

    def _reached(self, number: int) -> None:
        self._back_off = FIRST_BACK_OFF
        self._revision = max(self._revision, number)
        while self._waiters and self._waiters[0][0] <= self._revision:
            _wake(heapq.heappop(self._waiters)[2])

    def _release_all(self) -> None:
        while self._waiters:
            _wake(self._waiters.pop()[2])


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)


class InformerFactory:
    """Hands out one informer per selection, so that everybody shares one watch and one copy of the objects."""

    def __init__(self, client: Client, clock: Clock | None = None) -> None:
        self._client = client
        self._clock = clock
        self._informers: dict[Selection[Any], Informer[Any]] = {}
        self._supervisor: Supervisor | None = None

    def informer(
        self,
        kind: type[T],
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        indexes: Mapping[str, IndexFunction[T]] | None = None,
    ) -> Informer[T]:
        """The informer of a selection, with at least these indexes. It runs as soon as the factory is started."""
        selection = Selection(kind, namespace, label_selector, field_selector)
        informer: Informer[T] | None = self._informers.get(selection)
        if informer is None:
            informer = self._informers[selection] = Informer(self._client, selection, self._clock)
            if self._supervisor is not None:
                self._supervisor.start(f"informer of {selection}", informer.run)
        informer.add_indexes(indexes or {})
        return informer

    def start(self, supervisor: Supervisor) -> None:
        """Runs all informers, present and future, as tasks of `supervisor`, whose end ends them. Once only."""
        if self._supervisor is not None:
            raise RuntimeError("the informers are running already")
        self._supervisor = supervisor
        for selection, informer in self._informers.items():
            supervisor.start(f"informer of {selection}", informer.run)

    async def synced(self) -> None:
        """Waits until every informer handed out so far shows its whole selection."""
        for informer in list(self._informers.values()):
            await informer.synced()
