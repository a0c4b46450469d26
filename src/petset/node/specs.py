"""From a pod to what a runtime is asked to run: sandbox and container specs with every reference resolved.

What is decided here is decided as the kubelet does (pkg/kubelet/kubelet_pods.go, kuberuntime). What must not live here:
when a container is run, and what becomes of the pod when that fails.
"""

import asyncio
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import msgspec

from petset.api.types import Container, Pod, Service, VolumeMount
from petset.client.informer import InformerFactory
from petset.client.recorder import EventRecorder
from petset.node.directories import Directories
from petset.node.dns.resolv import ClusterDns, parse_resolv_conf, pod_resolv_conf
from petset.node.downward import Placement
from petset.node.environment import API_NAMESPACE, API_SERVICE, Environment, EnvironmentFailed, service_variables
from petset.node.expansion import expand, expand_all, missing_names
from petset.node.hosts import HostnameTooLong, PodName, host_network_hosts, pod_hosts, pod_name
from petset.node.resources import container_resources
from petset.node.runtimes.interface import (
    INIT_LABEL,
    ContainerSpec,
    Image,
    Mount,
    MountPropagation,
    SandboxSpec,
)
from petset.node.security import NotPermitted, security_options
from petset.node.sources import Sources
from petset.node.subpaths import SubPathFailed, prepare_subpath

POD_NAME_LABEL: Final = "io.kubernetes.pod.name"
POD_NAMESPACE_LABEL: Final = "io.kubernetes.pod.namespace"
POD_UID_LABEL: Final = "io.kubernetes.pod.uid"
CONTAINER_NAME_LABEL: Final = "io.kubernetes.container.name"
RESTART_COUNT_LABEL: Final = "io.petset.restart-count"
SPEC_HASH_LABEL: Final = "io.petset.spec-hash"

ETC_FILES: Final = ("hosts", "resolv.conf", "hostname")

_PROPAGATION: Mapping[str, MountPropagation] = {
    "None": "None",
    "HostToContainer": "HostToContainer",
    "Bidirectional": "Bidirectional",
}


class ConfigError(Exception):
    """The container cannot be described. Its waiting reason is CreateContainerConfigError, with this message."""


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What specs need to know about the node.

    `allocatable` is the Node's, as quantities. `mounts` says whether this process may mount, which is to say: is root.
    """

    name: str
    cluster: ClusterDns
    allocatable: Mapping[str, str] = field(default_factory=dict)
    memory_capacity: int = 0
    cgroup_parent: str = "/petset"
    mounts: bool = True
    resolv_conf: Path = Path("/etc/resolv.conf")
    hosts: Path = Path("/etc/hosts")


@dataclass(frozen=True, slots=True)
class PodContext:
    """What is known about a pod once it may start: its addresses, its mounted volumes, and the container's image."""

    pod: Pod
    pod_ip: str
    host_ip: str
    node_name: str
    volumes: Mapping[str, Path]
    directories: Directories
    image: Image


