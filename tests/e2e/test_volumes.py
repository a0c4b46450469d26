"""What only the kernel and real containers can show: mounts, ownership, and what a container sees of its pod."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.api.types import (
    ConfigMap,
    ConfigMapVolumeSource,
    Container,
    EmptyDirVolumeSource,
    EnvVar,
    EnvVarSource,
    HostPathVolumeSource,
    ObjectFieldSelector,
    ObjectMeta,
    Pod,
    PodSecurityContext,
    SecurityContext,
    Volume,
    VolumeMount,
)
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.node.directories import Directories
from petset.node.dns.resolv import ClusterDns
from petset.node.mounts import mount_points_below
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.podman_service import PodmanService
from petset.node.sources import ClientSources
from petset.node.specs import NodeFacts, PodContext, Specs
from petset.node.subpaths import SubPathFailed, prepare_subpath
from petset.node.volumes import Volumes, VolumeSettings
from petset.node.volumes.ownership import GroupAccess, give_to_group
from tests.contract.engines import NO_ENGINE, image_archive
from tests.unit.node.given import UID, cluster, pod

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(os.geteuid() != 0, reason="needs root on Linux")]

CLOCK = SystemClock()
BUSYBOX = "docker.io/library/busybox:1.36"
SLEEP = ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done"]
GROUP = 4242


@dataclass
class Given:
    client: Client
    directories: Directories
    volumes: Volumes
    specs: Specs

    def restarted(self) -> Volumes:
        """The volumes as the next process of petset knows them."""
        return Volumes(self.client, ClientSources(self.client), self.directories, CLOCK, VolumeSettings())


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    async with cluster() as (client, informers):
        directories = Directories(tmp_path / "node")
        sources = ClientSources(client)
        facts = NodeFacts("node-1", ClusterDns("cluster.local", "10.96.0.10"), cgroup_parent="/petset-e2e-volumes")
        specs = Specs(facts, directories, sources, informers, EventRecorder(client, "kubelet"))
        given = Given(client, directories, Volumes(client, sources, directories, CLOCK, VolumeSettings()), specs)
        yield given
        for uid in directories.pod_uids():
            await given.restarted().unmount(uid)


def using(volumes: list[Volume], **spec: object) -> Pod:
    mounts = [VolumeMount(name=volume.name, mount_path=f"/{volume.name}") for volume in volumes]
    return pod(Container(name="main", image=BUSYBOX, command=SLEEP, volume_mounts=mounts), volumes=volumes, **spec)


def in_memory(size: str) -> Volume:
    return Volume(name="cache", empty_dir=EmptyDirVolumeSource(medium="Memory", size_limit=size))


def bind(source: Path, target: Path) -> None:
    subprocess.run(["mount", "--bind", str(source), str(target)], check=True)


# --- the kernel


async def test_an_empty_dir_in_memory_is_bounded_and_goes_with_the_pod(given: Given) -> None:
    asked = using([in_memory("1Mi")])
    place = (await given.volumes.mount(asked))["cache"]
    with pytest.raises(OSError, match="No space left on device"):
        (place / "big").write_bytes(bytes(2 << 20))
    (place / "big").unlink()
    (place / "small").write_text("kept")
    assert await given.restarted().mount(asked) == {"cache": place}
    assert mount_points_below(place) == [place]
    assert (place / "small").read_text() == "kept"
    await given.restarted().unmount(UID)
    assert mount_points_below(given.directories.root) == []
    assert given.directories.pod_uids() == []


async def test_the_data_behind_a_mounted_part_outlives_the_pod(given: Given, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "part").mkdir(parents=True)
    (data / "part" / "precious").write_text("x")
    target = given.directories.subpath(UID, "main", 0)
    shown = prepare_subpath(data, "part", target, mounts=True)
    assert (shown / "precious").read_text() == "x"
    assert prepare_subpath(data, "part", target, mounts=True) == shown
    assert mount_points_below(target) == [target]
    await given.restarted().unmount(UID)
    assert (data / "part" / "precious").read_text() == "x"
    assert not given.directories.pod(UID).exists()


async def test_nothing_is_removed_while_something_of_a_stranger_is_mounted_twice(given: Given, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "precious").write_text("x")
    place = given.directories.volume(UID, "cache")
    place.mkdir(parents=True)
    for _ in range(2):
        bind(data, place)
    await given.volumes.unmount(UID)
    assert (data / "precious").read_text() == "x"
    assert mount_points_below(given.directories.root) == []


def test_a_part_that_becomes_a_link_out_of_the_volume_is_not_followed(tmp_path: Path) -> None:
    volume, target = tmp_path / "volume", tmp_path / "target"
    (volume / "part").mkdir(parents=True)
    (volume / "part" / "mine").touch()
    try:
        prepare_subpath(volume, "part", target, mounts=True)
        (volume / "part").rename(volume / "was")
        (volume / "part").symlink_to("/etc")
        assert [entry.name for entry in target.iterdir()] == ["mine"]
        with pytest.raises(SubPathFailed):
            prepare_subpath(volume, "part", target, mounts=True)
    finally:
        for point in mount_points_below(target):
            subprocess.run(["umount", str(point)], check=True)


def test_a_file_of_a_volume_can_be_shown_alone(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "file").write_text("text")
    target = tmp_path / "deep" / "target"
    try:
        assert prepare_subpath(tmp_path / "volume", "file", target, mounts=True).read_text() == "text"
    finally:
        subprocess.run(["umount", str(target)], check=True)


@pytest.mark.parametrize(("writable", "file", "directory"), [(True, 0o660, 0o2770), (False, 0o640, 0o2750)])
def test_a_group_gets_a_volume_and_what_is_made_in_it(
    tmp_path: Path, writable: bool, file: int, directory: int
) -> None:
    top = tmp_path / "volume"
    (top / "a").mkdir(parents=True)
    (top / "a" / "file").touch()
    (top / "link").symlink_to("/etc/hostname")
    (top / "to-directory").symlink_to("a")
    for path, mode in ((top / "a" / "file", 0o600), (top / "a", 0o700), (top, 0o700)):
        path.chmod(mode)
    before = Path("/etc/hostname").stat().st_gid
    give_to_group(top, GroupAccess(GROUP, writable))
    assert (top / "a" / "file").stat().st_mode & 0o7777 == file
    assert {path.stat().st_mode & 0o7777 for path in (top, top / "a")} == {directory}
    everything = (top, *top.rglob("*"))
    assert {path.lstat().st_gid for path in everything} == {GROUP}
    assert Path("/etc/hostname").stat().st_gid == before


@pytest.mark.parametrize(("on_root_mismatch", "group"), [(True, 0), (False, GROUP)])
def test_a_matching_root_may_spare_the_rest(tmp_path: Path, on_root_mismatch: bool, group: int) -> None:
    give_to_group(tmp_path, GroupAccess(GROUP))
    (tmp_path / "new").touch()
    os.chown(tmp_path / "new", 0, 0)
    give_to_group(tmp_path, GroupAccess(GROUP, on_root_mismatch=on_root_mismatch))
    assert (tmp_path / "new").stat().st_gid == group


# --- real containers


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    if NO_ENGINE:
        pytest.skip(NO_ENGINE)
    service = PodmanService(tmp_path_factory.mktemp("podman"), CLOCK)
    asyncio.run(load_image(service))
    yield service
    asyncio.run(service.delete())


async def load_image(service: PodmanService) -> None:
    runtime = EngineRuntime(service.socket, "setup", CLOCK, service)
    await runtime.start()
    await runtime.load(image_archive("busybox"))
    await runtime.close()


@dataclass
class Running:
    """A pod's only container, and how to ask it things."""

    runtime: EngineRuntime
    sandbox: str
    container: str

    async def says(self, command: str) -> str:
        result = await self.runtime.exec_sync(self.container, ("sh", "-c", command), 10)
        return result.output.decode().strip()

    async def comes_to_say(self, command: str, text: str) -> None:
        async with asyncio.timeout(10):
            while await self.says(command) != text:
                await CLOCK.sleep(0.05)


