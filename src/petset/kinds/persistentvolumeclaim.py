"""PersistentVolumeClaim: a wish for storage that binds to one volume; claim templates have its shape too."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, forbidden, invalid, required
from petset.api.meta import copy, semantically_equal
from petset.api.names import dns1123_subdomain_errors
from petset.api.quantity import parse
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import (
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimStatus,
    TypedLocalObjectReference,
    TypedObjectReference,
)
from petset.kinds.changes import describe_changes
from petset.kinds.checks import NOT_NEGATIVE, label_selector, one_of, optional_errors, optional_one_of
from petset.kinds.columns import AGE, NAME, UNSET, format_access_modes
from petset.kinds.podspec.warnings import claim_warnings
from petset.kinds.quantities import canonicalize, quantity_errors

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")
_SOURCES = frozenset({("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")})

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""Where the class stood before spec.storageClassName; still read first."""


def storage_class_name(obj: PersistentVolumeClaim) -> str:
    """The class a claim asks for; "" for none."""
    return obj.metadata.annotations.get(CLASS_ANNOTATION, obj.spec.storage_class_name or "")


def default_claim(obj: PersistentVolumeClaim) -> None:
    """Fills in what a claim, or a claim template, leaves out."""
    if obj.spec.volume_mode is None:
        obj.spec.volume_mode = "Filesystem"
    obj.status.phase = obj.status.phase or "Pending"
    canonicalize(obj.spec.resources.requests)
    canonicalize(obj.spec.resources.limits)


def claim_spec_errors(path: str, spec: PersistentVolumeClaimSpec) -> Iterator[FieldError]:
    """Everything wrong with what a claim, or a claim template, asks for."""
    yield from access_modes_errors(f"{path}.accessModes", spec.access_modes)
    yield from label_selector(f"{path}.selector", spec.selector)
    storage = spec.resources.requests.get("storage")
    if storage is None:
        yield required(f"{path}.resources[storage]")
    else:
        yield from storage_errors(f"{path}.resources[storage]", storage)
    yield from optional_errors(f"{path}.storageClassName", spec.storage_class_name, dns1123_subdomain_errors)
    yield from optional_one_of(f"{path}.volumeMode", spec.volume_mode, VOLUME_MODES)
    for name, source in (("dataSource", spec.data_source), ("dataSourceRef", spec.data_source_ref)):
        if source is not None:
            yield from _source_errors(f"{path}.{name}", source)
    if spec.data_source is not None and spec.data_source_ref is not None:
        yield from _agreement_errors(path, spec.data_source, spec.data_source_ref)
    class_name = spec.volume_attributes_class_name
    yield from optional_errors(f"{path}.volumeAttributesClassName", class_name, dns1123_subdomain_errors)


def _source_errors(path: str, source: TypedLocalObjectReference | TypedObjectReference) -> Iterator[FieldError]:
    """Where the data come from: another claim, or something of another group."""
    if not source.name:
        yield required(f"{path}.name")
    if not source.kind:
        yield required(f"{path}.kind")
    if not source.api_group and source.kind != "PersistentVolumeClaim":
        rule = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        yield invalid(path, source.kind, rule)
    yield from optional_errors(f"{path}.apiGroup", source.api_group, dns1123_subdomain_errors)


def _agreement_errors(path: str, old: TypedLocalObjectReference, new: TypedObjectReference) -> Iterator[FieldError]:
    shown: dict[str, str] = {}  # upstream shows a path, of which JSON has nothing
    if new.namespace:
        yield invalid(path, shown, "may not be specified when dataSourceRef.namespace is specified")
    elif (old.api_group or None, old.kind, old.name) != (new.api_group or None, new.kind, new.name):
        yield invalid(path, shown, "must match dataSourceRef")


def _agree_on_source(spec: PersistentVolumeClaimSpec) -> None:
    """The older of two ways to name where the data come from knows fewer kinds, and both say the same of those."""
    old, new = spec.data_source, spec.data_source_ref
    if old is not None and (old.api_group or "", old.kind) not in _SOURCES:
        spec.data_source = old = None
    if old is not None and new is None:
        spec.data_source_ref = TypedObjectReference(api_group=old.api_group, kind=old.kind, name=old.name)
    elif new is not None and old is None and not new.namespace:
        spec.data_source = TypedLocalObjectReference(api_group=new.api_group, kind=new.kind, name=new.name)


