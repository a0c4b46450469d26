"""exec, attach and logs: WebSocket channels and byte streams between a client and the node.

Channels are those of Kubernetes' remote command protocol: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 terminal
size, 255 (version 5 only) the end of stdin. kubectl speaks version 5, the official Python client version 4.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import msgspec
from aiohttp import WSMsgType, web

from petset.aio.tasks import Supervisor
from petset.api.errors import BadRequest, StatusError
from petset.client.interface import ExecOptions, LogOptions, StreamSession
from petset.httpd.routes import flag, number
from petset.httpd.upgrade import until_gone

log = logging.getLogger(__name__)

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
SUCCESS = {"metadata": {}, "status": "Success"}


LARGEST_MESSAGE = 16 * 1024 * 1024
"""Bytes a client may send at once; one that sends more is cut off."""

Characters = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class TerminalSize(msgspec.Struct):
    """What a client sends on the resize channel."""

    Width: Characters = 0
    Height: Characters = 0


# --- options ----------------------------------------------------------------------------------------------------------


def exec_options(query: Mapping[str, str], command: list[str]) -> ExecOptions:
    """The options of exec or attach; `command` is the repeated parameter of that name."""
    options = ExecOptions(
        container=query.get("container", ""),
        command=tuple(command),
        stdin=flag(query, "stdin"),
        stdout=flag(query, "stdout"),
        stderr=flag(query, "stderr"),
        tty=flag(query, "tty"),
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return options


def log_options(query: Mapping[str, str]) -> LogOptions:
    """The options of a log request."""
    return LogOptions(
        container=query.get("container", ""),
        follow=flag(query, "follow"),
        previous=flag(query, "previous"),
        timestamps=flag(query, "timestamps"),
        since_seconds=number(query, "sinceSeconds"),
        since_time=query.get("sinceTime", ""),
        tail_lines=number(query, "tailLines"),
        limit_bytes=number(query, "limitBytes"),
    )


# --- logs -------------------------------------------------------------------------------------------------------------


async def serve_logs(
    request: web.BaseRequest, opening: AbstractAsyncContextManager[AsyncIterator[bytes]]
) -> web.StreamResponse:
    """Sends a container's log as text, for as long as the client follows it."""
    async with opening as lines:
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for line in lines:
            await response.write(line)
        await response.write_eof()
        return response


# --- exec and attach --------------------------------------------------------------------------------------------------


def is_websocket(request: web.BaseRequest) -> bool:
    """Whether the client asks for a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def serve_session(
    request: web.BaseRequest, opening: AbstractAsyncContextManager[StreamSession], options: ExecOptions
) -> web.StreamResponse:
    """Connects a WebSocket with a process until that ends, and closes with its Status.

    The session is opened first, so that an unknown container is an ordinary HTTP error.
    """
    socket = web.WebSocketResponse(protocols=PROTOCOLS, heartbeat=None, max_msg_size=LARGEST_MESSAGE)
    _check_handshake(request, socket)
    async with opening as session:
        await socket.prepare(request)
        await socket.send_bytes(bytes([STDOUT]))
        async with Supervisor("exec") as tasks:
            output = tasks.background("output", _send_output(socket, session, options))
            input_ = tasks.background("input", _receive_input(socket, session))
            await asyncio.wait((output, input_), return_when=asyncio.FIRST_COMPLETED)
            if output.done() or not socket.closed:
                status = await outcome(output, session)
                await _finish(socket, status)
        return socket


def _check_handshake(request: web.BaseRequest, socket: web.WebSocketResponse) -> None:
    """Raises BadRequest for what cannot become a WebSocket with channels."""
    offered = [protocol.strip() for protocol in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    if not set(offered) & set(PROTOCOLS):
        spoken = f"client supports [{ascii(' '.join(offered))[1:-1]}], server accepts [{' '.join(PROTOCOLS)}]"
        raise BadRequest(f"unable to upgrade: unable to negotiate protocol: {spoken}")
    if not socket.can_prepare(request):
        raise BadRequest("unable to upgrade: the request is no handshake of WebSocket version 13")


async def _send_output(socket: web.WebSocketResponse, session: StreamSession, options: ExecOptions) -> None:
    wanted, send = {STDOUT: options.stdout, STDERR: options.stderr}, until_gone(socket.send_bytes)
    async for stream, data in session:
        if wanted.get(stream):
            await send(bytes([stream]) + data)


async def _receive_input(socket: web.WebSocketResponse, session: StreamSession) -> None:
    """Feeds stdin until the client closes the connection. The Python client sends text as text frames."""
    async for message in socket:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
            continue
        content = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        channel, data = content[0], content[1:]
        if channel == STDIN:
            await session.write(data)
        elif channel == RESIZE:
            await resize(session, data)
        elif channel == CLOSE and data[:1] == bytes([STDIN]):
            await session.close_stdin()


async def resize(session: StreamSession, data: bytes) -> None:
    """Gives a terminal its size. What is no size changes none."""
    try:
        size = msgspec.json.decode(data, type=TerminalSize)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        log.debug("no terminal size: %s", error)
        return
    await session.resize(size.Width, size.Height)


async def outcome(output: "asyncio.Task[None]", session: StreamSession) -> dict[str, Any]:
    """The Status with which a process ends, once all its output was sent."""
    try:
        await output
        code = await session.exit_code()
    except StatusError as error:
        return error.status()
    if code == 0:
        return SUCCESS
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


async def _finish(socket: web.WebSocketResponse, status: dict[str, Any]) -> None:
    if not socket.closed:
        await socket.send_bytes(bytes([STATUS]) + msgspec.json.encode(status))
        await socket.close(code=1000)
