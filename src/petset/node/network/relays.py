"""Carrying bytes between a client and an endpoint: one relay per listening port."""

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

from petset.node.network.sockets import bound_socket

log = logging.getLogger(__name__)

Chooser = Callable[[str], list[tuple[str, int]]]  # the client's address -> endpoints in the order to try them
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]

Admits = Callable[[str], bool]  # whether a client at this address is served

CONNECT_SECONDS = 3.0
CHUNK = 256 * 1024
IDLE_SECONDS = 60.0  # after which a UDP client is forgotten
MOST_CLIENTS = 1000  # of one UDP port; each costs a socket, and senders are easily made up
LARGEST_DATAGRAM = 65535
LINGER_NOT = struct.pack("ii", 1, 0)  # on, for no time: closing resets


def everybody(_: str) -> bool:
    """Serves every client."""
    return True


class TcpRelay:
    """A listening port whose connections continue at an endpoint."""

    def __init__(self, address: str, port: int, choose: Chooser, admits: Admits = everybody) -> None:
        self._address, self._port, self._choose, self._admits = address, port, choose, admits
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Starts listening. Raises OSError."""
        sock = bound_socket(self._address, self._port, socket.SOCK_STREAM)
        self._server = await asyncio.start_server(self._serve, sock=sock)

    async def close(self) -> None:
        """Stops listening and cuts every connection."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._open):
                reset(writer)
            await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            endpoint = await self._connect(writer.get_extra_info("peername")[0])
            if endpoint is None:
                reset(writer)
                return
            self._open.add(endpoint[1])
            try:
                await relay((reader, writer), endpoint)
            finally:
                self._open.discard(endpoint[1])
        finally:
            self._open.discard(writer)

    async def _connect(self, client: str) -> Streams | None:
        if not self._admits(client):
            return None
        for address, port in self._choose(client):
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(address, port)
            except OSError as error:
                log.debug("%s:%s does not answer for %s:%s: %s", address, port, self._address, self._port, error)
        return None


def reset(writer: asyncio.StreamWriter) -> None:
    """Ends a connection so that the other side sees it broken, not complete."""
    sock = writer.get_extra_info("socket")
    if sock is not None:  # uvloop forgets that of a connection which is closed
        with suppress(OSError):  # it may be broken already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_NOT)
    writer.transport.abort()


async def relay(one: Streams, other: Streams) -> None:
    """Carries both directions until both have ended; half-closed connections stay half-closed. Closes both."""
    try:
        async with asyncio.TaskGroup() as directions:
            directions.create_task(_carry(one[0], other[1]))
            directions.create_task(_carry(other[0], one[1]))
    except* OSError:
        reset(one[1])
        reset(other[1])
    finally:
        one[1].close()
        other[1].close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while chunk := await source.read(CHUNK):
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


class UdpRelay(asyncio.DatagramProtocol):
    """A port whose datagrams continue at an endpoint: the same one for as long as a client keeps sending."""

    def __init__(self, address: str, port: int, choose: Chooser, admits: Admits = everybody) -> None:
        self._address, self._port, self._choose, self._admits = address, port, choose, admits
        self._transport: asyncio.DatagramTransport | None = None
        self._clients: dict[tuple[str, int], _UdpClient] = {}

    async def open(self) -> None:
        """Starts listening. Raises OSError."""
        sock = bound_socket(self._address, self._port, socket.SOCK_DGRAM)
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)

    async def close(self) -> None:
        """Stops listening and forgets every client."""
        if self._transport is not None:
            self._transport.close()
        for client in list(self._clients.values()):
            client.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """From a client."""
        if not self._admits(addr[0]):
            return
        client = self._clients.pop(addr, None) or self._begin(addr)
        if client is not None:
            self._clients[addr] = client  # the last one to be forgotten
            client.send(data)

    def _begin(self, addr: tuple[str, int]) -> "_UdpClient | None":
        """A new client, in the place of the one that has been silent for longest when there are too many."""
        if len(self._clients) >= MOST_CLIENTS:
            next(iter(self._clients.values())).close()
        endpoint = self._choose(addr[0])[0]
        try:
            return _UdpClient(endpoint, lambda answer: self._answer(answer, addr), lambda: self._clients.pop(addr))
        except OSError as error:
            log.debug("%s:%s: no way to %s for %s: %s", self._address, self._port, endpoint, addr[0], error)
            return None

    def _answer(self, data: bytes, client: tuple[str, int]) -> None:
        if self._transport is not None:
            self._transport.sendto(data, client)


class _UdpClient:
    """One client's way to its endpoint, until nothing has been sent for a while."""

    def __init__(self, endpoint: tuple[str, int], answer: Callable[[bytes], None], ended: Callable[[], object]) -> None:
        self._loop = asyncio.get_running_loop()
        self._answer, self._ended = answer, ended
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.connect(endpoint)
        except OSError:
            self._socket.close()
            raise
        self._loop.add_reader(self._socket.fileno(), self._receive)
        self._timer = self._loop.call_later(IDLE_SECONDS, self.close)

    def send(self, data: bytes) -> None:
        """To the endpoint. One that is gone costs the client its datagram, as on any network."""
        self._timer.cancel()
        self._timer = self._loop.call_later(IDLE_SECONDS, self.close)
        with suppress(OSError):
            self._socket.send(data)

    def _receive(self) -> None:
        try:
            self._answer(self._socket.recv(LARGEST_DATAGRAM))
        except BlockingIOError:
            pass
        except OSError:  # nobody listens at the endpoint any more: the next datagram may choose another one
            self.close()

    def close(self) -> None:
        """Frees the socket."""
        self._timer.cancel()
        self._loop.remove_reader(self._socket.fileno())
        self._socket.close()
        self._ended()
