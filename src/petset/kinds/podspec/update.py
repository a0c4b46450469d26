"""What may change in the spec of a pod that exists: images, the deadline, more tolerations, and little else."""

from collections.abc import Iterator

from petset.api.field import FieldError, forbidden, invalid
from petset.api.meta import copy, semantically_equal
from petset.api.types import PodSpec
from petset.kinds.changes import describe_changes
from petset.kinds.podspec.scheduling import added_tolerations_errors
from petset.kinds.podspec.validation import deadline_errors

_UPDATABLE = ",".join(
    (
        "`spec.containers[*].image`",
        "`spec.initContainers[*].image`",
        "`spec.activeDeadlineSeconds`",
        "`spec.tolerations` (only additions to existing tolerations)",
        "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
    )
)


def pod_spec_update_errors(new: PodSpec, old: PodSpec) -> list[FieldError]:
    """What a change of a pod's spec does wrong."""
    for place, after, before in (
        ("spec.initContainers", new.init_containers, old.init_containers),
        ("spec.containers", new.containers, old.containers),
    ):
        if len(after) != len(before):
            return [forbidden(place, "pod updates may not add or remove containers")]
    errors = list(_deadline_change_errors(new.active_deadline_seconds, old.active_deadline_seconds))
    errors += added_tolerations_errors("spec.tolerations", new.tolerations, old.tolerations)
    if errors:
        return errors
    permitted = _with_permitted_changes(old, new)
    if semantically_equal(permitted, new):
        return []
    changes = describe_changes("spec", permitted, new)
    return [forbidden("spec", f"pod updates may not change fields other than {_UPDATABLE}\n{changes}")]


def _deadline_change_errors(new: int | None, old: int | None) -> Iterator[FieldError]:
    path = "spec.activeDeadlineSeconds"
    if new is not None:
        yield from deadline_errors(path, new, least=0)
        if old is not None and old < new:
            yield invalid(path, new, "must be less than or equal to previous value")
    elif old is not None:
        yield invalid(path, new, "must not update from a positive integer to nil value")


def _with_permitted_changes(old: PodSpec, new: PodSpec) -> PodSpec:
    """The old spec with those changes of the new one that are allowed."""
    spec = copy(old)
    for container, changed in zip(spec.init_containers, new.init_containers, strict=True):
        container.image = changed.image
    for container, changed in zip(spec.containers, new.containers, strict=True):
        container.image = changed.image
    spec.active_deadline_seconds = new.active_deadline_seconds
    spec.tolerations = new.tolerations
    kept = {gate.name for gate in new.scheduling_gates}
    spec.scheduling_gates = [gate for gate in spec.scheduling_gates if gate.name in kept]
    if (old.termination_grace_period_seconds or 0) < 0 and new.termination_grace_period_seconds == 1:
        spec.termination_grace_period_seconds = 1
    return spec
