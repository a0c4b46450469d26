"""Server-side apply: `application/apply-patch+yaml`.

The client sends the fields it cares for, all of them, every time. They are merged into the live object; what it applied
last time and no longer does is removed unless somebody else owns it; a field that another manager owns and that would
change is a conflict, unless forced. The rules are those of structured-merge-diff's `merge` package.
"""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec

from petset.api import documents, fieldpath
from petset.api.documents import DocumentError
from petset.api.fieldpath import Fields
from petset.api.patch.errors import InapplicablePatch, MalformedPatch, PatchError
from petset.api.patch.fields import (
    applied_fields,
    child,
    compare,
    element_of,
    is_granular_list,
    is_granular_map,
    items_by_element,
)
from petset.api.patch.managed_fields import (
    Entry,
    Writer,
    entries_of,
    in_order,
    track_update,
    tracked,
    without,
)
from petset.api.patch.trees import Tree
from petset.api.schema import Node
from petset.api.schema.errors import DecodeError
from petset.api.schema.repair import repaired

__all__ = ["ApplyConflict", "FieldConflict", "Writer", "apply", "track_update"]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_GONE: Any = object()


@dataclass(frozen=True, slots=True)
class FieldConflict:
    """A field that the patch would change and that another manager owns."""

    manager: str
    """As messages name it: `"kubectl-edit" using apps/v1`."""
    path: str


class ApplyConflict(PatchError):
    """Other managers own fields that the patch would change; `force` would take them (409)."""

    def __init__(self, conflicts: list[FieldConflict]) -> None:
        self.conflicts = conflicts
        if len(conflicts) == 1:
            text = f"1 conflict: conflict with {conflicts[0].manager}: {conflicts[0].path}"
        else:
            lines = []
            for manager, owned in groupby(conflicts, key=lambda conflict: conflict.manager):
                lines += [f"conflicts with {manager}:", *(f"- {conflict.path}" for conflict in owned)]
            text = f"{len(conflicts)} conflicts: " + "\n".join(lines)
        super().__init__(f"Apply failed with {text}")


def apply(live: Tree | None, config: Any, schema: Node, writer: Writer, *, force: bool = False) -> Tree:
    """The object after `writer` applied `config` to it; `live` is None when there is none yet.

    The result carries its new `managedFields`; it equals `live` when nothing changed. It shares unchanged parts with
    the arguments, which stay as they are. A `status`, or through the status subresource a `spec`, is ignored.

    Raises:
        MalformedPatch: the configuration cannot be one.
        InapplicablePatch: a list in it names the same item twice.
        ApplyConflict: another manager owns a field, and `force` is not set.
    """
    whole, config = config, _checked(config, writer)
    _check_repetition(config, schema, "")
    before, entries = _split(live or {})
    if live is not None and not entries:
        earlier = Writer("before-first-apply", writer.api_version, writer.now, writer.subresource)
        entries = track_update(None, _writable(live, writer), schema, earlier)
    own = next((entry for entry in entries if writer.wrote(entry, "Apply")), None)
    others = [entry for entry in entries if entry is not own]
    named = applied_fields(config, schema)
    fields = tracked(named)
    merged = _merge_maps(before, config, schema)
    if own is not None:
        merged = _pruned_map(merged, own["fieldsV1"], _owned(others, named), schema)
    changed, removed = compare(before, merged, schema)
    if not force:
        _check_conflicts(others, changed, _applied_by_client(before, schema, writer))
    others = without(others, changed, removed)
    # the time of an entry is that of the last apply that changed the object, not only who owns it
    time = writer.now if changed or removed else own.get("time") if own is not None else None
    kept = [writer.entry("Apply", fields, time)] if fields else []
    return _joined(_with_last_applied(merged, whole, writer), in_order([*others, *kept]))


def _with_last_applied(merged: Tree, config: Tree, writer: Writer) -> Tree:
    """kubectl's own note of what it applied, kept true where there is one, for those who go on without the server."""
    annotations = (merged.get("metadata") or {}).get("annotations") or {}
    if writer.manager != "kubectl" or not annotations.get(LAST_APPLIED):
        return merged
    metadata = dict(config.get("metadata") or {})
    if metadata.get("annotations"):
        metadata["annotations"] = {key: value for key, value in metadata["annotations"].items() if key != LAST_APPLIED}
    note = msgspec.json.encode({**config, "metadata": metadata}, order="sorted").decode() + "\n"
    for character, escaped in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        note = note.replace(character, escaped)
    return {**merged, "metadata": {**merged["metadata"], "annotations": {**annotations, LAST_APPLIED: note}}}


def _checked(config: Any, writer: Writer) -> Tree:
    """The configuration without nulls as items, and without what the endpoint does not write."""
    if not isinstance(config, dict):
        raise MalformedPatch("an applied configuration is an object")
    metadata = config.get("metadata", {})
    if not isinstance(metadata, dict):
        raise MalformedPatch("metadata must be an object")
    if metadata.get("managedFields"):
        raise MalformedPatch("metadata.managedFields must be nil")
    return {key: _without_nulls(value) for key, value in _writable(config, writer).items()}


def _writable(tree: Tree, writer: Writer) -> Tree:
    ignored = "spec" if writer.subresource == "status" else "status"
    return {key: value for key, value in tree.items() if key != ignored}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _check_repetition(config: Any, node: Node | None, path: str) -> None:
    if node is not None and isinstance(config, dict) and is_granular_map(node):
        for key, value in config.items():
            _check_repetition(value, child(node, key), f"{path}.{key}")
    elif node is not None and isinstance(config, list) and is_granular_list(node):
        seen = set()
        for item in config:
            element = element_of(item, node)
            name = next(fieldpath.paths({element: {}}))
            if element in seen:
                raise InapplicablePatch(f"{path}: duplicate entries for key {name}")
            seen.add(element)
            _check_repetition(item, node.item, path + name)


