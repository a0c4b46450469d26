"""HTTP to one server: TLS, credentials, Status errors, streams, WebSockets. Knows paths and bytes, but no kinds."""

import asyncio
import contextlib
import socket
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from petset import __version__
from petset.aio.clock import Clock, SystemClock
from petset.api.errors import Unauthorized, from_status
from petset.client.connection import Connection, Credentials, tls_context
from petset.client.errors import ConfigError
from petset.client.interface import ConnectionLost

JSON = "application/json"
USER_AGENT = f"petset/{__version__}"
CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 75.0
"""A server answers or gives up within 60 s; streams have no such limit."""
PING_SECONDS = 30.0
GOODBYE_SECONDS = 1.0
"""How long a server may take to say goodbye over TLS."""
GOODBYE_POLL = 0.002
KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A watch may be silent for hours: the kernel's probes tell a silent server from a dead one within a minute."""

Params = Sequence[tuple[str, str]]


class Body(NamedTuple):
    """What a request sends."""

    content: bytes
    type: str = JSON


class Transport:
    """Sends requests to the server of a connection. Errors are StatusErrors, or ConnectionLost.

    The user agent is the field manager of writes that name none. Connections are opened with the first request and
    kept for the next ones until `close`.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        user_agent: str = USER_AGENT,
        clock: Clock | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self._connection = connection
        self._credentials = Credentials(connection, clock)
        self._user_agent = user_agent
        self._on_warning = on_warning
        self._session: aiohttp.ClientSession | None = None
        self._closed = False
        self._opening = asyncio.Lock()
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    async def request(
        self, method: str, path: str, params: Params = (), body: Body | None = None, accept: str = JSON
    ) -> bytes:
        """The body of a successful answer. `path` is already quoted."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=ANSWER_SECONDS)
        with _connection_errors():
            response = await self._send(method, path, params, body, _accept(accept), limits)
            try:
                return await response.read()
            finally:
                response.release()

    @asynccontextmanager
    async def stream(self, path: str, params: Params = (), accept: str = JSON) -> AsyncIterator[AsyncIterator[bytes]]:
        """The body of a successful GET, chunk by chunk as it arrives, for as long as the block lasts."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)
        with _connection_errors():
            response = await self._send("GET", path, params, None, _accept(accept), limits)
        try:
            async with contextlib.aclosing(_chunks(response)) as chunks:
                yield chunks
        finally:
            response.close()

    @asynccontextmanager
    async def lines(self, path: str, params: Params = (), accept: str = JSON) -> AsyncIterator[AsyncIterator[bytes]]:
        """Like `stream`, line by line: the frames of a watch."""
        async with self.stream(path, params, accept) as chunks, contextlib.aclosing(_lines(chunks)) as lines:
            yield lines

    @asynccontextmanager
    async def websocket(
        self, path: str, params: Params, protocol: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """A WebSocket that speaks `protocol`. When the server refuses it, the error says why."""
        session = await self._open_session()
        headers = await self._authorization()
        with _connection_errors():
            socket_ = await session.ws_connect(
                self._url(path, params),
                protocols=(protocol,),
                headers=headers,
                max_msg_size=0,
                heartbeat=PING_SECONDS,
                server_hostname=self._connection.tls_server_name or None,
            )
        try:
            if socket_.protocol != protocol:
                raise ConnectionLost(f"the server does not speak {protocol}")
            yield socket_
        finally:
            await socket_.close()

    async def close(self) -> None:
        """Ends all requests and connections, for good; when it returns no socket is left."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            await self._until_parted()

    async def _until_parted(self) -> None:
        """Connections that a stream or WebSocket has ended say goodbye first; aiohttp does not wait for them."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_SECONDS):
                while any(each.fileno() >= 0 for each in self._sockets):
                    await SystemClock().sleep(GOODBYE_POLL)

    async def _send(
        self,
        method: str,
        path: str,
        params: Params,
        body: Body | None,
        headers: Mapping[str, str],
        limits: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        session = await self._open_session()
        sent = {**headers, "Content-Type": body.type} if body else {**headers}
        for again in (True, False):
            try:
                response = await session.request(
                    method,
                    self._url(path, params),
                    data=body.content if body else None,
                    headers={**sent, **await self._authorization()},
                    timeout=limits,
                    allow_redirects=False,
                    server_hostname=self._connection.tls_server_name or None,
                )
            except Unauthorized:
                if not again or not self._credentials.discard():
                    raise
            else:
                break
        self._warn(response)
        return response

    async def _authorization(self) -> Mapping[str, str]:
        try:
            return await self._credentials.headers()
        except ConfigError as error:
            raise Unauthorized(str(error)) from error

    async def _open_session(self) -> aiohttp.ClientSession:
        async with self._opening:
            if self._closed:
                raise ConnectionLost("the client is closed")
            if self._session is None:
                try:
                    tls = tls_context(self._connection, await self._credentials.from_plugin())
                except ConfigError as error:
                    raise Unauthorized(str(error)) from error
                connector = aiohttp.TCPConnector(limit=0, ssl=tls or False, socket_factory=self._new_socket)
                self._session = aiohttp.ClientSession(
                    connector=connector, headers={"User-Agent": self._user_agent}, raise_for_status=_refuse
                )
        return self._session

    def _new_socket(self, address: tuple[Any, ...]) -> socket.socket:
        created = _keepalive_socket(address)
        self._sockets.add(created)
        return created

    def _url(self, path: str, params: Params) -> URL:
        query = f"?{urlencode(params)}" if params else ""
        return URL(f"{self._connection.server}{path}{query}", encoded=True)

    def _warn(self, response: aiohttp.ClientResponse) -> None:
        if self._on_warning is not None:
            for header in response.headers.getall("Warning", ()):
                code, _, text = header.partition(" - ")
                if code == "299":
                    self._on_warning(text.removeprefix('"').removesuffix('"').replace('\\"', '"'))


@contextlib.contextmanager
def _connection_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ClientError, OSError) as error:
        raise ConnectionLost(str(error) or type(error).__name__) from error


def _keepalive_socket(address: tuple[Any, ...]) -> socket.socket:
    family, kind, protocol, *_ = address
    connected = socket.socket(family, kind, protocol)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        connected.setsockopt(socket.IPPROTO_TCP, option, value)
    return connected


def _accept(accept: str) -> dict[str, str]:
    return {"Accept": accept}


async def _refuse(response: aiohttp.ClientResponse) -> None:
    """Raises the error that an answer stands for; also that to a WebSocket's handshake, whose body is lost later on."""
    if response.status in (101, 200, 201, 202):
        return
    raw = await response.read()
    response.release()
    try:
        status = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        status = {"message": raw.decode("utf-8", "replace").strip()}
    error = from_status(status if isinstance(status, dict) else {}, response.status)
    retry_after = response.headers.get("Retry-After", "")
    if retry_after.isdecimal():
        error.details.setdefault("retryAfterSeconds", int(retry_after))
    raise error


async def _chunks(response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    chunks = response.content.iter_any()
    while True:
        with _connection_errors():
            chunk = await anext(chunks, None)
        if chunk is None:
            return
        yield chunk


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Splits at newlines; a line may be of any length, which aiohttp's own reader does not allow."""
    parts: list[bytes] = []
    async for chunk in chunks:
        first, *others = chunk.split(b"\n")
        parts.append(first)
        for other in others:
            if line := b"".join(parts):
                yield line
            parts = [other]
    if line := b"".join(parts):
        yield line