class Specs:
    """Builds specs. Reads ConfigMaps, Secrets and Services; writes the pod's /etc files and termination logs."""

    def __init__(
        self,
        facts: NodeFacts,
        directories: Directories,
        sources: Sources,
        informers: InformerFactory,
        recorder: EventRecorder,
    ) -> None:
        self._facts = facts
        self._directories = directories
        self._environment = Environment(sources)
        self._services = informers.informer(Service)
        self._recorder = recorder

    async def sandbox(self, pod: Pod, attempt: int = 0) -> SandboxSpec:
        """The pod's sandbox. Raises ConfigError."""
        spec, metadata = pod.spec, pod.metadata
        security = spec.security_context
        return SandboxSpec(
            pod_name=metadata.name,
            pod_namespace=metadata.namespace,
            pod_uid=metadata.uid,
            hostname=self._hostname(pod),
            attempt=attempt,
            labels=pod_labels(pod),
            cgroup_parent=f"{self._facts.cgroup_parent}/pod{metadata.uid}",
            sysctls={item.name: item.value for item in security.sysctls} if security is not None else {},
            host_network=bool(spec.host_network),
            host_pid=bool(spec.host_pid),
            host_ipc=bool(spec.host_ipc),
        )

    async def container(self, context: PodContext, container: Container, attempt: int, init: bool) -> ContainerSpec:  # noqa: FBT001 - the agent's contract
        """A container of the pod, `attempt` being its restart count. Raises ConfigError."""
        pod = context.pod
        try:
            variables = await self._variables(context, container)
            security = security_options(pod, container, context.image)
            volumes = await self._mounts(context, container, variables)
        except (EnvironmentFailed, NotPermitted, SubPathFailed) as error:
            raise ConfigError(str(error)) from error
        stop_signal = container.lifecycle.stop_signal if container.lifecycle is not None else None
        return ContainerSpec(
            name=container.name,
            image=context.image.reference,
            attempt=attempt,
            command=expand_all(container.command, variables),
            args=expand_all(container.args, variables),
            env={"HOSTNAME": self._hostname(pod), **variables},  # as CRI runtimes do; no reference sees it
            working_dir=container.working_dir or "",
            mounts=[*volumes, *self._files(context, container, attempt)],
            labels=container_labels(pod, container, attempt, init=init),
            resources=container_resources(pod, container, self._facts.memory_capacity),
            security=security,
            tty=bool(container.tty),
            stdin=bool(container.stdin),
            stdin_once=bool(container.stdin_once),
            stop_signal=(stop_signal or "").removeprefix("SIG"),
            share_process_namespace=bool(pod.spec.share_process_namespace or pod.spec.host_pid),
        )

    async def write_etc(self, pod: Pod, pod_ip: str) -> None:
        """Writes the pod's hosts, resolv.conf and hostname, in place so that containers see it. Raises ConfigError."""
        facts, uid = self._facts, pod.metadata.uid
        name = self._name_of(pod)
        resolver = pod_resolv_conf(pod, facts.cluster, parse_resolv_conf(_text(facts.resolv_conf)))
        if pod.spec.host_network:
            hosts = host_network_hosts(_text(facts.hosts), pod.spec.host_aliases)
        else:
            hosts = pod_hosts([pod_ip] if pod_ip else [], name, pod.spec.host_aliases)
        contents = (hosts, resolver.conf.render(), f"{self._hostname(pod)}\n")
        changed = [
            _write_in_place(self._directories.etc(uid, file), text.encode(), 0o644)
            for file, text in zip(ETC_FILES, contents, strict=True)
        ]
        if any(changed):
            for warning in resolver.warnings:
                self._recorder.event(pod, "Warning", "DNSConfigForming", warning)

    def termination_log(self, pod_uid: str, container: str, attempt: int) -> Path | None:
        """The file that the container's terminationMessagePath is."""
        return self._directories.termination_log(pod_uid, container, attempt)

    # --- parts --------------------------------------------------------------------------------------------------------

    def _hostname(self, pod: Pod) -> str:
        return self._facts.name if pod.spec.host_network else self._name_of(pod).hostname

    def _name_of(self, pod: Pod) -> PodName:
        try:
            return pod_name(pod, self._facts.cluster.domain)
        except HostnameTooLong as error:
            raise ConfigError(str(error)) from error

    async def _variables(self, context: PodContext, container: Container) -> dict[str, str]:
        pod = context.pod
        await self._services.synced()
        candidates = list(self._services.list(pod.metadata.namespace))
        api = self._services.get(API_NAMESPACE, API_SERVICE)
        services = service_variables(pod, [*candidates, api] if api is not None else candidates)
        placement = Placement(context.node_name, context.host_ip, context.pod_ip, self._facts.allocatable)
        return await self._environment.variables(pod, container, placement, services)

    async def _mounts(self, context: PodContext, container: Container, variables: Mapping[str, str]) -> list[Mount]:
        return [
            Mount(
                host_path=await self._host_path(context, container, index, variables),
                container_path=_absolute(mount.mount_path),
                read_only=bool(mount.read_only) or is_read_only(context.pod, mount.name),
                propagation=_PROPAGATION.get(mount.mount_propagation or "None", "None"),
            )
            for index, mount in enumerate(container.volume_mounts)
        ]

    async def _host_path(
        self, context: PodContext, container: Container, index: int, variables: Mapping[str, str]
    ) -> Path:
        mount = container.volume_mounts[index]
        volume = context.volumes.get(mount.name)
        if volume is None:
            raise ConfigError(f'cannot find volume "{mount.name}" to mount into container "{container.name}"')
        sub_path = sub_path_of(mount, variables)
        if not sub_path:
            return volume
        target = context.directories.subpath(context.pod.metadata.uid, container.name, index)
        try:
            return await asyncio.to_thread(prepare_subpath, volume, sub_path, target, mounts=self._facts.mounts)
        except SubPathFailed as error:
            raise ConfigError(
                f'failed to prepare subPath for volumeMount "{mount.name}" of container "{container.name}": {error}'
            ) from error

    def _files(self, context: PodContext, container: Container, attempt: int) -> Iterator[Mount]:
        """The files every container gets, but for those in whose place the pod mounts something of its own."""
        uid = context.pod.metadata.uid
        taken = {_absolute(mount.mount_path) for mount in container.volume_mounts}
        for name in ETC_FILES:
            if f"/etc/{name}" not in taken:
                yield Mount(context.directories.etc(uid, name), f"/etc/{name}")
        message_path = container.termination_message_path or ""
        if message_path and _absolute(message_path) not in taken:
            log = context.directories.termination_log(uid, container.name, attempt)
            _write_in_place(log, b"", 0o666)  # whatever user the container runs as
            yield Mount(log, _absolute(message_path))


