"""What is not a resource: discovery, OpenAPI, version and health; and the front that tells it from resources."""

from aiohttp import web

from petset.api.errors import MethodNotAllowed
from petset.apiserver.discovery import Discovery
from petset.apiserver.openapi import OpenApi
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.httpd.answers import json_response
from petset.httpd.handlers import ResourceHandler
from petset.httpd.negotiation import accepted_discovery

HEALTH_PATHS = frozenset({"/healthz", "/livez", "/readyz", "/livez/ping", "/readyz/ping"})


class Front:
    """The one handler behind the listener."""

    def __init__(self, server: ApiServer) -> None:
        self._resources = ResourceHandler(server)
        self._discovery = Discovery(server.catalogue)
        self._openapi = OpenApi(server.catalogue)

    async def handle(self, request: web.BaseRequest, identity: Identity) -> web.StreamResponse:
        """Answers a request. Raises StatusError."""
        path = request.path.rstrip("/") or "/"
        if path in HEALTH_PATHS:
            return web.Response(text="ok")
        document = self._document(path, request.headers.get("Accept", ""))
        if document is None:
            return await self._resources.handle(request, identity)
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        return document

    def _document(self, path: str, accept: str) -> web.Response | None:
        version = accepted_discovery(accept) if path in ("/api", "/apis") else ""
        if version:
            response = json_response(self._discovery.aggregated(path, version))
            form = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            response.headers["Content-Type"] = form
            return response
        body = self._discovery.plain.get(path) or self._openapi_document(path)
        return json_response(body) if body is not None else None

    def _openapi_document(self, path: str) -> bytes | None:
        if path == "/openapi/v2":
            return self._openapi.v2
        if path == "/openapi/v3":
            return self._openapi.v3_index
        return self._openapi.v3(path.removeprefix("/openapi/v3/")) if path.startswith("/openapi/v3/") else None
