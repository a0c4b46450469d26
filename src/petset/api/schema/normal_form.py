"""Brings decoded objects into the one form Kubernetes would store and show.

Every write goes through here, so the walk visits only what can lead to a change.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple

from petset.api import types
from petset.api.quantity import QuantityError, canonical
from petset.api.schema.errors import BytesError, TimeError
from petset.api.schema.node import Node, object_node
from petset.api.schema.payload import canonical_bytes
from petset.api.schema.times import canonical_time
from petset.api.types import Struct


class _Route(NamedTuple):
    """The attributes of a class worth visiting: those that may change, and those on the way to more."""

    values: tuple[str, ...]
    structs: tuple[str, ...]
    struct_lists: tuple[str, ...]
    read_values: Callable[[Any], Any]
    """All the values in one call: a tuple, or the value itself when there is only one."""


NOT_NORMAL = (QuantityError, BytesError, TimeError)
_MICRO_TIMES = frozenset({"acquire_time", "event_time", "last_observed_time", "renew_time"})
"""The fields that are a `MicroTime`: the schema does not tell them from others."""
_NOWHERE = _Route((), (), (), lambda _: None)


def unset_zeros(obj: Struct) -> None:
    """Makes optional values that are "", 0 or false None, in place, where Go would not write them either."""
    values, structs, struct_lists, read_values = _route_to_zeros(type(obj))
    if values:
        found = read_values(obj)
        if not found or (type(found) is tuple and ("" in found or 0 in found)):
            _unset(obj, values)
    for name in structs:
        if (part := getattr(obj, name)) is not None:
            unset_zeros(part)
    for name in struct_lists:
        for part in getattr(obj, name) or ():
            unset_zeros(part)


def _unset(obj: Struct, names: tuple[str, ...]) -> None:
    for name in names:
        if not getattr(obj, name):
            setattr(obj, name, None)


def normalise(obj: Struct) -> None:
    """Brings every quantity, all bytes and every time into their canonical form, in place.

    Raises:
        One of NOT_NORMAL: something stands where one of these has to be, and is none.
    """
    normalise_quantities(obj)
    normalise_bytes(obj)
    normalise_times(obj)


def normalise_quantities(obj: Struct) -> None:
    """Brings every quantity into its canonical form, in place.

    Raises:
        QuantityError: one is not a quantity.
    """
    values, structs, struct_lists, _ = _route_to_quantities(type(obj))
    for name in values:
        if (value := getattr(obj, name)) is not None:
            setattr(obj, name, _canonical(value))
    for name in structs:
        if (part := getattr(obj, name)) is not None:
            normalise_quantities(part)
    for name in struct_lists:
        for part in getattr(obj, name) or ():
            normalise_quantities(part)


def normalise_times(obj: Struct) -> None:
    """Brings every time into its canonical form, in place.

    Raises:
        TimeError: a text that stands for a time is none.
    """
    values, structs, struct_lists, _ = _route_to_times(type(obj))
    for name in values:
        if (value := getattr(obj, name)) is not None:
            setattr(obj, name, _canonical_times(value, micro=name in _MICRO_TIMES))
    for name in structs:
        if (part := getattr(obj, name)) is not None:
            normalise_times(part)
    for name in struct_lists:
        for part in getattr(obj, name) or ():
            normalise_times(part)


def _canonical_times(value: str | dict[str, str], *, micro: bool) -> str | dict[str, str]:
    if isinstance(value, dict):
        return {key: canonical_time(text, micro=micro) for key, text in value.items()}
    return canonical_time(value, micro=micro)


def _canonical(value: str | dict[str, str]) -> str | dict[str, str]:
    if isinstance(value, dict):
        return {key: _canonical_text(text) for key, text in value.items()}
    return _canonical_text(value)


# The same few quantities occur in every pod.
_canonical_text = lru_cache(maxsize=4096)(canonical)


def normalise_bytes(obj: Struct) -> None:
    """Brings what stands for bytes into its canonical form, in place. Only objects as a whole have such maps.

    Raises:
        BytesError: one is no base64.
    """
    for name in _bytes_of(type(obj)):
        values = getattr(obj, name)
        for key, text in values.items():
            values[key] = canonical_bytes(text)


@cache
def _bytes_of(type_: type[Struct]) -> tuple[str, ...]:
    return _route(type_, lambda node: node.item is not None and node.item.type == "byte", lambda _: _NOWHERE).values


@cache
def _route_to_zeros(type_: type[Struct]) -> _Route:
    return _route(type_, lambda node: node.zero_is_unset, _route_to_zeros)


@cache
def _route_to_quantities(type_: type[Struct]) -> _Route:
    return _route(type_, _holds_quantities, _route_to_quantities)


@cache
def _route_to_times(type_: type[Struct]) -> _Route:
    return _route(type_, _holds_times, _route_to_times)


def _holds_quantities(node: Node) -> bool:
    return node.type == "quantity" or (node.kind == "map" and node.item is not None and node.item.type == "quantity")


def _holds_times(node: Node) -> bool:
    return node.type == "date-time" or (node.item is not None and node.item.type == "date-time")


def _route(type_: type[Struct], wanted: Callable[[Node], bool], onward: Callable[[type[Struct]], _Route]) -> _Route:
    nodes = object_node(type_.__name__).fields
    values, structs, struct_lists = [], [], []
    for name, json_name in zip(type_.__struct_fields__, type_.__struct_encode_fields__, strict=True):
        node = nodes[json_name]
        if wanted(node):
            values.append(name)
        elif node.kind == "object" and any(onward(_class_of(node))[:3]):
            structs.append(name)
        elif node.item is not None and node.item.kind == "object" and any(onward(_class_of(node.item))[:3]):
            struct_lists.append(name)
    read_values = attrgetter(*values) if values else attrgetter("__class__")
    return _Route(tuple(values), tuple(structs), tuple(struct_lists), read_values)


def _class_of(node: Node) -> type[Struct]:
    found: type[Struct] = getattr(types, node.type)
    return found
