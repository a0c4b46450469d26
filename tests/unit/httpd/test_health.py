"""Health: upstream's paths, options and words."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.unit.httpd.wire import Door, Reply, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

FULL = "database or disk is full"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with opened(tmp_path_factory.mktemp("pki")) as door:
        yield door


async def look(door: Door, path: str) -> tuple[int, str]:
    reply: Reply = await door.ask("GET", path)
    assert reply.headers["content-type"].startswith("text/plain")
    return reply.status, reply.body.decode()


@pytest.mark.parametrize("root", ["healthz", "livez", "readyz"])
async def test_the_healthy_say_so_in_a_word(door: Door, root: str) -> None:
    assert await look(door, f"/{root}") == (200, "ok")
    assert await look(door, f"/{root}/ping") == (200, "ok")


async def test_checks_are_listed_for_those_who_ask(door: Door) -> None:
    assert await look(door, "/livez?verbose") == (200, "[+]ping ok\nlivez check passed\n")
    assert await look(door, "/readyz?verbose") == (200, "[+]ping ok\n[+]shutdown ok\nreadyz check passed\n")


async def test_checks_can_be_left_out(door: Door) -> None:
    door.front.health.add("etcd", lambda: FULL)
    warning = 'warn: some health checks cannot be excluded: no matches for "frog"'
    expected = f"[+]ping ok\n[+]etcd excluded: ok\n{warning}\nlivez check passed\n"
    assert await look(door, "/livez?verbose&exclude=etcd&exclude=frog") == (200, expected)
    assert await look(door, "/livez?exclude=etcd") == (200, "ok")


async def test_trouble_is_told_only_to_those_who_ask_for_that_check(door: Door) -> None:
    door.front.health.add("etcd", lambda: FULL)
    expected = "[+]ping ok\n[-]etcd failed: reason withheld\nhealthz check failed\n"
    assert await look(door, "/healthz") == (500, expected)
    assert await look(door, "/healthz/etcd") == (500, f"internal server error: {FULL}\n")
    assert await look(door, "/healthz/ping") == (200, "ok")


async def test_a_check_that_is_none_is_not_found(door: Door) -> None:
    assert (await door.ask("GET", "/livez/frog")).status == 404
    assert (await door.ask("GET", "/livez/shutdown")).status == 404


async def test_a_server_that_ends_is_alive_and_not_ready(door: Door) -> None:
    door.front.health.add("etcd", lambda: "")
    door.front.health.begin_shutdown()
    assert (await look(door, "/readyz"))[0] == 500
    assert (await look(door, "/livez"))[0] == 200
