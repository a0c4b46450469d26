"""A watch as HTTP carries it: changes in batches, bookmarks in between, an end when its time is over."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

from petset.aio.clock import Clock
from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.apiserver.registry import Registry
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.watch import ChangeFeed, WatchChange, bookmark, open_feed

Batches: TypeAlias = AsyncIterator[list[WatchChange]]
"""What is iterated: as many changes at a time as are there."""

BOOKMARK_SECONDS = 60.0

_MOST_PENDING = 1000


@asynccontextmanager
async def open_stream(registry: Registry, target: Target, options: WatchOptions) -> AsyncIterator[Batches]:
    """Opens a watch; raises on entry as `watch.open_feed`. Iterating raises a StatusError when the watch breaks."""
    async with open_feed(registry, target, options) as feed, Supervisor("watch", registry.clock) as tasks:
        stream = _Stream(feed)
        tasks.background("events", stream.pump())
        if options.allow_bookmarks or options.timeout_seconds is not None:
            tasks.background("time", stream.keep_time(registry.clock, options, target))
        batches = stream.batches()
        try:
            yield batches
        finally:
            await batches.aclose()


class _Stream:
    """What waits to be sent. At most about `_MOST_PENDING` changes wait here, the others in the store's watch."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed
        self._pending: list[WatchChange] = []
        self._full = False
        self._ended = False
        self._error: StatusError | None = None
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def batches(self) -> AsyncGenerator[list[WatchChange], None]:
        """All that waits, whenever something does."""
        while True:
            if self._pending:
                batch, self._pending = self._pending, []
                self._room.set()
                yield batch
            elif self._error is not None:
                raise self._error
            elif self._ended:
                return
            else:
                self._news.clear()
                await self._news.wait()

    async def pump(self) -> None:
        """Takes from the watch; a reader that is slow makes it wait, until the store closes the watch as lagging."""
        try:
            async for batch in self._feed:
                while len(self._pending) >= _MOST_PENDING:
                    self._full = True
                    self._room.clear()
                    await self._room.wait()
                self._full = False
                self._add(batch)
        except StatusError as error:
            self._error = error
        finally:
            self._end()

    async def keep_time(self, clock: Clock, options: WatchOptions, target: Target) -> None:
        """Adds a bookmark from time to time and just before the end, and ends the stream in time."""
        began = clock.monotonic()
        while not self._ended:
            left = BOOKMARK_SECONDS
            if options.timeout_seconds is not None:
                left = min(left, options.timeout_seconds - (clock.monotonic() - began))
            await clock.sleep(left)
            # what is on its way from the watch to here would come after a bookmark that counts it
            progress = self._feed.progress
            if options.allow_bookmarks and not self._full and progress is not None:
                self._add([bookmark(target.resource, progress)])
            if options.timeout_seconds is not None and clock.monotonic() - began >= options.timeout_seconds:
                self._end()

    def _add(self, batch: list[WatchChange]) -> None:
        self._pending += batch
        self._news.set()

    def _end(self) -> None:
        self._ended = True
        self._news.set()
