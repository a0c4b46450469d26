"""Which volume suits a claim. Pure. The rules are those of component-helpers' `storage/volume/pv_helpers.go`."""

from collections.abc import Iterable

from petset.api.quantity import Quantity, parse
from petset.api.selectors import selector_of
from petset.api.types import Node, PersistentVolume, PersistentVolumeClaim
from petset.controllers.scheduler.fit import matches as node_matches
from petset.controllers.volumes.model import ObservedClaim
from petset.kinds import persistentvolume, persistentvolumeclaim


def size_of(volume: PersistentVolume) -> Quantity:
    """The volume's capacity; zero when it names none."""
    return parse(volume.spec.capacity.get("storage", "0"))


def requested(claim: PersistentVolumeClaim) -> Quantity:
    """The capacity the claim asks for."""
    return parse(claim.spec.resources.requests.get("storage", "0"))


def is_claimed_by(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Whether the volume's claimRef means the claim; one without uid, which a person wrote, means it by name."""
    ref = volume.spec.claim_ref
    if ref is None or (ref.namespace, ref.name) != (claim.metadata.namespace, claim.metadata.name):
        return False
    return not ref.uid or ref.uid == claim.metadata.uid


def mismatch(volume: PersistentVolume, claim: PersistentVolumeClaim) -> str | None:
    """Why a volume that the claim names itself cannot be bound to it, in upstream's words; None when it can."""
    if size_of(volume) < requested(claim):
        return "requested PV is too small"
    if persistentvolume.storage_class_name(volume) != persistentvolumeclaim.storage_class_name(claim):
        return "storageClassName does not match"
    if not _same_mode(volume, claim):
        return "incompatible volumeMode"
    if not _has_access_modes(volume, claim):
        return "incompatible accessMode"
    return None


def best_match(seen: ObservedClaim, *, delayed: bool) -> PersistentVolume | None:
    """The volume to bind: one reserved for the claim, else the smallest free one that fits.

    Of the free ones those with the fewest access modes come first. `delayed`: only a reserved one will do, since the
    first consumer has no node yet.
    """
    usable = [v for v in seen.candidates if _fits(v, seen.claim)]
    reserved = [volume for volume in usable if is_claimed_by(volume, seen.claim)]
    if reserved:
        # One that was taken already, by uid, goes before one that is only meant for the claim.
        return min(reserved, key=lambda v: (not (v.spec.claim_ref and v.spec.claim_ref.uid), *_preference(v)))
    free = () if delayed else _free(usable, seen)
    return min(free, key=_preference, default=None)


def _free(volumes: Iterable[PersistentVolume], seen: ObservedClaim) -> Iterable[PersistentVolume]:
    wanted_class = persistentvolumeclaim.storage_class_name(seen.claim)
    selector = seen.claim.spec.selector
    for volume in volumes:
        if volume.spec.claim_ref is not None or volume.status.phase != "Available":
            continue
        if volume.metadata.deletion_timestamp is not None:
            continue
        if persistentvolume.storage_class_name(volume) != wanted_class or not _reachable(volume, seen.node):
            continue
        if selector is None or selector_of(selector).matches(volume.metadata.labels):
            yield volume


def _fits(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    large_enough = size_of(volume) >= requested(claim)
    return large_enough and _same_mode(volume, claim) and _has_access_modes(volume, claim)


def _preference(volume: PersistentVolume) -> tuple[int, Quantity, str]:
    return len(volume.spec.access_modes), size_of(volume), volume.metadata.name


def _same_mode(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    return (volume.spec.volume_mode or "Filesystem") == (claim.spec.volume_mode or "Filesystem")


def _has_access_modes(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    return set(claim.spec.access_modes) <= set(volume.spec.access_modes)


def _reachable(volume: PersistentVolume, node: Node | None) -> bool:
    affinity = volume.spec.node_affinity
    if node is None or affinity is None or affinity.required is None:
        return True
    return node_matches(affinity.required, node)
