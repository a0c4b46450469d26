"""Notices promptly that containers exit.

The engines' own news is late with Podman: `die` events by up to 236 ms, `wait` by up to 350 ms because it polls, once
per container. The kernel tells at once when the process ends; a few milliseconds later the engine knows the exit code.
"""

import asyncio
from collections.abc import Awaitable, Callable

from petset.aio.clock import Clock
from petset.aio.tasks import Supervisor
from petset.node.runtimes.errors import ContainerNotFound, ContainerRuntimeError
from petset.node.runtimes.kernel import process_end
from petset.node.runtimes.payloads import Json, is_running

_FIRST_LOOK = 0.004
_LONGEST_LOOK = 0.25
_LONGEST_RETRY = 0.5
_PATIENCE = 5.0


class ExitWatch:
    """Follows running containers to their ends.

    `inspect` and `wait` ask the engine; `report` receives the ids of container and sandbox with the last state, or None
    when the engine has forgotten it.
    """

    def __init__(
        self,
        inspect: Callable[[str], Awaitable[Json]],
        wait: Callable[[str], Awaitable[object]],
        report: Callable[[str, str, Json | None], None],
        tasks: Supervisor,
        clock: Clock,
    ) -> None:
        self._inspect = inspect
        self._wait = wait
        self._report = report
        self._tasks = tasks
        self._clock = clock
        self._watched: dict[str, asyncio.Task[None]] = {}

    def watch(self, container_id: str, sandbox_id: str, pid: int) -> None:
        """Begin to follow a container, unless that is done already."""
        if container_id not in self._watched:
            work = self._follow(container_id, sandbox_id, pid)
            self._watched[container_id] = self._tasks.background(f"exit of {container_id[:12]}", work)

    def forget(self, container_id: str) -> bool:
        """Follow a container no more, because its end is being brought about; whether it had not been reported yet."""
        task = self._watched.pop(container_id, None)
        return task is not None and task.cancel()

    async def exited(self, container_id: str, timeout_seconds: float | None = None) -> bool:
        """Wait for the end of a watched container; False when the time is over first."""
        task = self._watched.get(container_id)
        if task is None:
            return True
        done, _ = await asyncio.wait({task}, timeout=timeout_seconds)
        return bool(done)

    async def _follow(self, container_id: str, sandbox_id: str, pid: int) -> None:
        last = await self._last_state(container_id, pid)
        self._watched.pop(container_id, None)
        self._report(container_id, sandbox_id, last)

    async def _last_state(self, container_id: str, pid: int) -> Json | None:
        retry = _FIRST_LOOK
        while True:
            try:
                if not await process_end(pid, container_id):
                    await self._wait(container_id)
                return await self._settled(container_id)
            except ContainerNotFound:
                return None
            except ContainerRuntimeError:  # the engine is being restarted; its containers live on
                await self._clock.sleep(retry)
                retry = min(retry * 2, _LONGEST_RETRY)

    async def _settled(self, container_id: str) -> Json:
        """Look until the engine knows as well, seldom more than twice."""
        pause, waited = _FIRST_LOOK, 0.0
        while is_running(answer := await self._inspect(container_id)):
            if waited > _PATIENCE:
                await self._wait(container_id)
            await self._clock.sleep(pause)
            waited += pause
            pause = min(pause * 2, _LONGEST_LOOK)
        return answer
