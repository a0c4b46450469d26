"""Which pods to delete next when everything is to end, and what is true of the sets then. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from petset.api.meta import controller_of, is_terminating
from petset.api.types import Pod, StatefulSet
from petset.controllers.statefulset.names import ordinal_of

WITHOUT_PODS: Final[dict[str, Any]] = {
    "replicas": 0,
    "readyReplicas": None,
    "availableReplicas": 0,
    "currentReplicas": None,
    "updatedReplicas": None,
}
"""The part of a set's status that counts pods, as a merge patch, when there are none."""


def tells_of_pods(set_: StatefulSet) -> bool:
    """Whether a set's status counts any."""
    status = set_.status
    counts = (status.replicas, status.ready_replicas, status.available_replicas)
    return any((*counts, status.current_replicas, status.updated_replicas))


def plan(pods: Iterable[Pod], sets: Iterable[StatefulSet]) -> tuple[Pod, ...]:
    """The pods to delete now; those that are terminating already are left to it.

    Of an OrderedReady set only the highest ordinal, and the next one only when that is gone, as in a scale-down. Pods
    of Parallel sets, and pods of no set, all at once.
    """
    ordered = {set_.metadata.uid: set_ for set_ in sets if set_.spec.pod_management_policy != "Parallel"}
    last: dict[str, Pod] = {}
    chosen: list[Pod] = []
    for pod in pods:
        set_ = _set_of(pod, ordered)
        if set_ is None:
            chosen.append(pod)
            continue
        uid = set_.metadata.uid
        if uid not in last or _ordinal(pod, set_) > _ordinal(last[uid], set_):
            last[uid] = pod
    return tuple(pod for pod in (*chosen, *last.values()) if not is_terminating(pod))


def _set_of(pod: Pod, sets: Mapping[str, StatefulSet]) -> StatefulSet | None:
    owner = controller_of(pod)
    return sets.get(owner.uid) if owner is not None else None


def _ordinal(pod: Pod, set_: StatefulSet) -> int:
    """A pod that was adopted under another name counts as the last of all."""
    ordinal = ordinal_of(set_.metadata.name, pod.metadata.name)
    return ordinal if ordinal is not None else 1 << 31
