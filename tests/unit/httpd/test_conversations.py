"""Logs, exec and forwarded ports whose client stops reading, or leaves unheard: nothing is kept for it for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.client.interface import ExecOptions, LogOptions, PortConnection, StreamSession
from petset.httpd import connections
from tests.unit.apiserver.calls import create, pod
from tests.unit.httpd.test_forwarding import handshake
from tests.unit.httpd.wire import PATIENCE, Door, Wire, opened

pytestmark = pytest.mark.usefixtures("quiet")

POD = "/api/v1/namespaces/default/pods/web-0"
EXEC = f"{POD}/exec?command=cat&stdin=1&stdout=1"
CHUNK = b"x" * 65536
CLOCK = SystemClock()


class Endless:
    """A process, and a port, with output as long as somebody takes it, or with none; it takes no input."""

    def __init__(self, *, talks: bool) -> None:
        self._talks = talks

    async def read(self) -> bytes:
        if not self._talks:
            await asyncio.Event().wait()
        await CLOCK.sleep(0)
        return CHUNK

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while True:
            yield 1, await self.read()

    async def write(self, data: bytes) -> None:
        await asyncio.Event().wait()

    async def close_stdin(self) -> None: ...

    async def close_write(self) -> None: ...

    async def resize(self, width: int, height: int) -> None: ...

    async def exit_code(self) -> int:
        return 0


class EndlessNode:
    """Counts what is open."""

    def __init__(self) -> None:
        self.talks = True
        self.open = 0

    @asynccontextmanager
    async def _endless(self) -> AsyncIterator[Endless]:
        self.open += 1
        try:
            yield Endless(talks=self.talks)
        finally:
            self.open -= 1

    @asynccontextmanager
    async def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self._endless() as endless:
            yield (data async for _, data in endless)

    @asynccontextmanager
    async def exec(self, namespace: str, pod: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        async with self._endless() as endless:
            yield endless

    @asynccontextmanager
    async def attach(self, namespace: str, pod: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        async with self._endless() as endless:
            yield endless

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator[PortConnection]:
        async with self._endless() as endless:
            yield endless

    async def until_open(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.open != count:
                await CLOCK.sleep(0.01)


@pytest.fixture
def node() -> EndlessNode:
    return EndlessNode()


@pytest.fixture
async def door(tmp_path: Path, node: EndlessNode) -> AsyncIterator[Door]:
    async with opened(tmp_path, node) as door:
        await create(door.server, pod())
        yield door


async def follow_log(wire: Wire) -> None:
    await wire.send(f"GET {POD}/log?follow=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert (await wire.head())[0] == 200


async def run_command(wire: Wire) -> None:
    assert (await wire.ask("GET", EXEC, headers=handshake("v4.channel.k8s.io"))).status == 101


async def forward_port(wire: Wire) -> None:
    headers = handshake("v4.channel.k8s.io")
    assert (await wire.ask("GET", f"{POD}/portforward?ports=80", headers=headers)).status == 101


BEGIN = pytest.mark.parametrize("begin", [follow_log, run_command, forward_port])
Begin = Callable[[Wire], Awaitable[None]]


@BEGIN
async def test_who_stops_reading_is_cut_off_at_last(
    door: Door, node: EndlessNode, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LONGEST_PAUSE", 0.2)
    async with door.open() as wire:
        await begin(wire)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await node.until_open(1)
        await node.until_open(0)


async def test_who_stops_reading_for_a_while_is_waited_for(
    door: Door, node: EndlessNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LONGEST_WRITE", 0.05)
    async with door.open() as wire:
        await follow_log(wire)
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await node.until_open(1)
        await CLOCK.sleep(0.3)
        wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
        for _ in range(200):
            assert set(await wire.chunk()) == {ord("x")}
    await node.until_open(0)


@pytest.mark.parametrize("begin", [run_command, forward_port])
async def test_who_leaves_is_missed_even_if_a_process_takes_no_input(
    door: Door, node: EndlessNode, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "LOOK_SECONDS", 0.05)
    node.talks = False
    async with door.open() as wire:
        await begin(wire)
        await node.until_open(1)
        message = b"\x82\xfe" + (60_001).to_bytes(2, "big") + bytes(4) + b"\x00" + b"x" * 60_000
        for _ in range(15):  # more than is read before somebody takes it, less than fits on the way
            await wire.send(message)
        assert node.open == 1
        async with asyncio.timeout(PATIENCE):
            while wire.writer.transport.get_write_buffer_size():
                await CLOCK.sleep(0.01)
    await node.until_open(0)
