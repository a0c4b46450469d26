"""A node on paper: the API in memory, the simulated runtime and network, an agent that can be killed at any time."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from petset.aio.tasks import Supervisor
from petset.api.types import (
    Container,
    ContainerStatus,
    DeleteOptions,
    Event,
    Namespace,
    ObjectMeta,
    Pod,
    PodSpec,
    ServiceAccount,
)
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.informer import InformerFactory
from petset.client.recorder import EventRecorder
from petset.kinds import CATALOGUE
from petset.node.agent import Agent, AgentDependencies
from petset.node.directories import Directories
from petset.node.network.simulated import SimulatedNetwork
from petset.node.pods.act import Hooks
from petset.node.probes.handlers import Prober
from petset.node.runtimes.errors import StartFailed
from petset.node.runtimes.interface import ContainerSpec, SandboxSpec
from petset.node.runtimes.simulated import Delays, SimulatedRuntime
from petset.node.simulated_probes import AlwaysPasses, NoHooks
from petset.node.specs import ConfigError, PodContext, container_labels, pod_labels
from petset.node.volumes import VolumeNotReady
from petset.store.memory import MemoryStore
from petset.testing.clock import VirtualClock

T = TypeVar("T")

NODE = "here"


class PlainSpecs:
    """Names, images, commands and labels; nothing else of a container matters on paper. `missing` is a ConfigMap."""

    missing = ""

    async def sandbox(self, pod: Pod, attempt: int = 0) -> SandboxSpec:
        meta = pod.metadata
        return SandboxSpec(meta.name, meta.namespace, meta.uid, meta.name, attempt, pod_labels(pod))

    async def container(self, context: PodContext, container: Container, attempt: int, init: bool) -> ContainerSpec:
        if self.missing:
            raise ConfigError(f'configmap "{self.missing}" not found')
        return ContainerSpec(
            name=container.name,
            image=context.image.reference,
            attempt=attempt,
            command=container.command,
            labels=container_labels(context.pod, container, attempt, init=init),
        )

    async def write_etc(self, pod: Pod, pod_ip: str) -> None:
        assert pod_ip

    def termination_log(self, pod_uid: str, container: str, attempt: int) -> Path | None:
        return None


@dataclass
class PlainVolumes:
    """Which pods have their volumes; `missing` says why they do not get them."""

    mounted: set[str] = field(default_factory=set)
    missing: str = ""

    async def mount(self, pod: Pod) -> Mapping[str, Path]:
        if self.missing:
            raise VolumeNotReady(self.missing)
        self.mounted.add(pod.metadata.uid)
        return {}

    async def unmount(self, pod_uid: str) -> None:
        self.mounted.discard(pod_uid)


class LateRuntime(SimulatedRuntime):
    """Finishes what it was asked for also when whoever asked is dead by then, as a real engine does.

    Notes when two containers of one identity ever run at the same time: two of one name in pods of one name.
    """

    double_runs: tuple[str, ...] = ()

    async def create_sandbox(self, spec: SandboxSpec) -> str:
        return await asyncio.shield(_go_on(super().create_sandbox(spec)))

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        return await asyncio.shield(_go_on(super().create_container(sandbox_id, spec)))

    async def start_container(self, container_id: str) -> None:
        await asyncio.shield(_go_on(self._start(container_id)))

    async def _start(self, container_id: str) -> None:
        await super().start_container(container_id)
        started = await self.inspect(container_id)
        sandboxes = {sandbox.id: sandbox for sandbox in await self.list_sandboxes()}
        if not sandboxes[started.sandbox_id].ready and started.state == "running":
            await self.kill_container(container_id)  # there was no namespace left to join
            raise StartFailed("cannot join the network of a sandbox that has ended")
        pods = {sandbox.id: sandbox.pod_name for sandbox in sandboxes.values()}
        alive = [
            container
            for container in await self.list_containers()
            if container.state == "running"
            and (pods[container.sandbox_id], container.name) == (pods[started.sandbox_id], started.name)
        ]
        if len(alive) > 1:
            self.double_runs += (f"{pods[started.sandbox_id]}/{started.name}",)


def _go_on(work: Coroutine[Any, Any, T]) -> "asyncio.Future[T]":
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


@dataclass
class PodWorld:
    """Everything but the agent, which comes and goes."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    delays: Delays = field(default_factory=Delays)
    prober: Prober = field(default_factory=AlwaysPasses)
    unpullable: tuple[str, ...] = ()
    unstartable: tuple[str, ...] = ()
    directories: Directories = field(default_factory=lambda: Directories(Path("/nonexistent")))

    def __post_init__(self) -> None:
        self.runtime = LateRuntime(self.clock, self.delays, unpullable=self.unpullable, unstartable=self.unstartable)
        self.network = SimulatedNetwork()
        self.volumes = PlainVolumes()
        self.specs = PlainSpecs()
        self.hooks: Hooks = NoHooks()
        self.server = ApiServer(CATALOGUE, MemoryStore(), self.clock)
        self.client = LocalClient(self.server, Identity("system:node"), "kubelet")

    async def create_namespace(self) -> None:
        await self.client.create(Namespace(metadata=ObjectMeta(name="default")))
        await self.client.create(ServiceAccount(metadata=ObjectMeta(name="default", namespace="default")))

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[Agent]:
        """A running agent; the end of the block kills it wherever it is."""
        async with Supervisor("test", self.clock) as tasks:
            informers = InformerFactory(self.client, self.clock)
            recorder = EventRecorder(self.client, "kubelet", host=NODE, clock=self.clock)
            agent = Agent(
                AgentDependencies(
                    client=self.client,
                    informers=informers,
                    runtime=self.runtime,
                    network=self.network,
                    volumes=self.volumes,
                    specs=self.specs,
                    prober=self.prober,
                    hooks=self.hooks,
                    recorder=recorder,
                    clock=self.clock,
                    directories=self.directories,
                    node_name=NODE,
                    host_ip="192.0.2.1",
                )
            )
            informers.start(tasks)
            tasks.start("events", recorder.run)
            tasks.background("agent", agent.run())
            yield agent

    # --- what users do

    async def run_pod(self, name: str = "web-0", *containers: Container, **spec: Any) -> Pod:
        """Creates a pod that is bound to the node."""
        pod = Pod(metadata=ObjectMeta(name=name, namespace="default"))
        pod.spec = PodSpec(containers=list(containers) or [Container(name="nginx", image="nginx:1")], **spec)
        pod.spec.node_name = NODE
        return await self.client.create(pod)

    async def pod(self, name: str = "web-0") -> Pod:
        return await self.client.get(Pod, name, "default")

    async def pods(self) -> list[Pod]:
        return (await self.client.list(Pod, "default")).items

    async def delete_pod(self, name: str = "web-0", grace: int | None = None) -> None:
        await self.client.delete(Pod, name, "default", DeleteOptions(grace_period_seconds=grace))

    async def events(self) -> list[tuple[str, str]]:
        listed = (await self.client.list(Event, "default")).items
        return [(event.reason or "", event.message or "") for event in listed]

    # --- what is true of the machine

    async def status(self, name: str = "nginx") -> ContainerStatus:
        """The status of one of web-0's containers."""
        status = (await self.pod()).status
        return next(s for s in (*status.init_container_statuses, *status.container_statuses) if s.name == name)

    async def why(self, name: str = "nginx") -> str:
        """Why one of web-0's containers waits; else the state that it is in."""
        state = (await self.status(name)).state
        return (state.waiting.reason or "") if state.waiting else "running" if state.running else "terminated"

    async def running(self, name: str = "web-0") -> list[tuple[str, str]]:
        """The running containers of all pods of a name: pod uid and container."""
        sandboxes = {sandbox.id: sandbox for sandbox in await self.runtime.list_sandboxes()}
        return [
            (sandboxes[c.sandbox_id].pod_uid, c.name)
            for c in await self.runtime.list_containers()
            if c.state == "running" and sandboxes[c.sandbox_id].pod_name == name
        ]

    async def exit(self, container: str, code: int, pod: str = "web-0") -> None:
        """Ends the process of a running container."""
        sandboxes = {sandbox.id for sandbox in await self.runtime.list_sandboxes() if sandbox.pod_name == pod}
        for found in await self.runtime.list_containers():
            if found.sandbox_id in sandboxes and found.name == container and found.state == "running":
                self.runtime.exit_container(found.id, code)
