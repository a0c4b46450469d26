"""Binding: pure functions from a claim, or a volume, to the next write.

The rules are those of upstream's `pkg/controller/volume/persistentvolume/pv_controller.go`. A plan has at most one
write; the object's next state leads to the next one. Writes carry the resourceVersion that was seen, so that of two
claims that want one volume the first takes it.
"""

from petset.api.meta import copy, is_terminating
from petset.api.types import (
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimStatus,
    StorageClass,
)
from petset.controllers.volumes.matching import best_match, is_claimed_by, mismatch
from petset.controllers.volumes.model import (
    BETA_STORAGE_PROVISIONER,
    BIND_COMPLETED,
    BOUND_BY_CONTROLLER,
    IN_TREE,
    PROVISIONED_BY,
    PROVISIONER,
    SELECTED_NODE,
    STORAGE_PROVISIONER,
    ObservedClaim,
    ObservedVolume,
    Plan,
    Tell,
    Write,
)
from petset.kinds.persistentvolumeclaim import storage_class_name

# --- claims -----------------------------------------------------------------------------------------------------------


def plan_claim(seen: ObservedClaim) -> Plan:
    """The next step of a claim towards being bound, or away from a volume that is lost."""
    claim = seen.claim
    if BIND_COMPLETED in claim.metadata.annotations:
        return _bound_claim(seen)
    if is_terminating(claim):
        return Plan()
    return _claim_with_volume(seen) if claim.spec.volume_name else _claim_without_volume(seen)


def _bound_claim(seen: ObservedClaim) -> Plan:
    claim, volume = seen.claim, seen.named
    if not claim.spec.volume_name:
        text = "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!"
        return _lost(claim, "ClaimLost", text)
    if volume is None:
        return _lost(claim, "ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!")
    ref = volume.spec.claim_ref
    if ref is None or ref.uid == claim.metadata.uid or is_claimed_by(volume, claim):
        return bind(volume, claim)
    text = "Two claims are bound to the same volume, this one is bound incorrectly"
    return _lost(claim, "ClaimMisbound", text)


def _lost(claim: PersistentVolumeClaim, reason: str, message: str) -> Plan:
    if claim.status.phase == "Lost":
        return Plan()
    lost = copy(claim)
    lost.status = PersistentVolumeClaimStatus(phase="Lost", conditions=lost.status.conditions)
    return Plan((Write(lost, "status"), Tell(claim, "Warning", reason, message)))


def _claim_with_volume(seen: ObservedClaim) -> Plan:
    """Somebody has chosen the volume beforehand."""
    claim, volume = seen.claim, seen.named
    if volume is None:
        return _pending(claim)
    if volume.spec.claim_ref is None:
        why = mismatch(volume, claim)
        if why is None and is_terminating(volume):
            why = "it is being deleted"
        if why is None:
            return bind(volume, claim)
        text = f'Cannot bind to requested volume "{volume.metadata.name}": {why}'
        return _pending(claim, Tell(claim, "Warning", "VolumeMismatch", text))
    if is_claimed_by(volume, claim):
        return bind(volume, claim)
    text = f'volume "{volume.metadata.name}" already bound to a different claim.'
    return _pending(claim, Tell(claim, "Warning", "FailedBinding", text))


def _claim_without_volume(seen: ObservedClaim) -> Plan:
    claim = seen.claim
    delayed = waits_for_consumer(seen.storage_class) and SELECTED_NODE not in claim.metadata.annotations
    volume = best_match(seen, delayed=delayed)
    if volume is not None:
        return bind(volume, claim)
    if delayed:
        text = "waiting for first consumer to be created before binding"
        return _pending(claim, Tell(claim, "Normal", "WaitForFirstConsumer", text))
    if storage_class_name(claim):
        return _ask_for_volume(seen)
    text = "no persistent volumes available for this claim and no storage class is set"
    return _pending(claim, Tell(claim, "Normal", "FailedBinding", text))


def waits_for_consumer(storage_class: StorageClass | None) -> bool:
    """Whether the class binds volumes only once a pod has a node."""
    return storage_class is not None and storage_class.volume_binding_mode == "WaitForFirstConsumer"


def _ask_for_volume(seen: ObservedClaim) -> Plan:
    """Names the provisioner in charge; making the volume is its business."""
    claim, class_ = seen.claim, seen.storage_class
    if class_ is None:
        text = f'storageclass.storage.k8s.io "{storage_class_name(claim)}" not found'
        return _pending(claim, Tell(claim, "Warning", "ProvisioningFailed", text))
    provisioner = class_.provisioner
    if provisioner.startswith(IN_TREE):
        text = f"no volume plugin matched name: {provisioner}"
        return _pending(claim, Tell(claim, "Warning", "ProvisioningFailed", text))
    if claim.metadata.annotations.get(STORAGE_PROVISIONER) != provisioner:
        asked = copy(claim)
        asked.metadata.annotations |= {STORAGE_PROVISIONER: provisioner, BETA_STORAGE_PROVISIONER: provisioner}
        return Plan((Write(asked),))
    if provisioner == PROVISIONER:
        return _pending(claim)
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the "
        "system administrator. If volume creation is delayed, please verify that the provisioner is running and "
        "correctly registered."
    )
    return _pending(claim, Tell(claim, "Normal", "ExternalProvisioning", text))


