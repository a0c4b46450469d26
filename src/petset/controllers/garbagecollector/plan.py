"""What becomes of one object. Pure. The rules are those of upstream's `pkg/controller/garbagecollector`.

Circles are different: upstream guesses that there may be one before an object begins to wait, and may guess wrong
either way; here whoever closes a circle sees it in the graph, and does not wait.
"""

from dataclasses import dataclass

from petset.api.resources import Resource
from petset.api.types import Object, OwnerReference
from petset.controllers.garbagecollector.model import (
    FOREGROUND,
    ORPHAN,
    Action,
    Delete,
    DropOwners,
    Graph,
    LetGo,
    Node,
    Observed,
    OrphanDependents,
    OwnerState,
    Policy,
)
from petset.kinds import CATALOGUE


def plan(seen: Observed) -> Action | None:
    """The one thing to do now; None when the object stays as it is."""
    node = seen.node
    if node.is_terminating:
        return _plan_end(seen)
    states = {state for _, state in seen.owners}
    if not states or "unresolvable" in states:
        return None
    if "living" in states:
        others = tuple(ref.uid for ref, state in seen.owners if state != "living")
        return DropOwners(others) if others else None
    if "waiting" in states and seen.has_dependents:
        return Delete("Foreground")
    return Delete(_policy(node))


def _plan_end(seen: Observed) -> Action | None:
    if seen.node.leaves_dependents:
        return OrphanDependents()
    if seen.node.waits_for_dependents and (not seen.is_blocked or seen.waits_for_itself):
        return LetGo()
    return None


def _policy(node: Node) -> Policy:
    """How the object's own dependents fare: as its finalizers say already."""
    if ORPHAN in node.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in node.finalizers else "Background"


# --- owners -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Place:
    """Where an owner has to be."""

    kind: type[Object]
    namespace: str
    name: str
    uid: str


def place_of(ref: OwnerReference, dependent: Node) -> Place | OwnerState:
    """Where the owner of a reference is looked for, or what it counts as without looking.

    An owner in a namespace is looked for in the dependent's; a cluster-wide dependent cannot have one. An owner of a
    kind that is not served here counts as living: nobody here can tell that it is gone.
    """
    resource: Resource[Object] | None = CATALOGUE.named(ref.api_version, ref.kind)
    if resource is None:
        return "living"
    if not resource.namespaced:
        return Place(resource.type, "", ref.name, ref.uid)
    if not dependent.key.namespace:
        return "unresolvable"
    return Place(resource.type, dependent.key.namespace, ref.name, ref.uid)


def state_in(graph: Graph, place: Place) -> OwnerState | None:
    """The state of the owner at a place, as far as the graph shows it there."""
    node = graph.get(place.uid)
    if node is None or (node.kind, node.key) != (place.kind, (place.namespace, place.name)):
        return None
    return "waiting" if node.waits_for_dependents else "living"
