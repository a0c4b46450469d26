"""A web server on the loopback whose answers are scripted."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from petset.client.connection import Connection


@dataclass(frozen=True)
class Seen:
    """A request as the server saw it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: Any


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Web:
    """Answers every request with the next handler; the last one stays."""

    def __init__(self, *handlers: Handler) -> None:
        self.handlers = list(handlers)
        self.seen: list[Seen] = []
        self.connection = Connection(server="")

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        body = msgspec.json.decode(raw) if raw else None
        query = [*request.query.items()]
        self.seen.append(Seen(request.method, request.raw_path.partition("?")[0], query, {**request.headers}, body))
        handler = self.handlers.pop(0) if len(self.handlers) > 1 else self.handlers[0]
        return await handler(request)

    @asynccontextmanager
    async def serve(self, **connection: Any) -> AsyncIterator["Web"]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        async with TestServer(app) as server:
            self.connection = Connection(server=f"http://127.0.0.1:{server.port}", **connection)
            yield self


def answer(tree: Any, status: int = 200, **headers: str) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response(tree, status=status, headers=named)

    return handle


def text(content: str, status: int = 200) -> Handler:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(text=content, status=status)

    return handle


def chunks(*parts: bytes, abort: bool = False) -> Handler:
    """Sends parts as separate chunks, then ends or breaks off."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if abort and request.transport is not None:
            request.transport.abort()
        return response

    return handle


def status(reason: str, code: int, message: str) -> dict[str, Any]:
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
        "message": message,
    }
