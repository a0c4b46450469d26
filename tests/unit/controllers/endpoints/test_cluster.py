"""Endpoints follow Services and pods through the real controller over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.types import (
    Endpoints,
    EndpointSlice,
    Event,
    Object,
    ObjectMeta,
    Pod,
    PodCondition,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.controllers.endpoints.controller import EndpointsController
from petset.controllers.endpoints.mirror import EndpointsMirror
from petset.controllers.endpoints.mirroring import LARGEST_SUBSET
from petset.controllers.garbagecollector.controller import GarbageCollector
from tests.unit.controllers.endpoints.test_mirroring import endpoints, subset
from tests.unit.controllers.endpoints.test_plan import pod, service
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        client, informers, recorder, clock = cluster.client, cluster.informers, cluster.recorder, cluster.clock
        kinds: list[type[Object]] = [Service, Endpoints, EndpointSlice]
        cluster.start(
            EndpointsController(client, informers, clock),
            EndpointsMirror(client, informers, recorder, clock),
            GarbageCollector(client, informers, recorder, clock, kinds),
        )
        await cluster.settle()
        yield cluster


def plain_service() -> Service:
    plain = service()
    plain.metadata.uid = ""
    return plain


async def add(cluster: ToyCluster, ordinal: int, *, ready: bool = True, app: str = "nginx") -> None:
    new = pod(ordinal, ready=ready)
    new.metadata.uid = ""
    new.metadata.labels = {"app": app}
    created = await cluster.client.create(new)
    created.status = new.status
    await cluster.client.update(created, "status")
    await cluster.settle()


async def slices(cluster: ToyCluster) -> dict[str, bool | None]:
    """Host names and whether they are ready."""
    listed = (await cluster.client.list(EndpointSlice, "default")).items
    return {e.hostname or "": e.conditions.ready for s in listed for e in s.endpoints}


async def ready(cluster: ToyCluster) -> list[str]:
    found = await cluster.get(Endpoints, "nginx", "default")
    return [address.hostname or "" for subset in found.subsets for address in subset.addresses]


async def test_pods_come_get_ready_and_go(cluster: ToyCluster) -> None:
    await cluster.create(plain_service())
    await add(cluster, 0)
    await add(cluster, 1, ready=False)
    await add(cluster, 2, app="other")
    assert await slices(cluster) == {"web-0": True, "web-1": False}
    assert await ready(cluster) == ["web-0"]

    def become_ready(pod: Pod) -> None:
        pod.status.conditions = [PodCondition(type="Ready", status="True")]

    await cluster.change_status(Pod, "web-1", "default", become_ready)
    assert await ready(cluster) == ["web-0", "web-1"]
    await cluster.delete(Pod, "web-0", "default")
    assert await slices(cluster) == {"web-1": True}


async def test_a_pod_leaves_when_its_labels_do(cluster: ToyCluster) -> None:
    await cluster.create(plain_service())
    await add(cluster, 0)

    def relabel(pod: Pod) -> None:
        pod.metadata.labels = {"app": "other"}

    await cluster.change(Pod, "web-0", "default", relabel)
    assert await slices(cluster) == {}
    assert await ready(cluster) == []


async def test_a_service_that_comes_later_finds_its_pods(cluster: ToyCluster) -> None:
    await add(cluster, 0)
    await cluster.create(plain_service())
    assert await slices(cluster) == {"web-0": True}


async def test_what_somebody_else_changes_is_put_right(cluster: ToyCluster) -> None:
    await cluster.create(plain_service())
    await add(cluster, 0)

    def empty(endpoints: Endpoints) -> None:
        endpoints.subsets = []

    await cluster.change(Endpoints, "nginx", "default", empty)
    assert await ready(cluster) == ["web-0"]
    (name,) = [s.metadata.name for s in (await cluster.client.list(EndpointSlice, "default")).items]
    await cluster.delete(EndpointSlice, name, "default")
    assert await slices(cluster) == {"web-0": True}


async def test_a_deleted_service_takes_its_endpoints_along(cluster: ToyCluster) -> None:
    await cluster.create(plain_service())
    await add(cluster, 0)
    await cluster.delete(Service, "nginx", "default")
    assert await cluster.find(Endpoints, "nginx", "default") is None
    assert (await cluster.client.list(EndpointSlice, "default")).items == []


async def mirrored(cluster: ToyCluster) -> list[str]:
    listed = (await cluster.client.list(EndpointSlice, "default")).items
    return [endpoint.addresses[0] for slice_ in listed for endpoint in slice_.endpoints]


async def test_what_somebody_writes_for_a_service_without_selector_is_told_as_slices(cluster: ToyCluster) -> None:
    await cluster.create(endpoints(subset("10.0.0.1")))
    assert await mirrored(cluster) == []
    own = Service(metadata=ObjectMeta(name="db", namespace="default"), spec=ServiceSpec(cluster_ip="None"))
    await cluster.create(own)
    assert await mirrored(cluster) == ["10.0.0.1"]

    def move(found: Endpoints) -> None:
        found.subsets = [subset("10.0.0.2")]

    await cluster.change(Endpoints, "db", "default", move)
    assert await mirrored(cluster) == ["10.0.0.2"]
    await cluster.delete(EndpointSlice, (await cluster.names(EndpointSlice))[0], "default")
    assert await mirrored(cluster) == ["10.0.0.2"]
    await cluster.delete(Endpoints, "db", "default")
    assert await mirrored(cluster) == []


async def test_who_writes_more_than_is_mirrored_is_told(cluster: ToyCluster) -> None:
    own = Service(metadata=ObjectMeta(name="db", namespace="default"), spec=ServiceSpec(cluster_ip="None"))
    await cluster.create(own)
    many = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(LARGEST_SUBSET + 2)]
    await cluster.create(endpoints(subset(*many)))
    await cluster.settle()
    [event] = (await cluster.client.list(Event, "default")).items
    assert (event.type, event.reason) == ("Warning", "TooManyAddressesToMirror")
    assert event.message is not None
    assert event.message.endswith("2 addresses were skipped")
    assert (event.involved_object.kind, event.involved_object.name) == ("Endpoints", "db")


async def test_slices_of_a_service_that_gets_a_selector_say_what_it_selects(cluster: ToyCluster) -> None:
    own = Service(metadata=ObjectMeta(name="db", namespace="default"), spec=ServiceSpec(ports=[ServicePort(port=5432)]))
    await cluster.create(own)
    await cluster.create(endpoints(subset("10.0.0.1")))

    def select(found: Service) -> None:
        found.spec.selector = {"app": "db"}

    await cluster.change(Service, "db", "default", select)
    assert await mirrored(cluster) == []
    assert (await cluster.get(Endpoints, "db", "default")).subsets == []
