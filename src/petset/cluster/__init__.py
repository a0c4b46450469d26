"""The composition root: builds and wires every part of petset; holds no logic.

    async with running(config) as cluster: ...

`serving` builds the API, from the store up to HTTPS; `workers.working` adds the controllers and the node. The two are
apart because the API answers while the rest is still being imported.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import SOCK_STREAM
from typing import TYPE_CHECKING

from petset.aio.clock import Clock, SystemClock
from petset.apiserver.authentication.signing import SigningKey
from petset.apiserver.bootstrap import api_service_address, create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer, Settings
from petset.apiserver.registry import indexer
from petset.apiserver.request import Identity
from petset.httpd.app import Address, HttpServer, server_context
from petset.httpd.certificates import Certificates
from petset.httpd.front import Front
from petset.httpd.pki import ensure_certificates
from petset.kinds import CATALOGUE
from petset.node.network.interface import DEFAULT_CONFIG, NetworkConfig
from petset.node.network.sockets import bound_socket
from petset.store.sqlite import SqliteStore

if TYPE_CHECKING:
    from petset.cluster.workers import Cluster
    from petset.node.runtimes.discovery import Wanted

log = logging.getLogger(__name__)

EVERYWHERE = ("0.0.0.0", "::")
SYSTEM_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")


@dataclass(frozen=True, slots=True)
class Config:
    """What one petset is: where its data are, where it listens, how it runs pods."""

    data_dir: Path
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 6443))
    runtime: "Wanted" = "auto"
    cluster_domain: str = "cluster.local"
    network: NetworkConfig = DEFAULT_CONFIG


@dataclass(frozen=True, slots=True)
class Api:
    """An API that answers. `instance` names this petset among others on the machine."""

    config: Config
    clock: Clock
    instance: str
    server: ApiServer
    certificates: Certificates
    address: Address

    def client(self, component: str) -> LocalClient:
        """A client for a component of the system, acting as its ServiceAccount."""
        identity = Identity(f"system:serviceaccount:kube-system:{component}", SYSTEM_GROUPS)
        return LocalClient(self.server, identity, component)


@asynccontextmanager
async def serving(config: Config) -> AsyncIterator[Api]:
    """An API that answers until the block is left. Nobody works behind it yet."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = SqliteStore.open(config.data_dir, indexer(CATALOGUE))
        stack.push_async_callback(store.close)
        service_cidr = str(config.network.service_cidr)
        key = SigningKey(config.data_dir / "pki" / "sa.key")
        settings = Settings(service_cidr, f"https://kubernetes.default.svc.{config.cluster_domain}", key)
        server = ApiServer(CATALOGUE, store, clock, None, settings)
        certificates = ensure_certificates(config.data_dir / "pki", host_names(config), clock.now())
        front = Front(server)
        front.health.add("etcd", lambda: store.failure or "")
        http = HttpServer(front.handle, server_context(certificates), front.user)
        address = await http.start(config.listen)
        stack.push_async_callback(http.stop)
        stack.callback(front.health.begin_shutdown)
        reach = await _open_to_pods(http, config, address)
        await create_system_objects(server, address.port, service_cidr, reach)
        yield Api(config, clock, store.uuid, server, certificates, address)


async def _open_to_pods(http: HttpServer, config: Config, address: Address) -> str:
    """Makes the API answer inside the pods' network, too; the address there, "" when pods cannot reach it.

    That network may come up later: the socket is bound to an address that need not be there yet.
    """
    if config.runtime == "simulated":
        return ""
    gateway = str(config.network.gateway)
    if address.host not in EVERYWHERE:
        try:
            sock = bound_socket(gateway, address.port, SOCK_STREAM)
        except OSError as error:
            log.warning("pods cannot reach the API: %s:%s: %s", gateway, address.port, error)
            return ""
        await http.listen_also(sock, config.network.has)
    return gateway


@asynccontextmanager
async def running(config: Config) -> AsyncIterator["Cluster"]:
    """A petset that answers requests and works, until the block is left. The pods live on."""
    async with serving(config) as api, work_behind(api) as cluster:
        yield cluster


@asynccontextmanager
async def work_behind(api: Api) -> AsyncIterator["Cluster"]:
    """The controllers and the node behind an API that answers meanwhile."""
    async with await asyncio.to_thread(_workers, api) as cluster:
        yield cluster


def _workers(api: Api) -> AbstractAsyncContextManager["Cluster"]:
    from petset.cluster.workers import working  # noqa: PLC0415 - half of all imports; the API answers without them

    return working(api)


def host_names(config: Config) -> list[str]:
    """The names and addresses under which the API is reached, from the machine and from inside pods."""
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    full = f"kubernetes.default.svc.{config.cluster_domain}"
    own = api_service_address(str(config.network.service_cidr))
    return ["localhost", "127.0.0.1", config.listen.host, *service, full, own, str(config.network.gateway)]
