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
    first = next((ref for ref in claim.metadata.owner_references if _names(ref, owner)), None)
    return first is not None and first.uid != owner.metadata.uid


def has_foreign_controller(claim: PersistentVolumeClaim, set_: StatefulSet, pod: Pod) -> bool:
    """Whether somebody else controls the claim, an earlier set or pod of the same name included.

    Without a policy nobody asks: whoever likes may control a claim that is kept anyway.
    """
    if _policy(set_) == ("Retain", "Retain"):
        return False
    for ref in claim.metadata.owner_references:
        ours = next((owner for owner in (set_, pod) if _names(ref, owner)), None)
        if ours is None and ref.controller:
            return True
        if ours is not None and ref.uid != ours.metadata.uid:
            return True
    return False


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
    """A copy of the claim owned as the policy wants it; other owners stay, before ours.

    Next to a foreign controller there is no place for ours.
    """
    owned = copy(claim)
    uids = (set_.metadata.uid, pod.metadata.uid)
    refs = owned.metadata.owner_references
    others = [ref for ref in refs if not (ref.uid in uids or _names(ref, set_) or _names(ref, pod))]
    foreign = has_foreign_controller(claim, set_, pod)
    owned.metadata.owner_references = others + ([] if foreign else _wanted_owners(set_, pod, in_range=in_range))
    return owned


def blocks_creation(claim: PersistentVolumeClaim, set_: StatefulSet, pod: Pod) -> bool:
    """Whether a pod must wait because its claim still goes away with an earlier pod of the same name."""
    return _policy(set_)[0] == "Delete" and is_stale(claim, pod)
