"""The default store: SQLite keeps what must survive, dictionaries answer.

The event loop decides every write and keeps the whole state in memory; one thread makes the decisions durable, all that
wait in one transaction, so that a lone write waits for one fsync and a thousand at once wait for few. The table holds
the current state only: deletions remove rows, and their revision is kept aside so that it is never given out again.

A group that the disk refuses takes with it all that was accepted after it, which may have been decided against it.
What is accepted from then on is tried like anything else: a store recovers as soon as its disk does.
"""

import asyncio
import os
import sqlite3
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import chain, islice
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self, TypeVar

import msgspec
from sortedcontainers import SortedDict

from petset.aio.files import sync_directory
from petset.aio.identity import new_uid
from petset.store.commit import Commit
from petset.store.interface import (
    Draft,
    Event,
    EventType,
    Indexer,
    Record,
    Snapshot,
    StoreError,
    StoreFailed,
    WriteConflict,
)
from petset.store.labels import LabelIndex
from petset.store.watchcache import DEFAULT_HISTORY, CachedWatch, History, WatchCache

T = TypeVar("T")

FILE = "state.db"
SCHEMA = 1
FIRST_REVISION = 1
LARGEST_GROUP = 512
STATEMENTS = (128, 64, *range(32, 0, -1))
"""Rows of the prepared statements: a group of usual size is one statement."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE records (
    collection TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (collection, name)
);
"""


LAST_CHARACTER = "\U0010ffff"
"""Greater than any character of a name, so that a prefix followed by it ends the range of the prefix."""


def _statements(beginning: str, row: str, end: str) -> dict[int, str]:
    """The same statement for row lists of some sizes, largest first: each is parsed once."""
    return {size: beginning + ", ".join([row] * size) + end for size in STATEMENTS}


_PUT = _statements(
    "INSERT INTO records (collection, name, revision, value) VALUES ",
    "(?, ?, ?, ?)",
    " ON CONFLICT (collection, name) DO UPDATE SET revision = excluded.revision, value = excluded.value",
)
_DELETE = _statements(
    # Not (collection, name) IN (VALUES ...): that reads the whole table.
    "DELETE FROM records WHERE rowid IN (SELECT records.rowid FROM (VALUES ",
    "(?, ?)",
    ") AS gone CROSS JOIN records ON records.collection = gone.column1 AND records.name = gone.column2)",
)


class _Operation(msgspec.Struct, frozen=True):
    """One accepted write: `record` is the new state, or the last one when `deleted`.

    `failures` is how many groups had failed, to the loop's knowledge, when it was accepted.
    """

    collection: str
    record: Record
    deleted: bool
    failures: int
    commit: Commit = msgspec.field(default_factory=Commit)


class _Database:
    """The file. Opened by the loop's thread, then used by the writer's only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        _create_private(path)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)

    def prepare(self) -> None:
        """Makes an empty file a store; refuses one that this version cannot read."""
        execute = self._connection.execute
        execute("PRAGMA journal_mode=WAL")
        execute("PRAGMA synchronous=FULL")
        if not execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            facts = [("schema", SCHEMA), ("revision", FIRST_REVISION), ("uuid", new_uid())]
            self._connection.executescript(f"BEGIN; {_TABLES}")
            self._connection.executemany("INSERT INTO meta VALUES (?, ?)", facts)
            execute("COMMIT")
        schema = execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0]
        if schema > SCHEMA:
            raise StoreError(
                f"{self._path} was written by a newer petset: its schema is {schema}, this one knows {SCHEMA}"
            )

    @property
    def uuid(self) -> str:
        """The identity the store got when it was created."""
        uuid: str = self._connection.execute("SELECT value FROM meta WHERE key = 'uuid'").fetchone()[0]
        return uuid

    @property
    def revision(self) -> int:
        """The newest durable revision: that of a living record, or of a deletion."""
        query = "SELECT max(value, ifnull((SELECT max(revision) FROM records), 0)) FROM meta WHERE key = 'revision'"
        revision: int = self._connection.execute(query).fetchone()[0]
        return revision

    def load(self) -> Iterator[tuple[str, str, int, bytes]]:
        """Every row as (collection, name, revision, value), in the order of the file, which is the quickest."""
        return self._connection.execute("SELECT collection, name, revision, value FROM records")

    def commit(self, group: Sequence[_Operation]) -> None:
        """Makes a group durable, all or nothing.

        Each step of a statement gives the interpreter lock away and has to wait for it again, up to 5 ms when the loop
        is busy: that is why many rows travel in one statement, which is its own transaction when there is no other.
        """
        last = {(operation.collection, operation.record.name): operation for operation in group}
        puts = [
            (operation.collection, operation.record.name, operation.record.revision, operation.record.value)
            for operation in last.values()
            if not operation.deleted
        ]
        gone = [key for key, operation in last.items() if operation.deleted]
        deletions = [operation.record.revision for operation in group if operation.deleted]
        if not deletions and len(puts) in _PUT:
            self._run(_PUT, puts)
            return
        self._connection.execute("BEGIN IMMEDIATE")
        self._run(_PUT, puts)
        self._run(_DELETE, gone)
        if deletions:
            self._connection.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (deletions[-1],))
        self._connection.execute("COMMIT")

    def roll_back(self) -> None:
        """Takes back what a failed `commit` has left open. Some errors make SQLite do so itself."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Moves the log into the file and lets go of it."""
        self._connection.close()

    def _run(self, statements: Mapping[int, str], rows: Sequence[Sequence[object]]) -> None:
        """Runs the rows through as few of the statements as possible."""
        remaining = iter(rows)
        count = len(rows)
        for size, statement in statements.items():
            while count >= size:
                self._connection.execute(statement, list(chain.from_iterable(islice(remaining, size))))
                count -= size


