"""The decision for one pod: a pure function to a binding, to a step towards one, or to the reason for waiting."""

from collections import Counter

from petset.api.meta import copy, is_terminating
from petset.api.types import Node, PersistentVolumeClaim
from petset.controllers.scheduler.fit import matches, misfits
from petset.controllers.scheduler.model import AwaitVolumes, Bind, Observed, Plan, SelectNode, Wait
from petset.controllers.scheduler.usage import NOTHING, Usage
from petset.controllers.volumes.matching import best_match
from petset.controllers.volumes.model import SELECTED_NODE, ObservedClaim
from petset.kinds.persistentvolumeclaim import storage_class_name
from petset.kinds.pod import GATED

NO_PROVISIONER = "kubernetes.io/no-provisioner"
"""A class of volumes that only people make."""


def plan(seen: Observed) -> Plan:
    """Decides what is next for a pod that has no node."""
    if seen.pod.spec.scheduling_gates:
        return Wait(GATED)
    problem = claim_problem(seen)
    if problem is not None:
        return Wait(f"0/{len(seen.nodes)} nodes are available: {problem}. {no_preemption(seen)}")
    if not seen.nodes:
        return Wait("no nodes available to schedule pods")
    reasons: Counter[str] = Counter()
    fitting: list[Node] = []
    for node in seen.nodes:
        found = node_problems(seen, node)
        reasons.update(found)
        if not found:
            fitting.append(node)
    if not fitting:
        listed = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        return Wait(f"0/{len(seen.nodes)} nodes are available: {listed}. {no_preemption(seen)}")
    chosen = min(fitting, key=lambda node: (used_on(seen, node).pods, node.metadata.name))
    return place(seen, chosen)


def no_preemption(seen: Observed) -> str:
    """The tail of every refusal: nobody is evicted for anybody here."""
    return f"preemption: 0/{len(seen.nodes)} nodes are available: preemption is not helpful for scheduling."


def claim_problem(seen: Observed) -> str | None:
    """What is wrong with the pod's claims on any node."""
    for name, claim in seen.claims.items():
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if is_terminating(claim):
            return f'persistentvolumeclaim "{name}" is being deleted'
        if not claim.spec.volume_name and not waits_for_consumer(seen, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return None


def waits_for_consumer(seen: Observed, claim: PersistentVolumeClaim) -> bool:
    """Whether the claim's class binds volumes only once a pod has a node."""
    class_ = seen.classes.get(storage_class_name(claim))
    return class_ is not None and class_.volume_binding_mode == "WaitForFirstConsumer"


def node_problems(seen: Observed, node: Node) -> list[str]:
    """What keeps the pod off one node, its volumes included."""
    for claim in seen.claims.values():
        volume = seen.volumes.get((claim.spec.volume_name or "") if claim is not None else "")
        affinity = volume.spec.node_affinity if volume is not None else None
        if affinity is not None and affinity.required is not None and not matches(affinity.required, node):
            return ["node(s) didn't match PersistentVolume's node affinity"]
        if claim is not None and not claim.spec.volume_name and not can_be_bound(seen, claim, node):
            return ["node(s) didn't find available persistent volumes to bind"]
    return misfits(seen.pod, node, used_on(seen, node))


def used_on(seen: Observed, node: Node) -> Usage:
    """What is taken up on a node."""
    return seen.usage.get(node.metadata.name, NOTHING)


def can_be_bound(seen: Observed, claim: PersistentVolumeClaim, node: Node) -> bool:
    """Whether a claim that waits for its first consumer can expect a volume on the node."""
    class_ = seen.classes.get(storage_class_name(claim))
    if class_ is None or class_.provisioner != NO_PROVISIONER:
        return True
    candidates = seen.free.get(class_.metadata.name, ())
    return best_match(ObservedClaim(claim, class_, candidates=candidates, node=node), delayed=False) is not None


def place(seen: Observed, node: Node) -> Plan:
    """Binds the pod, or first has its waiting claims bound."""
    name = node.metadata.name
    unbound = [claim for claim in seen.claims.values() if claim is not None and not claim.spec.volume_name]
    untold = [claim for claim in unbound if claim.metadata.annotations.get(SELECTED_NODE) != name]
    if untold:
        told = tuple(copy(claim) for claim in untold)
        for claim in told:
            claim.metadata.annotations[SELECTED_NODE] = name
        return SelectNode(name, told)
    if unbound:
        return AwaitVolumes(f"waiting for claim {unbound[0].metadata.name} to be bound on node {name}")
    return Bind(name)
