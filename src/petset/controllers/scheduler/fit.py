"""Whether a node suits a pod. Pure. Reasons are in the words of the stock scheduler: people search for them."""

from collections.abc import Iterable, Mapping

from petset.api.quantity import Quantity, parse, total
from petset.api.types import Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def misfits(pod: Pod, node: Node, running: Iterable[Pod]) -> list[str]:
    """Everything that keeps the pod off the node; empty when it fits."""
    if node.spec.unschedulable and not tolerates(pod, UNSCHEDULABLE):
        return ["node(s) were unschedulable"]
    taint = untolerated(pod, node)
    if taint is not None:
        return [f"node(s) had untolerated taint {{{taint.key}: {taint.value or ''}}}"]
    if not selected(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    others = list(running)
    reasons = [f"Insufficient {name}" for name in shortages(pod, node, others)]
    if host_ports(pod) & {port for other in others for port in host_ports(other)}:
        reasons.append("node(s) didn't have free ports for the requested pod ports")
    return reasons


# --- taints -----------------------------------------------------------------------------------------------------------


def untolerated(pod: Pod, node: Node) -> Taint | None:
    """The first taint that keeps the pod away."""
    hard = (taint for taint in node.spec.taints if taint.effect in ("NoSchedule", "NoExecute"))
    return next((taint for taint in hard if not tolerates(pod, taint)), None)


def tolerates(pod: Pod, taint: Taint) -> bool:
    """Whether one of the pod's tolerations covers the taint."""
    return any(_covers(toleration, taint) for toleration in pod.spec.tolerations)


def _covers(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and (toleration.value or "") == (taint.value or "")


# --- selection --------------------------------------------------------------------------------------------------------


def selected(pod: Pod, node: Node) -> bool:
    """Whether nodeSelector and required node affinity admit the node."""
    labels = node.metadata.labels
    if not pod.spec.node_selector.items() <= labels.items():
        return False
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    return required is None or matches(required, node)


def matches(selector: NodeSelector, node: Node) -> bool:
    """Whether one of the selector's terms admits the node; an empty term admits none."""
    return any(_term_matches(term, node) for term in selector.node_selector_terms)


def _term_matches(term: NodeSelectorTerm, node: Node) -> bool:
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {"metadata.name": node.metadata.name}
    return all(_holds(r, node.metadata.labels) for r in term.match_expressions) and all(
        _holds(r, fields) for r in term.match_fields
    )


def _holds(requirement: NodeSelectorRequirement, values: Mapping[str, str]) -> bool:
    value = values.get(requirement.key)
    match requirement.operator:
        case "In":
            return value in requirement.values
        case "NotIn":
            return value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(requirement, value)
    return False


def _compares(requirement: NodeSelectorRequirement, value: str | None) -> bool:
    try:
        number, bound = int(value or ""), int(requirement.values[0])
    except (ValueError, IndexError):
        return False
    return number > bound if requirement.operator == "Gt" else number < bound


# --- resources --------------------------------------------------------------------------------------------------------


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
            needs[name] = max(needs.get(name, parse("0")), parse(str(amount)))
    for name, amount in spec.overhead.items():
        needs[name] = total([needs.get(name, parse("0")), parse(str(amount))])
    return needs


def shortages(pod: Pod, node: Node, running: Iterable[Pod]) -> list[str]:
    """The resources of which the node has not enough left; `Too many pods` is one of them."""
    live = [other for other in running if other.status.phase not in ("Failed", "Succeeded")]
    allocatable = node.status.allocatable or node.status.capacity
    short: list[str] = []
    if "pods" in allocatable and len(live) + 1 > parse(str(allocatable["pods"])).value():
        short.append("pods")
    for name, needed in requests(pod).items():
        if not needed:
            continue
        used = total([requests(other).get(name, parse("0")) for other in live])
        if total([used, needed]) > parse(str(allocatable.get(name, "0"))):
            short.append(name)
    return short


def host_ports(pod: Pod) -> set[tuple[str, int]]:
    """Protocol and number of every port of the machine that the pod wants."""
    return {
        (port.protocol or "TCP", port.host_port)
        for container in pod.spec.containers
        for port in container.ports
        if port.host_port
    }
