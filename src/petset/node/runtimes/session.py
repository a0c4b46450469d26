"""Exec and attach through the engine: a conversation plus the API calls around it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from petset.aio.clock import Clock
from petset.node.runtimes.errors import ContainerNotFound, ContainerRuntimeError, ExecFailed
from petset.node.runtimes.hijack import Conversation, RefusedError, open_conversation
from petset.node.runtimes.interface import Frame

_NOT_EXECUTABLE, _NOT_FOUND = 126, 127
_POLL = 0.01


class EngineSession:
    """An `ExecSession`. The exit code is fetched as soon as output ends: Podman forgets an exec soon after its end."""

    def __init__(
        self,
        conversation: Conversation,
        resize: Callable[[int, int], Awaitable[None]],
        state: "ExecState",
    ) -> None:
        self._conversation = conversation
        self._resize = resize
        self._state = state
        self._exit_code: int | None = None

    async def read(self) -> Frame | None:
        """Wait for output; None once both streams have ended."""
        frame = await self._conversation.read()
        if frame is None:
            await self.wait()
        return frame

    async def write(self, data: bytes) -> None:
        """Send to stdin."""
        await self._conversation.write(data)

    async def close_stdin(self) -> None:
        """End stdin while output goes on."""
        self._conversation.close_stdin()

    async def resize(self, width: int, height: int) -> None:
        """Tell the terminal its size; of no consequence when the process has ended meanwhile."""
        try:
            await self._resize(width, height)
        except ContainerRuntimeError:
            return

    async def wait(self) -> int:
        """Wait for the end and return the exit code."""
        if self._exit_code is None:
            self._exit_code = await self._state.exit_code()
        return self._exit_code

    async def pid(self) -> int:
        """The process id as this machine counts, 0 once it has ended."""
        return await self._state.pid()


async def converse(socket: Path, target: str, body: object | None, *, tty: bool) -> Conversation:
    """Open a conversation, with the engine's refusals as the port's errors."""
    try:
        return await open_conversation(socket, target, body, tty=tty)
    except RefusedError as error:
        if error.status == 404:
            raise ContainerNotFound(str(error)) from error
        missing = "not found" in str(error) or "no such file" in str(error)
        raise ExecFailed(str(error), _NOT_FOUND if missing else _NOT_EXECUTABLE) from error


class ExecState:
    """How an exec's process is doing, as the engine sees it."""

    def __init__(self, inspect: Callable[[], Awaitable[dict[str, Any]]], clock: Clock) -> None:
        self._inspect = inspect
        self._clock = clock

    async def exit_code(self) -> int:
        """Ask until the engine knows that the process has ended, which is a moment after its output has."""
        while (answer := await self._inspect()).get("Running"):
            await self._clock.sleep(_POLL)
        code = answer.get("ExitCode")
        return code if isinstance(code, int) else -1

    async def pid(self) -> int:
        """The process id, 0 when there is none."""
        return int((await self._inspect()).get("Pid") or 0)
