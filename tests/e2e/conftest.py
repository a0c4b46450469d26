"""One petset server for all tests with real containers, and a namespace for each of them."""

import asyncio
import gc
import os
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from tempfile import gettempdir

import pytest

from petset.api.errors import NotFound
from petset.api.types import Namespace as NamespaceObject
from petset.api.types import ObjectMeta, ServiceAccount
from petset.client.http import HttpClient
from tests.contract.engines import NO_ENGINE
from tests.e2e.kubectl import NO_KUBECTL, Kubectl
from tests.e2e.namespace import Namespace, administrator
from tests.e2e.server import Server, started

NUMBERS = count()
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Other people's clients leave connections to the garbage collector, which comes in whatever test runs then."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore::ResourceWarning"))


@pytest.fixture(scope="module", autouse=True)
def garbage() -> Iterator[None]:
    """Collects what a module leaves before tests run that are strict about it."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


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
    async with administrator(server.kubeconfig) as client:
        yield client


@pytest.fixture
async def namespace(client: HttpClient, request: pytest.FixtureRequest) -> AsyncIterator[Namespace]:
    """A new namespace; it goes, with everything in it, while the next tests run."""
    name = f"test-{next(NUMBERS)}"
    await client.create(NamespaceObject(metadata=ObjectMeta(name=name, annotations={"test": request.node.name})))
    made = Namespace(client, name)
    await made.until(ServiceAccount, "default", lambda _: True)  # until then pods are refused, as by any Kubernetes
    yield made
    with suppress(NotFound):  # the test may have deleted it
        await client.delete(NamespaceObject, name)


@pytest.fixture
def kubectl(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a new namespace."""
    with kubectl_namespace(server, tmp_path_factory) as kubectl:
        yield kubectl


@contextmanager
def kubectl_namespace(server: Server, paths: pytest.TempPathFactory) -> Iterator[Kubectl]:
    if NO_KUBECTL:
        pytest.skip(NO_KUBECTL)
    name = f"kubectl-{next(NUMBERS)}"
    kubectl = Kubectl(server.kubeconfig, name, paths.getbasetemp() / "kubectl")
    kubectl("create", "namespace", name)
    kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    yield kubectl
    kubectl.run("delete", "namespace", name, "--wait=false")
