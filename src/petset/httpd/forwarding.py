"""Port forwarding over HTTP: three ways in which clients carry it.

kubectl (1.31 and newer) tunnels SPDY in a WebSocket, its predecessors and many Go programs upgrade to SPDY itself, and
the official Python client uses channels of a WebSocket: two for each port that the query names, each of which begins
with the port's number in two bytes, the lower one first.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import WSMsgType, web

from petset.aio.tasks import Supervisor
from petset.api.errors import BadRequest
from petset.httpd import spdy
from petset.httpd.carrying import Forwarding, Inbox
from petset.httpd.tunnel import PROTOCOL, Tunnel
from petset.httpd.upgrade import Send, asks_for_spdy, negotiated, until_gone, upgraded

log = logging.getLogger(__name__)

CHANNELS = "v4.channel.k8s.io"
TUNNEL = f"SPDY/3.1+{PROTOCOL}"
LARGEST_MESSAGE = 16 * 1024 * 1024
_MOST_CHANNELS = 256


async def serve_ports(request: web.BaseRequest, forwarding: Forwarding) -> web.StreamResponse:
    """Forwards ports for as long as the client stays. Raises BadRequest for what cannot become a conversation."""
    if asks_for_spdy(request):
        return await _serve_spdy(request, forwarding)
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise BadRequest("Upgrade request required")
    offered = {word.strip() for word in request.headers.get("Sec-WebSocket-Protocol", "").split(",")} - {""}
    if TUNNEL in offered:
        return await _serve_tunnel(_websocket(request, TUNNEL), request, forwarding)
    if offered and CHANNELS not in offered:
        spoken = f"client supports [{ascii(' '.join(sorted(offered)))[1:-1]}], server accepts [{CHANNELS} {TUNNEL}]"
        raise BadRequest(f"unable to upgrade: unable to negotiate protocol: {spoken}")
    ports = ports_of(request.query.getall("ports", []))
    return await _serve_channels(_websocket(request, CHANNELS), request, forwarding, ports)


def ports_of(values: Sequence[str]) -> list[int]:
    """The ports that a query names, one or several in a value. Raises BadRequest, in upstream's words."""
    ports = [_port(text) for text in ",".join(values).split(",")] if values else []
    if not ports:
        raise BadRequest('query parameter "port" is required')
    if 2 * len(ports) > _MOST_CHANNELS:
        raise BadRequest(f"more than {_MOST_CHANNELS // 2} ports cannot be told apart")
    return ports


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise BadRequest(f"cannot convert to []int32: strconv.ParseUint: parsing {_quoted(text)}: invalid syntax")
    number = int(text) if len(text) < 20 else 65536
    if number > 65535:
        raise BadRequest(f"cannot convert to []int32: strconv.ParseUint: parsing {_quoted(text)}: value out of range")
    if number < 1:
        raise BadRequest(f"port {_quoted(text)} must be > 0")
    return number


def _quoted(text: str) -> str:
    return f'"{ascii(text)[1:-1]}"'


def _websocket(request: web.BaseRequest, protocol: str) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(protocol,), heartbeat=None, max_msg_size=LARGEST_MESSAGE)
    if not socket.can_prepare(request):
        raise BadRequest("unable to upgrade: the request is no handshake of WebSocket version 13")
    return socket


# --- SPDY -------------------------------------------------------------------------------------------------------------


async def _serve_tunnel(
    socket: web.WebSocketResponse, request: web.BaseRequest, forwarding: Forwarding
) -> web.StreamResponse:
    await socket.prepare(request)
    async with Supervisor("port forward") as tasks:
        tunnel = Tunnel(forwarding, until_gone(socket.send_bytes), tasks)
        try:
            async for message in socket:
                if message.type is not WSMsgType.BINARY:
                    break
                await tunnel.receive(message.data)
        except spdy.SpdyError as error:
            log.debug("port forward of %s: %s", forwarding.pod, error)
    await tunnel.say_goodbye()
    await socket.close()
    return socket


async def _serve_spdy(request: web.BaseRequest, forwarding: Forwarding) -> web.StreamResponse:
    protocol = negotiated(request, (PROTOCOL,))
    async with upgraded(request, protocol) as connection, Supervisor("port forward") as tasks:
        tunnel = Tunnel(forwarding, connection.send, tasks)
        try:
            while data := await connection.incoming.read():
                await tunnel.receive(data)
        except spdy.SpdyError as error:
            log.debug("port forward of %s: %s", forwarding.pod, error)
        return connection.response


# --- channels ---------------------------------------------------------------------------------------------------------


async def _serve_channels(
    socket: web.WebSocketResponse, request: web.BaseRequest, forwarding: Forwarding, ports: Sequence[int]
) -> web.StreamResponse:
    await socket.prepare(request)
    inboxes = [Inbox() for _ in ports]
    async with Supervisor("port forward") as tasks:
        carried = []
        for index, (port, inbox) in enumerate(zip(ports, inboxes, strict=True)):
            outlet = _Channels(until_gone(socket.send_bytes), 2 * index)
            await outlet.begin(port)
            carried.append(tasks.background(f"port {port}", forwarding.carry(port, inbox, outlet)))
        receiving = tasks.background("input", _receive(socket, inboxes))
        everything = tasks.background("ports", _all(carried))
        await asyncio.wait((receiving, everything), return_when=asyncio.FIRST_COMPLETED)
    await socket.close()
    return socket


async def _all(tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.wait(tasks)


async def _receive(socket: web.WebSocketResponse, inboxes: Sequence[Inbox]) -> None:
    """Takes what the client sends until it leaves. The Python client sends text as text frames."""
    async for message in socket:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
            continue
        content = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        index, is_error = divmod(content[0], 2)
        if not is_error and index < len(inboxes) and content[1:]:
            await inboxes[index].put(content[1:])


@dataclass(frozen=True, slots=True)
class _Channels:
    """Two channels of a WebSocket as the way to the client; an end cannot be told apart from silence there."""

    send: Send
    output: int

    async def begin(self, port: int) -> None:
        number = port.to_bytes(2, "little")
        for channel in (self.output, self.output + 1):
            await self.send(bytes([channel]) + number)

    async def data(self, data: bytes) -> None:
        await self.send(bytes([self.output]) + data)

    async def fail(self, message: str) -> None:
        await self.send(bytes([self.output + 1]) + message.encode())

    async def end(self) -> None:
        """The connection ends with the last of its ports."""
