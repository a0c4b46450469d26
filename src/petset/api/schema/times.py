"""Times by RFC 3339: the one form in which Kubernetes writes them, and in Go's words what is wrong with other texts."""

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from petset.api.schema.errors import TimeError


class _Precision(NamedTuple):
    """How far a time is told: Go's word for that, and the pattern of it."""

    name: str
    fraction: str

    @property
    def layout(self) -> str:
        """The whole of a time, in Go's words."""
        return f"2006-01-02T15:04:05{self.name}Z07:00"


_TO_THE_SECOND = _Precision("", r"(?:[.,]\d+)?")
_TO_THE_MICROSECOND = _Precision(".000000", r"[.,]\d{6}")
_PARTS = (
    ("2006", r"\d{4}"),
    ("-", "-"),
    ("01", r"\d\d"),
    ("-", "-"),
    ("02", r"\d\d"),
    ("T", "T"),
    ("15", r"\d\d?"),
    (":", ":"),
    ("04", r"\d\d"),
    (":", ":"),
    ("05", r"\d\d"),
)
_ZONE = ("Z07:00", r"Z|[-+]\d\d:\d\d")
_LIMITS = {
    "01": ("month", 1, 12),
    "02": ("day", 1, 31),
    "15": ("hour", 0, 23),
    "04": ("minute", 0, 59),
    "05": ("second", 0, 59),
}


_ZERO = datetime.min.replace(tzinfo=UTC)
_LONGEST_REMEMBERED = 64


def canonical_time(text: str, *, micro: bool = False) -> str | None:
    """A time as Kubernetes writes it: in UTC, to the second or to the microsecond; None where Go's times begin.

    A `Time` may be told to any part of a second, a `MicroTime` (`micro`) has to be told to six digits.

    Raises:
        TimeError: it is no time by RFC 3339.
    """
    return (_known if len(text) <= _LONGEST_REMEMBERED else _written)(text, micro=micro)


def _written(text: str, *, micro: bool) -> str | None:
    found = (_micro_time if micro else _time)(text)
    if found is None:
        raise TimeError(_told(text, micro=micro))
    day, hour, rest = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{hour:0>2}{rest}")
    except ValueError as error:
        raise TimeError(_told(text, micro=micro)) from error
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # before the first year, or after the last
        return text
    if moment.replace(microsecond=moment.microsecond if micro else 0) == _ZERO:
        return None
    return moment.isoformat(timespec="microseconds" if micro else "seconds").removesuffix("+00:00") + "Z"


_known = lru_cache(maxsize=4096)(_written)  # all times of a pod are the same few
_FORM = r"(\d{4}-\d\d-\d\d)T(\d\d?)(:\d\d:\d\d%s(?:Z|[-+]\d\d:\d\d))"
_time = re.compile(_FORM % _TO_THE_SECOND.fraction, re.ASCII).fullmatch
_micro_time = re.compile(_FORM % _TO_THE_MICROSECOND.fraction, re.ASCII).fullmatch


_ends_far_away = re.compile(r".*[-+](2[4-9]|[3-9]\d):\d\d", re.ASCII).fullmatch


def _told(text: str, *, micro: bool) -> str:
    precision = _TO_THE_MICROSECOND if micro else _TO_THE_SECOND
    head, rest = f'parsing time "{text}"', text
    for name, pattern in (*_PARTS, (precision.name, precision.fraction), _ZONE):
        found = re.match(pattern, rest, re.ASCII)
        if found is None:
            return f'{head} as "{precision.layout}": cannot parse "{rest}" as "{name}"'
        what, least, most = _LIMITS.get(name, ("", 0, 0))
        if what and not least <= int(found[0]) <= most:
            return f"{head}: {what} out of range"
        rest = rest[found.end() :]
    if rest:
        return f'{head}: extra text: "{rest}"'
    return f"{head}: {'time zone offset hour' if _ends_far_away(text) else 'day'} out of range"
