"""Forwarded ports on the wire: SPDY in a WebSocket, SPDY by itself, channels of a WebSocket."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.httpd import tunnel
from tests.contract.test_pod_streams import ToyNode
from tests.unit.apiserver.calls import create, pod
from tests.unit.httpd.spdy_client import Received, SpdyClient
from tests.unit.httpd.wire import PATIENCE, Door, Wire, opened

pytestmark = pytest.mark.usefixtures("quiet")

PORTS = "/api/v1/namespaces/default/pods/web-0/portforward"
TUNNEL = "SPDY/3.1+portforward.k8s.io"
CHANNELS = "v4.channel.k8s.io"
TEXT, BINARY, CLOSE = 1, 2, 8
CLOCK = SystemClock()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path, ToyNode()) as door:
        await create(door.server, pod())
        yield door


def handshake(protocol: str) -> dict[str, str]:
    key = base64.b64encode(bytes(16)).decode()
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    return {**headers, "Sec-WebSocket-Protocol": protocol} if protocol else headers


class WebSocket:
    """The client's end of a WebSocket, byte by byte."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def send(self, data: bytes, kind: int = BINARY) -> None:
        mask = os.urandom(4)
        size = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2, "big")
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        await self._wire.send(bytes([0x80 | kind]) + size + mask + masked)

    async def receive(self) -> tuple[int, bytes]:
        """Kind and content of the next message."""
        async with asyncio.timeout(PATIENCE):
            kind, size = await self._wire.reader.readexactly(2)
            if size >= 126:
                size = int.from_bytes(await self._wire.reader.readexactly(2 if size == 126 else 8), "big")
            return kind & 0x0F, await self._wire.reader.readexactly(size)


@asynccontextmanager
async def websocket(door: Door, protocol: str, query: str = "", path: str = PORTS) -> AsyncIterator[WebSocket]:
    async with door.open() as wire:
        reply = await wire.ask("GET", path + query, headers=handshake(protocol))
        assert reply.status == 101, reply.body
        assert reply.headers.get("sec-websocket-protocol", "") == protocol
        yield WebSocket(wire)


class Tunnelled:
    """SPDY through whatever carries it."""

    def __init__(self, carrier: WebSocket | Wire) -> None:
        self._carrier = carrier
        self._frames: list[Received] = []
        self.spdy = SpdyClient()

    async def send(self, data: bytes) -> None:
        await self._carrier.send(data)

    async def receive(self) -> Received:
        """The next frame of the server."""
        while not self._frames:
            if isinstance(self._carrier, WebSocket):
                kind, data = await self._carrier.receive()
                assert kind == BINARY
            else:
                async with asyncio.timeout(PATIENCE):
                    data = await self._carrier.reader.read(65536)
                assert data
            self._frames += self.spdy.read(data)
        return self._frames.pop(0)

    async def open(self, number: int, port: str = "80", request: str = "") -> None:
        """Opens the two streams of a connection, `number` and the next odd one, and waits until they are accepted."""
        named = {"requestid": request} if request else {}
        for stream, kind in ((number, "error"), (number + 2, "data")):
            await self.send(self.spdy.open(stream, {"streamtype": kind, "port": port, **named}))
            assert await self.receive() == Received("accepted", stream)


@asynccontextmanager
async def in_websocket(door: Door) -> AsyncIterator[Tunnelled]:
    async with websocket(door, TUNNEL) as carrier:
        yield Tunnelled(carrier)


@asynccontextmanager
async def by_itself(door: Door) -> AsyncIterator[Tunnelled]:
    async with door.open() as wire:
        headers = {"Connection": "Upgrade", "Upgrade": "SPDY/3.1", "X-Stream-Protocol-Version": "portforward.k8s.io"}
        reply = await wire.ask("POST", PORTS, headers=headers)
        assert (reply.status, reply.headers["upgrade"]) == (101, "SPDY/3.1")
        assert reply.headers["x-stream-protocol-version"] == "portforward.k8s.io"
        yield Tunnelled(wire)


Opening = Callable[[Door], AbstractAsyncContextManager[Tunnelled]]


