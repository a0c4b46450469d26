"""HTTP methods to verbs: what a request means, and how its answer is written."""

from functools import lru_cache

from aiohttp import web
from msgspec.structs import replace

from petset.api.errors import BadRequest, MethodNotAllowed, NotAcceptable, StatusError, UnsupportedMediaType
from petset.api.types import DeleteOptions
from petset.apiserver import decoding, encodings
from petset.apiserver.authorization.attributes import on
from petset.apiserver.encodings import Form
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.read import check_revision
from petset.apiserver.request import Answer, Body, Identity, Listing, PatchBody, Target, WriteOptions
from petset.client.interface import PatchType
from petset.httpd import routes, streams
from petset.httpd.answers import json_response, send, warn_of_age
from petset.httpd.bodies import read_body
from petset.httpd.carrying import Forwarding
from petset.httpd.connections import conversation
from petset.httpd.forwarding import serve_ports
from petset.httpd.metrics import RequestMetrics, labels_of
from petset.httpd.negotiation import accepted_form, accepts_json
from petset.httpd.pieces import Pieces
from petset.httpd.remote_command import serve_spdy_session
from petset.httpd.upgrade import asks_for_spdy
from petset.httpd.watch import Watcher, WatchHandler
from petset.httpd.watch_messages import WatchMessages
from petset.httpd.websockets import is_websocket

PATCH_TYPES: dict[str, PatchType] = {
    "application/json-patch+json": "json",
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/apply-patch+yaml": "apply",
}

FEW = 20
"""Items of a list that is put together before it is sent."""
STREAMS = frozenset({"log", "exec", "attach", "portforward"})
"""Subresources that are no documents."""


