"""The slow path of decoding: a JSON tree that did not fit is made to, or the first value that cannot is named.

Nulls count as unset and numeric quantities become text, as in encoding/json and Quantity.UnmarshalJSON.
"""

from typing import Any, NamedTuple, NoReturn

from petset.api.quantity import QuantityError, canonical
from petset.api.schema.errors import DecodeError, TimeError
from petset.api.schema.node import Node
from petset.api.schema.normal_form import check_time

_GO_SCALARS = {
    "string": "string",
    "byte": "[]uint8",
    "boolean": "bool",
    "int32": "int32",
    "int64": "int64",
    "date-time": "string",
    "quantity": "resource.Quantity",
    "int-or-string": "intstr.IntOrString",
}
_LARGEST = {"int32": 2**31 - 1, "int64": 2**63 - 1}


class _Place(NamedTuple):
    """Where the walk is: the path for people, the path in Go's words, and the struct that has the last field."""

    path: str = ""
    go_path: str = ""
    struct: str = ""

    def of_field(self, struct: str, name: str) -> "_Place":
        return _Place(f"{self.path}.{name}".lstrip("."), f"{self.go_path}.{name}".lstrip("."), struct)

    def at(self, index: int | str) -> "_Place":
        return self._replace(path=f"{self.path}[{index}]")


def repaired(tree: Any, node: Node) -> Any:
    """A copy of the tree without unknown fields and nulls, with quantities as canonical text.

    Raises:
        DecodeError: a value has another type than the schema's, or is not a quantity where one is wanted.
    """
    return _repaired(tree, node, _Place())


def _repaired(value: Any, node: Node, place: _Place) -> Any:
    match node.kind:
        case "object":
            return _object(value, node, place)
        case "map":
            return _map(value, node, place)
        case "list":
            return _list(value, node, place)
        case "scalar":
            return _scalar(value, node, place)
        case _:
            return value


def _object(value: Any, node: Node, place: _Place) -> dict[str, Any]:
    if not isinstance(value, dict):
        _mismatch(value, node, place)
    fields = node.fields
    return {
        name: _repaired(item, fields[name], place.of_field(node.type, name))
        for name, item in value.items()
        if item is not None and name in fields
    }


def _map(value: Any, node: Node, place: _Place) -> dict[str, Any]:
    if not isinstance(value, dict):
        _mismatch(value, node, place)
    assert node.item is not None
    return {
        key: _zero(node.item) if item is None else _repaired(item, node.item, place.at(key))
        for key, item in value.items()
    }


def _list(value: Any, node: Node, place: _Place) -> list[Any]:
    if not isinstance(value, list):
        _mismatch(value, node, place)
    assert node.item is not None
    return [
        _zero(node.item) if item is None else _repaired(item, node.item, place.at(index))
        for index, item in enumerate(value)
    ]


def _scalar(value: Any, node: Node, place: _Place) -> Any:
    kind = type(value)
    match node.type:
        case "quantity" if kind in {int, float, str}:
            return _quantity(value, place)
        case "date-time" if kind is str and value:
            return _time(value, place)
        case "int-or-string":
            fits = kind is str or (kind is int and abs(value) <= _LARGEST["int32"])
        case "int32" | "int64":
            largest = _LARGEST[node.type]
            fits = kind is int and -largest - 1 <= value <= largest
        case "boolean":
            fits = kind is bool
        case _:
            fits = kind is str
    return value if fits else _mismatch(value, node, place)


def _quantity(value: float | str, place: _Place) -> str:
    try:
        return canonical(str(value).strip())
    except QuantityError as error:
        raise DecodeError(place.path, str(error)) from error


def _time(value: str, place: _Place) -> str:
    try:
        check_time(value)
    except TimeError as error:
        raise DecodeError(place.path, str(error)) from error
    return value


def _zero(node: Node) -> Any:
    match node.kind:
        case "object" | "map":
            return {}
        case "list":
            return []
        case "scalar":
            return {"boolean": False, "int32": 0, "int64": 0, "int-or-string": 0, "quantity": "0"}.get(node.type, "")
        case _:
            return None


def _mismatch(value: Any, node: Node, place: _Place) -> NoReturn:
    target = f"Go struct field {place.struct}.{place.go_path} of type" if place.go_path else "Go value of type"
    raise DecodeError(place.path, f"json: cannot unmarshal {_go_value(value, node)} into {target} {_go_type(node)}")


def _go_value(value: Any, node: Node) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return f"number {value}" if node.type in _LARGEST else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _go_type(node: Node) -> str:
    match node.kind:
        case "object":
            return f"v1.{node.type}"
        case "map":
            return "map[string]" + (_go_type(node.item) if node.item else "")
        case "list":
            return "[]" + (_go_type(node.item) if node.item else "")
        case _:
            return _GO_SCALARS.get(node.type, node.type)
