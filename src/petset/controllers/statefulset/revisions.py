"""Which ControllerRevisions a set has, needs and may forget. Pure.

The rules are those of upstream's `getStatefulSetRevisions` and `truncateHistory`; the bytes of a revision equal
upstream's for the same template, because the name is their hash.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from petset.api.meta import copy, is_terminating, owner_reference
from petset.api.types import ControllerRevision, ObjectMeta, PodTemplateSpec, StatefulSet
from petset.controllers.statefulset.model import AdoptRevision, CreateRevision, DropRevision, Observed, RenumberRevision
from petset.controllers.statefulset.names import REVISION_HASH_LABEL, revision_hash, revision_name
from petset.kinds import statefulset

RevisionAction = CreateRevision | RenumberRevision

# Go's JSON encoder writes these inside strings, and only there can they occur.
_GO_ESCAPES = (
    (b"<", b"\\u003c"),
    (b">", b"\\u003e"),
    (b"&", b"\\u0026"),
    ("\u2028".encode(), b"\\u2028"),
    ("\u2029".encode(), b"\\u2029"),
)


@dataclass(frozen=True, slots=True)
class History:
    """The revisions a decision works with: pods below the rollout stay at `current`, the others go to `update`."""

    known: Sequence[ControllerRevision]
    current: ControllerRevision
    update: ControllerRevision
    actions: tuple[RevisionAction, ...]

    def template(self, revision: str) -> PodTemplateSpec:
        """The pod template of the current or the update revision, named."""
        held = self.current if revision == self.current.metadata.name else self.update
        return _template_of(held)


def revision_data(template: PodTemplateSpec) -> dict[str, Any]:
    """What a revision stores of a template: a strategic merge patch that replaces it."""
    tree = msgspec.json.decode(msgspec.json.encode(template))
    return {"spec": {"template": {**tree, "$patch": "replace"}}}


def data_bytes(data: dict[str, Any]) -> bytes:
    """The canonical bytes of a revision's data: compact, keys sorted, escaped as Go does."""
    raw = msgspec.json.encode(data, order="sorted")
    for plain, escaped in _GO_ESCAPES:
        raw = raw.replace(plain, escaped)
    return raw


def _template_of(revision: ControllerRevision) -> PodTemplateSpec:
    return msgspec.convert(revision.data["spec"]["template"], PodTemplateSpec)


def new_revision(set_: StatefulSet, number: int, collision_count: int) -> ControllerRevision:
    """The revision that holds the set's present template."""
    data = revision_data(set_.spec.template)
    hash_text = revision_hash(data_bytes(data), collision_count)
    return ControllerRevision(
        metadata=ObjectMeta(
            name=revision_name(set_.metadata.name, hash_text),
            namespace=set_.metadata.namespace,
            labels={**set_.spec.template.metadata.labels, REVISION_HASH_LABEL: hash_text},
            annotations=dict(set_.metadata.annotations),
            owner_references=[owner_reference(set_)],
        ),
        data=data,
        revision=number,
    )


def in_order(revisions: Iterable[ControllerRevision]) -> list[ControllerRevision]:
    """Oldest first: by number, then by age, then by name."""
    return sorted(revisions, key=lambda r: (r.revision, r.metadata.creation_timestamp or "", r.metadata.name))


def adoption(seen: Observed) -> tuple[AdoptRevision, ...]:
    """Makes matching orphans the set's. A set that is being deleted adopts nothing."""
    return tuple(AdoptRevision(r.metadata.name, r.metadata.uid) for r in _adoptable(seen))


def _adoptable(seen: Observed) -> tuple[ControllerRevision, ...]:
    return () if is_terminating(seen.set) else seen.orphan_revisions


def choose_revisions(seen: Observed) -> History:
    """Finds or makes the update revision and finds the current one."""
    set_ = seen.set
    known = in_order(seen.revisions + _adoptable(seen))
    number = known[-1].revision + 1 if known else 1
    candidate = new_revision(set_, number, set_.status.collision_count or 0)
    update = _same_template(set_, known, candidate)
    actions: tuple[RevisionAction, ...] = ()
    if update is None:
        update, actions = candidate, (CreateRevision(candidate),)
    elif update is not known[-1]:
        actions = (RenumberRevision(update, number),)
    current = next((r for r in known if r.metadata.name == set_.status.current_revision), update)
    return History(known, current, update, actions)


class Chooser:
    """Chooses as `choose_revisions` does, and remembers the answer while it looks at the same things."""

    def __init__(self) -> None:
        self._last: tuple[tuple[object, ...], History] | None = None

    def choose(self, seen: Observed) -> History:
        """The revisions; encoding and hashing the template, the costly part, happens once for each template."""
        meta, reported = seen.set.metadata, seen.set.status
        looks_at = (
            (meta.uid, meta.annotations, is_terminating(seen.set), reported.current_revision, reported.collision_count),
            seen.set.spec,
            seen.revisions,
            seen.orphan_revisions,
        )
        if self._last is None or self._last[0] != looks_at:
            self._last = looks_at, choose_revisions(seen)
        return self._last[1]


def _same_template(
    set_: StatefulSet, known: Sequence[ControllerRevision], candidate: ControllerRevision
) -> ControllerRevision | None:
    wanted = data_bytes(candidate.data)
    for revision in reversed(known):
        if data_bytes(revision.data) == wanted:
            return revision
    if known and _data_spelled_today(set_, known[-1]) == wanted:
        return known[-1]
    return None


def _data_spelled_today(set_: StatefulSet, revision: ControllerRevision) -> bytes | None:
    """The data of an older server's revision with its template defaulted as today; None when it holds no template."""
    try:
        template = _template_of(revision)
    except (KeyError, TypeError, msgspec.ValidationError):
        return None
    probe = copy(set_)
    probe.spec.template = template
    statefulset.RESOURCE.strategy.default(probe)
    return data_bytes(revision_data(probe.spec.template))


def surplus_revisions(set_: StatefulSet, history: History, in_use: Collection[str]) -> tuple[DropRevision, ...]:
    """The oldest revisions that are not `in_use`, by a pod's label, beyond revisionHistoryLimit.

    The limit is 10 by default; a negative one keeps all.
    """
    limit = set_.spec.revision_history_limit if set_.spec.revision_history_limit is not None else 10
    if limit < 0:
        return ()
    live = (history.current.metadata.name, history.update.metadata.name)
    names = (revision.metadata.name for revision in history.known)
    unused = [name for name in names if name not in live and name not in in_use]
    return tuple(DropRevision(name) for name in unused[: max(0, len(unused) - limit)])
