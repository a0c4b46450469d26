"""Watches over HTTP: one line of JSON a change, encoded once for all watchers, sent as many at a time as there are."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass

from aiohttp import web

from petset.api.errors import StatusError
from petset.apiserver import encodings
from petset.apiserver.encodings import Form
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.watch import error_frame
from petset.httpd.metrics import RequestMetrics

WRITE_TIMEOUT = 30.0
"""Seconds a client may leave its receive buffer full before it is cut off; it then watches anew."""


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
    resource, form = watcher.target.resource, watcher.form
    async with server.stream(watcher.target, watcher.options) as batches:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            async for batch in batches:
                metrics.watch_events[resource] += len(batch)
                frames = [encodings.change_bytes(server.registry, resource, change, form) for change in batch]
                await _in_time(request, response.write(b"".join(frames)))
        except StatusError as error:
            await _in_time(request, response.write(error_frame(error.status())))
        await _in_time(request, response.write_eof())
        return response


async def _in_time(request: web.BaseRequest, writing: Awaitable[None]) -> None:
    """Writes, or cuts the client off. Raises ConnectionResetError."""
    try:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await writing
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError(f"the client read nothing for {WRITE_TIMEOUT:.0f} s") from error
