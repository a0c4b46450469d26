"""PersistentVolumeClaim: a wish for storage that binds to one volume; claim templates have its shape too."""

from datetime import datetime

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import PersistentVolumeClaim, PersistentVolumeClaimStatus
from petset.kinds.columns import AGE, NAME, UNSET, format_access_modes

CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
"""Where the class stood before spec.storageClassName; still read first."""


def storage_class_name(obj: PersistentVolumeClaim) -> str:
    """The class a claim asks for; "" for none."""
    return obj.metadata.annotations.get(CLASS_ANNOTATION, obj.spec.storage_class_name or "")


def default_claim(obj: PersistentVolumeClaim) -> None:
    """Fills in what a claim, or a claim template, leaves out."""
    obj.spec.volume_mode = obj.spec.volume_mode or "Filesystem"
    obj.status.phase = obj.status.phase or "Pending"


class PersistentVolumeClaimStrategy(Strategy[PersistentVolumeClaim]):
    """A claim may grow and be bound once; the rest of its spec is fixed."""

    def default(self, obj: PersistentVolumeClaim) -> None:
        """A filesystem, not yet bound."""
        default_claim(obj)

    def prepare_create(self, obj: PersistentVolumeClaim) -> None:
        """Pending until bound."""
        obj.status = PersistentVolumeClaimStatus(phase="Pending")

    def prepare_update(self, obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status


class PersistentVolumeClaimStatusStrategy(Strategy[PersistentVolumeClaim]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: PersistentVolumeClaim, old: PersistentVolumeClaim) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


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
