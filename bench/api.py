"""Measures the API of any Kubernetes: how many requests it answers, how fast, and for how much CPU time.

    .venv/bin/python -m bench.api                            a petset of its own, with the simulated node
    .venv/bin/python -m bench.api --kubeconfig ~/.kube/config

The pods of the loads name a scheduler that nobody is, so nothing runs them. Everything happens in one namespace of its
own. CPU time and memory are shown for servers that this program starts, or whose process `--pid` names.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

import uvloop
from bench.statefulset import Server as Process
from bench.statefulset import own_server
from bench.wire import Channel, Refused, Server, Tap, server_of

from petset.client.kubeconfig import read_kubeconfig

MERGE = "application/merge-patch+json"
SELECTED = 10
"""Pods that the selector of a selector list chooses."""
LONGEST = 180.0
"""Seconds for one row."""
READ = 10
"""Of so many watchers one decrypts what it gets, and counts events; of the others the bytes are counted."""
REST = 4.0
"""Seconds in which a server that has just begun to answer starts everything else."""


def pod(number: int) -> bytes:
    """A pod of ordinary size: some 1.5 kB as it is sent."""
    probe = {"httpGet": {"path": "/healthz", "port": "web"}, "periodSeconds": 10}
    env = [{"name": f"SETTING_{index}", "value": f"value-of-setting-{index}"} for index in range(6)]
    container = {
        "name": "web",
        "image": "registry.example/nginx:1.27",
        "args": ["--listen", "0.0.0.0:80"],
        "ports": [{"name": "web", "containerPort": 80}],
        "env": env,
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "livenessProbe": probe,
        "readinessProbe": probe,
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
    }
    labels = {"app": "bench", "shard": str(number // SELECTED), "tier": "web"}
    spec = {
        "schedulerName": "nobody",
        "automountServiceAccountToken": False,
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    metadata = {"name": name_of(number), "labels": labels, "annotations": {"example.com/build": "2026-11-23"}}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}).encode()


def name_of(number: int) -> str:
    """The name of a pod."""
    return f"web-{number:06}"


def label_patch(turn: int) -> bytes:
    """A change of a label."""
    return json.dumps({"metadata": {"labels": {"turn": str(turn)}}}).encode()


def status_patch(turn: int) -> bytes:
    """A change of the status."""
    return json.dumps({"status": {"message": f"turn {turn}"}}).encode()


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    name: str
    rate: float
    unit: str
    p50: float | None = None
    p99: float | None = None
    cpu: float | None = None
    """Microseconds of the server's CPU time for one."""

    def __str__(self) -> str:
        shown = [_milliseconds(self.p50), _milliseconds(self.p99), f"{self.cpu:,.0f}" if self.cpu else ""]
        rate = f"{self.rate:,.0f}" if self.rate >= 20 else f"{self.rate:.2f}"
        return f"| {self.name} | {rate} {self.unit} | {' | '.join(shown)} |"


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.2f}"


Work = Callable[[Channel, int], Awaitable[object]]


