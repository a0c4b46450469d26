"""PersistentVolume: a piece of storage, made by hand or by a provisioner; claims bind to it."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, forbidden, invalid, not_supported, required
from petset.api.meta import semantically_equal
from petset.api.names import dns1123_subdomain_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus, Volume, json_name
from petset.kinds.changes import describe_changes
from petset.kinds.checks import one_of, optional_errors, optional_one_of, required_errors, unchanged
from petset.kinds.columns import AGE, NAME, UNSET, format_access_modes
from petset.kinds.persistentvolumeclaim import VOLUME_MODES, access_modes_errors, storage_errors
from petset.kinds.podspec.paths import without_backsteps
from petset.kinds.podspec.scheduling import node_selector_errors
from petset.kinds.podspec.volumes import host_path_errors
from petset.kinds.quantities import canonicalize

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""Where the class stood before spec.storageClassName; still read first."""


def storage_class_name(obj: PersistentVolume) -> str:
    """The class a volume belongs to; "" for none."""
    return obj.metadata.annotations.get(CLASS_ANNOTATION) or obj.spec.storage_class_name or ""


class PersistentVolumeStrategy(Strategy[PersistentVolume]):
    """The source is fixed; the rest may change."""

    def default(self, obj: PersistentVolume) -> None:
        """Kept by hand and with a filesystem, unless said otherwise."""
        spec = obj.spec
        spec.persistent_volume_reclaim_policy = spec.persistent_volume_reclaim_policy or "Retain"
        if spec.volume_mode is None:
            spec.volume_mode = "Filesystem"
        if spec.host_path is not None and spec.host_path.type is None:
            spec.host_path.type = ""
        canonicalize(spec.capacity)

    def prepare_create(self, obj: PersistentVolume) -> None:
        """Pending until the volume controller has seen it."""
        obj.status = PersistentVolumeStatus(phase="Pending", last_phase_transition_time=obj.metadata.creation_timestamp)

    def validate_create(self, obj: PersistentVolume) -> list[FieldError]:
        """The whole spec."""
        return list(_spec_errors(obj.spec))

    def prepare_update(self, obj: PersistentVolume, old: PersistentVolume) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status

    def validate_update(self, obj: PersistentVolume, old: PersistentVolume) -> list[FieldError]:
        """A volume goes on meaning the same storage."""
        return [*_spec_errors(obj.spec), *_spec_change_errors(obj.spec, old.spec)]


class PersistentVolumeStatusStrategy(Strategy[PersistentVolume]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: PersistentVolume, old: PersistentVolume) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


_FIRST_SOURCES = ("host_path", "gce_persistent_disk", "aws_elastic_block_store", "glusterfs", "nfs", "rbd")
_LAST_SOURCES = ("local", "storageos", "csi")
_SOURCES = (
    *_FIRST_SOURCES,
    *(
        name
        for name in PersistentVolumeSpec.__struct_fields__
        if name in Volume.__struct_fields__ and name not in {"name", *_FIRST_SOURCES, *_LAST_SOURCES}
    ),
    *_LAST_SOURCES,
)
"""In the order in which upstream finds them: the first one is the volume's."""


def _spec_errors(spec: PersistentVolumeSpec) -> Iterator[FieldError]:
    yield from access_modes_errors("spec.accessModes", spec.access_modes, "")
    if not spec.capacity:
        yield required("spec.capacity")
    if set(spec.capacity) != {"storage"}:
        yield not_supported("spec.capacity", spec.capacity or None, ["storage"])
    for name, amount in spec.capacity.items():
        yield from storage_errors(f"spec.capacity[{name}]", amount)
    policies = ("Delete", "Recycle", "Retain")
    yield from one_of("spec.persistentVolumeReclaimPolicy", spec.persistent_volume_reclaim_policy, policies)
    yield from _source_errors(spec)
    if spec.node_affinity is not None:
        if spec.node_affinity.required is None:
            yield required("spec.nodeAffinity.required", "must specify required node constraints")
        else:
            yield from node_selector_errors("spec.nodeAffinity.required", spec.node_affinity.required)
    yield from optional_errors("spec.storageClassName", spec.storage_class_name, dns1123_subdomain_errors)
    yield from optional_one_of("spec.volumeMode", spec.volume_mode, VOLUME_MODES)


