"""Cluster IPs and node ports: who gets which, who keeps it, when it is free again."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from petset.api.errors import Forbidden, InternalError, Invalid
from petset.api.types import (
    DeleteOptions,
    Object,
    ObjectMeta,
    Pod,
    ResourceQuota,
    ResourceQuotaSpec,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer, Settings
from petset.apiserver.registry import indexer
from petset.apiserver.request import PatchBody, WriteOptions
from petset.kinds import CATALOGUE
from petset.store.commit import Commit
from petset.store.interface import Draft, Record
from petset.store.memory import MemoryStore
from petset.store.sqlite import SqliteStore
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, create, decoded, fetch, pod, target


def service(name: str, type_: str | None = None, address: str | None = None, ports: int = 1) -> Service:
    listed = [ServicePort(name=f"p{number}", port=80 + number) for number in range(ports)]
    spec = ServiceSpec(type=type_, cluster_ip=address, ports=listed)
    if type_ == "ExternalName":
        spec.external_name = "example.com"
    return Service(metadata=ObjectMeta(name=name), spec=spec)


async def patch(server: ApiServer, name: str, spec: dict[str, object]) -> Service:
    body = PatchBody("merge", {"spec": spec})
    return decoded(await server.patch(ME, target(Service, name), body, PLAINLY), Service)


async def delete(server: ApiServer, name: str, kind: type[Object] = Service) -> None:
    await server.delete(ME, target(kind, name), DeleteOptions(grace_period_seconds=0))


async def test_the_api_has_the_first_address(server: ApiServer) -> None:
    assert (await fetch(server, Service, "kubernetes")).spec.cluster_ip == "10.96.0.1"


async def test_every_service_gets_another_address(server: ApiServer) -> None:
    found = [(await create(server, service(name))).spec for name in ("a", "b", "c")]
    assert len({spec.cluster_ip for spec in found}) == 3
    assert all(spec.cluster_ips == [spec.cluster_ip] for spec in found)
    assert all(str(spec.cluster_ip).startswith("10.96.") for spec in found)


@pytest.mark.parametrize(("type_", "address"), [(None, "None"), ("ExternalName", None)])
async def test_some_need_none(server: ApiServer, type_: str | None, address: str | None) -> None:
    assert (await create(server, service("a", type_, address))).spec.cluster_ip == address


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("10.96.0.1", "failed to allocate IP 10.96.0.1: provided IP is already allocated"),
        ("192.168.0.1", "is not in the valid range. The range of valid IPs is 10.96.0.0/16"),
    ],
)
async def test_a_wish_has_to_be_possible(server: ApiServer, address: str, message: str) -> None:
    with pytest.raises(Invalid, match=message) as caught:
        await create(server, service("a", address=address))
    assert caught.value.details["causes"][0]["field"] == "spec.clusterIPs"


async def test_a_wish_is_granted_and_kept(server: ApiServer) -> None:
    await create(server, service("a", address="10.96.7.7"))
    assert (await patch(server, "a", {"selector": {"app": "web"}})).spec.cluster_ip == "10.96.7.7"
    with pytest.raises(Invalid, match="already allocated"):
        await create(server, service("b", address="10.96.7.7"))


async def test_a_deletion_frees_everything(server: ApiServer) -> None:
    first = await create(server, service("a", "NodePort", "10.96.7.7"))
    await delete(server, "a")
    again = service("b", "NodePort", "10.96.7.7")
    again.spec.ports[0].node_port = first.spec.ports[0].node_port
    assert (await create(server, again)).spec.ports == first.spec.ports


async def test_a_dry_run_takes_nothing(server: ApiServer) -> None:
    await create(server, service("a", address="10.96.7.7"), WriteOptions(dry_run=True))
    assert (await create(server, service("b", address="10.96.7.7"))).spec.cluster_ip == "10.96.7.7"


async def test_a_refused_service_takes_nothing(server: ApiServer) -> None:
    wrong = service("a", "NodePort", "10.96.7.7")
    wrong.spec.ports[0].node_port = 80
    with pytest.raises(Invalid, match="The range of valid ports is 30000-32767"):
        await create(server, wrong)
    assert (await create(server, service("b", address="10.96.7.7"))).spec.cluster_ip == "10.96.7.7"


async def test_what_is_stored_is_taken_from_the_start(clock: VirtualClock) -> None:
    store = MemoryStore()
    first = ApiServer(CATALOGUE, store, clock)
    await create_system_objects(first, 6443)
    taken = await create(first, service("a", "NodePort"))
    second = ApiServer(CATALOGUE, store, clock)
    with pytest.raises(Invalid, match="already allocated"):
        await create(second, service("b", address=taken.spec.cluster_ip))
    wish = service("b", "NodePort")
    wish.spec.ports[0].node_port = taken.spec.ports[0].node_port
    with pytest.raises(Invalid, match="provided port is already allocated"):
        await create(second, wish)


async def test_a_range_that_is_used_up_says_so(clock: VirtualClock) -> None:
    server = ApiServer(CATALOGUE, MemoryStore(), clock, settings=Settings(service_cidr="10.96.0.0/30"))
    await create_system_objects(server, 6443, "10.96.0.0/30")
    await create(server, service("a"))
    with pytest.raises(InternalError, match="range is full"):
        await create(server, service("b"))


class TestNodePorts:
    async def test_each_port_gets_one(self, server: ApiServer) -> None:
        found = [port.node_port for port in (await create(server, service("a", "NodePort", ports=3))).spec.ports]
        assert len(set(found)) == 3
        assert all(port is not None and 30000 <= port <= 32767 for port in found)

    async def test_stay_with_their_ports(self, server: ApiServer) -> None:
        before = await create(server, service("a", "NodePort", ports=2))
        ports = [{"name": "p1", "port": 81}, {"name": "more", "port": 90}]
        after = await patch(server, "a", {"ports": ports})
        assert after.spec.ports[0].node_port == before.spec.ports[1].node_port
        assert after.spec.ports[1].node_port not in {port.node_port for port in before.spec.ports[1:]}

    async def test_are_given_back_with_the_type(self, server: ApiServer) -> None:
        before = await create(server, service("a", "NodePort"))
        assert (await patch(server, "a", {"type": "ClusterIP"})).spec.ports[0].node_port is None
        wish = service("b", "NodePort")
        wish.spec.ports[0].node_port = before.spec.ports[0].node_port
        granted = await create(server, wish)
        assert granted.spec.ports[0].node_port == before.spec.ports[0].node_port


def quota(name: str, **hard: str) -> ResourceQuota:
    return ResourceQuota(metadata=ObjectMeta(name=name), spec=ResourceQuotaSpec(hard=hard))


class FullStore(MemoryStore):
    """Accepts every write, and loses it while it is `full`."""

    def __init__(self) -> None:
        super().__init__()
        self.full = False
        self.looks = 0
        self._lost = 0

    @property
    def failures(self) -> int:
        """How many were lost."""
        return self._lost

    def newest(self, collection: str, name: str) -> Record | None:
        """Counts how often it is asked."""
        self.looks += 1
        return super().newest(collection, name)

    def write(self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None) -> Commit:
        """Loses what it accepts when it is full."""
        return self._lose(draft) if self.full else super().write(collection, name, draft, expected)

    def delete(self, collection: str, name: str, last: Callable[[int], Draft], expected: int) -> Commit:
        """The same."""
        return self._lose(last) if self.full else super().delete(collection, name, last, expected)

    def _lose(self, draft: Callable[[int], Draft]) -> Commit:
        draft(self.revision + 1)
        self._lost += 1
        commit = Commit()
        commit.fail("the disk is full")
        return commit


async def looks_after_a_loss(server: ApiServer, store: FullStore) -> int:
    """How much is looked at by the next write after one that the disk refused."""
    store.full = True
    with pytest.raises(InternalError, match="the disk is full"):
        await create(server, pod("lost"))
    store.full, store.looks = False, 0
    await create(server, pod("next"))
    return store.looks


class TestADiskThatWasFull:
    @pytest.fixture
    def store(self) -> FullStore:
        return FullStore()

    @pytest.fixture
    async def server(self, store: FullStore, clock: VirtualClock) -> ApiServer:
        server = ApiServer(CATALOGUE, store, clock)
        await create_system_objects(server, 6443)
        return server

    async def test_keeps_no_number_of_a_service_that_was_not_stored(self, server: ApiServer, store: FullStore) -> None:
        store.full = True
        with pytest.raises(InternalError, match="the disk is full"):
            await create(server, service("a", address="10.96.7.7"))
        store.full = False
        assert (await create(server, service("b", address="10.96.7.7"))).spec.cluster_ip == "10.96.7.7"

    async def test_frees_no_number_of_a_service_that_is_still_there(self, server: ApiServer, store: FullStore) -> None:
        await create(server, service("a", address="10.96.7.7"))
        store.full = True
        with pytest.raises(InternalError, match="the disk is full"):
            await delete(server, "a")
        store.full = False
        with pytest.raises(Invalid, match="provided IP is already allocated"):
            await create(server, service("b", address="10.96.7.7"))

    async def test_leaves_quotas_as_they_were(self, server: ApiServer, store: FullStore) -> None:
        await create(server, quota("one", pods="1"))
        store.full = True
        with pytest.raises(InternalError, match="the disk is full"):
            await create(server, pod("lost"))
        store.full = False
        await create(server, pod("kept"))
        store.full = True
        with pytest.raises(InternalError, match="the disk is full"):
            await delete(server, "kept", Pod)
        store.full = False
        with pytest.raises(Forbidden, match="used: pods=1, limited: pods=1"):
            await create(server, pod("late"))

    async def test_gives_quotas_back_that_were_not_ended(self, server: ApiServer, store: FullStore) -> None:
        await create(server, quota("one", pods="1"))
        store.full = True
        with pytest.raises(InternalError, match="the disk is full"):
            await delete(server, "one", ResourceQuota)
        store.full = False
        await create(server, pod("first"))
        with pytest.raises(Forbidden, match="used: pods=1, limited: pods=1"):
            await create(server, pod("second"))

    async def test_ends_quotas_that_were_not_stored(self, server: ApiServer, store: FullStore) -> None:
        store.full = True
        with pytest.raises(InternalError, match="the disk is full"):
            await create(server, quota("none", pods="0"))
        store.full = False
        await create(server, pod("first"))

    async def test_has_only_that_counted_anew_which_was_lost(self, server: ApiServer, store: FullStore) -> None:
        await create(server, quota("one", pods="100"))
        for number in range(50):
            await create(server, pod(f"kept-{number}"))
        assert await looks_after_a_loss(server, store) < 20

    async def test_does_not_look_at_what_was_only_tried(self, server: ApiServer, store: FullStore) -> None:
        for _ in range(50):
            await server.create(ME, target(Pod), pod("tried"), WriteOptions("tester", dry_run=True))
        assert await looks_after_a_loss(server, store) < 20


async def test_a_first_quota_counts_what_is_about_to_be_durable(clock: VirtualClock, tmp_path: Path) -> None:
    store = SqliteStore.open(tmp_path, indexer(CATALOGUE))
    server = ApiServer(CATALOGUE, store, clock)
    await create_system_objects(server, 6443)
    await asyncio.gather(create(server, pod("first")), create(server, quota("one", pods="1")))
    with pytest.raises(Forbidden, match="used: pods=1, limited: pods=1"):
        await create(server, pod("second"))
    await store.close()
