"""How long a client may take nothing of what is sent to it, before it is cut off."""

import asyncio
from collections.abc import Awaitable
from typing import Self

from petset.aio.clock import SystemClock

LONGEST_WRITE = 30.0
"""Seconds a client may leave its receive buffer full. One that watches is cut off then, and watches anew."""

_CLOCK = SystemClock()  # sockets know no other


class Patience:
    """Looks from time to time whether a write takes too long. A write itself costs no timer."""

    def __init__(self, transport: asyncio.Transport | None) -> None:
        self._transport = transport
        self._began: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._over = False

    def __enter__(self) -> Self:
        self._arm()
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self, writing: Awaitable[None]) -> None:
        """Waits for a write. Raises ConnectionResetError when the client was cut off."""
        self._began = _CLOCK.monotonic()
        await writing
        self._began = None
        if self._over:
            raise ConnectionResetError(f"the client read nothing for {LONGEST_WRITE:.0f} s")

    def _arm(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(LONGEST_WRITE / 4, self._look)

    def _look(self) -> None:
        if self._began is not None and _CLOCK.monotonic() - self._began >= LONGEST_WRITE:
            self._over = True
            if self._transport is not None:
                self._transport.abort()
            return
        self._arm()
