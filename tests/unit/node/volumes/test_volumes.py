from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.types import (
    ConfigMap,
    ConfigMapVolumeSource,
    Container,
    DownwardAPIVolumeFile,
    DownwardAPIVolumeSource,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    LocalVolumeSource,
    NFSVolumeSource,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectFieldSelector,
    ObjectMeta,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimVolumeSource,
    PersistentVolumeSpec,
    Pod,
    PodSpec,
    Volume,
    VolumeMount,
    VolumeNodeAffinity,
    VolumeResourceRequirements,
)
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.node.directories import Directories
from petset.node.sources import ClientSources
from petset.node.volumes import VolumeNotReady, Volumes, VolumeSettings
from petset.node.volumes.refresh import VolumeRefresher
from petset.testing.clock import VirtualClock
from tests.unit.node.given import UID, cluster, pod


@dataclass
class Given:
    client: Client
    informers: InformerFactory
    directories: Directories
    volumes: Volumes


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    directories = Directories(tmp_path / "node")
    async with cluster() as (client, informers):
        settings = VolumeSettings({"memory": "1Gi"}, root=False)
        volumes = Volumes(client, ClientSources(client), directories, SystemClock(), settings)
        yield Given(client, informers, directories, volumes)


def using(*volumes: Volume) -> Pod:
    mounts = [VolumeMount(name=volume.name, mount_path=f"/{volume.name}") for volume in volumes]
    return pod(Container(name="nginx", image="nginx", volume_mounts=mounts), volumes=list(volumes))


def from_config_map(name: str = "settings") -> Volume:
    return Volume(name="config", config_map=ConfigMapVolumeSource(name=name))


async def settings(client: Client, **data: str) -> ConfigMap:
    return await client.create(ConfigMap(metadata=ObjectMeta(name="settings", namespace="default"), data=data))


async def bound_claim(client: Client, path: Path) -> None:
    """A claim `www` bound to a local volume at `path`."""
    key = NodeSelectorRequirement(key="kubernetes.io/hostname", operator="In", values=["node-1"])
    here = NodeSelector(node_selector_terms=[NodeSelectorTerm(match_expressions=[key])])
    resources = VolumeResourceRequirements(requests={"storage": "1Gi"})
    claim = await client.create(
        PersistentVolumeClaim(
            metadata=ObjectMeta(name="www", namespace="default"),
            spec=PersistentVolumeClaimSpec(
                access_modes=["ReadWriteOnce"], resources=resources, volume_name="pv-1", storage_class_name=""
            ),
        )
    )
    claim.status.phase = "Bound"
    await client.update(claim, "status")
    reference = ObjectReference(kind="PersistentVolumeClaim", namespace="default", name="www", uid=claim.metadata.uid)
    spec = PersistentVolumeSpec(
        access_modes=["ReadWriteOnce"],
        capacity={"storage": "1Gi"},
        claim_ref=reference,
        local=LocalVolumeSource(path=str(path)),
        node_affinity=VolumeNodeAffinity(required=here),
        persistent_volume_reclaim_policy="Retain",
    )
    await client.create(PersistentVolume(metadata=ObjectMeta(name="pv-1"), spec=spec))


CLAIMED = Volume(name="www", persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name="www"))

UNPROCESSED = (
    "Unable to attach or mount volumes: unmounted volumes=[www], unattached volumes=[], "
    "failed to process volumes=[www]: error processing PVC default/www: "
)


async def test_every_mounted_volume_has_a_place(given: Given, tmp_path: Path) -> None:
    await settings(given.client, color="blue")
    (tmp_path / "data").mkdir()
    await bound_claim(given.client, tmp_path / "data")
    asked = using(
        Volume(name="scratch", empty_dir=EmptyDirVolumeSource()),
        Volume(name="implied"),
        Volume(name="host", host_path=HostPathVolumeSource(path=str(tmp_path))),
        from_config_map(),
        CLAIMED,
    )
    places = await given.volumes.mount(asked)
    assert places == {
        "scratch": given.directories.volume(UID, "scratch"),
        "implied": given.directories.volume(UID, "implied"),
        "host": tmp_path,
        "config": given.directories.volume(UID, "config"),
        "www": tmp_path / "data",
    }
    assert (places["config"] / "color").read_text() == "blue"
    assert await given.volumes.mount(asked) == places


async def test_volumes_that_no_container_mounts_are_left_alone(given: Given) -> None:
    asked = using()
    asked.spec.volumes.append(from_config_map("absent"))
    assert await given.volumes.mount(asked) == {}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        (from_config_map("absent"), 'MountVolume.SetUp failed for volume "config" : configmap "absent" not found'),
        (
            Volume(name="host", host_path=HostPathVolumeSource(path="/dev/null", type="Directory")),
            'MountVolume.SetUp failed for volume "host" : hostPath type check failed: /dev/null is not a directory',
        ),
        (
            Volume(name="far", nfs=NFSVolumeSource(path="/", server="s")),
            'MountVolume.SetUp failed for volume "far" : no volume plugin matched: source nfs is not supported here',
        ),
        (
            CLAIMED,
            UNPROCESSED + 'failed to fetch PVC from API server: persistentvolumeclaims "www" not found',
        ),
    ],
)
async def test_what_is_not_ready_is_named_with_the_reason(given: Given, volume: Volume, message: str) -> None:
    with pytest.raises(VolumeNotReady) as not_ready:
        await given.volumes.mount(using(volume))
    assert str(not_ready.value) == message


