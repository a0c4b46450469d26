import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
import uvloop

from petset.node.network import relays
from petset.node.network.proxy import (
    Backends,
    Front,
    ProxiedPort,
    ProxiedService,
    ProxyPlan,
    ServiceProxy,
    fronts,
    plan,
    preference,
)
from petset.node.network.relays import reset

ONE, TWO, THREE = ("10.0.0.1", 80), ("10.0.0.2", 80), ("10.0.0.3", 80)
WEB, DNS = Front("10.96.0.5", 80, "TCP"), Front("10.96.0.6", 53, "UDP")
ADDRESS = "127.77.0.1"


def test_ports_with_ready_endpoints_are_served() -> None:
    services = {
        "default/web": ProxiedService("10.96.0.5", (ProxiedPort(80, "TCP", (ONE,)), ProxiedPort(81, "TCP", ()))),
        "default/dns": ProxiedService("10.96.0.6", (ProxiedPort(53, "UDP", (TWO,)),), client_affinity=True),
        "default/sctp": ProxiedService("10.96.0.7", (ProxiedPort(9, "SCTP", (ONE,)),)),
    }
    assert fronts(services) == {WEB: Backends((ONE,)), DNS: Backends((TWO,), client_affinity=True)}


@pytest.mark.parametrize(
    ("served", "wanted", "expected"),
    [
        ({}, {WEB: Backends((ONE,))}, ProxyPlan((), (), (WEB,))),
        ({WEB: Backends((ONE,))}, {}, ProxyPlan((WEB,), (), ())),
        ({WEB: Backends((ONE,))}, {WEB: Backends((ONE, TWO))}, ProxyPlan((), (WEB,), ())),
        ({WEB: Backends((ONE,))}, {WEB: Backends((ONE,))}, ProxyPlan((), (), ())),
        ({WEB: Backends((ONE,))}, {DNS: Backends((ONE,))}, ProxyPlan((WEB,), (), (DNS,))),
    ],
)
def test_the_plan_is_the_difference(
    served: dict[Front, Backends], wanted: dict[Front, Backends], expected: ProxyPlan
) -> None:
    assert plan(served, wanted) == expected


def test_connections_take_turns() -> None:
    backends = Backends((ONE, TWO, THREE))
    assert [preference(backends, "c", turn)[0] for turn in range(4)] == [ONE, TWO, THREE, ONE]
    assert preference(backends, "c", 1) == [TWO, THREE, ONE]


def test_with_affinity_only_clients_of_a_lost_endpoint_move() -> None:
    clients = [f"10.1.0.{octet}" for octet in range(50)]
    before = {client: preference(Backends((ONE, TWO, THREE), True), client, 0)[0] for client in clients}
    after = {client: preference(Backends((ONE, THREE), True), client, 7)[0] for client in clients}
    assert set(before.values()) == {ONE, TWO, THREE}
    assert all(after[client] == before[client] for client in clients if before[client] != TWO)


