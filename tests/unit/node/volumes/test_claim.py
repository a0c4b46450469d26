from pathlib import Path

import pytest

from petset.api.types import (
    EphemeralVolumeSource,
    HostPathVolumeSource,
    LocalVolumeSource,
    NFSVolumeSource,
    ObjectMeta,
    ObjectReference,
    OwnerReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    PersistentVolumeSpec,
    Volume,
)
from petset.node.volumes.claim import ClaimUse, claim_of, claim_problem, directory_of, takes_group, volume_problem
from petset.node.volumes.errors import SetUpFailed
from tests.unit.node.given import UID, pod

USE = ClaimUse("www-web-0", read_only=False, ephemeral=False)


def claim(phase: str = "Bound", volume: str = "pv-1") -> PersistentVolumeClaim:
    result = PersistentVolumeClaim(metadata=ObjectMeta(name="www-web-0", namespace="default", uid="c1"))
    result.status.phase, result.spec.volume_name = phase, volume
    return result


def volume(path: Path = Path("/nowhere"), *, claim_uid: str | None = "c1") -> PersistentVolume:
    spec = PersistentVolumeSpec(local=LocalVolumeSource(path=str(path)))
    if claim_uid is not None:
        spec.claim_ref = ObjectReference(name="www-web-0", uid=claim_uid)
    return PersistentVolume(metadata=ObjectMeta(name="pv-1"), spec=spec)


def test_a_volume_names_its_claim() -> None:
    source = PersistentVolumeClaimVolumeSource(claim_name="c", read_only=True)
    assert claim_of(pod(), Volume(name="v", persistent_volume_claim=source)) == ClaimUse("c", True, ephemeral=False)
    ephemeral = Volume(name="scratch", ephemeral=EphemeralVolumeSource())
    assert claim_of(pod(), ephemeral) == ClaimUse("web-0-scratch", False, ephemeral=True)
    assert claim_of(pod(), Volume(name="v")) is None


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (claim(), None),
        (claim("Pending", ""), "PVC is not bound"),
        (claim("Lost"), "PVC is not bound"),
        (claim("Bound", ""), "PVC has empty pvc.Spec.VolumeName"),
    ],
)
def test_a_claim_has_to_be_bound(found: PersistentVolumeClaim, problem: str | None) -> None:
    assert claim_problem(pod(), found, USE, in_use=False) == problem


def test_a_claim_that_is_being_deleted_serves_only_who_has_it_already() -> None:
    terminating = claim()
    terminating.metadata.deletion_timestamp = "2026-11-23T06:00:00Z"
    assert claim_problem(pod(), terminating, USE, in_use=False) == "PVC is being deleted"
    assert claim_problem(pod(), terminating, USE, in_use=True) is None


def test_an_ephemeral_volumes_claim_has_to_be_the_pods() -> None:
    use = ClaimUse("www-web-0", read_only=False, ephemeral=True)
    foreign = claim()
    expected = "PVC default/www-web-0 was not created for pod default/web-0 (pod is not owner)"
    assert claim_problem(pod(), foreign, use, in_use=False) == expected
    owner = OwnerReference(api_version="v1", kind="Pod", name="web-0", uid=UID, controller=True)
    foreign.metadata.owner_references.append(owner)
    assert claim_problem(pod(), foreign, use, in_use=False) is None


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        (volume(), None),
        (volume(claim_uid=None), "nil pv.Spec.ClaimRef"),
        (volume(claim_uid="c2"), "pv.Spec.ClaimRef.UID c2 does not point to claim.UID c1"),
    ],
)
def test_the_volume_has_to_be_the_claims(found: PersistentVolume, problem: str | None) -> None:
    said = volume_problem(found, claim())
    assert said is None if problem is None else problem in str(said)


def test_local_and_host_path_volumes_are_directories(tmp_path: Path) -> None:
    assert directory_of(volume(tmp_path)) == tmp_path
    of_host = volume()
    of_host.spec.local, of_host.spec.host_path = None, HostPathVolumeSource(path=str(tmp_path / "made"))
    assert directory_of(of_host) == tmp_path / "made"
    assert takes_group(volume())
    assert not takes_group(of_host)


def test_a_local_volume_without_its_directory_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(SetUpFailed, match=r'path ".*/gone" does not exist'):
        directory_of(volume(tmp_path / "gone"))
    assert not (tmp_path / "gone").exists()


def test_other_kinds_of_volumes_are_refused(tmp_path: Path) -> None:
    network = volume()
    network.spec.local, network.spec.nfs = None, NFSVolumeSource(path="/", server="s")
    block = volume(tmp_path)
    block.spec.volume_mode = "Block"
    for refused in (network, block):
        with pytest.raises(SetUpFailed):
            directory_of(refused)
