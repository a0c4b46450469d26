"""Pods on a simulated machine start, restart and end as a kubelet would have it."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeVar

import pytest

from petset.api.errors import NotFound
from petset.api.meta import copy, get_condition, is_running_and_ready, is_terminating
from petset.api.types import (
    Container,
    ContainerPort,
    ExecAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Object,
    Pod,
    PodCondition,
    PodReadinessGate,
    Probe,
)
from petset.apiserver.local import LocalClient
from petset.apiserver.request import Identity
from petset.client.interface import WriteOptions
from petset.node.network.interface import AddressesExhausted, Attachment
from petset.node.network.simulated import SimulatedNetwork
from petset.node.probes.handlers import Target
from petset.node.probes.results import Outcome
from petset.node.runtimes.errors import CreateFailed, RuntimeUnavailable
from petset.node.runtimes.interface import ContainerSpec, SandboxSpec
from petset.node.runtimes.simulated import Delays
from petset.testing.clock import VirtualClock
from tests.simulation.pod_world import LateRuntime, PodWorld

T = TypeVar("T", bound=Object)

AS_USUAL = WriteOptions()
NGINX = Container(name="nginx", image="nginx:1")
HOOK = LifecycleHandler(exec=ExecAction(command=["true"]))


@pytest.fixture
async def world() -> PodWorld:
    world = PodWorld()
    await world.create_namespace()
    return world


async def test_a_pod_starts_and_is_deleted_within_its_grace(world: PodWorld) -> None:
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(0.1)
        pod = await world.pod()
        assert is_running_and_ready(pod)
        assert pod.status.pod_ip == "10.244.0.2"
        assert [c.type for c in pod.status.conditions if c.status == "True"] == [
            "PodReadyToStartContainers",
            "Initialized",
            "Ready",
            "ContainersReady",
            "PodScheduled",
        ]
        await world.delete_pod()
        await world.clock.advance(0.1)
        with pytest.raises(NotFound):
            await world.pod()
        assert not await world.runtime.list_sandboxes()
        assert not await world.network.attachments()
        assert not world.volumes.mounted
        await world.clock.advance(0.1)
        assert await world.events() == [
            ("Pulled", 'Container image "nginx:1" already present on machine'),
            ("Created", "Created container: nginx"),
            ("Started", "Started container nginx"),
            ("Killing", "Stopping container nginx"),
        ]


class SlowClient(LocalClient):
    """An API that takes its time over writing a pod's status."""

    clock: VirtualClock

    async def update(self, obj: T, subresource: str = "", options: WriteOptions = AS_USUAL) -> T:
        written = await super().update(obj, subresource, options)
        await self.clock.sleep(1)
        return written


async def test_what_happens_while_a_status_is_being_written_is_told_after_it(world: PodWorld) -> None:
    client = world.client = SlowClient(world.server, Identity("system:node"), "kubelet")
    client.clock = world.clock
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(0.5)
        await world.exit("nginx", 1)
        await world.clock.advance(0.1)
        assert (await world.status()).restart_count == 0
        await world.clock.advance(2)
        assert (await world.status()).restart_count == 1


async def test_a_container_that_crashes_waits_longer_each_time(world: PodWorld) -> None:
    starts = []
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(1)
        for second in range(200):
            if await world.running():
                starts.append(second)
                await world.exit("nginx", 1)
            await world.clock.advance(1)
        status = await world.status()
        assert [after - before for before, after in pairwise(starts)] == [1, 10, 20, 40, 80]
        assert (await world.pod()).status.phase == "Running"
        assert status.restart_count == 5
        assert status.state.waiting is not None
        message = (
            f"back-off 2m40s restarting failed container=nginx pod=web-0_default({(await world.pod()).metadata.uid})"
        )
        assert (status.state.waiting.reason, status.state.waiting.message) == ("CrashLoopBackOff", message)
        reasons = [reason for reason, _ in await world.events()]
        assert "BackOff" in reasons
        assert len(await world.runtime.list_containers()) == 2


async def test_a_container_that_exits_early_and_then_runs_long_starts_a_new_series(world: PodWorld) -> None:
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(1)
        for _ in range(3):
            await world.exit("nginx", 1)
            await world.clock.advance(25)
        await world.clock.advance(601)
        await world.exit("nginx", 1)
        await world.clock.advance(1)
        assert await world.why() == "running"
        await world.exit("nginx", 1)
        await world.clock.advance(9)
        assert await world.why() == "CrashLoopBackOff"
        await world.clock.advance(2)
        assert await world.why() == "running"


async def test_an_image_that_is_not_there() -> None:
    world = PodWorld(unpullable=("nginx:1",))
    await world.create_namespace()
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(0.5)
        assert await world.why() == "ErrImagePull"
        await world.clock.advance(3)
        assert await world.why() == "ImagePullBackOff"
        assert (await world.pod()).status.phase == "Pending"
        await world.delete_pod()
        await world.clock.advance(1)
        assert not await world.pods()


