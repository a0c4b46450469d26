"""The SQLite store: what must survive, and what happens when the disk or the process does not."""

import asyncio
import hashlib
import random
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.store.interface import Compacted, Draft, Record, StoreError, StoreFailed
from petset.store.sqlite import SqliteStore

CLOCK = SystemClock()
WRITERS, NAMES = 8, 20
WRITER_TO_KILL = Path(__file__).with_name("writer_to_kill.py")


def index(collection: str, value: bytes) -> tuple[Mapping[str, str], Mapping[str, str]]:
    return {"first": value.decode()[0]}, {"collection": collection}


def drafting(text: str) -> Callable[[int], Draft]:
    return lambda _revision: Draft(text.encode(), {"first": text[0]}, {"collection": "pods"})


def names_in(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def revision_of(record: Record | None) -> int | None:
    return None if record is None else record.revision


async def test_a_reopened_store_has_every_record_with_what_selectors_ask_for(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, index)
    for name in ("b", "a", "c"):
        await store.write("pods", name, drafting(name), None)
    await store.write("claims", "z", drafting("z"), None)
    before, uuid = store.list("pods"), store.uuid
    await store.close()

    store = SqliteStore.open(tmp_path, index)
    assert store.list("pods") == before
    claim = store.read("claims", "z")
    assert claim == Record("z", 5, b"z", {"first": "z"}, {"collection": "claims"})
    assert store.uuid == uuid
    with pytest.raises(Compacted) as refusal:
        store.watch("pods", 4)
    assert refusal.value.oldest == store.revision == 5
    await store.close()


async def test_the_revision_never_goes_back_also_when_the_newest_record_was_deleted(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, index)
    await store.write("pods", "a", drafting("a"), None)
    await store.write("pods", "b", drafting("b"), None)
    await store.delete("pods", "b", drafting("gone"), 3)
    await store.close()
    store = SqliteStore.open(tmp_path, index)
    assert store.revision == 4
    assert (await store.write("pods", "b", drafting("b"), None)).revision == 5
    await store.close()


@pytest.mark.parametrize("count", [1, 2, 3, 127, 128, 129, 300, 1300])
async def test_groups_of_any_size_with_creates_updates_and_deletions_survive(tmp_path: Path, count: int) -> None:
    store = SqliteStore.open(tmp_path, index)
    for turn in range(3):
        for number in range(turn, count, turn + 1):
            name = f"{number:05}"
            newest = store.newest("pods", name)
            if newest is not None and number % 5 == 0:
                store.delete("pods", name, drafting("gone"), newest.revision)
            else:
                store.write("pods", name, drafting(f"{turn}{number}"), revision_of(newest))
    await store.close()
    reopened = SqliteStore.open(tmp_path, index)
    assert [(r.name, r.revision, r.value) for r in reopened.list("pods").records] == [
        (r.name, r.revision, r.value) for r in store.list("pods").records
    ]
    assert reopened.revision == store.revision
    await reopened.close()


async def test_the_files_are_for_their_owner_only(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path / "data", index)
    await store.write("pods", "a", drafting("a"), None)
    assert names_in(tmp_path / "data") == ["state.db", "state.db-shm", "state.db-wal"]
    for name in names_in(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data" / name).stat().st_mode) == 0o600, name
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    await store.close()


async def test_a_file_of_a_newer_petset_is_refused(tmp_path: Path) -> None:
    await SqliteStore.open(tmp_path, index).close()
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("UPDATE meta SET value = 2 WHERE key = 'schema'")
    connection.close()
    with pytest.raises(StoreError, match=r"state\.db was written by a newer petset"):
        SqliteStore.open(tmp_path, index)


async def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_bytes(b"not a database, but long enough to look at\n" * 100)
    with pytest.raises(StoreError, match=r"cannot open .*state\.db: file is not a database"):
        SqliteStore.open(tmp_path, index)


async def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "state.db") as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    with pytest.raises(StoreError, match=r"cannot open .*state\.db: no such table"):
        SqliteStore.open(tmp_path, index)


@contextmanager
def files_no_larger_than(size: int) -> Iterator[None]:
    """The kernel refuses writes beyond `size`, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_full_disk_fails_what_is_not_durable_and_keeps_the_rest(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, index)
    kept = await store.write("pods", "kept", drafting("kept"), None)
    watch = store.watch("pods", 2)
    with files_no_larger_than((tmp_path / "state.db-wal").stat().st_size + 100_000):
        large = [store.write("pods", f"large-{number}", drafting("x" * 50_000), None) for number in range(10)]
        store.delete("pods", "kept", drafting("gone"), kept.revision)
        outcomes = await asyncio.gather(*large, return_exceptions=True)
    failed = [number for number, outcome in enumerate(outcomes) if isinstance(outcome, StoreFailed)]
    assert failed == list(range(10 - len(failed), 10))
    assert failed
    assert "the disk refused a write" in str(outcomes[-1])
    assert "the disk refused a write" in str(store.failure)
    assert store.newest("pods", "kept") == store.read("pods", "kept") == kept
    assert all(store.newest("pods", f"large-{number}") is None for number in failed)
    assert store.revision == 2 + 10 - len(failed)
    assert len(watch.take()) == 10 - len(failed)
    await store.close()

    reopened = SqliteStore.open(tmp_path, index)
    assert reopened.list("pods") == store.list("pods")
    assert (await reopened.write("pods", "later", drafting("later"), None)).revision == store.revision + 1
    await reopened.close()


async def test_writes_are_accepted_again_once_the_disk_takes_them(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, index)
    kept = await store.write("pods", "kept", drafting("kept"), None)
    watch = store.watch("pods", kept.revision)
    with files_no_larger_than(0):
        for _ in range(3):
            with pytest.raises(StoreFailed, match="the disk refused a write"):
                await store.write("pods", "refused", drafting("refused"), None)
    later = await store.write("pods", "kept", drafting("later"), kept.revision)
    assert later.revision > kept.revision + 3, "a number that was given to a refused write is not given again"
    assert [event.record for event in watch.take()] == [later]
    assert store.failure is None
    await store.close()
    reopened = SqliteStore.open(tmp_path, index)
    assert reopened.list("pods").records == (later,)
    await reopened.close()


async def test_what_was_accepted_on_top_of_a_refused_write_fails_with_it(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, index)
    await store.write("pods", "first", drafting("first"), None)
    with files_no_larger_than(0):
        refused = store.write("pods", "pod", drafting("refused"), None)
        threading.Event().wait(0.02)  # the writer, not this loop, knows of the failure by now
        on_top = store.write("pods", "pod", drafting("on top"), revision_of(store.newest("pods", "pod")))
        await asyncio.gather(refused, on_top, return_exceptions=True)
    for commit in (refused, on_top):
        with pytest.raises(StoreFailed):
            await commit
    assert store.read("pods", "pod") is None
    await store.close()


@pytest.mark.parametrize("seed", range(3))
async def test_a_disk_that_is_full_now_and_then_loses_nothing_acknowledged(tmp_path: Path, seed: int) -> None:
    moments = random.Random(seed)
    store = SqliteStore.open(tmp_path, index)
    acknowledged: dict[str, Record] = {}
    outcomes: Counter[bool] = Counter()

    async def write(name: str) -> None:
        for number in range(30):
            try:
                text = f"{name}-{number}-" + "x" * moments.randrange(5_000)
                acknowledged[name] = await store.write(
                    "pods", name, drafting(text), revision_of(store.newest("pods", name))
                )
            except StoreFailed:
                outcomes[False] += 1
            else:
                outcomes[True] += 1

    async def fill() -> None:
        for _ in range(10):
            refused = outcomes[False]
            with files_no_larger_than(0):
                while outcomes[False] == refused and outcomes.total() < WRITERS * 30:
                    await CLOCK.sleep(0)
            stored = outcomes[True]
            while outcomes[True] - stored < moments.randrange(20) and outcomes.total() < WRITERS * 30:
                await CLOCK.sleep(0)

    await asyncio.gather(fill(), *(write(f"writer-{number}") for number in range(WRITERS)))
    assert outcomes[True]
    assert outcomes[False]
    await store.close()
    reopened = SqliteStore.open(tmp_path, index)
    assert {record.name: record for record in reopened.list("pods").records} == acknowledged
    await reopened.close()


async def test_a_closed_store_leaves_one_file_that_anything_can_read(tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, index)
    store.write("pods", "a", drafting("value"), None)
    await store.close()
    assert names_in(tmp_path) == ["state.db"]
    connection = sqlite3.connect(tmp_path / "state.db")
    assert connection.execute("SELECT * FROM records").fetchall() == [("pods", "a", 2, b"value")]
    connection.close()


def acknowledged_until_killed(data_dir: Path, count: int) -> list[tuple[int, int, int]]:
    """Runs the writing process, kills it after `count` acknowledgements, and says what it acknowledged by then."""
    with subprocess.Popen(
        [sys.executable, WRITER_TO_KILL, data_dir], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(count)]
        process.kill()
        lines += process.stdout.readlines()
    whole = [line.split() for line in lines if line.endswith("\n")]
    assert len(whole) >= count, f"the writer failed by itself: {lines}"
    return [(int(writer), int(number), int(revision)) for writer, number, revision in whole]


async def survivors(data_dir: Path) -> tuple[int, dict[tuple[int, int], int]]:
    """The store's revision and the revision of each record, after a look whether each is whole."""
    store = SqliteStore.open(data_dir, lambda _collection, _value: ({}, {}))
    records = store.list("pods").records
    for record in records:
        digest, content = record.value.split(b" ", 1)
        assert hashlib.sha256(content).hexdigest().encode() == digest, f"{record.name} is torn"
        assert content.startswith(f"{record.name} {record.revision} ".encode())
    await store.close()
    names = [record.name.removeprefix("default/").split("-") for record in records]
    found = {(int(writer), int(number)): r.revision for (writer, number), r in zip(names, records, strict=True)}
    assert store.revision >= max(found.values(), default=0)
    return store.revision, found


@pytest.mark.parametrize("round_", range(3))
def test_whatever_was_acknowledged_survives_kill_9(tmp_path: Path, round_: int) -> None:
    moments = random.Random(round_)
    expected: dict[tuple[int, int], int] = {}
    for _ in range(2):
        acknowledged = acknowledged_until_killed(tmp_path, moments.randint(1, 2000))
        in_flight = dict.fromkeys(range(WRITERS), 0)
        for writer, number, revision in acknowledged:
            expected[writer, number] = revision
            in_flight[writer] = (number + 1) % NAMES
        revision, found = asyncio.run(survivors(tmp_path))
        assert revision >= max(made for _, _, made in acknowledged)
        for writer, number in expected.keys() | found.keys():
            if number != in_flight[writer]:
                state = found.get((writer, number), 0)
                assert state == expected.get((writer, number), 0), f"{writer}-{number} is not as acknowledged"
        expected = dict(found)