@asynccontextmanager
async def running(given: Given, service: PodmanService, asked: Pod) -> AsyncIterator[Running]:
    """Runs the pod's container as the agent would, without a network."""
    runtime = EngineRuntime(service.socket, "volumes", CLOCK, service)
    await runtime.start()
    try:
        places = await given.volumes.mount(asked)
        await given.specs.write_etc(asked, "10.244.0.7")
        sandbox = await runtime.create_sandbox(await given.specs.sandbox(asked))
        try:
            image = await runtime.image(BUSYBOX)
            assert image is not None
            context = PodContext(asked, "10.244.0.7", "10.0.0.5", "node-1", places, given.directories, image)
            spec = await given.specs.container(context, asked.spec.containers[0], 0, False)
            container = await runtime.create_container(sandbox, spec)
            await runtime.start_container(container)
            yield Running(runtime, sandbox, container)
        finally:
            await runtime.remove_sandbox(sandbox)
    finally:
        await runtime.close()


async def test_a_container_finds_its_names_files_and_variables(given: Given, service: PodmanService) -> None:
    asked = using([], subdomain="nginx")
    main = asked.spec.containers[0]
    field = EnvVarSource(field_ref=ObjectFieldSelector(field_path="metadata.name"))
    main.env = [EnvVar(name="POD", value_from=field), EnvVar(name="GREETING", value="hello $(POD)")]
    main.termination_message_path = "/dev/termination-log"
    async with running(given, service, asked) as container:
        assert await container.says("hostname; cat /etc/hostname") == "web-0\nweb-0"
        assert await container.says("echo $GREETING from $KUBERNETES_SERVICE_HOST") == "hello web-0 from 10.96.0.1"
        assert "10.244.0.7\tweb-0.nginx.default.svc.cluster.local\tweb-0" in await container.says("cat /etc/hosts")
        assert "nameserver 10.96.0.10" in await container.says("cat /etc/resolv.conf")
        await container.says("echo -n last words >/dev/termination-log")
        assert given.directories.termination_log(UID, "main", 0).read_text() == "last words"


