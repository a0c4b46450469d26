"""`metadata.managedFields`: who wrote which fields of an object, and what a write does to that.

Every manager has an entry for each way it writes: by apply, or by everything else ("Update") through one version of
the API and one subresource. The rules are those of apimachinery's `util/managedfields`.
"""

from collections import Counter
from functools import cache
from typing import Any, Final, TypeAlias

import msgspec

from petset.api import fieldpath, types
from petset.api.alike import once_for_text
from petset.api.fieldpath import Fields
from petset.api.patch.fields import compare
from petset.api.patch.trees import Tree, split
from petset.api.schema import Node

Entry: TypeAlias = dict[str, Any]

# Fields that the server sets, or that tell what object this is: nobody's.
_NEVER_TRACKED: Final[Fields] = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {
        fieldpath.ITSELF: {},
        "f:creationTimestamp": {},
        "f:deletionGracePeriodSeconds": {},
        "f:deletionTimestamp": {},
        "f:generation": {},
        "f:managedFields": {},
        "f:name": {},
        "f:namespace": {},
        "f:resourceVersion": {},
        "f:selfLink": {},
        "f:uid": {},
    },
}
# A client that makes up a new name for each of its writes must not make objects grow without end.
_MOST_UPDATERS: Final = 10
_OLDEST: Final = "ancient-changes"
_OPERATIONS: Final = frozenset({"Apply", "Update"})
_NOBODY: Final[list["Entry"]] = [{"fieldsV1": {}}]
"""What clients send for entries who want them all forgotten."""


class Writer(msgspec.Struct, frozen=True):
    """Who writes, through which API version and subresource, and when (RFC 3339, seconds, UTC)."""

    manager: str
    api_version: str
    now: str
    subresource: str = ""

    def entry(self, operation: str, fields: Fields, time: str | None) -> Entry:
        """This writer's entry as it stands in the object."""
        entry: Entry = {"manager": self.manager, "operation": operation, "apiVersion": self.api_version}
        if time is not None:
            entry["time"] = time
        entry |= {"fieldsType": "FieldsV1", "fieldsV1": fields}
        if self.subresource:
            entry["subresource"] = self.subresource
        return entry

    def wrote(self, entry: Entry, operation: str) -> bool:
        """Whether an entry is this writer's own; an applier keeps its entry when it changes the API version."""
        return (
            entry.get("manager") == self.manager
            and entry.get("operation") == operation
            and (operation == "Apply" or entry.get("apiVersion") == self.api_version)
            and (entry.get("subresource") or "") == self.subresource
        )


def track_update(old: Tree | None, new: Tree, schema: Node, writer: Writer) -> list[Entry]:
    """The `managedFields` of an object after a write that is no apply; `old` is None for a create.

    It starts from the entries that the client sends, or from the object's own when it sends none that are sound, or
    writes through a subresource. What the write changed becomes the writer's and is no longer anybody else's; what it
    removed is nobody's. The entry's time moves when the write changed anything.

    Costs a comparison of the trees in C plus a walk of what differs. The trees are only read; what is the same in both
    may be left out of both.
    """
    sent = [] if writer.subresource else entries_of(new)
    if sent == _NOBODY:  # it does not become the writer's then either
        return []
    known = entries_of(old) if old is not None else []
    entries = known if sent == known else sound(sent) or known
    changed, removed = compare(_blank(schema.type) if old is None else old, new, schema)
    changed, removed = tracked(changed), removed if old is not None else {}
    if not changed and not removed:
        return entries
    own = next((entry for entry in entries if writer.wrote(entry, "Update")), None)
    others = [entry for entry in entries if entry is not own]
    result = without(others, changed, removed)
    fields = fieldpath.union(fieldpath.difference(own["fieldsV1"], removed) if own else {}, changed)
    if fields:
        time = writer.now if changed or own is None else own.get("time")
        result.append(writer.entry("Update", fields, time))
    return in_order(_capped(result))


