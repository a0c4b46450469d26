"""The SQLite store and the memory store cannot be told apart, whatever is done to them, also across reopening."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from petset.aio.clock import SystemClock
from petset.store.interface import (
    Compacted,
    Draft,
    Event,
    FutureRevision,
    Lagged,
    Record,
    Store,
    Watch,
    WriteConflict,
)
from petset.store.memory import MemoryStore
from petset.store.sqlite import SqliteStore
from petset.store.watchcache import History

HISTORY = History(events=8)
COLLECTIONS = st.sampled_from(["pods", "claims"])
NAMES = st.sampled_from(["default-2/a", "default/a", "default/b", "defaults", "kube/a"])
PREFIXES = st.sampled_from(["", "default", "default/", "default/a", "kube/", "nothing/"])
TEXTS = st.text("abc", min_size=1, max_size=3)


def labels_of(value: str) -> Mapping[str, str]:
    """One of its own, one that some share, one that all have."""
    return {"text": value, value[0]: value[1], "all": ""}


def index(_collection: str, value: bytes) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return labels_of(value.decode()), {}


def drafting(text: str) -> Callable[[int], Draft]:
    def draft(revision: int) -> Draft:
        value = f"{text}@{revision}"
        return Draft(value.encode(), labels_of(value), {})

    return draft


def outcome(attempt: Callable[[], Awaitable[Record]]) -> Awaitable[Record] | Record | None:
    """The accepted write, or what it conflicted with."""
    try:
        return attempt()
    except WriteConflict as conflict:
        return conflict.newest


def told(events: list[Event]) -> list[tuple[str, Record, Record | None]]:
    return [(event.type.value, event.record, event.previous) for event in events]


@dataclass
class Pair:
    """The same watch on both stores."""

    oracle: Watch
    subject: Watch


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.loop = asyncio.new_event_loop()
        self.oracle = MemoryStore(HISTORY)
        self.subject = self.open()
        self.opened_at = 1
        self.pending: list[tuple[Awaitable[Record], Awaitable[Record]]] = []
        self.watches: list[Pair] = []

    def open(self) -> SqliteStore:
        async def open_in_loop() -> SqliteStore:
            return SqliteStore.open(Path(self.directory.name), index, HISTORY)

        return self.loop.run_until_complete(open_in_loop())

    def both(self, attempt: Callable[[Store], Awaitable[Record]]) -> None:
        oracle, subject = outcome(lambda: attempt(self.oracle)), outcome(lambda: attempt(self.subject))
        if isinstance(oracle, Awaitable) and isinstance(subject, Awaitable):
            self.pending.append((oracle, subject))
        else:
            assert oracle == subject

    @rule(collection=COLLECTIONS, name=NAMES, text=TEXTS, mistake=st.sampled_from([0, 0, 0, 0, 1, -1]))
    def write(self, collection: str, name: str, text: str, mistake: int) -> None:
        newest = self.oracle.newest(collection, name)
        expected = newest.revision + mistake if newest else mistake or None
        self.both(lambda store: store.write(collection, name, drafting(text), expected))

    @rule(collection=COLLECTIONS, name=NAMES, mistake=st.sampled_from([0, 0, 0, 1]))
    def delete(self, collection: str, name: str, mistake: int) -> None:
        newest = self.oracle.newest(collection, name)
        expected = (newest.revision if newest else 0) + mistake
        self.both(lambda store: store.delete(collection, name, drafting("gone"), expected))

    @rule()
    def let_the_loop_turn(self) -> None:
        self.loop.run_until_complete(SystemClock().sleep(0))

    @rule()
    def settle(self) -> None:
        async def settle() -> None:
            for oracle, subject in self.pending:
                assert await oracle == await subject

        self.loop.run_until_complete(settle())
        self.pending.clear()
        assert self.subject.revision == self.oracle.revision

    @rule(collection=COLLECTIONS, prefix=PREFIXES, back=st.integers(-1, 12))
    def watch(self, collection: str, prefix: str, back: int) -> None:
        self.settle()
        after = self.oracle.revision - back
        oldest = max(self.oracle.floor(collection), self.opened_at)
        if after < oldest:
            with pytest.raises(Compacted) as refusal:
                self.subject.watch(collection, after, prefix)
            assert refusal.value.oldest == oldest
        elif after > self.oracle.revision:
            with pytest.raises(FutureRevision):
                self.subject.watch(collection, after, prefix)
        else:
            watches = [store.watch(collection, after, prefix) for store in (self.oracle, self.subject)]
            self.watches.append(Pair(*watches))

    @precondition(lambda self: self.watches)
    @rule()
    def read_the_watches(self) -> None:
        self.settle()
        for pair in tuple(self.watches):
            try:
                assert told(pair.oracle.take()) == told(pair.subject.take())
                assert pair.oracle.progress == pair.subject.progress == self.oracle.revision
            except Lagged:
                self.watches.remove(pair)

    @precondition(lambda self: self.watches)
    @rule()
    def close_a_watch(self) -> None:
        pair = self.watches.pop()
        pair.oracle.close()
        pair.subject.close()
        assert pair.subject.take() == []

    @rule()
    def reopen(self) -> None:
        self.loop.run_until_complete(self.subject.close())
        self.settle()
        self.watches.clear()
        self.subject = self.open()
        self.opened_at = self.subject.revision
        assert self.opened_at == self.oracle.revision

    @rule(collection=COLLECTIONS, prefix=PREFIXES, after=NAMES)
    def read(self, collection: str, prefix: str, after: str) -> None:
        self.settle()
        assert self.oracle.list(collection, prefix) == self.subject.list(collection, prefix)
        assert list(self.oracle.scan(collection, prefix, after)) == list(self.subject.scan(collection, prefix, after))
        assert self.oracle.count(collection, prefix, after) == self.subject.count(collection, prefix, after)

    @rule(collection=COLLECTIONS, prefix=PREFIXES, label=st.sampled_from("abc"), value=st.sampled_from("ab@"))
    def select(self, collection: str, prefix: str, label: str, value: str) -> None:
        self.settle()
        for labels in ([(label, value)], [(label, value), ("all", "")], [("all", "")]):
            assert self.oracle.list(collection, prefix, labels) == self.subject.list(collection, prefix, labels)

    @invariant()
    def the_newest_state_is_the_same(self) -> None:
        for collection in ("pods", "claims"):
            for name in ("default-2/a", "default/a", "default/b", "defaults", "kube/a"):
                assert self.oracle.newest(collection, name) == self.subject.newest(collection, name)

    @invariant()
    def nothing_durable_is_from_the_future(self) -> None:
        assert self.subject.revision <= self.oracle.revision
        for collection in ("pods", "claims"):
            snapshot = self.subject.list(collection)
            assert all(record.revision <= snapshot.revision for record in snapshot.records)

    def teardown(self) -> None:
        self.loop.run_until_complete(self.subject.close())
        self.loop.close()
        self.directory.cleanup()


TestStores = StoreMachine.TestCase
TestStores.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
