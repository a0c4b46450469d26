"""delete and deletecollection: preconditions, propagation, grace, finalizers, and at last the end of the record.

Follows upstream's `rest/delete.go` and the `Delete` of its generic registry.
"""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
from msgspec import structs

from petset.api import field
from petset.api.errors import Conflict, Invalid, NotFound
from petset.api.meta import format_time, parse_time
from petset.api.resources import Resource
from petset.api.types import DeleteOptions, Namespace, Object, ObjectMeta
from petset.apiserver import admission, read
from petset.apiserver.metadata import FOREGROUND, ORPHAN
from petset.apiserver.request import Answer, Listing, ListOptions
from petset.apiserver.write import Change, end, precondition_failed
from petset.store.interface import Record

_POLICIES = ("Foreground", "Background", "Orphan")


async def delete(change: Change, options: DeleteOptions) -> Answer:
    """Deletes, or begins to. Raises NotFound, Conflict, Invalid, Forbidden.

    The body is the object while it is still there and for kinds whose upstream returns it, a Status otherwise.
    """
    check_options(options)
    record = change.newest()
    old = change.registry.shared(change.resource, record)
    check_preconditions(change.resource, old, options)
    admission.admit_delete(change.attributes(old))
    obj = structs.replace(old, metadata=structs.replace(old.metadata))
    gone = _mark(change, obj, options)
    dry_run = change.options.dry_run or bool(options.dry_run)
    if gone:
        last = change.registry.rehearsed(change.resource, obj) if dry_run else await end(change, obj, record)
        return _gone(change.resource, obj, last)
    code = 202 if options.orphan_dependents is False else 200
    if obj == old and record.revision <= change.registry.store.revision:
        return Answer(change.registry.shown(change.resource, record), change.resource, code)
    if dry_run:
        return Answer(change.registry.rehearsed(change.resource, obj), change.resource, code)
    disowned = change.registry.is_disowned(record)
    written = await change.registry.write(change.resource, obj, record.revision, disowned=disowned)
    return Answer(written, change.resource, code)


async def delete_collection(change: Change, listed: ListOptions, options: DeleteOptions) -> Listing:
    """Deletes everything selected; what somebody else deletes meanwhile counts as done."""
    check_options(options)
    listing = read.list_(change.registry, change.target, listed)
    await asyncio.gather(*(_delete_listed(change, record, options) for record in listing.records))
    return listing


async def _delete_listed(change: Change, record: Record, options: DeleteOptions) -> None:
    namespace, _, name = record.name.rpartition("/")
    one = structs.replace(change, target=structs.replace(change.target, namespace=namespace, name=name))
    try:
        await delete(one, options)
    except NotFound:
        return


def _mark(change: Change, obj: Object, options: DeleteOptions) -> bool:
    """Changes the object, of which all but the metadata is shared, to what this deletion makes of it.

    Returns whether nothing keeps it any more.
    """
    meta, resource = obj.metadata, change.resource
    requested = options.grace_period_seconds
    if requested is not None and requested < 0:
        requested = 1
    if resource.grace is not None and meta.deletion_timestamp is not None and meta.deletion_grace_period_seconds:
        shortened = _shorten(meta, requested)
        return shortened and not requested and not admission.is_held(obj)
    meta.finalizers = _finalizers(resource, meta, options)
    grace = resource.grace(obj, requested) if resource.grace and meta.deletion_timestamp is None else 0
    gone = not grace and not admission.is_held(obj)
    if meta.deletion_timestamp is None and (resource.grace is not None or not gone):
        meta.deletion_timestamp = format_time(change.registry.clock.now() + timedelta(seconds=grace))
        if resource.type is not Namespace:  # whose storage marks it by itself
            meta.deletion_grace_period_seconds = grace
        if meta.generation:
            meta.generation += 1
        admission.mark_deleted(obj)
    return gone


def _shorten(meta: ObjectMeta, requested: int | None) -> bool:
    """A later deletion may only shorten the grace of an earlier one; whether it does."""
    granted = meta.deletion_grace_period_seconds or 0
    if requested is None or requested >= granted or meta.deletion_timestamp is None:
        return False
    moment = parse_time(meta.deletion_timestamp) - timedelta(seconds=granted - requested)
    meta.deletion_timestamp = format_time(moment)
    meta.deletion_grace_period_seconds = requested
    return True


def _finalizers(resource: Resource[Any], meta: ObjectMeta, options: DeleteOptions) -> list[str]:
    """The finalizers after the propagation policy: of the request, else of the object, else of the kind."""
    kept = [name for name in meta.finalizers if name not in {ORPHAN, FOREGROUND}]
    if options.orphan_dependents is not None:
        policy = "Orphan" if options.orphan_dependents else "Background"
    elif options.propagation_policy:
        policy = options.propagation_policy
    elif ORPHAN in meta.finalizers:
        policy = "Orphan"
    elif FOREGROUND in meta.finalizers:
        policy = "Foreground"
    else:
        policy = resource.default_propagation
    added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(policy, [])
    new = kept + added
    return meta.finalizers if set(new) == set(meta.finalizers) else new


def check_options(options: DeleteOptions) -> None:
    """Raises Invalid for options that make no sense, whatever is to be deleted."""
    errors = []
    policy = options.propagation_policy
    if policy is not None and options.orphan_dependents is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        errors.append(field.invalid("propagationPolicy", policy, text))
    elif policy is not None and policy not in _POLICIES:
        errors.append(field.not_supported("propagationPolicy", policy, (*_POLICIES, "nil")))
    if set(options.dry_run) - {"All"}:
        errors.append(field.not_supported("dryRun", options.dry_run, ["All"]))
    if errors:
        raise Invalid.of("meta.k8s.io", "DeleteOptions", "", errors)


def check_preconditions(resource: Resource[Any], obj: Object, options: DeleteOptions) -> None:
    """Raises Conflict when the deletion means another object, or another state of it."""
    wanted, meta = options.preconditions, obj.metadata
    if wanted is None:
        return
    if wanted.uid is not None and wanted.uid != meta.uid:
        raise _unmet(resource, meta, "UID", wanted.uid, meta.uid)
    if wanted.resource_version is not None and wanted.resource_version != meta.resource_version:
        raise _unmet(resource, meta, "ResourceVersion", wanted.resource_version, meta.resource_version)


def _unmet(resource: Resource[Any], meta: ObjectMeta, what: str, wanted: str, found: str) -> Conflict:
    if resource.type is Namespace:  # its storage looks for itself
        return Conflict.of(resource.group, resource.plural, meta.name, precondition_failed(what, wanted, found))
    why = f"the {what} in the precondition ({wanted}) does not match the {what} in record ({found})"
    why += f". The object might have been {'deleted and then recreated' if what == 'UID' else 'modified'}"
    return Conflict.of(resource.group, resource.kind, meta.name, why)


def _gone(resource: Resource[Any], obj: Object, last: Record) -> Answer:
    if admission.returns_deleted(obj):
        return Answer(last, resource)
    details = {"name": obj.metadata.name, "group": resource.group, "kind": resource.plural, "uid": obj.metadata.uid}
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {key: value for key, value in details.items() if value},
    }
    return Answer(structs.replace(last, value=msgspec.json.encode(status)), None)
