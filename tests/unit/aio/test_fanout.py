"""Bounded broadcast."""

import asyncio

import pytest

from petset.aio.fanout import Fanout, Overflow
from petset.testing.clock import VirtualClock


async def test_every_subscriber_gets_every_item_in_order_after_its_backlog() -> None:
    fanout = Fanout[int]()
    first = fanout.subscribe(10)
    fanout.publish(1)
    second = fanout.subscribe(10, backlog=[0, 1])
    fanout.publish(2)
    fanout.close()
    assert [item async for item in first] == [1, 2]
    assert [item async for item in second] == [0, 1, 2]
    assert len(fanout) == 0


async def test_a_full_subscriber_is_closed_with_an_error_and_the_others_live_on() -> None:
    fanout = Fanout[int]()
    slow, quick = fanout.subscribe(2), fanout.subscribe(3)
    for item in range(3):
        fanout.publish(item)
    assert len(fanout) == 1
    assert quick.take() == [0, 1, 2]
    assert slow.ended
    for _ in range(2):
        with pytest.raises(Overflow):
            await anext(slow)
    with pytest.raises(Overflow):
        slow.take()


async def test_the_backlog_does_not_count_against_the_capacity() -> None:
    fanout = Fanout[int]()
    subscriber = fanout.subscribe(1, backlog=range(5))
    fanout.publish(5)
    assert subscriber.take() == [0, 1, 2, 3, 4, 5]


async def test_a_waiting_reader_wakes_for_an_item_and_for_the_end() -> None:
    fanout = Fanout[int]()
    subscriber = fanout.subscribe(10)
    read: list[int] = []

    async def reader() -> None:
        read.extend([await anext(subscriber)])
        async for item in subscriber:
            raise AssertionError(item)

    task = asyncio.get_running_loop().create_task(reader())
    clock = VirtualClock()
    await clock.settle()
    fanout.publish(1)
    await clock.settle()
    assert read == [1]
    assert subscriber.head is None
    fanout.close()
    await task


async def test_close_drops_what_waits_and_ends_the_iteration() -> None:
    fanout = Fanout[int]()
    subscriber = fanout.subscribe(10)
    fanout.publish(1)
    assert subscriber.head == 1
    subscriber.close()
    fanout.publish(2)
    assert [item async for item in subscriber] == []
    assert len(fanout) == 0


async def test_two_readers_at_once_are_a_mistake() -> None:
    subscriber = Fanout[int]().subscribe(10)
    task = asyncio.get_running_loop().create_task(anext(subscriber))
    await VirtualClock().settle()
    with pytest.raises(RuntimeError, match="one reader"):
        await anext(subscriber)
    subscriber.close()
    with pytest.raises(StopAsyncIteration):
        await task


async def test_a_cancelled_reader_loses_nothing() -> None:
    fanout = Fanout[int]()
    subscriber = fanout.subscribe(10)
    task = asyncio.get_running_loop().create_task(anext(subscriber))
    await VirtualClock().settle()
    fanout.publish(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await anext(subscriber) == 1
