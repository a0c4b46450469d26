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
from petset.httpd import spdy, websockets
from petset.httpd.carrying import Forwarding, Inbox
from petset.httpd.tunnel import PROTOCOL, Tunnel
from petset.httpd.upgrade import asks_for_spdy, negotiated, until_gone, upgraded
from petset.httpd.websockets import Channels, is_websocket, websocket

log = logging.getLogger(__name__)

TUNNEL = f"SPDY/3.1+{PROTOCOL}"
CHANNELS = ("v4.channel.k8s.io", "v4.base64.channel.k8s.io")
_MOST_CHANNELS = 256


async def serve_ports(request: web.BaseRequest, forwarding: Forwarding) -> web.StreamResponse:
    """Forwards ports for as long as the client stays. Raises BadRequest for what cannot become a conversation."""
    if asks_for_spdy(request):
        return await _serve_spdy(request, forwarding)
    if not is_websocket(request):
        raise BadRequest("Upgrade request required")
    if TUNNEL in websockets.offered(request):
        return await _serve_tunnel(websocket(request, TUNNEL), request, forwarding)
    protocol = websockets.negotiated(request, (*CHANNELS, TUNNEL))
    ports = ports_of(request.query.getall("ports", []))
    socket = websocket(request, protocol)
    await socket.prepare(request)
    await _serve_channels(Channels(socket, protocol), forwarding, ports)
    await socket.close()
    return socket


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


async def _serve_channels(channels: Channels, forwarding: Forwarding, ports: Sequence[int]) -> None:
    inboxes = [Inbox() for _ in ports]
    async with Supervisor("port forward") as tasks:
        carried = []
        for index, (port, inbox) in enumerate(zip(ports, inboxes, strict=True)):
            outlet = _Pair(channels, 2 * index)
            await outlet.begin(port)
            carried.append(tasks.background(f"port {port}", forwarding.carry(port, inbox, outlet)))
        receiving = tasks.background("input", _receive(channels, inboxes))
        everything = tasks.background("ports", _all(carried))
        await asyncio.wait((receiving, everything), return_when=asyncio.FIRST_COMPLETED)


async def _all(tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.wait(tasks)


async def _receive(channels: Channels, inboxes: Sequence[Inbox]) -> None:
    """Takes what the client sends until it leaves."""
    async for channel, data in channels:
        index, is_error = divmod(channel, 2)
        if not is_error and 0 <= index < len(inboxes) and data:
            await inboxes[index].put(data)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two channels of a WebSocket as the way to the client; an end cannot be told apart from silence there."""

    channels: Channels
    output: int

    async def begin(self, port: int) -> None:
        number = port.to_bytes(2, "little")
        for channel in (self.output, self.output + 1):
            await self.channels.send(channel, number)

    async def data(self, data: bytes) -> None:
        await self.channels.send(self.output, data)

    async def fail(self, message: str) -> None:
        await self.channels.send(self.output + 1, message.encode())

    async def end(self) -> None:
        """The connection ends with the last of its ports."""
