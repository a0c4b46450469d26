"""`down` leaves nothing behind but the volumes; a restart touches nothing. On a server with a domain of its own."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import gettempdir

import pytest
from pyroute2 import IPRoute
from pyroute2.nftables.main import NFTables

from petset.aio.clock import SystemClock
from petset.api.types import Namespace as NamespaceObject
from petset.api.types import ObjectMeta, Pod, ServiceAccount
from petset.node.pods.worker import LATE_REPORT
from tests.contract.engines import NO_ENGINE
from tests.e2e.manifests import PAGE, config_map, container, pod
from tests.e2e.namespace import Namespace, administrator, ready
from tests.e2e.server import Server, mounts_below, started

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

CLOCK = SystemClock()


@pytest.fixture
def leaving() -> Iterator[Server]:
    """A server that this test ends itself."""
    if NO_ENGINE:
        pytest.skip(NO_ENGINE)
    server = started(Path(gettempdir()) / f"petset-leave-{os.getpid()}", os.getpid() + 2, "petset.test")
    yield server
    asyncio.run(server.delete())


@asynccontextmanager
async def namespace_of(server: Server) -> AsyncIterator[Namespace]:
    async with administrator(server.kubeconfig) as client:
        yield Namespace(client, "leave")


def traces(server: Server, uids: set[str]) -> dict[str, list[str]]:
    """Everything on this machine that is there because of the server and its pods, by kind."""
    network, run = server.network, server.engine.socket.parent
    with IPRoute() as ip, NFTables() as nft:
        links = [link.get_attr("IFLA_IFNAME") for link in ip.get_links()]
        aliases = [link.get_attr("IFLA_IFALIAS") or "" for link in ip.get_links()]
        addresses = [address.get_attr("IFA_ADDRESS") or "" for address in ip.get_addr(family=2)]
        routes = [route.get_attr("RTA_DST") or "" for route in ip.get_routes(family=2, table=254)]
        tables = [table.get_attr("NFTA_TABLE_NAME") for table in nft.get_tables()]
    prefixes = tuple(str(each.network_address).removesuffix("0") for each in (network.pod_cidr, network.service_cidr))
    return {
        "links": [name for name in links if name == network.bridge],
        "pods' links": [alias for alias in aliases if any(uid in alias for uid in uids)],
        "addresses": [address for address in addresses if address.startswith(prefixes)],
        "routes": [route for route in routes if route.startswith(prefixes)],
        "tables": [name for name in tables if name == network.bridge],
        "mounts": [*mounts_below(server.directory), *mounts_below(run)],
        "processes": processes_about(str(server.directory), str(run)),
        "cgroups": [str(path) for path in Path("/sys/fs/cgroup").rglob("pod*") if path.name[3:] in uids],
        "run directory": [str(run)] if run.exists() else [],
        "volumes": [path.name for path in (server.directory / "volumes").glob("*/*")],
    }


def processes_about(*words: str) -> list[str]:
    """The command lines that name one of the words."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it has ended
            continue
        if any(word in command for word in words):
            found.append(command)
    return found


def forwarding_rules(server: Server) -> list[str]:
    if not shutil.which("iptables"):
        return []
    listed = subprocess.run(["iptables", "-S", "FORWARD"], capture_output=True, text=True, check=False).stdout
    return [line for line in listed.splitlines() if server.network.bridge in line]


async def fill(server: Server) -> set[str]:
    """Runs the page's set and a pod with volumes in memory; their uids. Checks that the domain is the server's own."""
    async with namespace_of(server) as namespace:
        await namespace.client.create(NamespaceObject(metadata=ObjectMeta(name=namespace.name)))
        await namespace.until(ServiceAccount, "default", lambda _: True)
        await namespace.apply(PAGE)
        await namespace.apply(config_map("settings", color="blue"))
        mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("settings", "memory", "scratch")]
        volumes = [
            {"name": "settings", "configMap": {"name": "settings"}},
            {"name": "memory", "emptyDir": {"medium": "Memory"}},
            {"name": "scratch", "emptyDir": {}},
        ]
        await namespace.apply(pod("other", container(volumeMounts=mounts), volumes=volumes))
        await namespace.until_ready(3)
        await namespace.until(Pod, "other", ready)
        answer = await namespace.sh("web-0", "getent hosts web-1.nginx; hostname -f")
        assert answer.split()[1:] == ["web-1.nginx.leave.svc.petset.test", "web-0.nginx.leave.svc.petset.test"]
        await namespace.sh("web-0", "echo kept > /usr/share/nginx/html/index.html")
        return {each.metadata.uid for each in await namespace.objects(Pod)}


Seen = dict[str, tuple[str, list[str], str]]


async def seen(server: Server) -> Seen:
    """The pods as the API shows them, once they have come to rest: what a restart must not change."""
    async with namespace_of(server) as namespace:
        await namespace.until_ready(3)
        before: Seen = {}
        shown = shown_of(await namespace.objects(Pod))
        while shown != before:
            await CLOCK.sleep(2 * LATE_REPORT)
            before, shown = shown, shown_of(await namespace.objects(Pod))
    return shown


def shown_of(pods: list[Pod]) -> Seen:
    return {
        each.metadata.name: (
            each.metadata.resource_version,
            [status.container_id or "" for status in each.status.container_statuses],
            each.status.pod_ip or "",
        )
        for each in pods
    }


def test_a_restart_touches_nothing_and_the_end_leaves_nothing(leaving: Server) -> None:
    uids = asyncio.run(fill(leaving))
    before, there = asyncio.run(seen(leaving)), traces(leaving, uids)
    assert [kind for kind, found in there.items() if not found] == [], "these would not be found if they were left"
    for number in (signal.SIGTERM, signal.SIGKILL):
        leaving.end(number)
        leaving.start()
        assert asyncio.run(seen(leaving)) == before
    leaving.end(signal.SIGINT)
    left = traces(leaving, uids)
    volumes = left.pop("volumes")
    assert {kind: found for kind, found in left.items() if found} == {}
    assert forwarding_rules(leaving) == []
    assert sorted(volumes) == sorted(there["volumes"])
    assert len(volumes) == 3


def test_the_end_and_a_new_beginning(leaving: Server) -> None:
    asyncio.run(fill(leaving))
    leaving.end(signal.SIGINT)
    leaving.start()

    async def all_is_back() -> None:
        async with namespace_of(leaving) as namespace:
            await namespace.until_ready(3)
            assert await namespace.sh("web-0", "cat /usr/share/nginx/html/index.html") == "kept\n"

    asyncio.run(all_is_back())
