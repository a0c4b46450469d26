"""exec, attach and logs: WebSocket channels and byte streams between a client and the node.

Channels are those of Kubernetes' remote command protocol: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 terminal
size, 255 (version 5 only) the end of stdin. kubectl speaks version 5, the official Python client version 4. Clients of
old name no version; the Status they get is the text of a failure, and nothing in case of success.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

import msgspec
from aiohttp import web

from petset.aio.tasks import Supervisor
from petset.api.errors import BadRequest, StatusError
from petset.client.interface import ExecOptions, LogOptions, StreamSession
from petset.httpd import websockets
from petset.httpd.routes import flag, number
from petset.httpd.websockets import Channels

log = logging.getLogger(__name__)

CLOSING = "v5.channel.k8s.io"
STATUS_PROTOCOLS = (CLOSING, "v4.channel.k8s.io", "v4.base64.channel.k8s.io")
PROTOCOLS = (*STATUS_PROTOCOLS, "channel.k8s.io", "base64.channel.k8s.io")
LOG_PROTOCOLS = ("binary.k8s.io", "base64.binary.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
SUCCESS = {"metadata": {}, "status": "Success"}

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
        if websockets.is_websocket(request):
            return await _send_logs(request, lines)
        response = web.StreamResponse(headers={"Content-Type": "text/plain; charset=utf-8"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for line in lines:
            await response.write(line)
        await response.write_eof()
        return response


async def _send_logs(request: web.BaseRequest, lines: AsyncIterator[bytes]) -> web.StreamResponse:
    """The same as messages, the first of which is empty."""
    protocol = websockets.negotiated(request, LOG_PROTOCOLS)
    socket = websockets.websocket(request, protocol)
    await socket.prepare(request)

    async def send() -> None:
        await websockets.send_piece(socket, protocol, b"")
        async for line in lines:
            await websockets.send_piece(socket, protocol, line)

    await websockets.send_all(socket, "log", send)
    return socket


# --- exec and attach --------------------------------------------------------------------------------------------------


async def serve_session(
    request: web.BaseRequest, opening: AbstractAsyncContextManager[StreamSession], options: ExecOptions
) -> web.StreamResponse:
    """Connects a WebSocket with a process until that ends, and closes with its Status.

    The session is opened first, so that an unknown container is an ordinary HTTP error.
    """
    # the first of them that is spoken, but for the one that tells the end of stdin
    protocol = CLOSING if CLOSING in websockets.offered(request) else websockets.negotiated(request, PROTOCOLS)
    socket = websockets.websocket(request, protocol)
    async with opening as session:
        await socket.prepare(request)
        channels = Channels(socket, protocol)
        await channels.send(_first_output(options), b"")
        async with Supervisor("exec") as tasks:
            output = tasks.background("output", _send_output(channels, session, options))
            input_ = tasks.background("input", _receive_input(channels, session, closes=protocol == CLOSING))
            await asyncio.wait((output, input_), return_when=asyncio.FIRST_COMPLETED)
            if output.done() or not socket.closed:
                status = await outcome(output, session)
                text = msgspec.json.encode(status) if protocol in STATUS_PROTOCOLS else in_words(status)
                if text:
                    await channels.send(STATUS, text)
                await socket.close()
        return socket


def _first_output(options: ExecOptions) -> int:
    """The channel of the empty message with which a session begins."""
    if options.stdout:
        return STDOUT
    return STDERR if options.stderr else STATUS


async def _send_output(channels: Channels, session: StreamSession, options: ExecOptions) -> None:
    wanted = {STDOUT: options.stdout, STDERR: options.stderr}
    async for stream, data in session:
        if wanted.get(stream):
            await channels.send(stream, data)


async def _receive_input(channels: Channels, session: StreamSession, *, closes: bool) -> None:
    """Feeds stdin until the client closes the connection."""
    async for channel, data in channels:
        if channel == STDIN:
            await session.write(data)
        elif channel == RESIZE:
            await resize(session, data)
        elif closes and channel == CLOSE and data[:1] == bytes([STDIN]):
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


def in_words(status: dict[str, Any]) -> bytes:
    """A Status for clients that read none: nothing is success."""
    return b"" if status["status"] == "Success" else str(status["message"]).encode()
