"""The pods' network on the real kernel: own bridge, own ranges, own namespaces; nothing leaves the machine."""

import asyncio
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import TypeVar

import pytest
from pyroute2.nftables.main import NFTables

from petset.node.network.bridge import BridgeNetwork
from petset.node.network.interface import (
    AddressTaken,
    NetworkConfig,
    NetworkError,
    PodNetwork,
    RangeTaken,
)
from petset.node.network.namespaces import run_in_namespace
from petset.node.network.proxy import ProxiedPort, ProxiedService, ServiceProxy
from petset.node.network.simulated import SimulatedNetwork

T = TypeVar("T")
pytestmark = pytest.mark.e2e

CONFIG = NetworkConfig("petsettest0", IPv4Network("10.213.0.0/24"), IPv4Network("10.214.0.0/24"))
needs_root = pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root on Linux")


class Namespace:
    """A network namespace with a process in it, as a pause container's."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self.path = f"/proc/{self._process.pid}/ns/net"
        self._descriptor = os.open(self.path, os.O_RDONLY)

    def run(self, action: Callable[[], T]) -> T:
        return run_in_namespace(self._descriptor, action)

    def ip(self, *arguments: str) -> str:
        return self.run(lambda: ip(*arguments))

    def close(self) -> None:
        if self._process.returncode is None:
            os.close(self._descriptor)
            self._process.kill()
            self._process.communicate()


def ip(*arguments: str) -> str:
    return subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True).stdout


def links() -> set[str]:
    return {line.split()[0].split("@")[0] for line in ip("-br", "link").splitlines()}


def routes() -> list[str]:
    return [line for line in ip("route", "show", "table", "all").splitlines() if "10.213." in line or "10.214." in line]


@pytest.fixture
def pods() -> Iterator[Callable[[], Namespace]]:
    with ExitStack() as stack:

        def make() -> Namespace:
            namespace = Namespace()
            stack.callback(namespace.close)
            return namespace

        yield make


@pytest.fixture(params=[pytest.param("bridge", marks=needs_root), "simulated"])
async def network(request: pytest.FixtureRequest) -> AsyncIterator[PodNetwork]:
    network: PodNetwork = BridgeNetwork(CONFIG) if request.param == "bridge" else SimulatedNetwork(CONFIG)
    await network.start()
    yield network
    await network.destroy()
    await network.close()


@pytest.fixture
async def bridge() -> AsyncIterator[BridgeNetwork]:
    network = BridgeNetwork(CONFIG)
    await network.start()
    yield network
    await network.destroy()
    await network.close()


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    with socket.create_server((host, port)) as server:
        server.settimeout(5)
        yield server


def connected_from(server: socket.socket, connect: Callable[[], None]) -> str:
    """The client's address as the server sees it."""
    connect()
    connection, peer = server.accept()
    connection.close()
    return str(peer[0])


def connect_to(host: str, port: int, timeout: float = 5) -> None:
    socket.create_connection((host, port), timeout=timeout).close()


# the contract, of the real network and of the simulated one ----------------------------------------------------


async def test_pods_get_different_addresses(network: PodNetwork, pods: Callable[[], Namespace]) -> None:
    first = await network.attach(pods().path, "uid-1")
    second = await network.attach(pods().path, "uid-2")
    assert (first.ip, second.ip) == ("10.213.0.2", "10.213.0.3")


async def test_attaching_again_changes_nothing(network: PodNetwork, pods: Callable[[], Namespace]) -> None:
    pod = pods()
    first = await network.attach(pod.path, "uid-1")
    assert await network.attach(pod.path, "uid-1") == first
    assert await network.attach(pod.path, "uid-1", address=first.ip) == first


async def test_a_pod_gets_the_address_it_asks_for(network: PodNetwork, pods: Callable[[], Namespace]) -> None:
    assert (await network.attach(pods().path, "uid-1", address="10.213.0.77")).ip == "10.213.0.77"


@pytest.mark.parametrize("address", ["10.213.0.2", "10.213.0.1", "10.213.0.255", "10.99.0.9", "web-0"])
async def test_an_address_that_is_not_free_is_refused(
    network: PodNetwork, pods: Callable[[], Namespace], address: str
) -> None:
    await network.attach(pods().path, "uid-1")
    with pytest.raises(AddressTaken):
        await network.attach(pods().path, "uid-2", address=address)


async def test_a_pod_whose_sandbox_was_made_anew_keeps_its_address(
    network: PodNetwork, pods: Callable[[], Namespace]
) -> None:
    old, new = pods(), pods()
    first = await network.attach(old.path, "uid-1")
    old.close()
    assert (await network.attach(new.path, "uid-1")).ip == first.ip


async def test_a_freed_address_is_not_the_next_one_given(network: PodNetwork, pods: Callable[[], Namespace]) -> None:
    first = await network.attach(pods().path, "uid-1")
    await network.detach("uid-1")
    assert (await network.attach(pods().path, "uid-2")).ip != first.ip


