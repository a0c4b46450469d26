"""Who owns a claim, under each persistentVolumeClaimRetentionPolicy. Pure.

The policy works through owner references: a claim that the set owns goes with the set, a claim that a condemned pod
owns goes with the pod. The garbage collector does the deleting.
"""

from petset.api.meta import copy, owner_reference
from petset.api.types import OwnerReference, PersistentVolumeClaim, Pod, StatefulSet


def _policy(set_: StatefulSet) -> tuple[str, str]:
    policy = set_.spec.persistent_volume_claim_retention_policy
    if policy is None:
        return "Retain", "Retain"
    return policy.when_scaled or "Retain", policy.when_deleted or "Retain"


def _wanted_owners(set_: StatefulSet, pod: Pod, *, in_range: bool) -> list[OwnerReference]:
    when_scaled, when_deleted = _policy(set_)
    if not in_range and when_scaled == "Delete":
        return [owner_reference(pod)]
    if when_deleted == "Delete":
        return [owner_reference(set_)]
    return []


def _names(ref: OwnerReference, owner: StatefulSet | Pod) -> bool:
    return (ref.name, ref.kind, ref.api_version) == (owner.metadata.name, owner.kind, owner.api_version)


def is_stale(claim: PersistentVolumeClaim, owner: StatefulSet | Pod) -> bool:
    """Whether the claim still belongs to an earlier object of the owner's name, which is gone or going."""
    return any(_names(ref, owner) and ref.uid != owner.metadata.uid for ref in claim.metadata.owner_references)


def has_foreign_controller(claim: PersistentVolumeClaim, set_: StatefulSet, pod: Pod) -> bool:
    """Whether somebody else controls the claim. Without a policy nobody asks."""
    if _policy(set_) == ("Retain", "Retain"):
        return False
    ours = (set_.metadata.uid, pod.metadata.uid)
    return any(ref.controller and ref.uid not in ours for ref in claim.metadata.owner_references)


def owners_match(claim: PersistentVolumeClaim, set_: StatefulSet, pod: Pod, *, in_range: bool) -> bool:
    """Whether the claim's owners need no change; a claim with stale owners is left alone."""
    if is_stale(claim, set_) or is_stale(claim, pod):
        return True
    ours = [ref for ref in claim.metadata.owner_references if ref.uid in (set_.metadata.uid, pod.metadata.uid)]
    if has_foreign_controller(claim, set_, pod):
        return not ours
    if any(not ref.controller for ref in ours):
        return False
    wanted = {ref.uid for ref in _wanted_owners(set_, pod, in_range=in_range)}
    return {ref.uid for ref in ours} == wanted


def with_owners(claim: PersistentVolumeClaim, set_: StatefulSet, pod: Pod, *, in_range: bool) -> PersistentVolumeClaim:
    """A copy of the claim owned as the policy wants it; other owners stay, before ours."""
    owned = copy(claim)
    foreign = has_foreign_controller(claim, set_, pod)
    ours = (set_.metadata.uid, pod.metadata.uid)
    owned.metadata.owner_references = [ref for ref in owned.metadata.owner_references if ref.uid not in ours]
    if not foreign:
        owned.metadata.owner_references += _wanted_owners(set_, pod, in_range=in_range)
    return owned


def blocks_creation(claim: PersistentVolumeClaim, set_: StatefulSet, pod: Pod) -> bool:
    """Whether a pod must wait because its claim still goes away with an earlier pod of the same name."""
    return _policy(set_)[0] == "Delete" and is_stale(claim, pod)
