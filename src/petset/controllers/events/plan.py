"""Until when an event stays. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from petset.api.meta import parse_time
from petset.api.types import Event

TTL = timedelta(hours=1)
"""How long an event stays after it occurred last: upstream's default of `--event-ttl`."""


def seconds_left(event: Event, now: datetime) -> float:
    """How long the event stays; zero or less: its time is over."""
    last = max(_occurrences(event, now), default=None)
    return (last + TTL - now).total_seconds() if last is not None else 0.0


def _occurrences(event: Event, now: datetime) -> Iterator[datetime]:
    """When it occurred, as far as known. Upstream counts from the last write, which cannot lie in the future."""
    series = event.series.last_observed_time if event.series is not None else None
    for text in (event.metadata.creation_timestamp, event.event_time, event.last_timestamp, series):
        moment = _moment(text)
        if moment is not None and moment <= now:
            yield moment


@lru_cache(256)  # whatever happens within a second happens at one time
def _moment(text: str | None) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError:
        return None
