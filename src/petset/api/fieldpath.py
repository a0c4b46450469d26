"""Sets of field paths in the form `metadata.managedFields` keeps them: FieldsV1.

A set is a tree of dicts. An element names a field (`f:spec`), a list item by its keys (`k:{"name":"web"}`), or a value
of a set (`v:"x"`). An empty dict below an element says that the element itself is a member; with members below it,
membership is told by the element `.`. The empty dict as a whole is the empty set. Elements stand in one order, that of
upstream's encoding, for clients that compare sets as text. No function changes its arguments; results may share parts
with them.
"""

from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec

Fields: TypeAlias = dict[str, Any]

ITSELF = "."
_PLACES = {".": 0, "f:": 1, "k:": 2, "v:": 3, "i:": 4}
"""Fields, items by keys, values, items by number: in this order."""

_encode = msgspec.json.Encoder(order="sorted").encode


def key_element(keys: dict[str, Any]) -> str:
    """The element of a list item that is known by these keys and values."""
    return "k:" + _encode(keys).decode()


def value_element(value: Any) -> str:
    """The element of a scalar in a list that is a set."""
    return "v:" + _encode(value).decode()


def in_order(fields: Fields) -> Fields:
    """The same set with its first elements in order: `.`, then fields, items by the values of their keys, values."""
    if len(fields) < 2:
        return fields
    elements = sorted(fields)
    if elements[-1][0] != "f":
        elements.sort(key=_rank)
    return {element: fields[element] for element in elements}


def is_readable(tree: Any) -> bool:
    """Whether a JSON tree that a client sends is a set: every element names something, and what is below is a set."""
    return isinstance(tree, dict) and all(_names(element) and is_readable(below) for element, below in tree.items())


def is_member(below: Fields | None) -> bool:
    """Whether an element with this below it is a member itself; None stands for an element that is not there."""
    return below is not None and (not below or ITSELF in below)


def union(left: Fields, right: Fields) -> Fields:
    """The paths in either; `left` itself when it has all."""
    result = left
    for element, below in right.items():
        mine = left.get(element)
        joined = below if mine is None else _union_below(mine, below)
        if joined is not mine:
            result = dict(left) if result is left else result
            result[element] = joined
    return result if len(result) == len(left) else in_order(result)


def difference(left: Fields, right: Fields) -> Fields:
    """The paths of `left` without those of `right` and without all below a last element of `right`; `left` itself when
    that takes nothing away.
    """
    result = left
    for element, below in right.items():
        mine = left.get(element)
        if mine is None:
            continue
        rest = _difference_below(mine, below) if below else None
        if rest is not mine:
            result = dict(left) if result is left else result
            if rest is None:
                del result[element]
            else:
                result[element] = rest
    return result


def intersection(left: Fields, right: Fields) -> Fields:
    """The paths in both."""
    result: Fields = {}
    for element, below in right.items():
        mine = left.get(element)
        if mine is None:
            continue
        both = intersection(mine, below) if mine and below else {}
        if is_member(mine) and is_member(below):
            result[element] = {ITSELF: {}, **both} if both else {}
        elif both:
            result[element] = both
    return result


def paths(fields: Fields) -> Iterator[str]:
    """The paths as people read them, `.spec.containers[name="web"].image`; members before what is below them."""
    shown = [(_shown(element), below) for element, below in in_order(fields).items() if element != ITSELF]
    yield from (text for text, below in shown if is_member(below))
    for text, below in shown:
        yield from (text + rest for rest in paths(below))


def _union_below(left: Fields, right: Fields) -> Fields:
    if not left:
        return {ITSELF: {}, **right} if right else left
    if not right:
        return left if ITSELF in left else {ITSELF: {}, **left}
    return union(left, right)


def _difference_below(left: Fields, right: Fields) -> Fields | None:
    if not left:
        return None if ITSELF in right else left
    rest = difference(left, right)
    if rest is left:
        return left
    return {} if rest.keys() == {ITSELF} else rest or None


def _names(element: str) -> bool:
    match element[:2]:
        case "." | "f:":
            return True
        case "k:":
            return isinstance(_value_in(element), dict)
        case "v:" | "i:":
            return _value_in(element) is not None
        case _:
            return False


def _rank(element: str) -> tuple[Any, ...]:
    place = _PLACES.get(element[:2], -1)
    if place < _PLACES["k:"]:
        return (place, element)
    value = _value_in(element)
    if isinstance(value, dict):
        return (place, *((key, _rank_of_value(value[key])) for key in sorted(value)))
    return (place, ("", _rank_of_value(value)))


def _value_in(element: str) -> Any:
    """What stands behind the kind of an element; None when that is no JSON, or none that anybody would write."""
    try:
        return msgspec.json.decode(element[2:])
    except (msgspec.DecodeError, RecursionError):
        return None


def _rank_of_value(value: Any) -> tuple[int, Any]:
    if isinstance(value, bool):
        return (2, value)
    if isinstance(value, int | float):
        return (0, value)
    return (1, value) if isinstance(value, str) else (3, "")


def _shown(element: str) -> str:
    kind, _, text = element.partition(":")
    if kind == "k":
        keys = msgspec.json.decode(text)
        return "[" + ",".join(f"{key}={_encode(keys[key]).decode()}" for key in sorted(keys)) + "]"
    return {"f": f".{text}", "v": f"[={text}]"}.get(kind, f"[{text}]")
