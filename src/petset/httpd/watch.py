"""Watches over HTTP: one line of JSON a change, encoded once for all watchers, sent as many at a time as there are."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from petset.api.errors import StatusError
from petset.apiserver import encodings
from petset.apiserver.encodings import Form
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.watch import WatchChange, error_frame

WRITE_TIMEOUT = 30.0
"""Seconds a client may leave its receive buffer full before it is cut off; it then watches anew."""


async def serve_watch(
    request: web.BaseRequest, server: ApiServer, target: Target, options: WatchOptions, form: Form
) -> web.StreamResponse:
    """Streams changes until the client leaves, the time is over or the watch breaks, which is its last line."""
    async with server.stream(target, options) as batches:
        headers = {"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
        response = web.StreamResponse(headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        try:
            await _send(response, server, target, batches, form)
        except StatusError as error:
            await response.write(error_frame(error.status()))
        await response.write_eof()
        return response


async def _send(
    response: web.StreamResponse,
    server: ApiServer,
    target: Target,
    batches: AsyncIterator[list[WatchChange]],
    form: Form,
) -> None:
    async for batch in batches:
        frames = [encodings.change_bytes(server.registry, target.resource, change, form) for change in batch]
        async with asyncio.timeout(WRITE_TIMEOUT):
            await response.write(b"".join(frames))
