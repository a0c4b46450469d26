"""Field ownership: keeps `metadata.managedFields` as writes go by.

Writers in this process (`WriteOptions.begins_tracking` off) do not start it: an object that nobody ever wrote over the
network has no managedFields, which makes a pod half as large, and a later apply treats all it holds as written
`before-first-apply`, as upstream does with objects from before the feature. Nor do they track status, where no two of
them ever write the same fields.

An object that has no owners left, because somebody cleared its managedFields or took away all that was owned, is
disowned: no write tracks it until somebody applies to it, as in upstream's `skipnonapplied.go`. The registry keeps
which objects are.
"""

from typing import Any

import msgspec
from msgspec.structs import replace

from petset.api.patch.managed_fields import Entry, Writer, entries_of, sound, track_create, track_update
from petset.api.patch.trees import Tree
from petset.api.resources import Resource
from petset.api.schema import schema_of
from petset.api.types import ManagedFieldsEntry, Object
from petset.apiserver.registry import encode
from petset.apiserver.request import WriteOptions


def writer(resource: Resource[Any], options: WriteOptions, subresource: str, now: str) -> Writer:
    """Who stands behind a write."""
    return Writer(options.field_manager, resource.group_version, now, subresource)


def unchanged(new: Object, old: Object) -> bool:
    """Whether two states are the same but for the times in their managedFields.

    An apply whose defaulted outcome is what was there comes with a new time and nothing else.
    """
    fields = new.metadata.managed_fields
    if len(fields) == len(old.metadata.managed_fields):
        new.metadata.managed_fields = [
            replace(entry, time=before.time) for entry, before in zip(fields, old.metadata.managed_fields, strict=True)
        ]
    same = new == old
    new.metadata.managed_fields = fields
    return same


def tracks(obj: Object, options: WriteOptions, subresource: str) -> bool:
    """Whether a write to this object is noted at all; see above."""
    if not options.field_manager:
        return False
    return options.begins_tracking or (bool(obj.metadata.managed_fields) and subresource != "status")


def tells_owners(obj: Object, subresource: str) -> bool:
    """Whether a write to a disowned object says who owns what of it; a subresource's cannot."""
    if subresource or not obj.metadata.managed_fields:
        return False
    return bool(sound(entries_of({"metadata": {"managedFields": _entry_trees(obj)}})))


def track(obj: Object, old: Object | None, who: Writer, *, has_status: bool) -> None:
    """Notes in `obj`, in place, that the writer made it of `old`; None: of nothing, and it has no managedFields yet."""
    # what the endpoint does not write is nobody's: upstream's reset fields
    left_out = ("spec" if who.subresource == "status" else "status") if has_status else ""
    schema = schema_of(type(obj))
    if old is None:
        entries = track_create(_nameless(obj), schema, who, left_out)
    else:
        names = [name for name in obj.__struct_fields__ if name != left_out and _differs(obj, old, name)]
        entries = track_update(_tree(old, names), _tree(obj, names), schema, who)
    obj.metadata.managed_fields = [_entry(entry) for entry in entries]


def _nameless(obj: Object) -> bytes:
    """The JSON text of a new object; of the metadata so much as says which fields there are."""
    meta = obj.metadata
    likeness = replace(
        meta,
        name="",
        namespace="",
        labels=dict.fromkeys(meta.labels, ""),
        annotations=dict.fromkeys(meta.annotations, ""),
    )
    return encode(replace(obj, metadata=likeness))


def _differs(new: Object, old: Object, name: str) -> bool:
    """Whether a field matters to a comparison. That of the metadata tells more than what differs."""
    return name == "metadata" or getattr(new, name) != getattr(old, name)


def _tree(obj: Object, names: list[str]) -> Tree:
    """The tree of an object that has only those fields. The sets in its managedFields are the object's own."""
    held = {name: getattr(obj, name) for name in names} | {"metadata": replace(obj.metadata, managed_fields=[])}
    tree: Tree = msgspec.to_builtins(type(obj)(**held))
    if obj.metadata.managed_fields:
        tree["metadata"]["managedFields"] = _entry_trees(obj)
    return tree


def _entry_trees(obj: Object) -> list[Entry]:
    return [_entry_tree(entry) for entry in obj.metadata.managed_fields]


def _entry_tree(entry: ManagedFieldsEntry) -> Entry:
    tree: Entry = msgspec.to_builtins(replace(entry, fields_v1={}))
    return {**tree, "fieldsV1": entry.fields_v1} if entry.fields_v1 else tree


def _entry(tree: Entry) -> ManagedFieldsEntry:
    return ManagedFieldsEntry(
        api_version=tree.get("apiVersion"),
        fields_type=tree.get("fieldsType"),
        fields_v1=tree["fieldsV1"],
        manager=tree.get("manager"),
        operation=tree.get("operation"),
        subresource=tree.get("subresource"),
        time=tree.get("time"),
    )
