"""WebSockets: their handshake, and how bytes are put into messages.

The name of a protocol tells: with `base64` in it, messages are text that every browser can take, otherwise they are the
bytes themselves. Where several streams share a socket, the first byte of a message says which one it belongs to; in
text it is a digit. The rules are those of upstream's `streaming/pkg/httpstream/wsstream`.
"""

import asyncio
import binascii
import logging
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from aiohttp import WSMsgType, web

from petset.aio.tasks import Supervisor, Work
from petset.api.errors import BadRequest

log = logging.getLogger(__name__)

LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes a client may send at once; one that sends more is cut off."""
_ZERO = ord("0")


def is_websocket(request: web.BaseRequest) -> bool:
    """Whether the client asks for a WebSocket."""
    upgrades = "upgrade" in request.headers.get("Connection", "").lower()
    return upgrades and request.headers.get("Upgrade", "").lower() == "websocket"


def offered(request: web.BaseRequest) -> list[str]:
    """The protocols that the client speaks, in its order."""
    words = (word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(","))
    return [word for word in words if word]


def negotiated(request: web.BaseRequest, accepted: Sequence[str]) -> str:
    """The first of the client's protocols that is accepted; "" when it offers none. Raises BadRequest."""
    protocols = offered(request)
    if not protocols:
        return ""
    for protocol in protocols:
        if protocol in accepted:
            return protocol
    spoken = f"client supports [{ascii(' '.join(protocols))[1:-1]}], server accepts [{' '.join(accepted)}]"
    raise BadRequest(f"unable to upgrade: unable to negotiate protocol: {spoken}")


def websocket(request: web.BaseRequest, protocol: str) -> web.WebSocketResponse:
    """A WebSocket that waits to be prepared. Raises BadRequest for what cannot become one."""
    socket = web.WebSocketResponse(protocols=(protocol,), heartbeat=None, max_msg_size=LARGEST_MESSAGE)
    if not socket.can_prepare(request):
        raise BadRequest("unable to upgrade: the request is no handshake of WebSocket version 13")
    return socket


class Channels:
    """Streams that share a WebSocket. What is sent to a client that has left is dropped: listening shows that it has.

    Iterate for what comes, each piece with its channel.
    """

    def __init__(self, socket: web.WebSocketResponse, protocol: str) -> None:
        self._socket = socket
        self._encodes = encodes(protocol)

    async def send(self, channel: int, data: bytes) -> None:
        """Sends one message."""
        with suppress(ConnectionError):
            if self._encodes:
                await self._socket.send_frame(bytes([_ZERO + channel]) + b64encode(data), WSMsgType.TEXT)
            else:
                await self._socket.send_frame(bytes([channel]) + data, WSMsgType.BINARY)

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        async for message in self._socket:
            if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
                continue
            # the Python client sends text as text, whatever the protocol
            content = message.data.encode() if message.type is WSMsgType.TEXT else message.data
            if not self._encodes:
                yield content[0], content[1:]
                continue
            try:
                data = b64decode(content[1:], validate=True)
            except binascii.Error as error:
                log.debug("no base64: %s", error)
            else:
                yield content[0] - _ZERO, data


def encodes(protocol: str) -> bool:
    """Whether messages of this protocol are text."""
    return "base64." in protocol


async def send_piece(socket: web.WebSocketResponse, protocol: str, data: bytes) -> None:
    """Sends a piece of the only stream of a WebSocket. Raises ConnectionError when the client has left."""
    if encodes(protocol):
        await socket.send_frame(b64encode(data), WSMsgType.TEXT)
    else:
        await socket.send_frame(data, WSMsgType.BINARY)


async def send_all(socket: web.WebSocketResponse, name: str, send: Work) -> None:
    """Sends until everything is sent or the client leaves, whatever it says, and closes; `name` is for the log."""

    async def sends() -> None:
        with suppress(ConnectionError):
            await send()

    async with Supervisor(name) as tasks:
        sending = tasks.background("output", sends())
        leaving = tasks.background("input", _until_closed(socket))
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    await socket.close()


async def _until_closed(socket: web.WebSocketResponse) -> None:
    async for _ in socket:
        pass
