"""The revisions of a StatefulSet as `rollout history` and `rollout undo` see them. Pure."""

from collections.abc import Sequence
from typing import Any

from petset.api.types import ControllerRevision, StatefulSet
from petset.cli.failure import Failure
from petset.controllers.statefulset.revisions import data_bytes, revision_data

CHANGE_CAUSE = "kubernetes.io/change-cause"
NONE = "<none>"


def history_rows(revisions: Sequence[ControllerRevision]) -> list[tuple[str, str]]:
    """Number and cause, header first, oldest revision first."""
    rows = [(str(r.revision), r.metadata.annotations.get(CHANGE_CAUSE) or NONE) for r in in_order(revisions)]
    return [("REVISION", "CHANGE-CAUSE"), *rows]


def in_order(revisions: Sequence[ControllerRevision]) -> list[ControllerRevision]:
    """Oldest first."""
    return sorted(revisions, key=lambda revision: revision.revision)


def revision_to_restore(revisions: Sequence[ControllerRevision], number: int) -> ControllerRevision:
    """The revision of a number; 0 means the one before the last. Raises Failure in kubectl's words."""
    ordered = in_order(revisions)
    if number == 0:
        if len(ordered) < 2:
            raise Failure("no last revision to roll back to")
        return ordered[-2]
    for revision in ordered:
        if revision.revision == number:
            return revision
    raise Failure(f"unable to find specified revision {number} in history")


def has_template_of(set_: StatefulSet, revision: ControllerRevision) -> bool:
    """Whether there is nothing to roll back."""
    data: Any = revision.data
    return data_bytes(data) == data_bytes(revision_data(set_.spec.template))