def track_create(text: bytes, schema: Node, writer: Writer, left_out: str = "") -> list[Entry]:
    """The same for a new object that has no entries, as its JSON text. One field may be left out: it is nobody's.

    What is found of one text holds for all objects that have it, so the text is best without what only names this one.
    """
    fields = _fields_of_new(text, schema, left_out)
    return [writer.entry("Update", fields, writer.now)] if fields else []


@once_for_text
def _fields_of_new(text: bytes, schema: Node, left_out: str) -> Fields:
    changed: Fields = {}
    for name, value in split(text).items():
        if name != left_out:
            changed |= _fields_of_text(bytes(value), name, schema)
    return tracked(fieldpath.in_order(changed))


@once_for_text
def _fields_of_text(text: bytes, name: str, schema: Node) -> Fields:
    blank = _blank(schema.type)
    known = {name: blank[name]} if name in blank else {}
    return compare(known, {name: msgspec.json.decode(text)}, schema)[0]


@cache
def _blank(type_name: str) -> Tree:
    """What Go writes of an empty object, so that nobody is its author: structs and times that are no pointers."""
    tree: Tree = msgspec.to_builtins(getattr(types, type_name)())
    return tree


def entries_of(tree: Tree) -> list[Entry]:
    """The entries as they stand in an object, each with `fieldsV1`."""
    entries = (tree.get("metadata") or {}).get("managedFields") or []
    return [entry if entry.get("fieldsV1") else {**entry, "fieldsV1": {}} for entry in entries]


def sound(entries: list[Entry]) -> list[Entry]:
    """What counts of a client's entries: of several of one manager the last; nothing when one of them is none."""
    found: dict[tuple[Any, ...], Entry] = {}
    for entry in entries:
        operation, version = entry.get("operation"), entry.get("apiVersion")
        if operation not in _OPERATIONS or not version or entry.get("fieldsType") != "FieldsV1":
            return []
        if not fieldpath.is_readable(entry["fieldsV1"]):
            return []
        identity = entry.get("manager"), operation, operation == "Apply" or version, entry.get("subresource") or ""
        found[identity] = entry
    return entries if len(found) == len(entries) else in_order(list(found.values()))


def tracked(fields: Fields) -> Fields:
    """Without the fields that are never anybody's."""
    return fieldpath.difference(fields, _NEVER_TRACKED)


def without(entries: list[Entry], *taken: Fields) -> list[Entry]:
    """The entries after others have taken fields from them; an entry left with nothing is gone."""
    result = []
    for entry in entries:
        fields = entry["fieldsV1"]
        for gone in taken:
            fields = fieldpath.difference(fields, gone)
        if fields is entry["fieldsV1"]:
            result.append(entry)
        elif fields:
            result.append({**entry, "fieldsV1": fields})
    return result


def in_order(entries: list[Entry]) -> list[Entry]:
    """Appliers first, then by time, name, version and subresource."""
    return sorted(
        entries,
        key=lambda e: tuple(e.get(key) or "" for key in ("operation", "time", "manager", "apiVersion", "subresource")),
    )


def _capped(entries: list[Entry]) -> list[Entry]:
    """Folds the oldest updaters of one API version into one until there are few enough."""
    if len(entries) <= _MOST_UPDATERS:
        return entries
    updaters = [entry for entry in in_order(entries) if entry.get("operation") == "Update"]
    surplus = len(updaters) - _MOST_UPDATERS
    if surplus <= 0:
        return entries
    version = Counter(entry.get("apiVersion", "") for entry in updaters).most_common(1)[0][0]
    alike = [entry for entry in updaters if entry.get("apiVersion") == version]
    folded = sorted(alike, key=lambda entry: entry.get("manager") != _OLDEST)[: surplus + 1]
    fields: Fields = {}
    for entry in folded:
        fields = fieldpath.union(fields, entry["fieldsV1"])
    rest = [entry for entry in entries if not any(entry is one for one in folded)]
    return [*rest, Writer(_OLDEST, version, "").entry("Update", fields, folded[-1].get("time"))]
