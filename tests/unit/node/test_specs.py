from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.types import (
    ConfigMapVolumeSource,
    Container,
    EnvVar,
    Event,
    HostAlias,
    Lifecycle,
    ObjectMeta,
    PersistentVolumeClaimVolumeSource,
    Pod,
    PodDNSConfig,
    PodSecurityContext,
    Service,
    ServicePort,
    ServiceSpec,
    Sysctl,
    Volume,
    VolumeMount,
)
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.node.directories import Directories
from petset.node.dns.resolv import ClusterDns
from petset.node.runtimes.interface import INIT_LABEL, ContainerSpec, Image, Mount
from petset.node.simulated_specs import SimulatedSpecs
from petset.node.specs import ConfigError, NodeFacts, PodContext, Specs, spec_hash
from tests.unit.node.given import UID, GivenSources, cluster, pod

IMAGE = Image(id="sha256:1", reference="docker.io/library/nginx:1.7.9")
NO_VOLUMES: Mapping[str, Path] = {}


@dataclass
class Given:
    specs: Specs
    directories: Directories
    client: Client
    recorder: EventRecorder

    async def container(
        self, of: Pod, *, attempt: int = 0, init: bool = False, volumes: Mapping[str, Path] = NO_VOLUMES
    ) -> ContainerSpec:
        context = PodContext(of, "10.244.0.7", "10.0.0.5", "node-1", volumes, self.directories, IMAGE)
        container = (of.spec.init_containers if init else of.spec.containers)[0]
        return await self.specs.container(context, container, attempt, init)


@pytest.fixture
async def given(tmp_path: Path) -> AsyncIterator[Given]:
    (tmp_path / "resolv.conf").write_text("nameserver 192.0.2.1\nsearch example.org\n")
    (tmp_path / "hosts").write_text("127.0.0.1 localhost\n192.0.2.9 machine\n")
    facts = NodeFacts(
        name="node-1",
        cluster=ClusterDns("cluster.local", "10.96.0.10"),
        allocatable={"cpu": "2", "memory": "4Gi"},
        memory_capacity=4 << 30,
        mounts=False,
        resolv_conf=tmp_path / "resolv.conf",
        hosts=tmp_path / "hosts",
    )
    directories = Directories(tmp_path / "node")
    async with cluster() as (client, informers):
        recorder = EventRecorder(client, "kubelet")
        specs = Specs(facts, directories, GivenSources(), informers, recorder)
        yield Given(specs, directories, client, recorder)


# --- sandboxes


async def test_a_sandbox_has_the_pods_name_and_place(given: Given) -> None:
    asked = pod(
        host_pid=True,
        security_context=PodSecurityContext(sysctls=[Sysctl(name="net.ipv4.ip_local_port_range", value="1024 9999")]),
    )
    spec = await given.specs.sandbox(asked, attempt=3)
    assert (spec.pod_name, spec.pod_namespace, spec.pod_uid, spec.hostname) == ("web-0", "default", UID, "web-0")
    assert (spec.attempt, spec.cgroup_parent) == (3, f"/petset/pod{UID}")
    assert spec.sysctls == {"net.ipv4.ip_local_port_range": "1024 9999"}
    assert (spec.host_pid, spec.host_network, spec.host_ipc) == (True, False, False)
    assert spec.labels["io.kubernetes.pod.uid"] == UID


async def test_a_full_name_that_the_kernel_does_not_take_is_a_config_error(given: Given) -> None:
    with pytest.raises(ConfigError, match="too long"):
        await given.specs.sandbox(pod(set_hostname_as_fqdn=True, subdomain="a" * 60))


# --- /etc


async def test_a_pod_gets_hosts_resolv_conf_and_hostname(given: Given) -> None:
    asked = pod(subdomain="nginx", host_aliases=[HostAlias(ip="10.1.2.3", hostnames=["db"])])
    await given.specs.write_etc(asked, "10.244.0.7")
    hosts = given.directories.etc(UID, "hosts").read_text()
    assert "10.244.0.7\tweb-0.nginx.default.svc.cluster.local\tweb-0\n" in hosts
    assert "10.1.2.3\tdb\n" in hosts
    assert given.directories.etc(UID, "hostname").read_text() == "web-0\n"
    assert given.directories.etc(UID, "resolv.conf").read_text() == (
        "search default.svc.cluster.local svc.cluster.local cluster.local example.org\n"
        "nameserver 10.96.0.10\noptions ndots:5\n"
    )


async def test_a_pod_on_the_machines_network_gets_the_machines_files(given: Given) -> None:
    await given.specs.write_etc(pod(host_network=True), "10.0.0.5")
    assert "192.0.2.9 machine" in given.directories.etc(UID, "hosts").read_text()
    assert "nameserver 192.0.2.1" in given.directories.etc(UID, "resolv.conf").read_text()
    assert given.directories.etc(UID, "hostname").read_text() == "node-1\n"


