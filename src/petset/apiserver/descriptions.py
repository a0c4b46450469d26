"""What `kubectl explain` says of types and fields.

Our own words stand in `openapi_descriptions.txt`; a field without a line there is described by its type and default.
"""

from collections.abc import Mapping
from importlib import resources as package_files
from typing import Any

import msgspec

Tree = dict[str, Any]

_ANY_TYPE = "*"
_REFERENCE = "#/definitions/"


def texts() -> dict[str, str]:
    """Our words by `Type` or `Type.field`."""
    source = (package_files.files("petset.apiserver") / "openapi_descriptions.txt").read_text(encoding="utf-8")
    lines = (line for line in source.splitlines() if line and not line.startswith("#"))
    return {place: text for place, _, text in (line.partition(": ") for line in lines)}


def described(definitions: Mapping[str, Tree]) -> dict[str, Tree]:
    """The definitions with a description of every type we have words for, and of every field."""
    known = texts()
    return {name: _described_type(short_name(name), tree, known) for name, tree in definitions.items()}


def short_name(definition: str) -> str:
    """The last part of a definition's name: that of the type."""
    return definition.rpartition(".")[2]


def _described_type(name: str, tree: Tree, known: Mapping[str, str]) -> Tree:
    tree = dict(tree)
    if text := known.get(name):
        tree["description"] = text
    if fields := tree.get("properties"):
        tree["properties"] = {
            field: {"description": _field_text(name, field, schema, known), **schema}
            for field, schema in fields.items()
        }
    return tree


def _field_text(type_: str, field: str, schema: Tree, known: Mapping[str, str]) -> str:
    text = known.get(f"{type_}.{field}") or known.get(f"{_ANY_TYPE}.{field}")
    if text is None:
        text = f"{_type_text(schema)}."
    if "default" in schema:
        text += f" Default: {msgspec.json.encode(schema['default']).decode()}."
    return text


def _type_text(schema: Tree) -> str:
    if reference := schema.get("$ref"):
        return f"Of type {short_name(reference.removeprefix(_REFERENCE))}"
    if "items" in schema:
        return f"List: {_item_text(schema['items'])}"
    if "additionalProperties" in schema:
        return f"By key: {_item_text(schema['additionalProperties'])}"
    return f"Of type {schema.get('type', 'any')}"


def _item_text(schema: Tree) -> str:
    text = _type_text(schema)
    return text[0].lower() + text[1:]
