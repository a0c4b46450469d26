"""What strict field validation reports: fields nobody knows and fields given twice."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from petset.api.alike import once_for_equal
from petset.api.schema.node import Node

_LEAVES = frozenset({"scalar", "any"})
_has_space_before_colon = re.compile(rb'"[ \t\r\n]+:').search


def unknown_fields(tree: Any, node: Node) -> list[str]:
    """Paths of the fields of a JSON tree that the schema does not have, like `spec.containers[0].foo`.

    Only the topmost unknown field of a branch is named, and values of the wrong type are passed over.
    """
    found: list[str] = []
    if node.kind != "object" or not isinstance(tree, dict):
        _collect_unknown(tree, node, "", found)
        return found
    fields = node.fields
    for name, value in tree.items():
        child = fields.get(name)
        if child is None:
            found.append(name)
        elif child.kind in _LEAVES:
            continue
        elif isinstance(value, dict) and name != "metadata":  # which is no other object's
            found += _unknown_once(value, child, name)
        else:
            _collect_unknown(value, child, name, found)
    return found


@once_for_equal
def _unknown_once(value: dict[str, Any], node: Node, path: str) -> Sequence[str]:
    found: list[str] = []
    _collect_unknown(value, node, path, found)
    return tuple(found)


def _collect_unknown(value: Any, node: Node, path: str, found: list[str]) -> None:
    kind = node.kind
    if kind == "object":
        if isinstance(value, dict):
            _collect_unknown_of_object(value, node, path, found)
    elif node.item is not None and node.item.kind not in _LEAVES:
        for step, item in _items(value):
            _collect_unknown(item, node.item, path + step, found)


def _collect_unknown_of_object(value: dict[str, Any], node: Node, path: str, found: list[str]) -> None:
    fields = node.fields
    for name, item in value.items():
        child = fields.get(name)
        if child is None:
            found.append(f"{path}.{name}" if path else name)
        elif child.kind not in _LEAVES and not (child.item is not None and child.item.kind in _LEAVES):
            _collect_unknown(item, child, f"{path}.{name}" if path else name, found)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield f"[{index}]", item
    elif isinstance(value, dict):
        for key, item in value.items():
            yield f".{key}", item


def problems(raw: bytes, tree: Any, node: Node | None) -> list[str]:
    """What is wrong with a JSON text, in its order: `unknown field "spec.foo"`, `duplicate field "spec.replicas"`.

    `tree` is what was read of the text. Without a schema every field is known. Of a field that nobody knows it is not
    told how often it is there.
    """
    if not _keeps_all_keys(raw, tree) and _has_duplicates(raw):
        found: dict[str, None] = {}
        _collect(json.loads(_text(raw), object_pairs_hook=_Pairs, parse_int=str), node, "", found)
        return list(found)
    return [f'unknown field "{path}"' for path in unknown_fields(tree, node)] if node is not None else []


class _Pairs(list[tuple[str, Any]]):
    """A JSON object with all its keys, also repeated ones."""


def _has_duplicates(raw: bytes) -> bool:
    lost = 0

    def count_lost(pairs: list[tuple[str, Any]]) -> None:
        nonlocal lost
        lost += len(pairs) - len(dict(pairs))

    json.loads(_text(raw), object_pairs_hook=count_lost, parse_int=str)  # Python refuses very long numbers
    return lost > 0


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")


def _keeps_all_keys(raw: bytes, tree: Any) -> bool:
    """Whether reading a text into dictionaries is certain to have lost nothing: it is written again with as many keys.

    The end of a key is a quote and a colon. Within strings that is there as often before and after, unless a quote is
    written as a number.
    """
    if b"\\u" in raw or _has_space_before_colon(raw):
        return False
    return raw.count(b'":') == msgspec.json.encode(tree).count(b'":')


def _collect(value: Any, node: Node | None, path: str, found: dict[str, None]) -> None:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, item in value:
            place = f"{path}.{name}" if path else name
            if node is not None and node.kind == "object" and node.field(name) is None:
                found[f'unknown field "{place}"'] = None
                continue
            if name in seen:
                found[f'duplicate field "{place}"'] = None
            seen.add(name)
            _collect(item, _below(node, name), place, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _collect(item, node.item if node is not None else None, f"{path}[{index}]", found)


def _below(node: Node | None, name: str) -> Node | None:
    if node is None:
        return None
    return node.field(name) if node.kind == "object" else node.item
