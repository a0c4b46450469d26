"""The forms of an answer: the object itself, a Table for people, or its metadata alone.

The plain form of an object is its stored bytes, and of a list those bytes joined; nothing is decoded for either.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import msgspec

from petset.api import table
from petset.api.resources import Resource
from petset.api.table import IncludeObject
from petset.apiserver.registry import Registry
from petset.apiserver.request import Answer, Listing
from petset.apiserver.watch import WatchChange, frame
from petset.store.interface import Record

FormName = Literal["Object", "Table", "PartialObjectMetadata"]


@dataclass(frozen=True, slots=True)
class Form:
    """What `Accept` asked for. `version` is that of meta.k8s.io, `include` what each row of a Table carries.

    `header`: a Table tells its columns, as all do but the later ones of a watch.
    """

    name: FormName = "Object"
    version: str = "v1"
    include: IncludeObject = "Metadata"
    header: bool = True

    def later(self) -> "Form":
        """The form of what follows in a watch."""
        return replace(self, header=False) if self.name == "Table" and self.header else self


PLAIN = Form()
PIECE = 128 * 1024
"""Bytes of a large body that are put together at a time."""


class _Metadata(msgspec.Struct):
    metadata: msgspec.Raw


_read_metadata = msgspec.json.Decoder(_Metadata).decode


def object_bytes(registry: Registry, answer: Answer, form: Form = PLAIN) -> bytes:
    """The body of an answer about one object. What is no resource (a Status, a Scale) has only its plain form."""
    if form.name == "Object" or answer.resource is None:
        return answer.record.value
    return _transformed(registry, answer.resource, answer.record, form)


@dataclass(frozen=True, slots=True)
class ListBody:
    """The body of an answer to a list, in pieces: whole it may be larger than anything else in the process.

    Of every item the first `omitted` bytes are left out for a brace.
    """

    head: bytes
    items: Sequence[bytes] = ()
    tail: bytes = b""
    omitted: int = 0

    @property
    def size(self) -> int:
        """Bytes of it all."""
        count = len(self.items)
        less = (self.omitted - 1) * count if self.omitted else 0
        return len(self.head) + sum(map(len, self.items)) - less + max(0, count - 1) + len(self.tail)

    def pieces(self) -> Iterator[bytes]:
        """The body in order, put together some 128 KiB at a time when its items are of about one size."""
        items, omitted = self.items, self.omitted
        opening, between = (b"{", b",{") if omitted else (b"", b",")
        count = max(1, len(items) * PIECE // self.size)
        begin = self.head + opening
        for first in range(0, len(items), count):
            some = items[first : first + count]
            yield begin + between.join([item[omitted:] for item in some] if omitted else some)
            begin = between
        yield self.tail if items else self.head + self.tail


def list_body(registry: Registry, listing: Listing, form: Form = PLAIN) -> ListBody:
    """The body of an answer to a list."""
    resource, meta = listing.resource, list_metadata(listing)
    if form.name == "Table":
        return ListBody(_table(registry, resource, listing.records, meta, form))
    if form.name == "PartialObjectMetadata":
        head = _list_head("PartialObjectMetadataList", f"meta.k8s.io/{form.version}", meta)
        return ListBody(head, [_partial(record, form) for record in listing.records], b"]}")
    head = _list_head(f"{resource.kind}List", resource.group_version, meta)
    items = [record.value for record in listing.records]
    # the list tells the kind for all of them
    told = b'{"apiVersion":"%b","kind":"%b",' % (resource.group_version.encode(), resource.kind.encode())
    omitted = len(told) if all(item.startswith(told) for item in items) else 0
    return ListBody(head, items, b"]}", omitted)


def change_bytes(registry: Registry, resource: Resource[Any], change: WatchChange, form: Form = PLAIN) -> bytes:
    """One line of a watch. What has to be computed for it is computed once for all watchers who want the same form."""
    if form.name == "Object":
        return frame(change)
    key = f"{change.type} {form.name} {form.version} {form.include} {form.header}"
    found = change.frames.get(key)
    if found is None:
        body = _transformed(registry, resource, change.record, form)
        found = change.frames[key] = b'{"type":"%b","object":%b}\n' % (change.type.encode(), body)
    return found


def list_metadata(listing: Listing) -> dict[str, Any]:
    """The `metadata` of a list."""
    meta: dict[str, Any] = {"resourceVersion": str(listing.revision)}
    if listing.continue_:
        meta["continue"] = listing.continue_
    if listing.remaining is not None:
        meta["remainingItemCount"] = listing.remaining
    return meta


def _list_head(kind: str, group_version: str, meta: dict[str, Any]) -> bytes:
    shown = msgspec.json.encode(meta)
    return b'{"kind":"%b","apiVersion":"%b","metadata":%b,"items":[' % (kind.encode(), group_version.encode(), shown)


def _transformed(registry: Registry, resource: Resource[Any], record: Record, form: Form) -> bytes:
    if form.name == "PartialObjectMetadata":
        return _partial(record, form)
    return _table(registry, resource, [record], {"resourceVersion": str(record.revision)}, form)


def _partial(record: Record, form: Form) -> bytes:
    metadata = bytes(_read_metadata(record.value).metadata)
    head = b'{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/%b","metadata":' % form.version.encode()
    return head + metadata + b"}"


def _table(
    registry: Registry, resource: Resource[Any], records: Sequence[Record], meta: dict[str, Any], form: Form
) -> bytes:
    now = registry.clock.now()
    rows = [
        table.row(resource.columns, registry.parse(resource, record.value), _shown(record, form), now)
        for record in records
    ]
    tree = table.table(table.definitions(resource.columns) if form.header else None, rows, meta)
    tree["apiVersion"] = f"meta.k8s.io/{form.version}"
    return msgspec.json.encode(tree)


def _shown(record: Record, form: Form) -> msgspec.Raw | None:
    if form.include == "None":
        return None
    return msgspec.Raw(record.value if form.include == "Object" else _partial(record, form))
