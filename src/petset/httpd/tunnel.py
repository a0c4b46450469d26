"""Forwarded ports over SPDY: each connection is a pair of streams, one for its bytes and one for what went wrong.

The streams' headers are those of upstream's `streaming/portforward/httpstream.go`.
"""

import asyncio
import logging
from dataclasses import dataclass, field

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.httpd import spdy
from petset.httpd.carrying import Forwarding, Inbox
from petset.httpd.upgrade import Send

log = logging.getLogger(__name__)

PROTOCOL = "portforward.k8s.io"
MOST_STREAMS = 2000
"""Streams of one client at a time: a thousand connections."""
CREATION_SECONDS = 30.0
"""How long a stream may be without the other one of its connection."""

_CLOCK = SystemClock()  # sockets know no other


@dataclass(slots=True, eq=False)
class _Pair:
    """One connection. It begins once both of its streams are there."""

    port: int
    inbox: Inbox = field(default_factory=Inbox)
    streams: dict[str, int] = field(default_factory=dict)
    task: "asyncio.Task[None] | None" = None
    deadline: "asyncio.Task[None] | None" = None


class Tunnel:
    """The server's end of one SPDY connection. `send` takes frames in the order in which they are to be sent."""

    def __init__(self, forwarding: Forwarding, send: Send, tasks: Supervisor) -> None:
        self._forwarding = forwarding
        self._send = send
        self._tasks = tasks
        self._decoder = spdy.Decoder()
        self._encoder = spdy.Encoder()
        self._pairs: dict[str, _Pair] = {}
        self._of_stream: dict[int, tuple[str, str]] = {}
        self._last = 0
        self._goes = False

    async def receive(self, data: bytes) -> None:
        """Takes what the client sent. Raises SpdyError; waits while a pod does not take what is meant for it."""
        for frame in self._decoder.feed(data):
            match frame:
                case spdy.Open():
                    await self._open(frame)
                case spdy.Data():
                    await self._take(frame)
                case spdy.Reset(stream):
                    self._reset(stream)
                case spdy.Ping(number) if number % 2:
                    await self._send(self._encoder.ping(number))
                case spdy.GoAway():
                    self._goes = True

    async def say_goodbye(self) -> None:
        """Tells the client that the server is going."""
        await self._send(self._encoder.go_away(self._last))

    async def _open(self, frame: spdy.Open) -> None:
        stream, headers = frame.stream, frame.headers
        if self._goes or stream <= self._last or not stream % 2:
            await self._send(self._encoder.reset(stream, spdy.Status.PROTOCOL_ERROR))
            return
        self._last = stream
        port, kind = _port(headers.get("port", "")), headers.get("streamtype", "")
        if port is None or kind not in {"data", "error"} or len(self._of_stream) >= MOST_STREAMS:
            log.debug("stream %s refused: port %s, type %s", stream, headers.get("port"), kind)
            await self._send(self._encoder.reset(stream, spdy.Status.CANCEL))
            return
        # clients of old give no id; the stream of the bytes follows that of the errors
        request = headers.get("requestid") or f"stream {stream - (2 if kind == 'data' else 0)}"
        pair = self._pairs.setdefault(request, _Pair(port))
        if kind in pair.streams:
            await self._send(self._encoder.reset(stream, spdy.Status.CANCEL))
            return
        pair.streams[kind] = stream
        self._of_stream[stream] = (request, kind)
        if frame.ends and kind == "data":
            pair.inbox.end()
        if pair.deadline is None:
            pair.deadline = self._tasks.background(f"stream {stream}", self._give_up(request))
        else:
            pair.deadline.cancel()
        await self._send(self._encoder.accept(stream))
        if len(pair.streams) == 2:
            outlet = _Streams(self._encoder, self._send, pair.streams["data"], pair.streams["error"])
            carried = self._forwarding.carry(pair.port, pair.inbox, outlet)
            pair.task = self._tasks.background(f"port {pair.port}", carried)
            # also when it is cancelled before it has begun
            pair.task.add_done_callback(lambda _: self._forget(request))

    async def _give_up(self, request: str) -> None:
        """Ends a connection whose other stream does not come."""
        await _CLOCK.sleep(CREATION_SECONDS)
        pair = self._pairs[request]
        pair.deadline, streams = None, pair.streams
        self._forget(request)
        log.debug("port forward: only %s of request %s", list(streams), request)
        text = f"(request={request}) timed out waiting for streams"
        for kind, stream in streams.items():
            if kind == "error":
                await self._send(self._encoder.data(stream, text.encode(), ends=True))
            else:
                await self._send(self._encoder.reset(stream, spdy.Status.CANCEL))

    async def _take(self, frame: spdy.Data) -> None:
        request, kind = self._of_stream.get(frame.stream, ("", ""))
        if kind != "data":
            return
        inbox = self._pairs[request].inbox
        if frame.data:
            await inbox.put(frame.data)
        if frame.ends:
            inbox.end()

    def _reset(self, stream: int) -> None:
        request, kind = self._of_stream.get(stream, ("", ""))
        if not kind:
            return
        task = self._pairs[request].task
        if task is None:
            self._forget(request)
        elif kind == "data":
            task.cancel()

    def _forget(self, request: str) -> None:
        pair = self._pairs.pop(request)
        pair.inbox.close()
        if pair.deadline is not None:
            pair.deadline.cancel()
        for stream in pair.streams.values():
            del self._of_stream[stream]


@dataclass(frozen=True, slots=True)
class _Streams:
    """The pair of streams as the way to the client."""

    encoder: spdy.Encoder
    send: Send
    output: int
    errors: int

    async def data(self, data: bytes) -> None:
        await self.send(self.encoder.data(self.output, data))

    async def fail(self, message: str) -> None:
        await self.send(self.encoder.data(self.errors, message.encode(), ends=True))
        await self.send(self.encoder.reset(self.output, spdy.Status.CANCEL))

    async def end(self) -> None:
        await self.send(self.encoder.data(self.output, b"", ends=True))
        await self.send(self.encoder.data(self.errors, b"", ends=True))


def _port(text: str) -> int | None:
    """A port's number; None for what is none."""
    return int(text) if text.isascii() and text.isdecimal() and 0 < int(text[:6]) < 65536 and len(text) < 6 else None
