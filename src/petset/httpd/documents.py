"""Documents that follow from the catalogue: discovery, OpenAPI, version. Made once, known again by their hash."""

from datetime import timedelta
from functools import cached_property

import msgspec
from aiohttp import web

from petset.aio.clock import Clock
from petset.api.errors import MethodNotAllowed, NotAcceptable
from petset.api.resources import Catalogue
from petset.apiserver.discovery import Discovery
from petset.apiserver.openapi import Document, OpenApi, place
from petset.apiserver.openapi_protobuf import MEDIA_TYPES
from petset.httpd.answers import json_response
from petset.httpd.compression import mark_gzip, shrink, takes_gzip
from petset.httpd.negotiation import accepted_discovery, accepts_json, prefers

FOR_EVER = timedelta(days=365)
SMALLEST = 1400
"""Bytes of a document that is not compressed: it fits into one packet."""
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
"""Not served, and yet answered: kubectl looks for a kind among them before it says that it does not know it."""
_OPENAPI_V3 = "/openapi/v3/"
_PATHS = (
    "/.well-known/openid-configuration",
    "/api",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openid/v1/jwks",
    "/readyz",
    "/version",
)
_NO_CRDS = (
    b'{"kind":"CustomResourceDefinitionList","apiVersion":"apiextensions.k8s.io/v1",'
    b'"metadata":{"resourceVersion":"1"},"items":[]}'
)


class Documents:
    """What is answered to those who want to know what is served."""

    def __init__(self, catalogue: Catalogue, clock: Clock) -> None:
        self._clock = clock
        self._discovery = Discovery(catalogue)
        self._openapi = OpenApi(catalogue)
        self._compressed: dict[str, bytes] = {}

    def answer(self, request: web.BaseRequest, path: str) -> web.Response | None:
        """The document at a path; None where there is none. Raises MethodNotAllowed, NotAcceptable."""
        if path == CRDS and request.method == "GET" and "watch" not in request.query:
            return json_response(_NO_CRDS)
        if path == "/" and request.method != "CONNECT":  # which a success would make a tunnel
            return json_response(self._index)
        response = self._openapi_response(request, path) or self._discovery_response(request, path)
        if response is not None and request.method != "GET" and not (request.method == "HEAD" and _takes_head(path)):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        return response

    def knows_none_like(self, path: str) -> bool:
        """Whether a path is below nothing that is served: upstream answers such ones without a Status."""
        return not (path == "/version" or path.startswith(("/version/", "/api/")) or self._discovery.is_group(path))

    @cached_property
    def _index(self) -> bytes:
        """What there is, for people."""
        groups = [name for name in self._discovery.plain if name.startswith("/api")]
        paths = sorted({*_PATHS, *groups})
        return msgspec.json.format(msgspec.json.encode({"paths": paths}), indent=2)

    def _discovery_response(self, request: web.BaseRequest, path: str) -> web.Response | None:
        version = accepted_discovery(request.headers.get("Accept", "")) if path in ("/api", "/apis") else ""
        if version:
            response = json_response(self._discovery.aggregated(path, version))
            form = f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
            response.headers["Content-Type"] = form
            return response
        if path == "/api":
            return json_response(self._discovery.core_versions(_address(request)))
        body = self._discovery.plain.get(path)
        return json_response(body) if body is not None else None

    def _openapi_response(self, request: web.BaseRequest, path: str) -> web.Response | None:
        if path == "/openapi/v3":
            return self._known_by_hash(request, self._openapi.v3_index)
        if path == "/openapi/v2":
            if prefers(request.headers.get("Accept", ""), MEDIA_TYPES):
                response = self._known_by_hash(request, self._openapi.v2_in_protobuf)
                response.headers["Content-Type"] = MEDIA_TYPES[-1]
                return response
            _check_accept(request)
            return self._known_by_hash(request, self._openapi.v2)
        name = path.removeprefix(_OPENAPI_V3)
        document = self._openapi.v3(name) if path.startswith(_OPENAPI_V3) else None
        if document is None:
            return None
        _check_accept(request)
        asked = request.query.get("hash", "")
        if asked and asked != document.hash:
            return web.Response(status=301, headers={"Location": place(name, document)})
        response = self._known_by_hash(request, document)
        if asked:
            response.headers["Cache-Control"] = "public, immutable"
            until = self._clock.now() + FOR_EVER
            response.headers["Expires"] = until.strftime("%a, %d %b %Y %H:%M:%S GMT")
        return response

    def _known_by_hash(self, request: web.BaseRequest, document: Document) -> web.Response:
        """The document, or only that it is still the one that the client has."""
        tag = f'"{document.hash}"'
        known = [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]
        if tag in known or "*" in known:
            response = web.Response(status=304)
        elif len(document.body) > SMALLEST and takes_gzip(request):
            response = json_response(self._shrunk(document))
            mark_gzip(response)
        else:
            response = json_response(document.body)
        response.headers["ETag"] = tag
        response.headers.add("Vary", "Accept")
        return response

    def _shrunk(self, document: Document) -> bytes:
        found = self._compressed.get(document.hash)
        if found is None:
            found = self._compressed[document.hash] = shrink(document.body)
        return found


def _address(request: web.BaseRequest) -> str:
    """Where the client has reached the server."""
    here = request.transport.get_extra_info("sockname") if request.transport is not None else None
    return f"{here[0]}:{here[1]}" if here else request.host


def _takes_head(path: str) -> bool:
    """Whether upstream's handler of a document does not care for the method."""
    return path.startswith("/openapi/") or (path.startswith("/apis") and path.count("/") <= len(("apis", "group")))


def _check_accept(request: web.BaseRequest) -> None:
    """Upstream writes every document in protobuf, too; nobody needs that who reads JSON."""
    if not accepts_json(request.headers.get("Accept", "")):
        raise NotAcceptable("only the following media types are accepted: application/json")
