"""What a set reports of its pods. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from petset.api.meta import is_pod_available, is_running_and_ready, is_terminating
from petset.api.types import Pod, StatefulSet, StatefulSetStatus
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import REVISION_LABEL
from petset.controllers.statefulset.revisions import History

ENDED = ("Failed", "Succeeded")
"""The phases of a pod that will never run again."""

_REASONS_TO_WRITE = (
    "replicas",
    "ready_replicas",
    "available_replicas",
    "current_replicas",
    "updated_replicas",
    "current_revision",
    "update_revision",
)


def is_created(pod: Pod) -> bool:
    """Whether the API has seen the pod: it gives every new pod a phase."""
    return bool(pod.status.phase)


class Tally(NamedTuple):
    """What one pod adds to the status of its set. `revision` is None for a pod that is going away."""

    created: bool = False
    ready: bool = False
    available: bool = False
    revision: str | None = None


NOTHING: Final = Tally()


def tally(pod: Pod, min_ready_seconds: int, now: datetime) -> Tally:
    """How one pod counts: terminating ones are replicas, but at no revision."""
    if not is_created(pod):
        return NOTHING
    ready = is_running_and_ready(pod)
    return Tally(
        created=True,
        ready=ready,
        available=ready and is_pod_available(pod, min_ready_seconds, now),
        revision=None if is_terminating(pod) else pod.metadata.labels.get(REVISION_LABEL, ""),
    )


@dataclass(slots=True)
class Census:
    """A set's pods, counted."""

    replicas: int = 0
    ready: int = 0
    available: int = 0
    at: Counter[str] = field(default_factory=Counter)
    """Pods that stay, by revision label."""

    def count(self, counted: Tally, times: int = 1) -> None:
        """Adds a pod; takes it back with `times` -1."""
        self.replicas += counted.created * times
        self.ready += counted.ready * times
        self.available += counted.available * times
        if counted.revision is not None:
            self.at[counted.revision] += times


def report(set_: StatefulSet, census: Census, history: History) -> StatefulSetStatus:
    """The status of the set as its pods are now (upstream's `updateStatus`)."""
    current, update = history.current.metadata.name, history.update.metadata.name
    return StatefulSetStatus(
        observed_generation=set_.metadata.generation,
        replicas=census.replicas,
        ready_replicas=census.ready or None,
        available_replicas=census.available,
        current_replicas=census.at[current] or None,
        updated_replicas=census.at[update] or None,
        current_revision=current,
        update_revision=update,
        collision_count=set_.status.collision_count or 0,
    )


def after_deletions(set_: StatefulSet, status: StatefulSetStatus, outdated_deleted: int) -> StatefulSetStatus:
    """The status once `outdated_deleted` pods were deleted for the update; a finished rollout makes it current."""
    new = msgspec.structs.replace(status)
    new.current_replicas = max(0, (status.current_replicas or 0) - outdated_deleted) or None
    desired = len(ordinals(set_))
    finished = (new.updated_replicas or 0) == (new.ready_replicas or 0) == new.replicas == desired
    if set_.spec.update_strategy.type == "RollingUpdate" and finished:
        new.current_revision = new.update_revision
        new.current_replicas = new.updated_replicas
    return new


def needs_write(set_: StatefulSet, status: StatefulSetStatus) -> bool:
    """Whether the stored status is worth replacing. Conditions and the collision count alone are no reason."""
    old = set_.status
    if (status.observed_generation or 0) > (old.observed_generation or 0):
        return True
    return any((getattr(status, name) or None) != (getattr(old, name) or None) for name in _REASONS_TO_WRITE)


def is_complete(set_: StatefulSet, status: StatefulSetStatus) -> bool:
    """Whether every pod that is wanted is there, available and updated, and no other: what people wait for."""
    wanted = len(ordinals(set_))
    counts = status.replicas, status.ready_replicas, status.available_replicas, status.updated_replicas
    return all((count or 0) == wanted for count in counts)


def only_counts(set_: StatefulSet, status: StatefulSetStatus) -> bool:
    """Whether nothing hangs on writing the status at once: it only reports other numbers, which no decision reads.

    Without a rollingUpdate block the boundary of a rollout is one of the numbers.
    """
    old = set_.status
    strategy = set_.spec.update_strategy
    return (
        (old.observed_generation, old.current_revision, old.update_revision)
        == (status.observed_generation, status.current_revision, status.update_revision)
    ) and not (strategy.type == "RollingUpdate" and strategy.rolling_update is None)
