"""Time that passes only when a test says so."""

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from petset.aio.clock import SystemClock

_TURNS = 25
"""Turns of the event loop a woken task is given to do what follows from it: a chain of that many hand-overs settles."""


class VirtualClock:
    """An `aio.clock.Clock` whose time stands still but for `advance`.

    It knows of tasks that sleep on it, not of threads or sockets: what waits for those needs an await of its own.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """The present, in UTC, aware."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Waits until `advance` has passed that time; zero or less yields once."""
        if seconds <= 0:
            await SystemClock().sleep(0)
            return
        sleeper = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), sleeper))
        await sleeper

    @property
    def next_wake(self) -> float | None:
        """Seconds until the first sleeper wakes, None when nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] - self._elapsed if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Lets time pass: wakes sleepers in the order of their time, each at its time, and lets what follows happen.

        A task that sleeps again within the span is woken again within it.
        """
        end = self._elapsed + seconds
        await self.settle()
        while self.next_wake is not None and self._sleepers[0][0] <= end:
            self._elapsed, _, sleeper = heapq.heappop(self._sleepers)
            sleeper.set_result(None)
            await self.settle()
        self._elapsed = end

    async def settle(self) -> None:
        """Lets every task that is ready run on until it waits again, without time passing."""
        for _ in range(_TURNS):
            await SystemClock().sleep(0)
