"""Which pods use a claim."""

from collections.abc import Iterable

from petset.api.types import Pod

CLAIM_INDEX = "claim"
"""The name of the pods' index by `by_claim`."""


def claim_names(pod: Pod) -> list[str]:
    """The claims a pod mounts, generic ephemeral ones by the name their controller gives them."""
    names: list[str] = []
    for volume in pod.spec.volumes:
        if volume.persistent_volume_claim is not None:
            names.append(volume.persistent_volume_claim.claim_name)
        elif volume.ephemeral is not None:
            names.append(f"{pod.metadata.name}-{volume.name}")
    return names


def by_claim(pod: Pod) -> Iterable[str]:
    """Index function: `namespace/claim` of every claim a pod mounts."""
    return (f"{pod.metadata.namespace}/{name}" for name in claim_names(pod))
