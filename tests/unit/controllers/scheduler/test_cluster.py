"""Pods find their node, or say why not, through the real scheduler over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.meta import get_condition
from petset.api.types import (
    Container,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectMeta,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodSchedulingGate,
    PodSpec,
    Volume,
    VolumeNodeAffinity,
)
from petset.controllers.nodelifecycle.controller import NodeLifecycle
from petset.controllers.scheduler.controller import Scheduler
from petset.controllers.volumes.binder import VolumeBinder
from petset.controllers.volumes.provisioner import DirectoryProvisioner
from tests.unit.controllers.toycluster import ToyCluster, claim, storage_class, toy_cluster, volume
from tests.unit.controllers.volumes.test_cluster import ToyDirectories

NO_PREEMPTION = "preemption: 0/1 nodes are available: preemption is not helpful for scheduling."


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        client, informers, recorder, clock = cluster.client, cluster.informers, cluster.recorder, cluster.clock
        cluster.start(
            NodeLifecycle(client, informers, clock),
            Scheduler(client, informers, recorder, clock),
            VolumeBinder(client, informers, recorder, clock),
            DirectoryProvisioner(client, informers, recorder, clock, ToyDirectories()),
        )
        await cluster.settle()
        yield cluster


async def add_node(cluster: ToyCluster, name: str = "node-1", pods: int = 110, **labels: str) -> None:
    node = Node(metadata=ObjectMeta(name=name, labels=labels))
    node.status.capacity = node.status.allocatable = {"cpu": "1", "memory": "1Gi", "pods": str(pods)}
    created = await cluster.client.create(node)
    created.status = node.status
    await cluster.client.update(created, "status")
    await cluster.settle()


def pod(name: str = "web-0", *claims: str, cpu: str = "") -> Pod:
    container = Container(name="nginx", image="nginx")
    container.resources.requests = {"cpu": cpu} if cpu else {}
    spec = PodSpec(containers=[container])
    for claim_name in claims:
        source = PersistentVolumeClaimVolumeSource(claim_name=claim_name)
        spec.volumes.append(Volume(name=claim_name, persistent_volume_claim=source))
    return Pod(metadata=ObjectMeta(name=name, namespace="default"), spec=spec)


async def node_of(cluster: ToyCluster, name: str = "web-0") -> str | None:
    return (await cluster.get(Pod, name, "default")).spec.node_name


async def reason(cluster: ToyCluster, name: str = "web-0") -> str | None:
    condition = get_condition((await cluster.get(Pod, name, "default")).status.conditions, "PodScheduled")
    return condition.message if condition is not None else None


async def test_a_pod_gets_the_node_and_an_event(cluster: ToyCluster) -> None:
    await add_node(cluster)
    await cluster.create(pod())
    assert await node_of(cluster) == "node-1"
    text = "Successfully assigned default/web-0 to node-1"
    assert await cluster.events("web-0") == [("Normal", "Scheduled", text)]


async def test_a_pod_that_comes_before_the_node_waits_for_it(cluster: ToyCluster) -> None:
    await cluster.create(pod())
    assert await reason(cluster) == "no nodes available to schedule pods"
    await add_node(cluster)
    assert await node_of(cluster) == "node-1"


async def test_a_pod_that_does_not_fit_says_so_once_and_gets_the_place_of_one_that_ends(cluster: ToyCluster) -> None:
    await add_node(cluster)
    await cluster.create(pod("first", cpu="600m"))
    await cluster.create(pod(cpu="600m"))
    text = f"0/1 nodes are available: 1 Insufficient cpu. {NO_PREEMPTION}"
    assert await reason(cluster) == text
    assert await cluster.events("web-0") == [("Warning", "FailedScheduling", text)]

    def end(pod: Pod) -> None:
        pod.status.phase = "Succeeded"

    await cluster.change_status(Pod, "first", "default", end)
    assert await node_of(cluster) == "node-1"


async def test_a_deleted_pod_leaves_its_place(cluster: ToyCluster) -> None:
    await add_node(cluster, pods=1)
    await cluster.create(pod("first"))
    await cluster.create(pod())
    assert await reason(cluster) == f"0/1 nodes are available: 1 Too many pods. {NO_PREEMPTION}"
    await cluster.delete(Pod, "first", "default")
    assert await node_of(cluster) == "node-1"


async def test_pods_that_come_together_never_share_a_place(cluster: ToyCluster) -> None:
    await add_node(cluster)
    for number in range(10):
        await cluster.client.create(pod(f"web-{number}", cpu="300m"))
    await cluster.settle()
    placed = [await node_of(cluster, f"web-{number}") for number in range(10)]
    assert placed.count("node-1") == 3


async def test_pods_spread_over_nodes(cluster: ToyCluster) -> None:
    await add_node(cluster, "node-1")
    await add_node(cluster, "node-2")
    for number in range(6):
        await cluster.client.create(pod(f"web-{number}"))
    await cluster.settle()
    placed = [await node_of(cluster, f"web-{number}") for number in range(6)]
    assert (placed.count("node-1"), placed.count("node-2")) == (3, 3)


async def test_a_node_that_is_labelled_later_is_tried_again(cluster: ToyCluster) -> None:
    await add_node(cluster)
    choosy = pod()
    choosy.spec.node_selector = {"disk": "ssd"}
    await cluster.create(choosy)
    text = f"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. {NO_PREEMPTION}"
    assert await reason(cluster) == text

    def label(node: Node) -> None:
        node.metadata.labels["disk"] = "ssd"

    await cluster.change(Node, "node-1", "", label)
    assert await node_of(cluster) == "node-1"


async def test_a_gated_pod_is_left_alone(cluster: ToyCluster) -> None:
    await add_node(cluster)
    gated = pod()
    gated.spec.scheduling_gates = [PodSchedulingGate(name="example.com/later")]
    await cluster.create(gated)
    assert await node_of(cluster) is None
    assert await cluster.events("web-0") == []

    def open_gate(pod: Pod) -> None:
        pod.spec.scheduling_gates = []

    await cluster.change(Pod, "web-0", "default", open_gate)
    assert await node_of(cluster) == "node-1"


async def test_a_pod_of_another_scheduler_is_left_alone(cluster: ToyCluster) -> None:
    await add_node(cluster)
    foreign = pod()
    foreign.spec.scheduler_name = "another"
    await cluster.create(foreign)
    assert await node_of(cluster) is None


# --- volumes ----------------------------------------------------------------------------------------------------------


async def test_a_pod_waits_for_a_claim_that_is_not_there(cluster: ToyCluster) -> None:
    await add_node(cluster)
    await cluster.create(storage_class())
    await cluster.create(pod("web-0", "www"))
    text = f'0/1 nodes are available: persistentvolumeclaim "www" not found. {NO_PREEMPTION}'
    assert await reason(cluster) == text
    await cluster.create(claim())
    assert await node_of(cluster) == "node-1"


async def test_a_pod_waits_for_immediate_claims_to_be_bound(cluster: ToyCluster) -> None:
    await add_node(cluster)
    await cluster.create(claim())
    await cluster.create(pod("web-0", "www"))
    text = f"0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. {NO_PREEMPTION}"
    assert await reason(cluster) == text
    await cluster.create(storage_class())
    assert await node_of(cluster) == "node-1"


async def test_the_first_consumer_has_its_claim_bound_without_a_complaint(cluster: ToyCluster) -> None:
    await add_node(cluster)
    await cluster.create(storage_class(mode="WaitForFirstConsumer"))
    await cluster.create(claim())
    await cluster.create(pod("web-0", "www"))
    bound = await cluster.get(PersistentVolumeClaim, "www", "default")
    assert bound.metadata.annotations["volume.kubernetes.io/selected-node"] == "node-1"
    assert bound.status.phase == "Bound"
    assert await node_of(cluster) == "node-1"
    assert [event[1] for event in await cluster.events("web-0")] == ["Scheduled"]


async def test_volumes_that_take_long_are_named(cluster: ToyCluster) -> None:
    await add_node(cluster)
    await cluster.create(storage_class(mode="WaitForFirstConsumer", provisioner="example.com/slow"))
    await cluster.create(claim())
    await cluster.create(pod("web-0", "www"))
    assert await reason(cluster) is None
    await cluster.clock.advance(10)
    assert await reason(cluster) == "waiting for claim www to be bound on node node-1"


async def test_a_class_without_provisioner_needs_a_volume_made_by_hand(cluster: ToyCluster) -> None:
    await add_node(cluster)
    by_hand = storage_class("local", mode="WaitForFirstConsumer", provisioner="kubernetes.io/no-provisioner")
    await cluster.create(by_hand)
    await cluster.create(claim(class_="local"))
    await cluster.create(pod("web-0", "www"))
    why = "1 node(s) didn't find available persistent volumes to bind"
    assert await reason(cluster) == f"0/1 nodes are available: {why}. {NO_PREEMPTION}"
    await cluster.create(volume(class_="local"))
    assert await node_of(cluster) == "node-1"


async def test_a_pod_goes_where_its_volume_is(cluster: ToyCluster) -> None:
    await add_node(cluster, "node-1", zone="a")
    await add_node(cluster, "node-2", zone="b")
    there = volume()
    requirement = NodeSelectorRequirement(key="zone", operator="In", values=["b"])
    selector = NodeSelector(node_selector_terms=[NodeSelectorTerm(match_expressions=[requirement])])
    there.spec.node_affinity = VolumeNodeAffinity(required=selector)
    await cluster.create(there)
    await cluster.create(claim(class_=""))
    await cluster.create(pod("web-0", "www"))
    assert await node_of(cluster) == "node-2"
