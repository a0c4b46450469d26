"""Validation of containers, one by one and against each other."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from petset.api.field import FieldError, duplicate, forbidden, invalid, not_found, required
from petset.api.names import dns1123_label_errors, port_name_errors
from petset.api.types import Container, ContainerPort, PodSpec, SecurityContext, Volume, VolumeMount
from petset.kinds.checks import PROTOCOLS, one_of, optional_one_of, port_number, required_errors
from petset.kinds.podspec.actions import lifecycle_errors, liveness_errors, readiness_errors
from petset.kinds.podspec.environment import environment_errors
from petset.kinds.podspec.paths import relative
from petset.kinds.podspec.resources import resize_errors, resource_errors
from petset.kinds.podspec.restarts import restart_errors
from petset.kinds.podspec.security import container_security_errors
from petset.kinds.podspec.volumes import sound_volumes

_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a container's validity depends on besides itself."""

    volumes: Mapping[str, Volume]
    grace: int | None
    restart_policy: str | None
    claims: frozenset[str]
    system: str | None

    @classmethod
    def of(cls, spec: PodSpec) -> "Surroundings":
        """The surroundings that a pod gives to its containers."""
        volumes = sound_volumes(spec.volumes)
        claims = frozenset(claim.name for claim in spec.resource_claims)
        system = spec.os.name if spec.os is not None else None
        return cls(volumes, spec.termination_grace_period_seconds, spec.restart_policy, claims, system)


def containers_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """Everything wrong with init containers and containers; `path` is that of the pod spec."""
    around = Surroundings.of(spec)
    names: set[str] = set()
    if not spec.containers:
        yield required(f"{path}.containers")
    for index, container in enumerate(spec.containers):
        where = f"{path}.containers[{index}]"
        yield from _container_errors(where, container, around)
        yield from _actions_errors(where, container, around)
        yield from restart_errors(where, container)
        yield from _unique(where, container.name, names)
    for index, container in enumerate(spec.init_containers):
        where = f"{path}.initContainers[{index}]"
        yield from _container_errors(where, container, around)
        yield from _init_container_errors(where, container)
        yield from _unique(where, container.name, names)
    yield from _host_port_errors(f"{path}.containers", spec.containers, host_network=bool(spec.host_network))


def _unique(path: str, name: str, names: set[str]) -> Iterator[FieldError]:
    if name and name in names:
        yield duplicate(f"{path}.name", name)
    names.add(name)


def _container_errors(path: str, container: Container, around: Surroundings) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.name", container.name, dns1123_label_errors)
    yield from _image_errors(f"{path}.image", container.image or "")
    yield from one_of(
        f"{path}.terminationMessagePolicy", container.termination_message_policy, ("File", "FallbackToLogsOnError")
    )
    yield from _ports_errors(f"{path}.ports", container.ports)
    yield from environment_errors(path, container)
    yield from _mounts_errors(path, container, around.volumes)
    yield from _devices_errors(path, container, around.volumes)
    yield from one_of(f"{path}.imagePullPolicy", container.image_pull_policy, ("Always", "IfNotPresent", "Never"))
    yield from resource_errors(f"{path}.resources", container.resources, around.claims)
    yield from resize_errors(f"{path}.resizePolicy", container.resize_policy, around.restart_policy)
    yield from _security_errors(f"{path}.securityContext", container.security_context)


def _image_errors(path: str, image: str) -> Iterator[FieldError]:
    if not image:
        yield required(path)
    elif image != image.strip():
        yield invalid(path, image, "must not have leading or trailing whitespace")


def _security_errors(path: str, context: SecurityContext | None) -> Iterator[FieldError]:
    if context is not None:
        yield from container_security_errors(path, context)


def _actions_errors(path: str, container: Container, around: Surroundings) -> Iterator[FieldError]:
    yield from lifecycle_errors(f"{path}.lifecycle", container.lifecycle, around.grace, around.system)
    yield from liveness_errors(f"{path}.livenessProbe", container.liveness_probe)
    yield from readiness_errors(f"{path}.readinessProbe", container.readiness_probe)
    yield from liveness_errors(f"{path}.startupProbe", container.startup_probe)


