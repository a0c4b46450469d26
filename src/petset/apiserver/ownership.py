"""Field ownership: keeps `metadata.managedFields` as writes go by.

Writers in this process (`WriteOptions.begins_tracking` off) do not start it: an object that nobody ever wrote over the
network has no managedFields, which makes a pod half as large, and a later apply treats all it holds as written
`before-first-apply`, as upstream does with objects from before the feature. Nor do they track status, where no two of
them ever write the same fields.
"""

from typing import Any

import msgspec

from petset.api.patch.managed_fields import Writer, track_update
from petset.api.patch.trees import Tree
from petset.api.resources import Resource
from petset.api.schema import schema_of
from petset.api.types import ManagedFieldsEntry, Object
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
            msgspec.structs.replace(entry, time=before.time)
            for entry, before in zip(fields, old.metadata.managed_fields, strict=True)
        ]
    same = new == old
    new.metadata.managed_fields = fields
    return same


def tracks(obj: Object, options: WriteOptions, subresource: str) -> bool:
    """Whether a write to this object is noted at all; see above."""
    if not options.field_manager:
        return False
    return options.begins_tracking or (bool(obj.metadata.managed_fields) and subresource != "status")


def track(obj: Object, before: Tree | None, who: Writer, *, has_status: bool) -> None:
    """Notes in `obj`, in place, that the writer made it of `before` (None: of nothing), a tree that may be changed."""
    after = msgspec.to_builtins(obj)
    # what the endpoint does not write is nobody's: upstream's reset fields
    for tree in (before, after):
        if tree is not None and has_status:
            tree.pop("spec" if who.subresource == "status" else "status", None)
    entries = track_update(before, after, schema_of(type(obj)), who)
    obj.metadata.managed_fields = msgspec.convert(entries, list[ManagedFieldsEntry])
