"""The rules of object metadata, the same for every kind: what a create fills in, what an update may not touch.

Follows apimachinery's `api/validation/objectmeta.go` and the generic registry's `rest/create.go`, `rest/update.go`.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from petset.aio.identity import name_suffix, new_uid
from petset.api import field, names
from petset.api.errors import BadRequest
from petset.api.field import FieldError
from petset.api.resources import Resource
from petset.api.types import Object, ObjectMeta, OwnerReference

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"

_LONGEST_GENERATED_PREFIX = 63 - 5
_ANNOTATIONS_LIMIT = 256 * 1024
_LONGEST_REMEMBERED = 512
_PLAIN_FINALIZERS = frozenset({ORPHAN, FOREGROUND, "kubernetes"})


def place(resource: Resource[Any], obj: Object, namespace: str) -> None:
    """Puts the object where the URL says. Raises BadRequest when it says otherwise itself.

    What a cluster-wide object says is not looked at: many clients write a namespace into everything.
    """
    if resource.namespaced and obj.metadata.namespace and obj.metadata.namespace != namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    obj.metadata.namespace = namespace


def generate_name(meta: ObjectMeta) -> None:
    """Draws a name after generateName; one that is taken is drawn again by the caller."""
    meta.name = meta.generate_name[:_LONGEST_GENERATED_PREFIX] + name_suffix()


def begin(meta: ObjectMeta, now: str) -> None:
    """Fills in what only the server sets on a new object."""
    wipe(meta)
    meta.uid = new_uid()
    meta.creation_timestamp = now


def wipe(meta: ObjectMeta) -> None:
    """Takes away what a client may not say of a new object."""
    meta.uid = ""
    meta.creation_timestamp = None
    meta.deletion_timestamp = None
    meta.deletion_grace_period_seconds = None
    meta.self_link = ""


def carry_over(new: ObjectMeta, old: ObjectMeta) -> None:
    """Restores what an update may leave out and cannot change."""
    new.uid = new.uid or old.uid
    new.name = new.name or old.name
    new.namespace = new.namespace or old.namespace
    new.creation_timestamp = old.creation_timestamp
    new.generation = old.generation
    new.self_link = ""
    new.resource_version = old.resource_version
    if old.deletion_timestamp is not None:
        new.deletion_timestamp = old.deletion_timestamp
    if new.deletion_grace_period_seconds is None:
        new.deletion_grace_period_seconds = old.deletion_grace_period_seconds


def errors_of(resource: Resource[Any], meta: ObjectMeta) -> list[FieldError]:
    """Everything wrong with an object's metadata, at its creation."""
    errors: list[FieldError] = []
    if not meta.name:
        errors.append(field.required("metadata.name", "name or generateName is required"))
    else:
        name_errors = [*resource.strategy.name_errors(meta.name)]
        if meta.generate_name and (name_errors or not meta.name.startswith(meta.generate_name)):
            errors += _prefix_errors(resource, meta.generate_name)  # the beginning of a good name is good
        errors += [field.invalid("metadata.name", meta.name, text) for text in name_errors]
    if meta.namespace:
        errors += [field.invalid("metadata.namespace", meta.namespace, text) for text in _label(meta.namespace)]
    if (meta.generation or 0) < 0:
        errors.append(field.invalid("metadata.generation", meta.generation, "must be greater than or equal to 0"))
    return errors + _changeable_errors(meta)


def _prefix_errors(resource: Resource[Any], prefix: str) -> list[FieldError]:
    """Everything wrong with a generateName, which may end with a dash; upstream passes over what is before that."""
    whole = f"{prefix[:-2]}a" if prefix.endswith("-") and len(prefix) > 1 else prefix
    return [field.invalid("metadata.generateName", prefix, text) for text in resource.strategy.name_errors(whole)]


def update_errors(resource: Resource[Any], new: ObjectMeta, old: ObjectMeta) -> list[FieldError]:
    """Everything wrong with the metadata of an update, once `carry_over` has been done."""
    errors = [
        field.invalid(f"metadata.{name}", value, "field is immutable")
        for name, value, before in (
            ("name", new.name, old.name),
            ("namespace", new.namespace, old.namespace),
            ("uid", new.uid, old.uid),
            ("deletionTimestamp", new.deletion_timestamp, old.deletion_timestamp),
            (
                "deletionGracePeriodSeconds",
                new.deletion_grace_period_seconds,
                old.deletion_grace_period_seconds,
            ),
        )
        if value != before
    ]
    if old.deletion_timestamp is not None and new.finalizers != old.finalizers:
        added = [name for name in new.finalizers if name not in old.finalizers]
        if added:
            listed = ", ".join(field.shown(name) for name in added)
            text = "no new finalizers can be added if the object is being deleted, found new finalizers"
            errors.append(field.forbidden("metadata.finalizers", f"{text} []string{{{listed}}}"))
    if new.generate_name and new.generate_name != old.generate_name:
        errors += _prefix_errors(resource, new.generate_name)
    return errors + _changeable_errors(new)


