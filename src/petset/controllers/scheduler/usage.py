"""What the pods of each node take up, kept up to date pod by pod: a decision costs the same however many there are.

Pure. A pod counts from the moment it is promised a node until it has ended or is gone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType

from petset.api.quantity import ZERO, Quantity, parse, total
from petset.api.types import Pod

Port = tuple[str, int]
"""Protocol and number of a port of the machine."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What one pod takes up: amounts by resource, none of them zero, and ports of the machine."""

    amounts: tuple[tuple[str, Quantity], ...] = ()
    ports: frozenset[Port] = frozenset()


@dataclass(frozen=True, slots=True)
class Usage:
    """What all pods of a node take up together. `ports` counts the pods that have a port."""

    pods: int = 0
    amounts: Mapping[str, Quantity] = field(default_factory=lambda: MappingProxyType({}))
    ports: Mapping[Port, int] = field(default_factory=lambda: MappingProxyType({}))


NOTHING = Usage()


def requests(pod: Pod) -> dict[str, Quantity]:
    """What the pod needs: all its containers and sidecars together, or its largest init container if that is more."""
    spec = pod.spec
    sidecars = [c for c in spec.init_containers if c.restart_policy == "Always"]
    needs: dict[str, Quantity] = {}
    for container in (*spec.containers, *sidecars):
        for name, amount in container.resources.requests.items():
            needs[name] = total([needs[name], parse(str(amount))]) if name in needs else parse(str(amount))
    for container in spec.init_containers:
        for name, amount in container.resources.requests.items():
            needs[name] = max(needs.get(name, ZERO), parse(str(amount)))
    for name, amount in spec.overhead.items():
        needs[name] = total([needs.get(name, ZERO), parse(str(amount))])
    return needs


def host_ports(pod: Pod) -> frozenset[Port]:
    """Every port of the machine that the pod wants."""
    return frozenset(
        (port.protocol or "TCP", port.host_port)
        for container in pod.spec.containers
        for port in container.ports
        if port.host_port
    )


def needs_of(pod: Pod) -> Needs:
    """What the pod takes up."""
    amounts = tuple((name, amount) for name, amount in requests(pod).items() if amount)
    return _shared(Needs(amounts, host_ports(pod)))


@lru_cache(maxsize=1024)
def _shared(needs: Needs) -> Needs:
    """Pods of one template need the same: one value for all of them."""
    return needs


def counts(pod: Pod) -> bool:
    """Whether the pod takes up anything on its node."""
    return bool(pod.spec.node_name) and pod.status.phase not in ("Failed", "Succeeded")


def increased(usage: Usage, needs: Needs) -> Usage:
    """The usage with one more pod."""
    amounts, ports = dict(usage.amounts), dict(usage.ports)
    for name, amount in needs.amounts:
        amounts[name] = amounts[name] + amount if name in amounts else amount
    for port in needs.ports:
        ports[port] = ports.get(port, 0) + 1
    return Usage(usage.pods + 1, amounts, ports)


def decreased(usage: Usage, needs: Needs) -> Usage:
    """The usage without a pod that was in it."""
    amounts, ports = dict(usage.amounts), dict(usage.ports)
    for name, amount in needs.amounts:
        amounts[name] = amounts[name] - amount
        if not amounts[name]:
            del amounts[name]
    for port in needs.ports:
        ports[port] -= 1
        if not ports[port]:
            del ports[port]
    return Usage(usage.pods - 1, amounts, ports)


class Totals:
    """The usage of every node, and which pod is in it with what."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[str, Needs]] = {}
        self._nodes: dict[str, Usage] = {}

    def __contains__(self, uid: str) -> bool:
        """Whether a pod is counted: it has a node, or was promised one."""
        return uid in self._pods

    def on(self, node: str) -> Usage:
        """What is taken up on a node."""
        return self._nodes.get(node, NOTHING)

    def put(self, uid: str, node: str, needs: Needs) -> None:
        """Counts a pod, once, where it is now."""
        if self._pods.get(uid) == (node, needs):
            return
        self.remove(uid)
        self._pods[uid] = (node, needs)
        self._nodes[node] = increased(self.on(node), needs)

    def remove(self, uid: str) -> None:
        """Counts a pod no longer."""
        found = self._pods.pop(uid, None)
        if found is None:
            return
        node, needs = found
        usage = decreased(self.on(node), needs)
        if usage.pods:
            self._nodes[node] = usage
        else:
            self._nodes.pop(node)
