"""The port of the store: what it promises, whatever drives it.

A store maps keys to bytes. A key is `(collection, name)`: the collection is one resource (`"apps/statefulsets"`,
`"pods"`), the name orders the objects in it (`"default/web-0"`, or `"node-1"` for a cluster-wide resource). Every
accepted write gets the next revision of one global sequence.

Promises, checked by the contract suite:

* *Accepted, then durable.* `write` decides against the newest accepted state, synchronously, and takes a place in the
  order; awaiting what it returns waits until the write survives kill -9 and power loss. Reads, lists and watches never
  show a write that is not durable; `newest` does, because the next write must be decided against it.
* *Failures end with their cause.* A write that the disk refuses fails, and with it all that were accepted after it and
  are not durable: they may have been decided against it. Later writes are tried anew.
* *In order.* Writes become durable and visible in revision order; watchers see every write of their collection once.
* *The writer never waits for a reader.* A watcher that does not keep up is closed with `Lagged` and must list again.
* *History is bounded.* A watch from a revision older than the ring, or older than this process, raises `Compacted`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import msgspec


class StoreError(Exception):
    """What a store can refuse. Anything else that escapes it is a bug or a broken disk."""


class WriteConflict(StoreError):
    """The expected revision is not the newest one; `newest` is what stands there now (None: nothing)."""

    def __init__(self, newest: Record | None) -> None:
        super().__init__("the record was changed by somebody else")
        self.newest = newest


class Compacted(StoreError):
    """History before `oldest` is gone: list again."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"history before revision {oldest} is gone")
        self.oldest = oldest


class FutureRevision(StoreError):
    """The revision asked for has not happened yet."""


class Lagged(StoreError):
    """The watcher did not keep up with the writers and was closed."""


class StoreFailed(StoreError):
    """The disk refused a write, or the store is closed. What was durable stays readable; later writes may succeed."""


class Record(msgspec.Struct, frozen=True):
    """One object at one revision: its bytes, and what selectors ask for, extracted once at the write."""

    name: str
    revision: int
    value: bytes
    labels: Mapping[str, str]
    fields: Mapping[str, str]


class Draft(msgspec.Struct, frozen=True):
    """A record to be, made by the caller once it knows its revision."""

    value: bytes
    labels: Mapping[str, str]
    fields: Mapping[str, str]


class EventType(Enum):
    """What happened to a record."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


class Event(msgspec.Struct, frozen=True, eq=False):
    """One durable write. `record` is the new state; for DELETED the last state, with the deletion's revision in it.

    `previous` is the state before (None for ADDED), which selector watches need for ADDED/DELETED transitions.
    One instance is shared by all watchers, so that frames can be encoded once (`frames` caches them by format).
    """

    type: EventType
    record: Record
    previous: Record | None
    frames: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The durable state of a collection (or of a prefix of it) in key order, as of `revision`."""

    records: tuple[Record, ...]
    revision: int


class Watch(Protocol):
    """An open subscription: iterate for events; `close` ends it at once. The iteration also ends with the store."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """Events in revision order. Raises `Lagged` when this reader fell behind."""
        ...

    @property
    def progress(self) -> int:
        """A revision up to which this watch has certainly yielded everything: what a bookmark may say."""
        ...

    def take(self) -> list[Event]:
        """The events that wait already, in order, without waiting: many frames in one write. Raises `Lagged`."""
        ...

    def close(self) -> None:
        """Ends the subscription; the iteration stops."""
        ...


class Store(Protocol):
    """The port. All methods but the awaitables return at once and never block the event loop."""

    @property
    def revision(self) -> int:
        """The newest durable revision. A fresh store starts at 1."""
        ...

    @property
    def accepted(self) -> int:
        """The newest accepted revision, durable or not; the next write has the one after it."""
        ...

    @property
    def failure(self) -> str | None:
        """Why the newest write of which the outcome is known is not durable; None when it is."""
        ...

    @property
    def failures(self) -> int:
        """How often accepted writes were lost, all that were not durable at once: who counts them has to begin anew."""
        ...

    def read(self, collection: str, name: str) -> Record | None:
        """The durable state of one record."""
        ...

    def newest(self, collection: str, name: str) -> Record | None:
        """The newest accepted state of one record, durable or not: what the next write is decided against."""
        ...

    def list(self, collection: str, prefix: str = "", labels: Sequence[tuple[str, str]] = ()) -> Snapshot:
        """The durable records whose name starts with `prefix` and that have these labels, in order."""
        ...

    def count(self, collection: str, prefix: str = "", after: str = "") -> int:
        """How many records `scan` would give, without going through them."""
        ...

    def scan(self, collection: str, prefix: str = "", after: str = "") -> Iterator[Record]:
        """Like `list`, lazily, from the first name greater than `after`; valid only until the next await."""
        ...

    def write(
        self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None
    ) -> Awaitable[Record]:
        """Accepts a create or update and returns the wait for its durability.

        `expected`: None = the record must not exist; otherwise the revision of `newest`. `draft` is called at once with
        the new revision, so that the bytes can carry it. Raises `WriteConflict` or `StoreFailed` at once.
        """
        ...

    def delete(self, collection: str, name: str, last: Callable[[int], Draft], expected: int) -> Awaitable[Record]:
        """Accepts a deletion; `last` makes the final state that watchers see, with the deletion's revision in it."""
        ...

    def watch(self, collection: str, after: int, prefix: str = "") -> Watch:
        """Every durable event of the collection with a revision greater than `after`.

        Raises `Compacted` when history does not reach back that far, `FutureRevision` when `after` has not happened.
        """
        ...

    async def close(self) -> None:
        """Makes everything accepted durable, ends all watches, releases the files."""
        ...


Indexer = Callable[[str, bytes], tuple[Mapping[str, str], Mapping[str, str]]]
"""(collection, value) -> (labels, fields): what a driver calls to rebuild a record's selectable parts when it loads."""
