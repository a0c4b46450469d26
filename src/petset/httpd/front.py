"""The front behind the listener: which part answers a path."""

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from petset.api.errors import Forbidden, MethodNotAllowed, NotFound
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import Registry
from petset.apiserver.request import Identity
from petset.httpd import openid, routes
from petset.httpd.answers import nowhere, send
from petset.httpd.authorization import Gate, attributes_of
from petset.httpd.documents import Documents
from petset.httpd.handlers import STREAMS, ResourceHandler
from petset.httpd.health import Health
from petset.httpd.metrics import Labels, RequestMetrics

if TYPE_CHECKING:
    from petset.httpd.exposition import Exposition


class Front:
    """The one handler behind the listener. `health` takes further checks."""

    def __init__(self, server: ApiServer) -> None:
        self.health = Health()
        self._server = server
        self._gate = Gate(server.authorizer)
        self._metrics = RequestMetrics(server.registry.clock)
        self._documents = Documents(server.catalogue, server.registry.clock)
        self._resources = ResourceHandler(server, self._metrics)
        self._exposition: Exposition | None = None

    async def handle(self, request: web.BaseRequest, identity: Identity) -> web.StreamResponse:
        """Answers a request. Raises StatusError."""
        self._metrics.authentications["success"] += 1
        try:
            identity = self._gate.admit(request, identity)
        except Forbidden:
            self._metrics.authorizations["no-opinion"] += 1
            raise
        self._metrics.authorizations["allowed"] += 1
        if timeout := request.query.get("timeout", ""):
            asked = attributes_of(identity, request)
            if asked.verb != "watch" and asked.subresource not in STREAMS:
                routes.check_timeout(timeout)
        path = request.path.rstrip("/") or "/"
        if not path.startswith("/"):  # `OPTIONS *` means the server as a whole
            return nowhere()
        try:
            answered = None if _is_of_resource(path) else await self._without_resource(request, path)
            return answered or await self._resources.handle(request, identity)
        except NotFound:
            if self._documents.knows_none_like(path):
                return nowhere()
            raise

    def user(self, token: str) -> Identity | None:
        """Who a bearer token stands for; None for one that is not good."""
        identity = self._server.tokens.user(token)
        if identity is None:
            self._metrics.authentications["error"] += 1
        return identity

    async def _without_resource(self, request: web.BaseRequest, path: str) -> web.Response | None:
        began = self._metrics.clock.monotonic()
        if self.health.answers(path):
            response = self.health.answer(request, path)
        elif path == "/metrics":
            response = await self._show_metrics(request)
        else:
            found = self._documents.answer(request, path) or openid.answer(request, path, self._server.tokens)
            if found is None:
                return None
            response = found
        size = await send(request, response)
        self._metrics.begin(Labels("GET", "", "", "", "", path, ""), began).end(response.status, size)
        return response

    async def _show_metrics(self, request: web.BaseRequest) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        if self._exposition is None:
            self._exposition = await asyncio.to_thread(_exposition, self._metrics, self._server.registry)
        taken = self._exposition.take()
        body, media_type = await asyncio.to_thread(taken.written, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": media_type, "Cache-Control": "no-cache, private"})


def _is_of_resource(path: str) -> bool:
    """Whether a path is certain to be none of a document: those end with a version, or with a collection."""
    return path.startswith("/api") and path.count("/") > 4


def _exposition(metrics: RequestMetrics, registry: Registry) -> "Exposition":
    from petset.httpd.exposition import Exposition  # noqa: PLC0415 - its library is loaded when somebody asks

    return Exposition(metrics, registry)
