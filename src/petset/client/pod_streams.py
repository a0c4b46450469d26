"""Logs, exec, attach and ports over HTTP: the client's side of the WebSocket protocols v5 and v4.channel.k8s.io.

A binary frame's first byte is its channel; the last frame of the error channel is the Status the command ended with.
Ports have two channels each, for bytes and for errors, which begin with the port's number.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from petset.api.errors import BadRequest, ServiceUnavailable, StatusError, from_status
from petset.client.interface import ConnectionLost, ExecOptions, LogOptions
from petset.client.transport import Params, Transport

PROTOCOL = "v5.channel.k8s.io"
PORT_PROTOCOL = "v4.channel.k8s.io"
PORT_DATA, PORT_ERROR = 0, 1
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


class HttpPodStreams:
    """Implements `petset.client.interface.PodStreams` by asking the server."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Log bytes as they arrive; a chunk may end within a line."""
        return self._transport.stream(_pod_path(namespace, pod, "log"), _log_params(options), accept="*/*")

    def exec(
        self, namespace: str, pod: str, options: ExecOptions
    ) -> AbstractAsyncContextManager["WebSocketStreamSession"]:
        """Starts a command in a container."""
        return self._session(_pod_path(namespace, pod, "exec"), options)

    def attach(
        self, namespace: str, pod: str, options: ExecOptions
    ) -> AbstractAsyncContextManager["WebSocketStreamSession"]:
        """Joins the main process's streams."""
        return self._session(_pod_path(namespace, pod, "attach"), options)

    @asynccontextmanager
    async def port_forward(self, namespace: str, pod: str, port: int) -> AsyncIterator["WebSocketPortConnection"]:
        """Connects to a port on the pod's own loopback; reading tells when there is no connection."""
        path, params = _pod_path(namespace, pod, "portforward"), [("ports", str(port))]
        async with self._transport.websocket(path, params, PORT_PROTOCOL) as websocket:
            yield WebSocketPortConnection(websocket)

    @asynccontextmanager
    async def _session(self, path: str, options: ExecOptions) -> AsyncIterator["WebSocketStreamSession"]:
        async with self._transport.websocket(path, _exec_params(options), PROTOCOL) as websocket:
            yield WebSocketStreamSession(websocket)


class WebSocketStreamSession:
    """One running exec or attach; iterate it in one place only."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._iterated = False
        self._ended = asyncio.Event()
        self._outcome: int | Exception | None = None

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        """Output as it comes: (1, stdout) or (2, stderr). Ends with the command."""
        self._iterated = True
        try:
            while True:
                message = await self._websocket.receive()
                if message.type is not aiohttp.WSMsgType.BINARY:
                    self._closed(message)
                    return
                frame: bytes = message.data
                channel, data = frame[0], frame[1:]
                if channel in (STDOUT, STDERR) and data:
                    yield channel, data
                elif channel == ERROR and data:
                    self._outcome = _outcome(data)
        finally:
            self._ended.set()

    async def write(self, data: bytes) -> None:
        """Feeds stdin. Raises ConnectionLost when the command has ended."""
        await self._send(bytes((STDIN,)) + data)

    async def close_stdin(self) -> None:
        """Half-closes: the command sees end of file, its output still arrives."""
        await self._send(bytes((CLOSE, STDIN)))

    async def resize(self, width: int, height: int) -> None:
        """Sets the terminal's size in characters."""
        await self._send(bytes((RESIZE,)) + msgspec.json.encode({"Width": width, "Height": height}))

    async def exit_code(self) -> int:
        """Waits for the end; the command's exit code.

        Reads, and drops, what nobody iterates. Raises StatusError when the command could not be run, ConnectionLost
        when its end is unknown.
        """
        if not self._iterated:
            async for _ in self:
                pass
        await self._ended.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome or 0

    async def _send(self, frame: bytes) -> None:
        try:
            await self._websocket.send_bytes(frame)
        except (aiohttp.ClientError, OSError) as error:
            raise ConnectionLost(str(error) or "the stream is closed") from error

    def _closed(self, message: aiohttp.WSMessage) -> None:
        """A stream that breaks before a Status came has no known end; a normal close without one is success."""
        normal = message.type is aiohttp.WSMsgType.CLOSE and message.data == aiohttp.WSCloseCode.OK
        if not normal and self._outcome is None:
            self._outcome = ConnectionLost(f"the stream broke off: {message.extra or message.type.name}")


class WebSocketPortConnection:
    """A connection to one port of a pod."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self._websocket = websocket
        self._begun: set[int] = set()

    async def read(self) -> bytes:
        """What came; empty once the pod has ended the connection. Raises ServiceUnavailable when there was none."""
        while (message := await self._websocket.receive()).type is aiohttp.WSMsgType.BINARY:
            channel, data = message.data[0], message.data[1:]
            if channel not in self._begun:
                self._begun.add(channel)  # the port's number
            elif channel == PORT_ERROR:
                raise ServiceUnavailable(data.decode("utf-8", "replace"))
            elif channel == PORT_DATA:
                return bytes(data)
        return b""

    async def write(self, data: bytes) -> None:
        """Sends. Quietly does nothing once the pod no longer reads."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self._websocket.send_bytes(bytes((PORT_DATA,)) + data)

    async def close_write(self) -> None:
        """This protocol cannot say so."""


def _outcome(raw: bytes) -> int | Exception:
    try:
        status = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return StatusError(raw.decode("utf-8", "replace"))
    if status.get("status") == "Success":
        return 0
    if status.get("reason") == "NonZeroExitCode":
        causes: list[dict[str, Any]] = (status.get("details") or {}).get("causes") or []
        for cause in causes:
            if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdecimal():
                return int(cause["message"])
    return from_status(status, int(status.get("code") or 500))


def _pod_path(namespace: str, pod: str, subresource: str) -> str:
    if not pod:
        raise BadRequest("resource name may not be empty")
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/{subresource}"


def _flag(name: str, *, wanted: bool) -> list[tuple[str, str]]:
    return [(name, "true")] if wanted else []


def _log_params(options: LogOptions) -> Params:
    numbers = {
        "sinceSeconds": options.since_seconds,
        "tailLines": options.tail_lines,
        "limitBytes": options.limit_bytes,
    }
    texts = {"container": options.container, "sinceTime": options.since_time}
    return [
        *((name, text) for name, text in texts.items() if text),
        *_flag("follow", wanted=options.follow),
        *_flag("previous", wanted=options.previous),
        *_flag("timestamps", wanted=options.timestamps),
        *((name, str(number)) for name, number in numbers.items() if number is not None),
    ]


def _exec_params(options: ExecOptions) -> Params:
    return [
        *(("command", word) for word in options.command),
        *([("container", options.container)] if options.container else []),
        *_flag("stdin", wanted=options.stdin),
        *_flag("stdout", wanted=options.stdout),
        *_flag("stderr", wanted=options.stderr),
        *_flag("tty", wanted=options.tty),
    ]
