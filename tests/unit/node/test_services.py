import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import pytest

from petset.aio.tasks import Supervisor
from petset.api.meta import copy
from petset.api.types import (
    Container,
    DiscoveryEndpointPort,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    ObjectMeta,
    Pod,
    PodIP,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.client.interface import Client
from petset.node.dns.view import ServiceView
from petset.node.network.proxy import ProxiedPort, ProxiedService, ServiceProxy
from petset.node.services import ServiceFeed, proxied_service
from tests.unit.node.given import cluster, pod


def service(*ports: ServicePort, ip: str = "10.96.0.5", **spec: object) -> Service:
    result = Service(
        metadata=ObjectMeta(name="web", namespace="default"), spec=ServiceSpec(cluster_ip=ip, ports=list(ports))
    )
    for name, value in spec.items():
        setattr(result.spec, name, value)
    return result


def endpoints(
    name: str, *addresses: str, port: tuple[str, int] = ("", 8080), ready: bool | None = True
) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name=name, namespace="default", labels={"kubernetes.io/service-name": "web"}),
        address_type="IPv4",
        endpoints=[Endpoint(addresses=[address], conditions=EndpointConditions(ready=ready)) for address in addresses],
        ports=[DiscoveryEndpointPort(name=port[0], port=port[1], protocol="TCP")],
    )


PORT = ServicePort(port=80)


@pytest.mark.parametrize(
    ("of", "slices", "expected"),
    [
        (service(PORT), [], ProxiedService("10.96.0.5", (ProxiedPort(80, "TCP", ()),))),
        (
            service(PORT),
            [endpoints("b", "10.244.0.3"), endpoints("a", "10.244.0.2")],
            ProxiedService("10.96.0.5", (ProxiedPort(80, "TCP", (("10.244.0.2", 8080), ("10.244.0.3", 8080))),)),
        ),
        (
            service(PORT),
            [endpoints("a", "10.244.0.2"), endpoints("b", "10.244.0.2", "10.244.0.4", ready=None)],
            ProxiedService("10.96.0.5", (ProxiedPort(80, "TCP", (("10.244.0.2", 8080), ("10.244.0.4", 8080))),)),
        ),
        (
            service(PORT),
            [endpoints("a", "10.244.0.2", ready=False)],
            ProxiedService("10.96.0.5", (ProxiedPort(80, "TCP", ()),)),
        ),
        (
            service(ServicePort(name="http", port=80), ServicePort(name="admin", port=81), session_affinity="ClientIP"),
            [endpoints("a", "10.244.0.2", port=("admin", 9000))],
            ProxiedService(
                "10.96.0.5",
                (ProxiedPort(80, "TCP", ()), ProxiedPort(81, "TCP", (("10.244.0.2", 9000),))),
                client_affinity=True,
            ),
        ),
        (service(PORT, ip="None"), [endpoints("a", "10.244.0.2")], None),
        (service(PORT, ip=""), [], None),
        (service(PORT, type="ExternalName"), [], None),
    ],
)
def test_the_proxy_serves_ready_endpoints_under_the_cluster_address(
    of: Service, slices: list[EndpointSlice], expected: ProxiedService | None
) -> None:
    assert proxied_service(of, slices) == expected


class NotingProxy(ServiceProxy):
    """Opens nothing and notes what it is to serve."""

    def __init__(self) -> None:
        super().__init__()
        self.services: Mapping[str, ProxiedService] = {}
        self.changed = asyncio.Event()
        self.applied = 0

    async def apply(self, services: Mapping[str, ProxiedService]) -> None:
        self.services = services
        self.applied += 1
        self.changed.set()

    async def targets(self, count: int) -> None:
        """Waits until the Service `web` has that many targets; 0 also when it is not served at all."""
        while self.count() != count:
            self.changed.clear()
            await self.changed.wait()

    def count(self) -> int:
        web = self.services.get("default/web")
        return len(web.ports[0].endpoints) if web is not None else 0


@dataclass
class Given:
    client: Client
    view: ServiceView
    proxy: NotingProxy


@pytest.fixture
async def given() -> AsyncIterator[Given]:
    view, proxy = ServiceView(), NotingProxy()
    async with cluster() as (client, informers), Supervisor("test") as supervisor:
        feed = ServiceFeed(informers, view, proxy)
        supervisor.start("services", feed.run)
        await feed.synced()
        yield Given(client, view, proxy)


async def test_changes_reach_proxy_and_view(given: Given) -> None:
    created = await given.client.create(service(PORT, ip="", selector={"app": "web"}))
    slice_ = await given.client.create(endpoints("web-1", "10.244.0.2"))
    await given.proxy.targets(1)
    record = given.view.service("default", "web")
    assert record is not None
    assert [endpoint.ip for endpoint in record.endpoints] == ["10.244.0.2"]
    assert record.cluster_ips == (created.spec.cluster_ip,)

    more = copy(slice_)
    more.endpoints = endpoints("web-1", "10.244.0.2", "10.244.0.3").endpoints
    await given.client.update(more)
    await given.proxy.targets(2)

    await given.client.delete(EndpointSlice, "web-1", "default")
    await given.proxy.targets(0)
    await given.client.delete(Service, "web", "default")
    while "default/web" in given.proxy.services:
        given.proxy.changed.clear()
        await given.proxy.changed.wait()
    assert given.view.service("default", "web") is None


async def test_news_that_change_nothing_for_the_proxy_are_not_applied(given: Given) -> None:
    created = await given.client.create(service(PORT, ip="", selector={"app": "web"}))
    await given.client.create(endpoints("web-1", "10.244.0.2"))
    await given.proxy.targets(1)
    applied = given.proxy.applied
    created.metadata.labels = {"team": "a"}
    await given.client.update(created)
    await given.client.create(endpoints("web-2", "10.244.0.3"))
    await given.proxy.targets(2)
    assert given.proxy.applied == applied + 1


async def test_pods_reach_the_view(given: Given) -> None:
    asked = pod(Container(name="nginx", image="nginx"))
    asked.metadata.uid = ""
    created = await given.client.create(asked)
    created.status.pod_ip, created.status.pod_ips = "10.244.0.9", [PodIP(ip="10.244.0.9")]
    await given.client.update(created, "status")
    await given.client.create(service(PORT, ip=""))  # served later than the pod is known
    await until_served(given)
    assert given.view.has_pod("default", "10.244.0.9")
    await given.client.delete(Pod, "web-0", "default")
    await given.client.create(endpoints("web-1", "10.244.0.2"))
    await given.proxy.targets(1)
    assert not given.view.has_pod("default", "10.244.0.9")


async def until_served(given: Given) -> None:
    while "default/web" not in given.proxy.services:
        given.proxy.changed.clear()
        await given.proxy.changed.wait()
