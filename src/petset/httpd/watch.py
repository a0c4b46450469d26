"""Watches over HTTP: one line of JSON a change, encoded once for all watchers, sent as many at a time as there are.

What waits for a client is bounded: changes that the store keeps anyway (at most its history, 10,000; then the watch is
closed), the frames of about 1,000 of them, one piece of 128 KiB, and what its socket holds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from petset.aio.clock import SystemClock
from petset.api.errors import StatusError
from petset.api.resources import Resource
from petset.apiserver import encodings
from petset.apiserver.encodings import PIECE, Form
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import Registry
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.watch import WatchChange, error_frame
from petset.httpd.answers import warn_of_age
from petset.httpd.metrics import RequestMetrics

GATHERING, GATHERING_EACH, LONGEST_GATHERING = 0.005, 0.0002, 0.05
"""Seconds from one write to the next, when changes come by ones and twos, for a write costs more than a change: at
least, for each open watch, and at most."""
MANY = 50
"""Changes at once after which there is no such pause."""

_CLOCK = SystemClock()  # sockets know no other


@dataclass(frozen=True, slots=True)
class Watcher:
    """What one client wants to watch, in which form."""

    target: Target
    options: WatchOptions
    form: Form


async def serve_watch(
    request: web.BaseRequest, server: ApiServer, watcher: Watcher, metrics: RequestMetrics
) -> web.StreamResponse:
    """Streams changes until the client leaves, the time is over or the watch breaks, which is its last line."""
    resource = watcher.target.resource
    async with server.stream(watcher.target, watcher.options) as batches:
        response = web.StreamResponse(
            headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        )
        warn_of_age(response, resource)
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for batch in batches:
                metrics.watch_events[resource] += len(batch)
                for piece in _pieces(server.registry, resource, batch, watcher.form):
                    await response.write(piece)
                if len(batch) < MANY:
                    await _CLOCK.sleep(pause(metrics.open_watches))
        except StatusError as error:
            await response.write(error_frame(error.status()))
        await response.write_eof()
        return response


def pause(watches: int) -> float:
    """Seconds that a watch waits after it wrote, when there are so many."""
    return min(LONGEST_GATHERING, max(GATHERING, GATHERING_EACH * watches))


def _pieces(registry: Registry, resource: Resource[Any], changes: list[WatchChange], form: Form) -> Iterator[bytes]:
    """The frames of changes, put together some 128 KiB at a time."""
    frames: list[bytes] = []
    size = 0
    for change in changes:
        frame = encodings.change_bytes(registry, resource, change, form)
        frames.append(frame)
        size += len(frame)
        if size >= PIECE:
            yield b"".join(frames)
            frames, size = [], 0
    if frames:
        yield b"".join(frames)
