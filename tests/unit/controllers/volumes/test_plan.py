"""Binding, phase by phase: what the binder writes next, and what it says."""

import pytest

from petset.api.types import (
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimStatus,
    StorageClass,
)
from petset.controllers.volumes.model import ObservedClaim, ObservedVolume, Plan, Tell, Write
from petset.controllers.volumes.plan import plan_claim, plan_volume
from tests.unit.controllers.toycluster import claim, storage_class, volume

BOUND = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}


def pending(class_: str = "") -> PersistentVolumeClaim:
    pending = claim(class_=class_)
    pending.metadata.uid = "claim-uid"
    pending.metadata.resource_version = "7"
    pending.status.phase = "Pending"
    return pending


def naming(name: str = "disk", *, completed: bool = False) -> PersistentVolumeClaim:
    naming = pending()
    naming.spec.volume_name = name
    if completed:
        naming.metadata.annotations = dict(BOUND)
    return naming


def bound() -> PersistentVolumeClaim:
    bound = naming(completed=True)
    bound.status = PersistentVolumeClaimStatus(
        phase="Bound", access_modes=["ReadWriteOnce"], capacity={"storage": "1Gi"}
    )
    return bound


def available() -> PersistentVolume:
    available = volume()
    available.status.phase = "Available"
    return available


def claimed(uid: str | None = "claim-uid", phase: str = "Bound", *, by_controller: bool = True) -> PersistentVolume:
    claimed = volume()
    claimed.spec.claim_ref = ObjectReference(namespace="default", name="www", uid=uid)
    claimed.status.phase = phase
    if by_controller:
        claimed.metadata.annotations = {"pv.kubernetes.io/bound-by-controller": "yes"}
    return claimed


def told(plan: Plan) -> list[tuple[str, str]]:
    return [(action.type, action.reason) for action in plan.actions if isinstance(action, Tell)]


def written(plan: Plan) -> Write:
    (write,) = [action for action in plan.actions if isinstance(action, Write)]
    return write


# --- the four writes of a binding -------------------------------------------------------------------------------------


def test_first_the_volume_is_claimed() -> None:
    write = written(plan_claim(ObservedClaim(pending(), candidates=(available(),))))
    assert str(write) == "write PersistentVolume disk"
    assert isinstance(write.obj, PersistentVolume)
    assert write.obj.spec.claim_ref == ObjectReference(
        api_version="v1",
        kind="PersistentVolumeClaim",
        namespace="default",
        name="www",
        uid="claim-uid",
        resource_version="7",
    )
    assert write.obj.metadata.annotations == {"pv.kubernetes.io/bound-by-controller": "yes"}


def test_then_the_volume_shows_it() -> None:
    write = written(plan_claim(ObservedClaim(pending(), candidates=(claimed(phase="Available"),))))
    assert str(write) == "write status of PersistentVolume disk"
    assert write.obj.status.phase == "Bound"


def test_then_the_claim_names_the_volume() -> None:
    write = written(plan_claim(ObservedClaim(pending(), candidates=(claimed(),))))
    assert str(write) == "write PersistentVolumeClaim www"
    assert isinstance(write.obj, PersistentVolumeClaim)
    assert write.obj.spec.volume_name == "disk"
    assert write.obj.metadata.annotations == BOUND


def test_at_last_the_claim_shows_it() -> None:
    write = written(plan_claim(ObservedClaim(naming(completed=True), named=claimed())))
    assert str(write) == "write status of PersistentVolumeClaim www"
    assert write.obj.status == bound().status


def test_then_nothing_is_left_to_do() -> None:
    assert plan_claim(ObservedClaim(bound(), named=claimed())) == Plan()
    assert plan_volume(ObservedVolume(claimed(), bound())) == Plan()


def test_a_reservation_by_hand_gets_the_uid_and_stays_one() -> None:
    reserved = claimed(uid=None, phase="Available", by_controller=False)
    write = written(plan_claim(ObservedClaim(pending(), candidates=(reserved,))))
    assert isinstance(write.obj, PersistentVolume)
    assert write.obj.spec.claim_ref is not None
    assert write.obj.spec.claim_ref.uid == "claim-uid"
    assert write.obj.metadata.annotations == {}


def test_a_bound_claim_shows_the_capacity_it_was_bound_with_until_it_has_grown() -> None:
    grown = claimed()
    grown.spec.capacity = {"storage": "5Gi"}
    assert plan_claim(ObservedClaim(bound(), named=grown)) == Plan()


# --- claims that cannot be bound --------------------------------------------------------------------------------------


def of(provisioner: str, mode: str = "Immediate") -> StorageClass:
    return storage_class("fast", provisioner=provisioner, mode=mode)


@pytest.mark.parametrize(
    ("class_name", "class_", "event", "message"),
    [
        ("", None, ("Normal", "FailedBinding"), "no persistent volumes available for this claim and no storage class"),
        ("fast", None, ("Warning", "ProvisioningFailed"), 'storageclass.storage.k8s.io "fast" not found'),
        (
            "fast",
            of("kubernetes.io/no-provisioner"),
            ("Warning", "ProvisioningFailed"),
            "no volume plugin matched name: kubernetes.io/no-provisioner",
        ),
        (
            "fast",
            of("kubernetes.io/no-provisioner", "WaitForFirstConsumer"),
            ("Normal", "WaitForFirstConsumer"),
            "waiting for first consumer to be created before binding",
        ),
        (
            "fast",
            of("petset.io/directory", "WaitForFirstConsumer"),
            ("Normal", "WaitForFirstConsumer"),
            "waiting for first consumer to be created before binding",
        ),
    ],
)
def test_a_claim_says_what_it_waits_for(
    class_name: str, class_: StorageClass | None, event: tuple[str, str], message: str
) -> None:
    decided = plan_claim(ObservedClaim(pending(class_name), class_))
    assert told(decided) == [event]
    (action,) = decided.actions
    assert isinstance(action, Tell)
    assert action.message.startswith(message)


