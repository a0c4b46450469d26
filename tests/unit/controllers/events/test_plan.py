"""Until when an event stays."""

from datetime import UTC, datetime

import pytest

from petset.api.types import Event, EventSeries, ObjectMeta
from petset.controllers.events.plan import seconds_left

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
EARLIER = "2026-01-01T10:00:00Z"
HALF_AN_HOUR_AGO = "2026-01-01T11:30:00Z"
LATER = "2036-01-01T00:00:00Z"


def event(
    created: str | None = EARLIER, time: str | None = None, last: str | None = None, observed: str | None = None
) -> Event:
    series = EventSeries(count=2, last_observed_time=observed) if observed else None
    return Event(
        metadata=ObjectMeta(name="web.1", namespace="default", creation_timestamp=created),
        event_time=time,
        last_timestamp=last,
        series=series,
    )


@pytest.mark.parametrize(
    ("given", "left"),
    [
        pytest.param(event("2026-01-01T12:00:00Z"), 3600, id="it stays for an hour"),
        pytest.param(event("2026-01-01T11:00:00Z"), 0, id="and not a second longer"),
        pytest.param(event(), -3600, id="what is long over stays over"),
        pytest.param(event(last=HALF_AN_HOUR_AGO), 1800, id="counted from when it occurred last"),
        pytest.param(event(time="2026-01-01T11:30:00.000000Z"), 1800, id="from its eventTime"),
        pytest.param(event(time=EARLIER, observed=HALF_AN_HOUR_AGO), 1800, id="from the end of its series"),
        pytest.param(event(HALF_AN_HOUR_AGO, last=EARLIER), 1800, id="told late, it stays as long as any other"),
        pytest.param(event(HALF_AN_HOUR_AGO, last=LATER), 1800, id="nothing occurs in the future"),
        pytest.param(event(HALF_AN_HOUR_AGO, last="yesterday"), 1800, id="a time that is none does not count"),
        pytest.param(event(last="2026-01-01T12:30:00+01:00"), 1800, id="in any time zone"),
        pytest.param(event(None), 0, id="without any time it goes at once"),
    ],
)
def test_time_left(given: Event, left: float) -> None:
    assert seconds_left(given, NOW) == left
