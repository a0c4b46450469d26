"""TLS: every client gets its own bytes, all of them and in order, however many are sent to at once, and by whom."""

import asyncio
import contextlib
import random
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from petset.aio.clock import SystemClock
from petset.httpd import tls
from petset.httpd.app import server_context
from petset.httpd.pki import ensure_certificates
from petset.httpd.tls import WORTH_THREADS, Encryption, TlsConnection

pytestmark = pytest.mark.usefixtures("quiet")

PATIENCE = 10.0
KIB = 1024


class Spoken(asyncio.Protocol):
    """What the server's side of a connection heard, and its transport."""

    def __init__(self) -> None:
        self.transport: TlsConnection
        self.heard = b""
        self.paused = False
        self.ended = False
        self.lost = asyncio.Event()
        self.changed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, TlsConnection)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.heard += data
        self.changed.set()

    def eof_received(self) -> None:
        assert not self.ended
        self.ended = True

    def pause_writing(self) -> None:
        assert not self.paused
        self.paused = True

    def resume_writing(self) -> None:
        assert self.paused
        self.paused = False
        self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        assert not self.lost.is_set()
        self.lost.set()

    async def until(self, happened: Callable[[], bool]) -> None:
        """Waits until something is true that what comes from the client, or leaves for it, makes true."""
        async with asyncio.timeout(PATIENCE):
            while not happened():
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Client:
    """One that reads when it is asked to."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    server: Spoken

    async def gets(self, size: int) -> bytes:
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(size)

    async def gets_all(self) -> bytes:
        """Until the server has said goodbye."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read(-1)

    async def leave(self) -> None:
        with contextlib.suppress(AttributeError):  # Python 3.11.2 knows no end of what was closed twice
            self.writer.transport.abort()
        async with asyncio.timeout(PATIENCE):
            await self.server.lost.wait()


@dataclass
class House:
    """A server that says nothing by itself."""

    encryption: Encryption
    context: ssl.SSLContext
    address: tuple[str, int] = ("", 0)
    spoken: list[Spoken] = field(default_factory=list)

    def accept(self) -> TlsConnection:
        return self.encryption.connection(self._speak)

    def _speak(self) -> Spoken:
        self.spoken.append(Spoken())
        return self.spoken[-1]

    @contextlib.asynccontextmanager
    async def client(self, limit: int = 64 * KIB * KIB) -> AsyncIterator[Client]:
        """One more. It takes about `limit` bytes from its socket before anybody reads; uvloop's clients lose what comes
        right before a goodbye when that is less."""
        before = len(self.spoken)
        reader, writer = await asyncio.open_connection(*self.address, ssl=self.context, limit=limit)
        # TLS 1.3 lets the client speak before the server has seen its certificate
        writer.write(b"hello")
        async with asyncio.timeout(PATIENCE):
            while len(self.spoken) == before or not self.spoken[-1].heard:
                await SystemClock().sleep(0.001)
        client = Client(reader, writer, self.spoken[-1])
        try:
            yield client
        finally:
            await client.leave()

    async def clients(self, stack: contextlib.AsyncExitStack, count: int) -> list[Client]:
        return [await stack.enter_async_context(self.client()) for _ in range(count)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    certificates = ensure_certificates(tmp_path, ["127.0.0.1"], SystemClock().now())
    context = ssl.create_default_context(cafile=str(certificates.authority.certificate))
    context.load_cert_chain(certificates.admin.certificate, certificates.admin.key)
    house = House(Encryption(server_context(certificates), threads=3), context)
    server = await asyncio.get_running_loop().create_server(house.accept, "127.0.0.1", 0)
    house.address = server.sockets[0].getsockname()
    yield house
    server.close()
    house.encryption.stop()


async def connect_raw(house: House) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*house.address)


