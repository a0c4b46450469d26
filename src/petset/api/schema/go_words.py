"""What Go says of a value that does not fit: encoding/json, or apimachinery's converter, which reads trees.

Clients read these words, and tools match on them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from petset.api.schema.go_names import EMBEDDED, GO_TYPES
from petset.api.schema.node import Node

LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1}
_SCALARS = {
    "string": "string",
    "byte": "[]uint8",
    "boolean": "bool",
    "int32": "int32",
    "int64": "int64",
    "date-time": "string",
    "micro-time": "string",
    "int-or-string": "int32",
}


class GoPlace(NamedTuple):
    """A position: its path with the names of embedded structs, the struct that has its last field, and that field."""

    path: str = ""
    struct: str = ""
    field: str = ""
    is_item: bool = False

    def of_field(self, struct: str, name: str) -> "GoPlace":
        """The position of a field."""
        embedded, fields = EMBEDDED.get(struct, ("", frozenset()))
        go_name = f"{embedded}.{name}" if name in fields else name
        return GoPlace(f"{self.path}.{go_name}".lstrip("."), struct, name)

    def of_item(self) -> "GoPlace":
        """The position of an item of a list, or of a value of a map: paths name the whole only."""
        return self._replace(is_item=True)

    def type_of(self, node: Node) -> str:
        """The type of what belongs here."""
        known = GO_TYPES.get(f"{self.struct}.{self.field}", "")
        return (known.partition("]")[2] if self.is_item else known) or _type_of(node)


Told = Callable[[Any, Node, GoPlace], str]
"""The words for a value that does not fit where it stands."""


def go_kind(value: Any) -> str:
    """What kind of JSON value it is, as encoding/json says it."""
    return {bool: "bool", str: "string", list: "array", dict: "object", type(None): "null"}.get(type(value), "number")


def unmarshalled(value: Any, node: Node, place: GoPlace) -> str:
    """As encoding/json says it."""
    target = f"Go struct field {place.struct}.{place.path} of type" if place.path else "Go value of type"
    found = go_kind(value)
    if found == "number" and (node.type in LARGEST or node.type == "int-or-string"):
        found = f"number {value}"
    return f"json: cannot unmarshal {found} into {target} {place.type_of(node)}"


def restored(value: Any, node: Node, place: GoPlace) -> str:
    """As apimachinery's `DefaultUnstructuredConverter` says it of what a strategic merge patch makes."""
    kinds = {bool: "bool", str: "string", list: "slice", dict: "map", int: "int64", float: "float64"}
    found = kinds.get(type(value), "invalid")
    if node.type == "int-or-string":
        return unmarshalled(value, node, GoPlace())
    match node.kind:
        case "map":
            return f"cannot restore map from {found}"
        case "list":
            return f"cannot restore slice from {found}"
        case "object":
            return f"cannot restore struct from: {found}"
    if (found == "int64" and node.type == "string") or (found in {"int64", "float64"} and node.type in LARGEST):
        return f"cannot convert {found} to {place.type_of(node)}"
    return f"unrecognized type: {_SCALARS.get(node.type, node.type)}"


def go_value(value: Any) -> str:
    """A JSON tree as Go's fmt prints it."""
    match value:
        case None:
            return "<nil>"
        case bool():
            return "true" if value else "false"
        case dict():
            return f"map[{' '.join(f'{key}:{go_value(value[key])}' for key in sorted(value))}]"
        case list():
            return f"[{' '.join(map(go_value, value))}]"
        case _:
            return str(value)


def _type_of(node: Node) -> str:
    match node.kind:
        case "object":
            return f"v1.{node.type}"
        case "map":
            return "map[string]" + (_type_of(node.item) if node.item else "")
        case "list":
            return "[]" + (_type_of(node.item) if node.item else "")
        case _:
            return _SCALARS.get(node.type, node.type)
