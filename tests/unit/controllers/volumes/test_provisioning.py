"""What the provisioner makes, lets grow and removes: one row a rule."""

from pathlib import Path

import pytest

from petset.api.types import (
    LabelSelector,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
    TypedLocalObjectReference,
)
from petset.controllers.volumes.model import DATA_PROTECTION, MakeVolume, Plan, Tell, Write
from petset.controllers.volumes.provisioning import Demand, plan_demand, plan_reclaim
from tests.unit.controllers.toycluster import claim, storage_class, volume

ROOT = Path("/volumes")
UID = "0123456789ab"
ASKED = {"volume.kubernetes.io/storage-provisioner": "petset.io/directory"}


def asking(**spec: object) -> PersistentVolumeClaim:
    asking = claim()
    asking.metadata.uid = UID
    asking.metadata.annotations = dict(ASKED)
    for name, value in spec.items():
        setattr(asking.spec, name, value)
    return asking


def terminating() -> PersistentVolumeClaim:
    ending = asking()
    ending.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return ending


def with_parameters(**parameters: str) -> StorageClass:
    class_ = storage_class()
    class_.parameters = parameters
    return class_


def selected() -> PersistentVolumeClaim:
    selected = asking()
    selected.metadata.annotations["volume.kubernetes.io/selected-node"] = "node-1"
    return selected


def older() -> PersistentVolumeClaim:
    older = asking()
    older.metadata.annotations = {"volume.beta.kubernetes.io/storage-provisioner": "petset.io/directory"}
    return older


def unasked() -> PersistentVolumeClaim:
    unasked = asking()
    unasked.metadata.annotations = {}
    return unasked


WAITS = storage_class(mode="WaitForFirstConsumer")


@pytest.mark.parametrize(
    ("asked", "class_", "existing", "made"),
    [
        (asking(), storage_class(), None, True),
        (older(), storage_class(), None, True),
        (unasked(), storage_class(), None, False),
        (asking(), None, None, False),
        (asking(), storage_class(provisioner="example.com/disks"), None, False),
        (asking(), storage_class(), volume(), False),
        (terminating(), storage_class(), None, False),
        (asking(), WAITS, None, False),
        (selected(), WAITS, None, True),
    ],
)
def test_when_a_volume_is_made(
    asked: PersistentVolumeClaim, class_: StorageClass | None, existing: PersistentVolume | None, *, made: bool
) -> None:
    decided = plan_demand(Demand(asked, class_, existing, ROOT))
    assert bool([action for action in decided.actions if isinstance(action, MakeVolume)]) == made


def test_what_is_made() -> None:
    class_ = storage_class(reclaim="Retain")
    class_.mount_options = ["noatime"]
    decided = plan_demand(Demand(asking(access_modes=["ReadWriteOncePod"]), class_, None, ROOT))
    assert [str(action).split(" of ")[0] for action in decided.actions] == [
        "Normal Provisioning",
        f"make volume pvc-{UID} at /volumes/default/www-01234567",
        "Normal ProvisioningSucceeded",
    ]
    (make,) = [action for action in decided.actions if isinstance(action, MakeVolume)]
    spec = make.volume.spec
    assert spec.access_modes == ["ReadWriteOncePod"]
    assert spec.capacity == {"storage": "1Gi"}
    assert spec.mount_options == ["noatime"]
    assert spec.persistent_volume_reclaim_policy == "Retain"
    assert spec.volume_mode == "Filesystem"
    assert make.volume.metadata.finalizers == [DATA_PROTECTION]


@pytest.mark.parametrize(
    ("asked", "class_", "why"),
    [
        (
            asking(volume_mode="Block"),
            storage_class(),
            "petset.io/directory does not support block volume provisioning",
        ),
        (asking(selector=LabelSelector()), storage_class(), "claim.Spec.Selector is not supported"),
        (
            asking(data_source=TypedLocalObjectReference(kind="VolumeSnapshot", name="s")),
            storage_class(),
            "data sources are not supported",
        ),
        (asking(), with_parameters(size="9"), 'parameter "size" is not supported'),
        (asking(), with_parameters(path="srv"), 'parameter "path" is not an absolute path without "..": srv'),
        (asking(), with_parameters(path="/srv/../etc"), 'parameter "path" is not an absolute path without ".."'),
        (asking(), with_parameters(path="/"), 'parameter "path" is not an absolute path without ".."'),
    ],
)
def test_what_a_directory_cannot_be(asked: PersistentVolumeClaim, class_: StorageClass, why: str) -> None:
    (tell,) = plan_demand(Demand(asked, class_, None, ROOT)).actions
    assert isinstance(tell, Tell)
    assert (tell.type, tell.reason) == ("Warning", "ProvisioningFailed")
    assert tell.message.startswith(f'failed to provision volume with StorageClass "standard": {why}')


