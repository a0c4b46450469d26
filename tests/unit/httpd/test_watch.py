"""Watches over HTTP: when what goes out."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest

from petset.aio.clock import SystemClock
from petset.api.types import ConfigMap, ObjectMeta
from petset.httpd.watch import pause
from tests.unit.apiserver.calls import create
from tests.unit.httpd.wire import opened

WATCH = b"GET /api/v1/namespaces/default/configmaps?watch=1 HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(("watches", "seconds"), [(1, 0.005), (25, 0.005), (100, 0.02), (250, 0.05), (10_000, 0.05)])
def test_the_more_watch_the_longer_news_are_gathered(watches: int, seconds: float) -> None:
    assert pause(watches) == pytest.approx(seconds)


async def test_what_happens_between_two_writes_goes_out_together(tmp_path: Path) -> None:
    async with opened(tmp_path) as door, door.open() as wire:
        await wire.send(WATCH)
        await wire.head()
        names = [f"map-{number:03}" for number in range(200)]
        await asyncio.gather(*(create(door.server, ConfigMap(metadata=ObjectMeta(name=name))) for name in names))
        received, chunks = b"", 0
        while received.count(b"\n") < len(names):
            received += await wire.chunk()
            chunks += 1
        assert [line.count(b'"ADDED"') for line in received.splitlines()] == [1] * len(names)
        assert [name for name in names if f'"{name}"'.encode() not in received] == []
        assert chunks < len(names)


async def test_watchers_of_one_thing_get_it_in_the_form_that_each_asked_for(tmp_path: Path) -> None:
    forms = {"application/json": "ConfigMap", "application/json;as=Table;v=v1;g=meta.k8s.io": "Table"}
    async with opened(tmp_path) as door, AsyncExitStack() as stack:
        wires = [await stack.enter_async_context(door.open()) for _ in range(4)]
        for wire, accept in zip(wires, [*forms] * 2, strict=True):
            await wire.send(WATCH.replace(b"\r\n\r\n", f"\r\nAccept: {accept}\r\n\r\n".encode()))
            await wire.head()
        await create(door.server, ConfigMap(metadata=ObjectMeta(name="settings")))
        chunks = [await wire.chunk() for wire in wires]
    assert [msgspec.json.decode(chunk)["object"]["kind"] for chunk in chunks] == [*forms.values()] * 2
    assert chunks[:2] == chunks[2:]


async def test_a_watcher_that_reads_slowly_gets_everything_once_and_in_order(tmp_path: Path) -> None:
    names = [f"map-{number:03}" for number in range(300)]
    async with opened(tmp_path) as door, door.open() as wire:
        await wire.send(WATCH)
        await wire.head()
        for name in names:  # more than sockets hold
            await create(door.server, ConfigMap(metadata=ObjectMeta(name=name), data={"a": "x" * 50_000}))
            await SystemClock().sleep(0)
        received = b""
        while received.count(b"\n") < len(names):
            received += await wire.chunk()
    assert [msgspec.json.decode(line)["object"]["metadata"]["name"] for line in received.splitlines()] == names