def say(transport: TlsConnection, how: str, data: bytes) -> None:
    """One of the ways to write."""
    if how == "soon":
        transport.write_soon(data)
    elif how == "lines":
        transport.writelines([data[: len(data) // 2], data[len(data) // 2 :]])
    else:
        transport.write(data)


# --- what is written --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        [("now", 1)],
        [("now", 16 * KIB), ("now", 1)],
        [("now", 300 * KIB + 7)],
        [("lines", 1000)],
        [("soon", 1)],
        [("soon", 60 * KIB), ("soon", 60 * KIB)],
        [("soon", 10), ("now", 5), ("lines", 20), ("soon", 3)],
        [("now", 5), ("soon", 70 * KIB), ("now", 100 * KIB)],
        [("soon", 2048 * KIB), ("now", 1)],
    ],
)
async def test_what_is_written_arrives_whole_and_in_order(house: House, said: list[tuple[str, int]]) -> None:
    async with house.client() as client:
        parts = [random.Random(size).randbytes(size) for _, size in said]
        for (how, _), part in zip(said, parts, strict=True):
            say(client.server.transport, how, part)
        client.server.transport.close()
        assert await client.gets_all() == b"".join(parts)


@pytest.mark.parametrize("seed", range(4))
async def test_everybody_gets_what_is_theirs(house: House, seed: int) -> None:
    """Random turns, in which some are sent much and some nothing, some read at once and some later."""
    chance = random.Random(seed)
    async with contextlib.AsyncExitStack() as stack:
        clients = await house.clients(stack, 30)
        expected = {id(client): b"" for client in clients}
        for _ in range(6):
            for client in chance.sample(clients, chance.randint(1, 30)):
                for how in chance.choices(["soon", "soon", "now", "lines"], k=chance.randint(1, 3)):
                    data = chance.randbytes(chance.choice([1, 500, 30 * KIB, 90 * KIB]))
                    say(client.server.transport, how, data)
                    expected[id(client)] += data
            for client in chance.sample(clients, 10):
                data, expected[id(client)] = expected[id(client)], b""
                assert await client.gets(len(data)) == data
        for client in clients:
            client.server.transport.close()
            assert await client.gets_all() == expected[id(client)]


@pytest.mark.parametrize(("each", "several"), [(WORTH_THREADS // 40, False), (WORTH_THREADS // 10, True)])
async def test_threads_are_there_for_what_is_worth_it(house: House, each: int, *, several: bool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = await house.clients(stack, 20)
        for client in clients:
            client.server.transport.write_soon(bytes(each))
        for client in clients:
            assert await client.gets(each) == bytes(each)
        assert any(thread.name.startswith("tls") for thread in threading.enumerate()) == several


# --- clients that are slow --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["soon", "now"])
async def test_who_does_not_read_is_waited_for_alone(house: House, how: str) -> None:
    async with house.client(limit=KIB) as slow, house.client() as quick:
        slow.server.transport.set_write_buffer_limits(128 * KIB)
        sent = 0
        while not slow.server.paused:
            for client in (slow, quick):
                say(client.server.transport, how, bytes(60 * KIB))
            assert len(await quick.gets(60 * KIB)) == 60 * KIB
            sent += 60 * KIB
            assert sent < 100_000 * KIB
        assert slow.server.transport.get_write_buffer_size() > 128 * KIB
        received = await asyncio.gather(slow.gets(sent), slow.server.until(lambda: not slow.server.paused))
        assert received[0] == bytes(sent)
        assert not quick.server.paused


async def test_what_is_held_counts_as_unwritten(house: House) -> None:
    async with house.client() as client:
        transport = client.server.transport
        transport.set_write_buffer_limits(128 * KIB)
        transport.write_soon(bytes(100 * KIB))
        assert (transport.get_write_buffer_size(), client.server.paused) == (100 * KIB, False)
        transport.write_soon(bytes(28 * KIB))
        assert (transport.get_write_buffer_size(), client.server.paused) == (128 * KIB, True)
        received = await asyncio.gather(client.gets(128 * KIB), client.server.until(lambda: not client.server.paused))
        assert len(received[0]) == 128 * KIB


async def test_while_reading_is_paused_nothing_is_heard_and_nothing_is_lost(house: House) -> None:
    async with house.client() as client:
        transport = client.server.transport
        assert transport.is_reading()
        transport.pause_reading()
        assert not transport.is_reading()
        client.writer.write(b"x" * 3000 * KIB)
        await SystemClock().sleep(0.05)
        assert client.server.heard == b"hello"
        transport.resume_reading()
        await client.server.until(lambda: len(client.server.heard) == 5 + 3000 * KIB)


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["soon", "now"])
@pytest.mark.parametrize("several", [1, 12])
async def test_a_close_sends_what_was_written_before_and_nothing_after(house: House, how: str, several: int) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = await house.clients(stack, several)
        for client in clients:
            transport = client.server.transport
            say(transport, how, b"x" * 90 * KIB)
            transport.close()
            transport.close()
            assert transport.is_closing()
            say(transport, how, b"late")
        for client in clients:
            assert await client.gets_all() == b"x" * 90 * KIB


async def test_who_is_cut_off_in_a_turn_changes_nothing_for_the_others(house: House) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = await house.clients(stack, 12)
        for client in clients:
            client.server.transport.write_soon(b"x" * 60 * KIB)
        for client in clients[::3]:
            client.server.transport.abort()
        for index, client in enumerate(clients):
            if index % 3:
                assert await client.gets(60 * KIB) == b"x" * 60 * KIB
            else:
                async with asyncio.timeout(PATIENCE):
                    await client.server.lost.wait()


@pytest.mark.parametrize("politely", [True, False])
async def test_clients_leave_while_they_are_sent_to(house: House, *, politely: bool) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = await house.clients(stack, 6)
        for client in clients[::2]:
            if politely:
                client.writer.close()
            else:
                client.writer.transport.abort()
        for _ in range(20):
            for client in clients:
                client.server.transport.write_soon(b"x" * 60 * KIB)
            for client in clients[1::2]:
                assert await client.gets(60 * KIB) == b"x" * 60 * KIB
        for client in clients[::2]:
            async with asyncio.timeout(PATIENCE):
                await client.server.lost.wait()
            assert client.server.transport.is_closing()


async def test_a_long_answer_to_one_who_has_left_ends_early(house: House) -> None:
    with socket.create_connection(house.address) as sock:
        spoken = await shaken(house, sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close resets the connection
    answers = 0
    while not spoken.transport.is_closing():
        assert answers < 100
        spoken.transport.write(bytes(2000 * KIB))
        answers += 1
    async with asyncio.timeout(PATIENCE):
        await spoken.lost.wait()


async def test_a_goodbye_is_answered(house: House) -> None:
    async with house.client() as client:
        client.writer.write(b"!")
        client.writer.close()
        async with asyncio.timeout(PATIENCE):
            await client.server.lost.wait()
        assert (client.server.heard, client.server.ended) == (b"hello!", True)
        with contextlib.suppress(ConnectionError):
            await client.writer.wait_closed()


async def test_who_does_not_hang_up_after_the_goodbye_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "GOODBYE_SECONDS", 0.05)
    with socket.create_connection(house.address) as sock:
        spoken = await shaken(house, sock)
        spoken.transport.close()
        async with asyncio.timeout(PATIENCE):
            await spoken.lost.wait()


async def test_who_leaves_but_takes_nothing_of_what_is_left_is_cut_off(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls, "GOODBYE_SECONDS", 0.05)
    with socket.create_connection(house.address) as sock:
        spoken = await shaken(house, sock)
        while not spoken.transport.get_write_buffer_size():
            spoken.transport.write(bytes(60 * KIB))
        sock.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(PATIENCE):
            await spoken.lost.wait()


async def test_who_hangs_up_after_the_goodbye_is_heard_by_those_who_read_no_more(house: House) -> None:
    async with house.client() as client:
        client.server.transport.close()
        client.server.transport.pause_reading()
        client.server.transport.resume_reading()
        client.server.transport.pause_reading()
        assert await client.gets_all() == b""
        client.writer.close()
        async with asyncio.timeout(PATIENCE):
            await client.server.lost.wait()


async def shaken(house: House, sock: socket.socket) -> Spoken:
    """A handshake by hand, and a first word."""
    loop = asyncio.get_running_loop()
    sock.setblocking(False)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = house.context.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    while True:
        try:
            client.do_handshake()
            break
        except ssl.SSLWantReadError:
            await loop.sock_sendall(sock, outgoing.read())
            incoming.write(await loop.sock_recv(sock, 65536))
    client.write(b"hello")
    await loop.sock_sendall(sock, outgoing.read())
    async with asyncio.timeout(PATIENCE):
        while not house.spoken or not house.spoken[-1].heard:
            await SystemClock().sleep(0.001)
    return house.spoken[-1]


# --- what is no TLS ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n", tls.NO_TLS),
        (b"POST /api HTTP/1.1\r\nHost: a\r\n\r\n", tls.NO_TLS),
        (b"SSH-2.0-OpenSSH_9.2\r\n", b""),
        (bytes(200), b""),
        (b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", b"\x15\x03"),
    ],
)
async def test_who_speaks_no_tls_is_told_so(house: House, said: bytes, heard: bytes) -> None:
    reader, writer = await connect_raw(house)
    writer.write(said)
    async with asyncio.timeout(PATIENCE):
        answer = await reader.read(-1)
    writer.close()
    await writer.wait_closed()
    assert answer.startswith(heard)
    assert bool(answer) == bool(heard)
    assert not house.spoken


async def test_who_says_nothing_is_not_waited_for(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 0.05)
    reader, writer = await connect_raw(house)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(PATIENCE):
            assert await reader.read(-1) == b""
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def test_nonsense_after_the_handshake_ends_it(house: House) -> None:
    with socket.create_connection(house.address) as sock:
        spoken = await shaken(house, sock)
        await asyncio.get_running_loop().sock_sendall(sock, b"\x17\x03\x03\x00\x20" + bytes(32))
        async with asyncio.timeout(PATIENCE):
            while not spoken.transport.is_closing():
                await SystemClock().sleep(0.001)
    async with asyncio.timeout(PATIENCE):
        await spoken.lost.wait()
    assert spoken.heard == b"hello"


async def test_what_is_held_for_one_who_talks_nonsense_is_dropped(house: House) -> None:
    async with contextlib.AsyncExitStack() as stack:
        clients = await house.clients(stack, 12)
        for index, client in enumerate(clients):
            client.server.transport.write_soon(b"x" * 60 * KIB)
            if index % 3 == 0:
                nonsense = b"\x17\x03\x03\x00\x20" + bytes(32)
                house.encryption.received[: len(nonsense)] = nonsense
                client.server.transport.buffer_updated(len(nonsense))
        for index, client in enumerate(clients):
            if index % 3:
                assert await client.gets(60 * KIB) == b"x" * 60 * KIB
            else:
                with pytest.raises(ssl.SSLError, match=r"(?i)bad.record.mac"):
                    await client.gets_all()


# --- new keys ---------------------------------------------------------------------------------------------------------

NEW_KEYS_PLEASE = b"\x18\0\0\1\1\x16"
"""A KeyUpdate that wants to be answered with one (RFC 8446, 4.6.3), as what it is: a part of the handshake."""


class Keys:
    """A client's keys of TLS_AES_256_GCM_SHA384, one after another (RFC 8446, 7.1 to 7.3)."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def _expand(self, label: bytes, size: int) -> bytes:
        info = size.to_bytes(2) + bytes([6 + len(label)]) + b"tls13 " + label + b"\0"
        return HKDFExpand(SHA384(), size, info).derive(self._secret)

    def record(self, content: bytes, number: int = 0) -> bytes:
        """What a record is that has this number among those with the present key."""
        head = b"\x17\3\3" + (len(content) + 16).to_bytes(2)
        nonce = int.from_bytes(self._expand(b"iv", 12)) ^ number
        return head + AESGCM(self._expand(b"key", 32)).encrypt(nonce.to_bytes(12), content, head)

    def update(self) -> None:
        self._secret = self._expand(b"traffic upd", 48)


@pytest.mark.parametrize(("often", "well"), [(20, True), (300, False)])
async def test_who_wants_new_keys_all_the_time_is_cut_off(
    house: House, tmp_path: Path, often: int, *, well: bool
) -> None:
    """They cost much more than they cost to ask for, and their answers pile up when nobody takes them."""
    log = tmp_path / "keys.log"
    house.context.keylog_filename = str(log)
    with socket.create_connection(house.address) as sock:
        spoken = await shaken(house, sock)
        (line,) = (line for line in log.read_text().splitlines() if line.startswith("CLIENT_TRAFFIC_SECRET_0 "))
        keys = Keys(bytes.fromhex(line.split()[-1]))
        said = b""
        for each in range(often):
            said += keys.record(NEW_KEYS_PLEASE, number=int(not each))  # before the first one came the hello
            keys.update()
        await asyncio.get_running_loop().sock_sendall(sock, said + keys.record(b"!\x17"))
        if well:
            await spoken.until(lambda: spoken.heard == b"hello!")
            spoken.transport.abort()
        async with asyncio.timeout(PATIENCE):
            await spoken.lost.wait()
        assert spoken.heard == (b"hello!" if well else b"hello")


async def test_a_connection_tells_what_is_known_about_it(house: House) -> None:
    async with house.client() as client:
        transport = client.server.transport
        certificate = transport.get_extra_info("ssl_object").getpeercert()
        assert (("organizationName", "system:masters"),) in certificate["subject"]
        assert transport.get_extra_info("sslcontext") is house.encryption.context
        assert transport.get_extra_info("sockname") == house.address
        assert transport.get_extra_info("peername") == client.writer.get_extra_info("sockname")
        assert transport.get_extra_info("weather", "unknown") == "unknown"
        assert transport.get_protocol() is client.server
        assert not transport.can_write_eof()
