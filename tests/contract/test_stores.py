"""What `store.interface` promises, over every driver."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.store.interface import (
    Compacted,
    Draft,
    Event,
    EventType,
    FutureRevision,
    Lagged,
    Record,
    Store,
    StoreFailed,
    Watch,
    WriteConflict,
)
from petset.store.memory import MemoryStore
from petset.store.sqlite import SqliteStore
from petset.store.watchcache import History

SMALL = History(events=10)
FULL = History()


@dataclass
class Stores:
    """Opens stores of one driver, and closes them after the test."""

    make: Callable[[History], Store]
    opened: list[Store]

    def open(self, history: History = FULL) -> Store:
        store = self.make(history)
        self.opened.append(store)
        return store


def memory(_directory: Path) -> Callable[[History], Store]:
    return MemoryStore


def sqlite(directory: Path) -> Callable[[History], Store]:
    return lambda history: SqliteStore.open(directory, lambda _collection, _value: ({}, {}), history)


@pytest.fixture(params=[memory, sqlite])
async def stores(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stores]:
    stores = Stores(request.param(tmp_path), [])
    yield stores
    for store in stores.opened:
        await store.close()


@pytest.fixture
async def store(stores: Stores) -> Store:
    return stores.open()


def drafting(text: str, **labels: str) -> Callable[[int], Draft]:
    """A draft whose bytes carry their revision, as objects do."""
    return lambda revision: Draft(f"{text}@{revision}".encode(), labels, {"metadata.name": text})


def newest_of(store: Store, name: str) -> int:
    """The revision that a pod is at."""
    newest = store.newest("pods", name)
    assert newest is not None
    return newest.revision


def put(store: Store, name: str, text: str = "x", collection: str = "pods") -> Awaitable[Record]:
    newest = store.newest(collection, name)
    return store.write(collection, name, drafting(text), newest.revision if newest else None)


def remove(store: Store, name: str, collection: str = "pods") -> Awaitable[Record]:
    newest = store.newest(collection, name)
    assert newest is not None
    return store.delete(collection, name, drafting("gone"), newest.revision)


async def drain(watch: Watch) -> list[Event]:
    """Every event until the watch has nothing more to say for a while."""
    events = []
    iterator = aiter(watch)
    while True:
        try:
            async with asyncio.timeout(0.02):
                events.append(await anext(iterator))
        except (TimeoutError, StopAsyncIteration):
            return events


def summary(events: list[Event]) -> list[tuple[str, str, int]]:
    return [(event.type.value, event.record.name, event.record.revision) for event in events]


class TestWrites:
    async def test_a_fresh_store_is_at_revision_1(self, store: Store) -> None:
        assert store.revision == 1
        assert store.list("pods").revision == 1
        assert store.list("pods").records == ()

    async def test_the_next_write_gets_the_revision_after_the_accepted_one(self, store: Store) -> None:
        assert store.accepted == 1
        first = put(store, "a")
        assert store.accepted == 2
        second = remove(store, "a")
        assert store.accepted == 3
        assert [(await first).revision, (await second).revision] == [2, 3]
        assert store.accepted == store.revision

    async def test_each_write_gets_the_next_revision_and_carries_it(self, store: Store) -> None:
        record = await store.write("pods", "default/a", drafting("a", app="web"), None)
        assert record == Record("default/a", 2, b"a@2", {"app": "web"}, {"metadata.name": "a"})
        assert store.read("pods", "default/a") == record
        assert store.newest("pods", "default/a") == record
        assert (await put(store, "default/b", "b")).revision == 3
        assert (await put(store, "default/a", "a")).value == b"a@4"
        assert store.revision == 4

    async def test_collections_share_the_sequence_but_not_the_names(self, store: Store) -> None:
        await put(store, "x", "pod", "pods")
        await put(store, "x", "claim", "claims")
        pod, claim = store.read("pods", "x"), store.read("claims", "x")
        assert pod is not None
        assert claim is not None
        assert (pod.value, claim.value) == (b"pod@2", b"claim@3")
        assert store.read("nodes", "x") is None

    @pytest.mark.parametrize("expected", [None, 1, 3])
    async def test_a_write_with_the_wrong_expectation_conflicts_and_takes_no_revision(
        self, store: Store, expected: int | None
    ) -> None:
        record = await put(store, "a")
        with pytest.raises(WriteConflict) as refusal:
            store.write("pods", "a", drafting("late"), expected)
        assert refusal.value.newest == record
        assert store.revision == 2
        assert (await put(store, "b")).revision == 3

    async def test_an_update_or_deletion_of_nothing_conflicts(self, store: Store) -> None:
        with pytest.raises(WriteConflict) as refusal:
            store.write("pods", "a", drafting("x"), 1)
        assert refusal.value.newest is None
        with pytest.raises(WriteConflict):
            store.delete("pods", "a", drafting("x"), 1)

    async def test_a_draft_that_raises_leaves_no_trace(self, store: Store) -> None:
        def broken(_revision: int) -> Draft:
            raise ValueError("broken draft")

        with pytest.raises(ValueError, match="broken draft"):
            store.write("pods", "a", broken, None)
        assert store.newest("pods", "a") is None
        assert (await put(store, "a")).revision == 2

    async def test_a_deletion_takes_a_revision_and_hides_the_record(self, store: Store) -> None:
        await put(store, "a")
        gone = await remove(store, "a")
        assert (gone.name, gone.revision, gone.value) == ("a", 3, b"gone@3")
        assert store.read("pods", "a") is None
        assert store.newest("pods", "a") is None
        assert store.revision == 3
        assert (await put(store, "a")).revision == 4

    async def test_writes_are_decided_against_accepted_ones_before_they_are_durable(self, store: Store) -> None:
        first = put(store, "a", "first")
        with pytest.raises(WriteConflict):
            store.write("pods", "a", drafting("second"), None)
        second = put(store, "a", "second")
        third = remove(store, "a")
        fourth = put(store, "a", "fourth")
        newest = store.newest("pods", "a")
        assert newest is not None
        assert newest.value == b"fourth@5"
        assert [(await commit).revision for commit in (fourth, first, third, second)] == [5, 2, 4, 3]
        assert store.read("pods", "a") == newest

    async def test_nothing_is_visible_before_it_is_durable(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        commit = put(store, "a")
        visible = store.read("pods", "a") is not None
        assert visible == (store.revision == 2)
        assert visible == bool(store.list("pods").records)
        assert visible == bool(watch.take())
        await commit
        assert store.read("pods", "a") is not None
        assert store.revision == 2

    async def test_a_commit_may_be_awaited_by_many_often_or_never(self, store: Store) -> None:
        put(store, "never")
        commit = put(store, "often")
        records = await asyncio.gather(commit, commit, commit)
        assert [record.revision for record in records] == [3, 3, 3]
        assert (await commit).revision == 3
        assert store.read("pods", "never") is not None

    async def test_a_cancelled_waiter_cancels_neither_the_write_nor_other_waiters(self, store: Store) -> None:
        commit = put(store, "a")

        async def wait() -> Record:
            return await commit

        waiters = [asyncio.get_running_loop().create_task(wait()) for _ in range(2)]
        await SystemClock().sleep(0)
        waiters[0].cancel()
        assert (await waiters[1]).revision == 2
        assert waiters[0].done()
        assert (await commit).revision == 2
        assert store.read("pods", "a") is not None

    async def test_a_closed_store_accepts_nothing_and_stays_readable(self, store: Store) -> None:
        commit = put(store, "a")
        await store.close()
        await store.close()
        assert (await commit).revision == 2, "close makes everything accepted durable"
        assert store.read("pods", "a") is not None
        with pytest.raises(StoreFailed):
            put(store, "b")
        with pytest.raises(StoreFailed):
            remove(store, "a")


class TestReads:
    @pytest.fixture
    async def filled(self, store: Store) -> Store:
        for name in ("kube/b", "default/b", "default/a", "default-2/a", "defaults", "default/c"):
            await put(store, name)
        await put(store, "default/z", collection="claims")
        await remove(store, "default/c")
        return store

    @pytest.mark.parametrize(
        ("prefix", "names"),
        [
            ("", ["default-2/a", "default/a", "default/b", "defaults", "kube/b"]),
            ("default/", ["default/a", "default/b"]),
            ("default", ["default-2/a", "default/a", "default/b", "defaults"]),
            ("default/b", ["default/b"]),
            ("nothing/", []),
        ],
    )
    async def test_list_and_scan_give_a_prefix_in_order(self, filled: Store, prefix: str, names: list[str]) -> None:
        snapshot = filled.list("pods", prefix)
        assert [record.name for record in snapshot.records] == names
        assert snapshot.revision == filled.revision == 9
        assert [record.name for record in filled.scan("pods", prefix)] == names
        assert filled.count("pods", prefix) == len(names)
        assert filled.count("frogs", prefix) == 0

    @pytest.mark.parametrize(
        ("prefix", "after", "names"),
        [
            ("", "default/a", ["default/b", "defaults", "kube/b"]),
            ("", "default/aa", ["default/b", "defaults", "kube/b"]),
            ("default/", "default/a", ["default/b"]),
            ("default/", "a", ["default/a", "default/b"]),
            ("default/", "zzz", []),
        ],
    )
    async def test_scan_continues_after_a_name(self, filled: Store, prefix: str, after: str, names: list[str]) -> None:
        assert [record.name for record in filled.scan("pods", prefix, after)] == names
        assert filled.count("pods", prefix, after) == len(names)

    async def test_list_gives_what_has_all_the_labels(self, store: Store) -> None:
        shop = {"default/b": "web", "default/a": "web", "kube/c": "web", "default/d": "db"}
        for name, app in shop.items():
            await store.write("pods", name, drafting("x", app=app, tier="shop"), None)

        def names(prefix: str, *labels: tuple[str, str]) -> list[str]:
            return [record.name for record in store.list("pods", prefix, labels).records]

        assert names("", ("app", "web")) == ["default/a", "default/b", "kube/c"]
        assert names("default/", ("tier", "shop"), ("app", "web")) == ["default/a", "default/b"]
        assert names("default/", ("app", "db"), ("tier", "none")) == []
        await store.write("pods", "default/a", drafting("y", app="db"), newest_of(store, "default/a"))
        await remove(store, "kube/c")
        assert names("", ("app", "web")) == ["default/b"]
        assert names("", ("app", "db")) == ["default/a", "default/d"]
        assert names("", ("tier", "shop")) == ["default/b", "default/d"]

    async def test_a_snapshot_does_not_change_with_the_store(self, filled: Store) -> None:
        snapshot = filled.list("pods", "default/")
        await put(filled, "default/a", "new")
        await remove(filled, "default/b")
        assert [record.value for record in snapshot.records] == [b"x@4", b"x@3"]


class TestWatches:
    async def test_a_watch_sees_each_write_of_its_collection_once_in_order(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        first = await put(store, "a", "old")
        await put(store, "other", collection="claims")
        second = await put(store, "a", "new")
        third = await remove(store, "a")
        events = await drain(watch)
        assert [(event.type, event.record, event.previous) for event in events] == [
            (EventType.ADDED, first, None),
            (EventType.MODIFIED, second, first),
            (EventType.DELETED, third, second),
        ]
        assert events[2].record.value == b"gone@5"

    async def test_writes_made_durable_together_give_an_event_each(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        put(store, "a")
        put(store, "a")
        remove(store, "a")
        await put(store, "a")
        assert summary(await drain(watch)) == [
            ("ADDED", "a", 2),
            ("MODIFIED", "a", 3),
            ("DELETED", "a", 4),
            ("ADDED", "a", 5),
        ]

    async def test_a_watch_resumes_after_any_revision_of_the_history(self, store: Store) -> None:
        for name in ("a", "b", "a", "c"):
            await put(store, name)
        await put(store, "z", collection="claims")
        assert summary(await drain(store.watch("pods", 3))) == [("MODIFIED", "a", 4), ("ADDED", "c", 5)]
        assert summary(await drain(store.watch("pods", 6))) == []
        live = store.watch("pods", 4)
        await put(store, "d")
        assert summary(await drain(live)) == [("ADDED", "c", 5), ("ADDED", "d", 7)]

    async def test_a_prefix_watch_sees_only_its_names(self, store: Store) -> None:
        await put(store, "default/a")
        await put(store, "default-2/a")
        watches = [store.watch("pods", 1, prefix) for prefix in ("", "default/", "default/a", "kube/")]
        for name in ("default/b", "default", "kube/a", "default/a"):
            await put(store, name)
        assert [[event.record.revision for event in await drain(watch)] for watch in watches] == [
            [2, 3, 4, 5, 6, 7],
            [2, 4, 7],
            [2, 7],
            [6],
        ]

    async def test_all_watches_share_one_event(self, store: Store) -> None:
        watches = [store.watch("pods", 1), store.watch("pods", 1, "de")]
        await put(store, "default/a")
        watches.append(store.watch("pods", 1))
        (first,), (second,), (third,) = [await drain(watch) for watch in watches]
        assert first is second is third
        first.frames["json"] = b"{}"
        assert second.frames == {"json": b"{}"}

    async def test_take_gives_what_waits_at_once(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        assert watch.take() == []
        await put(store, "a")
        await put(store, "b")
        assert summary([await anext(aiter(watch))]) == [("ADDED", "a", 2)]
        await put(store, "c")
        assert summary(watch.take()) == [("ADDED", "b", 3), ("ADDED", "c", 4)]
        assert watch.take() == []

    async def test_a_waiting_watch_wakes(self, store: Store) -> None:
        watch = store.watch("pods", 1)

        async def first() -> Event:
            return await anext(aiter(watch))

        reader = asyncio.get_running_loop().create_task(first())
        await put(store, "z", collection="claims")
        assert not reader.done()
        await put(store, "a")
        assert summary([await reader]) == [("ADDED", "a", 3)]

    async def test_progress_follows_what_was_yielded_and_other_collections(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        assert watch.progress == 1
        await put(store, "a")
        await put(store, "b")
        assert watch.progress == 1
        iterator = aiter(watch)
        await anext(iterator)
        assert watch.progress == 2
        await anext(iterator)
        assert watch.progress == 3
        await put(store, "z", collection="claims")
        assert watch.progress == 4
        await put(store, "default/c")
        await put(store, "z", collection="claims")
        assert watch.progress == 4

    async def test_progress_of_a_prefix_watch_passes_what_it_does_not_want(self, store: Store) -> None:
        watch = store.watch("pods", 1, "default/")
        await put(store, "kube/a")
        assert watch.progress == 2

    async def test_close_ends_the_iteration_and_stops_progress(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        await put(store, "a")
        watch.close()
        await put(store, "b")
        assert [event async for event in watch] == []
        assert watch.progress == 1

    async def test_a_closed_store_ends_its_watches_after_the_last_event(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        put(store, "a")
        await store.close()
        assert summary([event async for event in watch]) == [("ADDED", "a", 2)]
        assert summary([event async for event in store.watch("pods", 1)]) == [("ADDED", "a", 2)]

    async def test_the_future_is_refused(self, store: Store) -> None:
        with pytest.raises(FutureRevision):
            store.watch("pods", 2)

    async def test_before_the_store_was_opened_there_is_no_history(self, store: Store) -> None:
        with pytest.raises(Compacted) as refusal:
            store.watch("pods", 0)
        assert refusal.value.oldest == 1

    async def test_history_is_bounded_by_collection(self, stores: Stores) -> None:
        store = stores.open(SMALL)
        await put(store, "quiet", collection="claims")
        for _ in range(15):
            await put(store, "a")
        with pytest.raises(Compacted) as refusal:
            store.watch("pods", 6)
        oldest = refusal.value.oldest
        assert oldest == 7
        assert [event.record.revision for event in await drain(store.watch("pods", oldest))] == list(range(8, 18))
        assert summary(await drain(store.watch("claims", 1))) == [("ADDED", "quiet", 2)]

    async def test_a_watch_that_does_not_keep_up_is_closed_and_delays_nobody(self, stores: Stores) -> None:
        store = stores.open(SMALL)
        slow, elsewhere, quick = store.watch("pods", 1), store.watch("pods", 1, "kube/"), store.watch("pods", 1)
        seen = 0
        for _ in range(50):
            await put(store, "default/a")
            seen += len(quick.take())
        assert seen == 50
        for _ in range(2):
            with pytest.raises(Lagged):
                await anext(aiter(slow))
        with pytest.raises(Lagged):
            slow.take()
        assert slow.progress == 1
        assert elsewhere.take() == []
        assert elsewhere.progress == 51

    async def test_a_waiting_reader_that_is_cancelled_loses_nothing(self, store: Store) -> None:
        watch = store.watch("pods", 1)
        assert await drain(watch) == []
        await put(store, "a")
        assert summary(await drain(watch)) == [("ADDED", "a", 2)]
