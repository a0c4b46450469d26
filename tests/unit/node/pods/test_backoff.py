"""Waits after failures, as numbers."""

from datetime import timedelta

import pytest

from petset.node.pods.backoff import BackOff, after_failure, duration
from tests.unit.node.pods.given import NOW, ago


def test_ten_seconds_doubled_up_to_five_minutes() -> None:
    entry = None
    delays = []
    for _ in range(7):
        entry = after_failure(entry, NOW, NOW)
        delays.append(entry.delay)
    assert delays == [10, 20, 40, 80, 160, 300, 300]


def test_ten_good_minutes_begin_a_new_series() -> None:
    assert after_failure(BackOff(300, ago(601)), NOW, NOW).delay == 10
    assert after_failure(BackOff(300, ago(599)), NOW, NOW).delay == 300


def test_the_wait_counts_from_the_failure() -> None:
    assert BackOff(20, ago(30)).ends(ago(5)) == ago(5) + timedelta(seconds=20)


@pytest.mark.parametrize(("seconds", "text"), [(10, "10s"), (80, "1m20s"), (300, "5m0s")])
def test_durations_as_go_prints_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
