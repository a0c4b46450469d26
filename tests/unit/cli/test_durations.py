import pytest

from petset.cli.durations import format_seconds, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("30s", 30), ("5m", 300), ("1h30m", 5400), ("1.5s", 1.5), ("300ms", 0.3), (".5m", 30), ("1m0.5s", 60.5)],
)
def test_durations_are_written_as_in_go(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "m", "-5m", "5d", "1h 30m"])
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize(("seconds", "text"), [(0.314, "0.31 s"), (12.34, "12.3 s"), (125, "2m05s"), (300, "5m00s")])
def test_seconds_are_shown_with_the_digits_of_interest(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
