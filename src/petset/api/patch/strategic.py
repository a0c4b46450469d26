"""Strategic merge patch: `application/strategic-merge-patch+json`.

A merge patch that knows the schema: lists whose schema says `x-kubernetes-patch-strategy: merge` are merged element by
element, maps by their merge key, scalars as a set. Directives inside the patch steer it:

- `$patch: replace` in a map takes the patch's map instead of merging, in a list element the patch's list;
- `$patch: delete` empties a map, or deletes the list element of the same merge key;
- `$setElementOrder/<list>` gives the order of the merged list;
- `$deleteFromPrimitiveList/<list>` deletes scalars from a list;
- `$retainKeys` deletes all keys of a map but those listed.

The rules are those of apimachinery's `util/strategicpatch`, with two mercies: `$patch: merge` means what it says, and
a field unknown to the schema is merged as a plain merge patch would.
"""

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import Any

from petset.api.patch.errors import InapplicablePatch, MalformedPatch
from petset.api.patch.trees import Tree, same
from petset.api.schema import Node
from petset.api.schema.go_words import go_value

DIRECTIVE = "$patch"
RETAIN_KEYS = "$retainKeys"
ELEMENT_ORDER = "$setElementOrder/"
DELETE_SCALARS = "$deleteFromPrimitiveList/"

List = list[Any]


def apply(tree: Tree, patch: Any, schema: Node) -> Tree:
    """The tree with the patch merged into it; `tree` stays as it is, the result shares its unchanged parts.

    Raises MalformedPatch when directives are not of their form, InapplicablePatch when the patch does not fit the tree.
    """
    if not isinstance(patch, dict):
        raise MalformedPatch("a strategic merge patch is a JSON object")
    return _merge_map(tree, patch, schema)


def diff(original: Tree, modified: Tree, schema: Node) -> Tree:
    """The patch that makes `modified` of `original`, empty when they are the same: what `kubectl edit` would send.

    `apply(original, diff(original, modified))` is `modified`, provided that neither holds nulls and that no merged list
    of scalars repeats one. Raises InapplicablePatch when an element of a merged list lacks its merge key.
    """
    return _diff_map(original, modified, schema, retain=False)


def child(node: Node | None, name: str) -> Node | None:
    """The schema of one field of an object or of one value of a map; None where the schema knows nothing."""
    if node is None:
        return None
    return node.field(name) if node.kind == "object" else node.item


def identity(node: Node | None) -> Callable[[Any], Hashable]:
    """What tells the elements of a merged list apart: the merge key's value of maps, scalars themselves."""
    merge_key = node.patch_merge_key if node is not None else None

    def identify(element: Any) -> Hashable:
        if not isinstance(element, dict):
            return (type(element) is bool, element)
        if merge_key is None:
            raise InapplicablePatch("cannot merge lists of maps without a merge key")
        value = element.get(merge_key)
        if value is None or isinstance(value, dict | list):
            raise InapplicablePatch(f"map: {go_value(element)} does not contain declared merge key: {merge_key}")
        return (type(value) is bool, value)

    return identify


def check_elements(elements: Iterable[Any]) -> None:
    """Raises InapplicablePatch unless all elements are maps or all are scalars."""
    kinds = {dict if isinstance(element, dict) else list if isinstance(element, list) else str for element in elements}
    if list in kinds:
        raise InapplicablePatch("lists of lists are not supported")
    if len(kinds) > 1:
        raise InapplicablePatch("list element types are not identical")


def _merge_map(original: Tree, patch: Tree, node: Node | None) -> Tree:
    directive = patch.get(DIRECTIVE, "merge")
    if directive == "replace":
        return _without_directives(patch)
    if directive == "delete":
        return {}
    if directive != "merge":
        raise InapplicablePatch(f"unknown patch type: {directive} in map: {json.dumps(patch)}")
    result = _retained(original, patch)
    ordered = _element_orders(patch)
    for key, order in ordered.items():
        _merge_ordered(result, patch, key, order, child(node, key))
    for key, value in patch.items():
        if key in ordered or _is_directive(key):
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_value(result.get(key), value, child(node, key))
    for key, doomed in _scalar_deletions(patch):
        if isinstance(result.get(key), list):
            result[key] = [item for item in result[key] if not any(same(item, other) for other in doomed)]
    return result


