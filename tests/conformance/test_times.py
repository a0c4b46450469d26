"""How times may be told, and how they are shown."""

import pytest

from tests.conformance.api import STRATEGIC, TRY, Api, Tree, pod, refused

MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"


def _lease(**spec: str) -> Tree:
    return {"metadata": {"name": "held"}, "spec": spec}


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2026-11-23T05:12:00.123456Z", "2026-11-23T05:12:00.123456Z"),
        ("2026-11-23T05:12:00.123456+02:00", "2026-11-23T03:12:00.123456Z"),
        ("2026-11-23T05:12:00,123456Z", "2026-11-23T05:12:00.123456Z"),
        ("2026-11-23T5:12:00.123456Z", "2026-11-23T05:12:00.123456Z"),
    ],
)
async def test_a_time_to_the_microsecond_is_shown_in_one_form(there: Api, told: str, shown: str) -> None:
    made = (await there.post("leases", _lease(renewTime=told, acquireTime=told), TRY)).done(201)
    assert made["spec"] == {"renewTime": shown, "acquireTime": shown}


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("2026-11-23T05:12:00Z", f'" as "{MICRO_LAYOUT}": cannot parse "Z" as ".000000"'),
        ("2026-11-23T05:12:00.1Z", f'" as "{MICRO_LAYOUT}": cannot parse ".1Z" as ".000000"'),
        ("2026-11-23T05:12:00.1234567Z", f'" as "{MICRO_LAYOUT}": cannot parse "7Z" as "Z07:00"'),
        ("2026-11-23T05:12:00.12345aZ", f'" as "{MICRO_LAYOUT}": cannot parse ".12345aZ" as ".000000"'),
        ("2026-11-23T05:12:00.123456", f'" as "{MICRO_LAYOUT}": cannot parse "" as "Z07:00"'),
        ("", f'" as "{MICRO_LAYOUT}": cannot parse "" as "2006"'),
        ("2026-13-23T05:12:00.123456Z", '": month out of range'),
    ],
)
async def test_a_time_to_the_microsecond_has_six_digits(there: Api, told: str, why: str) -> None:
    head = f'Lease in version "v1" cannot be handled as a Lease: parsing time "{told}'
    refused(await there.post("leases", _lease(renewTime=told), TRY), 400, "BadRequest", f"{head}{why}")
    event = {"metadata": {"name": "e"}, "series": {"count": 2, "lastObservedTime": told}}
    head = f'Event in version "v1" cannot be handled as a Event: parsing time "{told}'
    refused(await there.post("events", event, TRY), 400, "BadRequest", f"{head}{why}")


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("2026-11-23T05:12:00.5+01:00", "2026-11-23T04:12:00Z"),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T02:00:00+02:00", None),
        ("0001-01-01T00:00:01Z", "0001-01-01T00:00:01Z"),
        (None, None),
    ],
)
async def test_where_times_begin_there_is_none(api: Api, told: str | None, shown: str | None) -> None:
    (await api.post("pods", pod())).done(201)
    condition = {"type": "example.com/a", "status": "True", "lastProbeTime": told}
    change = {"status": {"startTime": told, "conditions": [condition]}}
    status = (await api.patch("pods/p/status", change, STRATEGIC)).done()["status"]
    assert [each["lastProbeTime"] for each in status["conditions"]] == [shown]
    assert status.get("startTime") == shown
    if told and told.endswith("Z") and "." not in told:
        micro = told.replace("Z", ".000000Z")
        spec = (await api.post("leases", _lease(renewTime=micro), TRY)).done(201)["spec"]
        assert spec.get("renewTime") == (shown and micro)
