"""exec and attach over SPDY: a stream for each of stdin, stdout, stderr, the terminal's size and the final Status.

This is how kubectl before 1.30, and Go programs with client-go's SPDY executor, talk to a process; the streams' headers
are those of upstream's `streaming/remotecommand/httpstream.go`.
"""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
from aiohttp import web

from petset.aio.tasks import Supervisor
from petset.client.interface import ExecOptions, StreamSession
from petset.httpd import spdy, streams
from petset.httpd.upgrade import Upgraded, negotiated, upgraded

log = logging.getLogger(__name__)

STATUS_PROTOCOL = "v4.channel.k8s.io"
"""Its Status is JSON; its predecessors have the text of a failure, and nothing in case of success."""
PROTOCOLS = (STATUS_PROTOCOL, "v3.channel.k8s.io", "v2.channel.k8s.io")
NO_RESIZE = "v2.channel.k8s.io"
CREATION_SECONDS = 30.0
"""How long a client may take to open all its streams."""
LONGEST_SIZE = 1024
"""Bytes of a terminal's size."""
_OUTPUTS = {1: "stdout", 2: "stderr"}


async def serve_spdy_session(
    request: web.BaseRequest, opening: AbstractAsyncContextManager[StreamSession], options: ExecOptions
) -> web.StreamResponse:
    """Connects a client with a process until that ends. The session is opened first, as in `streams.serve_session`."""
    protocol = negotiated(request, PROTOCOLS)
    async with opening as session, upgraded(request, protocol) as connection:
        await _Conversation(session, options, connection).run()
        return connection.response


class _Conversation:
    """The server's end of one SPDY connection about one process."""

    def __init__(self, session: StreamSession, options: ExecOptions, connection: Upgraded) -> None:
        self._session = session
        self._connection = connection
        self._decoder = spdy.Decoder()
        self._encoder = spdy.Encoder()
        self._wanted = _wanted(options, connection.protocol)
        self._numbers: dict[str, int] = {}
        self._complete = asyncio.Event()
        self._sizes = b""

    async def run(self) -> None:
        """Until the process ends or the client leaves."""
        async with Supervisor("exec") as tasks:
            input_ = tasks.background("input", self._receive())
            if not await self._begun(input_):
                return
            output = tasks.background("output", self._send_output())
            await asyncio.wait((output, input_), return_when=asyncio.FIRST_COMPLETED)
            if output.done():
                await self._finish(await streams.outcome(output, self._session))

    async def _begun(self, receiving: "asyncio.Task[None]") -> bool:
        """Waits for all streams; whether they came."""
        async with Supervisor("streams") as tasks:
            complete = tasks.background("complete", self._complete.wait())
            done, _ = await asyncio.wait((complete, receiving), timeout=CREATION_SECONDS, return_when="FIRST_COMPLETED")
            return complete in done

    async def _receive(self) -> None:
        try:
            while data := await self._connection.incoming.read():
                for frame in self._decoder.feed(data):
                    await self._take(frame)
        except spdy.SpdyError as error:
            log.debug("exec: %s", error)

    async def _take(self, frame: spdy.Frame) -> None:
        match frame:
            case spdy.Open():
                await self._open(frame)
            case spdy.Data(stream, data, ends) if stream == self._numbers.get("stdin"):
                if data:
                    await self._session.write(data)
                if ends:
                    await self._session.close_stdin()
            case spdy.Data(stream, data) if stream == self._numbers.get("resize"):
                await self._resize(data)
            case spdy.Ping(number) if number % 2:
                await self._connection.send(self._encoder.ping(number))

    async def _open(self, frame: spdy.Open) -> None:
        kind = frame.headers.get("streamtype", "")
        if kind not in self._wanted or kind in self._numbers or frame.stream in self._numbers.values():
            await self._connection.send(self._encoder.reset(frame.stream, spdy.Status.CANCEL))
            return
        self._numbers[kind] = frame.stream
        await self._connection.send(self._encoder.accept(frame.stream))
        if frame.ends and kind == "stdin":
            await self._session.close_stdin()
        if self._wanted == self._numbers.keys():
            self._complete.set()

    async def _resize(self, data: bytes) -> None:
        """Sizes come one after the other, each on a line of its own."""
        *sizes, self._sizes = (self._sizes + data).split(b"\n")
        self._sizes = self._sizes[:LONGEST_SIZE]
        for size in sizes:
            await streams.resize(self._session, size)

    async def _send_output(self) -> None:
        async for stream, data in self._session:
            number = self._numbers.get(_OUTPUTS.get(stream, ""))
            if number is not None:
                await self._connection.send(self._encoder.data(number, data))

    async def _finish(self, status: dict[str, Any]) -> None:
        send, data = self._connection.send, self._encoder.data
        for kind in ("stdout", "stderr"):
            if kind in self._numbers:
                await send(data(self._numbers[kind], b"", ends=True))
        tells_status = self._connection.protocol == STATUS_PROTOCOL
        text = msgspec.json.encode(status) if tells_status else streams.in_words(status)
        await send(data(self._numbers["error"], text, ends=True))
        await send(self._encoder.go_away(max(self._numbers.values())))


def _wanted(options: ExecOptions, protocol: str) -> set[str]:
    """The streams that a client opens for these options. A terminal has no stderr of its own."""
    asked = {
        "stdin": options.stdin,
        "stdout": options.stdout,
        "stderr": options.stderr and not options.tty,
        "resize": options.tty and protocol != NO_RESIZE,
    }
    return {"error", *(kind for kind, is_wanted in asked.items() if is_wanted)}
