"""The DNS server: the cluster's names from the view, all others from upstream, over UDP and TCP."""

import asyncio
import logging
import secrets
import socket
import struct
from contextlib import suppress
from typing import cast

from petset.aio.tasks import Supervisor
from petset.node.dns.records import Answer, View, Zone, answer
from petset.node.dns.upstream import Upstream
from petset.node.dns.wire import (
    LARGEST_TCP_BYTES,
    Query,
    ask_for,
    encode,
    failure,
    parse_answers,
    parse_query,
)
from petset.node.network.relays import Admits, everybody
from petset.node.network.sockets import bound_socket

log = logging.getLogger(__name__)

MOST_FORWARDED = 1000  # at a time; beyond that a client hears at once that it has to come back
MOST_CONNECTIONS = 250
IDLE_SECONDS = 10.0  # after which a TCP connection that asks nothing is closed
ClientAddress = tuple[str, int]


class DnsServer:
    """Answers queries of those whom `admits` lets in, at any number of addresses, until it is closed."""

    def __init__(self, zone: Zone, view: View, upstream: Upstream, admits: Admits = everybody) -> None:
        self._zone, self._view, self._upstream, self._admits = zone, view, upstream, admits
        self._tasks = Supervisor("dns")
        self._datagrams: list[asyncio.DatagramTransport] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[asyncio.StreamWriter] = set()

    async def listen(self, address: str, port: int = 53) -> int:
        """Answers at this IPv4 address, which need not be on an interface yet. Raises OSError.

        The port that was opened, for UDP and TCP alike: the one asked for, or any free one instead of 0.
        """
        sock = bound_socket(address, port, socket.SOCK_DGRAM)
        opened: int = sock.getsockname()[1]
        try:
            listener = bound_socket(address, opened, socket.SOCK_STREAM)
        except OSError:
            sock.close()
            raise
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=sock)
        self._datagrams.append(transport)
        self._servers.append(await asyncio.start_server(self._serve, sock=listener))
        return opened

    async def close(self) -> None:
        """Stops answering; queries on their way upstream are dropped."""
        for transport in self._datagrams:
            transport.close()
        for server in self._servers:
            server.close()
        for writer in list(self._connections):
            writer.transport.abort()
        for server in self._servers:
            await server.wait_closed()
        await self._tasks.stop()
        self._datagrams.clear()
        self._servers.clear()

    def received(self, raw: bytes, transport: asyncio.DatagramTransport, client: ClientAddress) -> None:
        """Answers a datagram: at once when the cluster knows, else when upstream has answered."""
        query = parse_query(raw) if self._admits(client[0]) else None
        if query is None:
            return
        if isinstance(query, bytes):
            transport.sendto(query, client)
            return
        known = answer(self._view, query.question, self._zone)
        if known is not None and known.follow is None:
            transport.sendto(encode(query, known, query.udp_bytes), client)
        elif len(self._tasks) >= MOST_FORWARDED:
            transport.sendto(failure(query, "SERVFAIL"), client)
        else:
            self._tasks.background("forward", self._forward(query, known, transport, client))

    async def _forward(
        self, query: Query, known: Answer | None, transport: asyncio.DatagramTransport, client: ClientAddress
    ) -> None:
        reply = await self._ask(query, known, query.udp_bytes, tcp=False)
        if not transport.is_closing():
            transport.sendto(reply, client)

    async def _ask(self, query: Query, known: Answer | None, limit: int, *, tcp: bool) -> bytes:
        if known is None:
            return await self._upstream.ask(query.raw, tcp=tcp) or failure(query, "SERVFAIL")
        if known.follow is None:
            return encode(query, known, limit)
        # An external name: clients expect its addresses behind the alias, as any recursive resolver would give them.
        wanted = ask_for(known.follow, query.question.type, secrets.randbelow(65536))
        reply = await self._upstream.ask(wanted, tcp=tcp)
        return encode(query, known, limit, parse_answers(reply) if reply else ())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = writer.get_extra_info("peername")
        if len(self._connections) >= MOST_CONNECTIONS or not client or not self._admits(client[0]):
            writer.transport.abort()
            return
        self._connections.add(writer)
        try:
            # The client may leave at any moment, also in the middle of a message.
            with suppress(OSError, asyncio.IncompleteReadError):
                while reply := await self._next_reply(reader):
                    writer.write(struct.pack("!H", len(reply)) + reply)
                    await writer.drain()
        finally:
            self._connections.discard(writer)
            writer.close()

    async def _next_reply(self, reader: asyncio.StreamReader) -> bytes | None:
        async with asyncio.timeout(IDLE_SECONDS):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            raw = await reader.readexactly(length)
        query = parse_query(raw)
        if not isinstance(query, Query):
            return query
        known = answer(self._view, query.question, self._zone)
        return await self._ask(query, known, LARGEST_TCP_BYTES, tcp=True)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: ClientAddress) -> None:
        self._server.received(data, self._transport, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("a client did not take its answer: %s", exc)
