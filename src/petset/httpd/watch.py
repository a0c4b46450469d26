"""Watches over HTTP: one line of JSON a change, encoded once for all watchers, sent as many at a time as there are.

What waits for a client is bounded: at most 1,000 changes, one piece of some 60 KiB, what its connection's buffer holds,
and what its socket does. The rest is in the store's history; what is there no more ends the watch.
"""

from dataclasses import dataclass
from functools import partial
from itertools import chain, repeat
from typing import Any

from aiohttp import web

from petset.aio.clock import SystemClock
from petset.api.errors import StatusError
from petset.api.resources import Resource
from petset.apiserver import encodings
from petset.apiserver.encodings import Form
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.stream import Batch, Watches
from petset.apiserver.watch import error_frame
from petset.httpd.answers import warn_of_age
from petset.httpd.metrics import RequestMetrics
from petset.httpd.tls import TlsConnection

GATHERING, GATHERING_EACH, LONGEST_GATHERING = 0.005, 0.0002, 0.05
"""Seconds from one write to the next, for a write costs more than a change: at least, for each open watch, and at
most."""

_CLOCK = SystemClock()  # sockets know no other


@dataclass(frozen=True, slots=True)
class Watcher:
    """What one client wants to watch, in which form."""

    target: Target
    options: WatchOptions
    form: Form


class WatchHandler:
    """All watches of a server."""

    def __init__(self, server: ApiServer, metrics: RequestMetrics) -> None:
        self._server = server
        self._metrics = metrics
        self._watches = Watches(server.registry, self._gather)

    async def serve(self, request: web.BaseRequest, watcher: Watcher) -> web.StreamResponse:
        """Streams changes until the client leaves, the time is over or the watch breaks, which is its last line."""
        sender = _Sender(self, request, watcher.target.resource, watcher.form)
        async with self._server.stream(watcher.target, watcher.options, self._watches, sender.take) as batches:
            response = web.StreamResponse(
                headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
            )
            warn_of_age(response, watcher.target.resource)
            response.enable_chunked_encoding()
            await response.prepare(request)
            try:
                async for batch in batches:
                    await sender.send(batch)
                    del batch  # the next one may be hours away
            except StatusError as error:
                await response.write(error_frame(error.status()))
            await response.write_eof()
            return response

    def chunk(self, batch: Batch, resource: Resource[Any], form: Form) -> bytes:
        """Changes as HTTP sends them; the form is that of the first."""
        self._metrics.watch_events[resource] += len(batch)
        chunk = batch.encoded.get(form)
        if chunk is None:
            forms = chain((form,), repeat(form.later()))
            encode = partial(encodings.change_bytes, self._server.registry, resource)
            lines = list(map(encode, batch, forms))
            size = b"%x\r\n" % sum(map(len, lines))
            chunk = batch.encoded[form] = b"".join((size, *lines, b"\r\n"))
        return chunk

    async def _gather(self) -> None:
        await _CLOCK.sleep(pause(self._metrics.open_watches))


def pause(watches: int) -> float:
    """Seconds that nothing is written after something was, when there are so many."""
    return min(LONGEST_GATHERING, max(GATHERING, GATHERING_EACH * watches))


class _Sender:
    """What one watcher is sent, on its connection."""

    def __init__(self, watches: WatchHandler, request: web.BaseRequest, resource: Resource[Any], form: Form) -> None:
        self._watches = watches
        self._request = request
        self._resource = resource
        self._form = form
        """That of the next change."""

    def take(self, batch: Batch) -> bool:
        """Sends changes, unless the client is to take what was written before."""
        transport = self._request.transport
        if transport is None or self._request.protocol.writing_paused:
            return False
        assert isinstance(transport, TlsConnection)
        transport.write_soon(self._watches.chunk(batch, self._resource, self._form))
        self._form = self._form.later()
        return True

    async def send(self, batch: Batch) -> None:
        """Sends changes, as soon as the client has taken what was written before. Raises ConnectionError."""
        while not self.take(batch):
            if self._request.transport is None:
                raise ConnectionResetError("the client has left")
            await self._request.writer.drain()
