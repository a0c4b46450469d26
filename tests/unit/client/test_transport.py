import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from petset import __version__
from petset.api import errors
from petset.client.connection import Connection
from petset.client.interface import ConnectionLost
from petset.client.transport import Transport
from petset.testing.clock import VirtualClock
from tests.unit.client.web import Handler, Web, answer, chunks, status, text


@asynccontextmanager
async def transport_to(*handlers: Handler, **connection: Any) -> AsyncIterator[tuple[Transport, Web]]:
    async with Web(*handlers).serve(**connection) as server:
        transport = Transport(server.connection)
        try:
            yield transport, server
        finally:
            await transport.close()


@pytest.mark.parametrize(
    ("handler", "error", "message"),
    [
        (answer(status("NotFound", 404, 'pods "a" not found'), 404), errors.NotFound, 'pods "a" not found'),
        (answer(status("AlreadyExists", 409, "x exists"), 409), errors.AlreadyExists, "x exists"),
        (answer(status("Conflict", 409, "changed"), 409), errors.Conflict, "changed"),
        (text("upstream sent too big header", 502), errors.StatusError, "upstream sent too big header"),
        (text("", 503), errors.ServiceUnavailable, "the server answered with HTTP status 503"),
        (answer(["no", "status"], 403), errors.Forbidden, "the server answered with HTTP status 403"),
        (answer({}, 307, Location="/elsewhere"), errors.StatusError, "the server answered with HTTP status 307"),
    ],
)
async def test_a_refusal_is_the_error_its_status_names(
    handler: Handler, error: type[errors.StatusError], message: str
) -> None:
    async with transport_to(handler) as (transport, _):
        with pytest.raises(error) as caught:
            await transport.request("GET", "/api")
    assert type(caught.value) is error
    assert caught.value.message == message


async def test_the_retry_after_header_is_kept() -> None:
    busy = answer(status("TooManyRequests", 429, "later"), 429, Retry_After="7")
    async with transport_to(busy) as (transport, _):
        with pytest.raises(errors.TooManyRequests) as caught:
            await transport.request("GET", "/api")
    assert caught.value.retry_after_seconds == 7


async def test_a_server_that_is_not_there_is_a_lost_connection() -> None:
    async with Web(answer({})).serve() as server:
        connection = server.connection
    transport = Transport(connection)
    with pytest.raises(ConnectionLost):
        await transport.request("GET", "/api")
    await transport.close()
    with pytest.raises(ConnectionLost, match="the client is closed"):
        await transport.request("GET", "/api")


async def test_a_stream_that_breaks_off_is_a_lost_connection() -> None:
    async with transport_to(chunks(b"one\ntwo\nthr", abort=True)) as (transport, _):
        got: list[bytes] = []
        with pytest.raises(ConnectionLost):
            async with transport.lines("/watch") as lines:
                got.extend([line async for line in lines])
        async with transport.lines("/watch") as lines:
            got = [await anext(lines), await anext(lines)]
    assert got == [b"one", b"two"]


async def test_what_goes_wrong_in_the_callers_block_is_not_a_lost_connection() -> None:
    async with transport_to(chunks(b"one\n")) as (transport, _):
        with pytest.raises(OSError, match="mine"):
            async with transport.stream("/watch"):
                raise OSError("mine")


async def test_a_client_says_who_it_is() -> None:
    async with Web(answer({})).serve() as server:
        for transport in (Transport(server.connection), Transport(server.connection, user_agent="kubectl-like/1")):
            await transport.request("GET", "/api")
            await transport.close()
    assert [seen.headers["User-Agent"] for seen in server.seen] == [f"petset/{__version__}", "kubectl-like/1"]


@pytest.mark.parametrize(
    ("connection", "header"),
    [
        ({"token": "t1"}, "Bearer t1"),
        ({"username": "u", "password": "p"}, "Basic " + base64.b64encode(b"u:p").decode()),
        ({}, None),
    ],
)
async def test_the_authorization_header_follows_the_connection(connection: dict[str, Any], header: str | None) -> None:
    async with transport_to(answer({}), **connection) as (transport, server):
        await transport.request("GET", "/api")
    assert server.seen[0].headers.get("Authorization") == header


async def test_a_token_file_is_read_again_after_a_minute_or_a_refusal(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    clock = VirtualClock()
    refuse = answer(status("Unauthorized", 401, "no"), 401)
    async with Web(answer({}), answer({}), answer({}), refuse, answer({}), refuse).serve(token_file=file) as server:
        transport = Transport(server.connection, clock=clock)
        await transport.request("GET", "/1")
        file.write_text("second")
        await transport.request("GET", "/2")
        await clock.advance(60)
        await transport.request("GET", "/3")
        file.write_text("third")
        await transport.request("GET", "/4")
        with pytest.raises(errors.Unauthorized):
            await transport.request("GET", "/5")
        await transport.close()
    sent = [(s.path, s.headers["Authorization"].removeprefix("Bearer ")) for s in server.seen]
    assert sent == [
        ("/1", "first"),
        ("/2", "first"),
        ("/3", "second"),
        ("/4", "second"),
        ("/4", "third"),
        ("/5", "third"),
        ("/5", "third"),
    ]


async def test_credentials_that_cannot_be_had_are_unauthorized(tmp_path: Path) -> None:
    async with transport_to(answer({}), token_file=tmp_path / "absent") as (transport, server):
        with pytest.raises(errors.Unauthorized, match="absent"):
            await transport.request("GET", "/api")
    assert server.seen == []


async def test_warnings_of_the_server_reach_the_caller() -> None:
    heard: list[str] = []
    async with Web(answer({}, Warning='299 - "spec.x: deprecated, use \\"y\\""')).serve() as server:
        transport = Transport(server.connection, on_warning=heard.append)
        await transport.request("GET", "/api")
        await transport.close()
    assert heard == ['spec.x: deprecated, use "y"']


def test_secrets_do_not_show_in_logs() -> None:
    shown = repr(Connection(server="https://x", token="t0p", password="s3cret", client_key=b"k3y"))
    assert not any(secret in shown for secret in ("t0p", "s3cret", "k3y"))