def _merge_value(original: Any, patch: Any, node: Node | None) -> Any:
    strategies = node.patch_strategies if node is not None else frozenset[str]()
    if isinstance(patch, dict):
        if isinstance(original, dict) and "replace" not in strategies:
            return _merge_map(original, patch, node)
        return {} if patch.get(DIRECTIVE) == "delete" else _without_directives(patch)
    if isinstance(patch, list):
        if isinstance(original, list) and "merge" in strategies:
            return _merge_list(original, patch, node)
        return _without_list_directives(patch)
    return patch


def _retained(original: Tree, patch: Tree) -> Tree:
    keys = patch.get(RETAIN_KEYS)
    if keys is None:
        return dict(original)
    if not isinstance(keys, list):
        raise MalformedPatch("invalid patch format of retainKeys")
    if any(value is not None and key not in keys and not _is_directive(key) for key, value in patch.items()):
        raise MalformedPatch("invalid patch format of retainKeys")
    return {key: value for key, value in original.items() if key in keys}


def _element_orders(patch: Tree) -> dict[str, List]:
    orders = {}
    for key, order in patch.items():
        if key.startswith(ELEMENT_ORDER):
            if not isinstance(order, list):
                raise MalformedPatch("invalid patch format of setElementOrder list")
            orders[key.removeprefix(ELEMENT_ORDER)] = order
    return orders


def _scalar_deletions(patch: Tree) -> Iterator[tuple[str, List]]:
    for key, doomed in patch.items():
        if key.startswith(DELETE_SCALARS):
            if not isinstance(doomed, list):
                raise MalformedPatch("invalid patch format of primitive list")
            yield key.removeprefix(DELETE_SCALARS), doomed


def _merge_ordered(result: Tree, patch: Tree, key: str, order: List, node: Node | None) -> None:
    """Merges one list of the patch, if it is there, and puts the outcome in the order of `$setElementOrder`."""
    if key in patch and patch[key] is None:
        result.pop(key, None)
    if key not in result and patch.get(key) is None:
        return
    original, changes = result.get(key, []), patch.get(key, [])
    for value in (original, changes):
        if not isinstance(value, list):
            raise InapplicablePatch(f"expected a list in field {key}, but received {json.dumps(value)}")
    merged = _merge_value(result.get(key), changes, node) if key in patch else original
    if node is not None:
        _check_order(changes, order, identity(node))
        merged = _interleaved(merged, order, original, identity(node))
    result[key] = merged


def _check_order(changes: List, order: List, identify: Callable[[Any], Hashable]) -> None:
    """Every element that the patch brings has to stand in the order list, in the same sequence."""
    wanted = iter([identify(element) for element in order])
    brought = [identify(element) for element in changes if not _has_directive(element)]
    if order and not all(element in wanted for element in brought):
        shown = json.dumps(changes), json.dumps(order)
        raise InapplicablePatch(
            f"The order in patch list:\n{shown[0]}\n doesn't match $setElementOrder list:\n{shown[1]}\n"
        )


def _merge_list(original: List, patch: List, node: Node | None) -> List:
    check_elements([*original, *patch])
    identify = identity(node)
    if not any(isinstance(element, dict) for element in [*original, *patch]):
        union = list({identify(scalar): scalar for scalar in [*original, *patch]}.values())
        return _interleaved(union, patch, original, identify)
    changes = [element for element in patch if not _has_directive(element)]
    directives = [element for element in patch if _has_directive(element)]
    doomed = {identify(element) for element in directives if element[DIRECTIVE] == "delete"}
    unknown = [element for element in directives if element[DIRECTIVE] not in {"delete", "replace"}]
    if unknown:
        raise InapplicablePatch(f"unknown patch type: {unknown[0][DIRECTIVE]} in map: {json.dumps(unknown[0])}")
    if any(element[DIRECTIVE] == "replace" for element in directives):
        return _without_list_directives(changes)
    kept = [element for element in original if identify(element) not in doomed]
    merged = _merge_elements(kept, changes, node, identify)
    return _interleaved(merged, changes, original, identify)


def _merge_elements(original: List, changes: List, node: Node | None, identify: Callable[[Any], Hashable]) -> List:
    merged = list(original)
    places: dict[Hashable, int] = {}
    for place, element in enumerate(merged):
        places.setdefault(identify(element), place)
    item = node.item if node is not None else None
    for change in changes:
        key = identify(change)
        if key in places:
            merged[places[key]] = _merge_map(merged[places[key]], change, item)
        else:
            places[key] = len(merged)
            merged.append(_without_directives(change))
    return merged