async def test_a_command_that_is_not_there() -> None:
    world = PodWorld(unstartable=("/no",))
    await world.create_namespace()
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", command=["/no"]))
        await world.clock.advance(1)
        assert await world.why() == "CrashLoopBackOff"
        end = (await world.status()).last_state.terminated
        assert end is not None
        assert (end.exit_code, end.reason, end.message) == (
            128,
            "StartError",
            'exec: "/no": no such file or directory',
        )
        assert ("Failed", 'Error: exec: "/no": no such file or directory') in await world.events()


async def test_a_missing_config_map_is_tried_again(world: PodWorld) -> None:
    world.specs.missing = "settings"
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(1)
        assert await world.why() == "CreateContainerConfigError"
        assert ("Failed", 'Error: configmap "settings" not found') in await world.events()
        world.specs.missing = ""
        await world.clock.advance(10)
        assert await world.why() == "running"


async def test_a_missing_volume_is_tried_again(world: PodWorld) -> None:
    world.volumes.missing = "Unable to attach or mount volumes"
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(3)
        assert await world.why() == "ContainerCreating"
        assert ("FailedMount", "Unable to attach or mount volumes") in await world.events()
        world.volumes.missing = ""
        await world.clock.advance(5)
        assert await world.why() == "running"


class Unreliable(LateRuntime):
    """An engine that goes away for a while."""

    away = False

    async def create_sandbox(self, spec: SandboxSpec) -> str:
        if self.away:
            raise RuntimeUnavailable("the container engine does not answer")
        return await super().create_sandbox(spec)


class Refusing(LateRuntime):
    """An engine that refuses to create what it is asked for, as long as `why` says so."""

    why = ""

    async def create_sandbox(self, spec: SandboxSpec) -> str:
        if self.why:
            raise CreateFailed(self.why)
        return await super().create_sandbox(spec)

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        if self.why:
            raise CreateFailed(self.why)
        return await super().create_container(sandbox_id, spec)


async def test_a_sandbox_that_cannot_be_created_is_tried_again(world: PodWorld) -> None:
    runtime = world.runtime = Refusing(world.clock)
    runtime.why = "no space left"
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(5)
        assert await world.why() == "ContainerCreating"
        assert ("FailedCreatePodSandBox", "Failed to create pod sandbox: no space left") in await world.events()
        runtime.why = ""
        await world.clock.advance(10)
        assert await world.why() == "running"


async def test_a_container_that_cannot_be_created_is_tried_again(world: PodWorld) -> None:
    runtime = world.runtime = Refusing(world.clock, Delays(pull=0.1))
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", image_pull_policy="Always"))
        await world.clock.advance(0.05)
        runtime.why = "no space left"
        await world.clock.advance(1)
        assert await world.why() == "CreateContainerError"
        runtime.why = ""
        await world.clock.advance(10)
        assert await world.why() == "running"


class NarrowNetwork(SimulatedNetwork):
    """Has no address left, as long as `full` says so."""

    full = True

    async def attach(self, netns: str, pod_uid: str, *, address: str | None = None) -> Attachment:
        if self.full:
            raise AddressesExhausted("every address is taken")
        return await super().attach(netns, pod_uid, address=address)


async def test_an_address_is_waited_for(world: PodWorld) -> None:
    network = world.network = NarrowNetwork()
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(5)
        assert "FailedCreatePodSandBox" in [reason for reason, _ in await world.events()]
        assert not await world.running()
        network.full = False
        await world.clock.advance(10)
        assert await world.why() == "running"
        assert len(await world.runtime.list_sandboxes()) == 1


async def test_an_engine_that_is_away_is_waited_for(world: PodWorld) -> None:
    runtime = world.runtime = Unreliable(world.clock)
    runtime.away = True
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(10)
        assert await world.why() == "ContainerCreating"
        runtime.away = False
        await world.clock.advance(2)
        assert await world.why() == "running"


async def test_init_containers_run_before_the_others(world: PodWorld) -> None:
    inits = [Container(name="one", image="busybox:1"), Container(name="two", image="busybox:1")]
    async with world.agent():
        await world.run_pod("web-0", NGINX, init_containers=inits)
        await world.clock.advance(1)
        assert is_running_and_ready(await world.pod())
        started = [message for reason, message in await world.events() if reason == "Started"]
        assert started == ["Started container one", "Started container two", "Started container nginx"]
        assert (await world.status("one")).ready


