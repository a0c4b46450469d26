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
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from petset.api.meta import is_pod_available, is_running_and_ready, is_terminating, seconds_until_available
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
from petset.controllers.statefulset.names import REVISION_LABEL, is_member, ordinal_of, pod_name
from petset.controllers.statefulset.revisions import History, adoption, choose_revisions, surplus_revisions
from petset.controllers.statefulset.waiting import until

ENDED = ("Failed", "Succeeded")


@dataclass(frozen=True, slots=True)
class Replica:
    """One ordinal in range, and its pod if there is one."""

    ordinal: int
    pod: Pod | None


@dataclass(frozen=True, slots=True)
class Condemned:
    """One ordinal out of range, and the pod that has to go."""

    ordinal: int
    pod: Pod


@dataclass(frozen=True, slots=True)
class Ranks:
    """The set's pods in their places: `replicas` ascending, with holes; `condemned` descending."""

    seen: Observed
    history: History
    replicas: tuple[Replica, ...]
    condemned: tuple[Condemned, ...]

    @property
    def set(self) -> StatefulSet:
        """The set as its user wants it."""
        return self.seen.set

    @property
    def ordered(self) -> bool:
        """Whether pods go one at a time (OrderedReady, the default)."""
        return self.set.spec.pod_management_policy != "Parallel"

    def pods(self) -> Iterator[Pod]:
        """The pods that have a place, ascending, those in range first."""
        yield from (replica.pod for replica in self.replicas if replica.pod is not None)
        yield from (condemned.pod for condemned in reversed(self.condemned))

    def available(self, pod: Pod) -> bool:
        """Ready for minReadySeconds."""
        return is_pod_available(pod, self.set.spec.min_ready_seconds or 0, self.seen.now)

    def unavailable(self, pod: Pod | None) -> bool:
        """Not there, not available, or going away."""
        return pod is None or not self.available(pod) or is_terminating(pod)

    def outdated(self, pod: Pod) -> bool:
        """At any revision but the update revision, and not going away already."""
        return pod.metadata.labels.get(REVISION_LABEL) != self.history.update.metadata.name and not is_terminating(pod)

    def first_unavailable(self) -> Pod | None:
        """The unavailable pod with the lowest ordinal; one in range comes before a condemned one."""
        places = [replica.pod for replica in self.replicas] + [condemned.pod for condemned in reversed(self.condemned)]
        return next((pod for pod in places if self.unavailable(pod)), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one pod needs now, and what an ordered set has to wait for after that (None: go on)."""

    actions: tuple[Action, ...] = ()
    wait: str | None = None


def plan(seen: Observed) -> Plan:
    """Decides what brings the set closer to its spec."""
    history = choose_revisions(seen)
    claiming, pods = claim_pods(seen)
    ranks = rank(seen, history, pods)
    counted = status.count(seen.set, ranks.pods(), history, seen.now)
    steps = [Step("adoption", (adoption(seen),)), Step("claiming", (claiming,)), Step("revisions", (history.actions,))]
    wait: str | None = None
    if not is_terminating(seen.set):
        for step, wait in phases(ranks):
            steps.append(step)
            if wait is not None and ranks.ordered:
                break
    outdated = sum(isinstance(a, DeletePod) and a.reason == "update" for step in steps for a in step.actions)
    return Plan(
        steps=tuple(step for step in steps if step.actions),
        counted=counted,
        status=status.after_deletions(seen.set, counted, outdated),
        cleanup=surplus_revisions(seen.set, history, pods),
        waiting_for=wait,
        look_again=next_availability(ranks, counted),
    )


# --- rule 2: claiming -------------------------------------------------------------------------------------------------


def claim_pods(seen: Observed) -> tuple[tuple[Action, ...], tuple[Pod, ...]]:
    """What to adopt and to release, and the pods that then are the set's."""
    set_, selector = seen.set, selector_of(seen.set.spec.selector)

    def matches(pod: Pod) -> bool:
        return is_member(set_.metadata.name, pod.metadata.name) and selector.matches(pod.metadata.labels)

    kept = [pod for pod in seen.pods if matches(pod)]
    if is_terminating(set_):
        return (), tuple(kept)
    adopted = [pod for pod in seen.orphans if matches(pod) and not is_terminating(pod)]
    released = [pod for pod in seen.pods if not matches(pod)]
    actions: list[Action] = [
        *(AdoptPod(pod.metadata.name, pod.metadata.uid) for pod in adopted),
        *(ReleasePod(pod.metadata.name, pod.metadata.uid) for pod in released),
    ]
    return tuple(actions), tuple(kept + adopted)


# --- the places -------------------------------------------------------------------------------------------------------


def rank(seen: Observed, history: History, pods: tuple[Pod, ...]) -> Ranks:
    """Puts pods into their places. A name whose number is too large has none; `web-1` comes before `web-01`."""
    name = seen.set.metadata.name
    by_ordinal: dict[int, Pod] = {}
    for pod in pods:
        ordinal = ordinal_of(name, pod.metadata.name)
        if ordinal is not None and (ordinal not in by_ordinal or pod.metadata.name == pod_name(name, ordinal)):
            by_ordinal[ordinal] = pod
    wanted = ordinals(seen.set)
    beyond = sorted((ordinal for ordinal in by_ordinal if ordinal not in wanted), reverse=True)
    return Ranks(
        seen=seen,
        history=history,
        replicas=tuple(Replica(ordinal, by_ordinal.get(ordinal)) for ordinal in wanted),
        condemned=tuple(Condemned(ordinal, by_ordinal[ordinal]) for ordinal in beyond),
    )


def phases(ranks: Ranks) -> Iterator[tuple[Step, str | None]]:
    """Rules 4 to 7, each with what it has to wait for."""
    pace: Pace = "one by one" if ranks.ordered else "doubling"
    groups, wait = until_first_wait(ranks, (replica_verdict(ranks, replica) for replica in ranks.replicas))
    yield Step("replicas", groups, pace), wait
    yield Step("retention", retention_groups(ranks), pace), wait
    groups, condemned_wait = until_first_wait(ranks, (condemned_verdict(ranks, pod) for pod in ranks.condemned))
    wait = wait or condemned_wait
    yield Step("condemned", groups, pace), wait
    if ranks.set.spec.update_strategy.type != "OnDelete":
        verdict = update_verdict(ranks)
        yield Step("update", (verdict.actions,)), wait or verdict.wait


def until_first_wait(ranks: Ranks, verdicts: Iterator[Verdict]) -> tuple[tuple[tuple[Action, ...], ...], str | None]:
    """The actions of all verdicts, a group each; in an ordered set only up to the first that has to wait."""
    groups: list[tuple[Action, ...]] = []
    wait: str | None = None
    for verdict in verdicts:
        if verdict.actions:
            groups.append(verdict.actions)
        wait = wait or verdict.wait
        if wait is not None and ranks.ordered:
            break
    return tuple(groups), wait


# --- rule 4: replicas -------------------------------------------------------------------------------------------------


def replica_verdict(ranks: Ranks, replica: Replica) -> Verdict:
    """What one ordinal in range needs."""
    pod, ordinal = replica.pod, replica.ordinal
    if pod is None or not status.is_created(pod):
        return missing_verdict(ranks, ordinal)
    if pod.status.phase in ENDED:
        return ended_verdict(pod)
    actions = pending_actions(ranks, ordinal, pod)
    wait = what_it_waits_for(ranks, pod)
    if wait is None or not ranks.ordered:
        actions += repair_actions(ranks, ordinal, pod)
    return Verdict(actions, wait)


def what_it_waits_for(ranks: Ranks, pod: Pod) -> str | None:
    """What keeps a live pod in range from being Running, Ready and Available."""
    if is_terminating(pod):
        return until(pod, "be gone")
    if not is_running_and_ready(pod):
        return until(pod, "be Running and Ready")
    if not ranks.available(pod):
        return f"{pod.metadata.name} to be Ready for {ranks.set.spec.min_ready_seconds} s"
    return None


def ended_verdict(pod: Pod) -> Verdict:
    """A pod that has ended is deleted, whatever its exit code; its successor comes when the object is gone."""
    reason: DeleteReason = "failed" if pod.status.phase == "Failed" else "succeeded"
    wait = f"{pod.metadata.name}, which has {reason}, to be gone"
    if is_terminating(pod):
        return Verdict(wait=wait)
    return Verdict((DeletePod(pod.metadata.name, pod.metadata.uid, reason),), wait)


def missing_verdict(ranks: Ranks, ordinal: int) -> Verdict:
    """A missing ordinal gets its claims and its pod, unless a claim of an earlier pod is still going away."""
    revision = revision_for(ranks, ordinal)
    pod = identity.new_pod(ranks.set, ranks.history.template(revision), revision, ordinal)
    name, seen = pod.metadata.name, ranks.seen
    if stale := claims.stale(seen, ordinal, pod):
        return Verdict(wait=f"claim {stale} of an earlier {name} to be deleted")
    absent = claims.missing(seen, ordinal)
    if why := claims.deleting(seen, ordinal):
        return Verdict((RefusePod(name, absent, why),), why)
    create = CreatePod(pod, revision, absent)
    return Verdict(
        (create, *claims.give_owners(seen, ordinal, pod)), f"{name} to be created and become Running and Ready"
    )


def revision_for(ranks: Ranks, ordinal: int) -> str:
    """The revision a new pod gets: the current one below the partition, the update revision above.

    Without a rollingUpdate block (the type alone was given) the boundary is how far the rollout has come.
    """
    set_, current, update = ranks.set, ranks.history.current.metadata.name, ranks.history.update.metadata.name
    strategy = set_.spec.update_strategy
    if strategy.type != "RollingUpdate":
        return update
    if strategy.rolling_update is None:
        boundary = set_.status.current_replicas or 0
    else:
        boundary = strategy.rolling_update.partition or 0
    return current if ordinal < ordinals(set_).start + boundary else update


def pending_actions(ranks: Ranks, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """A Pending pod may be waiting for its claims: it gets back those that are gone, with the owners of the policy."""
    if pod.status.phase != "Pending":
        return ()
    return claims.restore(ranks.seen, ordinal, pod) + claims.give_owners(ranks.seen, ordinal, pod)


def repair_actions(ranks: Ranks, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """Makes a live pod's labels, volumes and claim owners those of its ordinal again; all in one update of the pod."""
    set_, seen = ranks.set, ranks.seen
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
    seen = ranks.seen
    return tuple(
        claims.give_owners(seen, condemned.ordinal, condemned.pod)
        for condemned in ranks.condemned
        if not claims.owners_match(seen, condemned.ordinal, condemned.pod)
    )


def condemned_verdict(ranks: Ranks, condemned: Condemned) -> Verdict:
    """A condemned pod is deleted; in an ordered set only when it is healthy or itself the one that is not."""
    pod = condemned.pod
    if is_terminating(pod):
        return Verdict(wait=until(pod, "be gone"))
    if ranks.ordered and pod is not ranks.first_unavailable():
        if not is_running_and_ready(pod):
            return Verdict(wait=until(pod, "be Running and Ready before it is deleted"))
        if not ranks.available(pod):
            return Verdict(wait=f"{pod.metadata.name} to be Ready for {ranks.set.spec.min_ready_seconds} s")
    return Verdict((DeletePod(pod.metadata.name, pod.metadata.uid, "scale down"),), f"{pod.metadata.name} to be gone")


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
        return max(1, len(ordinals(set_)) * int(value.rstrip("%")) // 100)
    return max(1, value)


def update_verdict(ranks: Ranks) -> Verdict:
    """Deletes outdated pods from the highest ordinal down to the partition, as far as the budget goes.

    Every unavailable pod in range uses up the budget, below the partition too. A Parallel set first deletes all
    outdated pods that are unavailable anyway, which costs no availability; an ordered set never gets here with one.
    Pods that have ended are left to rule 4.
    """
    pods = [replica.pod for replica in ranks.replicas]
    targets = [
        pod
        for pod in reversed(pods[partition(ranks.set) :])
        if pod is not None and ranks.outdated(pod) and pod.status.phase not in ENDED
    ]
    down = [pod for pod in pods if ranks.unavailable(pod)]
    budget = max(0, max_unavailable(ranks.set) - len(down))
    if ranks.ordered:
        chosen = targets[:budget]
    else:
        broken = [pod for pod in targets if not ranks.available(pod)]
        healthy = [pod for pod in targets if ranks.available(pod)]
        chosen = broken + healthy[:budget]
    actions = tuple(DeletePod(pod.metadata.name, pod.metadata.uid, "update") for pod in chosen)
    if not targets:
        return Verdict(actions, unfinished(ranks))
    return Verdict(actions, f"{(chosen or targets)[0].metadata.name} to be replaced by the update")


def unfinished(ranks: Ranks) -> str | None:
    """The highest pod of an update that is replaced but not back yet."""
    for replica in reversed(ranks.replicas):
        if ranks.unavailable(replica.pod):
            if replica.pod is not None:
                return until(replica.pod, "be available")
            return f"{pod_name(ranks.set.metadata.name, replica.ordinal)} to be available"
    return None


# --- time -------------------------------------------------------------------------------------------------------------


def next_availability(ranks: Ranks, counted: StatefulSetStatus) -> float | None:
    """Seconds until the next ready pod becomes available by the passing of time alone; None: no pod waits for that.

    A pod that is ready since nobody knows when is looked at again after minReadySeconds.
    """
    least = ranks.set.spec.min_ready_seconds or 0
    if least == 0 or (counted.ready_replicas or 0) == counted.available_replicas:
        return None
    waits = [seconds_until_available(pod, least, ranks.seen.now) for pod in ranks.pods()]
    return min((wait for wait in waits if 0 < wait < inf), default=float(least))
