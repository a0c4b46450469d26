"""Kubernetes' protobuf bodies to JSON trees. Pure; nothing is written, for the server always answers in JSON.

Go clients send built-in kinds in protobuf unless told otherwise. A body is four magic bytes and a `runtime.Unknown`
message that names the kind and holds the object's own message. The numbers of the fields are in `protobuf_fields.json`.
"""

import base64
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

MEDIA_TYPE: Final = "application/vnd.kubernetes.protobuf"
MAGIC: Final = b"k8s\x00"

_META = "k8s.io.apimachinery.pkg.apis.meta.v1."
_INLINED = frozenset(
    {
        "ephemeralContainerCommon",
        "handler",
        "ingressRuleValue",
        "localObjectReference",
        "persistentVolumeSource",
        "volumeSource",
    }
)
"""Go embeds these structs: in JSON their fields stand in the outer object."""

_MARKS = 2
"""Bytes that at least stand before a value: which field it is of, and its length."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_SIGN_BIT, _WORD = 1 << 63, 1 << 64

Field = tuple[str, str, str]
"""JSON name, type, label."""


class ProtobufError(ValueError):
    """The bytes are no protobuf of a kind that is served; the message says what is wrong."""


class _Table(msgspec.Struct):
    kinds: dict[str, str]
    messages: dict[str, dict[int, Field]]


@cache
def _table() -> _Table:
    return msgspec.json.decode(files("petset.api").joinpath("protobuf_fields.json").read_bytes(), type=_Table)


def to_tree(body: bytes) -> dict[str, Any]:
    """The JSON tree of a body, with apiVersion and kind. Raises ProtobufError."""
    if not body.startswith(MAGIC):
        raise ProtobufError("the body does not begin with the magic bytes of Kubernetes' protobuf")
    unknown = dict(_fields(memoryview(body)[len(MAGIC) :]))
    meta = dict(_fields(_as_bytes(unknown.get(1, b""))))
    api_version, kind = _text(meta.get(1, b"")), _text(meta.get(2, b""))
    kinds = _table().kinds
    message = kinds.get(f"{api_version} {kind}") or kinds.get(kind)
    if message is None:
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    return {"apiVersion": api_version, "kind": kind, **_message(_as_bytes(unknown.get(2, b"")), message)}


def size_of(tree: dict[str, Any]) -> int:
    """Bytes that an object takes in protobuf, or somewhat fewer: what is said of the length of values is not counted.

    Of a kind that is not known, its bytes in JSON.
    """
    api_version, kind = tree.get("apiVersion", ""), tree.get("kind", "")
    return _size(tree, _table().kinds.get(f"{api_version} {kind}", ""))


def _size(value: Any, type_: str) -> int:
    if isinstance(value, str):
        return len(value) * 3 // 4 if type_ == "bytes" else len(value.encode())
    if not isinstance(value, dict):
        return 1
    fields = None if type_ in _SPECIAL else _table().messages.get(type_)
    if fields is None:
        return len(msgspec.json.encode(value))
    return sum(_field_size(value, field) for field in fields.values())


def _field_size(tree: dict[str, Any], field: Field) -> int:
    json_name, type_, label = field
    if json_name in _INLINED:
        return _size(tree, type_)
    value = tree.get(json_name)
    if value is None:
        return 0
    if label == "map":
        item_type = _item_type(type_)
        return sum(_MARKS + len(key.encode()) + _size(item, item_type) for key, item in value.items())
    values = value if label == "repeated" else [value]
    return sum(_MARKS + _size(item, type_) for item in values)


# --- the wire ---------------------------------------------------------------------------------------------------------


def _fields(raw: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: number and value, in the order of the wire."""
    at = 0
    while at < len(raw):
        key, at = _varint(raw, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == _BYTES:
            size, at = _varint(raw, at)
        elif wire in (_FIXED32, _FIXED64):
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ProtobufError(f"field {number} has the unknown wire type {wire}")
        if at + size > len(raw):
            raise ProtobufError(f"field {number} is longer than its message")
        yield number, raw[at : at + size]
        at += size


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw) and shift < 70:
        byte = raw[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value % _WORD, at
        shift += 7
    raise ProtobufError("a number does not end")


def _as_bytes(value: int | memoryview | bytes) -> memoryview:
    if isinstance(value, int):
        raise ProtobufError("a number stands where bytes are expected")
    return memoryview(value)


def _text(value: int | memoryview | bytes) -> str:
    try:
        return str(_as_bytes(value), "utf-8")
    except UnicodeDecodeError as error:
        raise ProtobufError("a text is not UTF-8") from error


def _number(value: int | memoryview) -> int:
    if not isinstance(value, int):
        raise ProtobufError("bytes stand where a number is expected")
    return value - _WORD if value & _SIGN_BIT else value


# --- messages ---------------------------------------------------------------------------------------------------------


def _message(raw: memoryview, name: str) -> dict[str, Any]:
    known = _table().messages[name]
    tree: dict[str, Any] = {}
    for number, value in _fields(raw):
        if number not in known:
            continue
        json_name, type_, label = known[number]
        if json_name in _INLINED:
            tree.update(_message(_as_bytes(value), type_))
        elif label == "map":
            key, item = _entry(_as_bytes(value), type_)
            tree.setdefault(json_name, {})[key] = item
        elif label == "repeated":
            tree.setdefault(json_name, []).append(_value(value, type_))
        else:
            tree[json_name] = _value(value, type_)
    return tree


def _entry(raw: memoryview, type_: str) -> tuple[str, Any]:
    """One pair of a map; `type_` is `map<string,X>`."""
    pair = dict(_fields(raw))
    return _text(pair.get(1, b"")), _value(pair.get(2, memoryview(b"")), _item_type(type_))


def _item_type(type_: str) -> str:
    return type_.split(",", 1)[1].rstrip(">")


def _value(value: int | memoryview, type_: str) -> Any:
    special = _SPECIAL.get(type_)
    return special(value) if special is not None else _message(_as_bytes(value), type_)


def _time(value: int | memoryview) -> str | None:
    """Zero seconds are Go's way of saying that there is no time."""
    parts = dict(_fields(_as_bytes(value)))
    seconds = _number(parts.get(1, 0))
    return f"{_moment(seconds)}Z" if seconds else None


def _micro_time(value: int | memoryview) -> str | None:
    parts = dict(_fields(_as_bytes(value)))
    seconds, nanos = _number(parts.get(1, 0)), _number(parts.get(2, 0))
    if not seconds and not nanos:
        return None
    return f"{_moment(seconds)}.{nanos // 1000:06d}Z"


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().removesuffix("+00:00")
    except (ValueError, OverflowError, OSError) as error:
        raise ProtobufError(f"a time cannot be read: {error}") from error


def _quantity(value: int | memoryview) -> str:
    return _text(dict(_fields(_as_bytes(value))).get(1, b""))


def _int_or_string(value: int | memoryview) -> int | str:
    parts = dict(_fields(_as_bytes(value)))
    return _text(parts.get(3, b"")) if parts.get(1) else _number(parts.get(2, 0))


def _json(value: int | memoryview) -> Any:
    """Raw JSON inside a message: RawExtension and FieldsV1."""
    raw = _as_bytes(dict(_fields(_as_bytes(value))).get(1, b""))
    try:
        return msgspec.json.decode(raw) if raw else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtobufError(f"embedded JSON cannot be read: {error}") from error


def _items(value: int | memoryview) -> list[str]:
    return [_text(item) for number, item in _fields(_as_bytes(value)) if number == 1]


def _base64(value: int | memoryview) -> str:
    return base64.b64encode(_as_bytes(value)).decode()


def _truth(value: int | memoryview) -> bool:
    return bool(_number(value))


_SPECIAL: Final[dict[str, Callable[[int | memoryview], Any]]] = {
    "string": _text,
    "bytes": _base64,
    "bool": _truth,
    "int32": _number,
    "int64": _number,
    f"{_META}Time": _time,
    f"{_META}MicroTime": _micro_time,
    f"{_META}FieldsV1": _json,
    "k8s.io.apimachinery.pkg.api.resource.Quantity": _quantity,
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _json,
    "k8s.io.apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
    "k8s.io.api.authentication.v1.ExtraValue": _items,
}
