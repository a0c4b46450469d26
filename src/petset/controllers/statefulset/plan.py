"""The decision about a StatefulSet: a pure function from what was observed to a printable plan.

Read it in the order of the rules:

 1. revisions     the template has a revision; the newest is `update`, the one pods come from is `current`
 2. claiming      orphans that match are adopted, own pods that no longer match are released
 3. replicas      ascending: replace ended pods, create missing ones, wait, repair identity
 4. retention     claims of condemned pods get the owners of the policy, before any of these pods is deleted
 5. condemned     descending: delete what is beyond the range
 6. update        descending: delete what is at another revision, within maxUnavailable, down to the partition

OrderedReady ends at the first rule that has to wait and changes at most one pod's existence at a time. Parallel goes
through all rules at once. OnDelete leaves out rule 6. A set that is being deleted keeps rule 1 and its status.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import floor, inf

from petset.api.meta import is_pod_available, is_running_and_ready, is_terminating, seconds_until_available
from petset.api.selectors import selector_of
from petset.api.types import PersistentVolumeClaim, Pod, StatefulSet
from petset.controllers.statefulset import identity, retention, status
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
    ReportForeignOwner,
    RestoreClaims,
    SetClaimOwners,
    Step,
)
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of, pod_name
from petset.controllers.statefulset.revisions import History, choose_revisions, surplus_revisions
from petset.controllers.statefulset.waiting import until

ENDED = ("Failed", "Succeeded")


@dataclass(frozen=True, slots=True)
class Replica:
    """One ordinal in range, and its pod if there is one."""

    ordinal: int
    pod: Pod | None


@dataclass(frozen=True, slots=True)
class Ranks:
    """The set's pods in their places: `replicas` ascending, with holes; `condemned` descending."""

    seen: Observed
    history: History
    replicas: tuple[Replica, ...]
    condemned: tuple[Pod, ...]

    @property
    def set(self) -> StatefulSet:
        """The set as its user wants it."""
        return self.seen.set

    @property
    def ordered(self) -> bool:
        """Whether pods go one at a time (OrderedReady, the default)."""
        return self.set.spec.pod_management_policy != "Parallel"

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
        places = [replica.pod for replica in self.replicas] + list(reversed(self.condemned))
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
    counted = status.count(seen.set, pods, history, seen.now)
    steps = [Step("revisions", (history.actions,)), Step("claiming", (claiming,))]
    wait: str | None = None
    if not is_terminating(seen.set):
        for step, wait in phases(ranks):
            steps.append(step)
            if wait is not None and ranks.ordered:
                break
    outdated = sum(isinstance(a, DeletePod) and a.reason == "update" for step in steps for a in step.actions)
    return Plan(
        steps=tuple(step for step in steps if step.actions),
        status=status.after_deletions(seen.set, counted, outdated),
        cleanup=surplus_revisions(seen.set, history, pods),
        waiting_for=wait,
        look_again=next_availability(ranks, pods),
    )


# --- rule 2: claiming -------------------------------------------------------------------------------------------------


def claim_pods(seen: Observed) -> tuple[tuple[Action, ...], tuple[Pod, ...]]:
    """What to adopt and to release, and the pods that then are the set's."""
    set_, selector = seen.set, selector_of(seen.set.spec.selector)

    def matches(pod: Pod) -> bool:
        return ordinal_of(set_.metadata.name, pod.metadata.name) is not None and selector.matches(pod.metadata.labels)

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


def ordinals(set_: StatefulSet) -> range:
    """The ordinals the set wants: `replicas` many, from spec.ordinals.start."""
    start = set_.spec.ordinals.start if set_.spec.ordinals is not None else 0
    return range(start, start + (set_.spec.replicas if set_.spec.replicas is not None else 1))


