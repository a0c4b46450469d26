"""Connections to ports of pods: whose namespace, and what is said when there is none."""

import asyncio
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from petset.api.errors import NotFound, ServiceUnavailable
from petset.node.ports import connected
from petset.node.runtimes.errors import ContainerNotFound, RuntimeUnavailable
from petset.node.runtimes.interface import Runtime, Sandbox
from tests.unit.node.given import UID, pod

needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="entering a namespace needs root")


class Sandboxes:
    """Of a runtime no more than is needed here: its sandboxes, whose namespace is the test's own."""

    def __init__(self, *sandboxes: Sandbox, name: str = "podman", answers: bool = True) -> None:
        self.name = name
        self._sandboxes = sandboxes
        self._answers = answers

    async def list_sandboxes(self) -> Sequence[Sandbox]:
        if not self._answers:
            raise RuntimeUnavailable("no answer")
        return self._sandboxes

    async def sandbox_netns(self, sandbox_id: str) -> Path:
        if sandbox_id != "alive":
            raise ContainerNotFound(sandbox_id)
        return Path("/proc/self/ns/net")


def sandbox(name: str, *, uid: str = UID, ready: bool = True) -> Sandbox:
    return Sandbox(name, "web-0", "default", uid, 0, ready, 1, {}, datetime(2026, 1, 1, tzinfo=UTC))


def runtime(*sandboxes: Sandbox, name: str = "podman", answers: bool = True) -> Runtime:
    return cast(Runtime, Sandboxes(*sandboxes, name=name, answers=answers))


@pytest.mark.parametrize(
    ("given", "error", "why"),
    [
        (runtime(name="simulated"), ServiceUnavailable, "nothing runs in its pods, so nothing listens there"),
        (runtime(answers=False), ServiceUnavailable, "no answer"),
        (runtime(), NotFound, "pod web-0 is not running"),
        (runtime(sandbox("alive", uid="other")), NotFound, "pod web-0 is not running"),
        (runtime(sandbox("alive", ready=False)), NotFound, "pod web-0 is not running"),
        (runtime(sandbox("gone")), NotFound, "pod web-0 is not running"),
    ],
    ids=["simulated", "silent", "no sandbox", "another pod's", "dead", "dying"],
)
async def test_a_pod_that_does_not_run_has_no_ports(given: Runtime, error: type[Exception], why: str) -> None:
    with pytest.raises(error, match=why):
        async with connected(given, pod(), 80):
            pass


@needs_root
async def test_a_port_is_talked_to_until_it_ends() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"got " + await reader.read())
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(runtime(sandbox("dead", ready=False), sandbox("alive")), pod(), port) as connection:
            await connection.write(b"all")
            await connection.close_write()
            assert await connection.read() == b"got all"
            assert await connection.read() == b""


@needs_root
async def test_a_port_that_breaks_off_is_an_end() -> None:
    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connected(runtime(sandbox("alive")), pod(), port) as connection:
            assert await connection.read() == b""
            for _ in range(3):
                await connection.write(b"nobody reads this")
            await connection.close_write()


@needs_root
async def test_a_port_where_nobody_listens_is_told_for_both_families() -> None:
    async with await asyncio.start_server(lambda *_: None, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
    with pytest.raises(ServiceUnavailable, match=f"failed to connect to localhost:{port} .* IPv4: connection refused"):
        async with connected(runtime(sandbox("alive")), pod(), port):
            pass
