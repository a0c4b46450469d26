"""gzip for large answers, when the client takes it. Upstream's threshold and level (`responsewriters/writers.go`)."""

import asyncio
import gzip

from aiohttp import web

SMALLEST = 128 * 1024
"""Bytes of a body that is still sent as it is."""
LEVEL = 1
IN_PLACE = 256 * 1024
"""Bytes that are compressed about as quickly as a thread is found for them."""


def takes_gzip(request: web.BaseRequest) -> bool:
    """Whether the client can read gzip."""
    offered = request.headers.get("Accept-Encoding", "")
    return any(coding.strip() == "gzip" for coding in offered.split(","))


def shrink(body: bytes) -> bytes:
    """The body in gzip's format; the same for the same body."""
    return gzip.compress(body, LEVEL, mtime=0)


async def compress(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Compresses a large body, in another thread, so that other requests do not wait for it."""
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return
    if len(response.body) <= SMALLEST or "Content-Encoding" in response.headers or not takes_gzip(request):
        return
    body = response.body
    response.body = shrink(body) if len(body) <= IN_PLACE else await asyncio.to_thread(shrink, body)
    mark_gzip(response)


def mark_gzip(response: web.Response) -> None:
    """Says that the body is in gzip's format."""
    response.headers["Content-Encoding"] = "gzip"
    response.headers.add("Vary", "Accept-Encoding")
