"""A listening server for property tests, which are no coroutines, and what every answer of it has to be."""

import asyncio
import contextlib
import gc
import logging
import os
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import chain
from pathlib import Path

import msgspec
from hypothesis import currently_in_test_context, event, note

from petset.aio.clock import SystemClock
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Body, Identity, Target, WriteOptions
from petset.httpd.front import Front
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from tests.contract.test_pod_streams import ToyNode
from tests.property.requests import SAMPLES, TABLE, Request, variants
from tests.unit.httpd.wire import Door, Reply, Wire, opened

SERIES = int(os.environ.get("PETSET_FUZZ", "0"))
"""How many series of requests are tried, each in all its variants; 0: a few without, as every run of the tests does."""
SEED = int(os.environ.get("PETSET_SEED") or random.SystemRandom().randrange(2**32))


class Records(logging.Handler):
    """What is worth a line in the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Hall:
    """A listening server, and a loop to talk to it."""

    def __init__(self, runner: asyncio.Runner, door: Door, records: Records) -> None:
        self._runner = runner
        self._door = door
        self._records = records
        self.asked = 0
        """Requests so far."""

    def ask(self, series: list[Request]) -> None:
        """Sends the requests to a new server, one after another, and checks every answer."""
        self._runner.run(self._ask(series))

    async def _ask(self, series: list[Request]) -> None:
        self._records.lines.clear()
        server = await furnished()
        self._door.front = Front(server)
        async with AsyncExitStack() as stack:
            wire = await stack.enter_async_context(self._door.open())
            for request in chain.from_iterable(map(variants, series)) if SERIES else series:
                reply = await wire.ask(request.method, request.target, request.body, request.headers)
                self.asked += 1
                if currently_in_test_context():
                    note(f"{reply.status} {reply.body[:300]!r}")
                    event(f"{request.method} {reply.status}")
                check(request, reply)
                if reply.headers.get("connection", "").lower() == "close":
                    wire = await stack.enter_async_context(self._door.open())
            await check_lists(wire, {request.collection for request in series if request.collection})
        assert self._records.lines == []


async def furnished() -> ApiServer:
    """A server with one object of every kind."""
    server = ApiServer(CATALOGUE, MemoryStore(), SystemClock(), ToyNode())
    await create_system_objects(server, 6443)
    me, how = Identity("me", ("system:masters",)), WriteOptions("me")
    for resource in CATALOGUE.resources:
        if resource.kind in SAMPLES and resource.view is None and "get" in resource.verbs:
            target = Target(resource, "default" if resource.namespaced else "")
            await server.create(me, target, Body(msgspec.json.encode(SAMPLES[resource.kind])), how)
    return server


def check(request: Request, reply: Reply) -> None:
    """Every refusal is a Status, but for places below which nothing is; only the future is the server's timeout."""
    assert reply.status < 500 or reply.status == 504, request
    if reply.status == 504 and request.method != "HEAD":
        assert (reply.reason, "Too large resource version" in reply.message) == ("Timeout", True), reply.body
    if reply.status < 400 or request.method == "HEAD":
        return
    if reply.body == b"404 page not found\n":
        assert reply.status == 404
        return
    tree = reply.tree
    assert (tree["kind"], tree["status"], tree["code"]) == ("Status", "Failure", reply.status)
    assert tree["reason"]
    assert tree["message"]


async def check_lists(wire: Wire, collections: set[str]) -> None:
    """Whatever was stored can be shown."""
    for path in sorted(collections):
        for headers in ({}, {"Accept": TABLE}):
            reply = await wire.ask("GET", path, headers=headers)
            assert reply.status == 200, (path, reply.body)
            assert reply.tree["kind"]


@contextlib.contextmanager
def opened_hall(directory: Path) -> Iterator[Hall]:
    """A server that listens until the block is left, and has nothing left then but what it began with."""
    records = Records()
    logging.getLogger().addHandler(records)
    with asyncio.Runner() as runner:
        opening = opened(directory, ToyNode())
        hall = Hall(runner, runner.run(opening.__aenter__()), records)
        before = runner.run(footprint())
        yield hall
        after = runner.run(footprint())
        print(f"{hall.asked} requests, seed {SEED}; files and tasks {before}, then {after}")  # noqa: T201
        runner.run(opening.__aexit__(None, None, None))
        assert after[0] <= before[0] + 4
        assert after[1] <= before[1] + 4
    logging.getLogger().removeHandler(records)


async def footprint() -> tuple[int, int]:
    """File descriptors and tasks of this process, once what ends has ended."""
    await SystemClock().sleep(0.5)
    gc.collect()
    return len(os.listdir("/proc/self/fd")), len(asyncio.all_tasks())  # noqa: PTH208 - a number only
