"""Fields of a pod and of its containers' resources as text: fieldRef and resourceFieldRef. Pure.

Follows upstream's pkg/fieldpath and pkg/api/v1/resource (ExtractContainerResourceValue).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil

from petset.api.quantity import parse
from petset.api.types import Container, Pod, ResourceFieldSelector

_SUBSCRIPT = re.compile(r"(metadata\.(?:labels|annotations))\['(.*)'\]")


class FieldError(Exception):
    """The reference names nothing that exists."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What a pod is told about where it runs. `allocatable` stands in for limits that a container does not have."""

    node_name: str = ""
    host_ip: str = ""
    pod_ip: str = ""
    allocatable: Mapping[str, str] = field(default_factory=dict)


def field_value(pod: Pod, path: str, placement: Placement) -> str:
    """The value of a field. A label or annotation that is not there is empty. Raises FieldError."""
    subscript = _SUBSCRIPT.fullmatch(path)
    metadata = pod.metadata
    if subscript is not None:
        return (metadata.labels if subscript[1] == "metadata.labels" else metadata.annotations).get(subscript[2], "")
    values = {
        "metadata.name": metadata.name,
        "metadata.namespace": metadata.namespace,
        "metadata.uid": metadata.uid,
        "metadata.labels": format_map(metadata.labels),
        "metadata.annotations": format_map(metadata.annotations),
        "spec.nodeName": placement.node_name or pod.spec.node_name or "",
        "spec.serviceAccountName": pod.spec.service_account_name or "",
        "status.hostIP": placement.host_ip,
        "status.hostIPs": placement.host_ip,
        "status.podIP": placement.pod_ip,
        "status.podIPs": placement.pod_ip,
    }
    if path not in values:
        raise FieldError(f"unsupported fieldPath: {path}")
    return values[path]


def format_map(values: Mapping[str, str]) -> str:
    """One `key="value"` a line, sorted by key."""
    return "\n".join(f"{key}={json.dumps(values[key], ensure_ascii=False)}" for key in sorted(values))


def resource_value(pod: Pod, selector: ResourceFieldSelector, own: Container | None, placement: Placement) -> str:
    """A request or limit in units of the divisor, rounded up. `own` is the container that asks. Raises FieldError."""
    container = _container(pod, selector.container_name, own)
    kind, _, resource = selector.resource.partition(".")
    amounts = {"requests": container.resources.requests, "limits": container.resources.limits}
    if kind not in amounts or not resource:
        raise FieldError(f"unsupported container resource : {selector.resource}")
    amount = amounts[kind].get(resource)
    if amount is None and kind == "limits":
        amount = placement.allocatable.get(resource)
    divisor = parse(selector.divisor or "0").amount or 1
    return str(ceil(parse(amount or "0").amount / divisor))


def _container(pod: Pod, name: str | None, own: Container | None) -> Container:
    if not name and own is not None:
        return own
    for container in (*pod.spec.containers, *pod.spec.init_containers):
        if container.name == name:
            return container
    raise FieldError(f"container {name} not found")
