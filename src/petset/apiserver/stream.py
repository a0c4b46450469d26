"""Watches as HTTP carries them: changes in pieces, bookmarks in between, an end when their time is over.

Those who watch the same share it: one of them all follows the store, and what it sees is the same pieces for all. A
reader that is not there when a piece is handed out, because it is new or slow, reads from the store's history what it
missed. So nothing waits for anybody: what a slow reader costs is the piece that it is at.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from petset.aio.clock import Clock
from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.apiserver.registry import Registry
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.watch import Interest, WatchChange, bookmark, left_behind
from petset.store.interface import Lagged

PIECE = 60 * 1024
"""Bytes of objects that are handed out at a time: encrypted, with the last of them whole, four records of TLS, and one
segment of the loopback interface, which takes 64 KiB."""
MOST_MISSED = 1000
"""Events that a reader takes from the history at a time."""
TURN = 16 * 1024 * 1024
"""Bytes that are handed out before others get their turn in the process: some 10 ms of encryption."""
BOOKMARK_SECONDS = 60.0


@dataclass(eq=False, slots=True)
class Batch:
    """Changes that lead from one revision to another, the same for all who watch the same; at times none."""

    changes: list[WatchChange]
    since: int
    until: int
    encoded: dict[Any, bytes] = field(default_factory=dict)
    """What its readers made of it, each for all others."""

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[WatchChange]:
        return iter(self.changes)


Batches: TypeAlias = AsyncIterator[Batch]
"""What is iterated: none of them is empty."""

Take: TypeAlias = Callable[[Batch], bool]
"""Passes on a batch that has just been handed out. False when that would have to wait, and nothing was done."""


class Watches:
    """The open watches. After each time that something was handed out, `gather` waits for more to come together."""

    def __init__(self, registry: Registry, gather: Callable[[], Awaitable[object]] | None = None) -> None:
        self._registry = registry
        self._gather = gather
        self._shared: dict[tuple[Target, str, str], _SharedWatch] = {}

    @asynccontextmanager
    async def open(self, target: Target, options: WatchOptions, take: Take | None = None) -> AsyncIterator[Batches]:
        """Opens a watch. Raises BadRequest, Invalid.

        What happens while the iterator waits is given to `take`, and what that does not take is iterated. Iterating
        raises a StatusError when the watch breaks, also when it cannot begin where it was asked to.
        """
        interest = Interest(self._registry, target, options)
        start, initial = interest.begin(options)
        key = target, options.label_selector, options.field_selector
        shared = self._shared.get(key)
        if shared is None or shared.ended:
            shared = self._shared[key] = _SharedWatch(interest, self._registry, self._gather)
        clock = self._registry.clock
        try:
            with shared.joined(start, initial, take) as reader:
                async with Supervisor("watch", clock) as tasks:
                    if options.allow_bookmarks or options.timeout_seconds is not None:
                        tasks.background("time", reader.keep_time(clock, options))
                    batches = reader.batches()
                    try:
                        yield batches
                    finally:
                        await batches.aclose()
        finally:
            if not shared.readers:
                if self._shared.get(key) is shared:
                    del self._shared[key]
                await shared.stop()


class _SharedWatch:
    """What follows the store for all who watch the same, from when the first of them comes until the last leaves."""

    def __init__(self, interest: Interest, registry: Registry, gather: Callable[[], Awaitable[object]] | None) -> None:
        self.readers: dict[_Reader, None] = {}
        self.resource = interest.resource
        self.ended = False
        self.error: StatusError | None = None
        self.reached = registry.store.revision
        """Everything up to here was handed out."""
        self.handed_out: dict[int, Batch] = {}
        """What was handed out a moment ago, by the revision that it leads on from."""
        self._quiet = self.reached, self.reached
        """Two revisions between which nothing was to be seen, however much happened, before the latest change."""
        self._interest = interest
        self._gather = gather
        self._clock = registry.clock
        self._watch = interest.follow(self.reached)
        self._tasks = Supervisor("watch", registry.clock)
        self._tasks.background("events", self._follow())

    @property
    def progress(self) -> int:
        """A revision up to which nothing is left to be handed out."""
        return max(self.reached, self._watch.progress)

    @contextmanager
    def joined(self, start: int, initial: Iterator[WatchChange], take: Take | None) -> Iterator["_Reader"]:
        """One more reader, of what there is `initial`ly and what happens after `start`."""
        reader = _Reader(self, start, (Batch(piece, start, start) for piece in _pieces(initial)), take)
        self.readers[reader] = None
        try:
            yield reader
        finally:
            del self.readers[reader]

    def missed(self, since: int) -> Iterator[Batch]:
        """From the history, at least one batch that leads on from a revision. Raises Expired."""
        quiet_since, quiet_until = self._quiet
        if since >= quiet_since:  # the history may have forgotten what was not to be seen
            since = max(since, quiet_until)
        with closing(self._interest.follow(since)) as watch:
            events = [event for event in watch.take() if event.record.revision <= self.reached]
        until = events[MOST_MISSED].record.revision - 1 if len(events) > MOST_MISSED else self.reached
        return _batches(self._interest.seen(events[:MOST_MISSED]), since, until)

    async def stop(self) -> None:
        """Follows no more."""
        self._watch.close()
        await self._tasks.stop()

    async def _follow(self) -> None:
        try:
            async for event in self._watch:
                changes = [*self._interest.seen((event, *self._watch.take()))]
                if changes:
                    await self._hand_out(changes)
        except Lagged as error:
            self.error = left_behind(error)
        finally:
            self.ended = True
            for reader in self.readers:
                reader.wake()

    async def _hand_out(self, changes: list[WatchChange]) -> None:
        until = changes[-1].record.revision
        self._quiet = self.reached, changes[0].record.revision - 1
        self.handed_out = {batch.since: batch for batch in _batches(changes, self.reached, until)}
        self.reached = until
        readers = tuple(self.readers)
        at_once = 1 + TURN // sum(len(change.record.value) for change in changes)
        for first in range(0, len(readers), at_once):
            for reader in readers[first : first + at_once]:
                reader.tell()
            await self._clock.sleep(0)
        if self._gather is not None:
            await self._gather()
        self.handed_out = {}


class _Reader:
    """One open watch, and how far it came."""

    def __init__(self, shared: _SharedWatch, start: int, own: Iterator[Batch], take: Take | None) -> None:
        self._shared = shared
        self._reached = start
        self._own = own
        """What it does not have in common with the others."""
        self._take = take
        self._bookmark_due = False
        self._over = False
        self._news: asyncio.Future[None] | None = None

    async def batches(self) -> AsyncGenerator[Batch, None]:
        """All that happens, when it does."""
        while True:
            batch = self._next()
            if batch is not None:
                yield batch
                if self._over:  # who is slow has no more time than others
                    return
            elif self._shared.error is not None:
                raise self._shared.error
            elif self._over or self._shared.ended:
                return
            else:
                await self._wait()

    async def keep_time(self, clock: Clock, options: WatchOptions) -> None:
        """Has a bookmark made from time to time and just before the end, and ends the watch in time."""
        began = clock.monotonic()
        while not self._over:
            left = BOOKMARK_SECONDS
            if options.timeout_seconds is not None:
                left = min(left, options.timeout_seconds - (clock.monotonic() - began))
            await clock.sleep(left)
            self._bookmark_due = options.allow_bookmarks
            self._over = options.timeout_seconds is not None and clock.monotonic() - began >= options.timeout_seconds
            self.wake()

    def tell(self) -> None:
        """Something was handed out. If the reader only waits for it, it is not woken up but for what it cannot take."""
        if self._news is None or self._news.done():
            return
        if self._take is not None:
            handed_out = self._shared.handed_out
            while (batch := handed_out.get(self._reached)) is not None and (not batch or self._take(batch)):
                self._reached = batch.until
        if self._reached < self._shared.reached:
            self.wake()

    def wake(self) -> None:
        """Something may have happened."""
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _next(self) -> Batch | None:
        """The next changes, None when there are none yet. Raises Expired when the history has them no more."""
        while (batch := self._further()) is not None:
            self._reached = batch.until
            if batch:
                return batch
        progress = self._shared.progress
        if not self._bookmark_due or progress < self._reached:  # what it reached may be in the future
            return None
        self._bookmark_due = False
        return Batch([bookmark(self._shared.resource, progress)], self._reached, self._reached)

    def _further(self) -> Batch | None:
        """What leads on from where this reader is."""
        own, shared = next(self._own, None), self._shared
        if own is not None or self._reached >= shared.reached:
            return own
        if self._reached not in shared.handed_out:
            self._own = shared.missed(self._reached)
            return next(self._own)
        return shared.handed_out[self._reached]

    async def _wait(self) -> None:
        self._news = asyncio.get_running_loop().create_future()
        try:
            await self._news
        finally:
            self._news = None


def _batches(changes: Iterable[WatchChange], since: int, until: int) -> Iterator[Batch]:
    """What leads from one revision to another, at least one batch."""
    for piece in _pieces(changes):
        reached = piece[-1].record.revision
        yield Batch(piece, since, reached)
        since = reached
    if since < until:
        yield Batch([], since, until)


def _pieces(changes: Iterable[WatchChange]) -> Iterator[list[WatchChange]]:
    """The changes, some 60 KiB at a time."""
    piece: list[WatchChange] = []
    size = 0
    for change in changes:
        piece.append(change)
        size += len(change.record.value)
        if size >= PIECE:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
