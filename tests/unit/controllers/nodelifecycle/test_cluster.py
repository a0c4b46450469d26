"""A node's taints follow its conditions through the real controller over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.meta import set_condition
from petset.api.types import Node, NodeCondition, ObjectMeta
from petset.controllers.nodelifecycle.controller import NodeLifecycle
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        cluster.start(NodeLifecycle(cluster.client, cluster.informers, cluster.clock))
        await cluster.settle()
        yield cluster


async def taints(cluster: ToyCluster) -> list[str]:
    return [taint.key for taint in (await cluster.get(Node, "one")).spec.taints]


async def test_a_node_is_free_of_taints_while_it_is_well(cluster: ToyCluster) -> None:
    new = Node(metadata=ObjectMeta(name="one"))
    new.status.conditions = [NodeCondition(type="Ready", status="False")]
    await cluster.create(new)
    assert await taints(cluster) == ["node.kubernetes.io/not-ready"]
    for status, expected in (("True", []), ("Unknown", ["node.kubernetes.io/unreachable"]), ("True", [])):

        def report(node: Node, status: str = status) -> None:
            set_condition(node.status.conditions, NodeCondition(type="Ready", status=status), cluster.clock.now())

        await cluster.change_status(Node, "one", "", report)
        assert await taints(cluster) == expected


async def test_a_cordoned_node_has_a_taint(cluster: ToyCluster) -> None:
    await cluster.create(Node(metadata=ObjectMeta(name="one")))
    assert await taints(cluster) == []
    for cordoned in (True, False):

        def cordon(node: Node, cordoned: bool = cordoned) -> None:
            node.spec.unschedulable = cordoned

        await cluster.change(Node, "one", "", cordon)
        assert await taints(cluster) == (["node.kubernetes.io/unschedulable"] if cordoned else [])
