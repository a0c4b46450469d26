"""StorageClass: how volumes of a kind are made; one of them may be the default."""

from datetime import datetime

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import StorageClass
from petset.kinds.columns import AGE, UNSET

DEFAULT_ANNOTATION = "storageclass.kubernetes.io/is-default-class"
_BETA_DEFAULT_ANNOTATION = "storageclass.beta.kubernetes.io/is-default-class"


def is_default(obj: StorageClass) -> bool:
    """Whether claims that name no class get this one."""
    annotations = obj.metadata.annotations
    return "true" in {annotations.get(DEFAULT_ANNOTATION), annotations.get(_BETA_DEFAULT_ANNOTATION)}


class StorageClassStrategy(Strategy[StorageClass]):
    """What describes the volumes is fixed once the class exists."""

    def default(self, obj: StorageClass) -> None:
        """Volumes are made at once and deleted with their claim."""
        obj.reclaim_policy = obj.reclaim_policy or "Delete"
        obj.volume_binding_mode = obj.volume_binding_mode or "Immediate"


def _name(obj: StorageClass, _: datetime) -> str:
    return f"{obj.metadata.name} (default)" if is_default(obj) else obj.metadata.name or ""


RESOURCE = Resource(
    group="storage.k8s.io",
    version="v1",
    kind="StorageClass",
    plural="storageclasses",
    type=StorageClass,
    namespaced=False,
    strategy=StorageClassStrategy(),
    short_names=("sc",),
    columns=(
        Column("Name", _name, format="name"),
        Column("Provisioner", lambda obj, _: obj.provisioner),
        Column("ReclaimPolicy", lambda obj, _: obj.reclaim_policy or "Delete"),
        Column("VolumeBindingMode", lambda obj, _: obj.volume_binding_mode or UNSET),
        Column("AllowVolumeExpansion", lambda obj, _: "true" if obj.allow_volume_expansion else "false"),
        AGE,
    ),
)
