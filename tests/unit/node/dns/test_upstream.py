import asyncio
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import pytest
from dnslib import RR, DNSRecord

from petset.node.dns.upstream import Address, NoUpstream, ResolvConfFile, Resolvers
from petset.node.dns.wire import ask_for, parse_answers
from petset.testing.clock import VirtualClock

QUERY = ask_for("example.com", "A", 7)


class Resolver(asyncio.DatagramProtocol):
    """A resolver that knows one address for every name, or says what `behaviour` makes of that."""

    def __init__(self, ip: str, behaviour: Callable[[bytes], bytes | None] = lambda reply: reply) -> None:
        self.ip, self.behaviour = ip, behaviour
        self.asked = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        self.asked += 1
        reply = self.behaviour(self.reply(data))
        if reply is not None:
            self.transport.sendto(reply, addr)

    def reply(self, query: bytes) -> bytes:
        reply = DNSRecord.parse(query).reply()
        reply.add_answer(*RR.fromZone(f"{reply.q.qname} 5 A {self.ip}"))
        return bytes(reply.pack())

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = self.behaviour(self.reply(await reader.readexactly(length))) or b""
        writer.write(struct.pack("!H", len(reply)) + reply)
        writer.close()
        await writer.wait_closed()


Start = Callable[[Resolver], Awaitable[Address]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    async with AsyncExitStack() as stack:

        async def start(resolver: Resolver) -> Address:
            loop = asyncio.get_running_loop()
            # TCP chooses the port: many are taken there by connections of others, and few by datagrams
            server = await asyncio.start_server(resolver.serve, "127.0.0.1", 0)
            await stack.enter_async_context(server)
            address: Address = server.sockets[0].getsockname()
            transport, _ = await loop.create_datagram_endpoint(lambda: resolver, local_addr=address)
            stack.callback(transport.close)
            return address

        yield start


def ips(reply: bytes | None) -> list[str]:
    assert reply is not None
    assert reply[:2] == QUERY[:2]
    return [str(record.rdata) for record in parse_answers(reply)]


@pytest.mark.parametrize("tcp", [False, True])
async def test_the_first_server_answers(start: Start, tcp: bool) -> None:
    servers = [await start(Resolver("192.0.2.1")), await start(Resolver("192.0.2.2"))]
    assert ips(await Resolvers(lambda: servers).ask(QUERY, tcp=tcp)) == ["192.0.2.1"]


@pytest.mark.parametrize("tcp", [False, True])
async def test_a_server_that_refuses_is_passed_over(start: Start, tcp: bool) -> None:
    closed = await start(Resolver("192.0.2.1"))
    dead = (closed[0], 1)
    alive = await start(Resolver("192.0.2.2"))
    assert ips(await Resolvers(lambda: [dead, alive]).ask(QUERY, tcp=tcp)) == ["192.0.2.2"]


async def test_a_silent_server_rests_before_it_is_asked_again(start: Start) -> None:
    silent = Resolver("192.0.2.1", lambda _: None)
    servers = [await start(silent)]
    clock = VirtualClock()
    resolvers = Resolvers(lambda: servers, timeout=0.02, rest=5, clock=clock)
    assert [await resolvers.ask(QUERY, tcp=False) for _ in range(3)] == [None, None, None]
    assert silent.asked == 1
    await clock.advance(6)
    silent.behaviour = lambda reply: reply
    assert ips(await resolvers.ask(QUERY, tcp=False)) == ["192.0.2.1"]


async def test_a_forged_reply_is_not_taken(start: Start) -> None:
    forger = Resolver("192.0.2.66", lambda reply: bytes([reply[0] ^ 1]) + reply[1:])
    servers = [await start(forger), await start(Resolver("192.0.2.2"))]
    resolvers = Resolvers(lambda: servers, timeout=0.05)
    assert ips(await resolvers.ask(QUERY, tcp=False)) == ["192.0.2.2"]


@pytest.mark.parametrize("behaviour", [lambda _: None, lambda reply: reply[:1], lambda reply: b"\0" + reply])
async def test_a_tcp_server_that_talks_nonsense_is_passed_over(
    start: Start, behaviour: Callable[[bytes], bytes | None]
) -> None:
    servers = [await start(Resolver("192.0.2.1", behaviour)), await start(Resolver("192.0.2.2"))]
    assert ips(await Resolvers(lambda: servers).ask(QUERY, tcp=True)) == ["192.0.2.2"]


async def test_without_servers_nobody_answers() -> None:
    assert await Resolvers(tuple).ask(QUERY, tcp=False) is None
    assert await NoUpstream().ask(QUERY, tcp=True) is None


def test_the_file_is_read_anew_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    file = ResolvConfFile(("10.96.0.10",), path)
    assert file.servers() == ()
    path.write_text("nameserver 10.96.0.10\nnameserver 192.0.2.53\nnameserver resolver.example\nnameserver ::1\n")
    assert file.servers() == (("192.0.2.53", 53), ("::1", 53))
    path.write_text("nameserver 192.0.2.54\n")
    os.utime(path, ns=(1, 1))
    assert file.servers() == (("192.0.2.54", 53),)
    path.unlink()
    assert file.servers() == ()
