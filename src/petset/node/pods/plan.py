"""The decision about the pods of one name: a pure function from what was observed to a printable plan.

Read it in the order of the rules:

 1. predecessors  whatever is left of other pods of the name is ended; the pod itself starts nothing before that
 2. deletion      a pod that is being deleted is ended within its grace, reported, and its object deleted at last
 3. the end       a pod that has come to its end by itself is never started again; its sandbox and volumes go
 4. rejection     a pod for which the machine has no place fails before anything of it is begun
 5. running       all else is started and kept up
"""

from msgspec.structs import replace

from petset.api.meta import format_time, is_terminating, semantically_equal
from petset.api.types import PodStatus
from petset.node.pods.draft import Draft
from petset.node.pods.ending import end, end_predecessors, ending_of
from petset.node.pods.model import DeletePodObject, Observed, Plan, Probing, Rejection
from petset.node.pods.starting import keep_up
from petset.node.pods.status import is_being_created, status_of
from petset.node.pods.view import View


def plan(seen: Observed) -> Plan:
    """Decides what brings the pods of one name closer to what the API says."""
    draft = Draft(seen)
    clear = end_predecessors(draft, seen.pod.metadata.uid if seen.pod is not None else "")
    if seen.pod is not None:
        plan_pod(View(seen, seen.pod), draft, clear=clear)
    return draft.finished()


def plan_pod(view: View, draft: Draft, *, clear: bool) -> None:
    """Decides about the pod itself; `clear` says that nothing of its predecessors can still be running."""
    if not clear:
        draft.wait("the pod of the same name before it to be gone")
        report(view, draft)
        return
    if is_terminating(view.pod):
        delete(view, draft)
    elif view.is_over:
        conclude(view, draft)
    elif view.seen.rejection is not None:
        draft.status = rejected(view, view.seen.rejection)
    else:
        if view.deadline is not None:
            draft.again(view.deadline)
        keep_up(view, draft)
        report(view, draft, step=is_being_created(view))
    draft.probes.extend(probes_of(view))


# --- rule 2: deletion -------------------------------------------------------------------------------------------------


def delete(view: View, draft: Draft) -> None:
    """Ends the pod; the object goes once the API shows the final status."""
    ended = end(draft, ending_of(view.pod, view.pod.metadata.deletion_grace_period_seconds or 0))
    if not view.was_rejected:
        report(view, draft, ended=ended, step=not ended)
    if not ended or view.seen.deleted:
        return
    if draft.status is None:
        draft.add(view.uid, DeletePodObject())
    else:
        draft.once_reported(view.uid, DeletePodObject())


# --- rule 3: the end --------------------------------------------------------------------------------------------------


def conclude(view: View, draft: Draft) -> None:
    """Ends what still runs of a pod whose work is done, or whose time is up."""
    ended = end(draft, ending_of(view.pod, view.pod.spec.termination_grace_period_seconds or 0))
    if not view.was_rejected:
        report(view, draft, ended=ended)


# --- rule 4: rejection ------------------------------------------------------------------------------------------------


def rejected(view: View, why: Rejection) -> PodStatus:
    """The status of a pod of which nothing was begun: its end, and no word about containers."""
    return replace(
        view.pod.status,
        phase="Failed",
        reason=why.reason,
        message=f"Pod was rejected: {why.message}",
        start_time=view.pod.status.start_time or format_time(view.now),
        observed_generation=view.pod.metadata.generation,
    )


# --- what the API is told ---------------------------------------------------------------------------------------------


def report(view: View, draft: Draft, *, ended: bool = False, step: bool = False) -> None:
    """Plans to tell what the API does not show yet; what is a mere step and may wait is not even worked out."""
    if step and view.seen.steps_can_wait:
        draft.step = True
        return
    status = status_of(view, ended=ended)
    old = view.pod.status
    if old.phase != status.phase or not semantically_equal(old, status):
        draft.status = status


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
