"""The decision about a StatefulSet: a pure function from what was observed to a printable plan.

Read it in the order of the rules:

 1. adoption      orphaned revisions that the selector matches become the set's
 2. claiming      orphaned pods that match become the set's, own pods that no longer match are released
 3. revisions     the template has a revision; the newest is `update`, the one pods come from is `current`
 4. replicas      ascending: replace ended pods, create missing ones, wait, repair identity
 5. retention     claims of condemned pods get the owners of the policy, before any of these pods is deleted
 6. condemned     descending: delete what is beyond the range
 7. update        descending: delete what is at another revision, within maxUnavailable, down to the partition

OrderedReady ends at the first of rules 4 to 7 that has to wait, and creates or condemns one pod at a time. Parallel
goes through all of them. OnDelete leaves out rule 7. A set that is being deleted has only rule 3, and its status.

A plan sees to 1,000 replicas at most and leaves the rest to the next one, so that it costs what exists and what is done
now, whatever number of replicas somebody asks for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from petset.api.meta import is_running_and_ready, is_terminating
from petset.api.selectors import selector_of
from petset.api.types import Pod, StatefulSet, StatefulSetStatus
from petset.controllers.statefulset import claims, identity, status
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.model import (
    Action,
    AdoptPod,
    CreatePod,
    DeletePod,
    DeleteReason,
    Observed,
    Pace,
    Plan,
    RefusePod,
    ReleasePod,
    RepairPod,
    Step,
)
from petset.controllers.statefulset.names import is_member
from petset.controllers.statefulset.ranks import AllPods, Condemned, Ranks, Replica, View
from petset.controllers.statefulset.revisions import adoption, choose_revisions, surplus_revisions
from petset.controllers.statefulset.status import ENDED
from petset.controllers.statefulset.waiting import Wait, until, until_ready_for

LARGEST_STEP: Final = 1000
"""Ordinals in range that one plan sees to."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one pod needs now, and what an ordered set has to wait for after that (None: go on)."""

    actions: tuple[Action, ...] = ()
    wait: Wait | None = None


def plan(seen: Observed) -> Plan:
    """Decides what brings the set closer to its spec, by looking at all its pods."""
    view = View(seen, choose_revisions(seen))
    claiming, pods = claim_pods(seen)
    return decide(AllPods(view, pods), claiming)


def decide(ranks: Ranks, claiming: tuple[Action, ...] = ()) -> Plan:
    """Decides by asking for the pods that matter. `claiming` adopts and releases pods first."""
    view = ranks.view
    seen, history = view.seen, view.history
    counted = status.report(seen.set, ranks.census(), history)
    steps = [Step("adoption", (adoption(seen),)), Step("claiming", (claiming,)), Step("revisions", (history.actions,))]
    wait: Wait | None = None
    going = is_terminating(seen.set)
    if not going:
        for step, wait in phases(ranks):
            steps.append(step)
            if wait is not None and view.ordered:
                break
    outdated = sum(isinstance(a, DeletePod) and a.reason == "update" for step in steps for a in step.actions)
    return Plan(
        steps=tuple(step for step in steps if step.actions),
        counted=counted,
        status=status.after_deletions(seen.set, counted, outdated),
        cleanup=surplus_revisions(seen.set, history, ranks.revisions()),
        waiting_for=wait,
        held_back=held_back(ranks) if wait is None and not going else None,
        look_again=0.0 if is_cut(steps) else next_availability(ranks, counted),
    )


# --- rule 2: claiming -------------------------------------------------------------------------------------------------


def claim_pods(seen: Observed) -> tuple[tuple[Action, ...], list[Pod]]:
    """What to adopt and to release, and the pods that then are the set's."""
    set_, selector = seen.set, selector_of(seen.set.spec.selector)

    def matches(pod: Pod) -> bool:
        return is_member(set_.metadata.name, pod.metadata.name) and selector.matches(pod.metadata.labels)

    kept = [pod for pod in seen.pods if matches(pod)]
    if is_terminating(set_):
        return (), kept
    adopted = [pod for pod in seen.orphans if matches(pod) and not is_terminating(pod)]
    released = [pod for pod in seen.pods if not matches(pod)]
    actions: list[Action] = [
        *(AdoptPod(pod.metadata.name, pod.metadata.uid) for pod in adopted),
        *(ReleasePod(pod.metadata.name, pod.metadata.uid) for pod in released),
    ]
    return tuple(actions), kept + adopted


# --- rules 4 to 7 -----------------------------------------------------------------------------------------------------


