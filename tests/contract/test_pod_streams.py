"""What the `PodStreams` port promises to a client far from the node: the same as at the node itself."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.api.errors import BadRequest, InternalError, NotFound, ServiceUnavailable
from petset.api.types import Container, ObjectMeta, Pod, PodSpec
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.interface import ExecOptions, LogOptions, PodStreams, PortConnection, StreamSession
from petset.client.pod_streams import HttpPodStreams
from petset.client.transport import Transport
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from tests.contract.clients import listening


class Echo:
    """A process that writes its stdin to stdout, the terminal's size to stderr, and ends with its stdin."""

    def __init__(self, code: int) -> None:
        self._code = code
        self._output: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while (item := await self._output.get()) is not None:
            yield item

    async def write(self, data: bytes) -> None:
        self._output.put_nowait((1, data))

    async def close_stdin(self) -> None:
        self._output.put_nowait(None)

    async def resize(self, width: int, height: int) -> None:
        self._output.put_nowait((2, f"{width}x{height}".encode()))

    async def exit_code(self) -> int:
        return self._code


class ToyNode:
    """Logs one line; runs `exit N`, an echo that ends with that code."""

    @asynccontextmanager
    async def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[AsyncIterator[bytes]]:
        async def lines() -> AsyncIterator[bytes]:
            yield f"{namespace}/{pod}/{options.container} tail={options.tail_lines}\n".encode()

        yield lines()

    @asynccontextmanager
    async def exec(self, namespace: str, pod: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        if options.command[0] != "exit":
            raise InternalError(f"{options.command[0]}: no such file or directory")
        yield Echo(int(options.command[1]))

    @asynccontextmanager
    async def attach(self, namespace: str, pod: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        yield Echo(0)

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[PortConnection]:
        if port != 80:
            raise ServiceUnavailable(f"failed to connect to localhost:{port}")
        yield EchoingPort()


class EchoingPort:
    """Sends back what it gets, until it is told to end or gets an end."""

    def __init__(self) -> None:
        self._output: asyncio.Queue[bytes] = asyncio.Queue()

    async def read(self) -> bytes:
        return await self._output.get()

    async def write(self, data: bytes) -> None:
        self._output.put_nowait(b"" if data == b"end" else data)

    async def close_write(self) -> None:
        self._output.put_nowait(b"")


@pytest.fixture
async def streams(tmp_path: Path) -> AsyncIterator[PodStreams]:
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, SystemClock(), ToyNode())
    await create_system_objects(server, 6443)
    spec = PodSpec(containers=[Container(name="nginx", image="nginx")], node_name="node-1")
    await LocalClient(server, Identity("tester")).create(
        Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec)
    )
    async with listening(server, tmp_path) as connection:
        transport = Transport(connection)
        yield HttpPodStreams(transport)
        await transport.close()
    await store.close()


async def talk(session: StreamSession) -> tuple[list[tuple[int, bytes]], int]:
    await session.resize(80, 24)
    await session.write(b"hello")
    await session.close_stdin()
    return [item async for item in session], await session.exit_code()


@pytest.mark.parametrize("code", [0, 1, 137])
async def test_a_command_gets_its_input_and_answers_with_its_exit_code(streams: PodStreams, code: int) -> None:
    options = ExecOptions(command=("exit", str(code)), stdin=True)
    async with streams.exec("default", "web-0", options) as session:
        assert await talk(session) == ([(2, b"80x24"), (1, b"hello")], code)


async def test_attach_joins_the_main_process(streams: PodStreams) -> None:
    async with streams.attach("default", "web-0", ExecOptions(stdin=True, stderr=False)) as session:
        assert await talk(session) == ([(1, b"hello")], 0)


async def test_logs_name_the_only_container(streams: PodStreams) -> None:
    async with streams.logs("default", "web-0", LogOptions(tail_lines=0)) as log:
        assert b"".join([chunk async for chunk in log]) == b"default/web-0/nginx tail=0\n"


async def open_exec(streams: PodStreams, pod: str, options: ExecOptions) -> None:
    async with streams.exec("default", pod, options) as session:
        await session.exit_code()


@pytest.mark.parametrize(
    ("pod", "options", "error", "message"),
    [
        ("web-9", ExecOptions(command=("exit", "0")), NotFound, 'pods "web-9" not found'),
        ("web-0", ExecOptions("other", ("exit", "0")), BadRequest, "container other is not valid for pod web-0"),
        ("web-0", ExecOptions(), BadRequest, "you must specify at least one command"),
        ("web-0", ExecOptions(command=("nosuch",)), InternalError, "nosuch: no such file or directory"),
    ],
)
async def test_what_cannot_be_opened_says_why(
    streams: PodStreams, pod: str, options: ExecOptions, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        await open_exec(streams, pod, options)


async def open_logs(streams: PodStreams, pod: str) -> None:
    async with streams.logs("default", pod, LogOptions()):
        pass


async def test_logs_of_an_unknown_pod_are_not_found(streams: PodStreams) -> None:
    with pytest.raises(NotFound, match='pods "web-9" not found'):
        await open_logs(streams, "web-9")


async def test_a_port_is_reached_in_both_directions(streams: PodStreams) -> None:
    async with streams.port_forward("default", "web-0", 80) as connection:
        for text in (b"hello", b"x" * 100_000):
            await connection.write(text)
            answer = b""
            while len(answer) < len(text):
                answer += await connection.read()
            assert answer == text
        await connection.write(b"end")
        assert await connection.read() == b""


async def test_a_port_where_nobody_listens_says_so(streams: PodStreams) -> None:
    with pytest.raises(ServiceUnavailable, match="failed to connect to localhost:81"):
        async with streams.port_forward("default", "web-0", 81) as connection:
            await connection.read()


async def test_a_port_of_no_pod_is_not_found(streams: PodStreams) -> None:
    with pytest.raises(NotFound, match='pods "gone" not found'):
        async with streams.port_forward("default", "gone", 80):
            pass