def ends_with_update(new: ObjectMeta, old: ObjectMeta) -> bool:
    """Whether an update completes a deletion: it took the last finalizer away, and no grace is left to wait for."""
    return old.deletion_timestamp is not None and not new.finalizers and not old.deletion_grace_period_seconds


def _changeable_errors(meta: ObjectMeta) -> list[FieldError]:
    errors: list[FieldError] = []
    for key, value in meta.labels.items():
        if len(key) + len(value) > _LONGEST_REMEMBERED or not _is_label(key, value):
            errors += [field.invalid("metadata.labels", key, text) for text in _qualified(key)]
            errors += [field.invalid("metadata.labels", value, text) for text in _label_value(value)]
    if meta.annotations:
        errors += _annotation_errors(meta.annotations)
    if meta.owner_references:
        errors += _owner_errors(meta.owner_references)
    if meta.finalizers:
        errors += _finalizer_errors(meta.finalizers)
    return errors


def _annotation_errors(annotations: dict[str, str]) -> list[FieldError]:
    errors = [field.invalid("metadata.annotations", key, text) for key in annotations for text in _annotation_key(key)]
    size = sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())
    if size > _ANNOTATIONS_LIMIT:
        errors.append(field.too_long("metadata.annotations", _ANNOTATIONS_LIMIT))
    return errors


def _version_in(group_version: str) -> str:
    group, _, version = group_version.rpartition("/")
    return "" if "/" in group else version


def _owner_errors(owners: list[OwnerReference]) -> list[FieldError]:
    path = "metadata.ownerReferences"
    errors: list[FieldError] = []
    controllers: list[str] = []
    for owner in owners:
        if not _version_in(owner.api_version):
            errors.append(field.invalid(f"{path}.apiVersion", owner.api_version, "version must not be empty"))
        for name, value in (("kind", owner.kind), ("name", owner.name), ("uid", owner.uid)):
            if not value:
                errors.append(field.invalid(f"{path}.{name}", value, "must not be empty"))
        if (owner.api_version, owner.kind) == ("v1", "Event"):
            errors.append(field.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
        if owner.controller:
            controllers.append(f"{owner.kind}/{owner.name}")
    if len(controllers) > 1:
        found = f'Found "true" in references for {controllers[0]} and {controllers[1]}'
        text = f"Only one reference can have Controller set to true. {found}"
        errors.append(field.invalid(path, [_shown(owner) for owner in owners], text))
    return errors


def _shown(owner: OwnerReference) -> dict[str, object]:
    """In Go's order."""
    names = {"apiVersion": owner.api_version, "kind": owner.kind, "name": owner.name, "uid": owner.uid}
    flags = {"controller": owner.controller, "blockOwnerDeletion": owner.block_owner_deletion}
    return names | {name: flag for name, flag in flags.items() if flag is not None}


def _finalizer_errors(finalizers: list[str]) -> list[FieldError]:
    """Upstream names the item only of a name that has the right form."""
    path = "metadata.finalizers"
    errors: list[FieldError] = []
    for index, name in enumerate(finalizers):
        where = f"{path}[{index}]"
        errors += [field.invalid(path, name, text) for text in _qualified(name)]
        if "/" not in name and name not in _PLAIN_FINALIZERS:
            text = "name is neither a standard finalizer name nor is it fully qualified"
            errors.append(field.invalid(where, name, text))
    if ORPHAN in finalizers and FOREGROUND in finalizers:
        errors.append(field.invalid(path, finalizers, f"finalizer {ORPHAN} and {FOREGROUND} cannot be both set"))
    return errors


def _remembered(check: Callable[[str], Iterable[str]]) -> Callable[[str], tuple[str, ...]]:
    """The same check, whose answers are kept; not about texts so long that they are wrong, and take memory."""
    known = lru_cache(4096)(lambda text: tuple(check(text)))
    return lambda text: known(text) if len(text) <= _LONGEST_REMEMBERED else tuple(check(text))


_qualified = _remembered(names.qualified_name_errors)
_annotation_key = _remembered(lambda key: names.qualified_name_errors(key.lower()))
_label_value = _remembered(names.label_value_errors)
_label = _remembered(names.dns1123_label_errors)


@lru_cache(4096)
def _is_label(key: str, value: str) -> bool:
    return not _qualified(key) and not _label_value(value)
