"""The field sets of managedFields, one copy of each that recurs.

Whoever writes a thousand pods owns the same fields of each. As dictionaries they are a third of a pod in memory, and
what the search for garbage looks at most.
"""

from collections import OrderedDict
from typing import Any

import msgspec

from petset.api.types import ManagedFieldsEntry

MOST = 512
"""Different sets that are remembered; what recurs does so soon."""

_encode = msgspec.json.Encoder().encode


class FieldSets:
    """The copies that everybody shares. Nobody may change one."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sets: OrderedDict[bytes, dict[str, Any]] = OrderedDict()
        self._shared: set[int] = set()
        """The identities of these copies."""

    def share(self, entries: list[ManagedFieldsEntry]) -> None:
        """Puts the shared copy of its fields into each entry."""
        for entry in entries:
            if entry.fields_v1 and id(entry.fields_v1) not in self._shared:
                entry.fields_v1 = self._copy_of(entry.fields_v1)

    def _copy_of(self, fields: dict[str, Any]) -> dict[str, Any]:
        key = _encode(fields)
        known = self._sets.get(key)
        if known is None:
            self._sets[key] = fields
            self._shared.add(id(fields))
            if len(self._sets) > self._most:
                self._shared.remove(id(self._sets.popitem(last=False)[1]))
            return fields
        self._sets.move_to_end(key)
        return known