# --- growth -----------------------------------------------------------------------------------------------------------


def bound(size: str, shown: str) -> PersistentVolumeClaim:
    bound = asking(volume_name=f"pvc-{UID}")
    bound.spec.resources.requests = {"storage": size}
    bound.status.phase = "Bound"
    bound.status.capacity = {"storage": shown}
    return bound


def made(size: str = "1Gi", provisioner: str = "petset.io/directory", phase: str = "Bound") -> PersistentVolume:
    made = volume(f"pvc-{UID}", size, "standard", "Delete")
    made.metadata.annotations = {"pv.kubernetes.io/provisioned-by": provisioner}
    made.metadata.finalizers = [DATA_PROTECTION]
    made.spec.claim_ref = ObjectReference(namespace="default", name="www", uid=UID)
    assert made.spec.host_path is not None
    made.spec.host_path.path = "/volumes/default/www-01234567"
    made.status.phase = phase
    return made


@pytest.mark.parametrize(
    ("asked", "existing", "class_", "said"),
    [
        (bound("1Gi", "1Gi"), made(), storage_class(), "nothing to do"),
        (bound("5Gi", "1Gi"), made(), storage_class(), f"write PersistentVolume pvc-{UID}"),
        (bound("5Gi", "1Gi"), made(), storage_class(grows=False), "nothing to do"),
        (bound("5Gi", "1Gi"), made(), None, "nothing to do"),
        (bound("5Gi", "1Gi"), made(provisioner="example.com/disks"), storage_class(), "nothing to do"),
        (
            bound("5Gi", "1Gi"),
            made("5Gi"),
            storage_class(),
            "write status of PersistentVolumeClaim www; Normal VolumeResizeSuccessful of www: Resize volume succeeded",
        ),
        (bound("5Gi", "5Gi"), made("5Gi"), storage_class(), "nothing to do"),
        (bound("1Gi", "5Gi"), made("5Gi"), storage_class(), "nothing to do"),
    ],
)
def test_growth(
    asked: PersistentVolumeClaim, existing: PersistentVolume, class_: StorageClass | None, said: str
) -> None:
    assert str(plan_demand(Demand(asked, class_, existing, ROOT))) == said


# --- reclaiming -------------------------------------------------------------------------------------------------------


def ending(volume: PersistentVolume, *, held: bool = True) -> PersistentVolume:
    volume.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    if not held:
        volume.metadata.finalizers = []
    return volume


def retained(volume: PersistentVolume) -> PersistentVolume:
    volume.spec.persistent_volume_reclaim_policy = "Retain"
    return volume


ERASE = "erase /volumes/default/www-01234567"
FREE = f"write PersistentVolume pvc-{UID}"


@pytest.mark.parametrize(
    ("existing", "said"),
    [
        (made(), "nothing to do"),
        (ending(made()), "nothing to do"),
        (made(phase="Available"), "nothing to do"),
        (made(phase="Released"), f"{ERASE}; delete volume pvc-{UID}"),
        (made(phase="Failed"), f"{ERASE}; delete volume pvc-{UID}"),
        (ending(made(phase="Released")), f"{ERASE}; {FREE}"),
        (ending(made(phase="Released"), held=False), "nothing to do"),
        (made(phase="Released", provisioner="example.com/disks"), "nothing to do"),
        (retained(made(phase="Released")), "nothing to do"),
        (ending(retained(made(phase="Released"))), FREE),
        (ending(made(phase="Available")), FREE),
    ],
)
def test_what_becomes_of_a_volume(existing: PersistentVolume, said: str) -> None:
    assert str(plan_reclaim(existing, [ROOT])) == said


@pytest.mark.parametrize(
    "path",
    ["/volumes/default/www-76543210", "/volumes/other/www-01234567", "/etc", "/volumes/default/../../etc", "/volumes"],
)
def test_a_directory_that_was_not_made_for_the_volume_is_never_erased(path: str) -> None:
    forged = made(phase="Released")
    assert forged.spec.host_path is not None
    forged.spec.host_path.path = path
    decided = plan_reclaim(forged, [ROOT])
    write, tell = decided.actions
    assert isinstance(write, Write)
    assert isinstance(tell, Tell)
    assert write.obj.status.phase == "Failed"
    assert tell.message.startswith(f"{path} is not a directory that petset.io/directory made for this volume")
    assert isinstance(write.obj, PersistentVolume)
    assert plan_reclaim(write.obj, [ROOT]) == Plan(), "it is said once"


def test_a_volume_below_the_root_of_its_class_is_erased_there() -> None:
    assert str(plan_reclaim(made(phase="Released"), [Path("/elsewhere"), ROOT])).startswith(ERASE)
