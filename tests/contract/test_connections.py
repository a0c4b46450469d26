"""What the HTTP client leaves behind: nothing."""

from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
import uvloop

from petset.aio.clock import SystemClock
from petset.api.types import Namespace
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.client.connection import Connection
from petset.client.http import HttpClient
from petset.client.interface import WatchOptions
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from tests.contract.clients import listening

TCP = Path("/proc/self/net/tcp")


def sockets_to(port: int) -> set[str]:
    """The sockets that this process has open to a port of the loopback."""
    rows = [line.split() for line in TCP.read_text().splitlines()[1:]]
    theirs = {f"socket:[{row[9]}]" for row in rows if row[2] == f"0100007F:{port:04X}"}
    ours = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            ours.add(str(descriptor.readlink()))
    return theirs & ours


async def follow_and_leave(connection: Connection, count: int) -> None:
    """Opens watches, of which each has a connection, and leaves them together with the client."""
    client = HttpClient(connection, CATALOGUE)
    async with AsyncExitStack() as watches:
        for _ in range(count):
            events = await watches.enter_async_context(client.watch(Namespace, "", WatchOptions()))
            assert await anext(events)
        port = int(connection.server.rpartition(":")[2])
        assert len(sockets_to(port)) >= count
    await client.close()
    assert sockets_to(port) == set()


async def serve_and_follow(directory: Path) -> None:
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, SystemClock())
    await create_system_objects(server, 6443)
    async with listening(server, directory) as connection:
        await follow_and_leave(connection, 5)
    await store.close()


@pytest.mark.skipif(not TCP.exists(), reason="Linux tells its sockets")
async def test_a_closed_client_has_no_socket_any_more(tmp_path: Path) -> None:
    await serve_and_follow(tmp_path)


@pytest.mark.skipif(not TCP.exists(), reason="Linux tells its sockets")
def test_nor_has_one_on_uvloop(tmp_path: Path) -> None:
    uvloop.run(serve_and_follow(tmp_path))
