"""Bounded broadcast: the publisher never waits, and a subscriber that does not keep up is closed with an error."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Overflow(Exception):
    """The subscriber had more items waiting than it may have, and was closed."""


class Subscription(Generic[T]):
    """The items of one subscriber, by one reader at a time: `async for`, or `take` for all that wait."""

    def __init__(self, owner: "Fanout[T]", capacity: int, backlog: Iterable[T]) -> None:
        self._owner = owner
        self._items: deque[T] = deque(backlog)
        self._limit = capacity + len(self._items)
        self._reader: asyncio.Future[None] | None = None
        self._ended = False
        self._overflown = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._items:
            self._check()
            if self._ended:
                raise StopAsyncIteration
            await self._wait()
        return self._items.popleft()

    def take(self) -> list[T]:
        """All items that wait, without waiting; they will not be yielded again. Raises `Overflow`."""
        self._check()
        items = list(self._items)
        self._items.clear()
        return items

    @property
    def head(self) -> T | None:
        """The next item, None when none waits."""
        return self._items[0] if self._items else None

    @property
    def ended(self) -> bool:
        """Whether nothing more will be published to this subscriber."""
        return self._ended

    def close(self) -> None:
        """Leaves: what waits is dropped and the iteration stops."""
        self._items.clear()
        self.end()

    def end(self) -> None:
        """Nothing more will come; what waits can still be read."""
        self._ended = True
        self._owner.leave(self)
        self._wake()

    def offer(self, item: T) -> bool:
        """The publisher's side: False when there is no room, and the subscription is over."""
        if len(self._items) >= self._limit:
            self._overflown = True
            self.close()
            return False
        self._items.append(item)
        self._wake()
        return True

    def _check(self) -> None:
        if self._overflown:
            raise Overflow(f"more than {self._limit} items were waiting")

    async def _wait(self) -> None:
        if self._reader is not None:
            raise RuntimeError("a subscription has one reader at a time")
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)


class Fanout(Generic[T]):
    """Hands every published item to every subscriber, in order."""

    def __init__(self) -> None:
        self._subscriptions: dict[Subscription[T], None] = {}

    def __len__(self) -> int:
        """How many subscribers there are."""
        return len(self._subscriptions)

    def subscribe(self, capacity: int, backlog: Iterable[T] = ()) -> Subscription[T]:
        """A new subscriber that first gets `backlog` and may have `capacity` items more waiting."""
        subscription = Subscription(self, capacity, backlog)
        self._subscriptions[subscription] = None
        return subscription

    def publish(self, item: T) -> None:
        """Hands `item` to every subscriber. One that is full is closed; its reader gets `Overflow`."""
        for subscription in tuple(self._subscriptions):
            subscription.offer(item)

    def leave(self, subscription: Subscription[T]) -> None:
        """Forgets a subscriber."""
        self._subscriptions.pop(subscription, None)

    def close(self) -> None:
        """Ends every subscription after what already waits in it."""
        for subscription in tuple(self._subscriptions):
            subscription.end()
