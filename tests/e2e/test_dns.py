"""Names as a program in a pod sees them: glibc's resolver, in a network namespace, through the real bridge."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from petset.api.types import (
    DiscoveryEndpointPort,
    Endpoint,
    EndpointConditions,
    EndpointSlice,
    ObjectMeta,
    Pod,
    PodSpec,
    Service,
    ServicePort,
    ServiceSpec,
)
from petset.node.dns.records import Zone
from petset.node.dns.resolv import ClusterDns, ResolvConf, pod_resolv_conf
from petset.node.dns.server import DnsServer
from petset.node.dns.upstream import NoUpstream
from petset.node.dns.view import ServiceView
from petset.node.hosts import pod_hosts, pod_name
from petset.node.network.bridge import BridgeNetwork
from petset.node.network.interface import Attachment, NetworkConfig

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root on Linux"),
]

CONFIG = NetworkConfig("petsetdns0", IPv4Network("10.218.0.0/24"), IPv4Network("10.219.0.0/24"))
SERVER = "10.219.0.10"
ZONE = Zone("cluster.local", SERVER, (CONFIG.pod_cidr, CONFIG.service_cidr))


class PodOnPaper:
    """A network namespace that stands for a pod's, with the files that the pod would have in /etc."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._process = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "echo ready; exec sleep 1000"], stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == b"ready\n"
        self.netns = f"/proc/{self._process.pid}/ns/net"

    async def run(self, command: str) -> str:
        mounts = " && ".join(f"mount --bind {self.directory}/{name} /etc/{name}" for name in ("hosts", "resolv.conf"))
        process = await asyncio.create_subprocess_exec(
            *["nsenter", f"--net={self.netns}", "unshare", "--mount", "sh", "-c", f"{mounts} && {command}"],
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def paper(tmp_path: Path) -> Iterator[PodOnPaper]:
    paper = PodOnPaper(tmp_path)
    yield paper
    paper.close()


@pytest.fixture
async def attachment(paper: PodOnPaper) -> AsyncIterator[Attachment]:
    network = BridgeNetwork(CONFIG)
    await network.start()
    yield await network.attach(paper.netns, "uid-0")
    await network.destroy()
    await network.close()


def publish(view: ServiceView, ips: list[str]) -> None:
    view.set_slice(
        EndpointSlice(
            metadata=ObjectMeta(name="nginx-1", namespace="default", labels={"kubernetes.io/service-name": "nginx"}),
            address_type="IPv4",
            endpoints=[
                Endpoint(addresses=[ip], hostname=f"web-{number}", conditions=EndpointConditions(ready=True))
                for number, ip in enumerate(ips)
            ],
            ports=[DiscoveryEndpointPort(name="web", port=80, protocol="TCP")],
        )
    )


@pytest.fixture
async def view(attachment: Attachment, paper: PodOnPaper) -> AsyncIterator[ServiceView]:
    """A pod web-0 with its files, the headless Service nginx of web-0 and web-1, and a server that knows them."""
    view = ServiceView()
    view.set_service(
        Service(
            metadata=ObjectMeta(name="nginx", namespace="default"),
            spec=ServiceSpec(cluster_ip="None", ports=[ServicePort(name="web", port=80)]),
        )
    )
    publish(view, [attachment.ip, "10.218.0.77"])
    pod = Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=PodSpec(subdomain="nginx"))
    conf = pod_resolv_conf(pod, ClusterDns("cluster.local", SERVER), ResolvConf()).conf
    paper.directory.joinpath("resolv.conf").write_text(conf.render())
    paper.directory.joinpath("hosts").write_text(pod_hosts([attachment.ip], pod_name(pod, "cluster.local"), []))
    server = DnsServer(ZONE, view, NoUpstream())
    await server.listen(SERVER, 53)
    yield view
    await server.close()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("web-1.nginx", "10.218.0.77 web-1.nginx.default.svc.cluster.local"),
        ("web-1.nginx.default", "10.218.0.77 web-1.nginx.default.svc.cluster.local"),
        ("web-1.nginx.default.svc.cluster.local", "10.218.0.77 web-1.nginx.default.svc.cluster.local"),
        ("web-1.nginx.default.svc.cluster.local.", "10.218.0.77 web-1.nginx.default.svc.cluster.local"),
        ("10.218.0.77", "10.218.0.77 web-1.nginx.default.svc.cluster.local"),
        ("web-0", "10.218.0.2 web-0.nginx.default.svc.cluster.local web-0"),
        ("web-9.nginx", ""),
        ("example.com", ""),
    ],
)
@pytest.mark.usefixtures("view")
async def test_a_pod_resolves_its_peers(paper: PodOnPaper, name: str, expected: str) -> None:
    assert " ".join((await paper.run(f"getent hosts {name}")).split()) == expected


@pytest.mark.usefixtures("view")
async def test_a_service_has_the_addresses_of_its_pods(paper: PodOnPaper) -> None:
    lines = (await paper.run("getent ahostsv4 nginx")).splitlines()
    assert {line.split()[0] for line in lines} == {"10.218.0.2", "10.218.0.77"}


async def test_a_new_address_is_seen_by_the_next_question(paper: PodOnPaper, view: ServiceView) -> None:
    assert "10.218.0.77" in await paper.run("getent hosts web-1.nginx")
    publish(view, ["10.218.0.2", "10.218.0.78"])
    assert "10.218.0.78" in await paper.run("getent hosts web-1.nginx")


async def test_more_addresses_than_a_datagram_holds_arrive_over_tcp(paper: PodOnPaper, view: ServiceView) -> None:
    publish(view, [f"10.218.0.{octet}" for octet in range(100, 200)])
    lines = (await paper.run("getent ahostsv4 nginx")).splitlines()
    assert len({line.split()[0] for line in lines}) == 100


@pytest.mark.usefixtures("view")
async def test_the_machine_itself_can_ask_the_server(tmp_path: Path) -> None:
    conf = tmp_path / "host-resolv.conf"
    conf.write_text(f"nameserver {SERVER}\n")
    process = await asyncio.create_subprocess_exec(
        *["unshare", "--mount", "sh", "-c"],
        f"mount --bind {conf} /etc/resolv.conf && getent hosts web-1.nginx.default.svc.cluster.local",
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert output.split()[:1] == [b"10.218.0.77"]
