"""gzip for large answers, when the client takes it. Upstream's threshold and level (`responsewriters/writers.go`)."""

import asyncio
import gzip

from aiohttp import web

from petset.httpd.pieces import GZIP_LEVEL, Pieces

SMALLEST = 128 * 1024
"""Bytes of a body that is still sent as it is."""
IN_PLACE = 256 * 1024
"""Bytes that are compressed about as quickly as a thread is found for them."""


def takes_gzip(request: web.BaseRequest) -> bool:
    """Whether the client can read gzip."""
    offered = request.headers.get("Accept-Encoding", "")
    return "gzip" in offered and any(coding.strip() == "gzip" for coding in offered.split(","))


def shrink(body: bytes) -> bytes:
    """The body in gzip's format; the same for the same body."""
    return gzip.compress(body, GZIP_LEVEL, mtime=0)


async def compress(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Compresses a large body, in another thread, so that other requests do not wait for it."""
    body = response.body if isinstance(response, web.Response) else None
    if body is None or size_of(response) <= SMALLEST or not takes_gzip(request):
        return
    if isinstance(response, web.Response) and "Content-Encoding" not in response.headers:
        if isinstance(body, Pieces):
            body.compress()
        elif isinstance(body, bytes):
            response.body = shrink(body) if len(body) <= IN_PLACE else await asyncio.to_thread(shrink, body)
        mark_gzip(response)


def mark_gzip(response: web.Response) -> None:
    """Says that the body is in gzip's format."""
    response.headers["Content-Encoding"] = "gzip"
    response.headers.add("Vary", "Accept-Encoding")


def size_of(response: web.StreamResponse) -> int:
    """Bytes of an answer that is whole, before any compression."""
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, Pieces):
        return body.whole_size
    return len(body) if isinstance(body, bytes) else 0
