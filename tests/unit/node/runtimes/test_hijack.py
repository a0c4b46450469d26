"""The raw conversation with an engine, against a socket that answers as one."""

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from petset.node.runtimes.errors import RuntimeUnavailable
from petset.node.runtimes.hijack import Conversation, RefusedError, open_conversation
from petset.node.runtimes.interface import Frame

Serve = Callable[[bytes, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@asynccontextmanager
async def engine(path: Path, serve: Serve) -> AsyncIterator[None]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.splitlines() if line.lower().startswith(b"content-length"))
        await serve(head + await reader.readexactly(length), reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(answer, str(path))
    async with server:
        yield


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


@asynccontextmanager
async def conversation(path: Path, serve: Serve, *, tty: bool = False) -> AsyncIterator[Conversation]:
    async with engine(path, serve):
        opened = await open_conversation(path, "/exec/1/start", {"Tty": tty}, tty=tty)
        yield opened
        await opened.close()


async def all_frames(opened: Conversation) -> list[Frame]:
    frames = []
    while (found := await opened.read()) is not None:
        frames.append(found)
    return frames


async def test_streams_are_told_apart_across_any_cut(tmp_path: Path) -> None:
    async def serve(_request: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(UPGRADED)
        for byte in frame(1, b"out") + frame(2, b"err") + frame(1, b"") + frame(1, b"x"):
            writer.write(bytes([byte]))
            await writer.drain()

    async with conversation(tmp_path / "s", serve) as opened:
        frames = await all_frames(opened)
    for stream, text in ((1, b"outx"), (2, b"err")):
        assert b"".join(found.data for found in frames if found.stream == stream) == text


async def test_with_a_terminal_everything_is_output(tmp_path: Path) -> None:
    async def serve(_request: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(UPGRADED + frame(2, b"raw"))

    async with conversation(tmp_path / "s", serve, tty=True) as opened:
        frames = await all_frames(opened)
    assert (frames[0].stream, b"".join(found.data for found in frames)) == (1, frame(2, b"raw"))


async def test_ending_stdin_keeps_output_open(tmp_path: Path) -> None:
    async def serve(request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert request.startswith(b"POST /exec/1/start HTTP/1.1\r\n")
        assert request.endswith(b'{"Tty":false}')
        writer.write(UPGRADED)
        writer.write(frame(1, await reader.read()))  # returns only once the other half is closed

    async with conversation(tmp_path / "s", serve) as opened:
        await opened.write(b"hello")
        opened.close_stdin()
        opened.close_stdin()
        assert await all_frames(opened) == [Frame(1, b"hello")]


async def test_writing_to_a_process_that_has_gone_is_quiet(tmp_path: Path) -> None:
    async def serve(_request: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(UPGRADED)

    async with conversation(tmp_path / "s", serve) as opened:
        assert await opened.read() is None
        for _ in range(5):
            await opened.write(b"x" * 100_000)
        opened.close_stdin()
        assert await opened.read() is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"message":"no such exec"}', "no such exec"),
        (b'1b\r\n{"cause":"c","message":"m"}\r\n0\r\n\r\n', "m"),
        (b"plain words\n", "plain words"),
    ],
)
async def test_a_refusal_brings_the_engines_words(tmp_path: Path, body: bytes, message: str) -> None:
    async def serve(_request: bytes, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 404 Not Found\r\n\r\n" + body)

    async with engine(tmp_path / "s", serve):
        with pytest.raises(RefusedError, match=message) as refusal:
            await open_conversation(tmp_path / "s", "/x", {}, tty=False)
    assert refusal.value.status == 404


async def test_an_engine_that_hangs_up_or_is_not_there_is_unavailable(tmp_path: Path) -> None:
    async def serve(_request: bytes, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        return

    async with engine(tmp_path / "s", serve):
        with pytest.raises(RuntimeUnavailable, match="hung up"):
            await open_conversation(tmp_path / "s", "/x", {}, tty=False)
    with pytest.raises(RuntimeUnavailable, match="does not answer"):
        await open_conversation(tmp_path / "absent", "/x", None, tty=False)
