"""The user's terminal as the two ends of a command that runs in a container."""

import asyncio
import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from petset.aio.tasks import Supervisor
from petset.client.interface import ConnectionLost, StreamSession

CHUNK = 65536


@contextmanager
def raw_terminal(descriptor: int) -> Iterator[None]:
    """Hands every key through as it is, Ctrl-C included; the terminal's settings come back at the end."""
    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


async def converse(session: StreamSession, *, stdin: int | None, terminal: bool) -> int:
    """Copies between this process's streams and the command's until the command ends; its exit code.

    `stdin` is a file descriptor, None for no input; with `terminal` the command follows the size of the terminal.
    """
    async with Supervisor("exec") as supervisor:
        if terminal:
            supervisor.background("size", _follow_size(session))
        if stdin is not None:
            supervisor.background("stdin", _feed(session, stdin))
        async for stream, data in session:
            out = sys.stdout.buffer if stream == 1 else sys.stderr.buffer
            out.write(data)
            out.flush()
        return await session.exit_code()


async def _feed(session: StreamSession, descriptor: int) -> None:
    """Input to the command. A thread reads, for it may be a file, which no event loop can wait for."""
    chunks: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        with suppress(OSError, RuntimeError):
            while data := os.read(descriptor, CHUNK):
                loop.call_soon_threadsafe(chunks.put_nowait, data)
            loop.call_soon_threadsafe(chunks.put_nowait, b"")

    # nothing can interrupt a read of the terminal: the thread must not hold up the end of the process
    threading.Thread(target=read, name="stdin", daemon=True).start()
    with suppress(ConnectionLost):
        while data := await chunks.get():
            await session.write(data)
        await session.close_stdin()


async def _follow_size(session: StreamSession) -> None:
    changed = asyncio.Event()
    changed.set()
    asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, changed.set)
    with suppress(ConnectionLost):
        while await changed.wait():
            changed.clear()
            size = shutil.get_terminal_size()
            await session.resize(size.columns, size.lines)
