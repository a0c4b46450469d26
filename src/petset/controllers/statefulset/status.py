"""What a set reports of its pods. Pure."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from petset.api.meta import is_pod_available, is_running_and_ready, is_terminating
from petset.api.types import Pod, StatefulSet, StatefulSetStatus
from petset.controllers.statefulset.names import REVISION_LABEL
from petset.controllers.statefulset.revisions import History

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


def count(set_: StatefulSet, pods: Iterable[Pod], history: History, now: datetime) -> StatefulSetStatus:
    """The status of the set as its pods are now (upstream's `updateStatus`)."""
    current, update = history.current.metadata.name, history.update.metadata.name
    replicas = ready = available = at_current = at_update = 0
    for pod in pods:
        if not is_created(pod):
            continue
        replicas += 1
        if is_running_and_ready(pod):
            ready += 1
            available += is_pod_available(pod, set_.spec.min_ready_seconds or 0, now)
        if not is_terminating(pod):
            revision = pod.metadata.labels.get(REVISION_LABEL)
            at_current += revision == current
            at_update += revision == update
    return StatefulSetStatus(
        observed_generation=set_.metadata.generation,
        replicas=replicas,
        ready_replicas=ready or None,
        available_replicas=available,
        current_replicas=at_current or None,
        updated_replicas=at_update or None,
        current_revision=current,
        update_revision=update,
        collision_count=set_.status.collision_count or 0,
    )


def after_deletions(set_: StatefulSet, status: StatefulSetStatus, outdated_deleted: int) -> StatefulSetStatus:
    """The status once `outdated_deleted` pods were deleted for the update; a finished rollout makes it current."""
    new = msgspec.structs.replace(status)
    new.current_replicas = max(0, (status.current_replicas or 0) - outdated_deleted) or None
    desired = set_.spec.replicas if set_.spec.replicas is not None else 1
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