def rank(seen: Observed, history: History, pods: tuple[Pod, ...]) -> Ranks:
    """Puts pods into their places. Names that carry no ordinal of this set never get here."""
    by_ordinal = {ordinal_of(seen.set.metadata.name, pod.metadata.name): pod for pod in pods}
    wanted = ordinals(seen.set)
    beyond = sorted((o for o in by_ordinal if o is not None and o not in wanted), reverse=True)
    return Ranks(
        seen=seen,
        history=history,
        replicas=tuple(Replica(ordinal, by_ordinal.get(ordinal)) for ordinal in wanted),
        condemned=tuple(by_ordinal[ordinal] for ordinal in beyond),
    )


def phases(ranks: Ranks) -> Iterator[tuple[Step, str | None]]:
    """Rules 3 to 6, each with what it has to wait for."""
    pace: Pace = "one by one" if ranks.ordered else "doubling"
    groups, wait = until_first_wait(ranks, (replica_verdict(ranks, replica) for replica in ranks.replicas))
    yield Step("replicas", groups, pace), wait
    yield Step("retention", tuple(retention_actions(ranks, pod) for pod in ranks.condemned), pace), wait
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


# --- rule 3: replicas -------------------------------------------------------------------------------------------------


def replica_verdict(ranks: Ranks, replica: Replica) -> Verdict:
    """What one ordinal in range needs."""
    pod = replica.pod
    if pod is None or not status.is_created(pod):
        return missing_verdict(ranks, replica.ordinal)
    if pod.status.phase in ENDED:
        return ended_verdict(pod)
    pending = pod.status.phase == "Pending"
    restore = restore_actions(ranks, replica.ordinal, pod) if pending else ()
    wait = what_it_waits_for(ranks, pod)
    if wait is None or not ranks.ordered:
        return Verdict((*restore, *repair_actions(ranks, replica.ordinal, pod)), wait)
    owners = owner_actions(ranks, replica.ordinal, pod, in_range=True) if pending else ()
    return Verdict((*restore, *owners), wait)


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
    wait = f"{pod.metadata.name}, which has {pod.status.phase.lower() if pod.status.phase else 'ended'}, to be gone"
    if is_terminating(pod):
        return Verdict(wait=wait)
    reason: DeleteReason = "failed" if pod.status.phase == "Failed" else "succeeded"
    return Verdict((DeletePod(pod.metadata.name, pod.metadata.uid, reason),), wait)


def missing_verdict(ranks: Ranks, ordinal: int) -> Verdict:
    """A missing ordinal gets its claims and its pod, unless a claim of an earlier pod is still going away."""
    set_ = ranks.set
    revision = revision_for(ranks, ordinal)
    pod = identity.new_pod(set_, ranks.history.template(revision), revision, ordinal)
    claims = [ranks.seen.claims[n] for n in identity.claim_names_of(set_, ordinal) if n in ranks.seen.claims]
    for claim in claims:
        if retention.blocks_creation(claim, set_, pod):
            return Verdict(wait=f"claim {claim.metadata.name} of an earlier {pod.metadata.name} to be deleted")
    for claim in claims:
        if is_terminating(claim):
            why = f"pvc {claim.metadata.name} is being deleted"
            return Verdict((RefusePod(pod.metadata.name, claim.metadata.name, why),), why)
    create = CreatePod(pod, revision, missing_claims(ranks, ordinal))
    return Verdict((create,), f"{pod.metadata.name} to be created and become Running and Ready")


def missing_claims(ranks: Ranks, ordinal: int) -> tuple[PersistentVolumeClaim, ...]:
    """The claims of an ordinal that do not exist; an existing one is taken as it is."""
    wanted = identity.claims_of(ranks.set, ordinal)
    return tuple(claim for name, claim in wanted.items() if name not in ranks.seen.claims)


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


