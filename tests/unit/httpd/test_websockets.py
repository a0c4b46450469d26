"""exec, logs and watches over WebSockets, in every protocol in which clients have spoken to them."""

import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from petset.api.types import ConfigMap
from petset.client.interface import ExecOptions, StreamSession
from tests.contract.test_pod_streams import ToyNode
from tests.unit.apiserver.calls import config_map, create, fetch, pod
from tests.unit.httpd.test_forwarding import BINARY, CLOSE, TEXT, WebSocket, handshake, websocket
from tests.unit.httpd.wire import Door, opened

pytestmark = pytest.mark.usefixtures("quiet")

POD = "/api/v1/namespaces/default/pods/web-0"
MAPS = "/api/v1/namespaces/default/configmaps"
MATCH = "&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
ERROR = b"command terminated with non-zero exit code: exit status 3"


class Node(ToyNode):
    """One whose processes end at once when they have no input."""

    @asynccontextmanager
    async def exec(self, namespace: str, pod: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        async with super().exec(namespace, pod, options) as process:
            if not options.stdin:
                await process.resize(0, 0)
                await process.close_stdin()
            yield process


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path, Node()) as door:
        await create(door.server, pod())
        yield door


class Talk:
    """A client of channels, that puts bytes into messages as the protocol wants them."""

    def __init__(self, client: WebSocket, protocol: str) -> None:
        self._client = client
        self._text = "base64" in protocol

    async def send(self, channel: int, data: bytes) -> None:
        message = b"%d" % channel + b64encode(data) if self._text else bytes([channel]) + data
        await self._client.send(message, TEXT if self._text else BINARY)

    async def receive(self) -> tuple[int, bytes]:
        kind, message = await self._client.receive()
        assert kind == (TEXT if self._text else BINARY), message
        return (message[0] - 48, b64decode(message[1:])) if self._text else (message[0], message[1:])


V5, V4, V4_TEXT = "v5.channel.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"
OLD, OLD_TEXT = "channel.k8s.io", "base64.channel.k8s.io"


@pytest.mark.parametrize("protocol", [V5, V4, V4_TEXT, OLD, OLD_TEXT, ""])
async def test_a_process_hears_and_is_heard(door: Door, protocol: str) -> None:
    query = "/exec?command=exit&command=0&stdin=1&stdout=1&stderr=1"
    async with websocket(door, protocol, query, POD) as client:
        talk = Talk(client, protocol)
        assert await talk.receive() == (1, b"")
        await talk.send(0, b"hello \xff")
        assert await talk.receive() == (1, b"hello \xff")
        await talk.send(4, b'{"Width":80,"Height":24}')
        assert await talk.receive() == (2, b"80x24")


@pytest.mark.parametrize(
    ("protocol", "words"), [(V5, False), (V4, False), (V4_TEXT, False), (OLD, True), (OLD_TEXT, True), ("", True)]
)
@pytest.mark.parametrize("code", [0, 3])
async def test_who_names_no_version_is_told_failures_in_words(
    door: Door, protocol: str, *, words: bool, code: int
) -> None:
    async with websocket(door, protocol, f"/exec?command=exit&command={code}&stderr=1", POD) as client:
        talk = Talk(client, protocol)
        assert [await talk.receive() for _ in range(2)] == [(2, b""), (2, b"0x0")]
        if code or not words:
            channel, status = await talk.receive()
            assert channel == 3
            assert status == ERROR if words else json.loads(status)["status"] == ("Failure" if code else "Success")
        assert await client.receive() == (CLOSE, b"\x03\xe8")


@pytest.mark.parametrize(
    ("offered", "taken"),
    [("frog, channel.k8s.io, v4.channel.k8s.io", OLD), ("channel.k8s.io, v5.channel.k8s.io", V5), (" , ", "")],
)
async def test_the_clients_order_counts_but_for_the_newest(door: Door, offered: str, taken: str) -> None:
    reply = await door.ask("GET", f"{POD}/exec?command=exit&command=0&stdout=1", headers=handshake(offered))
    assert (reply.status, reply.headers.get("sec-websocket-protocol", "")) == (101, taken)


