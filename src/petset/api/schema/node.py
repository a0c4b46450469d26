"""The schema of one position in an object, built from the generated table when it is first looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, TypeAlias

from petset.api.schema.table import TYPES

NodeKind: TypeAlias = Literal["object", "map", "list", "scalar", "any"]


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """What the schema says of a position. Nodes are shared: compare them by identity, change nothing.

    `list_type` None is a list of which the schema says nothing, which is treated as atomic by server-side apply.
    """

    kind: NodeKind
    type: str
    """An object's class in `petset.api.types`; a scalar's format: string, byte, boolean, int32, int64, int-or-string,
    quantity, date-time or micro-time; empty for the other kinds."""
    item: "Node | None" = None
    list_type: Literal["atomic", "set", "map"] | None = None
    list_map_keys: tuple[str, ...] = ()
    map_type: Literal["granular", "atomic"] = "granular"
    patch_strategies: frozenset[str] = frozenset()
    patch_merge_key: str | None = None
    default: Any = None
    """What server-side apply takes for a missing key of a list map; None when there is no default."""
    zero_is_unset: bool = False
    """Whether an empty string, 0 or false here is the same as nothing, and is left out of the JSON."""

    @property
    def fields(self) -> Mapping[str, "Node"]:
        """The known fields by JSON name; empty unless this is an object."""
        return _fields(self.type) if self.kind == "object" else _NO_FIELDS

    def field(self, name: str) -> "Node | None":
        """The node of a field by its JSON name, None for an unknown one."""
        return self.fields.get(name)


_NO_FIELDS: Mapping[str, Node] = {}


@cache
def object_node(type_name: str) -> Node:
    """The node of a type as a whole.

    Raises:
        KeyError: the schema has no type of that name.
    """
    if type_name not in TYPES:
        raise KeyError(type_name)
    return Node("object", type_name)


@cache
def _fields(type_name: str) -> Mapping[str, Node]:
    return {name: _node(entry) for name, entry in TYPES[type_name].items()}


def _node(entry: str | dict[str, Any]) -> Node:
    if isinstance(entry, str):
        return _plain_node(entry)
    extras: dict[str, Any] = {
        "list_type": entry.get("list_type"),
        "list_map_keys": entry.get("keys", ()),
        "map_type": entry.get("map_type", "granular"),
        "patch_strategies": frozenset(entry.get("strategies", ())),
        "patch_merge_key": entry.get("merge_key"),
        "default": entry.get("default"),
    }
    if "list" in entry:
        return Node("list", "", _node(entry["list"]), **extras)
    if "map" in entry:
        return Node("map", "", _node(entry["map"]), **extras)
    of = _plain_node(entry["of"])
    return Node(of.kind, of.type, zero_is_unset=of.zero_is_unset, **extras)


@cache
def _plain_node(entry: str) -> Node:
    if entry == "any":
        return Node("any", "")
    if entry in TYPES:
        return object_node(entry)
    return Node("scalar", entry.removesuffix("?"), zero_is_unset=entry.endswith("?"))
