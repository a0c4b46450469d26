"""What is there before anybody asks for it, and what of it a restart leaves alone."""

from petset.api.types import Namespace, Service, ServiceAccount
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


async def test_a_restart_leaves_what_people_changed(server: ApiServer) -> None:
    namespace = await fetch(server, Namespace, "default")
    namespace.metadata.labels["team"] = "web"
    await server.update(ME, target(Namespace, "default"), namespace, PLAINLY)
    await create_system_objects(server, 6443)
    assert (await fetch(server, Namespace, "default")).metadata.labels["team"] == "web"
