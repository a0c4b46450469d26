"""PersistentVolume: a piece of storage, made by hand or by a provisioner; claims bind to it."""

from datetime import datetime

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import PersistentVolume, PersistentVolumeStatus
from petset.kinds.columns import AGE, NAME, UNSET, format_access_modes

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
        spec.volume_mode = spec.volume_mode or "Filesystem"

    def prepare_create(self, obj: PersistentVolume) -> None:
        """Pending until the volume controller has seen it."""
        obj.status = PersistentVolumeStatus(phase="Pending")

    def prepare_update(self, obj: PersistentVolume, old: PersistentVolume) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status


class PersistentVolumeStatusStrategy(Strategy[PersistentVolume]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: PersistentVolume, old: PersistentVolume) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


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
