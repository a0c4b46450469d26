"""Answers: JSON bytes as they are, and errors as a client reads them."""

import msgspec
from aiohttp import web

from petset.api.errors import StatusError


def json_response(body: bytes, code: int = 200, warnings: tuple[str, ...] = ()) -> web.Response:
    """JSON bytes as they are, with `Warning` headers."""
    response = web.Response(body=body, status=code, content_type="application/json")
    response.headers["Cache-Control"] = "no-cache, private"
    for warning in warnings:
        text = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{text}"')
    return response


def error_response(error: StatusError) -> web.Response:
    """An error as a client reads it."""
    response = json_response(msgspec.json.encode(error.status()), error.code)
    if error.retry_after_seconds:
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response