async def test_files_change_in_place_because_containers_have_them_mounted(given: Given) -> None:
    await given.specs.write_etc(pod(), "10.244.0.7")
    before = given.directories.etc(UID, "hosts").stat().st_ino
    await given.specs.write_etc(pod(), "10.244.0.8")
    hosts = given.directories.etc(UID, "hosts")
    assert "10.244.0.8" in hosts.read_text()
    assert hosts.stat().st_ino == before


async def test_what_a_resolver_cannot_take_is_reported(given: Given) -> None:
    asked = pod(dns_config=PodDNSConfig(nameservers=["192.0.2.2", "192.0.2.3", "192.0.2.4"]))
    await given.specs.write_etc(asked, "10.244.0.7")
    await write_events(given)
    reported = [event for event in (await given.client.list(Event)).items if event.reason == "DNSConfigForming"]
    assert [event.message.startswith("Nameserver limits were exceeded") for event in reported if event.message] == [
        True
    ]


async def write_events(given: Given) -> None:
    async with Supervisor("events") as supervisor:
        supervisor.start("events", given.recorder.run)
        await given.recorder.flush()


# --- containers


async def test_command_and_arguments_are_expanded_and_services_are_told(given: Given) -> None:
    ports = [ServicePort(port=80)]
    db = Service(
        metadata=ObjectMeta(name="db", namespace="default"), spec=ServiceSpec(ports=ports, selector={"app": "db"})
    )
    address = (await given.client.create(db)).spec.cluster_ip
    container = Container(
        name="nginx",
        command=["/bin/run", "$(MODE)"],
        args=["--host=$(DB_SERVICE_HOST)", "$(NOBODY)"],
        env=[EnvVar(name="MODE", value="fast")],
        working_dir="/srv",
        tty=True,
        stdin=True,
        lifecycle=Lifecycle(stop_signal="SIGQUIT"),
    )
    spec = await eventually_told(given, pod(container))
    assert spec.command == ["/bin/run", "fast"]
    assert spec.args == [f"--host={address}", "$(NOBODY)"]
    assert (spec.working_dir, spec.tty, spec.stdin, spec.stdin_once) == ("/srv", True, True, False)
    assert (spec.stop_signal, spec.image) == ("QUIT", "docker.io/library/nginx:1.7.9")
    assert spec.env["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert spec.env["KUBERNETES_SERVICE_PORT"] == "443"


async def test_the_host_name_is_a_variable_that_nothing_refers_to(given: Given) -> None:
    env = [EnvVar(name="ME", value="$(HOSTNAME)")]
    variables = (await given.container(pod(Container(name="nginx", env=env)))).env
    assert (variables["HOSTNAME"], variables["ME"]) == ("web-0", "$(HOSTNAME)")
    on_the_machine = pod(Container(name="nginx"), host_network=True)
    assert (await given.container(on_the_machine)).env["HOSTNAME"] == "node-1"
    own = pod(Container(name="nginx", env=[EnvVar(name="HOSTNAME", value="mine")]))
    assert (await given.container(own)).env["HOSTNAME"] == "mine"


async def eventually_told(given: Given, of: Pod) -> ContainerSpec:
    while "DB_SERVICE_HOST" not in (spec := await given.container(of)).env:
        await SystemClock().sleep(0)
    return spec


async def test_labels_tell_after_a_crash_what_a_container_is(given: Given) -> None:
    asked = pod(init_containers=[Container(name="prepare"), Container(name="proxy", restart_policy="Always")])
    spec = await given.container(asked, attempt=2, init=True)
    assert spec.labels == {
        "io.kubernetes.pod.name": "web-0",
        "io.kubernetes.pod.namespace": "default",
        "io.kubernetes.pod.uid": UID,
        "io.kubernetes.container.name": "prepare",
        "io.petset.restart-count": "2",
        "io.petset.spec-hash": spec_hash(Container(name="prepare")),
        INIT_LABEL: "true",
    }
    del asked.spec.init_containers[0]
    assert INIT_LABEL not in (await given.container(asked, init=True)).labels


def test_the_hash_changes_with_the_image_only() -> None:
    old = Container(name="nginx", image="nginx:1.7.9")
    assert spec_hash(old) == spec_hash(Container(name="nginx", image="nginx:1.7.9", tty=True))
    assert spec_hash(old) != spec_hash(Container(name="nginx", image="nginx:1.9.1"))


async def test_volumes_appear_where_they_are_mounted(given: Given, tmp_path: Path) -> None:
    volumes = [
        Volume(name="data"),
        Volume(name="config", config_map=ConfigMapVolumeSource(name="settings")),
        Volume(
            name="claimed",
            persistent_volume_claim=PersistentVolumeClaimVolumeSource(claim_name="c", read_only=True),
        ),
    ]
    container = Container(
        name="nginx",
        volume_mounts=[
            VolumeMount(name="data", mount_path="/data", mount_propagation="HostToContainer"),
            VolumeMount(name="data", mount_path="/again", read_only=True),
            VolumeMount(name="config", mount_path="/config"),
            VolumeMount(name="claimed", mount_path="/claimed"),
        ],
    )
    paths = {name: tmp_path / name for name in ("data", "config", "claimed")}
    spec = await given.container(pod(container, volumes=volumes), volumes=paths)
    assert spec.mounts[:4] == [
        Mount(tmp_path / "data", "/data", propagation="HostToContainer"),
        Mount(tmp_path / "data", "/again", read_only=True),
        Mount(tmp_path / "config", "/config", read_only=True),
        Mount(tmp_path / "claimed", "/claimed", read_only=True),
    ]


async def test_sub_paths_are_parts_of_volumes(given: Given, tmp_path: Path) -> None:
    container = Container(
        name="nginx",
        env=[EnvVar(name="POD", value="web-0")],
        volume_mounts=[
            VolumeMount(name="data", mount_path="/a", sub_path="part"),
            VolumeMount(name="data", mount_path="/b", sub_path_expr="logs/$(POD)"),
        ],
    )
    (tmp_path / "data").mkdir()
    spec = await given.container(pod(container), volumes={"data": tmp_path / "data"})
    shown = {mount.container_path: mount.host_path for mount in spec.mounts}
    assert (shown["/a"], shown["/b"]) == (tmp_path / "data" / "part", tmp_path / "data" / "logs" / "web-0")


@pytest.mark.parametrize(
    ("mount", "complaint"),
    [
        (VolumeMount(name="absent", mount_path="/a"), 'cannot find volume "absent" to mount into container "nginx"'),
        (VolumeMount(name="data", mount_path="/a", sub_path_expr="$(NOBODY)"), "missing value for NOBODY"),
        (
            VolumeMount(name="data", mount_path="/a", sub_path="out"),
            'failed to prepare subPath for volumeMount "data" of container "nginx"',
        ),
    ],
)
async def test_mounts_that_cannot_be_are_config_errors(
    given: Given, tmp_path: Path, mount: VolumeMount, complaint: str
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "out").symlink_to("/etc")
    with pytest.raises(ConfigError, match=complaint.replace("(", r"\(").replace(")", r"\)")):
        await given.container(pod(Container(name="nginx", volume_mounts=[mount])), volumes={"data": tmp_path / "data"})


async def test_every_container_gets_the_pods_files_and_a_termination_log_of_its_own(given: Given) -> None:
    asked = pod(Container(name="nginx", termination_message_path="/dev/termination-log"))
    await given.specs.write_etc(asked, "10.244.0.7")
    spec = await given.container(asked, attempt=1)
    log = given.directories.termination_log(UID, "nginx", 1)
    assert {mount.container_path: mount.host_path for mount in spec.mounts} == {
        "/etc/hosts": given.directories.etc(UID, "hosts"),
        "/etc/resolv.conf": given.directories.etc(UID, "resolv.conf"),
        "/etc/hostname": given.directories.etc(UID, "hostname"),
        "/dev/termination-log": log,
    }
    assert log.stat().st_mode & 0o777 == 0o666


async def test_what_the_pod_mounts_in_place_of_a_file_stays(given: Given, tmp_path: Path) -> None:
    mount = VolumeMount(name="data", mount_path="/etc/hosts")
    asked = pod(Container(name="nginx", volume_mounts=[mount]))
    await given.specs.write_etc(asked, "10.244.0.7")
    spec = await given.container(asked, volumes={"data": tmp_path / "data"})
    assert [mount.host_path for mount in spec.mounts if mount.container_path == "/etc/hosts"] == [tmp_path / "data"]


async def test_a_shared_process_namespace_is_asked_for(given: Given) -> None:
    for fields in ({"share_process_namespace": True}, {"host_pid": True}):
        assert (await given.container(pod(**fields))).share_process_namespace
    assert not (await given.container(pod())).share_process_namespace


async def test_what_only_exists_on_paper_leaves_the_disk_alone(given: Given, tmp_path: Path) -> None:
    asked = pod(Container(name="nginx", termination_message_path="/dev/termination-log"))
    async with cluster() as (client, informers):
        recorder = EventRecorder(client, "kubelet")
        facts = NodeFacts("node-1", ClusterDns("cluster.local", "10.96.0.10"))
        specs = SimulatedSpecs(facts, given.directories, GivenSources(), informers, recorder)
        await specs.write_etc(asked, "10.244.0.7")
        context = PodContext(asked, "10.244.0.7", "10.0.0.5", "node-1", NO_VOLUMES, given.directories, IMAGE)
        spec = await specs.container(context, asked.spec.containers[0], 0, False)
        assert spec.mounts == []
        assert spec.env["KUBERNETES_SERVICE_PORT"] == "443"
    assert given.directories.pod_uids() == []