async def test_detaching_a_stranger_does_nothing(network: PodNetwork) -> None:
    await network.detach("nobody")
    assert await network.attachments() == {}


async def test_attachments_are_listed_by_uid(network: PodNetwork, pods: Callable[[], Namespace]) -> None:
    first = await network.attach(pods().path, "uid-1")
    second = await network.attach(pods().path, "uid-2")
    assert await network.attachments() == {"uid-1": first, "uid-2": second}
    await network.detach("uid-1")
    assert await network.attachments() == {"uid-2": second}


# the real network ------------------------------------------------------------------------------------------------


@needs_root
async def test_pods_and_machine_reach_each_other(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    one, two = pods(), pods()
    first = await bridge.attach(one.path, "uid-1")
    second = await bridge.attach(two.path, "uid-2")
    with two.run(lambda: socket.create_server((second.ip, 80))) as server:
        server.settimeout(5)
        assert connected_from(server, lambda: one.run(lambda: connect_to(second.ip, 80))) == first.ip
        assert connected_from(server, lambda: connect_to(second.ip, 80)) == "10.213.0.1"
    with listening("10.213.0.1", 0) as server:
        port = server.getsockname()[1]
        assert connected_from(server, lambda: one.run(lambda: connect_to("10.213.0.1", port))) == first.ip


@needs_root
async def test_a_pod_has_loopback_and_one_interface(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    pod = pods()
    attachment = await bridge.attach(pod.path, "uid-1")
    assert attachment.mac in pod.ip("link", "show", "eth0")
    assert f"{attachment.ip}/24" in pod.ip("addr", "show", "eth0")
    assert "127.0.0.1/8" in pod.ip("addr", "show", "lo")
    assert "default via 10.213.0.1 dev eth0" in pod.ip("route")


@needs_root
async def test_service_addresses_are_the_machines(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    pod = pods()
    attachment = await bridge.attach(pod.path, "uid-1")
    with listening("10.214.0.10", 5353) as server:
        assert connected_from(server, lambda: pod.run(lambda: connect_to("10.214.0.10", 5353))) == attachment.ip
        connect_to("10.214.0.10", 5353)
    for where in (pod.run, lambda action: action()):
        with pytest.raises(ConnectionRefusedError):
            where(lambda: connect_to("10.214.0.11", 80))


@needs_root
async def test_an_address_no_pod_has_never_leaves_the_machine(bridge: BridgeNetwork) -> None:
    assert "dev petsettest0" in ip("route", "get", "10.213.0.200")
    ip("link", "set", "petsettest0", "down")
    with pytest.raises(OSError, match="No route to host"):
        connect_to("10.213.0.200", 80, timeout=0.5)


@needs_root
async def test_a_new_process_finds_what_a_killed_one_left(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    pod = pods()
    first = await bridge.attach(pod.path, "uid-1")
    successor = BridgeNetwork(CONFIG)
    await successor.start()
    assert await successor.attachments() == {"uid-1": first}
    assert await successor.attach(pod.path, "uid-1") == first
    assert (await successor.attach(pods().path, "uid-2")).ip == "10.213.0.3"
    await successor.close()


@needs_root
@pytest.mark.parametrize(
    "damage",
    [
        ["link", "set", "petsettest0", "alias", ""],
        ["link", "set", "petsettest0", "down"],
        ["addr", "flush", "dev", "petsettest0"],
        ["route", "del", "unreachable", "10.213.0.0/24", "metric", "4000000000"],
        ["link", "del", "petsettest0"],
    ],
    ids=lambda words: " ".join(words[:3]),
)
async def test_starting_again_completes_what_is_missing(bridge: BridgeNetwork, damage: list[str]) -> None:
    before = routes()
    ip(*damage)
    await bridge.start()
    assert sorted(routes()) == sorted(before)
    assert "petset network" in ip("link", "show", "petsettest0")


@needs_root
async def test_a_half_made_pair_is_removed_at_the_start(bridge: BridgeNetwork) -> None:
    ip("link", "add", "psdeadbeef", "master", "petsettest0", "type", "veth", "peer", "name", "psdeadpeer")
    ip("link", "add", "stranger0", "master", "petsettest0", "type", "veth", "peer", "name", "stranger1")
    try:
        await bridge.start()
        assert "psdeadbeef" not in links()
        assert "stranger0" in links()
    finally:
        ip("link", "del", "stranger0")


@needs_root
async def test_a_cluster_address_leads_to_a_pod(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    client, server = pods(), pods()
    await bridge.attach(client.path, "uid-1")
    attachment = await bridge.attach(server.path, "uid-2")
    proxy = ServiceProxy()
    port = ProxiedPort(80, "TCP", ((attachment.ip, 8080),))
    await proxy.apply({"default/web": ProxiedService("10.214.0.7", (port,))})
    with server.run(lambda: socket.create_server((attachment.ip, 8080))) as listener:
        listener.settimeout(5)

        def connect() -> None:
            connect_to("10.214.0.7", 80)

        for connected in (connect, lambda: client.run(connect)):
            # In a thread: the proxy under test runs on this test's own loop.
            assert await asyncio.to_thread(connected_from, listener, connected) == "10.213.0.1"
    await proxy.close()


@needs_root
async def test_attaching_repairs_what_a_kill_in_the_middle_left(
    bridge: BridgeNetwork, pods: Callable[[], Namespace]
) -> None:
    pod = pods()
    attachment = await bridge.attach(pod.path, "uid-1")
    ip("link", "set", attachment.interface, "alias", "")
    successor = BridgeNetwork(CONFIG)
    await successor.start()
    assert await successor.attach(pod.path, "uid-1", address=attachment.ip) == attachment
    assert "default via 10.213.0.1" in pod.ip("route")
    await successor.close()


@needs_root
async def test_destroy_leaves_nothing(pods: Callable[[], Namespace]) -> None:
    before = links(), nftables_tables()
    network = BridgeNetwork(CONFIG)
    await network.start()
    await network.attach(pods().path, "uid-1")
    assert "petsettest0" in nftables_tables()
    await network.destroy()
    await network.destroy()
    await network.close()
    assert (links(), nftables_tables()) == before
    assert routes() == []


@needs_root
async def test_a_pods_pair_goes_with_its_namespace(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    pod = pods()
    await bridge.attach(pod.path, "uid-1")
    pod.close()
    await bridge.detach("uid-1")
    assert await bridge.attachments() == {}


@needs_root
async def test_a_namespace_that_is_gone_is_named(bridge: BridgeNetwork) -> None:
    with pytest.raises(NetworkError, match="/proc/0/ns/net: No such file"):
        await bridge.attach("/proc/0/ns/net", "uid-1")


@needs_root
async def test_an_interface_of_somebody_else_is_left_alone() -> None:
    ip("link", "add", "petsettest0", "type", "veth", "peer", "name", "petsettest1")
    network = BridgeNetwork(CONFIG)
    try:
        with pytest.raises(NetworkError, match="petsettest0 exists and is another's: not petset's"):
            await network.start()
        await network.destroy()
        assert "petsettest0" in links()
    finally:
        ip("link", "del", "petsettest0")
        await network.close()


@needs_root
@pytest.mark.parametrize(
    ("pod_cidr", "service_cidr"),
    [("10.213.0.0/16", "10.215.0.0/24"), ("10.213.0.0/25", "10.215.0.0/24"), ("10.216.0.0/24", "10.213.0.0/24")],
)
async def test_a_range_in_use_is_refused(bridge: BridgeNetwork, pod_cidr: str, service_cidr: str) -> None:
    second = BridgeNetwork(NetworkConfig("petsettest1", IPv4Network(pod_cidr), IPv4Network(service_cidr)))
    try:
        with pytest.raises(RangeTaken, match=r"10\.213\.0\.0/24 on petsettest0"):
            await second.start()
        assert "petsettest1" not in links()
    finally:
        await second.destroy()
        await second.close()


@needs_root
async def test_two_networks_live_side_by_side(bridge: BridgeNetwork) -> None:
    other = BridgeNetwork(NetworkConfig("petsettest1", IPv4Network("10.215.0.0/24"), IPv4Network("10.216.0.0/24")))
    before = routes()
    await other.start()
    assert "petsettest1" in links()
    await other.destroy()
    await other.close()
    assert routes() == before
    assert {"petsettest0"} == {name for name in links() if name.startswith("petsettest")}


def nftables_tables() -> list[str]:
    def read() -> list[str]:
        with NFTables() as nft:
            return sorted(table.get_attr("NFTA_TABLE_NAME") for table in nft.get_tables())

    with ThreadPoolExecutor(max_workers=1) as thread:  # pyroute2's own loop cannot run inside the test's
        return thread.submit(read).result()


@needs_root
async def test_pods_go_out_with_the_machines_address(bridge: BridgeNetwork, pods: Callable[[], Namespace]) -> None:
    outside, pod = pods(), pods()
    attachment = await bridge.attach(pod.path, "uid-1")
    descriptor = Path(outside.path)
    ip("link", "add", "petsetout0", "type", "veth", "peer", "name", "out", "netns", descriptor.parts[2])
    try:
        ip("addr", "add", "10.217.0.1/24", "dev", "petsetout0")
        ip("link", "set", "petsetout0", "up")
        outside.ip("addr", "add", "10.217.0.2/24", "dev", "out")
        outside.ip("link", "set", "out", "up")
        with outside.run(lambda: socket.create_server(("10.217.0.2", 80))) as server:
            server.settimeout(5)
            assert connected_from(server, lambda: pod.run(lambda: connect_to("10.217.0.2", 80))) == "10.217.0.1"
        assert attachment.ip == "10.213.0.2"
    finally:
        ip("link", "del", "petsetout0")
