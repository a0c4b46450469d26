"""The raw conversation of exec and attach: one HTTP request on the engine's socket, then bytes both ways.

A connection of its own, because ending stdin while output goes on means ending our half of the connection, which
HTTP clients do not offer. Without a terminal, output comes in frames: a byte of stream number, three zeros, four bytes
of length.
"""

import asyncio
import struct
from pathlib import Path
from typing import Literal

import msgspec

from petset.node.runtimes.errors import RuntimeUnavailable
from petset.node.runtimes.interface import Frame

_FRAME_HEADER = struct.Struct(">BxxxL")
_CHUNK = 64 * 1024


class RefusedError(Exception):
    """The engine answered the request with an error instead of opening the conversation."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Conversation:
    """An open connection to a process; close it when done."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, tty: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._tty = tty
        self._pending: tuple[Literal[1, 2], int] = (1, 0)

    async def read(self) -> Frame | None:
        """Wait for output; None at the end, also when the engine went away."""
        try:
            return await self._read_chunk() if self._tty else await self._read_frame()
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _read_chunk(self) -> Frame | None:
        data = await self._reader.read(_CHUNK)
        return Frame(1, data) if data else None

    async def _read_frame(self) -> Frame | None:
        stream, left = self._pending
        while not left:
            number, left = _FRAME_HEADER.unpack(await self._reader.readexactly(_FRAME_HEADER.size))
            stream = 2 if number == 2 else 1
        data = await self._reader.read(min(left, _CHUNK))
        self._pending = (stream, left - len(data))
        return Frame(stream, data) if data else None

    async def write(self, data: bytes) -> None:
        """Send to the process; nothing happens once it no longer reads."""
        if self._writer.is_closing():
            return
        try:
            self._writer.write(data)
            await self._writer.drain()
        except (ConnectionError, RuntimeError):
            return

    def close_stdin(self) -> None:
        """End our half of the connection."""
        if not self._writer.is_closing() and self._writer.can_write_eof():
            try:
                self._writer.write_eof()
            except (ConnectionError, OSError, RuntimeError):
                return

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except (ConnectionError, OSError):
            return


async def open_conversation(socket: Path, target: str, body: object | None, *, tty: bool) -> Conversation:
    """POST `body` to `target` and keep the connection. Raises `RefusedError` and `RuntimeUnavailable`.

    Attach takes no body: Podman would hand one to the process as input.
    """
    content = b"" if body is None else msgspec.json.encode(body)
    request = (
        f"POST {target} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError as error:
        raise RuntimeUnavailable(f"the container engine at {socket} does not answer: {error.strerror}") from error
    conversation = Conversation(reader, writer, tty=tty)
    try:
        writer.write(request.encode() + content)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        if status not in {101, 200}:
            raise RefusedError(status, _message(await reader.read(_CHUNK)))
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        await conversation.close()
        raise RuntimeUnavailable(f"the container engine at {socket} hung up") from error
    except BaseException:
        await conversation.close()
        raise
    return conversation


def _message(body: bytes) -> str:
    """The engine's words: `{"message": ...}`, or whatever it sent instead, possibly in chunked encoding."""
    start, end = body.find(b"{"), body.rfind(b"}")
    try:
        answer = msgspec.json.decode(body[start : end + 1])
    except msgspec.DecodeError:
        return body.decode(errors="replace").strip()
    return str(answer.get("message") or answer.get("cause") or answer) if isinstance(answer, dict) else str(answer)