class Bench:
    """The loads against one server."""

    def __init__(self, server: Server, process: Process | None, channels: list[Channel], options: argparse.Namespace):
        self._pods = f"/api/v1/namespaces/{options.namespace}/pods"
        self._server = server
        self._process = process
        self._channels = channels
        self._options = options
        self.stored = 0
        self._turn = 0

    def cpu(self) -> float:
        """Seconds of CPU time that the server has used; 0 where that is not known."""
        return self._process.cpu_seconds() if self._process is not None else 0.0

    async def rate(self, name: str, count: int, work: Work) -> Row:
        """Does `work` for 0 to `count`, on all channels at once."""
        numbers = iter(range(count))
        seconds: list[float] = []

        async def go(channel: Channel) -> None:
            for number in numbers:
                began = time.perf_counter()
                await work(channel, number)
                seconds.append(time.perf_counter() - began)

        cpu, began = self.cpu(), time.perf_counter()
        async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as group:
            for channel in self._channels:
                group.create_task(go(channel))
        took = time.perf_counter() - began
        seconds.sort()
        used = (self.cpu() - cpu) / count * 1e6
        return Row(name, count / took, "/s", _quantile(seconds, 0.5), _quantile(seconds, 0.99), used)

    # --- single objects ----------------------------------------------------------------------------------------------

    async def fill(self, wanted: int) -> Row:
        """Creates pods until there are so many."""
        first, count = self.stored, wanted - self.stored
        row = await self.rate(
            f"create, up to {wanted:,} pods", count, lambda channel, n: channel.ask("POST", self._pods, pod(first + n))
        )
        self.stored = wanted
        return row

    async def get(self) -> Row:
        """Single pods."""
        return await self.rate(
            "get",
            self._options.count,
            lambda channel, n: channel.ask("GET", f"{self._pods}/{name_of(n % self.stored)}"),
        )

    async def patch(self, name: str, subresource: str, body: Callable[[int], bytes], count: int = 0) -> Row:
        """Changes single pods, one after the other, each time to something new."""
        self._turn += 1
        turn = self._turn

        def work(channel: Channel, n: int) -> Awaitable[bytes]:
            path = f"{self._pods}/{name_of(n % self.stored)}{subresource}"
            return channel.ask("PATCH", path, body(turn * 1000 + n // self.stored), MERGE)

        return await self.rate(name, count or self._options.count, work)

    async def delete(self, left: int) -> Row:
        """Deletes pods until so many are left."""
        first, count = left, self.stored - left
        row = await self.rate(
            f"delete, down to {left:,} pods",
            count,
            lambda channel, n: channel.ask("DELETE", f"{self._pods}/{name_of(first + n)}?gracePeriodSeconds=0"),
        )
        self.stored = left
        return row

    # --- lists -------------------------------------------------------------------------------------------------------

    async def list(self, count: int) -> Row:
        """All pods."""
        return await self.rate(f"list of {self.stored:,}", count, lambda channel, _: channel.ask("GET", self._pods))

    async def pages(self, count: int) -> Row:
        """The first page of all pods."""
        path = f"{self._pods}?limit=500"
        return await self.rate(f"page of 500 of {self.stored:,}", count, lambda channel, _: channel.ask("GET", path))

    async def select(self, count: int) -> Row:
        """Few of all pods."""
        shards = self.stored // SELECTED
        return await self.rate(
            f"selector list, {SELECTED} of {self.stored:,}",
            count,
            lambda channel, n: channel.ask("GET", f"{self._pods}?labelSelector=app%3Dbench,shard%3D{n % shards}"),
        )

    # --- watches -----------------------------------------------------------------------------------------------------

    async def fan_out(self, watchers: int, changes: int) -> Row:
        """Events of changes to single pods that reach so many watchers."""
        received = 0
        done = asyncio.get_running_loop().create_future()

        def on_events(count: int) -> None:
            nonlocal received
            received += count
            if received >= read * changes and not done.done():
                done.set_result(None)

        def on_lost() -> None:
            if not done.done():  # a server that does not keep up cuts watchers off
                done.set_exception(Refused(f"a watcher was cut off after {received:,} of {read * changes:,} events"))

        read = watchers // READ
        path = f"{self._pods}?watch=1&resourceVersion={await self._revision()}"
        listening = await asyncio.gather(*(Channel(self._server).open() for _ in range(read)))
        counting = await asyncio.gather(*(Tap(self._server).open(path, on_lost) for _ in range(watchers - read)))
        try:
            for channel in listening:
                channel.watch(path, on_events, on_lost)
            await asyncio.sleep(0.5 + watchers / 500)
            heads = listening[0].received
            for tap in counting:
                tap.begin()
            cpu, began = self.cpu(), time.perf_counter()
            row = await self.patch("", "", label_patch, changes)
            async with asyncio.timeout(LONGEST):
                await done
                # encrypted, it is not less; but for how it was cut into pieces
                all_but_half_an_event = (listening[0].received - heads) * (1 - 0.5 / changes)
                await asyncio.gather(*(tap.until(all_but_half_an_event) for tap in counting))
            took = time.perf_counter() - began
            cost = (self.cpu() - cpu) / (watchers * changes) * 1e6
        finally:
            for channel in listening:
                channel.close()
            for tap in counting:
                tap.close()
        return Row(f"watch, {watchers:,} watchers", watchers * changes / took, "events/s", row.p50, row.p99, cost)

    async def start_up(self, times: int) -> Row:
        """A watch that begins with all pods, until they are all there."""

        async def one(channel: Channel) -> None:
            complete = asyncio.Event()
            options = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
            channel.begin(f"{self._pods}?watch=1&{options}", complete.set)
            await complete.wait()

        seconds = []
        cpu = self.cpu()
        for _ in range(times):
            channel = await Channel(self._server).open()
            began = time.perf_counter()
            async with asyncio.timeout(LONGEST):
                await one(channel)
            seconds.append(time.perf_counter() - began)
            channel.close()
        cost = (self.cpu() - cpu) / times * 1e6
        seconds.sort()
        return Row(f"informer start-up, {self.stored:,}", times / sum(seconds), "/s", *_both(seconds), cost)

    async def latency(self, per_second: int, seconds: float) -> Row:
        """Patches at a steady rate, begun whether or not the ones before are answered: what one writer waits."""
        free = list(self._channels)
        taken: list[float] = []
        self._turn += 1
        body = label_patch(self._turn)

        async def one(number: int, due: float) -> None:
            channel = free.pop() if free else await Channel(self._server).open()
            await channel.ask("PATCH", f"{self._pods}/{name_of(number % self.stored)}", body, MERGE)
            taken.append(time.perf_counter() - due)
            free.append(channel)

        chosen = random.Random(1).sample(range(self.stored), min(self.stored, 500))
        cpu, began = self.cpu(), time.perf_counter()
        async with asyncio.timeout(LONGEST), asyncio.TaskGroup() as group:
            for index in range(int(per_second * seconds)):
                due = began + index / per_second
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                group.create_task(one(chosen[index % len(chosen)], due))
        for channel in free:
            if channel not in self._channels:
                channel.close()
        cost = (self.cpu() - cpu) / len(taken) * 1e6
        taken.sort()
        return Row(f"patches at {per_second}/s", len(taken) / (time.perf_counter() - began), "/s", *_both(taken), cost)

    async def _revision(self) -> str:
        """Where a watch can begin."""
        body = await self._channels[0].ask("GET", f"{self._pods}?limit=1")
        found = re.search(rb'"resourceVersion":\s*"(\d+)"', body)
        assert found is not None
        return found[1].decode()


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _both(ordered: Sequence[float]) -> tuple[float, float]:
    return _quantile(ordered, 0.5), _quantile(ordered, 0.99)


@asynccontextmanager
async def namespace(channel: Channel, name: str) -> AsyncIterator[None]:
    """The namespace of the loads, ready for pods."""
    body = json.dumps({"metadata": {"name": name}}).encode()
    try:
        await channel.ask("POST", "/api/v1/namespaces", body)
    except Refused as error:
        sys.exit(f"{error}; delete namespace {name} first, or name another")
    account = json.dumps({"metadata": {"name": "default"}}).encode()
    with suppress(Refused):  # a controller may have been quicker
        await channel.ask("POST", f"/api/v1/namespaces/{name}/serviceaccounts", account)
    try:
        yield
    finally:
        await channel.ask("DELETE", f"/api/v1/namespaces/{name}")


async def loads(bench: Bench, options: argparse.Namespace) -> AsyncIterator[Row]:
    """Everything, in an order in which each finds what it needs."""
    yield await bench.fill(1_000)
    yield await bench.get()
    yield await bench.patch("patch", "", label_patch)
    yield await bench.patch("status patch", "/status", status_patch)
    yield await bench.latency(options.pace, 5)
    yield await bench.list(options.lists)
    yield await bench.select(options.count // 4)
    yield await bench.start_up(10)
    yield await bench.fan_out(100, options.changes)
    yield await bench.fan_out(1_000, max(100, options.changes // 5))
    if not options.quick:
        yield await bench.fill(10_000)
        yield await bench.patch("patch, 10,000 stored", "", label_patch)
        yield await bench.list(max(8, options.lists // 10))
        yield await bench.pages(options.lists)
        yield await bench.select(options.lists)
        yield await bench.start_up(5)
        yield await bench.latency(options.pace, 5)
    yield await bench.delete(bench.stored // 10)


async def measure(process: Process, options: argparse.Namespace) -> None:
    """Runs the loads and prints the table."""
    connection = read_kubeconfig([process.kubeconfig]).connection(options.context)
    headers = {"Accept": "application/json", "User-Agent": "petset-bench"}
    server = await server_of(connection, headers | ({"Accept-Encoding": "gzip"} if options.gzip else {}))
    channels = [await Channel(server).open() for _ in range(options.connections)]
    seen = process if process.pid is not None else None
    await asyncio.sleep(REST)
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; Python", end=" ")
    print(f"{platform.python_version()}, {options.connections} connections\n")
    print("| load | rate | p50, ms | p99, ms | server's CPU, µs |\n| --- | ---: | ---: | ---: | ---: |")
    async with namespace(channels[0], options.namespace):
        async for row in loads(Bench(server, seen, channels, options), options):
            print(row, flush=True)
            if seen is not None and "informer start-up" in row.name:
                print(f"| memory then, MB | {seen.memory():.0f} | | | |", flush=True)
    for channel in channels:
        channel.close()


def main() -> None:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description="Measure the API.")
    parser.add_argument("--kubeconfig", type=Path, help="a server that is there; default: one is started")
    parser.add_argument("--context", default="", help="of the kubeconfig; default: the current one")
    parser.add_argument("--namespace", default="petset-bench-api", help="one that is not there yet")
    parser.add_argument("--pid", type=int, help="the server's process, when it is on this machine")
    parser.add_argument("--connections", type=int, default=16, help="at the same time (16)")
    parser.add_argument("--count", type=int, default=4_000, help="requests about single pods (4,000)")
    parser.add_argument("--lists", type=int, default=200, help="lists of 1,000 pods (200)")
    parser.add_argument("--changes", type=int, default=500, help="for the watchers to see (500)")
    parser.add_argument("--pace", type=int, default=300, help="patches a second of the steady load (300)")
    parser.add_argument("--gzip", action="store_true", help="ask for compressed answers, as Go programs do")
    parser.add_argument("--quick", action="store_true", help="nothing with 10,000 pods")
    options = parser.parse_args()
    serving = nullcontext(Process(options.kubeconfig, options.pid)) if options.kubeconfig else own_server()
    with serving as process, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(process, options))


if __name__ == "__main__":
    main()
