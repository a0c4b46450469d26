"""The StorageClass that every cluster has from the start."""

from petset.api.types import ObjectMeta, StorageClass
from petset.controllers.volumes.model import PROVISIONER
from petset.kinds.storageclass import DEFAULT_ANNOTATION

NAME = "standard"


def default_storage_class() -> StorageClass:
    """The class of claims that name none: a directory, made at once, deleted with its claim, free to grow."""
    return StorageClass(
        metadata=ObjectMeta(name=NAME, annotations={DEFAULT_ANNOTATION: "true"}),
        provisioner=PROVISIONER,
        reclaim_policy="Delete",
        volume_binding_mode="Immediate",
        allow_volume_expansion=True,
    )
