import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from typing import cast

import dnslib
import pytest
from dnslib import RR, DNSRecord

from petset.node.dns.records import EndpointRecord, ServiceRecord, Zone
from petset.node.dns.server import DnsServer

ADDRESS = "127.77.0.10"
ZONE = Zone("cluster.local", ADDRESS)


class Cluster:
    """A headless Service with many endpoints, and an external name."""

    def service(self, namespace: str, name: str) -> ServiceRecord | None:
        if name == "db":
            return ServiceRecord(name, namespace, external_name="db.example.com")
        if name != "nginx":
            return None
        endpoints = tuple(EndpointRecord(f"10.244.0.{octet}", f"web-{octet}", True) for octet in range(100))
        return ServiceRecord(name, namespace, headless=True, endpoints=endpoints)

    def has_namespace(self, namespace: str) -> bool:
        return True

    def has_pod(self, namespace: str, ip: str) -> bool:
        return False

    def names(self, ip: str) -> tuple[str, ...]:
        return ()


class Outside:
    """Knows 192.0.2.1 for every name once it may answer."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.silent = False

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        await self.open.wait()
        if self.silent:
            return None
        reply = DNSRecord.parse(query).reply()
        reply.add_answer(*RR.fromZone(f"{reply.q.qname} 5 A 192.0.2.{2 if tcp else 1}"))
        return bytes(reply.pack())


class Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.replies: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.replies.put_nowait(data)

    def send(self, name: str, type_: str = "A", udp: int | None = None) -> int:
        message = DNSRecord.question(name, type_)
        if udp is not None:
            message.add_ar(dnslib.EDNS0(udp_len=udp))
        self.transport.sendto(bytes(message.pack()))
        return int(message.header.id)

    async def ask(self, name: str, type_: str = "A", udp: int | None = None) -> DNSRecord:
        number = self.send(name, type_, udp)
        reply = DNSRecord.parse(await self.replies.get())
        assert reply.header.id == number
        return reply


@pytest.fixture
def outside() -> Outside:
    outside = Outside()
    outside.open.set()
    return outside


@pytest.fixture
async def server(outside: Outside) -> AsyncIterator[DnsServer]:
    server = DnsServer(ZONE, Cluster(), outside)
    yield server
    await server.close()


@pytest.fixture
async def port(server: DnsServer) -> int:
    return await server.listen(ADDRESS, 0)


@pytest.fixture
async def client(port: int) -> AsyncIterator[Client]:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(Client, remote_addr=(ADDRESS, port))
    yield client
    transport.close()


async def ask_tcp(port: int, *names: str) -> list[DNSRecord]:
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    replies = []
    for name in names:
        raw = bytes(DNSRecord.question(name).pack())
        writer.write(struct.pack("!H", len(raw)) + raw)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        replies.append(DNSRecord.parse(await reader.readexactly(length)))
    writer.close()
    await writer.wait_closed()
    return replies


def ips(reply: DNSRecord) -> list[str]:
    return [str(record.rdata) for record in reply.rr]


async def test_the_clusters_names_are_answered(client: Client) -> None:
    reply = await client.ask("web-7.nginx.default.svc.cluster.local")
    assert (ips(reply), reply.header.aa, reply.header.rcode) == (["10.244.0.7"], 1, 0)
    assert (await client.ask("web-100.nginx.default.svc.cluster.local")).header.rcode == 3


async def test_only_those_are_answered_who_may_come_in(outside: Outside) -> None:
    admitted = {"127.0.0.2"}
    server = DnsServer(ZONE, Cluster(), outside, admitted.__contains__)
    port = await server.listen(ADDRESS, 0)
    loop = asyncio.get_running_loop()
    transport, stranger = await loop.create_datagram_endpoint(Client, remote_addr=(ADDRESS, port))
    for name in ("web-7.nginx.default.svc.cluster.local", "example.com"):
        stranger.send(name)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await ask_tcp(port, "web-7.nginx.default.svc.cluster.local")
    admitted.add("127.0.0.1")
    assert ips(await stranger.ask("web-7.nginx.default.svc.cluster.local")) == ["10.244.0.7"]
    assert stranger.replies.empty()
    transport.close()
    await server.close()


async def test_a_cut_answer_is_complete_over_tcp(client: Client, port: int) -> None:
    name = "nginx.default.svc.cluster.local"
    over_udp = await client.ask(name)
    assert (len(over_udp.rr), over_udp.header.tc) == (28, 1)
    assert (len((await client.ask(name, udp=1232)).rr), over_udp.header.tc) == (73, 1)
    (over_tcp,) = await ask_tcp(port, name)
    assert (len(over_tcp.rr), over_tcp.header.tc) == (100, 0)


async def test_other_names_are_asked_upstream(client: Client, port: int) -> None:
    assert ips(await client.ask("example.com")) == ["192.0.2.1"]
    assert [ips(reply) for reply in await ask_tcp(port, "example.com", "example.org")] == [["192.0.2.2"], ["192.0.2.2"]]


async def test_an_external_name_comes_with_its_addresses(client: Client, port: int) -> None:
    assert ips(await client.ask("db.default.svc.cluster.local")) == ["db.example.com.", "192.0.2.1"]
    (over_tcp,) = await ask_tcp(port, "db.default.svc.cluster.local")
    assert ips(over_tcp) == ["db.example.com.", "192.0.2.2"]


async def test_when_upstream_is_silent_the_server_says_so(client: Client, outside: Outside, port: int) -> None:
    outside.silent = True
    assert (await client.ask("example.com")).header.rcode == 2
    assert (await ask_tcp(port, "example.com"))[0].header.rcode == 2
    reply = await client.ask("db.default.svc.cluster.local")
    assert (ips(reply), reply.header.rcode) == (["db.example.com."], 0)


async def test_a_slow_upstream_does_not_hold_up_the_clusters_names(client: Client, outside: Outside) -> None:
    outside.open.clear()
    slow = client.send("example.com")
    assert ips(await client.ask("web-7.nginx.default.svc.cluster.local")) == ["10.244.0.7"]
    outside.open.set()
    assert DNSRecord.parse(await client.replies.get()).header.id == slow


async def test_upstream_is_not_flooded(client: Client, outside: Outside) -> None:
    outside.open.clear()
    for batch in range(10):  # in batches, so that no buffer on the way overflows
        for _ in range(100):
            client.send("example.com")
        assert ips(await client.ask(f"web-{batch}.nginx.default.svc.cluster.local")) == [f"10.244.0.{batch}"]
    assert (await client.ask("example.com")).header.rcode == 2


async def test_garbage_does_not_stop_the_server(client: Client, port: int) -> None:
    for garbage in (b"", b"x", b"\x12\x34\x81\x80" + bytes(8), b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 600):
        client.transport.sendto(garbage)
    while True:  # the refusals of what had a header come first
        client.send("web-7.nginx.default.svc.cluster.local")
        reply = DNSRecord.parse(await client.replies.get())
        if reply.header.rcode == 0 and reply.rr:
            break
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(b"\x00\x05hello\xff\xff")
    assert await reader.read() == b""
    writer.close()
    assert len(await ask_tcp(port, "web-7.nginx.default.svc.cluster.local")) == 1


async def test_closing_ends_connections_and_frees_the_port(server: DnsServer, outside: Outside) -> None:
    port = await server.listen(ADDRESS, 0)
    outside.open.clear()
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    raw = bytes(DNSRecord.question("example.com").pack())
    writer.write(struct.pack("!H", len(raw)) + raw)
    await server.close()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await reader.readexactly(2)
    writer.close()
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((ADDRESS, port))


async def test_an_address_that_is_taken_is_an_error(port: int) -> None:
    second = DnsServer(ZONE, Cluster(), Outside())
    with pytest.raises(OSError, match="in use"):
        await second.listen(ADDRESS, port)
    await second.close()
