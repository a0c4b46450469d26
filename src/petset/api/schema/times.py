"""Times by RFC 3339: the one form in which Kubernetes writes them, and in Go's words what is wrong with other texts."""

import re
from datetime import UTC, datetime
from functools import lru_cache

from petset.api.schema.errors import TimeError

LAYOUT = "2006-01-02T15:04:05Z07:00"
_PARTS = (
    ("2006", r"\d{4}"),
    ("-", "-"),
    ("01", r"\d\d"),
    ("-", "-"),
    ("02", r"\d\d"),
    ("T", "T"),
    ("15", r"\d\d"),
    (":", ":"),
    ("04", r"\d\d"),
    (":", ":"),
    ("05", r"\d\d"),
    ("", r"(?:\.\d+)?"),
    ("Z07:00", r"Z|[-+]\d\d:\d\d"),
)
_LIMITS = {
    "01": ("month", 1, 12),
    "02": ("day", 1, 31),
    "15": ("hour", 0, 23),
    "04": ("minute", 0, 59),
    "05": ("second", 0, 59),
}


_LONGEST_REMEMBERED = 64


def canonical_time(text: str, *, micro: bool = False) -> str:
    """A time as Kubernetes writes it: in UTC, to the second or to the microsecond.

    Raises:
        TimeError: it is no time by RFC 3339.
    """
    return (_known if len(text) <= _LONGEST_REMEMBERED else _written)(text, micro=micro)


def _written(text: str, *, micro: bool) -> str:
    if not _is_rfc3339(text):
        raise TimeError(_told(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise TimeError(_told(text)) from error
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:  # before the first year, or after the last
        return text
    return moment.isoformat(timespec="microseconds" if micro else "seconds").removesuffix("+00:00") + "Z"


_known = lru_cache(maxsize=4096)(_written)  # all times of a pod are the same few
_is_rfc3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[-+]\d\d:\d\d)", re.ASCII).fullmatch


_ends_far_away = re.compile(r".*[-+](2[4-9]|[3-9]\d):\d\d", re.ASCII).fullmatch


def _told(text: str) -> str:
    head, rest = f'parsing time "{text}"', text
    for name, pattern in _PARTS:
        found = re.match(pattern, rest, re.ASCII)
        if found is None:
            return f'{head} as "{LAYOUT}": cannot parse "{rest}" as "{name}"'
        what, least, most = _LIMITS.get(name, ("", 0, 0))
        if what and not least <= int(found[0]) <= most:
            return f"{head}: {what} out of range"
        rest = rest[found.end() :]
    if rest:
        return f'{head}: extra text: "{rest}"'
    return f"{head}: {'time zone offset hour' if _ends_far_away(text) else 'day'} out of range"