@pytest.mark.parametrize(
    ("protocol", "kind", "line"),
    [
        ("", BINARY, b"default/web-0/nginx tail=None\n"),
        ("binary.k8s.io", BINARY, b"default/web-0/nginx tail=None\n"),
        ("base64.binary.k8s.io", TEXT, b64encode(b"default/web-0/nginx tail=None\n")),
    ],
)
async def test_a_log_comes_in_messages(door: Door, protocol: str, kind: int, line: bytes) -> None:
    async with websocket(door, protocol, "/log", POD) as client:
        assert [await client.receive() for _ in range(3)] == [(kind, b""), (kind, line), (CLOSE, b"\x03\xe8")]


async def test_a_protocol_that_logs_do_not_have_is_refused(door: Door) -> None:
    reply = await door.ask("GET", f"{POD}/log", headers=handshake("frog"))
    spoken = "client supports [frog], server accepts [binary.k8s.io base64.binary.k8s.io]"
    assert (reply.status, reply.message) == (400, f"unable to upgrade: unable to negotiate protocol: {spoken}")


# --- watches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["", "base64.binary.k8s.io", "frog"])
async def test_each_change_is_a_message(door: Door, protocol: str) -> None:
    async with websocket(door, protocol, "?watch=1&resourceVersion=0", MAPS) as client:
        for name in ("one", "two"):
            await create(door.server, config_map(name))
            kind, line = await client.receive()
            event = json.loads(line)
            assert (kind, line[-1:], event["type"], event["object"]["metadata"]["name"]) == (TEXT, b"\n", "ADDED", name)


async def test_a_watch_is_over_in_time(door: Door) -> None:
    async with websocket(door, "", "?watch=1&timeoutSeconds=1", MAPS) as client:
        assert await client.receive() == (CLOSE, b"\x03\xe8")


async def test_a_watch_ends_when_its_client_leaves(door: Door) -> None:
    async with websocket(door, "", "?watch=1", MAPS) as client:
        await client.send(b"whatever")
        await client.send(b"\x03\xe8", kind=CLOSE)
        assert await client.receive() == (CLOSE, b"\x03\xe8")


async def test_a_watch_that_breaks_says_why(door: Door) -> None:
    await create(door.server, config_map())
    revision = int((await fetch(door.server, ConfigMap, "settings")).metadata.resource_version) + 100
    async with websocket(
        door, "", f"?watch=1&resourceVersion={revision}&sendInitialEvents=true{MATCH}", MAPS
    ) as client:
        kind, line = await client.receive()
        assert (kind, json.loads(line)["type"]) == (TEXT, "ERROR")
        assert (await client.receive())[0] == CLOSE


@pytest.mark.parametrize(
    ("query", "protocol", "message"),
    [
        ("?watch=1&labelSelector=))", "", "expected: !, identifier"),
        ("?watch=1", "one, two", "a watch does not choose between protocols"),
    ],
)
async def test_watches_that_do_not_begin(door: Door, query: str, protocol: str, message: str) -> None:
    reply = await door.ask("GET", MAPS + query, headers=handshake(protocol))
    assert reply.status == 400
    assert message in reply.message


async def test_who_does_not_upgrade_the_connection_watches_as_ever(door: Door) -> None:
    reply = await door.ask("GET", f"{MAPS}?watch=1&timeoutSeconds=1", headers=handshake("") | {"Connection": "close"})
    assert reply.status == 200


@pytest.mark.parametrize("place", [f"{MAPS}?watch=1", f"{POD}/exec?command=exit&command=0&stdin=1&stdout=1"])
@pytest.mark.parametrize("said", [b"\xff" * 20, b"\x81\x81\0\0\0\0\xff", b"\x82\xff" + b"\xff" * 8])
async def test_frames_that_are_none_end_it(door: Door, place: str, said: bytes) -> None:
    async with door.open() as wire:
        assert (await wire.ask("GET", place, headers=handshake(""))).status == 101
        await wire.send(said)
        assert await wire.closed()