def _pending(claim: PersistentVolumeClaim, tell: Tell | None = None) -> Plan:
    told = (tell,) if tell is not None else ()
    if claim.status.phase == "Pending":
        return Plan(told)
    pending = copy(claim)
    pending.status.phase = "Pending"
    pending.status.access_modes = []
    pending.status.capacity = {}
    return Plan((*told, Write(pending, "status")))


def bind(volume: PersistentVolume, claim: PersistentVolumeClaim) -> Plan:
    """The first of the four writes of a binding that is not done yet: volume, its phase, claim, its status."""
    claimed = _claimed(volume, claim)
    if claimed != volume:
        return Plan((Write(claimed),))
    if volume.status.phase != "Bound":
        return Plan((_phase(volume, "Bound"),))
    naming = _naming(claim, volume)
    if naming != claim:
        return Plan((Write(naming),))
    showing = _showing(claim, volume)
    return Plan((Write(showing, "status"),)) if showing != claim else Plan()


def claim_reference(claim: PersistentVolumeClaim) -> ObjectReference:
    """What a volume's claimRef says."""
    meta = claim.metadata
    return ObjectReference(
        api_version="v1", kind="PersistentVolumeClaim", namespace=meta.namespace, name=meta.name, uid=meta.uid
    )


def _claimed(volume: PersistentVolume, claim: PersistentVolumeClaim) -> PersistentVolume:
    """The volume with a claimRef to the claim."""
    ref = volume.spec.claim_ref
    if ref is not None and ref.uid == claim.metadata.uid and is_claimed_by(volume, claim):
        return volume
    claimed = copy(volume)
    if not is_claimed_by(volume, claim):
        claimed.metadata.annotations[BOUND_BY_CONTROLLER] = "yes"
    claimed.spec.claim_ref = claim_reference(claim)
    claimed.spec.claim_ref.resource_version = claim.metadata.resource_version
    return claimed


def _naming(claim: PersistentVolumeClaim, volume: PersistentVolume) -> PersistentVolumeClaim:
    """The claim that names its volume."""
    naming = copy(claim)
    if claim.spec.volume_name != volume.metadata.name:
        naming.spec.volume_name = volume.metadata.name
        naming.metadata.annotations[BOUND_BY_CONTROLLER] = "yes"
    naming.metadata.annotations[BIND_COMPLETED] = "yes"
    return naming


def _showing(claim: PersistentVolumeClaim, volume: PersistentVolume) -> PersistentVolumeClaim:
    """The claim whose status shows its volume. Capacity is taken over once: growth is the provisioner's to report."""
    showing = copy(claim)
    showing.status.access_modes = list(volume.spec.access_modes)
    if claim.status.phase != "Bound" or "storage" not in claim.status.capacity:
        showing.status.capacity = dict(volume.spec.capacity)
    showing.status.phase = "Bound"
    return showing


# --- volumes ----------------------------------------------------------------------------------------------------------


def plan_volume(seen: ObservedVolume) -> Plan:
    """The next step of a volume: its phase, and the end of links that lead nowhere."""
    volume, claim = seen.volume, seen.claim
    ref = volume.spec.claim_ref
    if ref is None or not ref.uid:
        return _in_phase(volume, "Available")
    if claim is None:
        return _released(volume)
    if not claim.spec.volume_name:
        return Plan()
    if claim.spec.volume_name == volume.metadata.name:
        return _in_phase(volume, "Bound")
    if PROVISIONED_BY in volume.metadata.annotations and volume.spec.persistent_volume_reclaim_policy == "Delete":
        return _released(volume)
    return _unbound(volume)


def _released(volume: PersistentVolume) -> Plan:
    """The claim is gone. A phase Failed stays: it tells what went wrong."""
    if volume.status.phase not in ("Released", "Failed"):
        return Plan((_phase(volume, "Released"),))
    policy = volume.spec.persistent_volume_reclaim_policy
    if policy == "Recycle":
        return _failed(volume, "VolumeFailedRecycle", "No recycler plugin found for the volume!")
    provisioner = volume.metadata.annotations.get(PROVISIONED_BY, IN_TREE)
    if policy == "Delete" and provisioner.startswith(IN_TREE):
        why = "no deletable volume plugin matched"
        text = f'error getting deleter volume plugin for volume "{volume.metadata.name}": {why}'
        return _failed(volume, "VolumeFailedDelete", text)
    return Plan()


def _failed(volume: PersistentVolume, reason: str, message: str) -> Plan:
    if volume.status.phase == "Failed":
        return Plan()
    return Plan((_phase(volume, "Failed", message), Tell(volume, "Warning", reason, message)))


def _unbound(volume: PersistentVolume) -> Plan:
    """Takes back a link to a claim that has another volume; a person's own reservation stays, without the uid."""
    freed = copy(volume)
    if freed.metadata.annotations.pop(BOUND_BY_CONTROLLER, None) is not None:
        freed.spec.claim_ref = None
    elif freed.spec.claim_ref is not None:
        freed.spec.claim_ref.uid = None
        freed.spec.claim_ref.resource_version = None
    return Plan((Write(freed),))


def _in_phase(volume: PersistentVolume, phase: str) -> Plan:
    return Plan() if volume.status.phase == phase else Plan((_phase(volume, phase),))


def _phase(volume: PersistentVolume, phase: str, message: str | None = None) -> Write:
    changed = copy(volume)
    changed.status.phase = phase
    changed.status.message = message
    changed.status.reason = None
    return Write(changed, "status")