async def test_a_local_volume_without_its_directory_is_named_by_the_persistent_volume(given: Given) -> None:
    await bound_claim(given.client, Path("/nowhere/at/all"))
    with pytest.raises(VolumeNotReady, match='failed for volume "pv-1" : path "/nowhere/at/all" does not exist'):
        await given.volumes.mount(using(CLAIMED))


async def test_unmounting_removes_the_pods_directory_and_nothing_else(given: Given, tmp_path: Path) -> None:
    data, host = tmp_path / "data", tmp_path / "host"
    for directory in (data, host):
        directory.mkdir()
        (directory / "precious").write_text("x")
    await bound_claim(given.client, data)
    scratch = Volume(name="scratch", empty_dir=EmptyDirVolumeSource(medium="Memory"))
    of_host = Volume(name="host", host_path=HostPathVolumeSource(path=str(host)))
    places = await given.volumes.mount(using(scratch, of_host, CLAIMED))
    (places["scratch"] / "out").symlink_to(host)
    assert given.directories.pod_uids() == [UID]
    for _ in range(2):
        await given.volumes.unmount(UID)
        assert given.directories.pod_uids() == []
    assert (data / "precious").read_text() == (host / "precious").read_text() == "x"


async def test_running_containers_see_changes(given: Given) -> None:
    source = await settings(given.client, color="blue")
    asked = using(from_config_map())
    place = (await given.volumes.mount(asked))["config"]
    source.data = {"size": "5"}
    await given.client.update(source)
    await given.volumes.refresh(asked)
    assert [entry.name for entry in place.iterdir() if not entry.name.startswith("..")] == ["size"]


async def test_a_source_that_is_gone_leaves_its_files(given: Given) -> None:
    await settings(given.client, color="blue")
    asked = using(from_config_map())
    place = (await given.volumes.mount(asked))["config"]
    await given.client.delete(ConfigMap, "settings", "default")
    await given.volumes.refresh(asked)
    assert (place / "color").read_text() == "blue"


async def test_refreshing_does_not_bring_back_what_was_unmounted(given: Given) -> None:
    await settings(given.client, color="blue")
    asked = using(from_config_map())
    await given.volumes.mount(asked)
    await given.volumes.unmount(UID)
    await given.volumes.refresh(asked)
    assert given.directories.pod_uids() == []


async def test_changes_are_carried_over_by_themselves(given: Given) -> None:
    source = await settings(given.client, color="blue")
    labels = DownwardAPIVolumeFile(path="labels", field_ref=ObjectFieldSelector(field_path="metadata.labels"))
    asked = using(from_config_map(), Volume(name="self", downward_api=DownwardAPIVolumeSource(items=[labels])))
    asked.metadata.uid, asked.spec.node_name = "", "node-1"
    asked.spec.automount_service_account_token = False
    created = await given.client.create(asked)
    places = await given.volumes.mount(created)
    async with Supervisor("test") as supervisor:
        refresher = VolumeRefresher(given.volumes, given.informers, "node-1", SystemClock())
        supervisor.start("refresh", refresher.run)
        source.data = {"color": "red"}
        await given.client.update(source)
        await until_reads(places["config"] / "color", "red")
        fresh = await given.client.get(Pod, "web-0", "default")
        fresh.metadata.labels = {"app": "other"}
        await given.client.update(fresh)
        await until_reads(places["self"] / "labels", 'app="other"')


async def until_reads(path: Path, text: str) -> None:
    def reads() -> bool:
        return path.read_text() == text

    while not reads():
        await SystemClock().sleep(0.001)


async def test_tokens_are_renewed_by_themselves(tmp_path: Path) -> None:
    clock = VirtualClock()
    async with cluster(clock) as (client, informers), Supervisor("test", clock) as supervisor:
        await client.create(
            ConfigMap(metadata=ObjectMeta(name="kube-root-ca.crt", namespace="default"), data=AUTHORITY)
        )
        created = await client.create(node_pod())
        directories = Directories(tmp_path / "node")
        volumes = Volumes(client, ClientSources(client), directories, clock, VolumeSettings(root=False))
        [place] = (await volumes.mount(created)).values()
        first = (place / "token").read_text()
        assert {path.name: path.read_text() for path in place.glob("[a-z]*")} == {
            "ca.crt": "certificate",
            "namespace": "default",
            "token": first,
        }
        supervisor.start("refresh", VolumeRefresher(volumes, informers, "node-1", clock).run)
        await clock.advance(0.8 * 3607)
        while (place / "token").read_text() == first:
            await clock.advance(60)
            await SystemClock().sleep(0.001)  # the file is written by a thread
        await volumes.unmount(created.metadata.uid)
        assert not place.exists()


AUTHORITY = {"ca.crt": "certificate"}


def node_pod() -> Pod:
    spec = PodSpec(containers=[Container(name="nginx", image="nginx")], node_name="node-1")
    return Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec)
