"""The node of this machine: runtime, network, DNS, volumes and agent, put together and started in the right order."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from petset.aio.clock import Clock
from petset.aio.tasks import Supervisor
from petset.api.types import ObjectReference, Pod
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.node.agent import Agent, AgentDependencies
from petset.node.directories import Directories
from petset.node.dns.records import Zone
from petset.node.dns.resolv import ClusterDns
from petset.node.dns.server import DnsServer
from petset.node.dns.upstream import ResolvConfFile, Resolvers
from petset.node.dns.view import ServiceView
from petset.node.machine import read_machine
from petset.node.network.bridge import BridgeNetwork
from petset.node.network.interface import NetworkConfig, NetworkError, PodNetwork
from petset.node.network.proxy import ServiceProxy
from petset.node.network.simulated import SimulatedNetwork
from petset.node.probes.handlers import ContainerHooks, ContainerProber
from petset.node.registration import NodeDescription, Registration
from petset.node.runtimes.discovery import Wanted, find_runtime
from petset.node.runtimes.errors import ContainerRuntimeError
from petset.node.runtimes.interface import Runtime
from petset.node.runtimes.podman_service import PodmanService
from petset.node.services import ServiceFeed
from petset.node.simulated_probes import AlwaysPasses, NoHooks
from petset.node.simulated_specs import SimulatedSpecs
from petset.node.simulated_volumes import SimulatedVolumes
from petset.node.sources import ClientSources
from petset.node.specs import NodeFacts, Specs
from petset.node.streams import NodeStreams
from petset.node.volumes import Volumes, VolumeSettings
from petset.node.volumes.refresh import VolumeRefresher

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
SIMULATED_PODS = 10_000
REAL_PODS = 250
ENGINE, NETWORK, DNS = "container engine", "pod network", "cluster DNS"


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """What kind of node this is. `instance` tells its containers from those of another petset on the machine."""

    data_dir: Path
    instance: str
    runtime: Wanted
    network: NetworkConfig
    cluster_domain: str

    @property
    def simulated(self) -> bool:
        """Whether pods exist on paper only."""
        return self.runtime == "simulated"

    @property
    def dns_address(self) -> str:
        """The tenth address of the services' range, as in every Kubernetes cluster."""
        return str(self.network.service_cidr.network_address + 10)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the node is given: its client and informers, its own recorder, and time."""

    client: Client
    informers: InformerFactory
    recorder: EventRecorder
    clock: Clock


class LocalNode:
    """Runs pods on this machine: an async context that `start` fills with work; the pods outlive it."""

    def __init__(self, config: NodeConfig, around: Surroundings, runtime: Runtime) -> None:
        self._config = config
        self._around = around
        self.runtime = runtime
        self._machine = read_machine(config.data_dir)
        self.name = self._machine.hostname
        self._network: PodNetwork = (
            SimulatedNetwork(config.network) if config.simulated else BridgeNetwork(config.network)
        )
        self._directories = Directories(config.data_dir / "node")
        self._view = ServiceView()
        # what is on paper asks no DNS and connects to no Service
        self._feed = (
            None if config.simulated else ServiceFeed(around.informers, self._view, ServiceProxy(config.network.has))
        )
        self._dns = self._make_dns()
        self._tasks = Supervisor("node", around.clock)
        self._engine_works = False
        self._problems: dict[str, str] = {}
        self._pods = around.informers.informer(Pod)
        self.streams = NodeStreams(self._find_pod, runtime, around.clock)
        self._sources = ClientSources(around.client)
        self._volumes = self._make_volumes()
        # nobody reads the files of a pod on paper
        self._refresher = (
            None if config.simulated else VolumeRefresher(self._volumes, around.informers, self.name, around.clock)
        )
        self._agent = Agent(self._dependencies())

    @classmethod
    async def create(cls, config: NodeConfig, around: Surroundings) -> "LocalNode":
        """A node with the runtime that fits. Raises RuntimeUnavailable when there is none of the kind asked for."""
        runtime = await find_runtime(config.runtime, config.data_dir, config.instance, around.clock)
        return cls(config, around, runtime)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._tasks.stop()
        await self._dns.close()
        await self._network.close()
        await self.runtime.close()

    def start(self) -> None:
        """Begins to work. What cannot be started is tried again; the Node's conditions say what is missing."""
        self._tasks.start("registration", self._registration().run)
        self._tasks.background("bringing up", self._bring_up())

    async def _bring_up(self) -> None:
        """Starts each part once what it needs works; from then on each is kept going for itself."""
        tasks = self._tasks
        await asyncio.gather(
            self._until_it_works(ENGINE, self._start_engine),
            self._until_it_works(NETWORK, self._network.start),
        )
        if self._feed is not None:
            tasks.start("services", self._feed.run)
            await self._feed.synced()
            await self._until_it_works(DNS, self._listen)
        if self._refresher is not None:
            tasks.start("volume refresh", self._refresher.run)
        tasks.start("agent", self._agent.run)

    async def destroy(self) -> None:
        """Ends the work for good: what is left of pods, the network, and the container engine if it is our own."""
        await self._tasks.stop()
        await self._remove_sandboxes()
        await self._dns.close()
        await self._network.destroy()
        await self.runtime.close()
        if not self._config.simulated:
            await PodmanService(self._config.data_dir, self._around.clock).stop()

    async def _remove_sandboxes(self) -> None:
        """Also when this process has not come to its engine yet: an earlier one may have left pods there."""
        config, runtime = self._config, self.runtime
        try:
            if not self._engine_works:
                runtime = await find_runtime(config.runtime, config.data_dir, config.instance, self._around.clock)
                await runtime.start()
            for sandbox in await runtime.list_sandboxes():
                await runtime.remove_sandbox(sandbox.id)
        except ContainerRuntimeError as error:
            log.warning("nothing can be removed from the container engine: %s", error)
        finally:
            await runtime.close()

    # --- parts --------------------------------------------------------------------------------------------------------

    def _make_dns(self) -> DnsServer:
        config = self._config
        ranges = (config.network.pod_cidr, config.network.service_cidr)
        upstream = Resolvers(ResolvConfFile(own=(config.dns_address,)).servers)
        return DnsServer(
            Zone(config.cluster_domain, config.dns_address, ranges), self._view, upstream, config.network.has
        )

    async def _start_engine(self) -> None:
        await self.runtime.start()
        self._engine_works = True

    async def _listen(self) -> None:
        await self._dns.listen(self._config.dns_address)

    def _registration(self) -> Registration:
        around = self._around
        description = self._description()
        return Registration(
            around.client, self.runtime, self._network_problem, description, around.recorder, around.clock
        )

    def _network_problem(self) -> str:
        return ", ".join(f"{what}: {self._problems[what]}" for what in (NETWORK, DNS) if what in self._problems)

    def _description(self) -> NodeDescription:
        pods = SIMULATED_PODS if self._config.simulated else REAL_PODS
        return NodeDescription(self.name, self._machine, pods, str(self._config.network.pod_cidr))

    def _make_volumes(self) -> Volumes:
        around, settings = self._around, VolumeSettings(self._description().capacity, root=_is_root())
        volumes = SimulatedVolumes if self._config.simulated else Volumes
        return volumes(around.client, self._sources, self._directories, around.clock, settings)

    def _dependencies(self) -> AgentDependencies:
        config, around = self._config, self._around
        facts = NodeFacts(
            name=self.name,
            cluster=ClusterDns(config.cluster_domain, config.dns_address),
            allocatable=self._description().capacity,
            memory_capacity=self._machine.memory,
            mounts=_is_root(),
        )
        simulated = config.simulated
        specs = SimulatedSpecs if simulated else Specs
        return AgentDependencies(
            client=around.client,
            informers=around.informers,
            runtime=self.runtime,
            network=self._network,
            volumes=self._volumes,
            specs=specs(facts, self._directories, self._sources, around.informers, around.recorder),
            prober=AlwaysPasses() if simulated else ContainerProber(self.runtime),
            hooks=NoHooks() if simulated else ContainerHooks(self.runtime, around.clock),
            recorder=around.recorder,
            clock=around.clock,
            directories=self._directories,
            node_name=self.name,
            host_ip=self._machine.address,
        )

    def _find_pod(self, namespace: str, name: str) -> Pod | None:
        return self._pods.get(namespace, name)

    async def _until_it_works(self, what: str, start: Callable[[], Awaitable[None]]) -> None:
        """Repeats a start that fails, saying once why each time the reason changes."""
        while True:
            try:
                await start()
            except (ContainerRuntimeError, NetworkError, OSError) as error:
                if str(error) != self._problems.get(what):
                    self._problems[what] = str(error)
                    log.warning("%s does not start: %s", what, error)
                    node = ObjectReference(kind="Node", name=self.name, uid=self.name)
                    self._around.recorder.event(node, "Warning", "NodeNotReady", f"{what}: {error}")
                await self._around.clock.sleep(RETRY_SECONDS)
            else:
                self._problems.pop(what, None)
                return


def _is_root() -> bool:
    return os.geteuid() == 0
