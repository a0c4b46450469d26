"""kill -9 of the server at any moment: nothing that was acknowledged is lost, no container is restarted or doubled.

The moments are random. The seed is printed with every failure; PETSET_E2E_SEED repeats it.
"""

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import gettempdir
from typing import Any

import aiohttp
import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.types import ConfigMap, ObjectMeta, PersistentVolumeClaim, Pod, StatefulSet
from petset.api.types import Namespace as NamespaceObject
from petset.client.interface import ConnectionLost
from petset.node.runtimes import payloads
from tests.contract.engines import NO_ENGINE
from tests.e2e.conftest import NUMBERS
from tests.e2e.manifests import claim_template, container, pod, stateful_set
from tests.e2e.namespace import Namespace, administrator
from tests.e2e.server import Server, started

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CLOCK = SystemClock()
SEED = int(os.environ.get("PETSET_E2E_SEED") or random.randrange(10**6))
KILLS = 3
"""How often each story is interrupted."""
LONGEST = 1.5
"""Seconds within which the server dies."""
SCRIPT = """\
trap 'echo end >> /www/log; exit 0' TERM
echo start $POD_UID >> /www/log
while true; do sleep 0.1; done
"""

Change = Callable[[Namespace], Awaitable[None]]


class Engine:
    """The containers as the engine has them, petset asked or not."""

    def __init__(self, socket: Path) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(socket)))
        self.doubled: set[str] = set()

    async def running(self, namespace: str) -> Mapping[str, str]:
        """The running containers of a namespace: pod and container by id."""
        async with self._session.get("http://engine/v1.41/containers/json") as answer:
            containers: list[dict[str, Any]] = await answer.json()
        labels = {each["Id"]: each["Labels"] for each in containers if each["State"] == "running"}
        return {
            id_: f"{each[payloads.POD_NAME]}/{each.get(payloads.CONTAINER_NAME, 'sandbox')}"
            for id_, each in labels.items()
            if each.get(payloads.POD_NAMESPACE) == namespace
        }

    async def watch(self, namespace: str) -> None:
        """Notes whatever runs twice at the same time."""
        while True:
            counted = Counter((await self.running(namespace)).values())
            self.doubled |= {name for name, count in counted.items() if count > 1}
            await CLOCK.sleep(0.05)

    async def close(self) -> None:
        await self._session.close()


@pytest.fixture(scope="module")
def crashing() -> Iterator[Server]:
    """A server of these tests alone."""
    if NO_ENGINE:
        pytest.skip(NO_ENGINE)
    server = started(Path(gettempdir()) / f"petset-crash-{os.getpid()}", os.getpid() + 1)
    yield server
    asyncio.run(server.delete())


@pytest.fixture
async def doomed(crashing: Server) -> AsyncIterator[Namespace]:
    """A namespace of a server that is going to be killed, with a set of two that is ready."""
    name = f"crash-{next(NUMBERS)}"
    async with administrator(crashing.kubeconfig) as client:
        await client.create(NamespaceObject(metadata=ObjectMeta(name=name)))
        namespace = Namespace(client, name)
        uid = {"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}
        main = container(SCRIPT, env=[uid], volumeMounts=[{"name": "www", "mountPath": "/www"}])
        template = pod("web", main, terminationGracePeriodSeconds=10)
        await namespace.apply(stateful_set(2, template, volumeClaimTemplates=[claim_template()]))
        await namespace.until_ready(2)
        yield namespace
        await client.delete(NamespaceObject, name)


@asynccontextmanager
async def engine_of(server: Server, namespace: Namespace) -> AsyncIterator[Engine]:
    engine = Engine(server.engine.socket)
    try:
        async with Supervisor("engine", CLOCK) as tasks:
            tasks.background("watch", engine.watch(namespace.name))
            yield engine
    finally:
        await engine.close()


async def write_until_it_dies(namespace: Namespace, acknowledged: list[str]) -> None:
    """Creates objects, one after the other, and notes those that the server says it has."""
    try:
        while True:
            name = f"map-{next(NUMBERS)}"  # a name is used once: the last one may be there without an answer
            await namespace.client.create(ConfigMap(metadata=ObjectMeta(name=name, namespace=namespace.name)))
            acknowledged.append(name)
    except ConnectionLost:
        return


async def roll(namespace: Namespace) -> None:
    template = {"metadata": {"annotations": {"version": "2"}}}
    await namespace.patch(StatefulSet, "web", {"spec": {"template": template}})


async def delete_pods(namespace: Namespace) -> None:
    for each in await namespace.objects(Pod):
        await namespace.delete(Pod, each.metadata.name)


STORIES: list[tuple[str, Change, int]] = [
    ("scaling up", lambda namespace: namespace.scale(5), 5),
    ("scaling down", lambda namespace: namespace.scale(0), 0),
    ("rolling update", roll, 2),
    ("pods deleted by hand", delete_pods, 2),
]


@pytest.mark.parametrize(("name", "change", "replicas"), STORIES, ids=[name for name, *_ in STORIES])
async def test_a_killed_server_goes_on_where_it_was(
    crashing: Server, doomed: Namespace, name: str, change: Change, replicas: int
) -> None:
    moments = random.Random(f"{SEED} {name}")
    delays = [moments.uniform(0, LONGEST) for _ in range(KILLS)]
    told = f"PETSET_E2E_SEED={SEED}: killed after {', '.join(f'{delay:.3f}' for delay in delays)} s"
    ran: dict[str, str] = {}
    acknowledged: list[str] = []
    async with engine_of(crashing, doomed) as engine:
        await change(doomed)
        for delay in delays:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(write_until_it_dies(doomed, acknowledged))
                await CLOCK.sleep(delay)
                await asyncio.to_thread(crashing.end, signal.SIGKILL)
            ran |= await engine.running(doomed.name)
            await asyncio.to_thread(crashing.start)
        await doomed.until_rolled_out(replicas) if replicas else await doomed.until_ready(0)
        runs = await engine.running(doomed.name)
    assert engine.doubled == set(), told
    maps = {each.metadata.name for each in await doomed.objects(ConfigMap)}
    assert maps.issuperset(acknowledged), told
    await check_containers(doomed, ran, runs, told)


async def check_containers(namespace: Namespace, ran: Mapping[str, str], runs: Mapping[str, str], told: str) -> None:
    """What ran at a kill and belongs to a pod that is still there, runs; every pod's program began once.

    The restart count may be 1 all the same: a start that was under way at the kill may be given up by the engine.
    """
    pods = await namespace.objects(Pod)
    expected = Counter(f"{each.metadata.name}/{name}" for each in pods for name in ("main", "sandbox"))
    assert Counter(runs.values()) == expected, told
    starts: Counter[str] = Counter()
    for claim in await namespace.objects(PersistentVolumeClaim):
        log = await namespace.directory_behind(claim.metadata.name)
        words = [line.split() for line in (log / "log").read_text().splitlines()]
        kinds = [word[0] for word in words]
        assert ("start", "start") not in pairwise(kinds), f"{told}: two at once in {claim}"
        starts.update(word[1] for word in words if word[0] == "start")
    assert set(starts.values()) <= {1}, f"{told}: {starts}"
    assert {each.metadata.uid for each in pods} <= set(starts), told
    lost = {id_: name for id_, name in ran.items() if id_ not in runs}
    ends = sum(starts.values()) - len(pods)
    assert len(lost) <= 2 * ends, f"{told}: {lost} ran and were neither kept nor told to end"
