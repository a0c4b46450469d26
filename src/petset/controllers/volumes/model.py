"""The words of volume binding, what one decision looks at, and what it says. Values only."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from petset.api.types import Node, PersistentVolume, PersistentVolumeClaim, StorageClass

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
"""On a claim: it was bound, and whatever happens is never bound to another volume."""
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
"""On a claim or volume: the link was made by the binder, not by a person beforehand."""
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
"""On a volume: who made it, and will remove it."""
STORAGE_PROVISIONER = "volume.kubernetes.io/storage-provisioner"
"""On a claim: who is to make a volume for it."""
BETA_STORAGE_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
"""The older form of the same, which provisioners in the field still read."""
SELECTED_NODE = "volume.kubernetes.io/selected-node"
"""On a claim: where its first consumer will run; set by the scheduler."""

CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
DATA_PROTECTION = "external-provisioner.volume.kubernetes.io/finalizer"
"""On a volume: its provisioner has to deal with the data before the object may go."""

PROVISIONER = "petset.io/directory"
"""The provisioner of this package: a volume is a directory of the machine."""
IN_TREE = "kubernetes.io/"
"""Provisioners that once were part of Kubernetes; none of them is here."""


@dataclass(frozen=True, slots=True)
class ObservedClaim:
    """A claim, its class, the volume it names, and the volumes it could be bound to.

    `candidates` are the free volumes of its class and those whose claimRef names it. `node` is the selected node.
    """

    claim: PersistentVolumeClaim
    storage_class: StorageClass | None = None
    named: PersistentVolume | None = None
    candidates: tuple[PersistentVolume, ...] = ()
    node: Node | None = None


@dataclass(frozen=True, slots=True)
class ObservedVolume:
    """A volume, and the claim its claimRef means: the same uid, not just the same name."""

    volume: PersistentVolume
    claim: PersistentVolumeClaim | None = None


@dataclass(frozen=True, slots=True)
class Write:
    """Puts an object, or its status, in the place of the one that was seen."""

    obj: PersistentVolume | PersistentVolumeClaim
    subresource: Literal["", "status"] = ""

    def __str__(self) -> str:
        part = f"{self.subresource} of " if self.subresource else ""
        return f"write {part}{self.obj.kind} {self.obj.metadata.name}"


@dataclass(frozen=True, slots=True)
class Tell:
    """Records an event."""

    about: PersistentVolume | PersistentVolumeClaim
    type: Literal["Normal", "Warning"]
    reason: str
    message: str

    def __str__(self) -> str:
        return f"{self.type} {self.reason} of {self.about.metadata.name}: {self.message}"


@dataclass(frozen=True, slots=True)
class MakeVolume:
    """Makes a directory, then the volume that stands for it."""

    volume: PersistentVolume
    path: Path

    def __str__(self) -> str:
        return f"make volume {self.volume.metadata.name} at {self.path}"


@dataclass(frozen=True, slots=True)
class EraseDirectory:
    """Removes a volume's directory, which has to be below `root`."""

    volume: PersistentVolume
    path: Path
    root: Path

    def __str__(self) -> str:
        return f"erase {self.path}"


@dataclass(frozen=True, slots=True)
class DeleteVolume:
    """Deletes the volume's object."""

    volume: PersistentVolume

    def __str__(self) -> str:
        return f"delete volume {self.volume.metadata.name}"


Action = Write | Tell | MakeVolume | EraseDirectory | DeleteVolume


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in order, up to the first failure. A write makes the claim or volume be looked at again."""

    actions: tuple[Action, ...] = ()

    def __str__(self) -> str:
        return "; ".join(str(action) for action in self.actions) or "nothing to do"
