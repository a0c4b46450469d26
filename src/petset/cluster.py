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
from petset.api.errors import AlreadyExists
from petset.api.types import Object
from petset.apiserver.bootstrap import api_service_address, create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import indexer
from petset.apiserver.request import Identity
from petset.client.informer import InformerFactory
from petset.client.recorder import EventRecorder
from petset.controllers.endpoints.controller import EndpointsController
from petset.controllers.events.controller import EventExpiry
from petset.controllers.garbagecollector.controller import GarbageCollector
from petset.controllers.namespace.controller import NamespaceController
from petset.controllers.scheduler.controller import Scheduler
from petset.controllers.shutdown.controller import ShutdownController
from petset.controllers.statefulset.controller import StatefulSetController
from petset.controllers.volumes.binder import VolumeBinder
from petset.controllers.volumes.classes import default_storage_class
from petset.controllers.volumes.directories import LocalDirectories
from petset.controllers.volumes.protection import VolumeProtection
from petset.controllers.volumes.provisioner import DirectoryProvisioner
from petset.httpd.app import Address, HttpServer, read_authority, server_context
from petset.httpd.documents import Front
from petset.httpd.pki import Certificates, ensure_certificates
from petset.kinds import CATALOGUE
from petset.node.local import LocalNode, NodeConfig, Surroundings
from petset.node.network.interface import DEFAULT_CONFIG, NetworkConfig
from petset.node.runtimes.discovery import Wanted
from petset.store.sqlite import SqliteStore

SYSTEM_GROUPS = ("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")


@dataclass(frozen=True, slots=True)
class Config:
    """What one petset is: where its data are, where it listens, how it runs pods."""

    data_dir: Path
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 6443))
    runtime: Wanted = "auto"
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
    informers: InformerFactory
    events: Supervisor
    """The event recorders; they outlive everybody who records."""
    controllers: Supervisor
    node: LocalNode

    def client(self, component: str) -> LocalClient:
        """A client for a component of the system, acting as its ServiceAccount."""
        return client_for(self.server, component)

    def recorder(self, component: str) -> EventRecorder:
        """A running event recorder for a component."""
        return recorder_for(self.server, component, self.clock, self.events)

    async def shut_down(self) -> None:
        """Ends all pods in order, within their grace periods, and what the node made for them. Volumes stay."""
        await self.controllers.stop()
        await ShutdownController(self.client("shutdown-controller"), self.informers, self.clock).run()
        await self.node.destroy()


def client_for(server: ApiServer, component: str) -> LocalClient:
    """A client that acts as a component's ServiceAccount."""
    identity = Identity(f"system:serviceaccount:kube-system:{component}", SYSTEM_GROUPS)
    return LocalClient(server, identity, component)


def recorder_for(server: ApiServer, component: str, clock: Clock, tasks: Supervisor, host: str = "") -> EventRecorder:
    """A running event recorder."""
    recorder = EventRecorder(client_for(server, component), component, host=host, clock=clock)
    tasks.start(f"events of {component}", recorder.run)
    return recorder


@asynccontextmanager
async def running(config: Config) -> AsyncIterator[Cluster]:
    """A petset that answers requests and works, until the block is left. The pods live on."""
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = SqliteStore.open(config.data_dir, indexer(CATALOGUE))
        stack.push_async_callback(store.close)
        service_cidr = str(config.network.service_cidr)
        server = ApiServer(CATALOGUE, store, clock, None, service_cidr)
        certificates = ensure_certificates(config.data_dir / "pki", host_names(config), clock.now())
        http = HttpServer(Front(server).handle, server_context(certificates))
        address = await http.start(config.listen)
        stack.push_async_callback(http.stop)
        await create_system_objects(server, address.port, service_cidr)
        await create_storage_class(client_for(server, "petset"))
        events = await stack.enter_async_context(Supervisor("events", clock))
        watching = await stack.enter_async_context(Supervisor("informers", clock))
        informers = InformerFactory(client_for(server, "informers"), clock)
        wanted = NodeConfig(config.data_dir, store.uuid, config.runtime, config.network, config.cluster_domain)
        recorder = recorder_for(server, "kubelet", clock, events)
        around = Surroundings(client_for(server, "node"), informers, recorder, clock)
        node = await stack.enter_async_context(await LocalNode.create(wanted, around))
        server.pods.serve_from(node.streams)
        controllers = await stack.enter_async_context(Supervisor("controllers", clock))
        cluster = Cluster(config, clock, server, certificates, address, informers, events, controllers, node)
        start_controllers(cluster)
        informers.start(watching)
        node.start()
        yield cluster


def start_controllers(cluster: Cluster) -> None:
    """Starts everything that stands behind a StatefulSet."""
    informers, clock, start = cluster.informers, cluster.clock, cluster.controllers.start
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
    name = "persistentvolume-controller"
    start(name, VolumeBinder(client(name), informers, recorder(name), clock).run)
    name = "directory-provisioner"
    directories = LocalDirectories(cluster.config.data_dir / "volumes")
    start(name, DirectoryProvisioner(client(name), informers, recorder(name), clock, directories).run)
    name = "generic-garbage-collector"
    start(name, GarbageCollector(client(name), informers, recorder(name), clock, owning_kinds()).run)
    name = "volume-protection-controller"
    start(name, VolumeProtection(client(name), informers, clock).run)
    name = "event-ttl-controller"
    start(name, EventExpiry(client(name), clock).run)


def owning_kinds() -> list[type[Object]]:
    """What may own or be owned: everything but events."""
    return [r.type for r in CATALOGUE.resources if r.view is None and r.kind != "Event"]


def host_names(config: Config) -> list[str]:
    """The names and addresses under which the API is reached, from the machine and from inside pods."""
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    full = f"kubernetes.default.svc.{config.cluster_domain}"
    own = api_service_address(str(config.network.service_cidr))
    return ["localhost", "127.0.0.1", config.listen.host, *service, full, own]


async def create_storage_class(client: LocalClient) -> None:
    """The default class, once; what its user makes of it later stays."""
    try:
        await client.create(default_storage_class())
    except AlreadyExists:
        return


def namespaced_kinds() -> list[type[Object]]:
    """What a namespace may contain; pods last, because what owns them has to go first."""
    kinds = [r.type for r in CATALOGUE.resources if r.namespaced and r.view is None and "deletecollection" in r.verbs]
    return sorted(kinds, key=lambda kind: kind.__name__ == "Pod")
