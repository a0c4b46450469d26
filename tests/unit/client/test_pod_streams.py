import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from aiohttp import WSCloseCode, WSMsgType, web

from petset.api import errors
from petset.client.interface import ConnectionLost, ExecOptions, LogOptions, PodStreams
from petset.client.pod_streams import HttpPodStreams
from petset.client.transport import Transport
from tests.unit.client.web import Handler, Web, answer, chunks, status

SUCCESS = b'\x03{"status":"Success"}'


@asynccontextmanager
async def streams_of(*handlers: Handler) -> AsyncIterator[tuple[PodStreams, Web]]:
    async with Web(*handlers).serve() as server:
        transport = Transport(server.connection)
        try:
            yield HttpPodStreams(transport), server
        finally:
            await transport.close()


def sends(*frames: bytes, code: int = WSCloseCode.OK, protocol: str = "v5.channel.k8s.io") -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=(protocol,))
        await socket.prepare(request)
        for frame in frames:
            await socket.send_bytes(frame)
        await socket.close(code=code)
        return socket

    return handle


def echo(received: list[bytes]) -> Handler:
    """Notes every frame; echoes stdin; ends with success when stdin is closed."""

    async def handle(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",))
        await socket.prepare(request)
        async for message in socket:
            assert message.type is WSMsgType.BINARY
            received.append(message.data)
            if message.data[0] == 0:
                await socket.send_bytes(b"\x01" + message.data[1:])
            elif message.data == b"\xff\x00":
                await socket.send_bytes(SUCCESS)
                await socket.close()
        return socket

    return handle


def failure(reason: str, message: str, *causes: tuple[str, str]) -> bytes:
    listed = [{"reason": r, "message": m} for r, m in causes]
    tree = {"status": "Failure", "reason": reason, "message": message, "details": {"causes": listed}}
    return b"\x03" + msgspec.json.encode(tree)


async def test_output_comes_by_stream_and_empty_frames_are_skipped() -> None:
    handler = sends(b"\x01", b"\x01out", b"\x02err", SUCCESS)
    async with streams_of(handler) as (streams, _), streams.exec("ns", "web-0", ExecOptions()) as session:
        assert [item async for item in session] == [(1, b"out"), (2, b"err")]
        assert await session.exit_code() == 0


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ((SUCCESS,), 0),
        ((), 0),
        ((b"\x03",), 0),
        ((failure("NonZeroExitCode", "exit code 7", ("ExitCode", "7")),), 7),
        ((b"\x01ignored", failure("NonZeroExitCode", "exit code 137", ("ExitCode", "137"))), 137),
    ],
)
async def test_the_exit_code_is_in_the_final_status(frames: tuple[bytes, ...], code: int) -> None:
    async with streams_of(sends(*frames)) as (streams, _), streams.exec("ns", "web-0", ExecOptions()) as session:
        assert await session.exit_code() == code


async def test_a_command_that_cannot_run_is_an_error() -> None:
    handler = sends(failure("InternalError", "no such file: nosuch"))
    async with streams_of(handler) as (streams, _), streams.exec("ns", "web-0", ExecOptions()) as session:
        with pytest.raises(errors.InternalError, match="no such file"):
            await session.exit_code()


async def test_a_stream_that_breaks_off_has_no_known_exit_code() -> None:
    handler = sends(b"\x01out", code=WSCloseCode.INTERNAL_ERROR)
    async with streams_of(handler) as (streams, _), streams.exec("ns", "web-0", ExecOptions()) as session:
        assert [item async for item in session] == [(1, b"out")]
        with pytest.raises(ConnectionLost, match="broke off"):
            await session.exit_code()


async def test_stdin_its_end_and_the_terminal_size_are_frames() -> None:
    received: list[bytes] = []
    async with streams_of(echo(received)) as (streams, _), streams.attach("ns", "web-0", ExecOptions()) as session:
        await session.resize(80, 24)
        await session.write(b"hello")
        await session.close_stdin()
        assert [item async for item in session] == [(1, b"hello")]
        assert await session.exit_code() == 0
        with pytest.raises(ConnectionLost):
            await session.write(b"too late")
    assert received == [b'\x04{"Width":80,"Height":24}', b"\x00hello", b"\xff\x00"]


async def test_one_may_iterate_while_another_waits_for_the_end() -> None:
    received: list[bytes] = []
    async with streams_of(echo(received)) as (streams, _), streams.exec("ns", "web-0", ExecOptions()) as session:
        output: list[tuple[int, bytes]] = []

        async def pump() -> None:
            output.extend([item async for item in session])

        async with asyncio.TaskGroup() as group:
            group.create_task(pump())
            await session.write(b"x")
            await session.close_stdin()
            code = group.create_task(session.exit_code())
    assert output == [(1, b"x")]
    assert code.result() == 0


async def test_exec_options_become_query_parameters() -> None:
    options = ExecOptions("nginx", ("sh", "-c", "a b&c"), stdin=True, stderr=False, tty=True)
    async with streams_of(sends(SUCCESS)) as (streams, server), streams.exec("ns", "web-0", options) as session:
        await session.exit_code()
    (seen,) = server.seen
    assert seen.path == "/api/v1/namespaces/ns/pods/web-0/exec"
    assert seen.query == [
        ("command", "sh"),
        ("command", "-c"),
        ("command", "a b&c"),
        ("container", "nginx"),
        ("stdin", "true"),
        ("stdout", "true"),
        ("tty", "true"),
    ]


async def _open(streams: PodStreams) -> None:
    async with streams.exec("ns", "web-0", ExecOptions()):
        pass


async def test_a_refused_stream_says_why() -> None:
    refusal = answer(status("NotFound", 404, 'pods "web-0" not found'), 404)
    async with streams_of(refusal) as (streams, server):
        with pytest.raises(errors.NotFound, match='pods "web-0" not found'):
            await _open(streams)
    assert len(server.seen) == 1


async def test_a_server_of_another_protocol_is_refused() -> None:
    async with streams_of(sends(SUCCESS, protocol="v4.channel.k8s.io")) as (streams, _):
        with pytest.raises(ConnectionLost, match=r"does not speak v5\.channel\.k8s\.io"):
            await _open(streams)


async def test_logs_arrive_as_they_come_with_their_options_in_the_query() -> None:
    options = LogOptions(
        "nginx",
        follow=True,
        previous=True,
        timestamps=True,
        since_seconds=5,
        since_time="2026-01-01T00:00:00Z",
        tail_lines=0,
        limit_bytes=9,
    )
    handler = chunks(b"one\ntw", b"o\n")
    async with streams_of(handler) as (streams, server), streams.logs("ns", "web-0", options) as log:
        assert b"".join([chunk async for chunk in log]) == b"one\ntwo\n"
    (seen,) = server.seen
    assert seen.path == "/api/v1/namespaces/ns/pods/web-0/log"
    assert dict(seen.query) == {
        "container": "nginx",
        "follow": "true",
        "previous": "true",
        "timestamps": "true",
        "sinceSeconds": "5",
        "sinceTime": "2026-01-01T00:00:00Z",
        "tailLines": "0",
        "limitBytes": "9",
    }
