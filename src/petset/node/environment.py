"""A container's environment variables: env, envFrom, and what is told about Services.

Order and precedence follow the kubelet's makeEnvironmentVariables and pkg/kubelet/envvars: env over envFrom over
Services; a reference sees what stands before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from petset.api.types import Container, EnvFromSource, EnvVarSource, Pod, Service
from petset.node.downward import FieldError, Placement, field_value, resource_value
from petset.node.expansion import expand
from petset.node.sources import SourceNotFound, Sources, SourceUnavailable, secret_text

API_NAMESPACE, API_SERVICE = "default", "kubernetes"


class EnvironmentFailed(Exception):
    """A variable has no value; the message is the one that the kubelet puts into the container's waiting state."""


@dataclass(frozen=True, slots=True)
class _Key:
    """A key of a ConfigMap or Secret; `kind` as messages spell it."""

    kind: str
    name: str
    key: str
    optional: bool


class Environment:
    """Works out the variables of one container at a time."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def variables(
        self, pod: Pod, container: Container, placement: Placement, services: Mapping[str, str]
    ) -> dict[str, str]:
        """All variables by name. `services` has the lowest rank. Raises EnvironmentFailed."""
        own: dict[str, str] = {}
        try:
            for source in container.env_from:
                own |= await self._from(pod.metadata.namespace, source)
            for variable in container.env:
                value: str | None
                if variable.value or variable.value_from is None:
                    value = expand(variable.value or "", own, services)
                else:
                    value = await self._value(pod, container, variable.value_from, placement)
                if value is not None:
                    own[variable.name] = value
        except (SourceNotFound, SourceUnavailable, FieldError) as error:
            raise EnvironmentFailed(str(error)) from error
        return {**services, **own}

    async def _from(self, namespace: str, source: EnvFromSource) -> dict[str, str]:
        prefix = source.prefix or ""
        reference = source.config_map_ref or source.secret_ref
        if reference is None:
            return {}
        kind = "ConfigMap" if source.config_map_ref is not None else "Secret"
        data = await self._data(kind, namespace, reference.name or "", optional=bool(reference.optional))
        return {f"{prefix}{key}": value for key, value in data.items()} if data is not None else {}

    async def _value(self, pod: Pod, container: Container, source: EnvVarSource, placement: Placement) -> str | None:
        """The value, or None when what it would be read from is optional and not there."""
        if source.field_ref is not None:
            return field_value(pod, source.field_ref.field_path, placement)
        if source.resource_field_ref is not None:
            return resource_value(pod, source.resource_field_ref, container, placement)
        if source.config_map_key_ref is not None:
            reference = source.config_map_key_ref
            wanted = _Key("ConfigMap", reference.name or "", reference.key, bool(reference.optional))
            return await self._key(pod.metadata.namespace, wanted)
        if source.secret_key_ref is not None:
            secret = source.secret_key_ref
            wanted = _Key("Secret", secret.name or "", secret.key, bool(secret.optional))
            return await self._key(pod.metadata.namespace, wanted)
        raise EnvironmentFailed("valueFrom has a source that this node does not know; fileKeyRef is not supported")

    async def _key(self, namespace: str, wanted: _Key) -> str | None:
        data = await self._data(wanted.kind, namespace, wanted.name, optional=wanted.optional)
        if data is not None and wanted.key in data:
            return data[wanted.key]
        if wanted.optional:
            return None
        raise EnvironmentFailed(f"couldn't find key {wanted.key} in {wanted.kind} {namespace}/{wanted.name}")

    async def _data(self, kind: str, namespace: str, name: str, *, optional: bool) -> dict[str, str] | None:
        """The text of a ConfigMap or Secret; None when it is optional and not there."""
        try:
            if kind == "ConfigMap":
                return (await self._sources.config_map(namespace, name)).data
            return secret_text(await self._sources.secret(namespace, name))
        except SourceNotFound:
            if optional:
                return None
            raise


# --- Services --------------------------------------------------------------------------------------------------------


def service_variables(pod: Pod, services: Iterable[Service]) -> dict[str, str]:
    """What a pod is told about Services with an address: the API's always, its namespace's unless it declines."""
    told: dict[str, Service] = {}
    for service in services:
        if not service.spec.cluster_ip or service.spec.cluster_ip == "None":
            continue
        namespace, name = service.metadata.namespace, service.metadata.name
        if namespace == pod.metadata.namespace and pod.spec.enable_service_links is not False:
            told[name] = service
        elif (namespace, name) == (API_NAMESPACE, API_SERVICE):
            told.setdefault(name, service)
    variables: dict[str, str] = {}
    for name in sorted(told):
        variables |= _variables_of(told[name])
    return variables


def _variables_of(service: Service) -> dict[str, str]:
    prefix = _variable(service.metadata.name)
    ip, ports = service.spec.cluster_ip or "", service.spec.ports
    if not ports:
        return {}
    variables = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0].port)}
    for port in ports:
        if port.name:
            variables[f"{prefix}_SERVICE_PORT_{_variable(port.name)}"] = str(port.port)
    for index, port in enumerate(ports):
        protocol = port.protocol or "TCP"
        url = f"{protocol.lower()}://{ip}:{port.port}"
        if index == 0:
            variables[f"{prefix}_PORT"] = url
        link = f"{prefix}_PORT_{port.port}_{protocol}"
        variables[link] = url
        variables |= {f"{link}_PROTO": protocol.lower(), f"{link}_PORT": str(port.port), f"{link}_ADDR": ip}
    return variables


def _variable(name: str) -> str:
    return name.upper().replace("-", "_")
