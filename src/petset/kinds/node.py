"""Node: where pods run. The node agent owns its status; a person cordons and taints it."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, duplicate, forbidden, invalid
from petset.api.names import label_value_errors, qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Node
from petset.kinds.checks import format_errors, one_of, optional_errors
from petset.kinds.cidrs import cidr_errors, lenient_network
from petset.kinds.columns import AGE, NAME, NONE
from petset.kinds.podspec.scheduling import TAINT_EFFECTS

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE_LABEL = "kubernetes.io/role"
_UNKNOWN = "<unknown>"


class NodeStrategy(Strategy[Node]):
    """Nodes may bring their status when they register."""

    def default(self, obj: Node) -> None:
        """The older field stands for the first of the newer one."""
        spec = obj.spec
        if spec.pod_cidr and spec.pod_cidrs[:1] != [spec.pod_cidr]:
            spec.pod_cidrs = [spec.pod_cidr]
        spec.pod_cidr = next(iter(spec.pod_cidrs), None)

    def prepare_update(self, obj: Node, old: Node) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status

    def validate_create(self, obj: Node) -> list[FieldError]:
        """Taints that pods could tolerate, and blocks of addresses that are some."""
        return list(_errors(obj))

    def validate_update(self, obj: Node, old: Node) -> list[FieldError]:
        """Where its pods' addresses come from, and which machine it is, stays."""
        return [*_errors(obj), *_change_errors(obj, old)]


class NodeStatusStrategy(Strategy[Node]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: Node, old: Node) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


def _errors(obj: Node) -> Iterator[FieldError]:
    yield from _cidrs_errors(obj.spec.pod_cidrs)
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(obj.spec.taints):
        path = f"metadata.taints[{index}]"  # as upstream names it
        yield from format_errors(f"{path}.key", taint.key, qualified_name_errors)
        yield from optional_errors(f"{path}.value", taint.value, label_value_errors)
        yield from one_of(f"{path}.effect", taint.effect, TAINT_EFFECTS)
        if (taint.key, taint.effect) in seen:
            yield duplicate(path, taint)
        seen.add((taint.key, taint.effect))


def _cidrs_errors(blocks: list[str]) -> Iterator[FieldError]:
    path = "spec.podCIDRs"
    for index, block in enumerate(blocks):
        for message in cidr_errors(block):
            yield invalid(f"{path}[{index}]", block, message)
    families = [network.version for block in blocks if (network := lenient_network(block)) is not None]
    if len(set(families)) < len(families):
        yield invalid(path, blocks, "may specify no more than one CIDR for each IP family")


def _change_errors(obj: Node, old: Node) -> Iterator[FieldError]:
    if old.spec.pod_cidrs and obj.spec.pod_cidrs != old.spec.pod_cidrs:
        yield forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid')
    if old.spec.provider_id and obj.spec.provider_id != old.spec.provider_id:
        yield forbidden("spec.providerID", 'node updates may not change providerID except from "" to valid')


def _status(obj: Node, _: datetime) -> str:
    ready = [condition for condition in obj.status.conditions if condition.type == "Ready"]
    words = ["Ready" if condition.status == "True" else "NotReady" for condition in ready] or ["Unknown"]
    if obj.spec.unschedulable:
        words.append("SchedulingDisabled")
    return ",".join(words)


def _roles(obj: Node, _: datetime) -> str:
    labels = obj.metadata.labels
    roles = {label.removeprefix(_ROLE_PREFIX) for label in labels if label.startswith(_ROLE_PREFIX)}
    roles.add(labels.get(_ROLE_LABEL, ""))
    return ",".join(sorted(roles - {""})) or NONE


def _address(obj: Node, kind: str) -> str:
    return next((address.address for address in obj.status.addresses if address.type == kind), NONE)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    type=Node,
    namespaced=False,
    strategy=NodeStrategy(),
    status=NodeStatusStrategy(),
    short_names=("no",),
    columns=(
        NAME,
        Column("Status", _status),
        Column("Roles", _roles),
        AGE,
        Column("Version", lambda obj, _: obj.status.node_info.kubelet_version),
        Column("Internal-IP", lambda obj, _: _address(obj, "InternalIP"), priority=1),
        Column("External-IP", lambda obj, _: _address(obj, "ExternalIP"), priority=1),
        Column("OS-Image", lambda obj, _: obj.status.node_info.os_image or _UNKNOWN, priority=1),
        Column("Kernel-Version", lambda obj, _: obj.status.node_info.kernel_version or _UNKNOWN, priority=1),
        Column(
            "Container-Runtime", lambda obj, _: obj.status.node_info.container_runtime_version or _UNKNOWN, priority=1
        ),
    ),
    fields=lambda obj: {"spec.unschedulable": "true" if obj.spec.unschedulable else "false"},
)
