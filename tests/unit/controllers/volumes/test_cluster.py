"""Claims and volumes through the real controllers over the real API server; only the directories are a toy's."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from petset.api.types import (
    Container,
    ObjectMeta,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodSpec,
    Volume,
)
from petset.controllers.volumes.binder import VolumeBinder
from petset.controllers.volumes.classes import default_storage_class
from petset.controllers.volumes.protection import VolumeProtection
from petset.controllers.volumes.provisioner import DirectoryProvisioner
from tests.unit.controllers.toycluster import ToyCluster, claim, storage_class, toy_cluster, volume

ROOT = Path("/volumes")


class ToyDirectories:
    """The directories that exist."""

    def __init__(self) -> None:
        self.root = ROOT
        self.present: set[Path] = set()
        self.full = False
        self.busy = False

    async def create(self, path: Path, root: Path) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        self.present.add(path)

    async def delete(self, path: Path, root: Path) -> None:
        if self.busy:
            raise OSError(errno.EBUSY, "Device or resource busy", str(path))
        self.present.discard(path)


def start_all(cluster: ToyCluster, directories: ToyDirectories) -> None:
    client, informers, recorder, clock = cluster.client, cluster.informers, cluster.recorder, cluster.clock
    cluster.start(
        VolumeBinder(client, informers, recorder, clock),
        DirectoryProvisioner(client, informers, recorder, clock, directories),
        VolumeProtection(client, informers, clock),
    )


@pytest.fixture
def directories() -> ToyDirectories:
    return ToyDirectories()


@pytest.fixture
async def cluster(directories: ToyDirectories) -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        start_all(cluster, directories)
        await cluster.settle()
        yield cluster


async def only_volume(cluster: ToyCluster) -> PersistentVolume:
    listed = (await cluster.client.list(PersistentVolume)).items
    assert len(listed) == 1
    return listed[0]


async def phases(cluster: ToyCluster) -> dict[str, str | None]:
    claims = (await cluster.client.list(PersistentVolumeClaim)).items
    volumes = (await cluster.client.list(PersistentVolume)).items
    found = {claim.metadata.name: claim.status.phase for claim in claims}
    return found | {volume.metadata.name: volume.status.phase for volume in volumes}


def pod_with(claim_name: str, node: str | None) -> Pod:
    source = PersistentVolumeClaimVolumeSource(claim_name=claim_name)
    spec = PodSpec(
        containers=[Container(name="nginx", image="nginx")],
        volumes=[Volume(name="www", persistent_volume_claim=source)],
        node_name=node,
    )
    return Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec)


# --- dynamic provisioning ---------------------------------------------------------------------------------------------


async def test_a_claim_of_an_immediate_class_gets_a_directory_and_is_bound(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    await cluster.create(storage_class())
    bound = await cluster.create(claim())
    made = await only_volume(cluster)
    uid = bound.metadata.uid
    path = ROOT / "default" / f"www-{uid[:8]}"
    assert directories.present == {path}
    assert made.metadata.name == f"pvc-{uid}"
    assert made.spec.host_path is not None
    assert (made.spec.host_path.path, made.spec.host_path.type) == (str(path), "DirectoryOrCreate")
    assert made.spec.persistent_volume_reclaim_policy == "Delete"
    assert made.spec.storage_class_name == "standard"
    assert made.spec.claim_ref is not None
    assert (made.spec.claim_ref.namespace, made.spec.claim_ref.name, made.spec.claim_ref.uid) == (
        "default",
        "www",
        uid,
    )
    assert made.metadata.annotations["pv.kubernetes.io/provisioned-by"] == "petset.io/directory"
    assert made.status.phase == "Bound"
    assert made.status.last_phase_transition_time
    assert bound.spec.volume_name == made.metadata.name
    assert bound.status.phase == "Bound"
    assert bound.status.capacity == {"storage": "1Gi"}
    assert bound.status.access_modes == ["ReadWriteOnce"]
    assert bound.metadata.annotations["pv.kubernetes.io/bind-completed"] == "yes"
    assert bound.metadata.annotations["pv.kubernetes.io/bound-by-controller"] == "yes"
    assert await cluster.events("www") == [
        ("Normal", "Provisioning", 'External provisioner is provisioning volume for claim "default/www"'),
        ("Normal", "ProvisioningSucceeded", f"Successfully provisioned volume pvc-{uid}"),
    ]


async def test_a_claim_that_waits_for_its_first_consumer_gets_a_volume_once_a_node_is_selected(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    await cluster.create(storage_class(mode="WaitForFirstConsumer"))
    waiting = await cluster.create(claim())
    assert waiting.status.phase == "Pending"
    assert directories.present == set()
    text = "waiting for first consumer to be created before binding"
    assert await cluster.events("www") == [("Normal", "WaitForFirstConsumer", text)]

    def select(claim: PersistentVolumeClaim) -> None:
        claim.metadata.annotations["volume.kubernetes.io/selected-node"] = "node-1"

    await cluster.change(PersistentVolumeClaim, "www", "default", select)
    assert (await cluster.get(PersistentVolumeClaim, "www", "default")).status.phase == "Bound"


async def test_a_claim_whose_class_comes_later_is_bound_then(cluster: ToyCluster) -> None:
    waiting = await cluster.create(claim(class_="my-storage-class"))
    text = 'storageclass.storage.k8s.io "my-storage-class" not found'
    assert waiting.status.phase == "Pending"
    assert await cluster.events("www") == [("Warning", "ProvisioningFailed", text)]
    await cluster.create(storage_class("my-storage-class"))
    assert (await cluster.get(PersistentVolumeClaim, "www", "default")).status.phase == "Bound"


async def test_the_default_class_serves_claims_that_name_none(cluster: ToyCluster) -> None:
    await cluster.create(default_storage_class())
    bound = await cluster.create(claim(class_=None))
    assert (bound.spec.storage_class_name, bound.status.phase) == ("standard", "Bound")


async def test_a_class_may_put_its_volumes_elsewhere(cluster: ToyCluster, directories: ToyDirectories) -> None:
    elsewhere = storage_class()
    elsewhere.parameters = {"path": "/srv/fast"}
    await cluster.create(elsewhere)
    bound = await cluster.create(claim())
    assert directories.present == {Path("/srv/fast/default") / f"www-{bound.metadata.uid[:8]}"}
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    assert directories.present == set()
    assert await cluster.names(PersistentVolume) == []


async def test_provisioning_that_fails_says_so_and_is_tried_again(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    directories.full = True
    await cluster.client.create(storage_class())
    await cluster.client.create(claim())
    await cluster.clock.advance(2)
    path = next(iter(await cluster.events("www")))
    assert path[1] == "Provisioning"
    failed = [event for event in await cluster.events("www") if event[1] == "ProvisioningFailed"]
    assert len(failed) == 1
    assert failed[0][2].startswith('failed to provision volume with StorageClass "standard": [Errno 28]')
    directories.full = False
    await cluster.clock.advance(10)
    assert (await cluster.get(PersistentVolumeClaim, "www", "default")).status.phase == "Bound"


# --- reclaiming -------------------------------------------------------------------------------------------------------


async def test_policy_delete_removes_directory_and_volume_with_the_claim(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    await cluster.create(storage_class())
    await cluster.create(claim())
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    assert directories.present == set()
    assert await cluster.names(PersistentVolume) == []
    assert await cluster.names(PersistentVolumeClaim) == []


async def test_policy_retain_keeps_both(cluster: ToyCluster, directories: ToyDirectories) -> None:
    await cluster.create(storage_class(reclaim="Retain"))
    await cluster.create(claim())
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    kept = await only_volume(cluster)
    assert kept.status.phase == "Released"
    assert len(directories.present) == 1
    await cluster.delete(PersistentVolume, kept.metadata.name)
    assert await cluster.names(PersistentVolume) == []
    assert len(directories.present) == 1, "deleting the object of a retained volume leaves the data"


async def test_a_released_volume_serves_nobody_else(cluster: ToyCluster) -> None:
    await cluster.create(storage_class(reclaim="Retain"))
    first = await cluster.create(claim())
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    second = await cluster.create(claim())
    assert second.spec.volume_name != first.spec.volume_name
    assert second.status.phase == "Bound"


async def test_a_directory_that_cannot_be_removed_leaves_a_failed_volume_and_is_tried_again(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    await cluster.create(storage_class())
    await cluster.create(claim())
    directories.busy = True
    await cluster.client.delete(PersistentVolumeClaim, "www", "default")
    await cluster.clock.advance(2)
    failed = await only_volume(cluster)
    assert failed.status.phase == "Failed"
    assert failed.status.message is not None
    assert "Device or resource busy" in failed.status.message
    assert [event[:2] for event in await cluster.events(failed.metadata.name)] == [("Warning", "VolumeFailedDelete")]
    directories.busy = False
    await cluster.clock.advance(10)
    assert await cluster.names(PersistentVolume) == []


async def test_a_volume_deleted_while_bound_waits_for_its_claim_and_then_loses_its_directory(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    await cluster.create(storage_class())
    bound = await cluster.create(claim())
    await cluster.delete(PersistentVolume, bound.spec.volume_name or "")
    assert (await only_volume(cluster)).status.phase == "Bound"
    assert len(directories.present) == 1
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    assert await cluster.names(PersistentVolume) == []
    assert directories.present == set()


async def test_a_volume_made_by_hand_with_policy_delete_fails_visibly(cluster: ToyCluster) -> None:
    await cluster.create(volume(policy="Delete"))
    await cluster.create(claim(class_=""))
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    failed = await only_volume(cluster)
    text = 'error getting deleter volume plugin for volume "disk": no deletable volume plugin matched'
    assert (failed.status.phase, failed.status.message) == ("Failed", text)
    assert await cluster.events("disk") == [("Warning", "VolumeFailedDelete", text)]


async def test_a_forged_volume_cannot_have_a_foreign_directory_removed(
    cluster: ToyCluster, directories: ToyDirectories
) -> None:
    await cluster.create(storage_class())
    victim = await cluster.create(claim("victim"))
    forged = volume("forged", policy="Delete")
    forged.metadata.annotations["pv.kubernetes.io/provisioned-by"] = "petset.io/directory"
    forged.spec.host_path = (await only_volume(cluster)).spec.host_path
    forged.spec.claim_ref = ObjectReference(namespace="default", name="nobody", uid="1234")
    failed = await cluster.create(forged)
    assert failed.status.phase == "Failed"
    assert directories.present == {ROOT / "default" / f"victim-{victim.metadata.uid[:8]}"}


# --- protection -------------------------------------------------------------------------------------------------------


async def test_a_claim_stays_while_a_pod_with_a_node_uses_it(cluster: ToyCluster) -> None:
    await cluster.create(storage_class())
    await cluster.create(claim())
    await cluster.client.create(pod_without_account(pod_with("www", "node-1")))
    await cluster.settle()
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    assert (await cluster.get(PersistentVolumeClaim, "www", "default")).metadata.deletion_timestamp
    await cluster.delete(Pod, "web-0", "default")
    assert await cluster.names(PersistentVolumeClaim) == []


async def test_a_pod_without_a_node_holds_no_claim(cluster: ToyCluster) -> None:
    await cluster.create(storage_class())
    await cluster.create(claim())
    await cluster.client.create(pod_without_account(pod_with("www", None)))
    await cluster.delete(PersistentVolumeClaim, "www", "default")
    assert await cluster.names(PersistentVolumeClaim) == []


def pod_without_account(pod: Pod) -> Pod:
    pod.metadata.annotations["kubernetes.io/config.mirror"] = "none"
    return pod


# --- volumes made by hand ---------------------------------------------------------------------------------------------


async def test_of_free_volumes_the_smallest_that_fits_is_bound(cluster: ToyCluster) -> None:
    for name, size in (("small", "512Mi"), ("large", "10Gi"), ("medium", "2Gi")):
        await cluster.create(volume(name, size))
    bound = await cluster.create(claim(class_=""))
    assert bound.spec.volume_name == "medium"
    assert bound.status.capacity == {"storage": "2Gi"}
    expected = {"www": "Bound", "small": "Available", "medium": "Bound", "large": "Available"}
    assert await phases(cluster) == expected


async def test_a_claim_without_class_waits_for_a_volume_made_by_hand(cluster: ToyCluster) -> None:
    waiting = await cluster.create(claim(class_=""))
    assert waiting.status.phase == "Pending"
    text = "no persistent volumes available for this claim and no storage class is set"
    assert await cluster.events("www") == [("Normal", "FailedBinding", text)]
    await cluster.create(volume())
    assert await phases(cluster) == {"www": "Bound", "disk": "Bound"}


async def test_two_claims_never_share_a_volume(cluster: ToyCluster) -> None:
    await cluster.create(volume())
    for name in ("one", "two", "three"):
        await cluster.client.create(claim(name, class_=""))
    await cluster.settle()
    found = await phases(cluster)
    assert sorted(found[name] or "" for name in ("one", "two", "three")) == ["Bound", "Pending", "Pending"]


@pytest.mark.parametrize("uid", [False, True], ids=["by name", "by uid"])
async def test_a_volume_reserved_for_a_claim_serves_that_claim_only(cluster: ToyCluster, *, uid: bool) -> None:
    await cluster.create(claim("mine", class_=""))
    reserved = volume("disk")
    mine = await cluster.get(PersistentVolumeClaim, "mine", "default")
    reserved.spec.claim_ref = ObjectReference(namespace="default", name="mine", uid=mine.metadata.uid if uid else None)
    await cluster.create(claim("other", class_=""))
    await cluster.create(reserved)
    assert await phases(cluster) == {"mine": "Bound", "other": "Pending", "disk": "Bound"}
    bound = await only_volume(cluster)
    assert "pv.kubernetes.io/bound-by-controller" not in bound.metadata.annotations


async def test_a_claim_that_names_its_volume_waits_for_it(cluster: ToyCluster) -> None:
    chosen = claim(class_="")
    chosen.spec.volume_name = "disk"
    assert (await cluster.create(chosen)).status.phase == "Pending"
    await cluster.create(volume())
    bound = await cluster.get(PersistentVolumeClaim, "www", "default")
    assert bound.status.phase == "Bound"
    assert "pv.kubernetes.io/bound-by-controller" not in bound.metadata.annotations


async def test_a_bound_claim_whose_volume_goes_is_lost(cluster: ToyCluster) -> None:
    await cluster.create(volume())
    await cluster.create(claim(class_=""))
    await cluster.delete(PersistentVolume, "disk")

    def unprotect(volume: PersistentVolume) -> None:
        volume.metadata.finalizers = []

    await cluster.change(PersistentVolume, "disk", "", unprotect)
    lost = await cluster.get(PersistentVolumeClaim, "www", "default")
    assert (lost.status.phase, lost.status.capacity, lost.status.access_modes) == ("Lost", {}, [])
    assert (await cluster.events("www"))[-1][1] == "ClaimLost"


# --- growth -----------------------------------------------------------------------------------------------------------


def grow(claim: PersistentVolumeClaim) -> None:
    claim.spec.resources.requests = {"storage": "5Gi"}


async def test_a_claim_grows_when_its_class_allows_it(cluster: ToyCluster) -> None:
    await cluster.create(storage_class())
    await cluster.create(claim())
    await cluster.change(PersistentVolumeClaim, "www", "default", grow)
    assert (await only_volume(cluster)).spec.capacity == {"storage": "5Gi"}
    assert (await cluster.get(PersistentVolumeClaim, "www", "default")).status.capacity == {"storage": "5Gi"}
    assert (await cluster.events("www"))[-1] == ("Normal", "VolumeResizeSuccessful", "Resize volume succeeded")


# --- crashes ----------------------------------------------------------------------------------------------------------


async def die_after(cluster: ToyCluster, writes: int) -> None:
    """Lets a process write so often, then ends it."""
    before = cluster.store.revision
    for _ in range(200):
        if cluster.store.revision >= before + writes:
            break
        await cluster.clock.advance(0)
    await cluster.supervisor.stop()


@pytest.mark.parametrize("writes", range(1, 8))
async def test_a_binding_interrupted_after_any_write_is_finished_by_the_next_process(writes: int) -> None:
    directories = ToyDirectories()
    async with toy_cluster() as cluster:
        await cluster.client.create(storage_class())
        await cluster.client.create(claim())
        start_all(cluster, directories)
        await die_after(cluster, writes)
        async with cluster.restarted() as second:
            start_all(second, directories)
            await second.settle()
            made = await only_volume(second)
            bound = await second.get(PersistentVolumeClaim, "www", "default")
            assert (bound.status.phase, bound.spec.volume_name) == ("Bound", made.metadata.name)
            assert made.status.phase == "Bound"
            assert len(directories.present) == 1


@pytest.mark.parametrize("writes", range(7))
async def test_a_reclaim_interrupted_after_any_write_is_finished_by_the_next_process(writes: int) -> None:
    directories = ToyDirectories()
    async with toy_cluster() as cluster:
        start_all(cluster, directories)
        await cluster.create(storage_class())
        await cluster.create(claim())
        await cluster.client.delete(PersistentVolumeClaim, "www", "default")
        await die_after(cluster, writes)
        async with cluster.restarted() as second:
            start_all(second, directories)
            await second.settle()
            assert await phases(second) == {}
            assert directories.present == set()
