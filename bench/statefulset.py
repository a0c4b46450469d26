#!/usr/bin/env python3
"""Measures StatefulSets: how many pods a second are created, replaced and removed. Prints Markdown tables.

    bench/statefulset.py [--full] [--only TEXT] [--kubeconfig FILE [--context NAME]] [--service] [--limit SECONDS]

Without --kubeconfig a petset of its own is started with the simulated node, and its memory and idle CPU are measured,
too. With it, any Kubernetes serves that has nodes which run pods, or say they do. The default is the quick choice of
loads; --full adds 10,000 pods in one set and 3,000 sets of three.

    up          from creating the sets until every pod is Ready
    roll        from a new template until every pod has it and is Ready; maxUnavailable 1, the default
    roll 10 %   the same with maxUnavailable 10 %
    down        from scaling to 0 until the last pod is gone

A phase ends after --limit seconds at the latest; its rate is that of the pods done by then, and marked with >. In
brackets is the server's CPU time for one pod, which says more than the rate when others use the machine, too.
--service adds the headless Service that a StatefulSet usually has.
"""

import argparse
import asyncio
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import uvloop

from petset.api.errors import AlreadyExists, StatusError
from petset.api.types import (
    Container,
    LabelSelector,
    Namespace,
    Node,
    ObjectMeta,
    Service,
    ServicePort,
    StatefulSet,
)
from petset.client.http import HttpClient
from petset.client.interface import ConnectionLost, Patch, WatchOptions
from petset.client.kubeconfig import read_kubeconfig
from petset.kinds import CATALOGUE

ROOT = Path(__file__).resolve().parent.parent
NAMESPACE = "petset-bench"
AT_ONCE = 32
"""Requests of this program that are under way at the same time."""
LONGEST_END = 30.0
"""Seconds until a server of our own that does not end is killed."""
SETTLE = 3.0
"""Seconds between the last change and the measuring of the idle server."""


@dataclass(frozen=True)
class Load:
    """Some equal sets."""

    policy: str
    sets: int
    replicas: int

    @property
    def pods(self) -> int:
        """Of all sets."""
        return self.sets * self.replicas

    def __str__(self) -> str:
        return f"{self.policy}, {f'{self.sets:,} sets of ' if self.sets > 1 else ''}{self.replicas:,}"


QUICK = (
    Load("OrderedReady", 1, 50),
    Load("Parallel", 1, 100),
    Load("Parallel", 1, 1_000),
    Load("OrderedReady", 300, 3),
)
FULL = (
    Load("OrderedReady", 1, 50),
    Load("Parallel", 1, 100),
    Load("Parallel", 1, 200),
    Load("Parallel", 1, 1_000),
    Load("Parallel", 1, 10_000),
    Load("OrderedReady", 300, 3),
    Load("OrderedReady", 3_000, 3),
)


