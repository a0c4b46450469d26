"""Watches as HTTP carries them: what their readers have in common, what each has for itself, how they end."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from functools import partial

import pytest

from petset.aio.tasks import Supervisor
from petset.api.errors import Expired, StatusError
from petset.api.types import ConfigMap, ObjectMeta
from petset.apiserver import stream
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import ListOptions, WatchOptions
from petset.apiserver.stream import PIECE, Batch, Batches, Watches
from petset.apiserver.watch import WatchChange
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from petset.store.watchcache import History
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, target

MAPS = target(ConfigMap)


async def present(server: ApiServer) -> str:
    return str((await server.list(MAPS, ListOptions())).revision)


async def next_batch(batches: Batches) -> Batch:
    return await anext(aiter(batches))


async def next_types(batches: Batches) -> list[str]:
    return [change.type for change in await next_batch(batches)]


def seen(changes: Sequence[WatchChange] | Batch) -> list[tuple[str, str]]:
    return [(change.type, change.record.name.rpartition("/")[2]) for change in changes]


async def write(server: ApiServer, name: str, size: int = 0, **labels: str) -> None:
    """Creates without the event loop having a turn, as far as its watchers are concerned."""
    meta = ObjectMeta(name=name, namespace="default", labels=labels)
    obj = ConfigMap(metadata=meta, data={"a": "x" * size})
    await server.registry.write(CATALOGUE.of(ConfigMap), obj, None)


def store_watches(server: ApiServer) -> int:
    store = server.registry.store
    assert isinstance(store, MemoryStore)
    return len(store._watches)


class TestOne:
    """One reader."""

    async def test_gets_many_changes_at_once(self, server: ApiServer, clock: VirtualClock) -> None:
        async with server.stream(MAPS, WatchOptions(resource_version=await present(server))) as batches:
            for name in "abc":
                await create(server, config_map(name))
            await clock.settle()
            assert await next_types(batches) == ["ADDED"] * 3

    async def test_gets_much_in_pieces(self, server: ApiServer) -> None:
        before = await present(server)
        for number in range(20):
            await write(server, f"{number:02}", PIECE // 4)
        for revision in (before, "0"):
            names: list[str] = []
            async with server.stream(MAPS, WatchOptions(resource_version=revision)) as batches:
                while len(names) < 20:
                    batch = await next_batch(batches)
                    assert sum(len(change.record.value) for change in batch) < PIECE * 5 / 4 + 1000
                    names += [name for _, name in seen(batch)]
            assert names == [f"{number:02}" for number in range(20)]

    async def test_takes_what_happens_while_it_waits_and_iterates_the_rest(
        self, server: ApiServer, clock: VirtualClock
    ) -> None:
        taken: list[tuple[str, str]] = []
        iterated: list[tuple[str, str]] = []

        def take(batch: Batch) -> bool:
            if len(taken) < 2:
                taken.extend(seen(batch))
                return True
            return False

        async def read(batches: Batches) -> None:
            async for batch in batches:
                iterated.extend(seen(batch))

        await write(server, "before")
        options = WatchOptions(resource_version="0", allow_bookmarks=True)
        async with server.stream(MAPS, options, take=take) as batches, Supervisor("reader") as tasks:
            tasks.background("read", read(batches))
            await clock.settle()
            assert (taken, iterated) == ([], [("ADDED", "before")])
            for name in "abc":
                await write(server, name)
                await clock.settle()
            await clock.advance(60)
            await tasks.stop()
        assert taken == [("ADDED", "a"), ("ADDED", "b")]
        assert iterated == [("ADDED", "before"), ("ADDED", "c"), ("BOOKMARK", "")]

    async def test_hears_of_progress_every_minute(self, server: ApiServer, clock: VirtualClock) -> None:
        options = WatchOptions(resource_version=await present(server), allow_bookmarks=True)
        async with server.stream(MAPS, options) as batches:
            await clock.advance(59)
            await create(server, config_map("a"))
            await clock.settle()
            assert await next_types(batches) == ["ADDED"]
            await clock.advance(1)
            mark = (await next_batch(batches)).changes[0]
        assert mark.type == "BOOKMARK"
        assert mark.record.revision == server.registry.store.revision

    async def test_hears_of_no_progress_unless_it_knows_bookmarks(self, server: ApiServer, clock: VirtualClock) -> None:
        options = WatchOptions(resource_version=await present(server), timeout_seconds=90)
        async with server.stream(MAPS, options) as batches:
            await clock.advance(90)
            assert [batch async for batch in batches] == []

    async def test_ends_in_time_and_says_how_far_it_came(self, server: ApiServer, clock: VirtualClock) -> None:
        options = WatchOptions(resource_version=await present(server), allow_bookmarks=True, timeout_seconds=10)
        async with server.stream(MAPS, options) as batches:
            await clock.advance(10)
            assert [[change.type for change in batch] async for batch in batches] == [["BOOKMARK"]]

    async def test_ends_in_time_however_much_it_has_not_seen_yet(self, server: ApiServer, clock: VirtualClock) -> None:
        before = await present(server)
        for name in "abc":
            await write(server, name, PIECE)
        async with server.stream(MAPS, WatchOptions(resource_version=before, timeout_seconds=10)) as batches:
            assert await next_types(batches) == ["ADDED"]
            await clock.advance(10)
            assert [batch async for batch in batches] == []

    async def test_ends_with_the_store(self, server: ApiServer) -> None:
        async with server.stream(MAPS, WatchOptions(resource_version="1")) as batches:
            await server.registry.store.close()
            assert [batch async for batch in batches] == []

    async def test_learns_what_broke_it(self, clock: VirtualClock) -> None:
        server = ApiServer(CATALOGUE, MemoryStore(History(events=2)), clock)
        async with server.stream(MAPS, WatchOptions(resource_version="1")) as batches:
            for number in range(5):
                await write(server, str(number))
            with pytest.raises(StatusError, match="did not keep up"):
                await next_batch(batches)

    async def test_learns_within_that_the_history_does_not_reach_back_so_far(self, clock: VirtualClock) -> None:
        server = ApiServer(CATALOGUE, MemoryStore(History(events=2)), clock)
        for name in "abcde":
            await write(server, name)
        async with server.stream(MAPS, WatchOptions(resource_version="1")) as batches:
            with pytest.raises(Expired, match="too old resource version: 1 "):
                await next_batch(batches)
        assert store_watches(server) == 0

    async def test_hears_of_progress_after_all_that_happened_before(
        self, server: ApiServer, clock: VirtualClock
    ) -> None:
        options = WatchOptions(resource_version=await present(server), allow_bookmarks=True)
        async with server.stream(MAPS, options) as batches:
            for number in range(1100):
                await write(server, f"a{number}")
                if number % 20 == 0:
                    await clock.settle()
            await clock.advance(60)
            changes = [*await next_batch(batches)]
            while changes[-1].type != "BOOKMARK":
                changes += await next_batch(batches)
        assert [change.type for change in changes] == ["ADDED"] * 1100 + ["BOOKMARK"]
        assert changes[-1].record.revision == changes[-2].record.revision

    async def test_from_a_revision_of_the_future_sees_and_hears_nothing_until_it_comes(
        self, server: ApiServer, clock: VirtualClock
    ) -> None:
        known = str(int(await present(server)) + 2)
        async with server.stream(MAPS, WatchOptions(resource_version=known, allow_bookmarks=True)) as batches:
            reading = asyncio.gather(next_batch(batches))
            await clock.advance(61)
            await create(server, config_map("a"))
            await clock.settle()
            assert not reading.done()
            await create(server, config_map("b"))
            await create(server, config_map("c"))
            await clock.settle()
            found = [change.type for batch in [*await reading, await next_batch(batches)] for change in batch]
            assert sorted(found) == ["ADDED", "BOOKMARK"]


class TestMany:
    """Readers of the same, and of something else."""

    async def test_share_one_watch_of_the_store_and_what_it_brings(
        self, server: ApiServer, clock: VirtualClock
    ) -> None:
        options = WatchOptions(resource_version=await present(server))
        before = store_watches(server)
        async with server.stream(MAPS, options) as one, server.stream(MAPS, options) as other:
            assert store_watches(server) == before + 1
            for name in "abc":
                reading = asyncio.gather(next_batch(one), next_batch(other))
                await clock.settle()
                await create(server, config_map(name))
                batches = await reading
                assert seen(batches[0]) == [("ADDED", name)]
                assert batches[0] is batches[1]
        assert store_watches(server) == before

    async def test_go_on_when_others_leave(self, server: ApiServer, clock: VirtualClock) -> None:
        options = WatchOptions(resource_version=await present(server))
        async with server.stream(MAPS, options) as stays:
            async with server.stream(MAPS, options):
                await clock.settle()
            await create(server, config_map("a"))
            assert seen(await next_batch(stays)) == [("ADDED", "a")]

    async def test_see_what_each_of_them_selected(self, server: ApiServer) -> None:
        revision = await present(server)
        selectors = ("", "app=web", "app=db", "app!=web")
        async with AsyncExitStack() as stack:
            opened = [
                await stack.enter_async_context(
                    server.stream(MAPS, WatchOptions(resource_version=revision, label_selector=selector))
                )
                for selector in selectors
            ]
            current = await create(server, config_map("a", app="db"))
            current.metadata.labels["app"] = "web"
            await server.update(ME, target(ConfigMap, "a"), current, PLAINLY)
            found = [seen(await next_batch(batches)) for batches in opened]
        assert found == [
            [("ADDED", "a"), ("MODIFIED", "a")],
            [("ADDED", "a")],
            [("ADDED", "a"), ("DELETED", "a")],
            [("ADDED", "a"), ("DELETED", "a")],
        ]

    async def test_do_not_wait_for_a_slow_one_which_sees_everything_later(
        self, server: ApiServer, clock: VirtualClock
    ) -> None:
        options = WatchOptions(resource_version=await present(server))
        async with server.stream(MAPS, options) as quick, server.stream(MAPS, options) as slow:
            for name in "abc":
                reading = asyncio.gather(next_batch(quick))
                await clock.settle()
                await create(server, config_map(name))
                assert [seen(batch) for batch in await reading] == [[("ADDED", name)]]
            assert seen(await next_batch(slow)) == [("ADDED", name) for name in "abc"]
            reading_both = asyncio.gather(next_batch(quick), next_batch(slow))
            await clock.settle()
            await create(server, config_map("d"))
            one, other = await reading_both
            assert one is other

    async def test_let_others_have_their_turn(
        self, server: ApiServer, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stream, "TURN", 3 * PIECE)
        found: list[str] = []

        async def read(batches: Batches) -> None:
            async for batch in batches:
                found.extend(change.type for change in batch)

        options = WatchOptions(resource_version=await present(server))
        async with AsyncExitStack() as stack, Supervisor("readers") as tasks:
            for _ in range(10):
                tasks.background("read", read(await stack.enter_async_context(server.stream(MAPS, options))))
            await clock.settle()
            await write(server, "a", PIECE)
            turns = []
            while len(found) < 10:
                await clock.sleep(0)
                turns.append(len(found))
            await tasks.stop()
        assert max(after - before for before, after in itertools.pairwise([0, *turns])) == 3

    async def test_do_not_end_with_one_that_the_history_has_left_behind(self, clock: VirtualClock) -> None:
        server = ApiServer(CATALOGUE, MemoryStore(History(events=2)), clock)
        options = WatchOptions(resource_version=str(server.registry.store.revision))
        async with server.stream(MAPS, options) as quick, server.stream(MAPS, options) as slow:
            for name in "abcde":
                reading = asyncio.gather(next_batch(quick))
                await clock.settle()
                await write(server, name)
                assert [seen(batch) for batch in await reading] == [[("ADDED", name)]]
            with pytest.raises(Expired, match="too old resource version: 1 "):
                await next_batch(slow)

    async def test_of_quiet_ones_none_is_left_behind_by_what_others_see(self, clock: VirtualClock) -> None:
        server = ApiServer(CATALOGUE, MemoryStore(History(events=2)), clock)
        async with AsyncExitStack() as stack:
            found = []
            for name in "abcde":
                options = WatchOptions(resource_version=await present(server), label_selector="app=web")
                found.append(await stack.enter_async_context(server.stream(MAPS, options)))
                await write(server, name)
                await clock.settle()
            for name in "fg":
                await write(server, name, app="web")
                assert [seen(await next_batch(batches)) for batches in found] == [[("ADDED", name)]] * 5

    async def test_may_come_anew_when_all_that_watched_before_were_left_behind(self, clock: VirtualClock) -> None:
        server = ApiServer(CATALOGUE, MemoryStore(History(events=2)), clock)
        async with server.stream(MAPS, WatchOptions(resource_version="1")) as broken:
            for name in "abcde":
                await write(server, name)
            await clock.settle()
            async with server.stream(MAPS, WatchOptions(resource_version=await present(server))) as anew:
                await write(server, "f")
                assert seen(await next_batch(anew)) == [("ADDED", "f")]
            with pytest.raises(Expired):
                await next_batch(broken)

    async def test_begin_where_each_of_them_wants_while_something_waits_to_be_handed_out(
        self, server: ApiServer, clock: VirtualClock
    ) -> None:
        gathered = asyncio.Event()
        watches = Watches(server.registry, gathered.wait)
        first = WatchOptions(resource_version=await present(server))
        async with server.stream(MAPS, first, watches) as early:
            await write(server, "a")
            assert seen(await next_batch(early)) == [("ADDED", "a")]
            await write(server, "b")
            between = WatchOptions(resource_version=await present(server))
            await write(server, "c")
            async with server.stream(MAPS, between, watches) as late, server.stream(MAPS, first, watches) as late_too:
                assert seen(await next_batch(late_too)) == [("ADDED", "a")]
                reading = asyncio.gather(next_batch(early), next_batch(late), next_batch(late_too))
                await clock.settle()
                assert not reading.done()
                gathered.set()
                found = [seen(batch) for batch in await reading]
        assert found == [[("ADDED", "b"), ("ADDED", "c")], [("ADDED", "c")], [("ADDED", "b"), ("ADDED", "c")]]

    @pytest.mark.parametrize("seed", range(10))
    async def test_see_everything_once_and_in_order_whenever_they_come_and_read(
        self, server: ApiServer, clock: VirtualClock, seed: int
    ) -> None:
        chance = random.Random(seed)
        watches = Watches(server.registry, lambda: clock.sleep(chance.choice((0, 1))))
        written: list[int] = []

        async def read(found: list[int], batches: AsyncIterator[Batch]) -> None:
            async for batch in batches:
                found += [change.record.revision for change in batch]
                await clock.sleep(chance.choice((0, 0, 1, 3)))

        def take(found: list[int], batch: Batch) -> bool:
            if chance.random() < 0.3:
                return False
            found += [change.record.revision for change in batch]
            return True

        async with AsyncExitStack() as stack:
            tasks = await stack.enter_async_context(Supervisor("readers"))
            readers: list[tuple[int, list[int]]] = []
            for number in range(40):
                await write(server, f"{number}", chance.choice((0, PIECE)))
                written.append(server.registry.store.revision)
                if number % 4 == 0:
                    start, found = chance.choice(written), list[int]()
                    options = WatchOptions(resource_version=str(start))
                    taking = chance.choice((None, partial(take, found)))
                    batches = await stack.enter_async_context(server.stream(MAPS, options, watches, taking))
                    readers.append((start, found))
                    tasks.background("read", read(found, batches))
                await clock.advance(chance.choice((0, 0, 1, 2)))
            await clock.advance(200)
            assert [found for _, found in readers] == [[r for r in written if r > start] for start, _ in readers]
            await tasks.stop()
