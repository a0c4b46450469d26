"""The Node object and its Lease: tells the cluster that this machine is there, what it has, and that it lives.

What must not live here: anything about pods. A node that stops being renewed keeps its pods running.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from petset import __version__
from petset.aio.clock import Clock
from petset.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from petset.api.meta import copy, format_micro_time, format_time, set_condition
from petset.api.types import (
    Lease,
    LeaseSpec,
    Node,
    NodeAddress,
    NodeCondition,
    NodeSpec,
    NodeStatus,
    NodeSystemInfo,
    ObjectMeta,
    OwnerReference,
)
from petset.client.interface import Client, ConnectionLost
from petset.client.recorder import EventRecorder
from petset.node.machine import Machine
from petset.node.runtimes.errors import RuntimeUnavailable
from petset.node.runtimes.interface import Runtime

log = logging.getLogger(__name__)

KUBELET_VERSION: Final = f"v1.37.0-petset.{__version__}"
LEASE_NAMESPACE: Final = "kube-node-lease"
LEASE_SECONDS: Final = 40
RENEW_INTERVAL: Final = 10.0
STATUS_INTERVAL: Final = 300.0
RETRY_INTERVAL: Final = 0.5
"""Seconds until another try when the API or the runtime does not answer."""


@dataclass(frozen=True, slots=True)
class NodeDescription:
    """What the Node says apart from its health. `pods` is how many it takes."""

    name: str
    machine: Machine
    pods: int = 110
    pod_cidr: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def capacity(self) -> dict[str, str]:
        """As quantities; all of it is allocatable."""
        return {
            "cpu": str(self.machine.cpus),
            "ephemeral-storage": f"{self.machine.storage // 1024}Ki",
            "memory": f"{self.machine.memory // 1024}Ki",
            "pods": str(self.pods),
        }


@dataclass(frozen=True, slots=True)
class Health:
    """The runtime's name and version when it answers, else why it does not; and why the pod network does not work."""

    runtime: str = ""
    runtime_problem: str = ""
    network_problem: str = ""

    @property
    def problem(self) -> str:
        """Why pods cannot run here; empty when they can."""
        problems = (
            ("container runtime is down: ", self.runtime_problem),
            ("container runtime network not ready: ", self.network_problem),
        )
        return ", ".join(what + why for what, why in problems if why)


class Registration:
    """Keeps the Node and its Lease current. `run` works until it is cancelled and leaves both as they are.

    `network_problem` says why the pod network does not work; empty when it does.
    """

    def __init__(
        self,
        client: Client,
        runtime: Runtime,
        network_problem: Callable[[], str],
        description: NodeDescription,
        recorder: EventRecorder,
        clock: Clock,
    ) -> None:
        self._client = client
        self._runtime = runtime
        self._network_problem = network_problem
        self._description = description
        self._recorder = recorder
        self._clock = clock
        self._reported: Health | None = None
        self._reported_at = 0.0
        self._renew_at = 0.0
        self._started = False

    async def run(self) -> None:
        """Registers at once, then renews the Lease every 10 s; writes the status when it changes or every 5 min."""
        while True:
            try:
                await self._report()
                await self._renew_when_due()
            except (StatusError, ConnectionLost) as error:
                log.warning("node %s cannot report: %s", self._description.name, error)
                await self._clock.sleep(RETRY_INTERVAL)
                continue
            healthy = self._reported is not None and not self._reported.problem
            await self._clock.sleep(RENEW_INTERVAL if healthy else RETRY_INTERVAL)

    # --- the Node -----------------------------------------------------------------------------------------------------

    async def _report(self) -> None:
        """Writes the Node when there is something to say."""
        health = await self._health()
        due = self._clock.monotonic() - self._reported_at >= STATUS_INTERVAL
        if health == self._reported and not due:
            return
        node = await self._registered()
        fresh = copy(node)
        fresh.status = node_status(node.status, self._description, health, self._clock.now())
        fresh.metadata.resource_version = ""  # nobody else writes the status, but others write the rest
        written = await self._client.update(fresh, "status")
        self._announce(written, health)
        self._reported, self._reported_at = health, self._clock.monotonic()

    async def _registered(self) -> Node:
        """The Node with this machine's labels, created when it is not there."""
        wanted = Node(
            metadata=ObjectMeta(name=self._description.name, labels=node_labels(self._description)),
            spec=node_spec(self._description),
        )
        try:
            return await self._client.create(wanted)
        except AlreadyExists:
            node = await self._client.get(Node, self._description.name)
        labels = {**node.metadata.labels, **wanted.metadata.labels}
        if labels == node.metadata.labels:
            return node
        node.metadata.labels = labels
        return await self._client.update(node)

    async def _health(self) -> Health:
        try:
            runtime = str(await self._runtime.version())
        except RuntimeUnavailable as error:
            return Health(runtime_problem=str(error), network_problem=self._network_problem())
        return Health(runtime, network_problem=self._network_problem())

    def _announce(self, node: Node, health: Health) -> None:
        if not self._started:
            self._recorder.event(node, "Normal", "Starting", "Starting kubelet.")
            self._started = True
        if self._reported is None or bool(self._reported.problem) != bool(health.problem):
            state = "NodeNotReady" if health.problem else "NodeReady"
            self._recorder.event(node, "Normal", state, f"Node {node.metadata.name} status is now: {state}")

    # --- the Lease ----------------------------------------------------------------------------------------------------

    async def _renew_when_due(self) -> None:
        now = self._clock.monotonic()
        if now >= self._renew_at:
            await self._renew()
            self._renew_at = now + RENEW_INTERVAL

    async def _renew(self) -> None:
        name, now = self._description.name, format_micro_time(self._clock.now())
        try:
            lease = await self._client.get(Lease, name, LEASE_NAMESPACE)
        except NotFound:
            await self._create_lease(now)
            return
        lease.spec.holder_identity, lease.spec.renew_time = name, now
        lease.spec.lease_duration_seconds = LEASE_SECONDS
        try:
            await self._client.update(lease)
        except (Conflict, NotFound) as error:
            log.info("lease of node %s is renewed next time: %s", name, error)

    async def _create_lease(self, now: str) -> None:
        name = self._description.name
        try:
            node = await self._client.get(Node, name)
        except NotFound:  # somebody deleted the Node, and its Lease went with it
            self._reported = None
            return
        owner = OwnerReference(api_version="v1", kind="Node", name=name, uid=node.metadata.uid)
        lease = Lease(
            metadata=ObjectMeta(name=name, namespace=LEASE_NAMESPACE, owner_references=[owner]),
            spec=LeaseSpec(holder_identity=name, lease_duration_seconds=LEASE_SECONDS, renew_time=now),
        )
        await self._client.create(lease)