@dataclass(frozen=True)
class Server:
    """What is measured; `pid` when this program started it."""

    kubeconfig: Path
    pid: int | None = None

    def memory(self) -> float:
        """Resident set in MB."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def cpu_seconds(self) -> float:
        """Time that all threads have run; 0 when the process is not ours."""
        if self.pid is None:
            return 0.0
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


@contextmanager
def own_server() -> Iterator[Server]:
    """A petset with the simulated node, on an empty data directory."""
    with tempfile.TemporaryDirectory(prefix="petset-bench-") as place:
        data_dir = Path(place) / "data"
        command = [sys.executable, "-m", "petset.cli", "serve", "--data-dir", str(data_dir), "--runtime", "simulated"]
        with (Path(place) / "log").open("wb") as log:
            process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], stdout=log, stderr=log, cwd=ROOT)
        try:
            while not (data_dir / "kubeconfig").exists():
                if process.poll() is not None:
                    sys.exit(f"the server does not start:\n{(Path(place) / 'log').read_text()}")
                time.sleep(0.01)
            yield Server(data_dir / "kubeconfig", process.pid)
        finally:
            process.terminate()
            try:
                process.wait(LONGEST_END)
            except subprocess.TimeoutExpired:
                process.kill()


class Progress:
    """How many pods of a load are where a phase wants them, kept set by set."""

    def __init__(self, load: Load, done: Callable[[StatefulSet, Load], int]) -> None:
        self._load = load
        self._done = done
        self._pods: dict[str, int] = {}
        self.finished = 0
        self.complete = asyncio.Event()

    def note(self, set_: StatefulSet) -> None:
        """Takes in the state of one set; what its controller has not seen yet does not count."""
        if (set_.status.observed_generation or 0) < (set_.metadata.generation or 0):
            return
        pods = self._done(set_, self._load)
        self.finished += pods - self._pods.get(set_.metadata.name, 0)
        self._pods[set_.metadata.name] = pods
        if self.finished == self._load.pods:
            self.complete.set()


def ready(set_: StatefulSet, load: Load) -> int:
    """The pods that are Ready."""
    return min(set_.status.ready_replicas or 0, load.replicas)


def updated(set_: StatefulSet, load: Load) -> int:
    """The pods that have the new template and are Ready, as far as a status tells."""
    status = set_.status
    if status.current_revision == status.update_revision and (status.ready_replicas or 0) == load.replicas:
        return load.replicas
    replaced = (status.updated_replicas or 0) - (load.replicas - (status.ready_replicas or 0))
    return max(0, min(replaced, load.replicas - 1))


def gone(set_: StatefulSet, load: Load) -> int:
    """The pods that are no more."""
    return load.replicas - set_.status.replicas


class Bench:
    """The loads, one after the other, against one server."""

    def __init__(self, client: HttpClient, server: Server, limit: float) -> None:
        self._client = client
        self._server = server
        self._limit = limit
        self._requests = asyncio.Semaphore(AT_ONCE)
        self._progress: Progress | None = None

    @asynccontextmanager
    async def prepared(self, *, service: bool) -> AsyncIterator[None]:
        """A node that is ready, a namespace, a watch of its sets."""
        while not await self._has_ready_node():  # noqa: ASYNC110 - there may be no server to watch yet
            await asyncio.sleep(0.1)
        try:
            await self._client.create(Namespace(metadata=ObjectMeta(name=NAMESPACE)))
        except AlreadyExists:
            sys.exit(f"namespace {NAMESPACE} exists; delete it first")
        if service:
            await self._client.create(headless_service())
        watching = asyncio.get_running_loop().create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            await self._client.delete(Namespace, NAMESPACE)

    async def run(self, load: Load, while_up: Callable[[], str]) -> str:
        """All phases of one load: a line of the table."""
        sets = [stateful_set(load, number) for number in range(load.sets)]
        names = [set_.metadata.name for set_ in sets]
        rates = [await self._phase(load, ready, [self._client.create(set_) for set_ in sets])]
        await asyncio.sleep(SETTLE)
        idle = await asyncio.to_thread(while_up)
        rates.append(await self._change(load, updated, names, {"template": template(2)}))
        wide = {"template": template(3), "updateStrategy": {"rollingUpdate": {"maxUnavailable": "10%"}}}
        rates.append(await self._change(load, updated, names, wide) if load.replicas >= 20 else "")
        rates.append(await self._change(load, gone, names, {"replicas": 0}))
        self._progress = None
        await self._all([self._client.delete(StatefulSet, name, NAMESPACE) for name in names])
        return f"| {' | '.join([str(load), *rates, idle])} |"

    async def _has_ready_node(self) -> bool:
        try:
            nodes = (await self._client.list(Node)).items
        except (ConnectionLost, StatusError):
            return False
        return any(c.type == "Ready" and c.status == "True" for node in nodes for c in node.status.conditions)

    async def _watch(self) -> None:
        options = WatchOptions(send_initial_events=True)
        async with self._client.watch(StatefulSet, NAMESPACE, options) as events:
            async for event in events:
                if self._progress is not None and event.type in ("ADDED", "MODIFIED"):
                    self._progress.note(event.object)

    async def _change(
        self, load: Load, done: Callable[[StatefulSet, Load], int], names: Sequence[str], spec: dict[str, object]
    ) -> str:
        patch = Patch("merge", {"spec": spec})
        return await self._phase(load, done, [self._client.patch(StatefulSet, n, NAMESPACE, patch) for n in names])

    async def _phase(
        self,
        load: Load,
        done: Callable[[StatefulSet, Load], int],
        requests: Sequence[Coroutine[object, object, object]],
    ) -> str:
        """Makes the requests, waits until everything is done, and says how many pods a second that was."""
        progress = self._progress = Progress(load, done)
        began, cpu_before = time.perf_counter(), self._server.cpu_seconds()
        await self._all(requests)
        more = ""
        try:
            async with asyncio.timeout(self._limit):
                await progress.complete.wait()
        except TimeoutError:
            more = "> "
        rate = progress.finished / (time.perf_counter() - began)
        cpu = 1000 * (self._server.cpu_seconds() - cpu_before) / max(1, progress.finished)
        return f"{more}{rate:.0f} ({cpu:.1f} ms)" if self._server.pid is not None else f"{more}{rate:.0f}"

    async def _all(self, requests: Sequence[Coroutine[object, object, object]]) -> None:
        async def one(request: Coroutine[object, object, object]) -> None:
            async with self._requests:
                await request

        await asyncio.gather(*map(one, requests))


def stateful_set(load: Load, number: int) -> StatefulSet:
    """One set of a load."""
    name = f"{load.policy.lower()}-{load.replicas}-{number}"
    set_ = StatefulSet(metadata=ObjectMeta(name=name, namespace=NAMESPACE))
    set_.spec.replicas, set_.spec.pod_management_policy, set_.spec.service_name = load.replicas, load.policy, "bench"
    set_.spec.selector = LabelSelector(match_labels={"app": "bench", "set": name})
    set_.spec.template.metadata.labels = {"app": "bench", "set": name}
    set_.spec.template.spec.containers = [Container(name="nginx", image="nginx:1")]
    return set_


def template(image: int) -> dict[str, object]:
    """What a new version changes."""
    return {"spec": {"containers": [{"name": "nginx", "image": f"nginx:{image}"}]}}


def headless_service() -> Service:
    """The Service of all sets."""
    service = Service(metadata=ObjectMeta(name="bench", namespace=NAMESPACE))
    service.spec.cluster_ip, service.spec.selector, service.spec.ports = (
        "None",
        {"app": "bench"},
        [ServicePort(port=80)],
    )
    return service


async def measure(server: Server, options: argparse.Namespace) -> None:
    """Runs the loads and prints what they show."""

    def look() -> str:
        """The idle server with all pods of the load up."""
        if server.pid is None:
            return " | "
        before, began = server.cpu_seconds(), time.perf_counter()
        time.sleep(options.idle)
        percent = 100 * (server.cpu_seconds() - before) / (time.perf_counter() - began)
        return f"{server.memory():.0f} | {percent:.1f}"

    connection = read_kubeconfig([server.kubeconfig]).connection(options.context)
    client = HttpClient(connection, CATALOGUE, field_manager="petset-bench")
    bench = Bench(client, server, options.limit)
    load_average = os.getloadavg()[0]
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {load_average:.1f}; Python {platform.python_version()}\n"
    )
    print("| pods/s | up | roll | roll 10 % | down | memory, MB | idle CPU, % |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    try:
        async with bench.prepared(service=options.service):
            for load in FULL if options.full else QUICK:
                if options.only and options.only not in str(load):
                    continue
                print(await bench.run(load, look), flush=True)
    finally:
        await client.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Measure StatefulSets.")
    parser.add_argument("--kubeconfig", type=Path, help="a server that is there; default: one is started")
    parser.add_argument("--context", default="", help="of the kubeconfig; default: the current one")
    parser.add_argument("--full", action="store_true", help="also 10,000 pods and 3,000 sets")
    parser.add_argument("--only", default="", metavar="TEXT", help="the loads whose name has this, as in '10,000'")
    parser.add_argument("--service", action="store_true", help="with a headless Service over all pods")
    parser.add_argument("--limit", type=float, default=60.0, metavar="SECONDS", help="for one phase (60)")
    parser.add_argument("--idle", type=float, default=5.0, metavar="SECONDS", help="to look at the idle server (5)")
    options = parser.parse_args()
    serving = nullcontext(Server(options.kubeconfig)) if options.kubeconfig else own_server()
    with serving as server, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(server, options))


if __name__ == "__main__":
    main()