def phases(ranks: Ranks) -> Iterator[tuple[Step, Wait | None]]:
    """Rules 4 to 7, each with what it has to wait for."""
    view = ranks.view
    pace: Pace = "one by one" if view.ordered else "doubling"
    verdicts = (replica_verdict(view, replica) for replica in ranks.replicas())
    groups, wait = until_first_wait(view, verdicts, LARGEST_STEP)
    yield Step("replicas", groups, pace), wait
    if len(groups) == LARGEST_STEP:
        return
    yield Step("retention", retention_groups(ranks), pace), wait
    groups, condemned_wait = until_first_wait(view, (condemned_verdict(ranks, pod) for pod in ranks.condemned()))
    wait = wait or condemned_wait
    yield Step("condemned", groups, pace), wait
    if view.set.spec.update_strategy.type != "OnDelete":
        verdict = update_verdict(ranks)
        yield Step("update", (verdict.actions,)), verdict.wait if wait is None else no_room(ranks, wait)


def until_first_wait(
    view: View, verdicts: Iterable[Verdict], most: int | None = None
) -> tuple[tuple[tuple[Action, ...], ...], Wait | None]:
    """The actions of all verdicts, a group each; in an ordered set only up to the first that has to wait."""
    groups: list[tuple[Action, ...]] = []
    wait: Wait | None = None
    for verdict in verdicts:
        if verdict.actions:
            groups.append(verdict.actions)
        wait = wait or verdict.wait
        if (wait is not None and view.ordered) or len(groups) == most:
            break
    return tuple(groups), wait


def is_cut(steps: Iterable[Step]) -> bool:
    """Whether the next plan has to go on with the replicas."""
    return any(step.phase == "replicas" and len(step.groups) == LARGEST_STEP for step in steps)


# --- rule 4: replicas -------------------------------------------------------------------------------------------------


def replica_verdict(view: View, replica: Replica) -> Verdict:
    """What one ordinal in range needs."""
    pod, ordinal = replica.pod, replica.ordinal
    if pod is None or not status.is_created(pod):
        return missing_verdict(view, ordinal)
    if pod.status.phase in ENDED:
        return ended_verdict(pod)
    actions = pending_actions(view, ordinal, pod)
    wait = what_it_waits_for(view, pod)
    if wait is None or not view.ordered:
        actions += repair_actions(view, ordinal, pod)
    return Verdict(actions, wait)


def what_it_waits_for(view: View, pod: Pod) -> Wait | None:
    """What keeps a live pod in range from being Running, Ready and Available."""
    if is_terminating(pod):
        return until(pod, "be gone")
    if not is_running_and_ready(pod):
        return until(pod, "be Running and Ready")
    if not view.available(pod):
        return until_ready_for(pod, view.min_ready_seconds)
    return None


def ended_verdict(pod: Pod) -> Verdict:
    """A pod that has ended is deleted, whatever its exit code; its successor comes when the object is gone."""
    reason: DeleteReason = "failed" if pod.status.phase == "Failed" else "succeeded"
    wait = Wait(f"{pod.metadata.name}, which has {reason},", "to be gone", pod)
    if is_terminating(pod):
        return Verdict(wait=wait)
    return Verdict((DeletePod(pod.metadata.name, pod.metadata.uid, reason),), wait)


def missing_verdict(view: View, ordinal: int) -> Verdict:
    """A missing ordinal gets its claims and its pod, unless a claim of an earlier pod is still going away."""
    revision = revision_for(view, ordinal)
    pod = identity.new_pod(view.set, view.history.template(revision), revision, ordinal)
    name, seen = pod.metadata.name, view.seen
    if stale := claims.stale(seen, ordinal, pod):
        return Verdict(wait=Wait(f"claim {stale}", f"of an earlier {name} to be deleted"))
    absent = claims.missing(seen, ordinal)
    if why := claims.deleting(seen, ordinal):
        return Verdict((RefusePod(name, absent, why),), Wait(name, "to be created", because=why))
    create = CreatePod(pod, revision, absent)
    wait = Wait(name, "to be created and become Running and Ready")
    return Verdict((create, *claims.give_owners(seen, ordinal, pod)), wait)


def revision_for(view: View, ordinal: int) -> str:
    """The revision a new pod gets: the current one below the partition, the update revision above.

    Without a rollingUpdate block (the type alone was given) the boundary is how far the rollout has come.
    """
    set_, current, update = view.set, view.history.current.metadata.name, view.history.update.metadata.name
    strategy = set_.spec.update_strategy
    if strategy.type != "RollingUpdate":
        return update
    boundary = partition(set_) if strategy.rolling_update is not None else set_.status.current_replicas or 0
    return current if ordinal < ordinals(set_).start + boundary else update


