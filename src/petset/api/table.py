"""Server-side printing: the columns of a kind, and the meta/v1 Table that kubectl shows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from petset.api.types import Object

T = TypeVar("T", bound=Object)

Cell = str | int | None
IncludeObject = Literal["None", "Metadata", "Object"]


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column. `priority` 0 is always shown, 1 only with `-o wide`. `cell` gets the object and the present."""

    name: str
    cell: Callable[[T, datetime], Cell]
    type: Literal["string", "integer", "date", "boolean"] = "string"
    format: str = ""
    priority: int = 0

    def definition(self) -> dict[str, Any]:
        """The column's entry in `columnDefinitions`."""
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": "",
            "priority": self.priority,
        }


def definitions(columns: Sequence[Column[T]]) -> list[dict[str, Any]]:
    """The `columnDefinitions` of a Table."""
    return [column.definition() for column in columns]


def row(columns: Sequence[Column[T]], obj: T, shown: Any, now: datetime) -> dict[str, Any]:
    """One row; `shown` is what the client asked to have as `object` (partial metadata, the object, or None)."""
    cells = [column.cell(obj, now) for column in columns]
    return {"cells": cells, "object": shown}


def table(header: list[dict[str, Any]] | None, rows: list[dict[str, Any]], meta: dict[str, Any]) -> dict[str, Any]:
    """The whole Table, or, without a header, what goes on with another; `meta` is the list's metadata."""
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": meta,
        "columnDefinitions": header,
        "rows": rows,
    }


def age(since: str | None, now: datetime) -> str:
    """How long ago `since` (RFC 3339) was, in kubectl's short form (apimachinery `duration.HumanDuration`)."""
    if not since:
        return "<unknown>"
    return human_duration(int((now - datetime.fromisoformat(since)).total_seconds()))


_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def human_duration(seconds: int) -> str:
    """`17s`, `2m3s`, `5h12m`, `3d4h`, `2y30d`: two units while the number is small, one when it is large."""
    if seconds < 0:
        return "<invalid>" if seconds < -1 else "0s"
    steps = (
        (2 * _MINUTE, "s", 1, "", 1),
        (10 * _MINUTE, "m", _MINUTE, "s", 1),
        (3 * _HOUR, "m", _MINUTE, "", 1),
        (8 * _HOUR, "h", _HOUR, "m", _MINUTE),
        (2 * _DAY, "h", _HOUR, "", 1),
        (8 * _DAY, "d", _DAY, "h", _HOUR),
        (2 * _YEAR, "d", _DAY, "", 1),
        (8 * _YEAR, "y", _YEAR, "d", _DAY),
    )
    for limit, unit, size, small_unit, small_size in steps:
        if seconds < limit:
            whole, rest = divmod(seconds, size)
            small = rest // small_size if small_unit else 0
            return f"{whole}{unit}{small}{small_unit}" if small else f"{whole}{unit}"
    return f"{seconds // _YEAR}y"
