"""Connections that speak HTTP no more: SPDY/3.1 as kubectl before 1.31 and many Go programs ask for it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from petset.api.errors import Forbidden

SPDY = "SPDY/3.1"
_VERSION = "X-Stream-Protocol-Version"

Send = Callable[[bytes], Awaitable[None]]


def asks_for_spdy(request: web.BaseRequest) -> bool:
    """Whether a client wants to speak SPDY instead."""
    return request.headers.get("Upgrade", "").upper() == SPDY


def until_gone(send: Send) -> Send:
    """Sends for as long as there is somebody; that nobody is left shows where the client is listened to."""

    async def send_or_drop(data: bytes) -> None:
        with suppress(ConnectionError):
            await send(data)

    return send_or_drop


class Incoming:
    """Bytes of a connection that speaks HTTP no more. While some wait no more are read."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._chunks: list[bytes] = []
        self._ended = False
        self._news = asyncio.Event()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """From the connection."""
        if not self._ended:
            self._chunks.append(data)
            self._transport.pause_reading()
            self._news.set()
        return False, b""

    def release(self) -> None:
        """Nobody takes any more: what still comes is dropped, and TLS can say goodbye."""
        self._ended = True
        self._go_on()

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def feed_eof(self) -> None:
        """The client has left."""
        self._ended = True
        self._news.set()

    async def read(self) -> bytes:
        """What has come; empty at the end."""
        while not self._chunks and not self._ended:
            self._news.clear()
            self._go_on()
            await self._news.wait()
        data, self._chunks = b"".join(self._chunks), []
        return data


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The connection from now on, and the protocol within SPDY. `response` is what the handler returns at the end."""

    protocol: str
    incoming: Incoming
    send: Send
    response: web.StreamResponse


def negotiated(request: web.BaseRequest, accepted: Sequence[str]) -> str:
    """The first protocol of the client that is accepted. Raises Forbidden, as upstream."""
    given = request.headers.getall(_VERSION, [])
    offered = [word.strip() for value in given for word in value.split(",")]
    for protocol in offered:
        if protocol in accepted:
            return protocol
    spoken = f"client supports [{ascii(' '.join(offered))[1:-1]}], server accepts [{' '.join(accepted)}]"
    raise Forbidden(f"unable to upgrade: unable to negotiate protocol: {spoken}")


@asynccontextmanager
async def upgraded(request: web.BaseRequest, protocol: str) -> AsyncIterator[Upgraded]:
    """Ends HTTP on this connection; once the handler returns, the connection is closed."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the client has left")
    headers = {"Connection": "Upgrade", "Upgrade": SPDY, _VERSION: protocol}
    response = web.StreamResponse(status=101, headers=headers)
    response.force_close()
    incoming = Incoming(transport)
    writer = await response.prepare(request)
    assert writer is not None
    request.protocol.set_parser(incoming)  # type: ignore[arg-type] # of a parser, aiohttp needs no more than this
    try:
        yield Upgraded(protocol, incoming, until_gone(writer.write), response)
    finally:
        incoming.release()
