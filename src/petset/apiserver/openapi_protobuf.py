"""OpenAPI v2 in protobuf: the one form in which kubectl asks for it, before it says that it does not know a kind. Pure.

The field numbers are those of gnostic's `OpenAPIv2.proto`. What a message has no field for, such as `x-kubernetes-...`,
travels as an extension in YAML, and JSON is YAML.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

MEDIA_TYPES: Final = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
)
"""What clients ask for; the second is what servers answer with, for `@` may not stand in a media type."""

Tree = Mapping[str, Any]
Encoder = Callable[[Any], bytes]
Fields = Mapping[str, tuple[int, Encoder]]


def to_protobuf(document: bytes) -> bytes:
    """An OpenAPI v2 document, given in JSON."""
    return _message(_DOCUMENT, 16)(msgspec.json.decode(document))


# --- the wire ---------------------------------------------------------------------------------------------------------


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _sized(number: int, payload: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _message(fields: Fields, extension: int = 0) -> Encoder:
    """Encodes an object field by field; `extension` is the number for what is not among them."""

    def encode(tree: Tree) -> bytes:
        parts = []
        for key, value in tree.items():
            known = fields.get(key)
            if known is not None:
                number, encoder = known
                parts += [_field(number, encoder, item) for item in (value if isinstance(value, list) else [value])]
            elif extension:
                parts.append(_sized(extension, _sized(1, key.encode()) + _sized(2, _any(value))))
        return b"".join(parts)

    return encode


def _field(number: int, encoder: Encoder, value: Any) -> bytes:
    if encoder is _integer:
        return _varint(number << 3) + _integer(value)
    if encoder is _double:
        return _varint(number << 3 | 1) + _double(value)
    return _sized(number, encoder(value))


def _text(value: str) -> bytes:
    return value.encode()


def _integer(value: int) -> bytes:
    return _varint(int(value))


def _double(value: float) -> bytes:
    return struct.pack("<d", value)


def _any(value: Any) -> bytes:
    return _sized(2, msgspec.json.encode(value))


def _named(number: int, encoder: Encoder) -> Encoder:
    """A map as a list of pairs in one field."""

    def encode(tree: Tree) -> bytes:
        pairs = (_sized(1, key.encode()) + _sized(2, encoder(value)) for key, value in tree.items())
        return b"".join(_sized(number, pair) for pair in pairs)

    return encode


def _inside(number: int, encoder: Encoder) -> Encoder:
    """A message of one field."""
    return lambda value: _sized(number, encoder(value))


# --- messages ---------------------------------------------------------------------------------------------------------


def _schema(tree: Tree) -> bytes:
    return _message(_SCHEMA, 31)(tree)


def _additional(value: Any) -> bytes:
    if isinstance(value, bool):
        return _varint(2 << 3) + _integer(value)
    return _sized(1, _schema(value))


_SCHEMA: Fields = {
    "$ref": (1, _text),
    "format": (2, _text),
    "title": (3, _text),
    "description": (4, _text),
    "default": (5, _any),
    "maximum": (7, _double),
    "minimum": (9, _double),
    "maxLength": (11, _integer),
    "minLength": (12, _integer),
    "pattern": (13, _text),
    "required": (19, _text),
    "enum": (20, _any),
    "additionalProperties": (21, _additional),
    "type": (22, _inside(1, _text)),
    "items": (23, _inside(1, _schema)),
    "allOf": (24, _schema),
    "properties": (25, _named(1, _schema)),
}
_PARAMETER: Fields = {
    "required": (1, _integer),
    "in": (2, _text),
    "description": (3, _text),
    "name": (4, _text),
}
_QUERY: Fields = {**_PARAMETER, "type": (6, _text), "format": (7, _text), "uniqueItems": (20, _integer)}
_PATH: Fields = {**_PARAMETER, "type": (5, _text), "format": (6, _text), "uniqueItems": (19, _integer)}
_BODY: Fields = {
    "description": (1, _text),
    "name": (2, _text),
    "in": (3, _text),
    "required": (4, _integer),
    "schema": (5, _schema),
}


def _parameter(tree: Tree) -> bytes:
    """By place: a reference, a body, or something in the query, the path or a header."""
    if "$ref" in tree:
        return _sized(2, _sized(1, _text(tree["$ref"])))
    if tree["in"] == "body":
        return _sized(1, _sized(1, _message(_BODY, 6)(tree)))
    place, fields, extension = {"query": (3, _QUERY, 23), "path": (4, _PATH, 22), "header": (1, _PATH, 22)}[tree["in"]]
    return _sized(1, _sized(2, _sized(place, _message(fields, extension)(tree))))


_RESPONSE: Fields = {"description": (1, _text), "schema": (2, _inside(1, _schema))}
_OPERATION: Fields = {
    "tags": (1, _text),
    "summary": (2, _text),
    "description": (3, _text),
    "operationId": (5, _text),
    "produces": (6, _text),
    "consumes": (7, _text),
    "parameters": (8, _parameter),
    "responses": (9, _named(1, _inside(1, _message(_RESPONSE, 5)))),
    "schemes": (10, _text),
    "deprecated": (11, _integer),
}
_OPERATION_ENCODER: Final = _message(_OPERATION, 13)
_PATH_ITEM: Fields = {
    **{
        method: (number, _OPERATION_ENCODER)
        for number, method in enumerate(("get", "put", "post", "delete", "options", "head", "patch"), start=2)
    },
    "parameters": (9, _parameter),
}
_DOCUMENT: Fields = {
    "swagger": (1, _text),
    "info": (2, _message({"title": (1, _text), "version": (2, _text), "description": (3, _text)}, 7)),
    "host": (3, _text),
    "basePath": (4, _text),
    "schemes": (5, _text),
    "consumes": (6, _text),
    "produces": (7, _text),
    "paths": (8, _named(2, _message(_PATH_ITEM, 10))),
    "definitions": (9, _named(1, _schema)),
}
