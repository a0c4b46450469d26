"""OpenAPI v2 in protobuf: every construct that the documents have, by the numbers of gnostic's definitions."""

import json
from typing import Any

import msgspec
import pytest

from petset.apiserver.openapi import OpenApi
from petset.apiserver.openapi_protobuf import to_protobuf
from petset.kinds import CATALOGUE
from tests.unit.api.test_protobuf import field


def pair(name: str, value: bytes) -> bytes:
    return field(1, name) + field(2, value)


def schema(tree: dict[str, Any]) -> bytes:
    """What a definition becomes; the frame around it is checked by the way."""
    whole = to_protobuf(json.dumps({"definitions": {"x": tree}}).encode())
    inner = whole
    for head in (b"\x4a", b"\x0a"):
        assert inner.startswith(head)
        inner = inner[_head(inner) :]
    assert inner.startswith(field(1, "x"))
    inner = inner[len(field(1, "x")) :]
    return inner[_head(inner) :]


def _head(raw: bytes) -> int:
    """The bytes of a field's number and size."""
    at = 1
    while raw[at] > 0x7F:
        at += 1
    return at + 1


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ({"type": "string"}, field(22, field(1, "string"))),
        ({"type": ["string", "null"]}, field(22, field(1, "string")) + field(22, field(1, "null"))),
        ({"format": "int32", "description": "d"}, field(2, "int32") + field(4, "d")),
        ({"$ref": "#/definitions/y"}, field(1, "#/definitions/y")),
        ({"required": ["a", "b"]}, field(19, "a") + field(19, "b")),
        ({"items": {"type": "string"}}, field(23, field(1, field(22, field(1, "string"))))),
        ({"properties": {"a": {"format": "f"}}}, field(25, field(1, pair("a", field(2, "f"))))),
        ({"additionalProperties": {"format": "f"}}, field(21, field(1, field(2, "f")))),
        ({"additionalProperties": True}, field(21, field(2, 1))),
        ({"default": "TCP"}, field(5, field(2, '"TCP"'))),
        ({"maximum": 1.5}, b"\x39\x00\x00\x00\x00\x00\x00\xf8\x3f"),
        ({"maxLength": 300}, field(11, 300)),
        ({"x-kubernetes-list-type": "atomic"}, field(31, pair("x-kubernetes-list-type", field(2, '"atomic"')))),
    ],
)
def test_a_schema(tree: dict[str, Any], expected: bytes) -> None:
    assert schema(tree) == expected


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ({"$ref": "#/parameters/p"}, field(2, field(1, "#/parameters/p"))),
        (
            {"in": "body", "name": "body", "required": True, "schema": {"format": "f"}},
            field(1, field(1, field(3, "body") + field(2, "body") + field(4, 1) + field(5, field(2, "f")))),
        ),
        (
            {"in": "query", "name": "n", "type": "string", "uniqueItems": True},
            field(1, field(2, field(3, field(2, "query") + field(4, "n") + field(6, "string") + field(20, 1)))),
        ),
        (
            {"in": "path", "name": "n", "type": "string"},
            field(1, field(2, field(4, field(2, "path") + field(4, "n") + field(5, "string")))),
        ),
        (
            {"in": "header", "name": "n", "type": "string"},
            field(1, field(2, field(1, field(2, "header") + field(4, "n") + field(5, "string")))),
        ),
    ],
)
def test_a_parameter_and_what_is_around_it(parameter: dict[str, Any], expected: bytes) -> None:
    answer = {"200": {"description": "OK", "schema": {"format": "f"}}}
    item = {"patch": {"parameters": [parameter], "responses": answer, "x-kubernetes-action": "patch"}}
    body = json.dumps({"swagger": "2.0", "info": {"title": "t", "version": "v"}, "paths": {"/p": item}}).encode()
    response = field(1, field(1, "OK") + field(2, field(1, field(2, "f"))))
    operation = field(8, expected) + field(9, field(1, pair("200", response)))
    operation += field(13, pair("x-kubernetes-action", field(2, '"patch"')))
    paths = field(2, pair("/p", field(8, operation)))
    assert to_protobuf(body) == field(1, "2.0") + field(2, field(1, "t") + field(2, "v")) + field(8, paths)


def test_the_whole_document_goes_through() -> None:
    documents = OpenApi(CATALOGUE)
    encoded = documents.v2_in_protobuf.body
    for name in msgspec.json.decode(documents.v2.body)["definitions"]:
        assert name.encode() in encoded
    assert documents.v2_in_protobuf.hash != documents.v2.hash