async def test_a_container_uses_its_volumes_and_sees_their_changes(
    given: Given, service: PodmanService, tmp_path: Path
) -> None:
    source = ConfigMap(metadata=ObjectMeta(name="settings", namespace="default"), data={"color": "blue"})
    source = await given.client.create(source)
    data = tmp_path / "data"
    volumes = [
        Volume(name="scratch", empty_dir=EmptyDirVolumeSource()),
        in_memory("1Mi"),
        Volume(name="host", host_path=HostPathVolumeSource(path=str(data))),
        Volume(name="config", config_map=ConfigMapVolumeSource(name="settings")),
    ]
    asked = using(volumes, security_context=PodSecurityContext(run_as_user=1000, run_as_group=1000, fs_group=GROUP))
    part = VolumeMount(name="host", mount_path="/part", sub_path="of/it", read_only=True)
    asked.spec.containers[0].volume_mounts.append(part)
    async with running(given, service, asked) as container:
        assert await container.says("id -u; id -g; id -G") == f"1000\n1000\n1000 {GROUP}"
        assert (
            await container.says("cat /config/color; touch /config/x 2>/dev/null || echo ' refused'") == "blue refused"
        )
        assert await container.says("touch /scratch/f /cache/f; stat -c %g /scratch/f /cache/f") == f"{GROUP}\n{GROUP}"
        assert "tmpfs" in await container.says("grep ' /cache ' /proc/mounts")
        (data / "of" / "it" / "written").write_text("outside")
        assert (
            await container.says("cat /part/written; echo; touch /part/x 2>/dev/null || echo refused")
            == "outside\nrefused"
        )
        source.data = {"color": "red"}
        await given.client.update(source)
        await given.volumes.refresh(asked)
        await container.comes_to_say("cat /config/color", "red")
    await given.volumes.unmount(UID)
    assert (data / "of" / "it" / "written").read_text() == "outside"


async def test_a_container_has_no_more_rights_than_it_was_given(given: Given, service: PodmanService) -> None:
    asked = using([])
    own = SecurityContext(read_only_root_filesystem=True, allow_privilege_escalation=False)
    asked.spec.containers[0].security_context = own
    async with running(given, service, asked) as container:
        assert await container.says("touch /new 2>/dev/null || echo refused") == "refused"
        assert await container.says("grep NoNewPrivs /proc/self/status") == "NoNewPrivs:\t1"
