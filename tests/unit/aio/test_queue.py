"""The keyed queue: one run per key, merging, back-off, in virtual time."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from petset.aio.queue import KeyedQueue, QueueShutDown, Retry
from petset.testing.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def queue(clock: VirtualClock) -> AsyncIterator[KeyedQueue[str]]:
    before = asyncio.all_tasks()
    queue = KeyedQueue[str]("test", clock)
    yield queue
    queue.shut_down()
    await clock.settle()
    assert asyncio.all_tasks() - {asyncio.current_task()} <= before, "the queue leaves no task behind"


class Handler:
    """Notes the time of each run; takes `lasting` seconds; fails as told."""

    def __init__(self, clock: VirtualClock, lasting: float = 0.0, failures: list[Exception] | None = None) -> None:
        self.clock = clock
        self.lasting = lasting
        self.failures = failures or []
        self.runs: list[tuple[str, float]] = []
        self.running: set[str] = set()
        self.most_at_once = 0

    async def __call__(self, key: str) -> None:
        assert key not in self.running, "one run per key at a time"
        self.running.add(key)
        self.most_at_once = max(self.most_at_once, len(self.running))
        self.runs.append((key, round(self.clock.monotonic(), 3)))
        try:
            if self.lasting:
                await self.clock.sleep(self.lasting)
            if self.failures:
                raise self.failures.pop(0)
        finally:
            self.running.discard(key)


def start(queue: KeyedQueue[str], workers: int, handler: Handler) -> "asyncio.Task[None]":
    return asyncio.get_running_loop().create_task(queue.run(workers, handler))


async def test_repeats_merge_while_the_key_waits(queue: KeyedQueue[str]) -> None:
    for key in ("a", "b", "a", "a"):
        queue.add(key)
    assert len(queue) == 2
    assert [await queue.get(), await queue.get()] == ["a", "b"]


async def test_a_key_added_while_it_runs_runs_once_more_after_done(queue: KeyedQueue[str]) -> None:
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0
    queue.done("a")
    assert len(queue) == 1
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_add_after_waits_and_the_earliest_time_counts(queue: KeyedQueue[str], clock: VirtualClock) -> None:
    queue.add_after("a", 10)
    queue.add_after("a", 5)
    queue.add_after("a", 20)
    queue.add_after("b", 1)
    queue.add_after("c", 0)
    assert len(queue) == 1
    await clock.advance(1)
    assert len(queue) == 2
    await clock.advance(3.9)
    assert len(queue) == 2
    await clock.advance(0.1)
    assert len(queue) == 3
    for _ in range(3):
        queue.done(await queue.get())
    await clock.advance(100)
    assert len(queue) == 0, "the later times of a were replaced by the earliest"


async def test_ten_thousand_delayed_keys_need_one_timer(queue: KeyedQueue[str], clock: VirtualClock) -> None:
    tasks = len(asyncio.all_tasks())
    for number in range(10_000):
        queue.add_after(str(number), 1 + number % 100)
    assert len(asyncio.all_tasks()) <= tasks + 1
    await clock.advance(50)
    assert len(queue) == 5_000
    await clock.advance(50)
    assert len(queue) == 10_000


async def test_back_off_doubles_from_5_ms_to_1000_s_until_forgotten(
    queue: KeyedQueue[str], clock: VirtualClock
) -> None:
    pauses = []
    for _ in range(20):
        queue.add_rate_limited("a")
        pause = clock.next_wake or 0.0
        if not pause:
            await clock.settle()
            pause = clock.next_wake or 0.0
        pauses.append(round(pause, 3))
        await clock.advance(pause)
        queue.done(await queue.get())
    assert pauses == [min(0.005 * 2**n, 1000) for n in range(20)]
    assert queue.failures("a") == 20
    queue.forget("a")
    assert queue.failures("a") == 0
    queue.add_rate_limited("a")
    await clock.advance(0.005)
    assert len(queue) == 1


async def test_run_serves_many_keys_but_each_alone(queue: KeyedQueue[str], clock: VirtualClock) -> None:
    handler = Handler(clock, lasting=1)
    running = start(queue, 2, handler)
    for key in ("a", "b", "c"):
        queue.add(key)
    await clock.advance(0.5)
    queue.add("a")
    await clock.advance(10)
    assert handler.runs == [("a", 0), ("b", 0), ("c", 1), ("a", 1)]
    assert handler.most_at_once == 2
    queue.shut_down()
    await running


async def test_run_retries_failures_and_forgets_success(
    queue: KeyedQueue[str], clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    handler = Handler(clock, failures=[ValueError("boom"), Retry("not yet"), ValueError("boom")])
    running = start(queue, 1, handler)
    queue.add("a")
    await clock.advance(1)
    assert handler.runs == [("a", 0), ("a", 0.005), ("a", 0.015), ("a", 0.035)]
    assert queue.failures("a") == 0
    assert [record.getMessage() for record in caplog.records] == ["test: a crashed"] * 2, "a Retry is no crash"
    queue.shut_down()
    await running


async def test_cancelling_run_keeps_the_keys_it_was_at(queue: KeyedQueue[str], clock: VirtualClock) -> None:
    first = Handler(clock, lasting=10)
    running = start(queue, 1, first)
    queue.add("a")
    queue.add_after("b", 5)
    await clock.advance(1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert len(queue) == 1
    second = Handler(clock)
    running = start(queue, 1, second)
    await clock.advance(10)
    assert second.runs == [("a", 1), ("b", 5)]
    queue.shut_down()
    await running


async def test_shut_down_hands_out_what_is_ready_and_takes_nothing_new(
    queue: KeyedQueue[str], clock: VirtualClock
) -> None:
    queue.add("a")
    queue.add_after("late", 1)
    queue.shut_down()
    queue.add("b")
    queue.add_after("c", 1)
    await clock.advance(5)
    assert await queue.get() == "a"
    with pytest.raises(QueueShutDown):
        await queue.get()


async def test_shut_down_wakes_every_getter(queue: KeyedQueue[str], clock: VirtualClock) -> None:
    getters = [asyncio.get_running_loop().create_task(queue.get()) for _ in range(3)]
    await clock.settle()
    queue.shut_down()
    results = await asyncio.gather(*getters, return_exceptions=True)
    assert [type(result) for result in results] == [QueueShutDown] * 3


async def test_a_getter_cancelled_after_it_was_woken_passes_the_key_on(
    queue: KeyedQueue[str], clock: VirtualClock
) -> None:
    first = asyncio.get_running_loop().create_task(queue.get())
    second = asyncio.get_running_loop().create_task(queue.get())
    await clock.settle()
    queue.add("a")
    first.cancel()
    await clock.settle()
    assert first.cancelled()
    assert second.result() == "a"


async def test_a_cancelled_getter_is_forgotten(queue: KeyedQueue[str], clock: VirtualClock) -> None:
    getter = asyncio.get_running_loop().create_task(queue.get())
    await clock.settle()
    getter.cancel()
    queue.add("a")
    await clock.settle()
    assert getter.cancelled()
    assert await queue.get() == "a"
