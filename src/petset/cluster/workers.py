"""What works behind the API: the controllers of a StatefulSet, and the node. Wiring only."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from petset.aio.tasks import Supervisor
from petset.api.errors import AlreadyExists
from petset.api.types import Object
from petset.apiserver.local import LocalClient
from petset.client.informer import InformerFactory
from petset.client.recorder import EventRecorder
from petset.cluster import Api
from petset.controllers.aggregation.controller import ClusterRoleAggregation
from petset.controllers.disruption.controller import DisruptionController
from petset.controllers.disruption.stale import StaleDisruptions
from petset.controllers.endpoints.controller import EndpointsController
from petset.controllers.endpoints.mirror import EndpointsMirror
from petset.controllers.events.controller import EventExpiry
from petset.controllers.garbagecollector.controller import GarbageCollector
from petset.controllers.namespace.controller import NamespaceController
from petset.controllers.nodelifecycle.controller import NodeLifecycle
from petset.controllers.quota.controller import QuotaController
from petset.controllers.scheduler.controller import Scheduler
from petset.controllers.shutdown.controller import ShutdownController
from petset.controllers.statefulset.controller import StatefulSetController
from petset.controllers.tokens.controller import TokensController
from petset.controllers.volumes.binder import VolumeBinder
from petset.controllers.volumes.classes import default_storage_class
from petset.controllers.volumes.directories import LocalDirectories
from petset.controllers.volumes.protection import VolumeProtection
from petset.controllers.volumes.provisioner import DirectoryProvisioner
from petset.httpd.app import read_authority
from petset.kinds import CATALOGUE
from petset.node.local import LocalNode, NodeConfig, Surroundings


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running petset."""

    api: Api
    informers: InformerFactory
    events: Supervisor
    """The event recorders; they outlive everybody who records."""
    controllers: Supervisor
    node: LocalNode

    def recorder(self, component: str) -> EventRecorder:
        """A running event recorder for a component."""
        return recorder_for(self.api, component, self.events)

    async def shut_down(self) -> None:
        """Ends all pods in order, within their grace periods, and what the node made for them. Volumes stay."""
        await self.controllers.stop()
        await ShutdownController(self.api.client("shutdown-controller"), self.informers, self.api.clock).run()
        await self.node.destroy()


@asynccontextmanager
async def working(api: Api) -> AsyncIterator[Cluster]:
    """Controllers and node, until the block is left."""
    config, clock = api.config, api.clock
    await create_storage_class(api.client("petset"))
    async with AsyncExitStack() as stack:
        events = await stack.enter_async_context(Supervisor("events", clock))
        watching = await stack.enter_async_context(Supervisor("informers", clock))
        informers = InformerFactory(api.client("informers"), clock)
        wanted = NodeConfig(config.data_dir, api.instance, config.runtime, config.network, config.cluster_domain)
        around = Surroundings(api.client("node"), informers, recorder_for(api, "kubelet", events), clock)
        node = await stack.enter_async_context(await LocalNode.create(wanted, around))
        api.server.pods.serve_from(node.streams)
        controllers = await stack.enter_async_context(Supervisor("controllers", clock))
        cluster = Cluster(api, informers, events, controllers, node)
        start_controllers(cluster)
        informers.start(watching)
        node.start()
        yield cluster


def recorder_for(api: Api, component: str, tasks: Supervisor) -> EventRecorder:
    """A running event recorder."""
    recorder = EventRecorder(api.client(component), component, clock=api.clock)
    tasks.start(f"events of {component}", recorder.run)
    return recorder


def start_controllers(cluster: Cluster) -> None:
    """Starts everything that stands behind a StatefulSet."""
    informers, clock, start = cluster.informers, cluster.api.clock, cluster.controllers.start
    client, recorder = cluster.api.client, cluster.recorder
    name = "statefulset-controller"
    start(name, StatefulSetController(client(name), informers, recorder(name), clock).run)
    name = "endpoint-controller"
    start(name, EndpointsController(client(name), informers, clock).run)
    name = "endpointslicemirroring-controller"
    mirror_events = recorder("endpoint-slice-mirroring-controller")
    start(name, EndpointsMirror(client(name), informers, mirror_events, clock).run)
    name = "node-controller"
    start(name, NodeLifecycle(client(name), informers, clock).run)
    name = "default-scheduler"
    start(name, Scheduler(client(name), informers, recorder(name), clock).run)
    name = "namespace-controller"
    root_ca = read_authority(cluster.api.certificates)
    start(name, NamespaceController(client(name), informers, clock, namespaced_kinds(), root_ca).run)
    name = "tokens-controller"
    start(name, TokensController(client(name), informers, clock, root_ca).run)
    name = "persistentvolume-controller"
    start(name, VolumeBinder(client(name), informers, recorder(name), clock).run)
    name = "directory-provisioner"
    directories = LocalDirectories(cluster.api.config.data_dir / "volumes")
    start(name, DirectoryProvisioner(client(name), informers, recorder(name), clock, directories).run)
    name = "generic-garbage-collector"
    start(name, GarbageCollector(client(name), informers, recorder(name), clock, owning_kinds()).run)
    name = "volume-protection-controller"
    start(name, VolumeProtection(client(name), informers, clock).run)
    name = "event-ttl-controller"
    start(name, EventExpiry(client(name), clock).run)
    name = "clusterrole-aggregation-controller"
    start(name, ClusterRoleAggregation(client(name), informers, clock).run)
    name = "disruption-controller"
    start(name, DisruptionController(client(name), informers, recorder(name), clock).run)
    start("stale-disruption-controller", StaleDisruptions(client(name), informers, clock).run)
    name = "resourcequota-controller"
    start(name, QuotaController(client(name), informers, clock).run)


def owning_kinds() -> list[type[Object]]:
    """What may own or be owned: everything but events."""
    return [r.type for r in CATALOGUE.resources if "list" in r.verbs and r.view is None and r.kind != "Event"]


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