async def test_sidecars_end_after_the_others() -> None:
    world = PodWorld(delays=Delays(stop=1))
    await world.create_namespace()
    sidecar = Container(name="proxy", image="proxy:1", restart_policy="Always")
    async with world.agent():
        await world.run_pod("web-0", NGINX, init_containers=[sidecar])
        await world.clock.advance(1)
        assert {name for _, name in await world.running()} == {"nginx", "proxy"}
        await world.delete_pod()
        await world.clock.advance(1.5)
        assert [name for _, name in await world.running()] == ["proxy"]
        await world.clock.advance(1)
        assert not await world.pods()


async def test_work_that_is_done_ends_the_pod_and_frees_its_address(world: PodWorld) -> None:
    async with world.agent():
        await world.run_pod("web-0", NGINX, restart_policy="OnFailure")
        await world.clock.advance(1)
        await world.exit("nginx", 0)
        await world.clock.advance(1)
        pod = await world.pod()
        assert (pod.status.phase, pod.status.pod_ip) == ("Succeeded", "10.244.0.2")
        assert not await world.network.attachments()
        assert [s.ready for s in await world.runtime.list_sandboxes()] == [False]
    async with world.agent():
        await world.clock.advance(60)
        assert not await world.running()
        assert (await world.pod()).status == pod.status


async def test_a_pod_that_takes_too_long_fails(world: PodWorld) -> None:
    async with world.agent():
        await world.run_pod("web-0", NGINX, active_deadline_seconds=60)
        await world.clock.advance(59)
        assert await world.why() == "running"
        await world.clock.advance(2)
        status = (await world.pod()).status
        assert (status.phase, status.reason) == ("Failed", "DeadlineExceeded")


async def test_of_two_pods_that_want_one_port_of_the_machine_the_later_fails(world: PodWorld) -> None:
    web = Container(name="nginx", image="nginx:1", ports=[ContainerPort(container_port=80, host_port=8080)])
    refused = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    async with world.agent():
        await world.run_pod("first", web)
        await world.run_pod("second", web)
        await world.clock.advance(1)
        assert is_running_and_ready(await world.pod("first"))
        status = (await world.pod("second")).status
        assert (status.phase, status.reason, status.message) == ("Failed", "NodePorts", f"Pod was rejected: {refused}")
        assert (status.container_statuses, await world.running("second")) == ([], [])
        assert ("NodePorts", refused) in await world.events()
    async with world.agent():
        await world.clock.advance(1)
        assert is_running_and_ready(await world.pod("first"))
        await world.delete_pod("first")
        await world.delete_pod("second")
        await world.clock.advance(1)
        assert await world.pods() == []
        await world.run_pod("third", web)
        await world.clock.advance(1)
        assert is_running_and_ready(await world.pod("third"))


async def test_a_sandbox_that_dies_is_replaced(world: PodWorld) -> None:
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(1)
        (sandbox,) = await world.runtime.list_sandboxes()
        await world.runtime.stop_sandbox(sandbox.id)
        await world.clock.advance(1)
        assert is_running_and_ready(await world.pod())
        (successor,) = await world.runtime.list_sandboxes()
        assert (successor.attempt, successor.ready) == (1, True)
        assert (await world.status()).restart_count == 1
        assert "SandboxChanged" in [reason for reason, _ in await world.events()]


async def test_readiness_gates_of_others_are_respected(world: PodWorld) -> None:
    async with world.agent():
        await world.run_pod("web-0", NGINX, readiness_gates=[PodReadinessGate(condition_type="example.com/up")])
        await world.clock.advance(1)
        pod = copy(await world.pod())
        ready = get_condition(pod.status.conditions, "Ready")
        assert ready is not None
        assert (ready.status, ready.reason) == ("False", "ReadinessGatesNotReady")
        pod.status.conditions.append(PodCondition(type="example.com/up", status="True"))
        await world.client.update(pod, "status")
        await world.clock.advance(1)
        assert is_running_and_ready(await world.pod())


async def test_finalizers_keep_the_object_but_not_the_containers(world: PodWorld) -> None:
    async with world.agent():
        pod = copy(await world.run_pod())
        pod.metadata.finalizers = ["example.com/hold"]
        await world.clock.advance(1)
        pod.metadata.resource_version = ""
        await world.client.update(pod)
        await world.delete_pod()
        await world.clock.advance(1)
        held = await world.pod()
        assert is_terminating(held)
        assert held.status.phase == "Succeeded"
        assert not await world.running()


async def test_less_grace_later() -> None:
    world = PodWorld(delays=Delays(stop=100))
    await world.create_namespace()
    async with world.agent():
        await world.run_pod("web-0", NGINX, termination_grace_period_seconds=60)
        await world.clock.advance(1)
        await world.delete_pod()
        await world.clock.advance(5)
        assert await world.running()
        await world.delete_pod(grace=3)
        await world.clock.advance(4)
        assert not await world.pods()


