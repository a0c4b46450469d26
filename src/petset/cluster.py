"""The composition root: builds and wires every part of petset; holds no logic.

    async with running(config) as cluster: ...

The order of construction is the order of the layers: store, API server, HTTPS, controllers, node. The API answers
before the container engine does, so that a missing engine is something `petset status` can tell.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from petset.aio.clock import Clock, SystemClock
from petset.aio.tasks import Supervisor
from petset.api.types import Object
from petset.apiserver.bootstrap import api_service_address, create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import indexer
from petset.apiserver.request import Identity
from petset.client.informer import InformerFactory
from petset.client.recorder import EventRecorder
from petset.controllers.endpoints.controller import EndpointsController
from petset.controllers.namespace.controller import NamespaceController
from petset.controllers.scheduler.controller import Scheduler
from petset.controllers.statefulset.controller import StatefulSetController
from petset.httpd.app import Address, HttpServer, read_authority, server_context
from petset.httpd.documents import Front
from petset.httpd.pki import Certificates, ensure_certificates
from petset.kinds import CATALOGUE
from petset.node.network.interface import DEFAULT_CONFIG, NetworkConfig
from petset.store.sqlite import SqliteStore

SYSTEM_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")


@dataclass(frozen=True, slots=True)
class Config:
    """What one petset is: where its data are, where it listens, how it runs pods."""

    data_dir: Path
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 6443))
    runtime: str = "auto"
    cluster_domain: str = "cluster.local"
    network: NetworkConfig = DEFAULT_CONFIG


@dataclass(slots=True)
class Cluster:
    """A running petset."""

    config: Config
    clock: Clock
    server: ApiServer
    certificates: Certificates
    address: Address
    supervisor: Supervisor
    informers: InformerFactory

    def client(self, component: str) -> LocalClient:
        """A client for a component of the system, acting as its ServiceAccount."""
        identity = Identity(f"system:serviceaccount:kube-system:{component}", SYSTEM_GROUPS)
        return LocalClient(self.server, identity, component)

    def recorder(self, component: str) -> EventRecorder:
        """A running event recorder for a component."""
        recorder = EventRecorder(self.client(component), component, clock=self.clock)
        self.supervisor.start(f"events of {component}", recorder.run)
        return recorder


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Cluster]:
    """A petset that answers requests and works, until the block is left. The pods live on."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = SqliteStore.open(config.data_dir, indexer(CATALOGUE))
        stack.push_async_callback(store.close)
        server = ApiServer(CATALOGUE, store, clock, None, str(config.network.service_cidr))
        hosts = ["localhost", "127.0.0.1", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
        hosts += [
            f"kubernetes.default.svc.{config.cluster_domain}",
            api_service_address(str(config.network.service_cidr)),
        ]
        certificates = ensure_certificates(config.data_dir / "pki", [*hosts, config.listen.host], clock.now())
        http = HttpServer(Front(server).handle, server_context(certificates))
        address = await http.start(config.listen)
        stack.push_async_callback(http.stop)
        await create_system_objects(server, address.port, str(config.network.service_cidr))
        supervisor = await stack.enter_async_context(Supervisor("petset", clock))
        informers = InformerFactory(LocalClient(server, Identity("system:kube-controller-manager")), clock)
        cluster = Cluster(config, clock, server, certificates, address, supervisor, informers)
        start_controllers(cluster)
        informers.start(supervisor)
        yield cluster


def start_controllers(cluster: Cluster) -> None:
    """Starts everything that stands behind a StatefulSet."""
    informers, clock, start = cluster.informers, cluster.clock, cluster.supervisor.start
    client, recorder = cluster.client, cluster.recorder
    name = "statefulset-controller"
    start(name, StatefulSetController(client(name), informers, recorder(name), clock).run)
    name = "endpoint-controller"
    start(name, EndpointsController(client(name), informers, clock).run)
    name = "default-scheduler"
    start(name, Scheduler(client(name), informers, recorder(name), clock).run)
    name = "namespace-controller"
    root_ca = read_authority(cluster.certificates)
    start(name, NamespaceController(client(name), informers, clock, namespaced_kinds(), root_ca).run)


def namespaced_kinds() -> list[type[Object]]:
    """What a namespace may contain; pods last, because what owns them has to go first."""
    kinds = [r.type for r in CATALOGUE.resources if r.namespaced and r.view is None and "deletecollection" in r.verbs]
    return sorted(kinds, key=lambda kind: kind.__name__ == "Pod")
