"""The slow, obvious store: durable at once because nothing is ever lost but the process. The oracle of the others."""

import asyncio
import builtins
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from petset.store.commit import Commit
from petset.store.interface import (
    Compacted,
    Draft,
    Event,
    EventType,
    FutureRevision,
    Lagged,
    Record,
    Snapshot,
    StoreFailed,
    WriteConflict,
)
from petset.store.watchcache import DEFAULT_HISTORY, History


class MemoryStore:
    """A store in plain dictionaries and lists, as `interface.Store` promises it. Of `history` only the count holds."""

    def __init__(self, history: History = DEFAULT_HISTORY) -> None:
        self._history = history
        self._revision = 1
        self._records: dict[tuple[str, str], Record] = {}
        self._events: dict[str, list[Event]] = {}
        self._floors: dict[str, int] = {}
        self._watches: list[MemoryWatch] = []
        self._closed = False

    @property
    def revision(self) -> int:
        """The newest revision."""
        return self._revision

    @property
    def accepted(self) -> int:
        """The newest revision; everything accepted is as durable as it gets here."""
        return self._revision

    @property
    def failure(self) -> str | None:
        """None: memory refuses nothing."""
        return None

    @property
    def failures(self) -> int:
        """None."""
        return 0

    def read(self, collection: str, name: str) -> Record | None:
        """The state of one record."""
        return self._records.get((collection, name))

    def newest(self, collection: str, name: str) -> Record | None:
        """The same: what is accepted is durable."""
        return self.read(collection, name)

    def list(self, collection: str, prefix: str = "", labels: Sequence[tuple[str, str]] = ()) -> Snapshot:
        """The records whose name starts with `prefix` and that have these labels, in order."""
        records = self.scan(collection, prefix)
        return Snapshot(tuple(r for r in records if set(labels) <= set(r.labels.items())), self._revision)

    def count(self, collection: str, prefix: str = "", after: str = "") -> int:
        """How many records `scan` gives."""
        return len(list(self.scan(collection, prefix, after)))

    def scan(self, collection: str, prefix: str = "", after: str = "") -> Iterator[Record]:
        """Like `list`, from the first name greater than `after`."""
        for (owner, name), record in sorted(self._records.items()):
            if owner == collection and name.startswith(prefix) and name > after:
                yield record

    def write(self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None) -> Commit:
        """Creates or updates."""
        record, previous = self._decide(collection, name, draft, expected)
        self._records[collection, name] = record
        return self._publish(collection, EventType.MODIFIED if previous else EventType.ADDED, record, previous)

    def delete(self, collection: str, name: str, last: Callable[[int], Draft], expected: int) -> Commit:
        """Deletes."""
        record, previous = self._decide(collection, name, last, expected)
        del self._records[collection, name]
        return self._publish(collection, EventType.DELETED, record, previous)

    def watch(self, collection: str, after: int, prefix: str = "") -> "MemoryWatch":
        """Every event of the collection after that revision."""
        if after > self._revision:
            raise FutureRevision(f"revision {after} has not happened, the newest is {self._revision}")
        if after < self.floor(collection):
            raise Compacted(self.floor(collection))
        watch = MemoryWatch(self, collection, after, prefix)
        self._watches.append(watch)
        return watch

    async def close(self) -> None:
        """Ends all watches."""
        self._closed = True
        self._wake()

    @property
    def closed(self) -> bool:
        """Whether nothing more will happen here."""
        return self._closed

    def floor(self, collection: str) -> int:
        """The revision after which the history of the collection is complete."""
        return self._floors.get(collection, 1)

    def events(self, collection: str, after: int, prefix: str) -> builtins.list[Event]:
        """What a watch from there on has to see."""
        return [
            event
            for event in self._events.get(collection, [])
            if event.record.revision > after and event.record.name.startswith(prefix)
        ]

    def forget(self, watch: "MemoryWatch") -> None:
        """Drops a watch that was closed."""
        if watch in self._watches:
            self._watches.remove(watch)

    def _decide(
        self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None
    ) -> tuple[Record, Record | None]:
        if self._closed:
            raise StoreFailed("the store is closed")
        previous = self.read(collection, name)
        if (previous.revision if previous else None) != expected:
            raise WriteConflict(previous)
        made = draft(self._revision + 1)
        self._revision += 1
        return Record(name, self._revision, made.value, made.labels, made.fields), previous

    def _publish(self, collection: str, kind: EventType, record: Record, previous: Record | None) -> Commit:
        events = self._events.setdefault(collection, [])
        events.append(Event(kind, record, previous, {}))
        if len(events) > self._history.events:
            forgotten = events.pop(0)
            self._floors[collection] = forgotten.record.revision
            for watch in self._watches:
                watch.miss(collection, forgotten)
        self._wake()
        commit = Commit()
        commit.resolve(record)
        return commit

    def _wake(self) -> None:
        for watch in self._watches:
            watch.news.set()


class MemoryWatch:
    """Looks through the whole history for the next event, every time."""

    def __init__(self, store: MemoryStore, collection: str, after: int, prefix: str) -> None:
        self._store = store
        self._collection = collection
        self._seen = after
        self._prefix = prefix
        self._closed = False
        self._lagged = False
        self.news = asyncio.Event()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while True:
            events = self._waiting()
            if events:
                self._seen = events[0].record.revision
                return events[0]
            if self._closed or self._store.closed:
                raise StopAsyncIteration
            self.news.clear()
            await self.news.wait()

    def take(self) -> list[Event]:
        """The events that wait already."""
        events = self._waiting()
        if events:
            self._seen = events[-1].record.revision
        return events

    @property
    def progress(self) -> int:
        """A revision up to which this watch has certainly yielded everything."""
        if self._closed or self._lagged:
            return self._seen
        events = self._waiting()
        return events[0].record.revision - 1 if events else self._store.revision

    def close(self) -> None:
        """Ends the subscription."""
        self._closed = True
        self._store.forget(self)
        self.news.set()

    def miss(self, collection: str, event: Event) -> None:
        """The store forgets an event; a watch that had yet to yield it is over."""
        wanted = collection == self._collection and event.record.name.startswith(self._prefix)
        if wanted and event.record.revision > self._seen:
            self._lagged = True

    def _waiting(self) -> list[Event]:
        if self._closed:
            return []
        if self._lagged:
            raise Lagged("more happened than the history keeps")
        return self._store.events(self._collection, self._seen, self._prefix)
