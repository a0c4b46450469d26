"""From trees to sets of fields: what differs between two objects, what an applied configuration names.

The rules are those of structured-merge-diff's `typed` package. Lists that are sets, and lists of maps with keys, are
taken apart item by item; atomic lists and maps, scalars and everything without a schema are one field.
"""

from collections.abc import Sequence
from typing import Any

from petset.api.alike import once_for_equal
from petset.api.fieldpath import ITSELF, Fields, in_order, key_element, value_element
from petset.api.patch.trees import Tree
from petset.api.schema import Node

_NOTHING: Any = object()


def is_granular_map(node: Node | None) -> bool:
    """Whether the fields, or the entries, of this place are owned one by one."""
    return node is not None and node.kind in {"object", "map"} and node.map_type == "granular"


def is_granular_list(node: Node | None) -> bool:
    """Whether the items of this place are owned one by one."""
    return node is not None and node.kind == "list" and node.list_type in {"set", "map"}


def child(node: Node, key: str) -> Node | None:
    """The schema of one field of an object or of one value of a map."""
    return node.fields.get(key) if node.kind == "object" else node.item


def element_of(item: Any, node: Node) -> str:
    """The path element of one item of a granular list; a key that is not set has its default.

    An item that has none of its keys, or that is of the wrong type, has an element that nothing else has.
    """
    if node.list_type == "set":
        return value_element(item)
    keys = {}
    if isinstance(item, dict) and node.item is not None:
        for key in node.list_map_keys:
            value = item.get(key)
            if value is None:
                field = node.item.fields.get(key)
                value = field.default if field is not None else None
            if value is not None:
                keys[key] = value
    return key_element(keys) if keys else value_element(item)


def items_by_element(items: Sequence[Any], node: Node) -> dict[str, Any]:
    """The items of a granular list by path element; items that share one are a list, as if they were a single value."""
    found: dict[str, Any] = {}
    repeated: dict[str, list[Any]] = {}
    for item in items:
        element = element_of(item, node)
        if element in found:
            repeated.setdefault(element, [found[element]]).append(item)
        found[element] = item
    return {**found, **repeated} if repeated else found


def compare(old: Tree, new: Tree, node: Node) -> tuple[Fields, Fields]:
    """The fields that are in `new` and not, or not with that value, in `old`; and the outermost that only `old` has.

    Costs a comparison of the two trees (in C) plus a walk of the parts that differ. What is new as a whole, such as the
    containers of a new pod, is like that of many others: it is walked once. The sets may be shared; change none.
    """
    changed: Fields = {}
    removed: Fields = {}
    _compare_maps(old, new, node, changed, removed)
    return in_order(changed), removed


def applied_fields(config: Tree, node: Node) -> Fields:
    """The fields that an applied configuration names: leaves, items of lists, and maps that are empty.

    A list whose items are owned one by one names nothing when it has none, and nor does a map of such lists.
    """
    return _applied_map(config, node)


def _compare_maps(old: Tree, new: Tree, node: Node, changed: Fields, removed: Fields) -> None:
    for key, value in new.items():
        before = old.get(key, _NOTHING)
        if before is value or before == value:
            continue
        _compare_values(f"f:{key}", before, value, child(node, key), (changed, removed))
    for key in old:
        if key not in new:
            removed[f"f:{key}"] = {}


def _compare_lists(old: Sequence[Any], new: Sequence[Any], node: Node, changed: Fields, removed: Fields) -> None:
    before, after = items_by_element(old, node), items_by_element(new, node)
    for element, item in after.items():
        earlier = before.get(element, _NOTHING)
        if earlier is not item and earlier != item:
            _compare_values(element, earlier, item, node.item, (changed, removed))
    for element in before:
        if element not in after:
            removed[element] = {}


def _compare_values(element: str, old: Any, new: Any, node: Node | None, result: tuple[Fields, Fields]) -> None:
    changed: Fields = {}
    removed: Fields = {}
    if old is _NOTHING:
        result[0][element] = _present_once(new, node) if new and isinstance(new, dict | list) else {}
    elif node is not None and is_granular_map(node) and isinstance(old, dict) and isinstance(new, dict):
        _compare_maps(old, new, node, changed, removed)
    elif node is not None and is_granular_list(node) and isinstance(old, list) and isinstance(new, list):
        _compare_lists(old, new, node, changed, removed)
    else:
        result[0][element] = {}
    if changed:
        result[0][element] = in_order(changed)
    if removed:
        result[1][element] = removed


def _present(value: Any, node: Node | None) -> Fields:
    """Everything below and including a value that is new."""
    fields: Fields = {ITSELF: {}}
    if not value or node is None:
        return {}
    if isinstance(value, dict) and is_granular_map(node):
        for key, item in value.items():
            fields[f"f:{key}"] = _present(item, child(node, key))
    elif isinstance(value, list) and is_granular_list(node):
        for element, item in items_by_element(value, node).items():
            fields[element] = _present(item, node.item)
    else:
        return {}
    return in_order(fields)


_present_once = once_for_equal(_present)


def _applied_map(config: Tree, node: Node) -> Fields:
    named = {f"f:{key}": _applied(value, child(node, key)) for key, value in config.items()}
    return in_order({element: fields for element, fields in named.items() if fields is not None})


def _applied(value: Any, node: Node | None) -> Fields | None:
    """The fields below a value; None when not even the value is named."""
    if node is not None and isinstance(value, dict) and is_granular_map(node):
        below = _applied_map(value, node)
        return None if value and not below else below
    if node is not None and isinstance(value, list) and is_granular_list(node):
        fields: Fields = {}
        for element, item in items_by_element(value, node).items():
            named = _applied(item, node.item)
            fields[element] = {ITSELF: {}, **named} if named else {}
        return in_order(fields) or None
    return {}
