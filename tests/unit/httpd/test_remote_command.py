"""exec over SPDY on the wire, as client-go's executor and kubectl before 1.30 speak it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.contract.test_pod_streams import ToyNode
from tests.unit.apiserver.calls import create, pod
from tests.unit.httpd.spdy_client import Received, SpdyClient
from tests.unit.httpd.test_forwarding import Tunnelled
from tests.unit.httpd.wire import Door, opened

pytestmark = pytest.mark.usefixtures("quiet")

POD = "/api/v1/namespaces/default/pods/web-0"
V4, V3, V2 = "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io"
UPGRADE = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1"}
STREAMS = {"error": 1, "stdin": 3, "stdout": 5, "stderr": 7}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path, ToyNode()) as door:
        await create(door.server, pod())
        yield door


@asynccontextmanager
async def talking(door: Door, query: str, protocol: str = V4) -> AsyncIterator[Tunnelled]:
    """A connection whose client has opened no stream yet. The toy process ends with its stdin."""
    async with door.open() as wire:
        offered = {"X-Stream-Protocol-Version": f"v9.channel.k8s.io, {protocol}"}
        reply = await wire.ask("POST", f"{POD}/exec?{query}", headers=UPGRADE | offered)
        assert (reply.status, reply.headers.get("x-stream-protocol-version")) == (101, protocol), reply.body
        yield Tunnelled(wire)


async def begin(client: Tunnelled, **streams: int) -> None:
    for kind, stream in streams.items():
        await client.send(client.spdy.open(stream, {"streamtype": kind}))
        assert await client.receive() == Received("accepted", stream)


async def until_goodbye(client: Tunnelled) -> dict[int, bytes]:
    """All that comes on each stream. Every one of them has to end."""
    told: dict[int, bytes] = {}
    ended: set[int] = set()
    while (frame := await client.receive()).kind != "go away":
        told[frame.number] = told.get(frame.number, b"") + frame.data
        ended |= {frame.number} if frame.ends else set()
    assert ended == told.keys()
    return told


def status(raw: bytes) -> Any:
    return json.loads(raw)


EVERYTHING = "command=exit&command={}&stdin=1&stdout=1&stderr=1"


async def test_a_process_gets_its_input_and_ends_with_a_status(door: Door) -> None:
    async with talking(door, EVERYTHING.format(0)) as client:
        await begin(client, **STREAMS)
        await client.send(client.spdy.data(3, b"hello") + client.spdy.data(3, b"", ends=True))
        told = await until_goodbye(client)
        assert told | {1: b""} == {1: b"", 5: b"hello", 7: b""}
        assert status(told[1]) == {"metadata": {}, "status": "Success"}


async def test_an_exit_code_is_in_the_status(door: Door) -> None:
    async with talking(door, EVERYTHING.format(3)) as client:
        await begin(client, **STREAMS)
        await client.send(client.spdy.data(3, b"", ends=True))
        told = status((await until_goodbye(client))[1])
        assert (told["reason"], told["details"]["causes"]) == (
            "NonZeroExitCode",
            [{"reason": "ExitCode", "message": "3"}],
        )


@pytest.mark.parametrize(
    ("code", "text"), [(0, b""), (3, b"command terminated with non-zero exit code: exit status 3")]
)
@pytest.mark.parametrize("protocol", [V3, V2])
async def test_older_protocols_tell_failures_in_words(door: Door, protocol: str, code: int, text: bytes) -> None:
    async with talking(door, EVERYTHING.format(code), protocol) as client:
        await begin(client, **STREAMS)
        await client.send(client.spdy.data(3, b"", ends=True))
        assert (await until_goodbye(client))[1] == text


async def test_a_terminal_is_told_its_size_and_has_one_output(door: Door) -> None:
    async with talking(door, f"{EVERYTHING.format(0)}&tty=1") as client:
        await begin(client, error=1, stdin=3, stdout=5, resize=7)
        sizes = b'{"Width":80,"Height":24}\nnonsense\n{"Width":1,"Hei'
        await client.send(client.spdy.data(7, sizes) + client.spdy.data(7, b'ght":2}\n'))
        await client.send(client.spdy.data(3, b"hello") + client.spdy.data(3, b"", ends=True))
        told = await until_goodbye(client)
        assert (told[5], set(told)) == (b"hello", {1, 5})


async def test_without_a_stream_for_sizes_there_are_none(door: Door) -> None:
    async with talking(door, f"{EVERYTHING.format(0)}&tty=1", V2) as client:
        await begin(client, error=1, stdin=3, stdout=5)
        await client.send(client.spdy.data(3, b"", ends=True))
        assert (await until_goodbye(client))[1] == b""


async def test_streams_that_were_not_asked_for_are_refused(door: Door) -> None:
    async with talking(door, "command=exit&command=0&stdin=1&stdout=1") as client:
        for stream, kind in ((1, "stderr"), (3, "resize"), (5, "other"), (7, "")):
            await client.send(client.spdy.open(stream, {"streamtype": kind}))
            assert await client.receive() == Received("reset", stream)
        await begin(client, error=9, stdin=11)
        await client.send(client.spdy.open(13, {"streamtype": "stdin"}) + client.spdy.ping(5))
        assert [await client.receive(), await client.receive()] == [Received("reset", 13), Received("ping", 5)]
        await begin(client, stdout=15)
        await client.send(client.spdy.data(11, b"x", ends=True))
        assert (await until_goodbye(client))[15] == b"x"


@pytest.mark.parametrize("last_words", [b"", b"\x80\x02\x00\x01" + bytes(4)], ids=["silently", "with nonsense"])
@pytest.mark.parametrize("streams", [{}, STREAMS], ids=["before it begins", "in the middle"])
async def test_a_client_may_leave(door: Door, last_words: bytes, streams: dict[str, int]) -> None:
    async with talking(door, EVERYTHING.format(0)) as client:
        await begin(client, **streams)
        await client.send(last_words)
    assert (await door.ask("GET", POD)).status == 200


@pytest.mark.parametrize(
    ("path", "headers", "code", "message"),
    [
        ("exec?command=exit&stdout=1", {}, 400, "Upgrade request required"),
        (
            "exec?command=exit&command=0&stdout=1",
            UPGRADE,
            403,
            (f"unable to upgrade: unable to negotiate protocol: client supports [], server accepts [{V4} {V3} {V2}]"),
        ),
        (
            "exec?command=exit&stdout=1&container=no",
            UPGRADE | {"X-Stream-Protocol-Version": V4},
            400,
            "container no is not valid for pod web-0",
        ),
        (
            "exec?command=no&stdout=1",
            UPGRADE | {"X-Stream-Protocol-Version": V4},
            500,
            "no: no such file or directory",
        ),
    ],
)
async def test_what_cannot_begin_is_an_ordinary_error(
    door: Door, path: str, headers: dict[str, str], code: int, message: str
) -> None:
    for method in ("GET", "POST"):
        reply = await door.ask(method, f"{POD}/{path}", headers=headers)
        assert (reply.status, reply.message) == (code, message)


def test_the_client_packs_its_headers() -> None:
    assert len(SpdyClient().open(1, {"streamtype": "stdin"})) < 60