# --- what the Node says ----------------------------------------------------------------------------------------------


def node_labels(description: NodeDescription) -> dict[str, str]:
    """The labels that every node has, and the configured ones."""
    architecture = description.machine.architecture
    return {
        "beta.kubernetes.io/arch": architecture,
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": architecture,
        "kubernetes.io/hostname": description.name,
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/control-plane": "",
        **description.labels,
    }


def node_spec(description: NodeDescription) -> NodeSpec:
    """The spec of a new Node; what users change in it later stays."""
    cidr = description.pod_cidr
    return NodeSpec(pod_cidr=cidr or None, pod_cidrs=[cidr] if cidr else [])


def node_status(old: NodeStatus, description: NodeDescription, health: Health, now: datetime) -> NodeStatus:
    """The status to write; conditions that did not change keep the time of their last transition."""
    status = copy(old)
    machine, capacity = description.machine, description.capacity
    status.capacity = capacity
    status.allocatable = dict(capacity)
    status.addresses = [
        NodeAddress(type="InternalIP", address=machine.address),
        NodeAddress(type="Hostname", address=description.name),
    ]
    status.node_info = NodeSystemInfo(
        architecture=machine.architecture,
        boot_id=machine.boot_id,
        container_runtime_version=health.runtime or old.node_info.container_runtime_version,
        kernel_version=machine.kernel,
        kubelet_version=KUBELET_VERSION,
        machine_id=machine.machine_id,
        operating_system="linux",
        os_image=machine.os_image,
        system_uuid=machine.system_uuid,
    )
    for condition in conditions(health):
        condition.last_heartbeat_time = format_time(now)
        set_condition(status.conditions, condition, now)
    return status


def conditions(health: Health) -> list[NodeCondition]:
    """No pressure of any kind, and ready while the runtime answers and the network works."""
    pressures = (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    )
    ready = (
        NodeCondition(type="Ready", status="False", reason="KubeletNotReady", message=health.problem)
        if health.problem
        else NodeCondition(
            type="Ready", status="True", reason="KubeletReady", message="kubelet is posting ready status"
        )
    )
    network = NodeCondition(
        type="NetworkUnavailable",
        status="True" if health.network_problem else "False",
        reason="PodNetworkIsDown" if health.network_problem else "PodNetworkIsUp",
        message=health.network_problem or "the pod network works",
    )
    none = [NodeCondition(type=kind, status="False", reason=why, message=text) for kind, why, text in pressures]
    return [network, *none, ready]