# --- SPDY -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opening", [in_websocket, by_itself])
class TestTunnel:
    async def test_connections_do_not_get_into_each_others_way(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            await client.open(1, request="0")
            await client.open(5, request="1")
            await client.send(client.spdy.data(7, b"second") + client.spdy.data(3, b"first"))
            answers = [await client.receive(), await client.receive()]
            assert {(frame.number, frame.data) for frame in answers} == {(7, b"second"), (3, b"first")}
            await client.send(client.spdy.data(3, b"end"))
            assert [await client.receive(), await client.receive()] == [
                Received("data", 3, b"", ends=True),
                Received("data", 1, b"", ends=True),
            ]
            await client.send(client.spdy.data(7, b"still there"))
            assert await client.receive() == Received("data", 7, b"still there")

    async def test_the_end_of_the_clients_half_reaches_the_pod(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            await client.open(1)
            await client.send(client.spdy.data(3, b"all", ends=True))
            assert await client.receive() == Received("data", 3, b"all")
            assert await client.receive() == Received("data", 3, b"", ends=True)

    async def test_a_port_where_nobody_listens_says_so_on_its_own_stream(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            await client.open(1, port="81")
            text = b"error forwarding port 81 to pod web-0, uid : failed to connect to localhost:81"
            assert await client.receive() == Received("data", 1, text, ends=True)
            assert await client.receive() == Received("reset", 3)
            await client.open(5)
            await client.send(client.spdy.data(7, b"on"))
            assert await client.receive() == Received("data", 7, b"on")

    async def test_a_connection_that_is_reset_is_over(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            await client.open(1, request="0")
            await client.send(client.spdy.reset(3) + client.spdy.data(3, b"late") + client.spdy.ping(1))
            assert await client.receive() == Received("ping", 1)
            await client.open(5, request="0")
            await client.send(client.spdy.data(7, b"anew"))
            assert await client.receive() == Received("data", 7, b"anew")

    async def test_a_connection_that_is_reset_at_once_never_was(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            opened = [
                client.spdy.open(stream, {"streamtype": kind, "port": "80", "requestid": "0"})
                for stream, kind in ((1, "error"), (3, "data"))
            ]
            await client.send(b"".join(opened) + client.spdy.reset(3))
            assert [await client.receive(), await client.receive()] == [
                Received("accepted", 1),
                Received("accepted", 3),
            ]
            await client.open(5, request="0")
            await client.send(client.spdy.data(7, b"anew"))
            assert await client.receive() == Received("data", 7, b"anew")

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"streamtype": "data"},
            {"streamtype": "data", "port": "0"},
            {"streamtype": "data", "port": "65536"},
            {"streamtype": "data", "port": "٣"},
            {"streamtype": "data", "port": "eighty"},
            {"streamtype": "other", "port": "80"},
            {"port": "80"},
        ],
    )
    async def test_a_stream_that_names_no_port_is_refused(
        self, door: Door, opening: Opening, headers: dict[str, str]
    ) -> None:
        async with opening(door) as client:
            await client.send(client.spdy.open(1, headers))
            assert await client.receive() == Received("reset", 1)
            await client.open(3)

    async def test_a_stream_is_opened_once_and_in_order(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            data = {"streamtype": "data", "port": "80", "requestid": "0"}
            await client.send(client.spdy.open(5, data))
            assert await client.receive() == Received("accepted", 5)
            for stream in (5, 3, 8, 7):  # taken, passed, the server's, a second one of its connection
                await client.send(client.spdy.open(stream, data))
                assert await client.receive() == Received("reset", stream)

    async def test_after_a_farewell_nothing_is_opened(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            await client.open(1)
            await client.send(client.spdy.go_away())
            await client.send(client.spdy.open(5, {"streamtype": "data", "port": "80"}))
            assert await client.receive() == Received("reset", 5)
            await client.send(client.spdy.data(3, b"on"))
            assert await client.receive() == Received("data", 3, b"on")

    @pytest.mark.parametrize("kind", ["error", "data"])
    async def test_a_stream_whose_other_one_does_not_come_is_ended(
        self, door: Door, opening: Opening, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tunnel, "CREATION_SECONDS", 0.05)
        async with opening(door) as client:
            await client.send(client.spdy.open(1, {"streamtype": kind, "port": "80", "requestid": "7"}))
            assert await client.receive() == Received("accepted", 1)
            told = Received("data", 1, b"(request=7) timed out waiting for streams", ends=True)
            assert await client.receive() == (told if kind == "error" else Received("reset", 1))
            await client.open(3, request="7")
            await client.send(client.spdy.data(5, b"anew"))
            assert await client.receive() == Received("data", 5, b"anew")
            await CLOCK.sleep(0.1)
            await client.send(client.spdy.data(5, b"still there"))
            assert await client.receive() == Received("data", 5, b"still there")

    async def test_signs_of_life_are_answered(self, door: Door, opening: Opening) -> None:
        async with opening(door) as client:
            await client.send(client.spdy.ping(2) + client.spdy.ping(7))
            assert await client.receive() == Received("ping", 7)


async def test_what_is_not_spdy_ends_the_conversation(door: Door) -> None:
    async with websocket(door, TUNNEL) as client:
        await client.send(bytes.fromhex("80020001 00000000"))
        assert (await client.receive())[1][:4] == bytes.fromhex("80030007")
        assert (await client.receive())[0] == CLOSE


async def test_text_is_not_spdy(door: Door) -> None:
    async with websocket(door, TUNNEL) as client:
        await client.send(b"hello", kind=1)
        assert (await client.receive())[1][:4] == bytes.fromhex("80030007")
        assert (await client.receive())[0] == CLOSE


async def test_spdy_by_itself_ends_with_what_is_not_spdy(door: Door) -> None:
    async with by_itself(door) as client:
        await client.send(bytes.fromhex("80020001 00000000"))
        with pytest.raises(AssertionError):
            await client.receive()


# --- channels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", [CHANNELS, ""])
async def test_each_port_has_two_channels(door: Door, protocol: str) -> None:
    async with websocket(door, protocol, "?ports=80,81&ports=80") as client:
        received = [await client.receive() for _ in range(7)]
        numbers = {
            (BINARY, bytes([channel]) + bytes([port, 0])) for channel, port in enumerate((80, 80, 81, 81, 80, 80))
        }
        text = b"error forwarding port 81 to pod web-0, uid : failed to connect to localhost:81"
        assert set(received) == numbers | {(BINARY, b"\x03" + text)}
        await client.send(b"\x04hello")
        assert await client.receive() == (BINARY, b"\x04hello")
        await client.send(b"\x00text", kind=TEXT)
        assert await client.receive() == (BINARY, b"\x00text")
        for nonsense in (b"", b"\x00", b"\x01error", b"\x06none", b"\xff"):
            await client.send(nonsense)
        await client.send(b"\x00end")
        await client.send(b"\x04end")
        assert (await client.receive())[0] == CLOSE


async def test_channels_may_be_text(door: Door) -> None:
    async with websocket(door, "v4.base64.channel.k8s.io", "?ports=80") as client:
        assert [await client.receive() for _ in range(2)] == [(TEXT, b"0UAA="), (TEXT, b"1UAA=")]
        for nonsense in (b"0no base64", b"0", b"9aGVsbG8=", b"\x00aGVsbG8="):
            await client.send(nonsense, kind=TEXT)
        await client.send(b"0" + base64.b64encode(b"hello"), kind=TEXT)
        assert await client.receive() == (TEXT, b"0" + base64.b64encode(b"hello"))
        await client.send(b"0" + base64.b64encode(b"end"), kind=TEXT)
        assert (await client.receive())[0] == CLOSE


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "headers", "message"),
    [
        ("", {}, "Upgrade request required"),
        ("", {"Upgrade": "h2c", "Connection": "Upgrade"}, "Upgrade request required"),
        ("", handshake(CHANNELS), 'query parameter "port" is required'),
        ("?ports=", handshake(CHANNELS), 'cannot convert to []int32: strconv.ParseUint: parsing "": invalid syntax'),
        (
            "?ports=80,x",
            handshake(CHANNELS),
            'cannot convert to []int32: strconv.ParseUint: parsing "x": invalid syntax',
        ),
        (
            "?ports=65536",
            handshake(CHANNELS),
            'cannot convert to []int32: strconv.ParseUint: parsing "65536": value out of range',
        ),
        ("?ports=0", handshake(CHANNELS), 'port "0" must be > 0'),
        (f"?ports={','.join(['80'] * 129)}", handshake(CHANNELS), "more than 128 ports cannot be told apart"),
        (
            "?ports=80",
            handshake("other"),
            (
                "unable to upgrade: unable to negotiate protocol: client supports [other], "
                "server accepts [v4.channel.k8s.io v4.base64.channel.k8s.io SPDY/3.1+portforward.k8s.io]"
            ),
        ),
        (
            "",
            {**handshake(TUNNEL), "Sec-WebSocket-Version": "1"},
            "unable to upgrade: the request is no handshake of WebSocket version 13",
        ),
    ],
)
async def test_what_cannot_become_a_conversation_is_refused(
    door: Door, query: str, headers: dict[str, str], message: str
) -> None:
    reply = await door.ask("GET", PORTS + query, headers=headers)
    assert (reply.status, reply.message) == (400, message)


async def test_another_protocol_within_spdy_is_refused(door: Door) -> None:
    headers = {"Upgrade": "SPDY/3.1", "Connection": "Upgrade", "X-Stream-Protocol-Version": "v4.channel.k8s.io"}
    reply = await door.ask("POST", PORTS, headers=headers)
    spoken = "client supports [v4.channel.k8s.io], server accepts [portforward.k8s.io]"
    assert (reply.status, reply.message) == (403, f"unable to upgrade: unable to negotiate protocol: {spoken}")


async def test_a_pod_that_is_not_there_is_an_ordinary_error(door: Door) -> None:
    reply = await door.ask("GET", PORTS.replace("web-0", "gone"), headers=handshake(TUNNEL))
    assert (reply.status, reply.message) == (404, 'pods "gone" not found')


async def test_nothing_stays_of_a_client_that_leaves(door: Door) -> None:
    before = len(asyncio.all_tasks())
    for opening in (in_websocket, by_itself):
        async with opening(door) as client:
            await client.open(1)
    async with websocket(door, CHANNELS, "?ports=80"):
        pass
    async with asyncio.timeout(PATIENCE):
        while len(asyncio.all_tasks()) > before:
            await CLOCK.sleep(0.01)
