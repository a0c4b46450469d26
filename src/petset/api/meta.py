"""What every object has in common: identity, owners, finalizers, conditions, timestamps, copies and comparison.

The readiness predicates of pods live here too, because every controller and the node read them. They follow
upstream's `pkg/api/v1/pod/util.go`.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from petset.api.types import Object, OwnerReference, Pod, PodCondition

S = TypeVar("S", bound=msgspec.Struct)

_WHOLE_SECONDS = len("2026-11-23T05:12:00")

_encode = msgspec.json.Encoder().encode


class Key(NamedTuple):
    """The place of an object within its kind; the namespace is empty for cluster-wide kinds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


def key_of(obj: Object) -> Key:
    """The key of an object."""
    return Key(obj.metadata.namespace, obj.metadata.name)


def copy(obj: S) -> S:
    """A deep copy that shares nothing with `obj`: through bytes, 25 times faster than `copy.deepcopy`.

    Raises msgspec.ValidationError when a field holds a value that its type forbids.
    """
    return msgspec.json.decode(_encode(obj), type=type(obj))


# --- comparison ------------------------------------------------------------------------------------------------------


def semantically_equal(one: Any, other: Any) -> bool:
    """Whether two values mean the same: an empty string, list or map is as good as a missing one.

    A missing struct differs from an empty one (`emptyDir: {}` means something). Quantities and times compare as
    text. Follows apimachinery's `equality.Semantic`.
    """
    if one == other:
        return True
    if _is_empty(one) and _is_empty(other):
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, msgspec.Struct):
        return all(semantically_equal(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(semantically_equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(semantically_equal(one[key], other[key]) for key in one)
    return False


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)


def revision(resource_version: str) -> int:
    """A resourceVersion as the number it is; nothing counts as 0. Raises ValueError for a non-decimal one."""
    return int(resource_version) if resource_version else 0


def revision_of(obj: Object) -> int:
    """The revision an object shows."""
    return revision(obj.metadata.resource_version)


# --- owners ----------------------------------------------------------------------------------------------------------


def controller_of(obj: Object) -> OwnerReference | None:
    """The owner reference that is marked as the managing controller; there is at most one."""
    for reference in obj.metadata.owner_references:
        if reference.controller:
            return reference
    return None


def owner_reference(owner: Object, *, controller: bool = True) -> OwnerReference:
    """A reference to `owner`; as controller it also blocks the owner's foreground deletion (`NewControllerRef`)."""
    return OwnerReference(
        api_version=owner.api_version,
        kind=owner.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=True if controller else None,
        block_owner_deletion=True if controller else None,
    )


def is_controlled_by(obj: Object, owner: Object) -> bool:
    """Whether `owner`, this very object and not one of the same name, is the managing controller."""
    reference = controller_of(obj)
    return reference is not None and reference.uid == owner.metadata.uid


def is_owned_by(obj: Object, owner: Object) -> bool:
    """Whether any owner reference means this very object."""
    return any(reference.uid == owner.metadata.uid for reference in obj.metadata.owner_references)


# --- deletion and finalizers -----------------------------------------------------------------------------------------


def is_terminating(obj: Object) -> bool:
    """Whether deletion has been asked for."""
    return obj.metadata.deletion_timestamp is not None


def has_finalizer(obj: Object, name: str) -> bool:
    """Whether `name` holds the object back from going away."""
    return name in obj.metadata.finalizers


def add_finalizer(obj: Object, name: str) -> bool:
    """Adds a finalizer, in place; whether it was not there before."""
    if has_finalizer(obj, name):
        return False
    obj.metadata.finalizers.append(name)
    return True


def remove_finalizer(obj: Object, name: str) -> bool:
    """Removes a finalizer, in place; whether it was there."""
    kept = [finalizer for finalizer in obj.metadata.finalizers if finalizer != name]
    changed = len(kept) != len(obj.metadata.finalizers)
    obj.metadata.finalizers = kept
    return changed


# --- timestamps ------------------------------------------------------------------------------------------------------


def format_time(moment: datetime) -> str:
    """A `Time` on the wire: RFC 3339, UTC, whole seconds."""
    return _format_seconds(moment.replace(microsecond=0))


@lru_cache(64)  # whatever happens at one time is told many times
def _format_seconds(moment: datetime) -> str:
    return f"{moment.astimezone(UTC).isoformat()[:_WHOLE_SECONDS]}Z"


def format_micro_time(moment: datetime) -> str:
    """A `MicroTime` on the wire: RFC 3339, UTC, six digits of fraction."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with any fraction, in UTC. Raises ValueError, also when it has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset from UTC")
    return moment.astimezone(UTC)


# --- conditions ------------------------------------------------------------------------------------------------------


class Condition(Protocol):
    """What the condition types of all kinds share."""

    type: str
    status: str
    last_transition_time: str | None


C = TypeVar("C", bound=Condition)


def get_condition(conditions: Sequence[C], type_: str) -> C | None:
    """The condition of a type."""
    for condition in conditions:
        if condition.type == type_:
            return condition
    return None


def set_condition(conditions: list[C], new: C, now: datetime) -> bool:
    """Puts `new` in the place of the condition of its type, or at the end; whether anything changed.

    lastTransitionTime moves only when the status does; otherwise that of the old condition stays.
    """
    for index, old in enumerate(conditions):
        if old.type == new.type:
            new.last_transition_time = old.last_transition_time if old.status == new.status else format_time(now)
            conditions[index] = new
            return not semantically_equal(old, new)
    new.last_transition_time = format_time(now)
    conditions.append(new)
    return True


# --- pods ------------------------------------------------------------------------------------------------------------


def ready_condition(pod: Pod) -> PodCondition | None:
    """The pod's Ready condition."""
    return get_condition(pod.status.conditions, "Ready")


def is_pod_ready(pod: Pod) -> bool:
    """Whether the Ready condition is true; the phase does not matter."""
    condition = ready_condition(pod)
    return condition is not None and condition.status == "True"


def is_running_and_ready(pod: Pod) -> bool:
    """Phase Running and ready: what OrderedReady waits for."""
    return pod.status.phase == "Running" and is_pod_ready(pod)


def seconds_until_available(pod: Pod, min_ready_seconds: int, now: datetime) -> float:
    """How long the pod has to stay ready before it is available: 0 = it is; infinity = it is not ready now.

    A ready condition without a transition time never makes a pod available unless `min_ready_seconds` is 0.
    """
    condition = ready_condition(pod)
    if condition is None or condition.status != "True":
        return math.inf
    if min_ready_seconds == 0:
        return 0.0
    if not condition.last_transition_time:
        return math.inf
    due = parse_time(condition.last_transition_time) + timedelta(seconds=min_ready_seconds)
    return max(0.0, (due - now).total_seconds())


def is_pod_available(pod: Pod, min_ready_seconds: int, now: datetime) -> bool:
    """Ready for at least `min_ready_seconds`. Says nothing about termination."""
    return seconds_until_available(pod, min_ready_seconds, now) == 0
