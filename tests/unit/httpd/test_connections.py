"""Clients that are slow, silent or gone: nothing waits for them for ever, and nothing of them stays."""

import asyncio
import contextlib
import gc
import gzip
import os
import socket
import ssl
import warnings
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.api.types import ConfigMap, ObjectMeta
from petset.httpd import bodies, connections
from petset.httpd.pki import ensure_certificates
from petset.node.network.sockets import bound_socket
from petset.store.memory import MemoryStore
from tests.unit.apiserver.calls import create
from tests.unit.httpd.wire import PATIENCE, Door, Wire, opened

pytestmark = pytest.mark.usefixtures("quiet")

MAPS = "/api/v1/namespaces/default/configmaps"
WATCH = f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n".encode()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        await create(door.server, ConfigMap(metadata=ObjectMeta(name="settings")))
        yield door


def watches(door: Door) -> int:
    """How many watches the store serves."""
    store = door.server.registry.store
    assert isinstance(store, MemoryStore)
    return len(store._watches)


def descriptors() -> list[int]:
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


def footprint() -> tuple[int, int]:
    """File descriptors and tasks of this process."""
    gc.collect()
    return len(descriptors()), len(asyncio.all_tasks())


async def until_gone(door: Door) -> None:
    async with asyncio.timeout(PATIENCE):
        while watches(door):
            await SystemClock().sleep(0.01)


def half_close(wire: Wire) -> None:
    with socket.socket(fileno=os.dup(wire.writer.get_extra_info("socket").fileno())) as same:
        same.shutdown(socket.SHUT_WR)


async def close(wire: Wire) -> None:
    wire.writer.close()
    with contextlib.suppress(OSError):
        await wire.writer.wait_closed()


async def watched_once(door: Door, leave: int) -> None:
    """Opens a watch, reads its beginning, and leaves: politely, rudely, or half."""
    async with door.open() as wire:
        await wire.send(WATCH)
        assert (await wire.head())[0] == 200
        await wire.chunk()
        if leave % 3 == 0:
            await close(wire)
        elif leave % 3 == 1:
            half_close(wire)
            assert await wire.closed()


async def test_watches_leave_nothing_behind(door: Door) -> None:
    await watched_once(door, 0)
    await until_gone(door)
    files, tasks = footprint()
    for batch in range(10):
        await asyncio.gather(*(watched_once(door, batch + number) for number in range(50)))
    await until_gone(door)
    await SystemClock().sleep(0.1)
    left = footprint()
    assert left[0] <= files + 3
    assert left[1] <= tasks + 3