class ResourceHandler:
    """The URLs of the resource API."""

    def __init__(self, server: ApiServer, metrics: RequestMetrics) -> None:
        self._server = server
        self._metrics = metrics
        self._watches = WatchHandler(server, metrics)
        self._watch_messages = WatchMessages(server, metrics)

    async def handle(self, request: web.BaseRequest, identity: Identity) -> web.StreamResponse:
        """Answers one request, and counts it until its answer is sent. Raises StatusError."""
        route = routes.parse_path(self._server.catalogue, request.path)
        running = self._metrics.begin(labels_of(request.method, route, request.query, media_type(request)))
        try:
            response = await self._carry_out(request, identity, route)
            if not response.prepared:
                warn_of_age(response, route.target.resource)
            size = await send(request, response)
        except BaseException as error:
            running.fail(request, error)
            if isinstance(error, StatusError):
                warn_of_age(error, route.target.resource)
            raise
        running.end(response.status, size)
        return response

    async def _carry_out(self, request: web.BaseRequest, identity: Identity, route: routes.Route) -> web.StreamResponse:
        target = route.target
        match request.method:
            case "GET":
                return await self._read(request, route)
            case _ if route.watches:
                pass
            case "POST":
                return await self._post(request, identity, target)
            case "PUT":
                form = form_of(request, target)
                options = self._creating(identity, target, options_of(request))
                answer = await self._server.update(identity, target, await body_of(request), options)
                return self._answer(answer, form)
            case "PATCH":
                return await self._patch(request, identity, target)
            case "DELETE":
                return await self._delete(request, identity, target)
        raise MethodNotAllowed("the server does not allow this method on the requested resource")

    # --- reading ------------------------------------------------------------------------------------------------------

    async def _read(self, request: web.BaseRequest, route: routes.Route) -> web.StreamResponse:
        target, query = route.target, request.query
        watches = routes.asks_for_watch(route, query)
        if target.subresource in STREAMS:
            return await self._stream(request, target)
        form = form_of(request, target)
        if watches:
            if not accepts_json(request.headers.get("Accept", "")):
                raise NotAcceptable("only the following media types are accepted: application/json;stream=watch")
            watcher = Watcher(target, routes.watch_options(query, target), form)
            if is_websocket(request):
                return await self._watch_messages.serve(request, watcher)
            return await self._watches.serve(request, watcher)
        if target.name:
            if routes.flag(query, "export"):
                raise BadRequest("the export parameter, deprecated since v1.14, is no longer supported")
            if "resourceVersion" in query:
                check_revision(self._server.registry, query["resourceVersion"])
            return self._answer(await self._server.get(target), form)
        listing = await self._server.list(target, routes.list_options(query))
        return self._listing(listing, form)

    async def _stream(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        with conversation(request):
            return await self._converse(request, target)

    async def _converse(self, request: web.BaseRequest, target: Target) -> web.StreamResponse:
        if target.subresource == "log":
            return await streams.serve_logs(request, self._server.pods.logs(target, streams.log_options(request.query)))
        if target.subresource == "portforward":
            return await serve_ports(request, Forwarding(target.name, self._server.pods.ports(target)))
        options = streams.exec_options(request.query, request.query.getall("command", []))
        pods = self._server.pods
        opening = pods.exec(target, options) if target.subresource == "exec" else pods.attach(target, options)
        if asks_for_spdy(request):
            return await serve_spdy_session(request, opening, options)
        if not is_websocket(request):
            raise BadRequest("Upgrade request required")
        return await streams.serve_session(request, opening, options)

    # --- writing ------------------------------------------------------------------------------------------------------

    async def _post(self, request: web.BaseRequest, identity: Identity, target: Target) -> web.StreamResponse:
        if target.subresource in ("exec", "attach", "portforward"):
            return await self._stream(request, target)
        form = form_of(request, target)
        options = options_of(request)
        answer = await self._server.create(identity, target, await body_of(request), options)
        return self._answer(answer, form)

    async def _patch(self, request: web.BaseRequest, identity: Identity, target: Target) -> web.StreamResponse:
        type_ = PATCH_TYPES.get(media_type(request))
        if type_ is None:
            raise UnsupportedMediaType("415: Unsupported Media Type", {})
        form = form_of(request, target)
        options = options_of(request)
        if type_ == "apply":
            options = self._creating(identity, target, options)
        if type_ == "apply" and not request.query.get("fieldManager"):
            options = replace(options, field_manager="")  # the client's own name does not stand for one that applies
        answer = await self._server.patch(identity, target, PatchBody(type_, await read_body(request)), options)
        return self._answer(answer, form)

    async def _delete(self, request: web.BaseRequest, identity: Identity, target: Target) -> web.StreamResponse:
        form = form_of(request, target)
        body = await body_of(request)
        options = decoding.read_options(body, DeleteOptions) if body.raw else routes.delete_options(request.query)
        if target.name:
            return self._answer(await self._server.delete(identity, target, options), form)
        listed = routes.list_options(request.query)
        listing = await self._server.delete_collection(identity, target, listed, options)
        return self._listing(listing, form)

    def _creating(self, identity: Identity, target: Target, options: WriteOptions) -> WriteOptions:
        """The options of a write that creates what is not there, where its sender may do that."""
        asked = on(identity, "create", target.resource, target.namespace, target.name)
        return options if self._server.authorizer.decide(asked).allowed else replace(options, may_create=False)

    # --- answering ----------------------------------------------------------------------------------------------------

    def _answer(self, answer: Answer, form: Form) -> web.Response:
        body = encodings.object_bytes(self._server.registry, answer, form)
        return json_response(body, answer.code, answer.warnings)

    def _listing(self, listing: Listing, form: Form) -> web.Response:
        body = encodings.list_body(self._server.registry, listing, form)
        if len(body.items) < FEW:
            return json_response(b"".join(body.pieces()))
        return json_response(Pieces(body))


def options_of(request: web.BaseRequest) -> WriteOptions:
    """The options of a write."""
    kind = routes.OPTIONS[request.method]
    return routes.write_options(request.query, agent(request), kind) if request.query else _usual(agent(request), kind)


_usual = lru_cache(128)(lambda agent, kind: routes.write_options({}, agent, kind))


def agent(request: web.BaseRequest) -> str:
    """The client's own name."""
    return request.headers.get("User-Agent", "unknown")


def form_of(request: web.BaseRequest, target: Target) -> Form:
    """The form of answer that the client asked for, known before anything is done. Raises NotAcceptable."""
    accept, include = request.headers.get("Accept", ""), request.query.get("includeObject", "")
    return accepted_form(accept, include, has_table=routes.has_table(target))


def media_type(request: web.BaseRequest) -> str:
    """The body's type, without parameters."""
    return request.headers.get("Content-Type", "").split(";", 1)[0].strip().lower()


async def body_of(request: web.BaseRequest) -> Body:
    """The body, whole."""
    return Body(await read_body(request), media_type(request))
