"""Time as an argument: whoever needs the hour or wants to wait takes a `Clock`."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time, monotonic time, and waiting."""

    def now(self) -> datetime:
        """The present, in UTC, aware."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump, for measuring durations and deadlines."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits; zero or less yields once."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present, in UTC, aware."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Waits on the event loop."""
        await asyncio.sleep(max(0.0, seconds))