async def test_memory_is_given_back_when_many_have_left(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    given = asyncio.Event()
    monkeypatch.setattr(connections, "MANY_CLOSED", 3)
    monkeypatch.setattr(connections, "give_back", given.set)
    for leave in range(3):
        assert not given.is_set()
        await watched_once(door, leave)
    async with asyncio.timeout(PATIENCE):
        await given.wait()


async def test_a_watcher_that_does_not_read_is_cut_off(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LONGEST_WRITE", 0.3)
    async with door.open() as wire:
        await wire.send(WATCH)
        assert (await wire.head())[0] == 200
        assert watches(door) == 1
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for number in range(40):
            large = ConfigMap(metadata=ObjectMeta(name=f"large-{number}"), data={"a": "x" * 500_000})
            await create(door.server, large)
            await SystemClock().sleep(0)  # several writes, not one
        await until_gone(door)


async def test_a_list_that_nobody_reads_is_not_sent_for_ever(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LONGEST_WRITE", 0.3)
    for number in range(40):
        await create(door.server, ConfigMap(metadata=ObjectMeta(name=f"large-{number}"), data={"a": "x" * 500_000}))
    async with door.open() as wire:
        await wire.send(f"GET {MAPS} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        _, headers = await wire.head()
        assert int(headers["content-length"]) > 20_000_000
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        both_ends = len(descriptors())
        async with asyncio.timeout(PATIENCE):
            while len(descriptors()) >= both_ends:
                await SystemClock().sleep(0.01)


async def test_who_reads_slowly_gets_everything(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel keeps for a client, some MB, is taken first, and of what waits before it nothing moves."""
    monkeypatch.setattr(connections, "LONGEST_WRITE", 0.3)
    for number in range(18):
        await create(door.server, ConfigMap(metadata=ObjectMeta(name=f"large-{number}"), data={"a": "x" * 500_000}))
    async with door.open() as wire:
        wire.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
        await wire.send(f"GET {MAPS} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        _, headers = await wire.head()
        left, began = int(headers["content-length"]), SystemClock().monotonic()
        while left:
            await SystemClock().sleep(0.04)
            chunk = await wire.reader.read(128 * 1024)
            assert chunk
            left -= len(chunk)
        assert SystemClock().monotonic() - began > 4 * 0.3


async def test_a_large_list_is_sent_while_it_is_put_together(door: Door) -> None:
    for number in range(60):
        await create(door.server, ConfigMap(metadata=ObjectMeta(name=f"map-{number:02}"), data={"a": "x" * 9000}))
    plain = await door.ask("GET", MAPS)
    assert len(plain.body) == int(plain.headers["content-length"])
    assert [item["metadata"]["name"] for item in plain.tree["items"]] == [
        *(f"map-{number:02}" for number in range(60)),
        "settings",
    ]
    small = await door.ask("GET", MAPS, headers={"Accept-Encoding": "gzip"})
    assert (small.headers["content-encoding"], small.headers["transfer-encoding"]) == ("gzip", "chunked")
    assert gzip.decompress(small.body) == plain.body


async def test_a_body_that_does_not_arrive_is_not_waited_for(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    async with door.open() as wire:
        await wire.send(f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{".encode())
        reply = await wire.reply()
        assert (reply.status, reply.reason) == (400, "BadRequest")
        assert "did not arrive" in reply.message


@pytest.mark.parametrize("said", [b"", b"GET /version HTTP/1.1\r\nHost: "])
async def test_a_connection_without_a_request_is_closed(
    door: Door, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    async with door.open() as wire:
        await wire.send(said)
        assert await wire.closed()


async def test_requests_of_clients_that_leave_leave_nothing(door: Door) -> None:
    await watched_once(door, 0)
    await until_gone(door)
    _, tasks = footprint()
    for leave in range(30):
        async with door.open() as wire:
            await wire.send(f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{{".encode())
            await SystemClock().sleep(0.005)
            if leave % 2:
                half_close(wire)
                assert await wire.closed()
    await SystemClock().sleep(0.1)
    assert footprint()[1] <= tasks + 2


async def test_the_kernel_looks_after_clients_that_vanish(door: Door) -> None:
    async with door.open() as wire:
        await wire.ask("GET", "/version")
        ours = wire.writer.get_extra_info("socket").getsockname()
        found = [options_of(descriptor, ours) for descriptor in descriptors()]
    assert [options for options in found if options] == [(1, 60, 15, 4)]


def options_of(descriptor: int, peer: object) -> tuple[int, ...]:
    """Those of a socket that is connected with `peer`; nothing for any other file."""
    try:
        with socket.socket(fileno=os.dup(descriptor)) as found:
            if found.family != socket.AF_INET or found.getpeername() != peer:
                return ()
            wanted = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
            alive = found.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            return (alive, *(found.getsockopt(socket.IPPROTO_TCP, option) for option in wanted))
    except OSError:
        return ()


@pytest.mark.parametrize(
    "said", [b"", b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"x" * 512]
)
async def test_who_does_not_speak_tls_is_hung_up_on(door: Door, said: bytes) -> None:
    wire = Wire(*await asyncio.open_connection(door.address.host, door.address.port))
    await wire.send(said)
    if not said:
        half_close(wire)
    assert await wire.closed()
    await close(wire)
    assert (await door.ask("GET", "/version")).status == 200


@pytest.mark.parametrize(
    ("version", "accepted"),
    [(ssl.TLSVersion.TLSv1_1, False), (ssl.TLSVersion.TLSv1_2, True), (ssl.TLSVersion.TLSv1_3, True)],
)
async def test_tls_is_version_1_2_at_least(door: Door, version: ssl.TLSVersion, *, accepted: bool) -> None:
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        door.stranger.minimum_version = door.stranger.maximum_version = version
    door.stranger.set_ciphers("ALL:@SECLEVEL=0")  # what old versions need
    if accepted:
        async with door.open(anonymous=True) as wire:
            assert (await wire.ask("GET", "/version")).status == 200
    else:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            async with door.open(anonymous=True):
                pass


async def test_certificates_of_strangers_are_not_accepted(door: Door, tmp_path: Path) -> None:
    strange = ensure_certificates(tmp_path / "strange", ["127.0.0.1"], SystemClock().now())
    door.stranger.load_cert_chain(strange.admin.certificate, strange.admin.key)
    with pytest.raises((ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)):
        async with door.open(anonymous=True) as wire:
            await wire.ask("GET", "/version")


@pytest.mark.parametrize(("admitted", "served"), [("127.0.0.1", True), ("10.0.0.1", False)])
async def test_on_a_further_address_only_those_are_served_who_may_come_in(
    tmp_path: Path, admitted: str, served: bool
) -> None:
    async with opened(tmp_path) as door:
        sock = bound_socket("127.0.0.2", 0, socket.SOCK_STREAM)
        await door.listener.listen_also(sock, lambda address: address == admitted)
        host, port = sock.getsockname()
        door.admin.check_hostname = False
        async with Wire(
            *await asyncio.open_connection(host, port, ssl=door.admin, local_addr=("127.0.0.1", 0))
        ) as wire:
            if served:
                assert (await wire.ask("GET", "/version")).status == 200
            else:
                assert await wire.closed()
        assert (await door.ask("GET", "/version")).status == 200


async def test_who_shakes_hands_with_a_server_that_ends_comes_too_late(door: Door) -> None:
    loop = asyncio.get_running_loop()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = door.admin.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with socket.create_connection((door.address.host, door.address.port)) as sock:
        sock.setblocking(False)
        with pytest.raises(ssl.SSLWantReadError):
            client.do_handshake()
        await loop.sock_sendall(sock, outgoing.read())
        async with asyncio.timeout(PATIENCE):
            incoming.write(await loop.sock_recv(sock, 65536))
            await door.listener.stop()
            client.do_handshake()
            client.write(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
            await loop.sock_sendall(sock, outgoing.read())
            while said := await loop.sock_recv(sock, 65536):
                incoming.write(said)
        assert client.read(65536) == b""  # goodbye
