"""Supervised tasks: nothing runs that nobody owns, nothing dies unseen.

This is the only module below the HTTP edge that catches every exception: a crash is logged with its traceback here,
so that nobody else has to.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from petset.aio.clock import Clock, SystemClock

log = logging.getLogger(__name__)

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, None]]

FIRST_RESTART = 0.1
LONGEST_RESTART = 30.0


def cancelling() -> bool:
    """Whether somebody asked the current task to stop.

    A `CancelledError` without such a request came out of something awaited, and is a crash like any other.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def attempt(name: str, work: Callable[[], Awaitable[object]]) -> bool:
    """Runs `work` once. True when it returned; False when it crashed, which is then in the log under `name`."""
    try:
        await work()
    except asyncio.CancelledError:
        if cancelling():
            raise
        log.exception("%s: something it waited for was cancelled", name)
    except Exception:
        log.exception("%s crashed", name)
    else:
        return True
    return False


class Supervisor:
    """Owns tasks: leaving its `async with` block cancels them in reverse order of their start and waits for each.

    Unlike in an `asyncio.TaskGroup` a crash ends neither the siblings nor the block.
    """

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self._name = name
        self._clock = clock or SystemClock()
        self._tasks: dict[asyncio.Task[Any], None] = {}
        self._stopping = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def __len__(self) -> int:
        return len(self._tasks)

    def start(self, name: str, work: Work | Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Runs `work` as a task of this supervisor.

        A coroutine function is a loop: when it crashes it is started again, after 0.1 s at first and at most 30 s
        (a run of 30 s starts the series anew); when it returns it is over. A coroutine runs once, as by `background`.
        """
        if isinstance(work, Coroutine):
            return self.background(name, work)
        return self._own(name, self._keep(name, work))

    def background(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs `work` once. Nobody has to await the task: an exception is logged, and the supervisor's end ends it."""
        task = self._own(name, work)
        task.add_done_callback(_log_crash)
        return task

    async def stop(self) -> None:
        """Cancels every task, the last started first, waiting for each to end before the next; takes no new ones.

        Cancelled itself, it cancels all that remain at once, still waits for them, and only then gives way.
        """
        self._stopping = True
        interruption: asyncio.CancelledError | None = None
        remaining = deque(task for task in reversed(self._tasks) if task is not asyncio.current_task())
        running: list[asyncio.Task[Any]] = []
        while remaining or running:
            if not running:
                running = _cancel(remaining, 1)
            try:
                await asyncio.wait(running)
            except asyncio.CancelledError as error:
                interruption = error
                running += _cancel(remaining, len(remaining))
            running = [task for task in running if not task.done()]
        if interruption is not None:
            raise interruption

    def _own(self, name: str, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        if self._stopping:
            work.close()
            raise RuntimeError(f"{self._name} is stopping and starts no {name}")
        task = asyncio.get_running_loop().create_task(work, name=f"{self._name}/{name}")
        self._tasks[task] = None
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.pop(task, None)

    async def _keep(self, name: str, work: Work) -> None:
        pause = FIRST_RESTART
        while True:
            began = self._clock.monotonic()
            if await attempt(f"{self._name}/{name}", work) or cancelling():
                return
            if self._clock.monotonic() - began >= LONGEST_RESTART:
                pause = FIRST_RESTART
            log.info("%s/%s starts again in %.1f s", self._name, name, pause)
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_RESTART)


def _cancel(tasks: deque[asyncio.Task[Any]], count: int) -> list[asyncio.Task[Any]]:
    """Takes and cancels the first `count`: each task once, for a second time would interrupt its cleaning up."""
    taken = [tasks.popleft() for _ in range(count)]
    for task in taken:
        task.cancel()
    return taken


def _log_crash(task: asyncio.Task[Any]) -> None:
    if task.cancelled():
        return
    error = task.exception()
    if error is not None:
        log.error("%s crashed", task.get_name(), exc_info=error)
