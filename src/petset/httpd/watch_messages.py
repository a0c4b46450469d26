"""Watches over WebSockets: one message a change, as text. Browsers watch so, and the JavaScript client did.

Follows upstream's `handlers/watch.go`, which does not care for the name of the protocol: it takes the one it is told.
"""

from functools import partial

from aiohttp import WSMsgType, web

from petset.api.errors import BadRequest, StatusError
from petset.apiserver import encodings
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.stream import Batches
from petset.apiserver.watch import error_frame
from petset.httpd import websockets
from petset.httpd.metrics import RequestMetrics
from petset.httpd.watch import Watcher


class WatchMessages:
    """All watches of a server over WebSockets."""

    def __init__(self, server: ApiServer, metrics: RequestMetrics) -> None:
        self._server = server
        self._metrics = metrics

    async def serve(self, request: web.BaseRequest, watcher: Watcher) -> web.StreamResponse:
        """Sends changes until the client leaves, the time is over or the watch breaks, which is its last message.

        Raises BadRequest for what cannot become a WebSocket.
        """
        protocols = websockets.offered(request)
        if len(protocols) > 1:
            raise BadRequest("unable to upgrade: a watch does not choose between protocols")
        socket = websockets.websocket(request, "".join(protocols))
        async with self._server.stream(watcher.target, watcher.options) as batches:
            await socket.prepare(request)
            await websockets.send_all(socket, "watch", partial(self._send, socket, batches, watcher))
            return socket

    async def _send(self, socket: web.WebSocketResponse, batches: Batches, watcher: Watcher) -> None:
        registry, resource, form = self._server.registry, watcher.target.resource, watcher.form
        try:
            async for batch in batches:
                self._metrics.watch_events[resource] += len(batch)
                for change in batch:
                    line = encodings.change_bytes(registry, resource, change, form)
                    await socket.send_frame(line, WSMsgType.TEXT)
                    form = form.later()
        except StatusError as error:
            await socket.send_frame(error_frame(error.status()), WSMsgType.TEXT)