def access_modes_errors(
    path: str, modes: list[str], none: str = "at least 1 access mode is required"
) -> Iterator[FieldError]:
    """How a volume may be used; volumes and claims name it alike, and say differently that it is missing."""
    if not modes:
        yield required(path, none)
    for mode in modes:
        yield from one_of(path, mode, ACCESS_MODES)
    if "ReadWriteOncePod" in modes and len(set(modes)) > 1:
        yield forbidden(path, "may not use ReadWriteOncePod with other access modes")


def storage_errors(path: str, amount: str) -> Iterator[FieldError]:
    """How large a volume is."""
    errors = quantity_errors(path, amount)
    if not errors or errors[0].body.endswith(NOT_NEGATIVE):
        errors = [] if parse(amount).amount > 0 else [invalid(path, amount, "must be greater than zero")]
    yield from errors


class PersistentVolumeClaimStrategy(Strategy[PersistentVolumeClaim]):
    """A claim may grow and be bound once; the rest of its spec is fixed."""

    def default(self, obj: PersistentVolumeClaim) -> None:
        """A filesystem, not yet bound."""
        default_claim(obj)

    def prepare_create(self, obj: PersistentVolumeClaim) -> None:
        """Pending until bound."""
        obj.status = PersistentVolumeClaimStatus(phase="Pending")
        _agree_on_source(obj.spec)

    def warnings(self, obj: PersistentVolumeClaim) -> list[str]:
        """Bytes come whole."""
        return list(claim_warnings("spec", obj.spec))

    def validate_create(self, obj: PersistentVolumeClaim) -> list[FieldError]:
        """The whole spec."""
        return list(claim_spec_errors("spec", obj.spec))

    def prepare_update(self, obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status
        _agree_on_source(obj.spec)

    def validate_update(self, obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> list[FieldError]:
        """Binding happens once, growth when bound; whether the class allows growth is for admission to say."""
        errors = list(claim_spec_errors("spec", obj.spec))
        return errors or [*_spec_change_errors(obj, old), *_size_change_errors(obj, old)]


class PersistentVolumeClaimStatusStrategy(Strategy[PersistentVolumeClaim]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


def _spec_change_errors(obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> Iterator[FieldError]:
    permitted = copy(old.spec)
    permitted.volume_name = permitted.volume_name or obj.spec.volume_name
    if permitted.storage_class_name is None and CLASS_ANNOTATION not in old.metadata.annotations:
        # Claims made before there was a default class get it later.
        permitted.storage_class_name = obj.spec.storage_class_name
    if old.status.phase == "Bound":
        permitted.resources.requests["storage"] = obj.spec.resources.requests["storage"]
        permitted.volume_attributes_class_name = obj.spec.volume_attributes_class_name
    if not semantically_equal(permitted, obj.spec):
        changes = describe_changes("spec", permitted, obj.spec)
        rule = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        yield forbidden("spec", f"{rule}\n{changes}")


def _size_change_errors(obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> Iterator[FieldError]:
    new_size, old_size = (parse(claim.spec.resources.requests.get("storage", "0")) for claim in (obj, old))
    if new_size < old_size and new_size <= parse(old.status.capacity.get("storage", "0")):
        yield forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")


def _status(obj: PersistentVolumeClaim, _: datetime) -> str | None:
    return "Terminating" if obj.metadata.deletion_timestamp else obj.status.phase


def _capacity(obj: PersistentVolumeClaim, _: datetime) -> str:
    return obj.status.capacity.get("storage", "") if obj.spec.volume_name else ""


def _access_modes(obj: PersistentVolumeClaim, _: datetime) -> str:
    return format_access_modes(obj.status.access_modes) if obj.spec.volume_name else ""


RESOURCE = Resource(
    group="",
    version="v1",
    kind="PersistentVolumeClaim",
    plural="persistentvolumeclaims",
    type=PersistentVolumeClaim,
    namespaced=True,
    strategy=PersistentVolumeClaimStrategy(),
    status=PersistentVolumeClaimStatusStrategy(),
    short_names=("pvc",),
    columns=(
        NAME,
        Column("Status", _status),
        Column("Volume", lambda obj, _: obj.spec.volume_name or ""),
        Column("Capacity", _capacity),
        Column("Access Modes", _access_modes),
        Column("StorageClass", lambda obj, _: storage_class_name(obj)),
        Column("VolumeAttributesClass", lambda obj, _: obj.spec.volume_attributes_class_name or UNSET),
        AGE,
        Column("VolumeMode", lambda obj, _: obj.spec.volume_mode or UNSET, priority=1),
    ),
)
