"""Fetches what a preview looks at, through the client port. Reads only."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from petset.api.errors import Forbidden, NotFound
from petset.api.meta import Key, controller_of
from petset.api.selectors import selector_of
from petset.api.types import (
    ControllerRevision,
    Object,
    PersistentVolumeClaim,
    Pod,
    Service,
    StatefulSet,
    StorageClass,
)
from petset.cli.applying import Target
from petset.cli.preview.situation import UID_TO_COME, Neighbours, Situation
from petset.client.interface import Client
from petset.controllers.statefulset.model import Observed
from petset.controllers.statefulset.names import claim_may_belong_to

T = TypeVar("T", bound=Object)


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is in a namespace, and the storage classes; None where reading is forbidden."""

    pods: tuple[Pod, ...]
    claims: tuple[PersistentVolumeClaim, ...]
    revisions: tuple[ControllerRevision, ...]
    services: tuple[Service, ...] | None
    classes: tuple[StorageClass, ...] | None


async def live_set(client: Client, key: Key) -> StatefulSet | None:
    """The set as it is, None when there is none."""
    try:
        return await client.get(StatefulSet, key.name, key.namespace)
    except NotFound:
        return None


async def stock(client: Client, namespace: str) -> Stock:
    """Everything that sets of a namespace have to do with. Raises StatusError."""
    return Stock(
        pods=tuple((await client.list(Pod, namespace)).items),
        claims=tuple((await client.list(PersistentVolumeClaim, namespace)).items),
        revisions=tuple((await client.list(ControllerRevision, namespace)).items),
        services=await _if_permitted(client, Service, namespace),
        classes=await _if_permitted(client, StorageClass, ""),
    )


async def _if_permitted(client: Client, kind: type[T], namespace: str) -> tuple[T, ...] | None:
    try:
        return tuple((await client.list(kind, namespace)).items)
    except Forbidden:
        return None


# --- putting it together, pure ----------------------------------------------------------------------------------------


def situation(new: StatefulSet, live: StatefulSet | None, there: Stock, around: Neighbours, now: datetime) -> Situation:
    """The new set among what there is. Raises SelectorError for a selector that is none."""
    if live is None:
        new.metadata.uid = UID_TO_COME
    uid, selector = new.metadata.uid, selector_of(new.spec.selector)
    revisions = [revision for revision in there.revisions if selector.matches(revision.metadata.labels)]
    templates = {template.metadata.name for template in new.spec.volume_claim_templates}
    may_belong = {(template, new.metadata.name) for template in templates}
    claims = (c for c in there.claims if not may_belong.isdisjoint(claim_may_belong_to(c.metadata.name)))
    observed = Observed(
        set=new,
        pods=_controlled_by(uid, there.pods),
        revisions=_controlled_by(uid, revisions),
        claims={claim.metadata.name: claim for claim in claims},
        now=now,
        orphans=_controlled_by("", there.pods),
        orphan_revisions=_controlled_by("", revisions),
    )
    return Situation(observed, live, around)


def _controlled_by(uid: str, objects: Iterable[T]) -> tuple[T, ...]:
    """Those that the owner of a uid controls; without a uid, those that nobody does."""
    return tuple(obj for obj in objects if _owner(obj) == uid)


def _owner(obj: Object) -> str:
    owner = controller_of(obj)
    return owner.uid if owner is not None else ""


def neighbours(there: Stock, others: Iterable[Target], uid: str, *, petset: bool) -> Neighbours:
    """What a set refers to: what there is and what the manifests bring along."""
    brought = list(others)
    services, classes = there.services, there.classes
    coming = {target.key.name for target in brought if target.resource.type is Service}
    new_classes = {t.key.name: _class_of(t) for t in brought if t.resource.type is StorageClass}
    return Neighbours(
        services=frozenset(s.metadata.name for s in services) | coming if services is not None else None,
        classes={c.metadata.name: c for c in classes} | new_classes if classes is not None else None,
        taken=frozenset(pod.metadata.name for pod in there.pods if _owner(pod) not in ("", uid)),
        petset=petset,
    )


def _class_of(target: Target) -> StorageClass:
    made = StorageClass(provisioner=str(target.tree.get("provisioner") or ""))
    made.metadata.name = target.key.name
    annotations = target.tree["metadata"].get("annotations") or {}
    made.metadata.annotations = {str(key): str(value) for key, value in annotations.items()}
    return made