def _create_private(path: Path) -> None:
    """An empty file that only its owner reads; the log and its index copy its mode. Its name is made durable too."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    sync_directory(path.parent)


class SqliteStore:
    """A store in `<data-dir>/state.db`, as `interface.Store` promises it. Made by `open`, ended by `close`."""

    def __init__(self, database: _Database, indexer: Indexer, history: History) -> None:
        self._database = database
        self.uuid = database.uuid
        loaded: dict[str, dict[str, Record]] = defaultdict(dict)
        for collection, name, revision, value in database.load():
            loaded[collection][name] = Record(name, revision, value, *indexer(collection, value))
        self._durable: dict[str, SortedDict[str, Record]] = defaultdict(SortedDict)
        self._durable.update((collection, SortedDict(records)) for collection, records in loaded.items())
        self._labels: dict[str, LabelIndex] = defaultdict(LabelIndex)
        for collection, records in loaded.items():
            self._labels[collection] = LabelIndex((name, record.labels) for name, record in records.items())
        self._accepted_revision = database.revision
        self._overlay: dict[tuple[str, str], _Operation] = {}
        self._pending: deque[_Operation] = deque()
        self._cache = WatchCache(self._accepted_revision, history)
        self._refusal: str | None = None
        self._failures = 0
        self._failure: str | None = None
        self._loop = asyncio.get_running_loop()
        self._to_hand_over: list[_Operation] = []
        self._queue: SimpleQueue[Sequence[_Operation] | None] = SimpleQueue()
        self._writer_ended = asyncio.Event()
        self._writer = threading.Thread(target=self._write_groups, name="store", daemon=True)
        self._writer.start()

    @classmethod
    def open(cls, data_dir: Path, indexer: Indexer, history: History = DEFAULT_HISTORY) -> Self:
        """Opens or creates the store, on the running loop's thread: it reads everything.

        Raises `StoreError` for a file of a newer petset, one that is not a store, or one that cannot be opened.
        """
        path = data_dir / FILE
        try:
            with ExitStack() as on_error:
                database = _Database(path)
                on_error.callback(database.close)
                database.prepare()
                store = cls(database, indexer, history)
                on_error.pop_all()
                return store
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"cannot open {path}: {error}") from error

    @property
    def revision(self) -> int:
        """The newest durable revision."""
        return self._cache.revision

    @property
    def accepted(self) -> int:
        """The newest accepted revision, durable or not."""
        return self._accepted_revision

    @property
    def failure(self) -> str | None:
        """Why the newest write of which the outcome is known is not durable; None when it is."""
        return self._failure

    @property
    def failures(self) -> int:
        """How often the disk refused a group, and with it all that was accepted after it."""
        return self._failures

    def read(self, collection: str, name: str) -> Record | None:
        """The durable state of one record."""
        records = self._durable.get(collection)
        return None if records is None else records.get(name)

    def newest(self, collection: str, name: str) -> Record | None:
        """The newest accepted state of one record, durable or not."""
        operation = self._overlay.get((collection, name))
        if operation is not None:
            return None if operation.deleted else operation.record
        records = self._durable.get(collection)
        return None if records is None else records.get(name)

    def list(self, collection: str, prefix: str = "", labels: Sequence[tuple[str, str]] = ()) -> Snapshot:
        """The durable records whose name starts with `prefix` and that have these labels, in order."""
        if not labels:
            return Snapshot(tuple(self.scan(collection, prefix)), self.revision)
        records = self._durable[collection]
        names = sorted(name for name in self._labels[collection].fewest(labels) if name.startswith(prefix))
        found = map(records.__getitem__, names)
        wanted = (record for record in found if all(record.labels.get(key) == value for key, value in labels))
        return Snapshot(tuple(wanted), self.revision)

    def count(self, collection: str, prefix: str = "", after: str = "") -> int:
        """How many records `scan` would give, without going through them."""
        records = self._durable.get(collection)
        if records is None:
            return 0
        first = records.bisect_right(after) if after >= prefix else records.bisect_left(prefix)
        return max(0, records.bisect_right(prefix + LAST_CHARACTER) - first)

    def scan(self, collection: str, prefix: str = "", after: str = "") -> Iterator[Record]:
        """The same, lazily, from the first name greater than `after`; valid only until the next await."""
        records = self._durable.get(collection)
        if not records:
            return iter(())
        first = max(prefix, after)
        names = records.irange(first, prefix + LAST_CHARACTER, inclusive=(first > after, True))
        return map(records.__getitem__, names)

    def write(self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None) -> Commit:
        """Accepts a create or update and returns the wait for its durability."""
        return self._accept(collection, name, draft, expected, deleted=False)

    def delete(self, collection: str, name: str, last: Callable[[int], Draft], expected: int) -> Commit:
        """Accepts a deletion and returns the wait for its durability."""
        return self._accept(collection, name, last, expected, deleted=True)

    def watch(self, collection: str, after: int, prefix: str = "") -> CachedWatch:
        """Every durable event of the collection with a revision greater than `after`."""
        return self._cache.watch(collection, after, prefix)

    async def close(self) -> None:
        """Makes everything accepted durable, ends all watches, releases the files."""
        if self._refusal is None:
            self._refusal = "the store is closed"
        self._hand_over()
        self._queue.put(None)
        await self._writer_ended.wait()
        self._writer.join()
        self._cache.close()

    def _accept(
        self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None, *, deleted: bool
    ) -> Commit:
        if self._refusal is not None:
            raise StoreFailed(self._refusal)
        newest = self.newest(collection, name)
        if (None if newest is None else newest.revision) != expected:
            raise WriteConflict(newest)
        revision = self._accepted_revision + 1
        made = draft(revision)
        self._accepted_revision = revision
        record = Record(name, revision, made.value, made.labels, made.fields)
        operation = _Operation(collection, record, deleted, self._failures)
        self._overlay[collection, name] = operation
        if not self._to_hand_over:
            self._loop.call_soon(self._hand_over)
        self._to_hand_over.append(operation)
        self._pending.append(operation)
        return operation.commit

    def _hand_over(self) -> None:
        """Gives the writer all that one turn of the loop accepted: waking a thread costs more than a row."""
        group, self._to_hand_over = self._to_hand_over, []
        if group:
            self._queue.put(group)

    def _write_groups(self) -> None:
        """The writer's thread: commits group after group until `close`."""
        failure: str | None = "the writer of the store died"
        failures = 0
        try:
            with closing(self._database):
                while group := self._next_group():
                    # what was accepted before the loop knew of a failure has failed with it
                    valid = [operation for operation in group if operation.failures == failures]
                    if valid and not self._commit(valid):
                        failures += 1
            failure = None
        except sqlite3.Error as error:
            failure = _reason(error)
        finally:
            self._tell_loop(self._end, failure)

    def _commit(self, group: Sequence[_Operation]) -> bool:
        """Makes a group durable, and the loop know; False when the disk refuses it."""
        try:
            self._database.commit(group)
        except sqlite3.Error as error:
            self._database.roll_back()
            self._tell_loop(self._fail, _reason(error))
            return False
        self._tell_loop(self._show, len(group))
        return True

    def _tell_loop(self, callback: Callable[[T], None], argument: T) -> None:
        # A loop that was closed without closing the store has nobody left who waits.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(callback, argument)

    def _next_group(self) -> Sequence[_Operation]:
        """Waits for operations and takes what else is there. Empty when the store closes."""
        group: list[_Operation] = []
        more = self._queue.get()
        try:
            while more is not None:
                group += more
                if len(group) >= LARGEST_GROUP:
                    return group
                more = self._queue.get_nowait()
        except Empty:
            return group
        if group:
            self._queue.put(None)
        return group

    def _show(self, count: int) -> None:
        """Makes the next `count` operations, now durable, visible: to readers, to watches, to who wrote them."""
        shown = [self._pending.popleft() for _ in range(count)]
        self._cache.publish(
            [(operation.collection, self._apply(operation)) for operation in shown], shown[-1].record.revision
        )
        self._failure = None
        for operation in shown:
            operation.commit.resolve(operation.record)

    def _apply(self, operation: _Operation) -> Event:
        record = operation.record
        records = self._durable[operation.collection]
        key = operation.collection, record.name
        if self._overlay[key] is operation:
            del self._overlay[key]
        previous = records.get(record.name)
        before = {} if previous is None else previous.labels
        self._labels[operation.collection].change(record.name, before, {} if operation.deleted else record.labels)
        if operation.deleted:
            del records[record.name]
            return Event(EventType.DELETED, record, previous, {})
        records[record.name] = record
        return Event(EventType.ADDED if previous is None else EventType.MODIFIED, record, previous, {})

    def _fail(self, reason: str) -> None:
        """A group was refused: whatever is accepted and not durable will never be."""
        self._failures += 1
        self._failure = reason
        lost = list(self._pending)
        self._pending.clear()
        self._overlay.clear()
        for operation in lost:
            operation.commit.fail(reason)

    def _end(self, failure: str | None) -> None:
        """The writer ended. What it left undone will never be durable."""
        self._writer_ended.set()
        if failure is not None:
            self._refusal = failure
        self._fail(self._refusal or "the store is closed")


def _reason(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
        return "the disk is full"
    return f"the disk refused a write: {error}"