def _init_container_errors(path: str, container: Container) -> Iterator[FieldError]:
    yield from restart_errors(path, container)
    if container.restart_policy == "Always":
        return
    actions = {
        "lifecycle": container.lifecycle,
        "livenessProbe": container.liveness_probe,
        "readinessProbe": container.readiness_probe,
        "startupProbe": container.startup_probe,
    }
    for name, action in actions.items():
        if action is not None:
            yield forbidden(f"{path}.{name}", "may not be set for init containers without restartPolicy=Always")


def _ports_errors(path: str, ports: Sequence[ContainerPort]) -> Iterator[FieldError]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        where = f"{path}[{index}]"
        if port.name:
            yield from _port_name_errors(f"{where}.name", port.name, names)
        if not port.container_port:
            yield required(f"{where}.containerPort")
        else:
            yield from port_number(f"{where}.containerPort", port.container_port)
        if port.host_port:
            yield from port_number(f"{where}.hostPort", port.host_port)
        yield from one_of(f"{where}.protocol", port.protocol, PROTOCOLS)


def _port_name_errors(path: str, name: str, names: set[str]) -> Iterator[FieldError]:
    messages = port_name_errors(name)
    for message in messages:
        yield invalid(path, name, message)
    if not messages and name in names:
        yield duplicate(path, name)
    names.add(name)


def _host_port_errors(path: str, containers: Sequence[Container], *, host_network: bool) -> Iterator[FieldError]:
    taken: set[str] = set()
    for index, container in enumerate(containers):
        for place, port in enumerate(container.ports):
            if port.host_port and host_network and port.host_port != port.container_port:
                rule = "must match `containerPort` when `hostNetwork` is true"
                yield invalid(f"{path}[{index}].ports[{place}].hostPort", port.host_port, rule)
            if port.host_port:
                key = f"{port.protocol}/{port.host_ip or ''}/{port.host_port}"
                if key in taken:
                    yield duplicate(f"{path}[{index}].ports[{place}].hostPort", key)
                taken.add(key)


def _mounts_errors(path: str, container: Container, volumes: Mapping[str, Volume]) -> Iterator[FieldError]:
    targets: set[str] = set()
    devices = {device.name for device in container.volume_devices}
    for index, mount in enumerate(container.volume_mounts):
        where = f"{path}.volumeMounts[{index}]"
        yield from _mount_source_errors(where, mount.name, volumes)
        if mount.name in devices:
            yield invalid(f"{where}.name", mount.name, "must not already exist in volumeDevices")
        if not mount.mount_path:
            yield required(f"{where}.mountPath")
        elif mount.mount_path in targets:
            yield invalid(f"{where}.mountPath", mount.mount_path, "must be unique")
        targets.add(mount.mount_path)
        yield from _mount_detail_errors(where, mount)


def _mount_source_errors(path: str, name: str, volumes: Collection[str]) -> Iterator[FieldError]:
    if not name:
        yield required(f"{path}.name")
    if name not in volumes:
        yield not_found(f"{path}.name", name)


def _mount_detail_errors(path: str, mount: VolumeMount) -> Iterator[FieldError]:
    whole = path.rpartition("[")[0]  # upstream names the list here
    if mount.sub_path:
        yield from relative(f"{whole}.subPath", mount.sub_path)
    if mount.sub_path_expr:
        if mount.sub_path:
            rule = "subPathExpr and subPath are mutually exclusive"
            yield invalid(f"{path}.subPathExpr", mount.sub_path_expr, rule)
        yield from relative(f"{whole}.subPathExpr", mount.sub_path_expr)
    yield from optional_one_of(f"{path}.mountPropagation", mount.mount_propagation, _PROPAGATIONS)


def _devices_errors(path: str, container: Container, volumes: Mapping[str, Volume]) -> Iterator[FieldError]:
    for index, device in enumerate(container.volume_devices):
        where = f"{path}.volumeDevices[{index}]"
        yield from _mount_source_errors(where, device.name, volumes)
        volume = volumes.get(device.name)
        if volume is not None and volume.persistent_volume_claim is None and volume.ephemeral is None:
            rule = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            yield invalid(f"{where}.name", device.name, rule)
        if not device.device_path:
            yield required(f"{where}.devicePath")
