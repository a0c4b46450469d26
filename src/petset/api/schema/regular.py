"""Specs and objects that are read as they are written: no field is unknown or repeated, none has another normal form.

Programs write the same spec again and again, under different names. What was found out about the text of one holds
for all, so that a body costs what its metadata cost. That nothing else was overlooked shows in the number of keys: a
text that has as many as it takes to write what was read of it has no other ones.
"""

import re
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from petset.api import types
from petset.api.alike import LONGEST_REMEMBERED, once_for_text
from petset.api.schema.node import object_node
from petset.api.schema.normal_form import NOT_NORMAL, normalise, unset_zeros
from petset.api.schema.strict import problems
from petset.api.types import Object, ObjectMeta, OwnerReference, Struct

T = TypeVar("T", bound=Object)

_FIELDS = {"api_version", "kind", "metadata", "spec", "status"}
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, *NOT_NORMAL)
_KEY_END = b'":'
"""Strings have it as often in every text of the same value, unless the text hides it."""
_EMPTY = b"{}"
_KEYS_OF_PARTS = {b"": 4}
_WITH_STATUS = {**_KEYS_OF_PARTS, _EMPTY: 5}
"""How many keys an object has itself, by the text of its status; of a kind that has one."""
_hides_keys = re.compile(rb'\\u|"[ \t\r\n]+:').search

_encode = msgspec.json.Encoder().encode


class _Spec(msgspec.Struct):
    spec: msgspec.Raw = msgspec.Raw()


class _Parts(msgspec.Struct, rename="camel"):
    """All that a regular object has."""

    api_version: str
    kind: str
    metadata: msgspec.Raw
    spec: msgspec.Raw
    status: msgspec.Raw = msgspec.Raw()


_read_spec = msgspec.json.Decoder(_Spec).decode
_read_parts = msgspec.json.Decoder(_Parts).decode
_read_metadata = msgspec.json.Decoder(ObjectMeta).decode
_with_other_forms: Callable[[ObjectMeta], tuple[Any, ...]] = attrgetter(
    "creation_timestamp",
    "deletion_grace_period_seconds",
    "deletion_timestamp",
    "generation",
    "managed_fields",
    "owner_references",
)
_NONE_OF_THESE = _with_other_forms(ObjectMeta())


def read_regular(raw: bytes, type_: type[T], group_version: str) -> T | None:
    """The object of a JSON text that says it is a `type_` in that version; None unless all of it is regular.

    None means only that somebody has to look.
    """
    spec_type = _spec_of(type_)
    if spec_type is None or len(raw) > LONGEST_REMEMBERED:
        return None
    try:
        parts = _read_parts(raw)
        spec = bytes(parts.spec)
        keys_of_spec = _keys_of_spec(spec, spec_type)
        known = _WITH_STATUS if "status" in type_.__struct_fields__ else _KEYS_OF_PARTS
        keys_of_parts = known.get(bytes(parts.status))
        if not (keys_of_spec and keys_of_parts) or (parts.kind, parts.api_version) != (type_.__name__, group_version):
            return None
        meta = _read_metadata(parts.metadata)
        keys = keys_of_parts + keys_of_spec + _keys_of_metadata(meta)
    except _UNREADABLE:
        return None
    if raw.count(_KEY_END) != keys or _hides_keys(raw.replace(spec, b"")):
        return None
    make: Callable[..., T] = type_
    return make(metadata=meta, spec=_reader(spec_type)(spec))


def without_regular_spec(raw: bytes, type_: type[Struct]) -> tuple[bytes, Struct] | None:
    """A JSON text with an empty spec in the place of its own, and that; None unless it is regular.

    What the text has wrong is wrong in the shorter one, too, unless it is no JSON at all.
    """
    spec_type = _spec_of(type_)
    if spec_type is None:
        return None
    try:
        spec = bytes(_read_spec(raw).spec)
    except _UNREADABLE:
        return None
    if len(spec) > LONGEST_REMEMBERED or raw.count(spec) != 1 or not _keys_of_spec(spec, spec_type):
        return None
    return raw.replace(spec, _EMPTY), _reader(spec_type)(spec)


@cache
def _spec_of(type_: type[Struct]) -> type[Struct] | None:
    """The type of the spec of objects that have no more than one and a status beside their metadata."""
    if not set(type_.__struct_fields__) <= _FIELDS:
        return None
    node = object_node(type_.__name__).field("spec")
    found: type[Struct] | None = getattr(types, node.type) if node is not None and node.kind == "object" else None
    return found


@cache
def _reader(type_: type[Struct]) -> Callable[[bytes], Struct]:
    return msgspec.json.Decoder(type_).decode


@once_for_text
def _keys_of_spec(text: bytes, type_: type[Struct]) -> int:
    """How many keys the text of a regular spec has; 0 when it is not regular, or empty."""
    try:
        spec = msgspec.json.decode(text, type=type_)
        written = _encode(spec)
        unset_zeros(spec)
        normalise(spec)
        tree = msgspec.json.decode(text)
    except _UNREADABLE:
        return 0
    if _encode(spec) != written or problems(text, tree, object_node(type_.__name__)):
        return 0
    return text.count(_KEY_END)


def _keys_of_metadata(meta: ObjectMeta) -> int:
    """How many keys their text has when they are regular; they get their normal form."""
    if _with_other_forms(meta) != _NONE_OF_THESE:
        unset_zeros(meta)
        normalise(meta)
    # of an owner some fields are written also when they were not read
    return _encode(meta).count(_KEY_END) - sum(map(_missing_in, meta.owner_references))


def _missing_in(owner: OwnerReference) -> int:
    return (owner.api_version, owner.kind, owner.name, owner.uid).count("")
