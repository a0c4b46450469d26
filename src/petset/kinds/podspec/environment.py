"""Validation of environment variables and of references to the pod's own fields."""

import re
from collections.abc import Collection, Iterator

from petset.api.field import FieldError, invalid, not_found, not_supported, required
from petset.api.names import (
    config_map_key_errors,
    dns1123_label_errors,
    dns1123_subdomain_errors,
    env_var_name_errors,
    qualified_name_errors,
)
from petset.api.types import (
    Container,
    EnvFromSource,
    EnvVar,
    EnvVarSource,
    FileKeySelector,
    ObjectFieldSelector,
    PodSpec,
    ResourceFieldSelector,
)
from petset.kinds.checks import format_errors, required_errors
from petset.kinds.podspec.paths import without_backsteps
from petset.kinds.resourcenames import HUGE_PAGES

ENVIRONMENT_FIELDS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)
"""What `fieldRef` of a variable may name, besides single labels and annotations."""

VOLUME_FIELDS = frozenset(
    {"metadata.name", "metadata.namespace", "metadata.uid", "metadata.labels", "metadata.annotations"}
)
"""What `fieldRef` of a downwardAPI file may name, besides single labels and annotations."""

_SUBSCRIPTED = re.compile(r"(metadata\.(?:labels|annotations))\['(.*)'\]")
_KNOWN_FIELDS = (
    ENVIRONMENT_FIELDS
    | VOLUME_FIELDS
    | {"spec.restartPolicy", "spec.schedulerName", "spec.hostNetwork", "status.phase", "status.nominatedNodeName"}
)
_RESOURCES = frozenset(
    f"{side}.{name}" for side in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_DIVISORS = {
    "cpu": ("1m", "1"),
    "memory": ("1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"),
}
_DIVISORS["ephemeral-storage"] = _DIVISORS["memory"]
_SOURCES = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_TOO_MANY = "may not have more than one field specified at a time"


def environment_errors(path: str, container: Container) -> Iterator[FieldError]:
    """Everything wrong with `env` and `envFrom` of a container."""
    for index, variable in enumerate(container.env):
        where = f"{path}.env[{index}]"
        yield from required_errors(f"{where}.name", variable.name, env_var_name_errors)
        if variable.value_from is not None:
            yield from _value_from_errors(f"{where}.valueFrom", variable, variable.value_from)
    for index, source in enumerate(container.env_from):
        yield from _env_from_errors(f"{path}.envFrom[{index}]", source)


def field_ref_errors(path: str, ref: ObjectFieldSelector, fields: Collection[str]) -> Iterator[FieldError]:
    """A reference to a field of the pod; `fields` are those that this place supports."""
    if not ref.api_version:
        yield required(f"{path}.apiVersion")
    if not ref.field_path:
        yield required(f"{path}.fieldPath")
        return
    subscripted = _SUBSCRIPTED.fullmatch(ref.field_path)
    if subscripted:
        key = subscripted[2]
        check = key.lower() if subscripted[1] == "metadata.annotations" else key
        for message in qualified_name_errors(check):
            yield invalid(path, key, message)
    elif ref.field_path not in _KNOWN_FIELDS:
        detail = f"error converting fieldPath: field label not supported: {ref.field_path}"
        yield invalid(f"{path}.fieldPath", ref.field_path, detail)
    elif ref.field_path not in fields:
        yield not_supported(f"{path}.fieldPath", ref.field_path, fields)


def resource_ref_errors(path: str, ref: ResourceFieldSelector, *, in_volume: bool) -> Iterator[FieldError]:
    """A reference to a limit or request of a container; volumes have to say of which one."""
    if in_volume and not ref.container_name:
        yield required(f"{path}.containerName")
    if not ref.resource:
        yield required(f"{path}.resource")
        return
    name = ref.resource.partition(".")[2]
    if ref.resource not in _RESOURCES and not name.startswith(HUGE_PAGES):
        yield not_supported(f"{path}.resource", ref.resource, _RESOURCES)
        return
    divisors = _DIVISORS.get(name, _DIVISORS["memory"])
    if ref.divisor not in {"", "0", *divisors}:
        rule = f"only divisor's values {', '.join(divisors)} are supported with the {name} resource"
        yield invalid(f"{path}.divisor", ref.resource, rule)


def _value_from_errors(path: str, variable: EnvVar, source: EnvVarSource) -> Iterator[FieldError]:
    given = 0
    for name in source.__struct_fields__:
        given += getattr(source, name) is not None
    if source.field_ref is not None:
        yield from field_ref_errors(f"{path}.fieldRef", source.field_ref, ENVIRONMENT_FIELDS)
    if source.resource_field_ref is not None:
        yield from resource_ref_errors(f"{path}.resourceFieldRef", source.resource_field_ref, in_volume=False)
    for place, ref in (("configMapKeyRef", source.config_map_key_ref), ("secretKeyRef", source.secret_key_ref)):
        if ref is not None:
            yield from format_errors(f"{path}.{place}.name", ref.name or "", dns1123_subdomain_errors)
            yield from required_errors(f"{path}.{place}.key", ref.key, config_map_key_errors)
    if source.file_key_ref is not None:
        yield from _file_key_ref_errors(f"{path}.fileKeyRef", source.file_key_ref)
    if not given:
        yield invalid(path, "", f"must specify one of: {_SOURCES}")
    elif variable.value:
        yield invalid(path, "", "may not be specified when `value` is not empty")
    elif given > 1:
        yield invalid(path, "", _TOO_MANY)


def _file_key_ref_errors(path: str, ref: FileKeySelector) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.key", ref.key, env_var_name_errors)
    yield from required_errors(f"{path}.volumeName", ref.volume_name, dns1123_label_errors)
    if not ref.path:
        yield required(f"{path}.path")
    yield from without_backsteps(f"{path}.path", ref.path)


def file_volumes_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """Files that variables are read from lie in a volume that the pod fills itself; `path` is that of the pod spec."""
    volumes = {volume.name: volume for volume in spec.volumes}
    kinds = (("initContainers", spec.init_containers), ("containers", spec.containers))
    for kind, containers in kinds:
        for index, container in enumerate(containers):
            for number, variable in enumerate(container.env):
                ref = variable.value_from.file_key_ref if variable.value_from is not None else None
                if ref is None:
                    continue
                where = f"{path}.{kind}[{index}].env[{number}].valueFrom.fileKeyRef.volumeName"
                volume = volumes.get(ref.volume_name)
                if volume is None:
                    yield not_found(where, ref.volume_name)
                elif volume.empty_dir is None:
                    yield invalid(where, ref.volume_name, "referenced volume must be of type emptyDir")


def _env_from_errors(path: str, source: EnvFromSource) -> Iterator[FieldError]:
    if source.prefix:
        yield from format_errors(f"{path}.prefix", source.prefix, env_var_name_errors)
    refs = (("configMapRef", source.config_map_ref), ("secretRef", source.secret_ref))
    for place, ref in refs:
        if ref is not None:
            yield from required_errors(f"{path}.{place}.name", ref.name, dns1123_subdomain_errors)
    given = sum(ref is not None for _, ref in refs)
    if not given:
        yield invalid(path.rpartition("[")[0], "", "must specify one of: `configMapRef` or `secretRef`")
    elif given > 1:
        yield invalid(path.rpartition("[")[0], "", _TOO_MANY)
