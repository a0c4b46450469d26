"""One petset server for all tests with real containers, and a namespace for each of them."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import gettempdir

import pytest

from petset.api.errors import NotFound
from petset.api.types import Namespace as NamespaceObject
from petset.api.types import ObjectMeta
from petset.client.http import HttpClient
from petset.client.kubeconfig import read_kubeconfig
from petset.kinds import CATALOGUE
from tests.contract.engines import NO_ENGINE
from tests.e2e.namespace import Namespace
from tests.e2e.server import Server, started

NUMBERS = count()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A server with real containers. Its directory is short: paths of sockets in it end at 107 bytes."""
    if NO_ENGINE:
        pytest.skip(NO_ENGINE)
    server = started(Path(gettempdir()) / f"petset-e2e-{os.getpid()}", os.getpid())
    yield server
    asyncio.run(server.delete())


@pytest.fixture
async def client(server: Server) -> AsyncIterator[HttpClient]:
    """The administrator's client."""
    connection = read_kubeconfig([server.kubeconfig]).connection()
    client = HttpClient(connection, CATALOGUE, field_manager="e2e")
    yield client
    await client.close()


@pytest.fixture
async def namespace(client: HttpClient, request: pytest.FixtureRequest) -> AsyncIterator[Namespace]:
    """A new namespace; it goes, with everything in it, while the next tests run."""
    name = f"test-{next(NUMBERS)}"
    await client.create(NamespaceObject(metadata=ObjectMeta(name=name, annotations={"test": request.node.name})))
    yield Namespace(client, name)
    with suppress(NotFound):  # the test may have deleted it
        await client.delete(NamespaceObject, name)
