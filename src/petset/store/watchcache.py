"""The recent past of every collection, and the watches that follow it.

A write costs in proportion to the watches that want it: they are found by the beginnings of its name, without asking
the others.
"""

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from petset.aio.fanout import Fanout, Overflow, Subscription
from petset.store.interface import Compacted, Event, FutureRevision, Lagged


@dataclass(frozen=True, slots=True)
class History:
    """How much past each collection keeps: so many events, and so many bytes of their values, whichever is less.

    `events` is also how many a watch may have waiting before it is closed as lagging.
    """

    events: int = 10_000
    size: int = 16 * 1024 * 1024


DEFAULT_HISTORY = History()


class CachedWatch:
    """A subscription to one collection, as `interface.Watch` promises it."""

    def __init__(self, feed: "_Feed", prefix: str, after: int) -> None:
        self._feed = feed
        self._prefix = prefix
        self._yielded = after
        self._subscription = feed.subscribe(prefix, after)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            event = await anext(self._subscription)
        except Overflow as error:
            raise Lagged(str(error)) from None
        self._yielded = event.record.revision
        return event

    def take(self) -> list[Event]:
        """The events that wait already, in order, without waiting. Raises `Lagged`."""
        try:
            events = self._subscription.take()
        except Overflow as error:
            raise Lagged(str(error)) from None
        if events:
            self._yielded = events[-1].record.revision
        return events

    @property
    def progress(self) -> int:
        """A revision up to which this watch has certainly yielded everything."""
        head = self._subscription.head
        if head is not None:
            return head.record.revision - 1
        if self._subscription.ended:
            return self._yielded
        return self._feed.cache.revision

    def close(self) -> None:
        """Ends the subscription; the iteration stops."""
        self._subscription.close()
        self._feed.prune(self._prefix)


class _Feed:
    """One collection: its ring of events, and its subscribers by the prefix they asked for."""

    def __init__(self, cache: "WatchCache", floor: int) -> None:
        self.cache = cache
        self._floor = floor
        self._ring: deque[Event] = deque()
        self._size = 0
        self._fanouts: dict[str, Fanout[Event]] = {}
        self._lengths: Counter[int] = Counter()

    def publish(self, event: Event) -> None:
        self._ring.append(event)
        self._size += len(event.record.value)
        self._evict()
        name = event.record.name
        for length in tuple(self._lengths):
            prefix = name[:length]
            fanout = self._fanouts.get(prefix)
            if fanout is not None:
                fanout.publish(event)
                self.prune(prefix)

    def subscribe(self, prefix: str, after: int) -> Subscription[Event]:
        if after < self._floor:
            raise Compacted(self._floor)
        backlog = []
        for event in reversed(self._ring):
            if event.record.revision <= after:
                break
            if event.record.name.startswith(prefix):
                backlog.append(event)
        backlog.reverse()
        fanout = self._fanouts.get(prefix)
        if fanout is None:
            fanout = self._fanouts[prefix] = Fanout()
            self._lengths[len(prefix)] += 1
        return fanout.subscribe(self.cache.history.events, backlog)

    def prune(self, prefix: str) -> None:
        """Forgets a prefix nobody asks for any more."""
        fanout = self._fanouts.get(prefix)
        if fanout is not None and not fanout:
            del self._fanouts[prefix]
            self._lengths[len(prefix)] -= 1
            if not self._lengths[len(prefix)]:
                del self._lengths[len(prefix)]

    def close(self) -> None:
        for fanout in self._fanouts.values():
            fanout.close()
        self._fanouts.clear()
        self._lengths.clear()

    def _evict(self) -> None:
        """Shortens the ring to the history kept; the newest event always stays."""
        history = self.cache.history
        while len(self._ring) > history.events or (self._size > history.size and len(self._ring) > 1):
            oldest = self._ring.popleft().record
            self._size -= len(oldest.value)
            self._floor = oldest.revision


class WatchCache:
    """Follows the durable writes of a store from `revision` on."""

    def __init__(self, revision: int, history: History = DEFAULT_HISTORY) -> None:
        self.history = history
        self._opened = revision
        self._revision = revision
        self._feeds: dict[str, _Feed] = {}
        self._closed = False

    @property
    def revision(self) -> int:
        """Everything up to here was published."""
        return self._revision

    def publish(self, events: Iterable[tuple[str, Event]], revision: int) -> None:
        """Hands on durable writes, `(collection, event)` in revision order, the last of which made `revision`."""
        for collection, event in events:
            self._feed(collection).publish(event)
        self._revision = revision

    def watch(self, collection: str, after: int, prefix: str = "") -> CachedWatch:
        """As `interface.Store.watch`. On a closed cache the watch ends after what it still finds."""
        if after > self._revision:
            raise FutureRevision(f"revision {after} has not happened, the newest is {self._revision}")
        feed = self._feed(collection)
        watch = CachedWatch(feed, prefix, after)
        if self._closed:
            feed.close()
        return watch

    def close(self) -> None:
        """Ends all watches after what waits in them."""
        self._closed = True
        for feed in self._feeds.values():
            feed.close()

    def _feed(self, collection: str) -> _Feed:
        feed = self._feeds.get(collection)
        if feed is None:
            feed = self._feeds[collection] = _Feed(self, self._opened)
        return feed
