"""What a client sent and the pod has not taken: order, limits, ends."""

import asyncio

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.httpd.carrying import MOST_WAITING, Inbox


async def test_bytes_come_out_as_they_went_in_and_then_the_end() -> None:
    inbox = Inbox()
    await inbox.put(b"a")
    await inbox.put(b"b")
    inbox.end()
    await inbox.put(b"late")
    assert [await inbox.get() for _ in range(4)] == [b"a", b"b", b"", b""]


async def test_who_waits_for_bytes_gets_them() -> None:
    inbox = Inbox()
    async with Supervisor("test") as tasks:
        getting = tasks.background("get", inbox.get())
        await SystemClock().sleep(0)
        await inbox.put(b"a")
        assert await getting == b"a"


async def test_a_client_waits_while_too_much_does() -> None:
    inbox = Inbox()
    async with Supervisor("test") as tasks:
        putting = tasks.background("put", inbox.put(bytes(MOST_WAITING + 1)))
        await asyncio.wait([putting], timeout=0.01)
        assert not putting.done()
        await inbox.get()
        await putting


async def test_what_nobody_takes_is_dropped_and_holds_nobody_up() -> None:
    inbox = Inbox()
    async with Supervisor("test") as tasks:
        putting = tasks.background("put", inbox.put(bytes(MOST_WAITING + 1)))
        await asyncio.wait([putting], timeout=0.01)
        inbox.close()
        await putting
    await inbox.put(bytes(MOST_WAITING + 1))
    inbox.end()
    assert await inbox.get() == b""
