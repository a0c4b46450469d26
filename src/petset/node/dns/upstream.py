"""The machine's own resolvers, asked about every name that is not the cluster's."""

import asyncio
import logging
import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from petset.aio.clock import Clock, SystemClock
from petset.node.dns.resolv import is_address, parse_resolv_conf
from petset.node.dns.wire import LARGEST_TCP_BYTES, answers_query

log = logging.getLogger(__name__)

Address = tuple[str, int]


class Upstream(Protocol):
    """Answers queries about names outside the cluster."""

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        """The reply to a query message, in the query's own number; None when nobody answered."""
        ...


class NoUpstream:
    """For a cluster that keeps to itself."""

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        """Nobody answers."""
        del query, tcp
        return None


class ResolvConfFile:
    """The nameservers of a resolv.conf, read anew when the file changes.

    `own` addresses, which lead back here, are left out, and so is what is no address.
    """

    def __init__(self, own: tuple[str, ...] = (), path: Path = Path("/etc/resolv.conf")) -> None:
        self._own, self._path = own, path
        self._version: tuple[int, int] | None = None
        self._servers: tuple[Address, ...] = ()

    def servers(self) -> tuple[Address, ...]:
        """Addresses and ports, in the file's order; none when there is no such file."""
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            if version != self._version:
                names = parse_resolv_conf(self._path.read_text(errors="replace")).nameservers
                self._servers = tuple((name, 53) for name in names if name not in self._own and is_address(name))
                self._version = version
        except OSError as error:
            log.debug("cannot read %s: %s", self._path, error)
            self._servers, self._version = (), None
        return self._servers


class Resolvers:
    """Asks servers in their order until one answers.

    One that does not, within `timeout` seconds, is passed over for the next `rest` seconds: a pod that walks its search
    list must not wait for a dead server with every name.
    """

    def __init__(
        self,
        servers: Callable[[], Sequence[Address]],
        *,
        timeout: float = 2.0,
        rest: float = 5.0,
        clock: Clock | None = None,
    ) -> None:
        self._servers = servers
        self._timeout, self._rest = timeout, rest
        self._clock: Clock = clock or SystemClock()
        self._resting: dict[Address, float] = {}

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        """The reply of the first server that gives one."""
        # A number of our own, so that a client's choice cannot help anybody to forge the reply.
        message = secrets.token_bytes(2) + query[2:]
        for server in self._servers():
            if self._resting.get(server, 0.0) > self._clock.monotonic():
                continue
            try:
                async with asyncio.timeout(self._timeout):
                    reply = await (ask_tcp(server, message) if tcp else ask_udp(server, message))
            except OSError as error:  # as a timeout is, too
                log.debug("resolver %s does not answer: %s", server[0], error)
                self._resting[server] = self._clock.monotonic() + self._rest
                continue
            self._resting.pop(server, None)
            return query[:2] + reply[2:]
        return None


async def ask_udp(server: Address, message: bytes) -> bytes:
    """Sends a query and waits for its reply. Raises OSError when the server says that nobody listens."""
    loop = asyncio.get_running_loop()
    with socket.socket(_family(server[0]), socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(server)
        await loop.sock_sendall(sock, message)
        while True:
            reply = await loop.sock_recv(sock, LARGEST_TCP_BYTES)
            if answers_query(reply, message):
                return reply


async def ask_tcp(server: Address, message: bytes) -> bytes:
    """The same over TCP. Raises OSError."""
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(struct.pack("!H", len(message)) + message)
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        reply = await reader.readexactly(length)
    except asyncio.IncompleteReadError as error:
        raise ConnectionResetError("the connection ended before the reply") from error
    finally:
        writer.close()
    if not answers_query(reply, message):
        raise ConnectionResetError("the reply does not belong to the query")
    return reply


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
