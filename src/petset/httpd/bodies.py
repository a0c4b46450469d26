"""The bodies of requests: read whole, within limits of size and time."""

import asyncio
from typing import TypeVar

from aiohttp import web

from petset.api.errors import BadRequest, RequestEntityTooLarge

LARGEST_BODY = 3 * 1024 * 1024
BODY_SECONDS = 60.0
"""How long a body may take to arrive: upstream's `--request-timeout`."""

B = TypeVar("B", bytes, bytearray)


async def read_body(request: web.BaseRequest) -> bytes:
    """The body of a request. Raises RequestEntityTooLarge, BadRequest when it is broken or does not arrive."""
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > LARGEST_BODY:
        raise _too_large()
    try:
        if request.content.is_eof():  # all of it came with the head
            return _of_size(request.content.read_nowait())
        async with asyncio.timeout(BODY_SECONDS):
            await _go_on(request)
            return await _read(request)
    except web.RequestPayloadError as error:
        reason = str(error).partition("\n")[0] or "it is broken"
        raise BadRequest(f"the body of the request cannot be read: {reason}") from error
    except TimeoutError as error:
        raise BadRequest(f"the body of the request did not arrive within {BODY_SECONDS:.0f} s") from error


async def _go_on(request: web.BaseRequest) -> None:
    """Some clients ask before they send much."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.writer.output_size == 0:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


async def _read(request: web.BaseRequest) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        _of_size(body)
    return bytes(body)


def _of_size(body: B) -> B:
    if len(body) > LARGEST_BODY:
        raise _too_large()
    return body


def _too_large() -> RequestEntityTooLarge:
    return RequestEntityTooLarge(f"Request entity too large: limit is {LARGEST_BODY}")