# --- rules -----------------------------------------------------------------------------------------------------------


def pod_labels(pod: Pod) -> dict[str, str]:
    """By which a sandbox is found again after a crash."""
    metadata = pod.metadata
    return {
        POD_NAME_LABEL: metadata.name,
        POD_NAMESPACE_LABEL: metadata.namespace,
        POD_UID_LABEL: metadata.uid,
    }


def container_labels(pod: Pod, container: Container, attempt: int, *, init: bool) -> dict[str, str]:
    """By which a container is found again after a crash. INIT_LABEL is for those that end, which sidecars do not."""
    labels = {
        **pod_labels(pod),
        CONTAINER_NAME_LABEL: container.name,
        RESTART_COUNT_LABEL: str(attempt),
        SPEC_HASH_LABEL: spec_hash(container),
    }
    if init and container.restart_policy != "Always":
        labels[INIT_LABEL] = "true"
    return labels


def spec_hash(container: Container) -> str:
    """Tells whether a running container is still what the pod asks for: changes with name and image.

    Nothing else of a container can change while its pod exists without being applied in place (resources).
    """
    return _hash_of(container.name, container.image)


@lru_cache(1024)  # the pods of a set are alike
def _hash_of(*parts: str | None) -> str:
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:16]


def is_read_only(pod: Pod, volume_name: str) -> bool:
    """Whether a volume is never writable: what comes from the API, and claims that the pod takes read-only."""
    for volume in pod.spec.volumes:
        if volume.name == volume_name:
            claim = volume.persistent_volume_claim
            from_api = volume.config_map or volume.secret or volume.downward_api or volume.projected
            return from_api is not None or (claim is not None and bool(claim.read_only))
    return False


def sub_path_of(mount: VolumeMount, variables: Mapping[str, str]) -> str:
    """The part of the volume to mount, empty for all of it. Raises ConfigError when a variable has no value."""
    if not mount.sub_path_expr:
        return mount.sub_path or ""
    missing: Sequence[str] = missing_names(mount.sub_path_expr, variables)
    if missing:
        raise ConfigError(f"missing value for {', '.join(missing)}")
    return expand(mount.sub_path_expr, variables)


def _absolute(path: str) -> str:
    return path if path.startswith("/") else f"/{path}"


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _write_in_place(path: Path, content: bytes, mode: int) -> bool:
    """Writes a file that containers may have mounted, keeping the inode; whether its content changed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode)
    try:
        os.fchmod(descriptor, mode)
        if os.read(descriptor, len(content) + 1) == content:
            return False
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, content, 0)
    finally:
        os.close(descriptor)
    return True
