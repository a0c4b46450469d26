"""Brings decoded objects into the one form Kubernetes would store and show.

Every write goes through here, so the walk visits only what can lead to a change.
"""

from collections.abc import Callable
from functools import cache, lru_cache, partial
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
_Form = Callable[[str], str | None]
"""What gives a text its canonical form; None for a text that stands for nothing."""


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
    _, structs, struct_lists, _ = _route_to_forms(type(obj))
    for name, canonical_form in _forms_in(type(obj)):
        value = getattr(obj, name)
        if isinstance(value, dict):
            setattr(obj, name, {key: _or_itself(canonical_form(text), text) for key, text in value.items()})
        elif value is not None:
            setattr(obj, name, canonical_form(value))
    for name in structs:
        if (part := getattr(obj, name)) is not None:
            normalise(part)
    for name in struct_lists:
        for part in getattr(obj, name) or ():
            normalise(part)


def _or_itself(form: str | None, text: str) -> str:
    """A value of a map cannot be nothing."""
    return text if form is None else form


_canonical_micro_time = partial(canonical_time, micro=True)
_canonical_quantity = lru_cache(maxsize=4096)(canonical)  # the same few occur in every pod


def _form_of(node: Node) -> _Form | None:
    """What gives the canonical form of a scalar, or of each value of a map; None where there is none."""
    is_map = node.kind == "map" and node.item is not None
    match node.item.type if is_map and node.item is not None else node.type:
        case "quantity":
            return _canonical_quantity
        case "date-time":
            return canonical_time
        case "micro-time":
            return _canonical_micro_time
        case "byte" if is_map:
            return canonical_bytes
    return None


@cache
def _forms_in(type_: type[Struct]) -> tuple[tuple[str, _Form], ...]:
    """The attributes of a class that have a canonical form, each with what gives it."""
    nodes = object_node(type_.__name__).fields
    names = zip(type_.__struct_fields__, type_.__struct_encode_fields__, strict=True)
    found = ((name, _form_of(nodes[json_name])) for name, json_name in names)
    return tuple((name, form) for name, form in found if form is not None)


@cache
def _route_to_zeros(type_: type[Struct]) -> _Route:
    return _route(type_, lambda node: node.zero_is_unset, _route_to_zeros)


@cache
def _route_to_forms(type_: type[Struct]) -> _Route:
    return _route(type_, lambda node: _form_of(node) is not None, _route_to_forms)


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
