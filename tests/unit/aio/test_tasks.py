"""Supervised tasks: restarts, orderly ends, no leaks, nothing dies unseen."""

import asyncio
import logging

import pytest

from petset.aio.tasks import Supervisor, attempt
from petset.testing.clock import VirtualClock


def other_tasks() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def forever() -> None:
    await asyncio.Event().wait()


class Crashing:
    """A loop that crashes at each start, after `lasting` seconds, and notes when it started."""

    def __init__(self, clock: VirtualClock, lasting: float = 0) -> None:
        self.clock = clock
        self.lasting = lasting
        self.starts: list[float] = []

    async def __call__(self) -> None:
        self.starts.append(round(self.clock.monotonic(), 3))
        if self.lasting:
            await self.clock.sleep(self.lasting)
        raise ValueError("boom")


async def test_a_crashed_loop_starts_again_with_growing_pauses(caplog: pytest.LogCaptureFixture) -> None:
    clock = VirtualClock()
    loop = Crashing(clock)
    async with Supervisor("test", clock) as supervisor:
        supervisor.start("loop", loop.__call__)
        await clock.advance(1.6)
        assert loop.starts == [0, 0.1, 0.3, 0.7, 1.5]
        await clock.advance(100)
        assert loop.starts[-2:] == [51.1, 81.1], "pauses grow to 30 s and no further"
    crashes = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(crashes) == len(loop.starts)
    assert crashes[0].getMessage() == "test/loop crashed"
    assert crashes[0].exc_info is not None


async def test_a_long_good_run_resets_the_pause() -> None:
    clock = VirtualClock()
    loop = Crashing(clock, lasting=40)
    async with Supervisor("test", clock) as supervisor:
        supervisor.start("loop", loop.__call__)
        await clock.advance(121)
    assert loop.starts == [0, 40.1, 80.2, 120.3]


async def test_a_loop_that_returns_is_over() -> None:
    runs = []

    async def once() -> None:
        runs.append(1)

    async with Supervisor("test") as supervisor:
        await supervisor.start("once", once)
        assert len(supervisor) == 0
    assert runs == [1]


async def test_a_cancelled_dependency_is_a_crash_not_an_end() -> None:
    clock = VirtualClock()
    starts = []

    async def awaits_cancelled() -> None:
        starts.append(1)
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future

    async with Supervisor("test", clock) as supervisor:
        supervisor.start("loop", awaits_cancelled)
        await clock.advance(0.15)
    assert len(starts) == 2


async def test_stop_goes_in_reverse_order_and_waits_for_each() -> None:
    clock = VirtualClock()
    ends: list[str] = []

    def slow_to_end(name: str) -> object:
        async def work() -> None:
            try:
                await forever()
            finally:
                await asyncio.shield(clock.sleep(1))
                ends.append(f"{name} at {clock.monotonic()}")

        return work()

    before = other_tasks()
    supervisor = Supervisor("test", clock)
    for name in ("first", "second", "third"):
        supervisor.start(name, slow_to_end(name))  # type: ignore[arg-type]
    await clock.settle()
    stopping = asyncio.get_running_loop().create_task(supervisor.stop())
    await clock.advance(5)
    await stopping
    assert ends == ["third at 1.0", "second at 2.0", "first at 3.0"]
    assert other_tasks() == before


async def test_a_cancelled_stop_still_ends_everything_before_it_gives_way() -> None:
    clock = VirtualClock()
    ends: list[str] = []

    async def stubborn() -> None:
        try:
            await forever()
        finally:
            await asyncio.shield(clock.sleep(1))
            ends.append("stubborn")

    async def meek() -> None:
        try:
            await forever()
        finally:
            ends.append("meek")

    supervisor = Supervisor("test", clock)
    supervisor.background("meek", meek())
    supervisor.background("stubborn", stubborn())
    await clock.settle()
    stopping = asyncio.get_running_loop().create_task(supervisor.stop())
    await clock.settle()
    stopping.cancel()
    await clock.settle()
    assert not stopping.done()
    await clock.advance(2)
    assert stopping.cancelled()
    assert ends == ["meek", "stubborn"], "each cleaned up, neither was interrupted in it"
    assert len(supervisor) == 0


async def test_background_work_is_owned_logged_and_awaitable(caplog: pytest.LogCaptureFixture) -> None:
    async def answer() -> int:
        return 42

    async def crash() -> None:
        raise ValueError("boom")

    before = other_tasks()
    async with Supervisor("test") as supervisor:
        assert await supervisor.background("answer", answer()) == 42
        with pytest.raises(ValueError, match="boom"):
            await supervisor.background("crash", crash())
        never_ending = supervisor.background("forever", forever())
        never_begun = supervisor.start("never begun", forever())
        assert len(supervisor) == 2
    assert never_ending.cancelled()
    assert never_begun.cancelled()
    assert other_tasks() == before
    assert [record.getMessage() for record in caplog.records] == ["test/crash crashed"]


async def test_ten_thousand_finished_tasks_leave_nothing_behind() -> None:
    async def nothing() -> None:
        return None

    before = other_tasks()
    async with Supervisor("test") as supervisor:
        for _ in range(10_000):
            supervisor.background("nothing", nothing())
        await VirtualClock().settle()
        assert len(supervisor) == 0
        assert other_tasks() == before


async def test_a_stopped_supervisor_starts_nothing() -> None:
    async with Supervisor("test") as supervisor:
        pass
    with pytest.raises(RuntimeError, match="test is stopping and starts no late"):
        supervisor.background("late", forever())


async def test_a_task_may_stop_its_own_supervisor() -> None:
    supervisor = Supervisor("test")
    sibling = supervisor.background("sibling", forever())

    async def stop() -> None:
        await supervisor.stop()

    await supervisor.background("stop", stop())
    assert sibling.cancelled()


async def test_an_error_of_the_block_ends_the_tasks_and_comes_through() -> None:
    async def block() -> None:
        async with Supervisor("test") as supervisor:
            supervisor.start("loop", forever)
            raise KeyError("block")

    before = other_tasks()
    with pytest.raises(KeyError):
        await block()
    assert other_tasks() == before


async def test_attempt_says_whether_the_work_succeeded(caplog: pytest.LogCaptureFixture) -> None:
    async def good() -> int:
        return 1

    def crashes_before_it_awaits() -> asyncio.Future[None]:
        raise ValueError("boom")

    assert await attempt("good", good)
    assert not await attempt("bad", crashes_before_it_awaits)
    assert caplog.records[0].getMessage() == "bad crashed"


async def test_attempt_gives_way_to_its_own_cancellation() -> None:
    task = asyncio.get_running_loop().create_task(attempt("forever", forever))
    await VirtualClock().settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
