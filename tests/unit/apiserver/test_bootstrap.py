"""What is there before anybody asks for it, and what of it a restart leaves alone."""

import pytest

from petset.api.errors import NotFound
from petset.api.types import Endpoints, EndpointSlice, Namespace, Service, ServiceAccount
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from tests.unit.apiserver.calls import ME, PLAINLY, fetch, target


async def test_the_system_namespaces_have_their_accounts(server: ApiServer) -> None:
    for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
        assert (await fetch(server, Namespace, name)).status.phase == "Active"
        account = await server.get(target(ServiceAccount, "default", namespace=name))
        assert account.record.name == f"{name}/default"


async def test_the_api_is_a_service_with_the_first_address(server: ApiServer) -> None:
    spec = (await fetch(server, Service, "kubernetes")).spec
    assert spec.cluster_ip == "10.96.0.1"
    assert [(port.name, port.port, port.target_port) for port in spec.ports] == [("https", 443, 6443)]


async def test_a_restart_changes_nothing(server: ApiServer) -> None:
    before = server.registry.store.revision
    await create_system_objects(server, 6443)
    assert server.registry.store.revision == before


async def test_a_restart_on_another_port_says_so(server: ApiServer) -> None:
    await create_system_objects(server, 7443)
    assert (await fetch(server, Service, "kubernetes")).spec.ports[0].target_port == 7443


async def test_its_endpoint_is_where_pods_reach_it(server: ApiServer) -> None:
    with pytest.raises(NotFound):
        await fetch(server, Endpoints, "kubernetes")
    for address, port in (("10.244.0.1", 6443), ("10.244.0.1", 6443), ("10.243.0.1", 7443)):
        await create_system_objects(server, port, pods_reach=address)
        [subset] = (await fetch(server, Endpoints, "kubernetes")).subsets
        assert [found.ip for found in subset.addresses] == [address]
        assert [(found.name, found.port, found.protocol) for found in subset.ports] == [("https", port, "TCP")]
        slice_ = await fetch(server, EndpointSlice, "kubernetes")
        assert slice_.metadata.labels == {"kubernetes.io/service-name": "kubernetes"}
        assert [(found.addresses, found.conditions.ready) for found in slice_.endpoints] == [([address], True)]
        assert [(found.name, found.port, found.protocol) for found in slice_.ports] == [("https", port, "TCP")]


async def test_a_restart_leaves_what_people_changed(server: ApiServer) -> None:
    namespace = await fetch(server, Namespace, "default")
    namespace.metadata.labels["team"] = "web"
    await server.update(ME, target(Namespace, "default"), namespace, PLAINLY)
    await create_system_objects(server, 6443)
    assert (await fetch(server, Namespace, "default")).metadata.labels["team"] == "web"