# --- hooks and probes -------------------------------------------------------------------------------------------------


@dataclass
class SlowHooks:
    """Hooks that take some time and may fail."""

    clock: VirtualClock
    seconds: float = 2.0
    failure: str = ""
    ran: list[str] = field(default_factory=list)

    async def run(self, pod: Pod, container_id: str, address: str, container: Container, hook: LifecycleHandler) -> str:
        self.ran.append(container.name)
        await self.clock.sleep(self.seconds)
        return self.failure


async def test_pre_stop_comes_before_the_signal(world: PodWorld) -> None:
    hooks = world.hooks = SlowHooks(world.clock)
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", lifecycle=Lifecycle(pre_stop=HOOK)))
        await world.clock.advance(1)
        await world.delete_pod()
        await world.clock.advance(1.5)
        assert await world.running()
        await world.clock.advance(1)
        assert not await world.pods()
        assert hooks.ran == ["nginx"]


async def test_a_pre_stop_that_takes_too_long_is_cut_off(world: PodWorld) -> None:
    world.hooks = SlowHooks(world.clock, seconds=100)
    lifecycle = Lifecycle(pre_stop=HOOK)
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", lifecycle=lifecycle))
        await world.clock.advance(1)
        await world.delete_pod(grace=10)
        await world.clock.advance(9)
        assert await world.running()
        await world.clock.advance(4)
        assert not await world.pods()
        await world.clock.advance(1)
        text = "PreStopHook failed: it took longer than the grace period of 10 s"
        assert ("FailedPreStopHook", text) in await world.events()


async def test_post_start_holds_up_the_next_container(world: PodWorld) -> None:
    world.hooks = SlowHooks(world.clock)
    first = Container(name="first", image="busybox:1", lifecycle=Lifecycle(post_start=HOOK))
    async with world.agent():
        await world.run_pod("web-0", first, NGINX)
        await world.clock.advance(1)
        assert [name for _, name in await world.running()] == ["first"]
        assert not (await world.status("first")).started
        await world.clock.advance(2)
        assert is_running_and_ready(await world.pod())


async def test_a_post_start_that_fails_ends_the_container(world: PodWorld) -> None:
    world.hooks = SlowHooks(world.clock, failure="it is ill")
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", lifecycle=Lifecycle(post_start=HOOK)))
        await world.clock.advance(3)
        assert ("FailedPostStartHook", "PostStartHook failed: it is ill") in await world.events()
        assert (await world.status()).restart_count == 1


@dataclass
class Ill:
    """A prober whose answer is no for some time."""

    clock: VirtualClock
    begin: float
    end: float

    async def probe(self, target: Target, probe: Probe) -> Outcome:
        return Outcome(success=not self.begin <= self.clock.monotonic() < self.end, message="it is ill")


async def test_liveness_replaces_the_container(world: PodWorld) -> None:
    world.prober = Ill(world.clock, 5, 20)
    probe = Probe(http_get=HTTPGetAction(port=80), period_seconds=2, failure_threshold=2)
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", liveness_probe=probe))
        await world.clock.advance(9)
        assert (await world.status()).restart_count == 1
        events = await world.events()
        assert ("Unhealthy", "Liveness probe failed: it is ill") in events
        assert ("Killing", "Container nginx failed liveness probe, will be restarted") in events
        await world.clock.advance(60)
        assert is_running_and_ready(await world.pod())


async def test_readiness_comes_and_goes(world: PodWorld) -> None:
    world.prober = Ill(world.clock, 5, 20)
    probe = Probe(http_get=HTTPGetAction(port=80), period_seconds=1, failure_threshold=1)
    async with world.agent():
        await world.run_pod("web-0", Container(name="nginx", image="nginx:1", readiness_probe=probe))
        await world.clock.advance(2)
        assert is_running_and_ready(await world.pod())
        await world.clock.advance(10)
        assert not is_running_and_ready(await world.pod())
        await world.clock.advance(10)
        assert is_running_and_ready(await world.pod())
        assert (await world.status()).restart_count == 0


async def test_the_startup_probe_holds_back_the_others(world: PodWorld) -> None:
    world.prober = Ill(world.clock, 0, 8)
    probe = Probe(http_get=HTTPGetAction(port=80), period_seconds=1, failure_threshold=10)
    impatient = Probe(http_get=HTTPGetAction(port=80), period_seconds=1, failure_threshold=1)
    async with world.agent():
        await world.run_pod(
            "web-0", Container(name="nginx", image="nginx:1", startup_probe=probe, liveness_probe=impatient)
        )
        await world.clock.advance(5)
        assert not (await world.status()).started
        await world.clock.advance(5)
        assert is_running_and_ready(await world.pod())
        assert (await world.status()).restart_count == 0
