"""What one decision about a StatefulSet looks at, and what it says. Values only; a Plan prints as a list of steps."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from petset.api.types import ControllerRevision, PersistentVolumeClaim, Pod, StatefulSet, StatefulSetStatus
from petset.controllers.statefulset.waiting import Wait


@dataclass(frozen=True, slots=True)
class Observed:
    """Everything a decision may look at, read at one moment.

    `pods` are those this set controls, `orphans` those in the namespace that nobody controls; `revisions` and
    `orphan_revisions` likewise. `claims` has, by name, every existing claim that one of the set's ordinals could mean.
    """

    set: StatefulSet
    pods: tuple[Pod, ...]
    revisions: tuple[ControllerRevision, ...]
    claims: Mapping[str, PersistentVolumeClaim]
    now: datetime
    orphans: tuple[Pod, ...] = ()
    orphan_revisions: tuple[ControllerRevision, ...] = ()


@dataclass(frozen=True, slots=True)
class AdoptRevision:
    """Makes an orphaned revision the set's own."""

    name: str
    uid: str

    def __str__(self) -> str:
        return f"adopt revision {self.name}"


@dataclass(frozen=True, slots=True)
class CreateRevision:
    """Records a template that no revision holds yet."""

    revision: ControllerRevision

    def __str__(self) -> str:
        return f"create revision {self.revision.metadata.name} (number {self.revision.revision})"


@dataclass(frozen=True, slots=True)
class RenumberRevision:
    """Makes an older revision the newest again: a rollback keeps the name."""

    revision: ControllerRevision
    number: int

    def __str__(self) -> str:
        return f"renumber revision {self.revision.metadata.name} from {self.revision.revision} to {self.number}"


@dataclass(frozen=True, slots=True)
class DropRevision:
    """Forgets a revision beyond revisionHistoryLimit."""

    name: str

    def __str__(self) -> str:
        return f"delete revision {self.name}"


@dataclass(frozen=True, slots=True)
class AdoptPod:
    """Makes an orphaned pod that matches the selector and the name the set's own."""

    name: str
    uid: str

    def __str__(self) -> str:
        return f"adopt pod {self.name}"


@dataclass(frozen=True, slots=True)
class ReleasePod:
    """Lets go of a pod that no longer matches."""

    name: str
    uid: str

    def __str__(self) -> str:
        return f"release pod {self.name}"


@dataclass(frozen=True, slots=True)
class CreatePod:
    """Creates the missing claims of an ordinal, then its pod."""

    pod: Pod
    revision: str
    claims: tuple[PersistentVolumeClaim, ...]

    def __str__(self) -> str:
        claims = ", ".join(claim.metadata.name for claim in self.claims)
        return f"create pod {self.pod.metadata.name} at {self.revision}" + (f" with claim {claims}" if claims else "")


@dataclass(frozen=True, slots=True)
class RefusePod:
    """Creates the missing claims of an ordinal and reports why its pod cannot follow; the run fails and is repeated."""

    pod: str
    claims: tuple[PersistentVolumeClaim, ...]
    why: str

    def __str__(self) -> str:
        return f"cannot create pod {self.pod}: {self.why}"


@dataclass(frozen=True, slots=True)
class RestoreClaims:
    """Creates claims that a Pending pod waits for and that are gone."""

    pod: str
    claims: tuple[PersistentVolumeClaim, ...]

    def __str__(self) -> str:
        return f"create claim {', '.join(claim.metadata.name for claim in self.claims)} for pod {self.pod}"


@dataclass(frozen=True, slots=True)
class RefuseClaims:
    """A live pod's claims cannot be restored yet; the run fails and is repeated."""

    pod: str
    why: str

    def __str__(self) -> str:
        return f"cannot restore the claims of pod {self.pod}: {self.why}"


@dataclass(frozen=True, slots=True)
class SetClaimOwners:
    """Writes the owner references of a pod's claim as the retention policy wants them."""

    pod: str
    claim: PersistentVolumeClaim

    def __str__(self) -> str:
        owners = ", ".join(f"{ref.kind} {ref.name}" for ref in self.claim.metadata.owner_references) or "nobody"
        return f"set owners of claim {self.claim.metadata.name} to {owners}"


@dataclass(frozen=True, slots=True)
class ReportForeignOwner:
    """Warns that somebody else controls a claim, so that the retention policy cannot be kept for it."""

    claim: str

    def __str__(self) -> str:
        return f"leave claim {self.claim} to its other controller"


@dataclass(frozen=True, slots=True)
class RepairPod:
    """Rewrites a pod whose labels or volumes are not those of its ordinal, or whose claims changed owners."""

    pod: Pod
    ordinal: int

    def __str__(self) -> str:
        return f"repair identity of pod {self.pod.metadata.name}"


DeleteReason = Literal["failed", "succeeded", "scale down", "update"]


@dataclass(frozen=True, slots=True)
class DeletePod:
    """Deletes a pod, within its grace period, and only if it is still the one that was seen."""

    name: str
    uid: str
    reason: DeleteReason

    def __str__(self) -> str:
        return f"delete pod {self.name} ({self.reason})"


Action = (
    AdoptRevision
    | CreateRevision
    | RenumberRevision
    | AdoptPod
    | ReleasePod
    | CreatePod
    | RefusePod
    | RestoreClaims
    | RefuseClaims
    | SetClaimOwners
    | ReportForeignOwner
    | RepairPod
    | DeletePod
)

Phase = Literal["adoption", "claiming", "revisions", "replicas", "retention", "condemned", "update"]
Pace = Literal["one by one", "doubling"]


@dataclass(frozen=True, slots=True)
class Step:
    """Actions of one phase, a group a pod. An action that fails ends the plan.

    One by one: in order. Doubling: the groups in concurrent batches of 1, 2, 4 ..., 500 (Parallel pod management), the
    actions of one group staying in order.
    """

    phase: Phase
    groups: tuple[tuple[Action, ...], ...]
    pace: Pace = "one by one"

    @property
    def actions(self) -> tuple[Action, ...]:
        """All actions, in order."""
        return tuple(action for group in self.groups for action in group)

    def __str__(self) -> str:
        return f"{self.phase}: " + "; ".join(str(action) for action in self.actions)


@dataclass(frozen=True, slots=True)
class Plan:
    """The decision: what to do now, what to report, what to forget, what to wait for.

    `counted` is the status as the pods were seen, `status` the one to write when every step succeeds. `look_again` is
    in seconds: the world will have changed by then without any event. `held_back` says which pods the update leaves as
    they are, and why, once there is nothing to wait for.
    """

    steps: tuple[Step, ...]
    counted: StatefulSetStatus
    status: StatefulSetStatus
    cleanup: tuple[DropRevision, ...] = ()
    waiting_for: Wait | None = None
    held_back: str | None = None
    look_again: float | None = None

    def actions(self) -> Iterator[Action]:
        """All actions of all steps, in order, without the clean-up."""
        for step in self.steps:
            yield from step.actions

    def __str__(self) -> str:
        lines = [str(step) for step in self.steps] + [str(drop) for drop in self.cleanup]
        if self.waiting_for:
            lines.append(f"waiting for {self.waiting_for}")
        return "\n".join(lines) or "nothing to do"
