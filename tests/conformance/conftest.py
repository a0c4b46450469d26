"""The cluster that is judged: petset, or with `pytest tests/conformance --kubeconfig FILE` any other.

The one who asks has to be an administrator there. Tests have a namespace of their own each, which goes when they end;
those that change nothing share one.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from petset.client.connection import Connection
from petset.client.kubeconfig import read_kubeconfig
from tests.conformance.api import BASE, Api
from tests.conformance.server import served

RUN = f"{os.getpid():x}"
NUMBERS = count()


def pytest_addoption(parser: pytest.Parser) -> None:
    with suppress(ValueError):  # also asked for by the command line that names this directory twice
        parser.addoption("--kubeconfig", help="the cluster to judge, by default a petset of the tests' own")


@pytest.fixture(scope="session")
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """The way to the cluster."""
    kubeconfig = request.config.getoption("--kubeconfig", default=None)
    if kubeconfig:
        yield read_kubeconfig([Path(kubeconfig)]).connection()
        return
    if sys.platform != "linux":
        pytest.skip("petset's node is a Linux machine")
    with TemporaryDirectory(prefix="petset-conformance-") as directory, served(Path(directory)) as own:
        yield own


@pytest.fixture(scope="session")
def common(connection: Connection) -> Iterator[str]:
    """A namespace for all that change nothing, with the StatefulSet `web` in it."""
    name = f"conformance-{RUN}"
    asyncio.run(_prepare(connection, name))
    yield name
    asyncio.run(_leave(connection, name))


async def _prepare(connection: Connection, name: str) -> None:
    async with Api.opened(connection, name) as api:
        await api.begin()
        (await api.post("statefulsets", BASE)).done(201)


async def _leave(connection: Connection, name: str) -> None:
    async with Api.opened(connection, name) as api:
        (await api.patch("statefulsets/web", {"metadata": {"finalizers": None}})).done()
        await api.end()


@pytest.fixture
async def there(connection: Connection, common: str) -> AsyncIterator[Api]:
    """The API, with the namespace that all have in common."""
    async with Api.opened(connection, common) as api:
        yield api


@pytest.fixture
async def api(connection: Connection) -> AsyncIterator[Api]:
    """The API, with a new namespace that has its ServiceAccount."""
    async with Api.opened(connection, f"conformance-{RUN}-{next(NUMBERS)}") as api:
        await api.begin()
        yield api
        await api.end()
