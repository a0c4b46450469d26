"""The clients that keep the contract, each over a server of its own kind of distance."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from petset.aio.clock import SystemClock
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.connection import Connection
from petset.client.http import HttpClient
from petset.client.interface import Client
from petset.httpd.app import Address, HttpServer, server_context
from petset.httpd.front import Front
from petset.httpd.pki import ensure_certificates
from petset.kinds import CATALOGUE

Opener = Callable[[ApiServer, Path], AbstractAsyncContextManager[Client]]


@asynccontextmanager
async def local(server: ApiServer, _: Path) -> AsyncIterator[Client]:
    """In process."""
    client = LocalClient(server, Identity("tester"), "tester")
    yield client
    await client.close()


@asynccontextmanager
async def listening(server: ApiServer, directory: Path) -> AsyncIterator[Connection]:
    """Serves on the loopback with TLS; gives the administrator's connection."""
    certificates = ensure_certificates(directory, ["127.0.0.1"], SystemClock().now())
    listener = HttpServer(Front(server).handle, server_context(certificates))
    address = await listener.start(Address("127.0.0.1", 0))
    try:
        yield Connection(
            server=f"https://{address}",
            certificate_authority=certificates.authority.certificate.read_bytes(),
            client_certificate=certificates.admin.certificate.read_bytes(),
            client_key=certificates.admin.key.read_bytes(),
        )
    finally:
        await listener.stop()


@asynccontextmanager
async def http(server: ApiServer, directory: Path) -> AsyncIterator[Client]:
    """Over HTTP, from a listener of its own."""
    async with listening(server, directory) as connection:
        client = HttpClient(connection, CATALOGUE, field_manager="tester")
        yield client
        await client.close()


CLIENTS: dict[str, Opener] = {"local": local, "http": http}
