"""The agent with real containers, a real network and real volumes: Podman of our own, a bridge of our own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.errors import NotFound
from petset.api.meta import is_running_and_ready
from petset.api.types import (
    Container,
    ContainerPort,
    EmptyDirVolumeSource,
    Event,
    ExecAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    ObjectMeta,
    Pod,
    PodSpec,
    Probe,
    Volume,
    VolumeMount,
)
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.informer import InformerFactory
from petset.client.recorder import EventRecorder
from petset.kinds import CATALOGUE
from petset.node.agent import Agent, AgentDependencies
from petset.node.directories import Directories
from petset.node.dns.resolv import ClusterDns
from petset.node.network.bridge import BridgeNetwork
from petset.node.network.interface import NetworkConfig
from petset.node.probes.handlers import ContainerHooks, ContainerProber
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.podman_service import PodmanService
from petset.node.sources import ClientSources
from petset.node.specs import NodeFacts, Specs
from petset.node.volumes import Volumes, VolumeSettings
from petset.store.memory import MemoryStore
from tests.contract.engines import NO_ENGINE, image_archive

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(NO_ENGINE), reason=NO_ENGINE or "-"), pytest.mark.timeout(120)]

NODE = "here"
CLOCK = SystemClock()
NETWORK = NetworkConfig("petset-agt0", IPv4Network("10.243.0.0/24"), IPv4Network("10.95.0.0/24"))
NGINX = "docker.io/library/nginx:1.7.9"
BUSYBOX = "docker.io/library/busybox:1.36"


@dataclass
class Machine:
    """An API server in this process, and an agent on this machine that may be killed and started again."""

    service: PodmanService
    directory: Path

    def __post_init__(self) -> None:
        self.runtime = EngineRuntime(self.service.socket, "agent", CLOCK, self.service)
        self.network = BridgeNetwork(NETWORK)
        self.server = ApiServer(CATALOGUE, MemoryStore(), CLOCK)
        self.client = LocalClient(self.server, Identity("system:node"), "kubelet")
        self.directories = Directories(self.directory / "node")

    @asynccontextmanager
    async def agent(self) -> AsyncIterator[None]:
        client, directories = self.client, self.directories
        async with Supervisor("test", CLOCK) as tasks:
            informers = InformerFactory(client, CLOCK)
            recorder = EventRecorder(client, "kubelet", host=NODE)
            sources = ClientSources(client)
            facts = NodeFacts(NODE, ClusterDns("cluster.local", "10.95.0.10"), cgroup_parent="/petset-agent-test")
            agent = Agent(
                AgentDependencies(
                    client=client,
                    informers=informers,
                    runtime=self.runtime,
                    network=self.network,
                    volumes=Volumes(client, sources, directories, CLOCK, VolumeSettings()),
                    specs=Specs(facts, directories, sources, informers, recorder),
                    prober=ContainerProber(self.runtime),
                    hooks=ContainerHooks(self.runtime, CLOCK),
                    recorder=recorder,
                    clock=CLOCK,
                    directories=directories,
                    node_name=NODE,
                    host_ip="192.0.2.1",
                )
            )
            informers.start(tasks)
            tasks.start("events", recorder.run)
            tasks.background("agent", agent.run())
            yield

    async def run_pod(self, *containers: Container, **spec: object) -> Pod:
        pod = Pod(metadata=ObjectMeta(name="web-0", namespace="default"))
        # nobody is here to publish the certificate that the volume with a token holds
        pod.spec = PodSpec(containers=list(containers), node_name=NODE, automount_service_account_token=False)
        for name, value in spec.items():
            setattr(pod.spec, name, value)
        return await self.client.create(pod)

    async def until(self, what: Callable[[Pod], bool]) -> Pod:
        """Waits for something to be true of the pod."""
        pod = Pod()
        async with asyncio.timeout(30):
            while not what(pod := await self.client.get(Pod, "web-0", "default")):
                await CLOCK.sleep(0.01)
        return pod

    async def until_gone(self) -> None:
        async with asyncio.timeout(30):
            try:
                while await self.client.get(Pod, "web-0", "default"):
                    await CLOCK.sleep(0.01)
            except NotFound:
                pass
            while await self.runtime.list_sandboxes():
                await CLOCK.sleep(0.01)

    async def reasons(self) -> list[str]:
        listed = (await self.client.list(Event, "default")).items
        return [event.reason or "" for event in listed]


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    machine = Machine(PodmanService(tmp_path, CLOCK), tmp_path)
    await machine.runtime.start()
    await machine.network.start()
    for name in ("nginx", "busybox"):
        await machine.runtime.load(image_archive(name))
    await create_system_objects(machine.server, 6443)
    yield machine
    for sandbox in await machine.runtime.list_sandboxes():
        await machine.runtime.remove_sandbox(sandbox.id)
    await machine.runtime.close()
    await machine.network.destroy()
    await machine.network.close()
    await machine.service.delete()


async def test_nginx_starts_becomes_ready_is_taken_over_and_ends(machine: Machine) -> None:
    probe = Probe(http_get=HTTPGetAction(path="/", port="web"), period_seconds=1)
    ports = [ContainerPort(name="web", container_port=80)]
    nginx = Container(name="nginx", image=NGINX, ports=ports, readiness_probe=probe)
    async with machine.agent():
        await machine.run_pod(nginx)
        running = await machine.until(lambda pod: pod.status.phase == "Running")
        await machine.until(is_running_and_ready)
        assert running.status.container_statuses[0].state.running is not None
    before = await machine.runtime.list_containers()
    async with machine.agent():
        await CLOCK.sleep(1)
        assert await machine.runtime.list_containers() == before
        assert is_running_and_ready(await machine.until(lambda _: True))
        await machine.client.delete(Pod, "web-0", "default")
        await machine.until_gone()
        assert not await machine.network.attachments()
        assert not machine.directories.pod_uids()


async def test_an_agent_killed_again_and_again_starts_the_container_once(machine: Machine) -> None:
    await machine.run_pod(Container(name="nginx", image=NGINX))
    for pause in (0.01, 0.03, 0.05, 0.08, 0.05, 0.03, 0.05, 0.02, 0.08, 0.05):
        async with machine.agent():
            await CLOCK.sleep(pause)
    async with machine.agent():
        await machine.until(is_running_and_ready)
        (container,) = await machine.runtime.list_containers()
        (alive,) = [sandbox for sandbox in await machine.runtime.list_sandboxes() if sandbox.ready]
        assert (container.state, container.attempt, container.sandbox_id) == ("running", 0, alive.id)
        async with asyncio.timeout(30):
            while await machine.runtime.list_sandboxes() != [alive]:  # what was only half created is removed
                await CLOCK.sleep(0.05)
        assert [left.id for left in await machine.runtime.list_containers()] == [container.id]


async def test_init_containers_hooks_volumes_and_restarts(machine: Machine) -> None:
    mounts = [VolumeMount(name="shared", mount_path="/shared")]
    init = Container(name="init", image=BUSYBOX, command=["sh", "-c", "echo one > /shared/log"], volume_mounts=mounts)
    hook = LifecycleHandler(exec=ExecAction(command=["sh", "-c", "echo hook >> /shared/log"]))
    script = "cat /shared/log > /dev/termination-log; while ! grep hook /shared/log; do sleep 0.1; done; exit 3"
    main = Container(
        name="main",
        image=BUSYBOX,
        command=["sh", "-c", script],
        volume_mounts=mounts,
        lifecycle=Lifecycle(post_start=hook),
    )
    async with machine.agent():
        volumes = [Volume(name="shared", empty_dir=EmptyDirVolumeSource())]
        await machine.run_pod(main, init_containers=[init], volumes=volumes, restart_policy="Never")
        pod = await machine.until(lambda pod: pod.status.phase == "Failed")
        end = pod.status.container_statuses[0].state.terminated
        assert end is not None
        assert (end.exit_code, end.reason, end.message) == (3, "Error", "one\n")
        assert pod.status.init_container_statuses[0].state.terminated is not None
        await machine.client.delete(Pod, "web-0", "default")
        await machine.until_gone()


async def test_a_crashing_container_comes_back_and_then_waits(machine: Machine) -> None:
    async with machine.agent():
        await machine.run_pod(Container(name="main", image=BUSYBOX, command=["sh", "-c", "exit 1"]))
        pod = await machine.until(lambda pod: _waits(pod, "CrashLoopBackOff"))
        assert pod.status.container_statuses[0].restart_count == 1
        assert "BackOff" in await machine.reasons()


async def test_a_command_that_is_not_there(machine: Machine) -> None:
    async with machine.agent():
        await machine.run_pod(Container(name="main", image=BUSYBOX, command=["/no/such"]))
        pod = await machine.until(lambda pod: _waits(pod, "CrashLoopBackOff"))
        end = pod.status.container_statuses[0].last_state.terminated
        assert end is not None
        assert (end.exit_code, end.reason) == (128, "StartError")


async def test_an_image_that_cannot_be_pulled(machine: Machine) -> None:
    async with machine.agent():
        await machine.run_pod(Container(name="main", image="127.0.0.1:1/absent:1"))
        await machine.until(lambda pod: _waits(pod, "ErrImagePull"))
        await machine.until(lambda pod: _waits(pod, "ImagePullBackOff"))


def _waits(pod: Pod, reason: str) -> bool:
    states = [status.state.waiting for status in pod.status.container_statuses]
    return any(waiting is not None and waiting.reason == reason for waiting in states)
