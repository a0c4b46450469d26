"""Whether this machine takes a pod that is bound to it: pure. Whoever names a node in a pod goes around the scheduler.

Follows the kubelet's own look at a new pod (pkg/kubelet/lifecycle/predicate.go), as far as ports of the machine go: of
two pods that want the same the later is rejected, and fails.
"""

from collections.abc import Iterable

from petset.api.types import Pod
from petset.node.pods.model import Rejection
from petset.node.pods.view import ENDED

Port = tuple[str, int]
"""Protocol and number of a port of the machine."""
_ANY = ("", "0.0.0.0", "::")
_NO_FREE_PORTS = Rejection(
    "NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
)


def wants_ports(pod: Pod) -> bool:
    """Whether a pod wants ports of the machine at all; few do."""
    return bool(_host_ports(pod))


def rejection(pod: Pod, admitted: Iterable[Pod]) -> Rejection | None:
    """Why the pod cannot be here beside those that are; None when it can."""
    wanted = _host_ports(pod)
    for other in admitted if wanted else ():
        if other.metadata.uid != pod.metadata.uid and other.status.phase not in ENDED:
            taken = _host_ports(other)
            if any(_meet(addresses, taken[port]) for port, addresses in wanted.items() if port in taken):
                return _NO_FREE_PORTS
    return None


def _host_ports(pod: Pod) -> dict[Port, set[str]]:
    """The ports of the machine that a pod wants, and on which of its addresses."""
    found: dict[Port, set[str]] = {}
    sidecars = [spec for spec in pod.spec.init_containers if spec.restart_policy == "Always"]
    for spec in (*pod.spec.containers, *sidecars):
        for port in spec.ports:
            if port.host_port:
                found.setdefault((port.protocol or "TCP", port.host_port), set()).add(port.host_ip or "")
    return found


def _meet(one: set[str], other: set[str]) -> bool:
    return bool(one & other) or any(address in _ANY for address in (*one, *other))
