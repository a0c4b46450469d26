"""What StatefulSets still need to be ready, and why they do not have it. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from petset.api.meta import Key, get_condition, is_pod_ready, is_terminating
from petset.api.types import Event, Object, Pod, StatefulSet
from petset.cli.progress.snapshot import Snapshot, shown_key, shown_name
from petset.cli.progress.waits import planned, wait_line
from petset.cli.rollouts import is_ready, rollout_status
from petset.controllers.statefulset.model import Plan
from petset.controllers.statefulset.names import ordinal_of
from petset.controllers.statefulset.waiting import pod_state
from petset.controllers.volumes.use import claim_names

PODS_SHOWN = 3
SETS_EXPLAINED = 20
"""Sets whose plan is made; the others say how far they are."""


def all_ready(snapshot: Snapshot, targets: Iterable[Key]) -> bool:
    """Whether every one of these sets exists and is ready."""
    return all((set_ := snapshot.set_named(key)) is not None and _is_ready(snapshot, set_) for key in targets)


def _is_ready(snapshot: Snapshot, set_: StatefulSet) -> bool:
    """The set's own word, and its pods: a status may be of before petset was ended, with all pods gone since."""
    return is_ready(set_) and len(_ready_pods(snapshot, set_)) >= (set_.spec.replicas or 0)


def _ready_pods(snapshot: Snapshot, set_: StatefulSet) -> list[Pod]:
    return [pod for pod in snapshot.pods_of(set_) if is_pod_ready(pod) and not is_terminating(pod)]


def missing(snapshot: Snapshot, targets: Iterable[Key]) -> list[str]:
    """Lines about each set that is not ready: how far it is, and what its pods wait for; indented where they explain.

    Empty when all are ready.
    """
    lines: list[str] = []
    explained = 0
    for key in targets:
        set_ = snapshot.set_named(key)
        if set_ is None:
            lines.append(f"statefulset {shown_key(key)} is not there")
        elif not _is_ready(snapshot, set_):
            explained += 1
            lines += _of_set(snapshot, set_, planned(snapshot, set_) if explained <= SETS_EXPLAINED else None)
    if lines:
        lines += _of_nodes(snapshot)
    return lines


def _of_set(snapshot: Snapshot, set_: StatefulSet, decided: Plan | None) -> Iterator[str]:
    ready = len(_ready_pods(snapshot, set_))
    yield f"statefulset {shown_name(set_)}: {ready} of {set_.spec.replicas or 0} pods ready"
    pods = sorted(snapshot.pods_of(set_), key=lambda pod: ordinal_of(set_.metadata.name, pod.metadata.name) or 0)
    unready = [pod for pod in pods if not is_pod_ready(pod) or is_terminating(pod)]
    wait = decided.waiting_for if decided is not None else None
    if wait is not None:
        shown = {pod.metadata.uid for pod in unready[:PODS_SHOWN]}
        yield f"  waiting for {wait_line(wait, snapshot, with_state=wait.uid not in shown)}"
    for pod in unready[:PODS_SHOWN]:
        yield from _of_pod(snapshot, pod)
    if len(unready) > PODS_SHOWN:
        yield f"  and {len(unready) - PODS_SHOWN} more"
    if not unready and wait is None:
        yield from _warning(snapshot, set_, "") or (f"  {_next_step(set_, len(pods))}",)


def _next_step(set_: StatefulSet, pods: int) -> str:
    if pods < (set_.spec.replicas or 0):
        return "the next pod has not been created yet"
    return rollout_status(set_).message


def _of_pod(snapshot: Snapshot, pod: Pod) -> Iterator[str]:
    state = pod_state(pod)
    yield f"  {shown_name(pod)}: {state}"
    for name in claim_names(pod):
        claim = snapshot.claim_named(Key(pod.metadata.namespace, name))
        if claim is None:
            yield f"    claim {name} is not there"
        elif claim.status.phase != "Bound":
            events = snapshot.events_about(claim)
            why = f": {events[-1].message}" if events else ""
            yield f"    claim {name} is {claim.status.phase or 'new'}{why}"
    if not is_terminating(pod):
        yield from (f"  {line}" for line in _warning(snapshot, pod, state))


def _warning(snapshot: Snapshot, obj: Object, known: str) -> Sequence[str]:
    """The latest warning about an object, unless it says nothing new."""
    warnings: list[Event] = [event for event in snapshot.events_about(obj) if event.type == "Warning"]
    if not warnings or (warnings[-1].message or "").removeprefix("Error: ") in known:
        return ()
    return (f"  {warnings[-1].reason}: {warnings[-1].message}",)


def _of_nodes(snapshot: Snapshot) -> Iterator[str]:
    if not snapshot.nodes:
        yield "no node has registered: nothing runs pods yet"
    for node in snapshot.nodes:
        condition = get_condition(node.status.conditions, "Ready")
        if condition is None or condition.status != "True":
            why = condition.message or condition.reason if condition is not None else "it has not reported yet"
            yield f"node {node.metadata.name} is not ready: {why}"
        elif node.spec.unschedulable:
            yield f"node {node.metadata.name} is cordoned"
