"""What `write` and `delete` return: the wait for a durability that nobody can cancel."""

import asyncio
from collections.abc import Generator
from typing import Any

from petset.store.interface import Record, StoreFailed


class Commit:
    """Await it for the durable record, any number of times or never.

    Every waiter has a future of its own, so a cancelled waiter takes neither the write nor the other waiters with it,
    and a write that nobody waits for costs none.
    """

    __slots__ = ("_failure", "_record", "_waiters")

    def __init__(self) -> None:
        self._record: Record | None = None
        self._failure: str | None = None
        self._waiters: list[asyncio.Future[None]] = []

    def __await__(self) -> Generator[Any, None, Record]:
        if self._record is None and self._failure is None:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        if self._failure is not None:
            raise StoreFailed(self._failure)
        assert self._record is not None
        return self._record

    def resolve(self, record: Record) -> None:
        """The write is durable."""
        self._record = record
        self._wake()

    def fail(self, reason: str) -> None:
        """The write will never be durable; waiters get `StoreFailed`."""
        self._failure = reason
        self._wake()

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
