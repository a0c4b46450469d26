"""The slow path of decoding: a JSON tree that did not fit is made to, or the first value that cannot is named.

Nulls count as unset and numeric quantities become text, as in encoding/json and Quantity.UnmarshalJSON.
"""

from typing import Any, NamedTuple, NoReturn

from petset.api.quantity import QuantityError, canonical
from petset.api.schema.errors import BytesError, DecodeError, TimeError
from petset.api.schema.go_words import LARGEST, GoPlace, Told, unmarshalled
from petset.api.schema.node import Node
from petset.api.schema.payload import canonical_bytes
from petset.api.schema.times import canonical_time


class _Place(NamedTuple):
    """Where the walk is: the path for people, the path as Go has it, and how it tells what does not fit."""

    told: Told
    path: str = ""
    names: GoPlace = GoPlace()

    def of_field(self, struct: str, name: str) -> "_Place":
        return self._replace(path=f"{self.path}.{name}".lstrip("."), names=self.names.of_field(struct, name))

    def at(self, index: int | str) -> "_Place":
        return self._replace(path=f"{self.path}[{index}]", names=self.names.of_item())


def repaired(tree: Any, node: Node, told: Told = unmarshalled) -> Any:
    """A copy of the tree without unknown fields and nulls, with quantities as canonical text.

    `told` gives the words for a value that does not fit.

    Raises:
        DecodeError: a value has another type than the schema's, or is not a quantity where one is wanted.
    """
    return _repaired(tree, node, _Place(told))


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
        case "quantity":
            return _quantity(value if kind in {int, float, str} else "", place)
        case "date-time" | "micro-time" if kind is str:
            return _time(value, place, micro=node.type == "micro-time")
        case "byte" if kind is str:
            return _bytes(value, place)
        case "int-or-string":
            fits = kind is str or (kind is int and abs(value) <= LARGEST["int32"])
        case "int32" | "int64":
            largest = LARGEST[node.type]
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


def _time(value: str, place: _Place, *, micro: bool) -> str:
    try:
        canonical_time(value, micro=micro)
    except TimeError as error:
        raise DecodeError(place.path, str(error)) from error
    return value


def _bytes(value: str, place: _Place) -> str:
    try:
        return canonical_bytes(value)
    except BytesError as error:
        raise DecodeError(place.path, str(error)) from error


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
    raise DecodeError(place.path, place.told(value, node, place.names))
