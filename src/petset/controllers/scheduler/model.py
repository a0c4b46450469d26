"""What one scheduling decision looks at, and what it says. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass

from petset.api.types import Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass
from petset.controllers.scheduler.usage import Usage


@dataclass(frozen=True, slots=True)
class Observed:
    """A pod without a node, the nodes with what is taken up on them, and the pod's claims with what belongs to them.

    `free` has the volumes that anybody may claim, by class.
    """

    pod: Pod
    nodes: tuple[Node, ...]
    usage: Mapping[str, Usage]
    claims: Mapping[str, PersistentVolumeClaim | None]
    volumes: Mapping[str, PersistentVolume]
    classes: Mapping[str, StorageClass]
    free: Mapping[str, tuple[PersistentVolume, ...]]


@dataclass(frozen=True, slots=True)
class Bind:
    """Gives the pod its node."""

    node: str

    def __str__(self) -> str:
        return f"bind to {self.node}"


@dataclass(frozen=True, slots=True)
class SelectNode:
    """Tells claims that waited for their first consumer where it will be; the pod is bound once they are."""

    node: str
    claims: tuple[PersistentVolumeClaim, ...]

    def __str__(self) -> str:
        return f"select {self.node} for claim {', '.join(claim.metadata.name for claim in self.claims)}"


@dataclass(frozen=True, slots=True)
class Wait:
    """No node, for now; `message` says why."""

    message: str

    def __str__(self) -> str:
        return self.message


@dataclass(frozen=True, slots=True)
class AwaitVolumes:
    """A node is found, its volumes are being bound: nothing to report unless it takes long."""

    message: str

    def __str__(self) -> str:
        return self.message


Plan = Bind | SelectNode | Wait | AwaitVolumes
