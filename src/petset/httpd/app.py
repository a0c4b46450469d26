"""The listener: TLS, authentication, the edge where errors become answers, and an end that drains.

One handler serves every URL: the API's URLs are parsed by `routes`, and the documents (discovery, OpenAPI, version,
health) are looked up by path.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from petset.aio.clock import SystemClock
from petset.api.errors import InternalError, StatusError
from petset.apiserver.request import Identity
from petset.httpd.answers import error_response
from petset.httpd.authentication import Authenticator, TokenAuthenticator, knows_no_token
from petset.httpd.certificates import Certificates
from petset.httpd.connections import Admits, Listener
from petset.httpd.presentation import present
from petset.httpd.tls import Encryption, TlsConnection

log = logging.getLogger(__name__)

BACKLOG = 1024
"""Connections that wait to be accepted."""
DRAIN_SECONDS = 0.5
"""How long requests may take to end when the server stops; watches are cut off then."""

_CLOCK = SystemClock()  # sockets know no other

Handler = Callable[[web.BaseRequest, Identity], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where the server listens; port 0 asks for any free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def server_context(certificates: Certificates) -> ssl.SSLContext:
    """TLS 1.2 or newer with the server's certificate; a client may show a certificate of our authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificates.server.certificate, certificates.server.key)
    context.load_verify_locations(cafile=certificates.authority.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.options |= ssl.OP_NO_RENEGOTIATION  # upstream's Go knows none
    context.set_alpn_protocols(["http/1.1"])
    return context


class HttpServer:
    """Serves `handler` over HTTPS. `start` returns once connections are accepted."""

    def __init__(self, handler: Handler, context: ssl.SSLContext, tokens: TokenAuthenticator = knows_no_token) -> None:
        self._handler = handler
        self._encryption = Encryption(context)
        self._authenticator = Authenticator(tokens)
        # A client that leaves ends its request: a watch has nobody to write to; an accepted write is stored anyway.
        self._listener = Listener(self._serve, handler_cancellation=True)
        self._servers: list[asyncio.Server] = []

    async def start(self, address: Address) -> Address:
        """Listens. Raises OSError when the address is taken. Returns the address with the port that was given."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._connection, address.host, address.port, backlog=BACKLOG)
        self._servers.append(server)
        host, port = server.sockets[0].getsockname()[:2]
        return Address(host, port)

    async def listen_also(self, sock: socket.socket, admits: Admits) -> None:
        """Accepts connections on a socket that listens already, from those whom `admits` lets in. After `start`."""
        self._listener.gates[sock.getsockname()[0]] = admits
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_server(self._connection, sock=sock, backlog=BACKLOG))

    async def stop(self) -> None:
        """Stops listening, lets requests end for a moment, then closes all connections."""
        for server in self._servers:
            server.close()
        self._servers.clear()
        await _CLOCK.sleep(0)  # requests that have come begin
        self._listener.pre_shutdown()
        await self._listener.shutdown(DRAIN_SECONDS)
        self._encryption.stop()

    def _connection(self) -> TlsConnection:
        return self._encryption.connection(self._listener)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """The edge: whatever happens inside, the client gets an answer."""
        try:
            return await self._handler(request, self._authenticator.identify(request))
        except StatusError as error:
            _check_unanswered(request)
            return await _refuse(request, error)
        except ConnectionError:
            log.debug("%s %s: the client went away", request.method, request.path)
            return web.Response(status=499)
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            _check_unanswered(request)
            return error_response(InternalError("Internal error occurred: see the log of petset"))


async def _refuse(request: web.BaseRequest, error: StatusError) -> web.Response:
    response = error_response(error)
    await present(request, response)
    return response


def _check_unanswered(request: web.BaseRequest) -> None:
    """Of an answer that has begun nothing can be taken back: cutting the connection is all that tells of an error."""
    if request.writer.output_size > 0:
        raise ConnectionResetError("the answer has begun already")


def read_authority(certificates: Certificates) -> str:
    """The authority's certificate in PEM form, as kubeconfig and kube-root-ca.crt carry it."""
    return Path(certificates.authority.certificate).read_text()
