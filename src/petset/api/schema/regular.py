"""Specs that are read as they are written: no field of them is unknown or given twice, none has another normal form.

Programs write the same spec again and again, under different names. What was found out about the text of one holds
for all, so that a body costs what its metadata cost.
"""

from functools import cache

import msgspec

from petset.api import types
from petset.api.alike import once_for_text
from petset.api.schema.node import object_node
from petset.api.schema.normal_form import NOT_NORMAL, normalise, unset_zeros
from petset.api.schema.strict import problems
from petset.api.types import Struct

PARTS = ("metadata", "status")
"""What an object may have beside its spec."""

_FIELDS = {"api_version", "kind", "spec", *PARTS}
_EMPTY = b"{}"


class _WithSpec(msgspec.Struct):
    spec: msgspec.Raw = msgspec.Raw()


_read = msgspec.json.Decoder(_WithSpec).decode
_encode = msgspec.json.Encoder().encode


def without_regular_spec(raw: bytes, type_: type[Struct]) -> bytes | None:
    """A JSON text with an empty spec in the place of its own; None unless that is regular.

    What the text has wrong is wrong in the shorter one, too, unless it is no JSON at all.
    """
    kind = _spec_of(type_)
    if kind is None:
        return None
    try:
        spec = bytes(_read(raw).spec)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not spec.startswith(b'{"') or raw.count(spec) != 1 or not _is_regular(spec, kind):
        return None
    return raw.replace(spec, _EMPTY)


@cache
def _spec_of(type_: type[Struct]) -> type[Struct] | None:
    """The type of the spec of objects that have nothing else to bring into a form."""
    if not set(type_.__struct_fields__) <= _FIELDS:
        return None
    node = object_node(type_.__name__).field("spec")
    found: type[Struct] | None = getattr(types, node.type) if node is not None and node.kind == "object" else None
    return found


@once_for_text
def _is_regular(text: bytes, type_: type[Struct]) -> bool:
    try:
        spec = msgspec.json.decode(text, type=type_)
        written = _encode(spec)
        unset_zeros(spec)
        normalise(spec)
        tree = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, *NOT_NORMAL):
        return False
    if _encode(spec) != written:
        return False
    return not problems(text, tree, object_node(type_.__name__))
