"""A set, its pods and its claims in memory, where what is obeyed happens and what is under way succeeds. Pure.

What the world assumes: a new pod becomes Ready, a deleted one ends within its grace period, a new claim is bound, the
garbage collector does its work. What is broken already stays so, for nobody knows better.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, TypeVar, assert_never

from petset.api.meta import (
    controller_of,
    copy,
    format_time,
    get_condition,
    is_controlled_by,
    is_pod_available,
    is_running_and_ready,
    is_terminating,
    owner_reference,
    parse_time,
    ready_condition,
    set_condition,
)
from petset.api.types import (
    ControllerRevision,
    Object,
    OwnerReference,
    PersistentVolumeClaim,
    Pod,
    PodCondition,
    StatefulSetStatus,
)
from petset.cli.preview.steps import Step
from petset.controllers.statefulset import model
from petset.controllers.statefulset.names import is_member, ordinal_of
from petset.controllers.statefulset.status import ENDED

PATIENCE: Final = timedelta(minutes=1)
"""How long a pod may be unready, or stay beyond its grace period, before nobody expects it to change by itself."""
LONGEST_LABEL: Final = 63
BORN: Final = "preview-"
"""How the uids of objects begin that are not there yet."""

T = TypeVar("T", bound=Object)


class Refused(Exception):
    """The API would not do what an action asks for; the message says why."""


def is_broken(pod: Pod, now: datetime) -> bool:
    """Whether a pod is not expected to become Ready by itself, or, when it is going away, to be gone."""
    if is_terminating(pod):
        return _passed(pod.metadata.deletion_timestamp, now)
    if pod.status.phase in ENDED or is_running_and_ready(pod):
        return False
    scheduled = get_condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return True
    containers = (*pod.status.init_container_statuses, *pod.status.container_statuses)
    if any(container.restart_count and not container.ready for container in pod.status.container_statuses):
        return True
    waiting = {c.state.waiting.reason for c in containers if c.state.waiting is not None}
    if waiting - {None, "", "ContainerCreating", "PodInitializing"}:
        return True
    ready = ready_condition(pod)
    since = ready.last_transition_time if ready is not None else None
    return _passed(since or pod.metadata.creation_timestamp, now)


def _passed(since: str | None, now: datetime) -> bool:
    return since is not None and parse_time(since) + PATIENCE < now


@dataclass(frozen=True, slots=True)
class Limits:
    """What cannot succeed: names of pods that others hold, claim templates that nobody makes volumes for."""

    taken: frozenset[str] = frozenset()
    unserved: frozenset[str] = frozenset()


class World:
    """Everything there is, as the planner's actions and the passing of time change it. The objects seen stay as is.

    What one change or one look at what comes next costs does not depend on how many pods there are.
    """

    def __init__(self, seen: model.Observed, limits: Limits) -> None:
        self.set = copy(seen.set)
        self.now = seen.now
        self.pods: dict[str, Pod] = {}
        self.claims = dict(seen.claims)
        self._revisions = {r.metadata.name: r for r in (*seen.revisions, *seen.orphan_revisions)}
        self._taken = limits.taken
        self._unserved = tuple(f"{template}-{seen.set.metadata.name}-" for template in limits.unserved)
        self._unbound: set[str] = set()
        self._born = 0
        self._orphans: set[str] = set()
        self._users: Counter[str] = Counter()
        self._changed: set[str] = set()
        self._moving: set[str] = set()
        for pod in (*seen.pods, *(pod for pod in seen.orphans if is_member(self.set.metadata.name, pod.metadata.name))):
            self._put(pod)
        self._broken = {pod.metadata.uid for pod in self.pods.values() if is_broken(pod, seen.now)}
        self._loose = dict.fromkeys(
            n for n, c in self.claims.items() if is_terminating(c) or c.metadata.owner_references
        )

    # --- seeing -------------------------------------------------------------------------------------------------------

    def observed(self) -> model.Observed:
        """What the planner looks at."""
        own = tuple(pod for name, pod in self.pods.items() if self.own_pod(name) is not None)
        return replace(self.outline(), pods=own)

    def outline(self) -> model.Observed:
        """The same without the set's own pods."""
        revisions, orphan_revisions = _by_owner(self._revisions, self.set.metadata.uid)
        orphans = tuple(self.pods[name] for name in sorted(self._orphans))
        return model.Observed(self.set, (), revisions, self.claims, self.now, orphans, orphan_revisions)

    def own_pod(self, name: str) -> Pod | None:
        """A pod that the set controls; None when there is none of the name."""
        pod = self.pods.get(name)
        return pod if pod is not None and is_controlled_by(pod, self.set) else None

    def news(self) -> set[str]:
        """The names of the pods that changed, or whose claims did, since this was asked last."""
        names, self._changed = self._changed, set()
        return names

    def broken(self) -> tuple[str, ...]:
        """The names of the pods that nothing is expected of."""
        return tuple(sorted(name for name, pod in self.pods.items() if pod.metadata.uid in self._broken))

    def comes_back_outdated(self, actions: Iterable[model.Action]) -> str | None:
        """The pod, if any, that the update replaces although it was created in this preview, and is not Ready yet.

        It came back at the revision that it had, and so will the next one.
        """
        for action in actions:
            if isinstance(action, model.DeletePod) and action.reason == "update":
                pod = self.pods[action.name]
                if pod.metadata.uid.startswith(BORN) and not is_running_and_ready(pod):
                    return action.name
        return None

    # --- obeying ------------------------------------------------------------------------------------------------------

    def obey(self, action: model.Action) -> None:  # noqa: C901, PLR0912 - one branch an action
        """Does what an action says. Raises Refused, after what could be done of it."""
        match action:
            case model.AdoptRevision(name, _):
                self._revisions[name] = self._owned(self._revisions[name])
            case model.CreateRevision(revision):
                self._revisions[revision.metadata.name] = self._new(revision)
            case model.RenumberRevision(revision, number):
                renumbered = copy(revision)
                renumbered.revision = number
                self._revisions[revision.metadata.name] = renumbered
            case model.AdoptPod(name, _):
                self._put(self._owned(self.pods[name]))
            case model.ReleasePod(name, _):
                released = copy(self.pods[name])
                kept = [ref for ref in released.metadata.owner_references if ref.uid != self.set.metadata.uid]
                released.metadata.owner_references = kept
                self._put(released)
            case model.CreatePod(pod, _, claims):
                self._create_claims(claims)
                self._create_pod(pod)
            case model.RefusePod(_, claims, why):
                self._create_claims(claims)
                raise Refused(why)
            case model.RestoreClaims(_, claims):
                self._create_claims(claims)
            case model.RefuseClaims(_, why):
                raise Refused(why)
            case model.SetClaimOwners(_, claim):
                self._put_claim(claim)
            case model.RepairPod(pod, _):
                self._put(pod)
            case model.DeletePod(name, _, _):
                self._delete_pod(name)
            case model.ReportForeignOwner():
                pass
            case _:
                assert_never(action)

    def report(self, new: StatefulSetStatus) -> bool:
        """Stores the set's status; whether it was another one before."""
        changed = self.set.status != new
        self.set.status = new
        return changed

    def forget(self, drop: model.DropRevision) -> None:
        """A revision goes."""
        self._revisions.pop(drop.name, None)

    def _create_claims(self, claims: tuple[PersistentVolumeClaim, ...]) -> None:
        for claim in claims:
            name = claim.metadata.name
            self._put_claim(self._new(claim))
            if name.startswith(self._unserved):
                self._unbound.add(name)

    def _create_pod(self, pod: Pod) -> None:
        name = pod.metadata.name
        if name in self.pods or name in self._taken:
            raise Refused(f"pod {name} exists and is not the set's")
        for label, value in pod.metadata.labels.items():
            if len(value) > LONGEST_LABEL:
                raise Refused(f"pod {name} is invalid: its label {label} would have {len(value)} characters")
        made = self._new(pod)
        made.status.phase = "Pending"
        self._put(made)

    def _delete_pod(self, name: str) -> None:
        going = copy(self.pods[name])
        going.metadata.deletion_timestamp = format_time(self.now)
        self._put(going)
        # what does not get ready ends like any other
        self._broken.discard(going.metadata.uid)

    def _owned(self, obj: T) -> T:
        owned = copy(obj)
        owned.metadata.owner_references.append(owner_reference(self.set))
        return owned

    def _new(self, obj: T) -> T:
        made = copy(obj)
        self._born += 1
        made.metadata.uid = f"{BORN}{self._born}"
        made.metadata.creation_timestamp = format_time(self.now)
        return made

    # --- keeping books ------------------------------------------------------------------------------------------------

    def _put(self, pod: Pod) -> None:
        name = pod.metadata.name
        if name in self.pods:
            self._users.subtract(_claims_used(self.pods[name]))
        self.pods[name] = pod
        self._users.update(_claims_used(pod))
        (self._orphans.add if controller_of(pod) is None else self._orphans.discard)(name)
        self._moving.add(name)
        self._changed.add(name)

    def _remove(self, name: str) -> None:
        claims = list(_claims_used(self.pods.pop(name)))
        self._users.subtract(claims)
        self._loose.update(dict.fromkeys(claims))
        self._orphans.discard(name)
        self._changed.add(name)

    def _put_claim(self, claim: PersistentVolumeClaim) -> None:
        self.claims[claim.metadata.name] = claim
        self._claim_changed(claim.metadata.name)

    def _claim_changed(self, name: str) -> None:
        self._loose[name] = None
        for template in self.set.spec.volume_claim_templates:
            self._changed.add(name.removeprefix(f"{template.metadata.name}-"))

    # --- what happens by itself ---------------------------------------------------------------------------------------

    def progress(self) -> tuple[Step, ...]:
        """Lets everything that is under way succeed; what had to be waited for, nothing when nothing was under way."""
        seconds = self.set.spec.min_ready_seconds or 0
        moving = sorted(self._moving, key=self._place)
        gone = tuple(self._ended(moving))
        ready = tuple(self._started(moving))
        unavailable = tuple(self._not_yet_available(moving, seconds))
        self.now += timedelta(seconds=seconds + 1)
        steps = [
            Step("wait", "Pod", gone, detail="to be gone"),
            *self._collected(),
            Step("wait", "Pod", ready, detail="to be Running and Ready"),
            Step("wait", "Pod", unavailable, detail=f"to be Ready for {seconds} s"),
        ]
        self._moving.clear()
        return tuple(step for step in steps if step.names)

    def _place(self, name: str) -> tuple[int, str]:
        return ordinal_of(self.set.metadata.name, name) or 0, name

    def _ended(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            pod = self.pods[name]
            if is_terminating(pod) and pod.metadata.uid not in self._broken:
                self._remove(name)
                yield name

    def _started(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            pod = self.pods.get(name)
            if pod is None or self._stays(pod) or pod.status.phase in ENDED or is_running_and_ready(pod):
                continue
            started = copy(pod)
            started.status.phase = "Running"
            set_condition(started.status.conditions, PodCondition(type="Ready", status="True"), self.now)
            self._put(started)
            yield name

    def _not_yet_available(self, names: Iterable[str], seconds: int) -> Iterator[str]:
        for name in names:
            pod = self.pods.get(name)
            if pod is None or self._stays(pod) or not is_running_and_ready(pod):
                continue
            if not is_pod_available(pod, seconds, self.now):
                yield name

    def _stays(self, pod: Pod) -> bool:
        """Whether nothing is expected of a pod: it is broken, going away, or not the set's."""
        return (
            pod.metadata.uid in self._broken
            or is_terminating(pod)
            or any(name in self._unbound for name in _claims_used(pod))
            or not is_controlled_by(pod, self.set)
        )

    def _collected(self) -> Iterator[Step]:
        """Claims go when nobody uses them and they were deleted, or all their owners are gone."""
        candidates, self._loose = self._loose, {}
        for name in candidates:
            claim = self.claims.get(name)
            if claim is None or self._users[name] > 0:
                continue
            if is_terminating(claim):
                yield Step("wait", "PersistentVolumeClaim", (name,), detail="to be gone")
            elif self._abandoned(claim):
                yield Step("delete", "PersistentVolumeClaim", (name,), detail="its owner is gone; so are its data")
            else:
                continue
            del self.claims[name]
            self._claim_changed(name)

    def _abandoned(self, claim: PersistentVolumeClaim) -> bool:
        owners = claim.metadata.owner_references
        return bool(owners) and all(ref.kind in ("Pod", "StatefulSet") and not self._lives(ref) for ref in owners)

    def _lives(self, owner: OwnerReference) -> bool:
        pod = self.pods.get(owner.name)
        return owner.uid == self.set.metadata.uid or (pod is not None and owner.uid == pod.metadata.uid)


def _claims_used(pod: Pod) -> Iterator[str]:
    sources = (volume.persistent_volume_claim for volume in pod.spec.volumes)
    return (source.claim_name for source in sources if source is not None)


def _by_owner(
    table: dict[str, ControllerRevision], uid: str
) -> tuple[tuple[ControllerRevision, ...], tuple[ControllerRevision, ...]]:
    """Those that the set controls, and those that nobody does."""
    owners = [(obj, controller_of(obj)) for obj in table.values()]
    own = tuple(obj for obj, owner in owners if owner is not None and owner.uid == uid)
    return own, tuple(obj for obj, owner in owners if owner is None)


def as_orphans(seen: model.Observed, uid: str) -> model.Observed:
    """The same after the set was deleted without its pods and created anew with another uid."""
    set_ = copy(seen.set)
    set_.metadata.uid = uid
    set_.status = StatefulSetStatus()
    pods = tuple(_orphaned(pod, seen.set.metadata.uid) for pod in seen.pods)
    revisions = tuple(_orphaned(revision, seen.set.metadata.uid) for revision in seen.revisions)
    claims = {name: _orphaned(claim, seen.set.metadata.uid) for name, claim in seen.claims.items()}
    return replace(
        seen,
        set=set_,
        pods=(),
        orphans=seen.orphans + pods,
        revisions=(),
        orphan_revisions=seen.orphan_revisions + revisions,
        claims=claims,
    )


def _orphaned(obj: T, uid: str) -> T:
    orphan = copy(obj)
    orphan.metadata.owner_references = [ref for ref in obj.metadata.owner_references if ref.uid != uid]
    return orphan
