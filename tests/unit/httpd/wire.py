"""The server behind a real socket, and a client that says whatever a test wants, well-formed or not."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import msgspec
from aiohttp import web

from petset.aio.clock import SystemClock
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.interface import PodStreams
from petset.httpd.app import Address, HttpServer, server_context
from petset.httpd.front import Front
from petset.httpd.pki import ensure_certificates
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore

PATIENCE = 10.0
"""Seconds for any answer: longer is a hang."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer off the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def tree(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def reason(self) -> str:
        """That of the Status in the body; "" where there is none."""
        return str(self.tree.get("reason", "")) if "json" in self.headers.get("content-type", "") else ""

    @property
    def message(self) -> str:
        return str(self.tree.get("message", ""))


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def ask(
        self, method: str, target: str | bytes, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """A request with an answer. `target` is sent as it is."""
        path = target if isinstance(target, bytes) else target.encode()
        lines = {"Host": "petset", "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        await self.send(method.encode() + b" " + path + b" HTTP/1.1\r\n" + head.encode("latin-1") + b"\r\n" + body)
        return await self.reply(method)

    async def reply(self, method: str = "") -> Reply:
        """The next answer, whole."""
        async with asyncio.timeout(PATIENCE):
            status, headers = await self.head()
            body = b"" if method == "HEAD" or status in (101, 204, 304) else await self._body(headers)
            return Reply(status, headers, body)

    async def head(self) -> tuple[int, Mapping[str, str]]:
        """Status and headers of the next answer."""
        first, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip("\r\n").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        implied = {"connection": "close"} if first.startswith("HTTP/1.0") else {}
        return int(first.split(" ")[1]), implied | {name.lower(): value.strip() for name, _, value in pairs}

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if "content-length" in headers:
            return await self.reader.readexactly(int(headers["content-length"]))
        chunks = []
        while chunk := await self.chunk():
            chunks.append(chunk)
        return b"".join(chunks)

    async def chunk(self) -> bytes:
        """The next chunk of a streamed body; empty at its end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def closed(self) -> bool:
        """Whether the server closes the connection, whatever it still says."""
        try:
            async with asyncio.timeout(PATIENCE):
                while await self.reader.read(65536):
                    pass
        except ConnectionError:
            return True
        except TimeoutError:
            return False
        return True


@dataclass
class Door:
    """Where a test's server listens, and the ways in. Another `front` may take its place at any time."""

    server: ApiServer
    front: Front
    address: Address = field(init=False)
    admin: ssl.SSLContext = field(init=False)
    stranger: ssl.SSLContext = field(init=False)
    listener: HttpServer = field(init=False)

    async def listen(self, directory: Path) -> HttpServer:
        """Begins to accept connections."""
        certificates = ensure_certificates(directory, ["127.0.0.1"], SystemClock().now())
        self.stranger = ssl.create_default_context(cafile=str(certificates.authority.certificate))
        self.admin = ssl.create_default_context(cafile=str(certificates.authority.certificate))
        self.admin.load_cert_chain(certificates.admin.certificate, certificates.admin.key)
        listener = HttpServer(self._handle, server_context(certificates), self._user)
        self.address = await listener.start(Address("127.0.0.1", 0))
        self.listener = listener
        return listener

    async def _handle(self, request: web.BaseRequest, identity: Identity) -> web.StreamResponse:
        return await self.front.handle(request, identity)

    def _user(self, token: str) -> Identity | None:
        return self.front.user(token)

    @asynccontextmanager
    async def open(self, *, anonymous: bool = False) -> AsyncIterator[Wire]:
        """A connection, as the administrator unless `anonymous`."""
        context = self.stranger if anonymous else self.admin
        async with Wire(*await asyncio.open_connection(self.address.host, self.address.port, ssl=context)) as wire:
            yield wire

    async def ask(
        self, method: str, target: str | bytes, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Reply:
        """One request over a connection of its own."""
        async with self.open() as wire:
            return await wire.ask(method, target, body, headers)


@asynccontextmanager
async def opened(directory: Path, node: PodStreams | None = None) -> AsyncIterator[Door]:
    """A whole server on the loopback, over the memory store."""
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, SystemClock(), node)
    await create_system_objects(server, 6443)
    door = Door(server, Front(server))
    listener = await door.listen(directory)
    yield door
    await listener.stop()
    await store.close()
