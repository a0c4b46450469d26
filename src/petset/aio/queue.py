"""A work queue of keys: one run per key at a time, repeats merge, failures wait longer each time.

Every queue counts what it does; `living_queues` finds them all for those who show such counts.
"""

import asyncio
import heapq
import itertools
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import WeakSet

from petset.aio.clock import Clock, SystemClock
from petset.aio.histogram import Histogram
from petset.aio.tasks import attempt

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

FIRST_RETRY = 0.005
LONGEST_RETRY = 1000.0

BOUNDS = tuple(10.0**power for power in range(-8, 2))
"""Seconds, for the histograms of waits and runs: upstream's."""

_living: "WeakSet[KeyedQueue[Any]]" = WeakSet()


def living_queues() -> "list[KeyedQueue[Any]]":
    """Every queue of the process that somebody still holds."""
    return list(_living)


class QueueShutDown(Exception):
    """The queue was shut down and is empty."""


class Retry(Exception):
    """Raised by a handler: not a crash, but run this key again, after its back-off. The message says why.

    `longest` bounds the back-off, in seconds.
    """

    def __init__(self, why: str, longest: float = LONGEST_RETRY) -> None:
        super().__init__(why)
        self.longest = longest


class KeyedQueue(Generic[K]):
    """Keys that wait for a worker.

    A key added while it waits is one run; added while it runs, one more run after `done`. Whoever takes a key with
    `get` must call `done`. `run` does both, and the retries, around a handler.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self.adds = 0
        """Keys that were added, without those that waited already."""
        self.retries = 0
        """Keys that were added after a back-off."""
        self.waits = Histogram(BOUNDS)
        self.runs = Histogram(BOUNDS)
        self._clock = clock or SystemClock()
        self._ready: deque[K] = deque()
        self._wanted: dict[K, float] = {}
        self._running: dict[K, float] = {}
        self._failures: dict[K, int] = {}
        self._getters: deque[asyncio.Future[None]] = deque()
        self._heap: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._order = itertools.count()
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = 0.0
        self._shut_down = False
        _living.add(self)

    def __len__(self) -> int:
        """Keys ready for a worker; neither the running ones nor those waiting for their time."""
        return len(self._ready)

    def running(self) -> list[float]:
        """How many seconds each key that runs has been running."""
        now = self._clock.monotonic()
        return [now - began for began in self._running.values()]

    def add(self, key: K) -> None:
        """Asks for a run of `key` as soon as a worker is free."""
        if self._shut_down or key in self._wanted:
            return
        self.adds += 1
        self._wanted[key] = self._clock.monotonic()
        if key not in self._running:
            self._ready.append(key)
            self._wake_getter()

    def add_after(self, key: K, seconds: float) -> None:
        """Adds `key` when that time has passed. Of several pending times the earliest counts."""
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        if self._shut_down or self._due.get(key, due + 1) <= due:
            return
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))
        self._arm()

    def add_rate_limited(self, key: K, longest: float = LONGEST_RETRY) -> None:
        """Adds `key` after its back-off: 5 ms, doubled with every call since `forget`, at most `longest` seconds."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.retries += 1
        self.add_after(key, min(FIRST_RETRY * 2.0 ** min(failures, 64), longest))

    def forget(self, key: K) -> None:
        """Starts the back-off of `key` anew. A pending time stays."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """How often `key` was rate-limited since it was last forgotten."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """Takes the next key, waiting for one. Raises `QueueShutDown` when there will be none."""
        while not self._ready:
            if self._shut_down:
                raise QueueShutDown(self.name)
            getter = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except asyncio.CancelledError:
                if getter in self._getters:
                    self._getters.remove(getter)
                elif self._ready:
                    self._wake_getter()
                raise
        key = self._ready.popleft()
        now = self._clock.monotonic()
        self.waits.observe(now - self._wanted.pop(key))
        self._running[key] = now
        return key

    def done(self, key: K) -> None:
        """Ends the run of `key`; when it was added meanwhile it becomes ready again."""
        self.runs.observe(self._clock.monotonic() - self._running.pop(key))
        if key in self._wanted:
            self._ready.append(key)
            self._wake_getter()

    def shut_down(self) -> None:
        """Takes no more keys and drops those that wait for their time; what is ready is still handed out."""
        self._shut_down = True
        self._heap.clear()
        self._due.clear()
        self._disarm()
        while self._getters:
            self._wake_getter()

    async def run(self, workers: int, handler: Callable[[K], Awaitable[None]]) -> None:
        """Runs `handler` for key after key, at most `workers` at a time, until the queue is shut down and empty.

        A handler that returns has its key forgotten; one that raises has it rate-limited (`Retry` quietly, anything
        else with its traceback in the log). Cancelling this ends the handlers; their keys stay in the queue.
        """
        try:
            self._arm()
            async with asyncio.TaskGroup() as group:
                for number in range(workers):
                    group.create_task(self._work(handler), name=f"{self.name}/{number}")
        finally:
            self._disarm()

    async def _work(self, handler: Callable[[K], Awaitable[None]]) -> None:
        while True:
            try:
                key = await self.get()
            except QueueShutDown:
                return
            interrupted = True
            try:
                if not await attempt(f"{self.name}: {key}", partial(self._handle, handler, key)):
                    self.add_rate_limited(key)
                interrupted = False
            finally:
                if interrupted:
                    self.add(key)
                self.done(key)

    async def _handle(self, handler: Callable[[K], Awaitable[None]], key: K) -> None:
        try:
            await handler(key)
        except Retry as reason:
            log.debug("%s: %s again: %s", self.name, key, reason)
            self.add_rate_limited(key, reason.longest)
        else:
            self.forget(key)

    def _wake_getter(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return

    def _arm(self) -> None:
        """One timer for all keys: it sleeps until the earliest time, and is replaced when an earlier one comes."""
        if not self._heap:
            return
        due = self._heap[0][0]
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().create_task(self._tick(), name=f"{self.name}/timer")

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _tick(self) -> None:
        while self._heap:
            self._timer_due = self._heap[0][0]
            await self._clock.sleep(self._timer_due - self._clock.monotonic())
            now = self._clock.monotonic()
            while self._heap and self._heap[0][0] <= now:
                due, _, key = heapq.heappop(self._heap)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
        self._timer = None
