"""No request, however wrong, is answered with a 5xx, with silence, or with what spoils later answers.

`PETSET_FUZZ=20000 pytest tests/property/test_http.py` tries that many series of requests instead of a few hundred;
a failure prints the series, and `--hypothesis-seed` repeats a run.
"""

import asyncio
import logging
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack

import msgspec
import pytest
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from petset.aio.clock import SystemClock
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Body, Identity, Target, WriteOptions
from petset.httpd.front import Front
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from tests.contract.test_pod_streams import ToyNode
from tests.property.requests import SAMPLES, Request, requests
from tests.unit.httpd.wire import Door, Reply, Wire, opened

SERIES = int(os.environ.get("PETSET_FUZZ", "150"))
"""How many series of requests are tried."""
TABLE = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}


class Records(logging.Handler):
    """What is worth a line in the log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


class Hall:
    """A listening server, and a loop to talk to it from tests that are no coroutines, as Hypothesis wants them."""

    def __init__(self, runner: asyncio.Runner, door: Door, records: Records) -> None:
        self._runner = runner
        self._door = door
        self._records = records

    def ask(self, series: list[Request]) -> None:
        """Sends the requests to a new server, one after another, and checks every answer."""
        self._runner.run(self._ask(series))

    async def _ask(self, series: list[Request]) -> None:
        self._records.lines.clear()
        server = await furnished()
        self._door.front = Front(server)
        async with AsyncExitStack() as stack:
            wire = await stack.enter_async_context(self._door.open())
            for request in series:
                reply = await wire.ask(request.method, request.target, request.body, request.headers)
                note(f"{reply.status} {reply.body[:300]!r}")
                event(f"{request.method} {reply.status}")
                check(request, reply)
                if reply.headers.get("connection", "").lower() == "close":
                    wire = await stack.enter_async_context(self._door.open())
            await check_lists(wire, {request.collection for request in series})
        assert self._records.lines == []


async def furnished() -> ApiServer:
    """A server with one object of every kind."""
    server = ApiServer(CATALOGUE, MemoryStore(), SystemClock(), ToyNode())
    await create_system_objects(server, 6443)
    me, how = Identity("me"), WriteOptions("me")
    for resource in CATALOGUE.resources:
        if resource.kind in SAMPLES and resource.view is None:
            target = Target(resource, "default" if resource.namespaced else "")
            await server.create(me, target, Body(msgspec.json.encode(SAMPLES[resource.kind])), how)
    return server


def check(request: Request, reply: Reply) -> None:
    """Every refusal is a Status; only a revision of the future is the server's timeout."""
    assert reply.status < 500 or reply.status == 504
    if reply.status == 504 and request.method != "HEAD":
        assert (reply.reason, "Too large resource version" in reply.message) == ("Timeout", True), reply.body
    if reply.status < 400 or request.method == "HEAD":
        return
    tree = reply.tree
    assert (tree["kind"], tree["status"], tree["code"]) == ("Status", "Failure", reply.status)
    assert tree["reason"]
    assert tree["message"]


async def check_lists(wire: Wire, collections: set[str]) -> None:
    """Whatever was stored can be shown."""
    for path in sorted(collections):
        for headers in ({}, TABLE):
            reply = await wire.ask("GET", path, headers=headers)
            assert reply.status == 200, (path, reply.body)
            assert reply.tree["kind"]


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    records = Records()
    logging.getLogger().addHandler(records)
    with asyncio.Runner() as runner:
        opening = opened(tmp_path_factory.mktemp("pki"))
        yield Hall(runner, runner.run(opening.__aenter__()), records)
        runner.run(opening.__aexit__(None, None, None))
    logging.getLogger().removeHandler(records)


@settings(max_examples=SERIES, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(st.lists(requests(), min_size=1, max_size=6))
@pytest.mark.timeout(max(60, SERIES))
def test_requests_are_answered_or_refused(hall: Hall, series: list[Request]) -> None:
    hall.ask(series)
