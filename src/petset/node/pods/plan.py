"""The decision about the pods of one name: a pure function from what was observed to a printable plan.

Read it in the order of the rules:

 1. predecessors  whatever is left of other pods of the name is ended; the pod itself starts nothing before that
 2. deletion      a pod that is being deleted is ended within its grace, reported, and its object deleted at last
 3. the end       a pod that has come to its end by itself is never started again; its sandbox and volumes go
 4. running       all else is started and kept up
"""

from petset.api.meta import is_terminating, semantically_equal
from petset.api.types import PodStatus
from petset.node.pods import status
from petset.node.pods.draft import Draft
from petset.node.pods.ending import end, end_predecessors, ending_of
from petset.node.pods.model import DeletePodObject, Observed, Plan, Probing
from petset.node.pods.starting import keep_up
from petset.node.pods.view import View


def plan(seen: Observed) -> Plan:
    """Decides what brings the pods of one name closer to what the API says."""
    draft = Draft(seen)
    clear = end_predecessors(draft, seen.pod.metadata.uid if seen.pod is not None else "")
    if seen.pod is None:
        return finished(draft, None)
    view = View(seen, seen.pod)
    if not clear:
        draft.wait("the pod of the same name before it to be gone")
        return finished(draft, status.status_of(view))
    if is_terminating(view.pod):
        reported = delete(view, draft)
    elif view.is_over:
        reported = conclude(view, draft)
    else:
        if view.deadline is not None:
            draft.again(view.deadline)
        keep_up(view, draft)
        reported = status.status_of(view)
        draft.status_can_wait = status.is_being_created(reported)
    draft.probes.extend(probes_of(view))
    return finished(draft, reported)


def finished(draft: Draft, reported: PodStatus | None) -> Plan:
    """The plan that a draft comes to."""
    wait = max(0.0, (draft.look_at - draft.seen.now).total_seconds()) if draft.look_at is not None else None
    return Plan(
        tasks=tuple(draft.tasks),
        status=reported,
        status_can_wait=draft.status_can_wait,
        probes=tuple(draft.probes),
        notices=tuple(draft.notices),
        waiting_for=draft.waiting_for,
        look_again=wait,
    )


# --- rule 2: deletion -------------------------------------------------------------------------------------------------


def delete(view: View, draft: Draft) -> PodStatus:
    """Ends the pod; the object goes once the API shows the final status."""
    pod, seen = view.pod, view.seen
    ended = end(draft, ending_of(pod, pod.metadata.deletion_grace_period_seconds or 0))
    reported = status.status_of(view, ended=ended)
    draft.status_can_wait = not ended
    if ended and not seen.deleted and semantically_equal(pod.status, reported):
        draft.add(view.uid, DeletePodObject())
    return reported


# --- rule 3: the end --------------------------------------------------------------------------------------------------


def conclude(view: View, draft: Draft) -> PodStatus:
    """Ends what still runs of a pod whose work is done, or whose time is up."""
    ended = end(draft, ending_of(view.pod, view.pod.spec.termination_grace_period_seconds or 0))
    return status.status_of(view, ended=ended)


# --- probes -----------------------------------------------------------------------------------------------------------


def probes_of(view: View) -> list[Probing]:
    """The probes to be going on: the startup probe alone first, then the others; readiness alone in a pod that ends."""
    ending = is_terminating(view.pod) or view.is_over
    found: list[Probing] = []
    for spec in (*view.pod.spec.init_containers, *view.pod.spec.containers):
        container = view.present(spec.name)
        if container is None or container.state != "running":
            continue
        if spec.startup_probe is not None and view.health(container).startup is not True:
            if not ending:
                found.append(Probing(container.id, "startup", spec.name))
            continue
        if spec.liveness_probe is not None and not ending:
            found.append(Probing(container.id, "liveness", spec.name))
        if spec.readiness_probe is not None:
            found.append(Probing(container.id, "readiness", spec.name))
    return found
