"""How long to wait before trying again: 10 s, doubled each time up to 5 min. Pure.

The rules are those of client-go's `flowcontrol.Backoff` as the kubelet uses it for containers and images.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST = 10.0
LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class BackOff:
    """The wait after the latest failure, in seconds, and when that was entered."""

    delay: float
    updated: datetime

    def expired(self, event: datetime) -> bool:
        """Whether the series is over: nothing failed for ten minutes before `event`."""
        return event - self.updated > timedelta(seconds=2 * LONGEST)

    def ends(self, event: datetime) -> datetime:
        """When the wait that began with `event` is over."""
        return event if self.expired(event) else event + timedelta(seconds=self.delay)


def after_failure(entry: BackOff | None, event: datetime, now: datetime) -> BackOff:
    """The entry once one more try follows a failure at `event`."""
    if entry is None or entry.expired(event):
        return BackOff(FIRST, now)
    return BackOff(min(entry.delay * 2, LONGEST), now)


def duration(seconds: float) -> str:
    """Whole seconds the way Go prints them: `10s`, `1m20s`, `5m0s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
