"""The set as a manifest would make it: by a dry run of the server, or, where that is not to be had, merged here.

Nothing is kept of a dry run. What kubectl apply has made is merged as kubectl does, by the annotation that it leaves;
everything else as `petset apply` does.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from petset.api.errors import BadRequest, Forbidden, MethodNotAllowed, NotFound, UnsupportedMediaType
from petset.api.meta import format_time
from petset.api.patch import apply, strategic
from petset.api.patch.errors import PatchError
from petset.api.schema import schema_of
from petset.api.schema.decode import DecodeError, convert
from petset.api.types import StatefulSet
from petset.cli.applying import FIELD_MANAGER, Target
from petset.cli.failure import Failure
from petset.cli.manifests import Tree
from petset.cli.preview.situation import fixed_fields
from petset.client.interface import Client, Patch, WriteOptions
from petset.kinds.statefulset import RESOURCE

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
NO_DRY_RUN: Final = "does not support dry run"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The set that would be; `note` says why it was merged here, empty when the server did it."""

    set: StatefulSet
    note: str = ""


async def proposed(client: Client, target: Target, live: StatefulSet | None, now: datetime) -> Proposal:
    """What a manifest would make of the live set. Raises Failure and StatusError for what the API would refuse."""
    here = merged(live, target.tree, now)
    if live is not None and fixed_fields(live, here):
        _check(here, None)
        return Proposal(here)
    try:
        return Proposal(await _dry_run(client, target, live, here))
    except (Forbidden, MethodNotAllowed, NotFound, UnsupportedMediaType) as error:
        why = error.message
    except BadRequest as error:
        if NO_DRY_RUN not in error.message:
            raise
        why = error.message
    _check(here, live)
    return Proposal(here, f"the server does no dry run ({why}); admission and its defaults are left out")


async def _dry_run(client: Client, target: Target, live: StatefulSet | None, here: StatefulSet) -> StatefulSet:
    options = WriteOptions(dry_run=True, field_validation="Strict", force=True)
    patch = Patch("apply", target.tree)
    if live is not None and LAST_APPLIED in live.metadata.annotations:
        options = WriteOptions(dry_run=True, field_validation="Strict")
        patch = Patch("strategic", strategic.diff(_tree(live), _tree(here), schema_of(StatefulSet)))
    obj = await client.patch(StatefulSet, target.key.name, target.key.namespace, patch, options=options)
    if live is not None:
        obj.status = live.status
    return obj


# --- merging here, pure -----------------------------------------------------------------------------------------------


def merged(live: StatefulSet | None, manifest: Tree, now: datetime) -> StatefulSet:
    """What a manifest makes of the live set, defaulted; it need not be valid. Raises Failure for what is no set."""
    tree = {key: value for key, value in manifest.items() if key != "status"}
    try:
        obj = convert(tree if live is None else _merged_tree(live, tree, now), StatefulSet)
    except (DecodeError, PatchError) as error:
        raise Failure(str(error)) from error
    obj.api_version, obj.kind = RESOURCE.group_version, RESOURCE.kind
    RESOURCE.strategy.default(obj)
    if live is None:
        RESOURCE.strategy.prepare_create(obj)
    else:
        obj.metadata.uid = live.metadata.uid
        RESOURCE.strategy.prepare_update(obj, live)
    return obj


def _merged_tree(live: StatefulSet, tree: Tree, now: datetime) -> Tree:
    schema, before = schema_of(StatefulSet), _tree(live)
    applied = live.metadata.annotations.get(LAST_APPLIED)
    if applied is None:
        writer = apply.Writer(FIELD_MANAGER, RESOURCE.group_version, format_time(now))
        return apply.apply(before, tree, schema, writer, force=True)
    try:
        last = msgspec.json.decode(applied, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise Failure(f"annotation {LAST_APPLIED} holds no object: {error}") from error
    without = strategic.apply(before, strategic.diff(last, tree, schema), schema)
    return strategic.apply(without, tree, schema)


def _check(new: StatefulSet, live: StatefulSet | None) -> None:
    """Raises Failure with all that the API has against a set that was merged here."""
    strategy = RESOURCE.strategy
    errors = strategy.validate_create(new) if live is None else strategy.validate_update(new, live)
    if errors:
        raise Failure(f'StatefulSet.apps "{new.metadata.name}" is invalid: ' + "; ".join(str(e) for e in errors))


def _tree(obj: StatefulSet) -> Tree:
    tree: Tree = msgspec.json.decode(msgspec.json.encode(obj))
    return tree