@pytest.mark.parametrize("provisioner", ["petset.io/directory", "example.com/disks"])
def test_the_provisioner_of_the_class_is_asked(provisioner: str) -> None:
    write = written(plan_claim(ObservedClaim(pending("fast"), of(provisioner))))
    assert write.obj.metadata.annotations == {
        "volume.kubernetes.io/storage-provisioner": provisioner,
        "volume.beta.kubernetes.io/storage-provisioner": provisioner,
    }


def test_waiting_for_somebody_elses_provisioner_is_said() -> None:
    asked = pending("fast")
    asked.metadata.annotations["volume.kubernetes.io/storage-provisioner"] = "example.com/disks"
    decided = plan_claim(ObservedClaim(asked, of("example.com/disks")))
    assert told(decided) == [("Normal", "ExternalProvisioning")]
    assert "by the external provisioner 'example.com/disks' or manually" in str(decided)


@pytest.mark.parametrize(
    ("named", "events"),
    [
        (None, []),
        (volume(size="1Mi"), [("Warning", "VolumeMismatch")]),
        (claimed(uid="other"), [("Warning", "FailedBinding")]),
    ],
)
def test_a_named_volume_that_cannot_be_bound(named: PersistentVolume | None, events: list[tuple[str, str]]) -> None:
    decided = plan_claim(ObservedClaim(naming(), named=named))
    assert told(decided) == events
    assert not [action for action in decided.actions if isinstance(action, Write)]


def test_a_claim_that_goes_away_is_not_bound_any_more() -> None:
    ending = pending()
    ending.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    assert plan_claim(ObservedClaim(ending, candidates=(available(),))) == Plan()


# --- claims that lost their volume ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("volume_name", "named", "reason"),
    [("", None, "ClaimLost"), ("disk", None, "ClaimLost"), ("disk", claimed(uid="other"), "ClaimMisbound")],
)
def test_a_bound_claim_is_lost_with_its_volume(volume_name: str, named: PersistentVolume | None, reason: str) -> None:
    lost = bound()
    lost.spec.volume_name = volume_name or None
    decided = plan_claim(ObservedClaim(lost, named=named, candidates=(available(),)))
    write = written(decided)
    assert told(decided) == [("Warning", reason)]
    assert write.obj.status == PersistentVolumeClaimStatus(phase="Lost")
    lost.status.phase = "Lost"
    assert plan_claim(ObservedClaim(lost, named=named)) == Plan(), "it is said once"


def test_a_bound_claim_takes_a_volume_back_that_lost_its_reference() -> None:
    write = written(plan_claim(ObservedClaim(bound(), named=available())))
    assert isinstance(write.obj, PersistentVolume)
    assert write.obj.spec.claim_ref is not None
    assert write.obj.spec.claim_ref.uid == "claim-uid"


# --- volumes ----------------------------------------------------------------------------------------------------------


def policy(volume: PersistentVolume, policy: str, provisioner: str = "") -> PersistentVolume:
    volume.spec.persistent_volume_reclaim_policy = policy
    if provisioner:
        volume.metadata.annotations["pv.kubernetes.io/provisioned-by"] = provisioner
    return volume


def elsewhere() -> PersistentVolumeClaim:
    return naming("another", completed=True)


@pytest.mark.parametrize(
    ("found", "owner", "phase", "events"),
    [
        (volume(), None, "Available", []),
        (claimed(uid=None, phase="Pending"), None, "Available", []),
        (available(), None, None, []),
        (claimed(phase="Pending"), pending(), None, []),
        (claimed(phase="Available"), bound(), "Bound", []),
        (claimed(), None, "Released", []),
        (claimed(phase="Pending"), None, "Released", []),
        (policy(claimed(phase="Released"), "Retain"), None, None, []),
        (policy(claimed(phase="Released"), "Delete"), None, "Failed", [("Warning", "VolumeFailedDelete")]),
        (policy(claimed(phase="Released"), "Delete", "petset.io/directory"), None, None, []),
        (policy(claimed(phase="Released"), "Delete", "example.com/disks"), None, None, []),
        (policy(claimed(phase="Released"), "Recycle"), None, "Failed", [("Warning", "VolumeFailedRecycle")]),
        (policy(claimed(phase="Failed"), "Delete"), None, None, []),
        (policy(claimed(), "Delete", "petset.io/directory"), elsewhere(), "Released", []),
    ],
)
def test_the_phase_of_a_volume(
    found: PersistentVolume, owner: PersistentVolumeClaim | None, phase: str | None, events: list[tuple[str, str]]
) -> None:
    decided = plan_volume(ObservedVolume(found, owner))
    assert told(decided) == events
    writes = [action for action in decided.actions if isinstance(action, Write)]
    assert [(write.subresource, write.obj.status.phase) for write in writes] == ([("status", phase)] if phase else [])


@pytest.mark.parametrize(("by_controller", "left"), [(True, None), (False, ("www", None))])
def test_a_volume_whose_claim_has_another_one_is_let_go(
    by_controller: bool, left: tuple[str, str | None] | None
) -> None:
    found = claimed(by_controller=by_controller)
    write = written(plan_volume(ObservedVolume(found, elsewhere())))
    assert isinstance(write.obj, PersistentVolume)
    ref = write.obj.spec.claim_ref
    assert ((ref.name, ref.uid) if ref is not None else None) == left
    assert "pv.kubernetes.io/bound-by-controller" not in write.obj.metadata.annotations