def restore_actions(ranks: Ranks, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """A pod that cannot start without them gets back the claims that are gone."""
    claims = missing_claims(ranks, ordinal)
    return (RestoreClaims(pod.metadata.name, claims),) if claims else ()


def repair_actions(ranks: Ranks, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """Makes a live pod's labels, volumes and claim owners those of its ordinal again."""
    owners = tuple(owner_actions(ranks, ordinal, pod, in_range=True))
    set_ = ranks.set
    sound = identity.identity_matches(pod, set_) and identity.storage_matches(pod, set_, ordinal)
    if sound and not any(isinstance(action, SetClaimOwners) for action in owners):
        return owners
    restore = () if identity.storage_matches(pod, set_, ordinal) else restore_actions(ranks, ordinal, pod)
    return (*restore, *owners, RepairPod(identity.repaired(pod, set_, ordinal)))


def owner_actions(ranks: Ranks, ordinal: int, pod: Pod, *, in_range: bool) -> Iterator[Action]:
    """Claims of one pod whose owners are not those of the retention policy."""
    for name in identity.claim_names_of(ranks.set, ordinal):
        claim = ranks.seen.claims.get(name)
        if claim is None:
            continue
        if retention.has_foreign_controller(claim, ranks.set, pod):
            yield ReportForeignOwner(name)
        if not retention.owners_match(claim, ranks.set, pod, in_range=in_range):
            yield SetClaimOwners(retention.with_owners(claim, ranks.set, pod, in_range=in_range))


# --- rules 4 and 5: scale down ----------------------------------------------------------------------------------------


def retention_actions(ranks: Ranks, pod: Pod) -> tuple[Action, ...]:
    """Hands the claims of a condemned pod over; done for all of them before the first is deleted."""
    ordinal = ordinal_of(ranks.set.metadata.name, pod.metadata.name)
    return tuple(owner_actions(ranks, ordinal, pod, in_range=False)) if ordinal is not None else ()


def condemned_verdict(ranks: Ranks, pod: Pod) -> Verdict:
    """A condemned pod is deleted; in an ordered set only when it is healthy or itself the one that is not."""
    if is_terminating(pod):
        return Verdict(wait=until(pod, "be gone"))
    if ranks.ordered and pod is not ranks.first_unavailable():
        if not is_running_and_ready(pod):
            return Verdict(wait=until(pod, "be Running and Ready before it is deleted"))
        if not ranks.available(pod):
            return Verdict(wait=f"{pod.metadata.name} to be Ready for {ranks.set.spec.min_ready_seconds} s")
    return Verdict((DeletePod(pod.metadata.name, pod.metadata.uid, "scale down"),), f"{pod.metadata.name} to be gone")


# --- rule 6: update ---------------------------------------------------------------------------------------------------


def max_unavailable(set_: StatefulSet) -> int:
    """How many pods an update may make unavailable: a number, or a percentage of replicas rounded down; at least 1."""
    rolling = set_.spec.update_strategy.rolling_update
    value = rolling.max_unavailable if rolling is not None else None
    if value is None:
        return 1
    if isinstance(value, str):
        return max(1, floor(len(ordinals(set_)) * int(value.rstrip("%")) / 100))
    return max(1, value)


def update_verdict(ranks: Ranks) -> Verdict:
    """Deletes outdated pods from the highest ordinal down to the partition, as far as the budget goes.

    Every unavailable pod in range uses up the budget, below the partition too. A Parallel set first deletes all
    outdated pods that are unavailable anyway, which costs no availability; an ordered set never gets here with one.
    Pods that have ended are left to rule 3.
    """
    rolling = ranks.set.spec.update_strategy.rolling_update
    partition = (rolling.partition if rolling is not None else None) or 0
    pods = [replica.pod for replica in ranks.replicas]
    targets = [
        pod
        for pod in reversed(pods[partition:])
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


def next_availability(ranks: Ranks, pods: tuple[Pod, ...]) -> float | None:
    """Seconds until the next ready pod becomes available by the passing of time alone; None: no pod will."""
    least = ranks.set.spec.min_ready_seconds or 0
    if least == 0:
        return None
    ready = [pod for pod in pods if is_running_and_ready(pod)]
    waits = [wait for pod in ready if 0 < (wait := seconds_until_available(pod, least, ranks.seen.now)) < inf]
    return min(waits) if waits else None