def _source_errors(spec: PersistentVolumeSpec) -> Iterator[FieldError]:
    given = [name for name in _SOURCES if getattr(spec, name) is not None]
    if not given:
        yield required("spec", "must specify a volume type")
    for name in given[1:]:
        yield forbidden(f"spec.{json_name(name)}", "may not specify more than 1 volume type")
    source = given[0] if given else ""
    if spec.csi is not None and source == "csi":
        yield from required_errors("spec.csi.driver", spec.csi.driver, dns1123_subdomain_errors)
        if not spec.csi.volume_handle:
            yield required("spec.csi.volumeHandle")
    if spec.host_path is not None and source == "host_path":
        yield from host_path_errors("spec.hostPath", spec.host_path)
        if spec.persistent_volume_reclaim_policy == "Recycle" and spec.host_path.path.rstrip("/") == "":
            yield forbidden("spec.persistentVolumeReclaimPolicy", "may not be 'recycle' for a hostPath mount of '/'")
    if spec.local is not None and source == "local":
        if not spec.local.path:
            yield required("spec.local.path")
        yield from without_backsteps("spec.local.path", spec.local.path)
        if spec.node_affinity is None:
            yield required("spec.nodeAffinity", "Local volume requires node affinity")


def _spec_change_errors(new: PersistentVolumeSpec, old: PersistentVolumeSpec) -> Iterator[FieldError]:
    new_source, old_source = ({json_name(name): getattr(spec, name) for name in _SOURCES} for spec in (new, old))
    if not semantically_equal(new_source, old_source):
        changes = describe_changes("spec", old_source, new_source)
        rule = "spec.persistentvolumesource is immutable after creation"
        yield forbidden("spec.persistentvolumesource", f"{rule}\n{changes}")
    yield from unchanged("spec.volumeMode", new.volume_mode, old.volume_mode)
    if old.node_affinity is not None and not semantically_equal(new.node_affinity, old.node_affinity):
        rule = "field is immutable, except for updating from beta label to GA"
        yield invalid("spec.nodeAffinity", new.node_affinity, rule)


def _status(obj: PersistentVolume, _: datetime) -> str | None:
    return "Terminating" if obj.metadata.deletion_timestamp else obj.status.phase


def _claim(obj: PersistentVolume, _: datetime) -> str:
    claim = obj.spec.claim_ref
    return f"{claim.namespace or ''}/{claim.name or ''}" if claim else ""


RESOURCE = Resource(
    group="",
    version="v1",
    kind="PersistentVolume",
    plural="persistentvolumes",
    type=PersistentVolume,
    namespaced=False,
    strategy=PersistentVolumeStrategy(),
    status=PersistentVolumeStatusStrategy(),
    short_names=("pv",),
    columns=(
        NAME,
        Column("Capacity", lambda obj, _: obj.spec.capacity.get("storage", "")),
        Column("Access Modes", lambda obj, _: format_access_modes(obj.spec.access_modes)),
        Column("Reclaim Policy", lambda obj, _: obj.spec.persistent_volume_reclaim_policy),
        Column("Status", _status),
        Column("Claim", _claim),
        Column("StorageClass", lambda obj, _: storage_class_name(obj)),
        Column("VolumeAttributesClass", lambda obj, _: obj.spec.volume_attributes_class_name or UNSET),
        Column("Reason", lambda obj, _: obj.status.reason or ""),
        AGE,
        Column("VolumeMode", lambda obj, _: obj.spec.volume_mode or UNSET, priority=1),
    ),
)
