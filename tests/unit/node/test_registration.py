from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from petset.aio.tasks import Supervisor
from petset.api.errors import NotFound
from petset.api.meta import get_condition
from petset.api.types import Event, Lease, Node, Taint
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.node.machine import Machine
from petset.node.registration import KUBELET_VERSION, NodeDescription, Registration
from petset.node.runtimes.interface import RuntimeUnavailable, RuntimeVersion
from petset.node.runtimes.simulated import SimulatedRuntime
from petset.testing.clock import VirtualClock
from tests.unit.node.given import cluster

MACHINE = Machine(
    hostname="node-1",
    address="10.0.0.5",
    cpus=2,
    memory=4 << 30,
    storage=100 << 30,
    architecture="amd64",
    kernel="6.1.0",
    os_image="Debian GNU/Linux 12 (bookworm)",
    machine_id="m",
    system_uuid="s",
    boot_id="b",
)
DESCRIPTION = NodeDescription("node-1", MACHINE, pods=10_000, pod_cidr="10.244.0.0/16", labels={"zone": "a"})


class FragileRuntime(SimulatedRuntime):
    """Answers as long as it is well."""

    well = True

    async def version(self) -> RuntimeVersion:
        if not self.well:
            raise RuntimeUnavailable("nobody listens")
        return RuntimeVersion("podman", "4.3.1", "1.41")


@dataclass
class Given:
    client: Client
    clock: VirtualClock
    runtime: FragileRuntime
    recorder: EventRecorder
    supervisor: Supervisor
    network_problem: str = ""

    async def start(self) -> None:
        registration = Registration(
            self.client, self.runtime, lambda: self.network_problem, DESCRIPTION, self.recorder, self.clock
        )
        self.supervisor.start("registration", registration.run)
        await self.clock.settle()

    async def node(self) -> Node:
        return await self.client.get(Node, "node-1")

    async def lease(self) -> Lease:
        return await self.client.get(Lease, "node-1", "kube-node-lease")

    async def ready(self) -> tuple[str, str | None, str | None]:
        condition = get_condition((await self.node()).status.conditions, "Ready")
        assert condition is not None
        return condition.status, condition.reason, condition.message


@pytest.fixture
async def given() -> AsyncIterator[Given]:
    clock = VirtualClock()
    async with cluster(clock) as (client, _), Supervisor("node", clock) as supervisor:
        recorder = EventRecorder(client, "kubelet", clock=clock)
        supervisor.start("events", recorder.run)
        yield Given(client, clock, FragileRuntime(clock), recorder, supervisor)


async def test_a_node_says_what_it_is_and_has(given: Given) -> None:
    await given.start()
    node = await given.node()
    assert node.metadata.labels["kubernetes.io/hostname"] == "node-1"
    assert node.metadata.labels["kubernetes.io/arch"] == "amd64"
    assert node.metadata.labels["zone"] == "a"
    assert node.spec.pod_cidr == "10.244.0.0/16"
    assert node.status.capacity == {
        "cpu": "2",
        "ephemeral-storage": "100Gi",
        "memory": "4Gi",
        "pods": "10k",
    }
    assert node.status.allocatable == node.status.capacity
    assert [(a.type, a.address) for a in node.status.addresses] == [("InternalIP", "10.0.0.5"), ("Hostname", "node-1")]
    assert node.status.node_info.kubelet_version == KUBELET_VERSION
    assert node.status.node_info.container_runtime_version == "podman://4.3.1"
    assert [(c.type, c.status) for c in node.status.conditions] == [
        ("NetworkUnavailable", "False"),
        ("MemoryPressure", "False"),
        ("DiskPressure", "False"),
        ("PIDPressure", "False"),
        ("Ready", "True"),
    ]
    assert await given.ready() == ("True", "KubeletReady", "kubelet is posting ready status")


async def test_the_lease_is_renewed_every_ten_seconds_and_belongs_to_the_node(given: Given) -> None:
    await given.start()
    lease = await given.lease()
    assert (lease.spec.holder_identity, lease.spec.lease_duration_seconds) == ("node-1", 40)
    assert lease.spec.renew_time == "2026-01-01T00:00:00.000000Z"
    assert [owner.uid for owner in lease.metadata.owner_references] == [(await given.node()).metadata.uid]
    await given.clock.advance(25)
    assert (await given.lease()).spec.renew_time == "2026-01-01T00:00:20.000000Z"


async def test_the_status_is_written_again_only_when_due(given: Given) -> None:
    await given.start()
    before = (await given.node()).metadata.resource_version
    await given.clock.advance(290)
    assert (await given.node()).metadata.resource_version == before
    await given.clock.advance(20)
    ready = get_condition((await given.node()).status.conditions, "Ready")
    assert ready is not None
    assert ready.last_heartbeat_time == "2026-01-01T00:05:00Z"
    assert ready.last_transition_time == "2026-01-01T00:00:00Z"


async def test_a_runtime_that_does_not_answer_makes_the_node_not_ready(given: Given) -> None:
    await given.start()
    given.runtime.well = False
    await given.clock.advance(10)
    assert await given.ready() == ("False", "KubeletNotReady", "container runtime is down: nobody listens")
    assert (await given.node()).status.node_info.container_runtime_version == "podman://4.3.1"
    given.runtime.well = True
    await given.clock.advance(0.5)
    assert (await given.ready())[0] == "True"
    await given.recorder.flush()
    events = [event for event in (await given.client.list(Event)).items if event.involved_object.kind == "Node"]
    counts = {event.reason: event.count for event in events}
    assert counts == {"Starting": 1, "NodeReady": 2, "NodeNotReady": 1}


async def test_a_network_that_does_not_work_is_told_and_makes_the_node_not_ready(given: Given) -> None:
    given.network_problem = "pod network: no bridge"
    await given.start()
    unavailable = get_condition((await given.node()).status.conditions, "NetworkUnavailable")
    assert unavailable is not None
    assert (unavailable.status, unavailable.message) == ("True", "pod network: no bridge")
    why = "container runtime network not ready: pod network: no bridge"
    assert await given.ready() == ("False", "KubeletNotReady", why)
    given.runtime.well = False
    await given.clock.advance(0.5)
    assert (await given.ready())[2] == f"container runtime is down: nobody listens, {why}"
    given.network_problem, given.runtime.well = "", True
    await given.clock.advance(0.5)
    unavailable = get_condition((await given.node()).status.conditions, "NetworkUnavailable")
    assert unavailable is not None
    assert unavailable.status == "False"
    assert (await given.ready())[0] == "True"


async def test_a_restart_keeps_what_users_changed(given: Given) -> None:
    await given.start()
    node = await given.node()
    node.metadata.labels |= {"disk": "fast", "zone": "edited"}
    node.spec.unschedulable = True
    node.spec.taints.append(Taint(key="maintenance", effect="NoSchedule"))
    await given.client.update(node)
    await given.start()
    node = await given.node()
    assert node.spec.unschedulable
    assert [taint.key for taint in node.spec.taints if taint.key == "maintenance"] == ["maintenance"]
    assert (node.metadata.labels["disk"], node.metadata.labels["zone"]) == ("fast", "a")


async def test_a_node_that_somebody_deleted_with_its_lease_comes_back(given: Given) -> None:
    await given.start()
    await given.client.delete(Node, "node-1")
    await given.client.delete(Lease, "node-1", "kube-node-lease")
    with pytest.raises(NotFound):
        await given.node()
    await given.clock.advance(30)
    assert (await given.ready())[0] == "True"
    assert (await given.lease()).spec.holder_identity == "node-1"
