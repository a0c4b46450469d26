"""Virtual time."""

import asyncio
from datetime import UTC, datetime

from petset.testing.clock import VirtualClock


async def test_sleepers_wake_in_order_at_their_time_also_those_that_sleep_again() -> None:
    clock = VirtualClock(start=datetime(2026, 11, 23, 5, 12, tzinfo=UTC))
    woken: list[tuple[str, float]] = []

    async def every(name: str, seconds: float) -> None:
        while True:
            await clock.sleep(seconds)
            woken.append((name, clock.monotonic()))

    tasks = [asyncio.get_running_loop().create_task(every(name, period)) for name, period in (("a", 3), ("b", 2))]
    await clock.advance(6)
    assert woken == [("b", 2), ("a", 3), ("b", 4), ("a", 6), ("b", 6)]
    assert clock.now() == datetime(2026, 11, 23, 5, 12, 6, tzinfo=UTC)
    assert clock.next_wake == 2
    for task in tasks:
        task.cancel()
    await clock.settle()
    assert clock.next_wake is None, "cancelled sleepers are forgotten"


async def test_no_time_passes_by_itself_and_zero_only_yields() -> None:
    clock = VirtualClock()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert clock.monotonic() == 0
    await clock.advance(1.5)
    assert clock.monotonic() == 1.5
