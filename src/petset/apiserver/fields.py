"""The selectable fields of a record, in little memory: there are as many of these as records.

Only the values belong to a record; their names are shared by all records of a kind, and so are values that recur.
"""

from collections.abc import Iterator, Mapping
from sys import intern

_places: dict[tuple[str, ...], dict[str, int]] = {}


class Fields(Mapping[str, str]):
    """A mapping that cannot be changed."""

    __slots__ = ("_place", "_values")

    def __init__(self, fields: Mapping[str, str]) -> None:
        names = tuple(fields)
        place = _places.get(names)
        if place is None:
            place = _places[names] = {name: number for number, name in enumerate(names)}
        self._place = place
        self._values = tuple(map(intern, fields.values()))

    def __getitem__(self, name: str) -> str:
        return self._values[self._place[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self))
