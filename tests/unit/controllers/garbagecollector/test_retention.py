"""persistentVolumeClaimRetentionPolicy, through the StatefulSet, garbage collection and volume controllers."""

from collections.abc import AsyncIterator

import pytest

from petset.api.types import (
    Container,
    LabelSelector,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
)
from petset.controllers.garbagecollector.controller import GarbageCollector
from petset.controllers.statefulset.controller import StatefulSetController
from petset.controllers.volumes.binder import VolumeBinder
from petset.controllers.volumes.protection import VolumeProtection
from petset.controllers.volumes.provisioner import DirectoryProvisioner
from tests.unit.controllers.garbagecollector.test_cluster import KINDS
from tests.unit.controllers.toycluster import ToyCluster, claim, storage_class, toy_cluster
from tests.unit.controllers.toynode import ToyNode
from tests.unit.controllers.volumes.test_cluster import ToyDirectories

CLAIMS = [f"www-web-{ordinal}" for ordinal in range(3)]


@pytest.fixture
def directories() -> ToyDirectories:
    return ToyDirectories()


@pytest.fixture
async def cluster(directories: ToyDirectories) -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        client, informers, recorder, clock = cluster.client, cluster.informers, cluster.recorder, cluster.clock
        cluster.start(
            StatefulSetController(client, informers, recorder, clock),
            GarbageCollector(client, informers, recorder, clock, KINDS),
            VolumeBinder(client, informers, recorder, clock),
            DirectoryProvisioner(client, informers, recorder, clock, directories),
            VolumeProtection(client, informers, clock),
            ToyNode(cluster),
        )
        await cluster.create(storage_class())
        yield cluster


def web(scaled: str, deleted: str, policy: str = "OrderedReady") -> StatefulSet:
    set_ = StatefulSet(metadata=ObjectMeta(name="web", namespace="default"))
    set_.spec.replicas = 3
    set_.spec.service_name = "nginx"
    set_.spec.pod_management_policy = policy
    set_.spec.selector = LabelSelector(match_labels={"app": "nginx"})
    set_.spec.template.metadata.labels = {"app": "nginx"}
    set_.spec.template.spec.containers = [Container(name="nginx", image="nginx")]
    template = claim("www")
    template.metadata.namespace = ""
    set_.spec.volume_claim_templates = [template]
    retention = StatefulSetPersistentVolumeClaimRetentionPolicy(when_scaled=scaled, when_deleted=deleted)
    set_.spec.persistent_volume_claim_retention_policy = retention
    return set_


async def owners(cluster: ToyCluster) -> dict[str, list[str]]:
    claims = (await cluster.client.list(PersistentVolumeClaim)).items
    return {c.metadata.name: [ref.kind for ref in c.metadata.owner_references] for c in claims}


async def scale(cluster: ToyCluster, replicas: int) -> None:
    def change(set_: StatefulSet) -> None:
        set_.spec.replicas = replicas

    await cluster.change(StatefulSet, "web", "default", change)


POLICIES = pytest.mark.parametrize("pod_policy", ["OrderedReady", "Parallel"])


@POLICIES
@pytest.mark.parametrize(
    ("scaled", "deleted", "owner", "after_scaling", "after_deletion"),
    [
        ("Retain", "Retain", [], CLAIMS, CLAIMS),
        ("Retain", "Delete", ["StatefulSet"], CLAIMS, []),
        ("Delete", "Retain", [], CLAIMS[:1], CLAIMS[:1]),
        ("Delete", "Delete", ["StatefulSet"], CLAIMS[:1], []),
    ],
)
async def test_claims_stay_or_go_as_the_policy_says(  # noqa: PLR0917
    cluster: ToyCluster,
    directories: ToyDirectories,
    pod_policy: str,
    scaled: str,
    deleted: str,
    owner: list[str],
    after_scaling: list[str],
    after_deletion: list[str],
) -> None:
    await cluster.create(web(scaled, deleted, pod_policy))
    assert await owners(cluster) == dict.fromkeys(CLAIMS, owner)
    assert len(await cluster.names(Pod)) == 3
    await scale(cluster, 1)
    assert await cluster.names(PersistentVolumeClaim) == after_scaling
    assert len(directories.present) == len(after_scaling)
    await cluster.delete(StatefulSet, "web", "default")
    assert await cluster.names(Pod) == []
    assert await cluster.names(PersistentVolumeClaim) == after_deletion
    assert len(directories.present) == len(await cluster.names(PersistentVolume)) == len(after_deletion)


@POLICIES
async def test_claims_that_were_kept_are_found_again(cluster: ToyCluster, pod_policy: str) -> None:
    await cluster.create(web("Retain", "Retain", pod_policy))
    before = {c.metadata.name: c.spec.volume_name for c in (await cluster.client.list(PersistentVolumeClaim)).items}
    await cluster.delete(StatefulSet, "web", "default")
    await cluster.create(web("Retain", "Retain", pod_policy))
    after = {c.metadata.name: c.spec.volume_name for c in (await cluster.client.list(PersistentVolumeClaim)).items}
    assert before == after
    assert len(await cluster.names(Pod)) == 3


async def test_scaling_down_and_up_again_gives_a_new_claim(cluster: ToyCluster) -> None:
    await cluster.create(web("Delete", "Retain"))
    old = await cluster.get(PersistentVolumeClaim, "www-web-2", "default")
    await scale(cluster, 2)
    await scale(cluster, 3)
    new = await cluster.get(PersistentVolumeClaim, "www-web-2", "default")
    assert new.metadata.uid != old.metadata.uid
    assert new.status.phase == "Bound"
    assert (await cluster.get(Pod, "web-2", "default")).spec.node_name


async def test_a_pod_deleted_by_hand_keeps_its_claim(cluster: ToyCluster) -> None:
    await cluster.create(web("Delete", "Delete"))
    old = await cluster.get(PersistentVolumeClaim, "www-web-1", "default")
    await cluster.delete(Pod, "web-1", "default")
    new = await cluster.get(PersistentVolumeClaim, "www-web-1", "default")
    assert new.metadata.uid == old.metadata.uid
    assert len(await cluster.names(Pod)) == 3


async def test_orphaning_the_set_keeps_pods_and_claims(cluster: ToyCluster) -> None:
    await cluster.create(web("Delete", "Delete"))
    await cluster.delete(StatefulSet, "web", "default", "Orphan")
    assert len(await cluster.names(Pod)) == 3
    assert await owners(cluster) == {name: [] for name in CLAIMS}


async def test_in_the_foreground_the_set_goes_after_its_pods(cluster: ToyCluster) -> None:
    await cluster.create(web("Delete", "Delete"))
    await cluster.delete(StatefulSet, "web", "default", "Foreground")
    for kind in (StatefulSet, Pod, PersistentVolumeClaim, PersistentVolume):
        assert await cluster.names(kind) == []