def _interleaved(merged: List, order: Sequence[Any], live: Sequence[Any], identify: Callable[[Any], Hashable]) -> List:
    """`merged` in the order a client asked for.

    Elements named in `order` follow it; the others, which only the server knows, keep their sequence in `live` and go
    before the first ordered element that follows them there.
    """
    wanted = _positions(order, identify)
    before = _positions(live, identify)
    named = sorted((e for e in merged if identify(e) in wanted), key=lambda e: wanted[identify(e)])
    others = sorted(
        (e for e in merged if identify(e) not in wanted), key=lambda e: before.get(identify(e), len(before))
    )
    result: List = []
    waiting = iter(others)
    other = next(waiting, None)
    for element in named:
        place = before.get(identify(element), -1)
        while other is not None and before.get(identify(other), place) < place:
            result.append(other)
            other = next(waiting, None)
        result.append(element)
    return result if other is None else [*result, other, *waiting]


def _positions(elements: Sequence[Any], identify: Callable[[Any], Hashable]) -> dict[Hashable, int]:
    positions: dict[Hashable, int] = {}
    for position, element in enumerate(elements):
        positions.setdefault(identify(element), position)
    return positions


def _is_directive(key: str) -> bool:
    return key in {DIRECTIVE, RETAIN_KEYS} or key.startswith((ELEMENT_ORDER, DELETE_SCALARS))


def _has_directive(element: Any) -> bool:
    return isinstance(element, dict) and element.get(DIRECTIVE, "merge") != "merge"


def _without_directives(patch: Tree) -> Tree:
    """What a map of the patch means where the tree has nothing to merge it with."""
    result: Tree = {}
    for key, value in patch.items():
        if value is None or _is_directive(key):
            continue
        if isinstance(value, dict):
            if value.get(DIRECTIVE) != "delete":
                result[key] = _without_directives(value)
        else:
            result[key] = _without_list_directives(value) if isinstance(value, list) else value
    return result


def _without_list_directives(patch: List) -> List:
    return [
        _without_directives(element) if isinstance(element, dict) else element
        for element in patch
        if not _has_directive(element)
    ]


def _diff_map(original: Tree, modified: Tree, node: Node | None, *, retain: bool) -> Tree:
    patch: Tree = {key: None for key in original if key not in modified}
    for key, value in modified.items():
        if key not in original:
            patch[key] = value
        elif not same(original[key], value):
            patch.update(_diff_value(key, original[key], value, child(node, key)))
    if retain and patch:
        patch[RETAIN_KEYS] = sorted(modified)
    return patch


def _diff_value(key: str, original: Any, modified: Any, node: Node | None) -> Tree:
    strategies = node.patch_strategies if node is not None else frozenset[str]()
    if isinstance(original, dict) and isinstance(modified, dict) and "replace" not in strategies:
        return {key: _diff_map(original, modified, node, retain="retainKeys" in strategies)}
    if node is not None and isinstance(original, list) and isinstance(modified, list) and "merge" in strategies:
        return _diff_list(key, original, modified, node)
    return {key: modified}


def _diff_list(key: str, original: List, modified: List, node: Node) -> Tree:
    check_elements([*original, *modified])
    identify = identity(node)
    before = {identify(element): element for element in original}
    after = {identify(element): element for element in modified}
    if not any(isinstance(element, dict) for element in [*original, *modified]):
        added = [scalar for scalar in modified if identify(scalar) not in before]
        deleted = [scalar for scalar in original if identify(scalar) not in after]
        changes = {name: scalars for name, scalars in ((key, added), (DELETE_SCALARS + key, deleted)) if scalars}
        return {**changes, ELEMENT_ORDER + key: modified} if modified else changes
    if len(before) < len(original) or len(after) < len(modified):
        return {key: [{DIRECTIVE: "replace"}, *modified]}
    merge_key = str(node.patch_merge_key)
    changes = {ELEMENT_ORDER + key: [{merge_key: element[merge_key]} for element in modified]} if modified else {}
    elements = _diff_elements(before, after, node)
    return {**changes, key: elements} if elements else changes


def _diff_elements(before: dict[Hashable, Any], after: dict[Hashable, Any], node: Node) -> List:
    """The elements to add, change and delete, by their merge key."""
    merge_key = str(node.patch_merge_key)
    retain = "retainKeys" in node.patch_strategies
    changes = []
    for key, element in after.items():
        if key not in before:
            changes.append(element)
        elif not same(before[key], element):
            changed = _diff_map(before[key], element, node.item, retain=retain)
            changes.append({**changed, merge_key: element[merge_key]})
    deleted = [element for key, element in before.items() if key not in after]
    return changes + [{merge_key: element[merge_key], DIRECTIVE: "delete"} for element in deleted]
