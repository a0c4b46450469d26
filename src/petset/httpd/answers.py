"""Answers: JSON bytes as they are, and errors as a client reads them."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.payload import Payload

from petset.api.errors import StatusError
from petset.api.resources import Resource
from petset.api.types import Endpoints
from petset.httpd.compression import compress, size_of
from petset.httpd.presentation import present

LONGEST_WARNINGS = 4096
"""Characters of all warnings of an answer, as upstream's `filters/warning.go`."""


def json_response(body: bytes | Payload, code: int = 200, warnings: tuple[str, ...] = ()) -> web.Response:
    """JSON bytes as they are, or as they come, with `Warning` headers."""
    response = web.Response(body=body, status=code, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache, private"
    for text in warning_texts(warnings):
        response.headers.add("Warning", f'299 - "{text}"')
    return response


def warn_of_age(told: web.StreamResponse | StatusError, resource: Resource[Any]) -> None:
    """Says of a resource that clients should ask for another one, as upstream does from 1.33 on."""
    if resource.type is not Endpoints:
        return
    text = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    if isinstance(told, StatusError):
        told.warnings = (*told.warnings, text)
    else:
        told.headers.add("Warning", f'299 - "{text}"')


def warning_texts(warnings: Iterable[str]) -> Iterator[str]:
    """What stands in `Warning` headers: quotes and what cannot be printed escaped, and no more than clients take."""
    left = LONGEST_WARNINGS
    for warning in warnings:
        left -= len(warning)
        if left < 0:
            return
        printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in warning.replace("\\", "\\\\"))
        yield printable.replace('"', '\\"')


def nowhere() -> web.Response:
    """The answer for a path below which nothing is served, in Go's words."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    return web.Response(text="404 page not found\n", status=404, headers=headers)


async def send(request: web.BaseRequest, response: web.StreamResponse) -> int:
    """Sends what is still to be sent of an answer, in the form its client wants, and waits until it is taken.

    Returns its size before compression, in bytes. Raises NotAcceptable.
    """
    await present(request, response)
    size = size_of(response)
    await compress(request, response)
    await response.prepare(request)
    await response.write_eof()
    return size


def error_response(error: StatusError) -> web.Response:
    """An error as a client reads it."""
    response = json_response(msgspec.json.encode(error.status()), error.code, error.warnings)
    if error.retry_after_seconds:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response