def pending_actions(view: View, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """A Pending pod may be waiting for its claims: it gets back those that are gone, with the owners of the policy."""
    if pod.status.phase != "Pending":
        return ()
    return claims.restore(view.seen, ordinal, pod) + claims.give_owners(view.seen, ordinal, pod)


def repair_actions(view: View, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """Makes a live pod's labels, volumes and claim owners those of its ordinal again; all in one update of the pod."""
    set_, seen = view.set, view.seen
    claims_done = pod.status.phase == "Pending"
    stored = identity.storage_matches(pod, set_, ordinal)
    owned = claims_done or claims.owners_match(seen, ordinal, pod)
    if stored and owned and identity.identity_matches(pod, set_, ordinal):
        return ()
    restore = () if stored or claims_done else claims.restore(seen, ordinal, pod)
    owners = () if owned else claims.give_owners(seen, ordinal, pod)
    return (*restore, *owners, RepairPod(identity.repaired(pod, set_, ordinal), ordinal))


# --- rules 5 and 6: scale down ----------------------------------------------------------------------------------------


def retention_groups(ranks: Ranks) -> tuple[tuple[Action, ...], ...]:
    """Hands the claims of condemned pods over; done for all of them before the first is deleted."""
    seen = ranks.view.seen
    return tuple(claims.give_owners(seen, condemned.ordinal, condemned.pod) for condemned in ranks.misowned())


def condemned_verdict(ranks: Ranks, condemned: Condemned) -> Verdict:
    """A condemned pod is deleted; in an ordered set only when it is healthy or itself the one that is not."""
    pod, view = condemned.pod, ranks.view
    if is_terminating(pod):
        return Verdict(wait=until(pod, "be gone"))
    if view.ordered and pod is not ranks.first_unavailable():
        if not is_running_and_ready(pod):
            return Verdict(wait=until(pod, "be Running and Ready before it is deleted"))
        if not view.available(pod):
            return Verdict(wait=until_ready_for(pod, view.min_ready_seconds))
    return Verdict(
        (DeletePod(pod.metadata.name, pod.metadata.uid, "scale down"),), Wait(pod.metadata.name, "to be gone")
    )


# --- rule 7: update ---------------------------------------------------------------------------------------------------


def partition(set_: StatefulSet) -> int:
    """How many pods, from the lowest ordinal on, the update leaves alone."""
    rolling = set_.spec.update_strategy.rolling_update
    return (rolling.partition if rolling is not None else None) or 0


def max_unavailable(set_: StatefulSet) -> int:
    """How many pods an update may make unavailable: a number, or a percentage of replicas rounded down; at least 1."""
    rolling = set_.spec.update_strategy.rolling_update
    value = rolling.max_unavailable if rolling is not None else None
    if value is None:
        return 1
    if isinstance(value, str):
        return max(1, len(ordinals(set_)) * int(value.removesuffix("%")) // 100)
    return max(1, value)


def update_verdict(ranks: Ranks) -> Verdict:
    """Deletes outdated pods from the highest ordinal down to the partition, as far as the budget goes.

    Every unavailable pod in range uses up the budget, below the partition too. A Parallel set first deletes all
    outdated pods that are unavailable anyway, which costs no availability; an ordered set never gets here with one.
    Pods that have ended are left to rule 4.
    """
    set_ = ranks.view.set
    broken = ranks.outdated(partition(set_), available=False)
    healthy = ranks.outdated(partition(set_), available=True)
    budget = max(0, max_unavailable(set_) - ranks.unavailable())
    chosen = (*broken, *islice(healthy, budget))
    first = chosen[0] if chosen else next(healthy, None)
    if first is None:
        return Verdict()
    actions = tuple(DeletePod(pod.metadata.name, pod.metadata.uid, "update") for pod in chosen)
    return Verdict(actions, Wait(first.metadata.name, "to be replaced by the update"))


def no_room(ranks: Ranks, wait: Wait) -> Wait:
    """What rule 4 waits for, and that the update waits for it too, where it uses up the budget."""
    set_ = ranks.view.set
    following = next(ranks.outdated(partition(set_), available=True), None)
    if following is None or ranks.unavailable() < max_unavailable(set_):
        return wait
    why = f"maxUnavailable {max_unavailable(set_)} leaves no room to update {following.metadata.name} before"
    return replace(wait, because=why)


def held_back(ranks: Ranks) -> str | None:
    """What a finished update leaves as it is, in words: the pods below the partition, or all of an OnDelete set."""
    highest = next(ranks.outdated(0, available=True), None)
    if highest is None:
        return None
    strategy, at = ranks.view.set.spec.update_strategy.type, ranks.census().at
    update = ranks.view.history.update.metadata.name
    others = sum(at.values()) - at[update] - 1
    pods = highest.metadata.name + (f" and {others} more" if others > 0 else "")
    why = "updateStrategy OnDelete" if strategy == "OnDelete" else f"partition {partition(ranks.view.set)}"
    return f"{why} keeps {pods} from revision {update}"


# --- time -------------------------------------------------------------------------------------------------------------


def next_availability(ranks: Ranks, counted: StatefulSetStatus) -> float | None:
    """Seconds until the next ready pod becomes available by the passing of time alone; None: no pod waits for that.

    A pod that is ready since nobody knows when is looked at again after minReadySeconds.
    """
    if (counted.ready_replicas or 0) == counted.available_replicas:
        return None
    wait = ranks.seconds_until_next_available()
    return float(ranks.view.min_ready_seconds) if wait is None else wait
