"""Ending all pods against a server."""

from petset.aio.tasks import Supervisor
from petset.api.meta import owner_reference
from petset.api.types import Container, ObjectMeta, Pod, StatefulSet
from petset.client.interface import Patch
from petset.controllers.shutdown.controller import ShutdownController
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster
from tests.unit.controllers.toynode import ToyNode
from tests.unit.kinds.samples import STATEFUL_SET, defaulted


async def pod(cluster: ToyCluster, name: str, owner: StatefulSet | None = None) -> None:
    created = Pod(metadata=ObjectMeta(name=name, namespace="default"))
    created.spec.containers = [Container(name="nginx", image="nginx")]
    if owner is not None:
        created.metadata.owner_references = [owner_reference(owner)]
    await cluster.create(created)


async def end_all(cluster: ToyCluster) -> list[str]:
    """Runs the controller to its end; the order in which the pods went."""
    gone: list[str] = []
    cluster.informers.informer(Pod).add_handlers(on_delete=lambda pod: gone.append(pod.metadata.name))
    controller = ShutdownController(cluster.client, cluster.informers, cluster.clock)
    async with Supervisor("shutdown", cluster.clock) as supervisor:
        ending = supervisor.background("end", controller.run())
        await cluster.settle()
        assert ending.done()
        await ending
    return gone


async def test_pods_end_in_reverse_order() -> None:
    async with toy_cluster() as cluster:
        cluster.start(ToyNode(cluster))
        web = await cluster.create(defaulted(StatefulSet, STATEFUL_SET))
        for name in ("web-0", "web-1", "web-2"):
            await pod(cluster, name, web)
        assert await end_all(cluster) == ["web-2", "web-1", "web-0"]
        assert await cluster.names(Pod) == []


async def test_without_pods_there_is_nothing_to_wait_for() -> None:
    async with toy_cluster() as cluster:
        cluster.start()
        assert await end_all(cluster) == []


async def test_pods_that_no_node_has_end_too() -> None:
    async with toy_cluster() as cluster:
        cluster.start()
        await pod(cluster, "alone")
        assert await end_all(cluster) == ["alone"]


async def test_the_status_of_a_set_says_that_its_pods_are_gone() -> None:
    async with toy_cluster() as cluster:
        cluster.start(ToyNode(cluster))
        web = await cluster.create(defaulted(StatefulSet, STATEFUL_SET))
        await pod(cluster, "web-0", web)
        counted = {
            "replicas": 1,
            "readyReplicas": 1,
            "availableReplicas": 1,
            "updatedReplicas": 1,
            "currentReplicas": 1,
        }
        told = Patch("merge", {"status": {**counted, "observedGeneration": 1, "updateRevision": "web-1"}})
        await cluster.client.patch(StatefulSet, "web", "default", told, "status")
        await end_all(cluster)
        status = (await cluster.get(StatefulSet, "web", "default")).status
        assert (status.replicas, status.available_replicas) == (0, 0)
        assert (status.ready_replicas, status.updated_replicas, status.current_replicas) == (None, None, None)
        assert (status.observed_generation, status.update_revision) == (1, "web-1")


async def test_sets_stay_as_they_are() -> None:
    async with toy_cluster() as cluster:
        cluster.start(ToyNode(cluster))
        web = await cluster.create(defaulted(StatefulSet, STATEFUL_SET))
        await pod(cluster, "web-0", web)
        await end_all(cluster)
        assert (await cluster.get(StatefulSet, "web", "default")).spec.replicas == 3
