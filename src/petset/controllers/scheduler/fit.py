"""Whether a node suits a pod. Pure. Reasons are in the words of the stock scheduler: people search for them."""

from collections.abc import Mapping

from petset.api.quantity import ZERO, parse
from petset.api.types import Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod, Taint, Toleration
from petset.controllers.scheduler.usage import Usage, host_ports, requests

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


def misfits(pod: Pod, node: Node, usage: Usage) -> list[str]:
    """Everything that keeps the pod off a node with that usage; empty when it fits."""
    if node.spec.unschedulable and not tolerates(pod, UNSCHEDULABLE):
        return ["node(s) were unschedulable"]
    taint = untolerated(pod, node)
    if taint is not None:
        return [f"node(s) had untolerated taint {{{taint.key}: {taint.value or ''}}}"]
    if not selected(pod, node):
        return ["node(s) didn't match Pod's node affinity/selector"]
    reasons = [shortage_reason(name) for name in shortages(pod, node, usage)]
    if any(port in usage.ports for port in host_ports(pod)):
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


def shortages(pod: Pod, node: Node, usage: Usage) -> list[str]:
    """The resources of which the node has not enough left; `pods` is one of them."""
    allocatable = node.status.allocatable or node.status.capacity
    short: list[str] = []
    if "pods" in allocatable and usage.pods + 1 > parse(str(allocatable["pods"])).value():
        short.append("pods")
    for name, needed in requests(pod).items():
        if needed and usage.amounts.get(name, ZERO) + needed > parse(str(allocatable.get(name, "0"))):
            short.append(name)
    return short


def shortage_reason(name: str) -> str:
    """A shortage in the stock scheduler's words."""
    return "Too many pods" if name == "pods" else f"Insufficient {name}"