@asynccontextmanager
async def echo(greeting: bytes) -> AsyncIterator[tuple[str, int]]:
    """Answers with its greeting and all that was sent, once the client has ended its half."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting + await reader.read())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()


async def ask(port: int, text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(ADDRESS, port)
    writer.write(text)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@pytest.fixture
async def proxy() -> AsyncIterator[ServiceProxy]:
    proxy = ServiceProxy()
    yield proxy
    await proxy.close()


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((ADDRESS, 0))
        port: int = sock.getsockname()[1]
        return port


def service(port: int, *endpoints: tuple[str, int], protocol: str = "TCP") -> dict[str, ProxiedService]:
    return {"default/web": ProxiedService(ADDRESS, (ProxiedPort(port, protocol, endpoints),))}


async def test_connections_are_carried_in_turn_with_half_close(proxy: ServiceProxy) -> None:
    port = free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one, echo(b"two ") as two:
        await proxy.apply(service(port, one, two))
        assert [await ask(port, b"x" * 100_000) for _ in range(2)] == [
            b"one " + b"x" * 100_000,
            b"two " + b"x" * 100_000,
        ]


async def test_only_those_are_served_who_may_come_in() -> None:
    proxy, port = ServiceProxy(lambda address: address != "127.0.0.1"), free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one:
        await proxy.apply(service(port, one))
        with pytest.raises(ConnectionError):
            await ask(port, b"x")
    await proxy.close()


async def test_an_endpoint_that_refuses_is_passed_over(proxy: ServiceProxy) -> None:
    port, dead = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one:
        await proxy.apply(service(port, (ADDRESS, dead), one))
        assert [await ask(port, b"") for _ in range(2)] == [b"one ", b"one "]


async def test_endpoints_change_without_a_gap(proxy: ServiceProxy) -> None:
    port = free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one, echo(b"two ") as two:
        await proxy.apply(service(port, one))
        assert await ask(port, b"a") == b"one a"
        await proxy.apply(service(port, two))
        assert await ask(port, b"b") == b"two b"


async def test_without_endpoints_a_connection_is_refused(proxy: ServiceProxy) -> None:
    port = free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one:
        await proxy.apply(service(port, one))
        await proxy.apply(service(port))
        with pytest.raises(ConnectionRefusedError):
            await ask(port, b"")


async def test_when_no_endpoint_answers_the_connection_ends(proxy: ServiceProxy) -> None:
    port, dead = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    await proxy.apply(service(port, (ADDRESS, dead)))
    with pytest.raises(ConnectionResetError):
        await ask(port, b"")


async def test_closing_cuts_open_connections(proxy: ServiceProxy) -> None:
    port = free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one:
        await proxy.apply(service(port, one))
        reader, writer = await asyncio.open_connection(ADDRESS, port)
        writer.write(b"x")
        await proxy.close()
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_a_taken_port_is_tried_again_with_the_next_call(proxy: ServiceProxy) -> None:
    port = free_port(socket.SOCK_STREAM)
    async with echo(b"one ") as one:
        with socket.create_server((ADDRESS, port)):
            await proxy.apply(service(port, one))
        await proxy.apply(service(port, one))
        assert await ask(port, b"") == b"one "


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, greeting: bytes = b"") -> None:
        self.greeting = greeting
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.put_nowait(data)
        if self.greeting:
            self.transport.sendto(self.greeting + data, addr)


async def test_datagrams_of_a_client_stay_with_one_endpoint(proxy: ServiceProxy) -> None:
    loop = asyncio.get_running_loop()
    port = free_port(socket.SOCK_DGRAM)
    one, _ = await loop.create_datagram_endpoint(lambda: _Udp(b"one "), local_addr=("127.0.0.1", 0))
    two, _ = await loop.create_datagram_endpoint(lambda: _Udp(b"two "), local_addr=("127.0.0.1", 0))
    ends = [transport.get_extra_info("sockname") for transport in (one, two)]
    await proxy.apply(service(port, *ends, protocol="UDP"))
    answers = []
    for _ in range(2):
        client, protocol = await loop.create_datagram_endpoint(_Udp, remote_addr=(ADDRESS, port))
        for text in (b"a", b"b"):
            client.sendto(text)
            answers.append(await protocol.received.get())
        client.close()
    one.close()
    two.close()
    assert answers == [b"one a", b"one b", b"two a", b"two b"]


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_flood_of_clients_takes_the_place_of_the_silent_ones(
    proxy: ServiceProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "MOST_CLIENTS", 3)
    loop = asyncio.get_running_loop()
    port = free_port(socket.SOCK_DGRAM)
    end, seen = await loop.create_datagram_endpoint(lambda: _Udp(b"one "), local_addr=("127.0.0.1", 0))
    await proxy.apply(service(port, end.get_extra_info("sockname"), protocol="UDP"))
    before = open_files()
    first, protocol = await loop.create_datagram_endpoint(_Udp, remote_addr=(ADDRESS, port))
    for number in range(20):
        first.sendto(b"a")
        assert await protocol.received.get() == b"one a"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(str(number).encode(), (ADDRESS, port))
            while await seen.received.get() != str(number).encode():
                pass
    assert open_files() <= before + 4
    first.close()
    end.close()


async def test_a_client_whose_endpoint_died_reaches_another(proxy: ServiceProxy) -> None:
    loop = asyncio.get_running_loop()
    port, dead = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    alive, _ = await loop.create_datagram_endpoint(lambda: _Udp(b"alive "), local_addr=("127.0.0.1", 0))
    await proxy.apply(service(port, (ADDRESS, dead), alive.get_extra_info("sockname"), protocol="UDP"))
    client, protocol = await loop.create_datagram_endpoint(_Udp, remote_addr=(ADDRESS, port))
    answer = b""
    while not answer:
        client.sendto(b"a")
        try:
            async with asyncio.timeout(0.05):
                answer = await protocol.received.get()
        except TimeoutError:
            continue
    client.close()
    alive.close()
    assert answer == b"alive a"


@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_connection_that_is_closed_already_can_be_broken(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def close_and_break() -> bool:
        async with echo(b"") as (host, port):
            _, writer = await asyncio.open_connection(host, port)
            writer.close()
            await writer.wait_closed()
            reset(writer)
            return writer.transport.is_closing()

    with asyncio.Runner(loop_factory=loop) as runner:
        assert runner.run(close_and_break())
