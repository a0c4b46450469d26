"""What one scheduling decision looks at, and what it says. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass

from petset.api.types import Node, PersistentVolume, PersistentVolumeClaim, Pod, StorageClass


@dataclass(frozen=True, slots=True)
class Observed:
    """A pod without a node, the nodes with the pods on them, and the pod's claims with what belongs to them."""

    pod: Pod
    nodes: tuple[Node, ...]
    running: Mapping[str, tuple[Pod, ...]]
    claims: Mapping[str, PersistentVolumeClaim | None]
    volumes: Mapping[str, PersistentVolume]
    classes: Mapping[str, StorageClass]


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


Plan = Bind | SelectNode | Wait