def _split(live: Tree) -> tuple[Tree, list[Entry]]:
    entries = entries_of(live)
    if not entries:
        return live, []
    metadata = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    return {**live, "metadata": metadata}, entries


def _joined(tree: Tree, entries: list[Entry]) -> Tree:
    return {**tree, "metadata": {**tree.get("metadata", {}), "managedFields": entries}} if entries else tree


def _owned(entries: list[Entry], fields: Fields) -> Fields:
    for entry in entries:
        fields = fieldpath.union(fields, entry["fieldsV1"])
    return fields


def _applied_by_client(live: Tree, schema: Node, writer: Writer) -> Fields:
    """What kubectl applied itself before the server did, and nobody changed since: all that may go over to it."""
    note = ((live.get("metadata") or {}).get("annotations") or {}).get(LAST_APPLIED)
    if writer.manager != "kubectl" or not note:
        return {}
    try:
        last = repaired(documents.read_json(note.encode()), schema)
        changed, removed = compare(last, live, schema)
    except (DocumentError, DecodeError, PatchError):
        return {}
    if last.get("apiVersion") != writer.api_version:
        return {}
    return fieldpath.difference(fieldpath.difference(applied_fields(last, schema), changed), removed)


def _check_conflicts(others: list[Entry], changed: Fields, free: Fields) -> None:
    conflicts = []
    for entry in others:
        clash = fieldpath.difference(fieldpath.intersection(entry["fieldsV1"], changed), free)
        conflicts += [FieldConflict(_title(entry), path) for path in fieldpath.paths(clash)]
    if conflicts:
        raise ApplyConflict(sorted(conflicts, key=lambda conflict: conflict.manager))


def _title(entry: Entry) -> str:
    title = f'"{entry.get("manager", "")}"'
    if entry.get("subresource"):
        title += f' with subresource "{entry["subresource"]}"'
    return f"{title} using {entry.get('apiVersion', '')}" if entry.get("operation") == "Update" else title


def _merge_maps(live: Tree, config: Tree, node: Node) -> Tree:
    result = dict(live)
    for key, value in config.items():
        below = child(node, key)
        if value is not None:
            result[key] = _merge_values(live.get(key), value, below)
        elif node.kind == "map":
            result[key] = "0" if node.item is not None and node.item.type == "quantity" else ""
        elif not (is_granular_map(below) or is_granular_list(below)):
            result.pop(key, None)
    return result


def _merge_values(live: Any, config: Any, node: Node | None) -> Any:
    if node is not None and isinstance(config, dict) and is_granular_map(node):
        return _merge_maps(live if isinstance(live, dict) else {}, config, node)
    if node is not None and isinstance(config, list) and is_granular_list(node):
        return _merge_lists(live if isinstance(live, list) else [], config, node)
    return config


def _merge_lists(live: list[Any], config: list[Any], node: Node) -> list[Any]:
    """Items in the order of the configuration; those it does not name stay before the shared one that follows them."""
    known = items_by_element(live, node)
    applied = items_by_element(config, node)
    shared = iter([element for element in applied if element in known])
    wanted = next(shared, None)
    rest = [(element_of(item, node), item) for item in live][::-1]
    result: list[Any] = []
    for element, item in applied.items():
        while rest and rest[-1][0] != wanted:
            earlier, other = rest.pop()
            if earlier not in applied:
                result.append(other)
        result.append(_merge_values(known.get(element), item, node.item))
        if element == wanted:
            wanted = next(shared, None)
    return result + [other for earlier, other in reversed(rest) if earlier not in applied]


def _pruned_map(merged: Tree, last: Fields, owned: Fields, node: Node) -> Tree:
    """Without the fields that were applied last time and that nobody owns now."""
    result: Tree = {}
    for key, value in merged.items():
        element = f"f:{key}"
        # the field of a struct stands for all below it: with the last owned one it goes, unowned neighbours and all
        named = node.kind == "object"
        rest = _pruned(value, child(node, key), (last.get(element), owned.get(element)), named=named)
        if rest is not _GONE:
            result[key] = rest
    return result


def _pruned_list(merged: list[Any], last: Fields, owned: Fields, node: Node) -> list[Any]:
    result: list[Any] = []
    for item in merged:
        element = element_of(item, node)
        rest = _pruned(item, node.item, (last.get(element), owned.get(element)), named=False)
        if rest is not _GONE:
            result.append(rest)
    return result


def _pruned(value: Any, node: Node | None, sets: tuple[Fields | None, Fields | None], *, named: bool) -> Any:
    """The value as far as it stays; `sets` are the fields below it, applied last time and owned now."""
    last, owned = sets
    if last is None:
        return value
    is_owned = owned is not None and (named or fieldpath.is_member(owned))
    if (named or fieldpath.is_member(last)) and not is_owned:
        return _GONE
    rest = value
    if node is not None and isinstance(value, dict) and is_granular_map(node):
        rest = _pruned_map(value, last, owned or {}, node)
    elif node is not None and isinstance(value, list) and is_granular_list(node):
        rest = _pruned_list(value, last, owned or {}, node)
    return rest if rest or not value or fieldpath.is_member(owned) else _GONE
