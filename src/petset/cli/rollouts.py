"""How far a StatefulSet is on its way to its spec. Pure; the messages are kubectl's."""

from typing import NamedTuple

from petset.api.types import StatefulSet


class RolloutStatus(NamedTuple):
    """A sentence, and whether nothing more is to be waited for."""

    message: str
    done: bool


def rollout_status(set_: StatefulSet) -> RolloutStatus:
    """What `rollout status` says. Follows kubectl's StatefulSetStatusViewer; OnDelete sets have no such status."""
    spec, status = set_.spec, set_.status
    replicas, updated = spec.replicas or 0, status.updated_replicas or 0
    if not _observed(set_):
        return RolloutStatus("Waiting for statefulset spec update to be observed...", False)
    if (status.ready_replicas or 0) < replicas:
        return RolloutStatus(f"Waiting for {replicas - (status.ready_replicas or 0)} pods to be ready...", False)
    if partition := _partition(set_):
        if updated < replicas - partition:
            progress = f"{updated} out of {replicas - partition} new pods have been updated..."
            return RolloutStatus(f"Waiting for partitioned roll out to finish: {progress}", False)
        return RolloutStatus(f"partitioned roll out complete: {updated} new pods have been updated...", True)
    if status.update_revision != status.current_revision:
        progress = f"{updated} pods at revision {status.update_revision}..."
        return RolloutStatus(f"waiting for statefulset rolling update to complete {progress}", False)
    complete = f"{status.current_replicas or 0} pods at revision {status.current_revision}..."
    return RolloutStatus(f"statefulset rolling update complete {complete}", True)


def is_ready(set_: StatefulSet) -> bool:
    """Whether all pods are there and ready, and those that are to be updated, are.

    Unlike the rollout status it is defined for OnDelete sets, whose old pods may stay.
    """
    replicas = set_.spec.replicas or 0
    if not _observed(set_) or (set_.status.ready_replicas or 0) < replicas or set_.status.replicas != replicas:
        return False
    if set_.spec.update_strategy.type == "OnDelete":
        return True
    return (set_.status.updated_replicas or 0) >= replicas - _partition(set_)


def _observed(set_: StatefulSet) -> bool:
    return 0 < (set_.status.observed_generation or 0) >= (set_.metadata.generation or 0)


def _partition(set_: StatefulSet) -> int:
    rolling = set_.spec.update_strategy.rolling_update
    return (rolling.partition or 0) if rolling is not None else 0
