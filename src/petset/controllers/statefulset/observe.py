"""Reads what a decision needs: from the informers, never from the server."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from petset.aio.clock import Clock
from petset.api.meta import Key, controller_of
from petset.api.selectors import Selector, selector_of
from petset.api.types import ControllerRevision, Object, PersistentVolumeClaim, Pod, StatefulSet
from petset.client.cache import by_controller_uid
from petset.client.informer import Informer, InformerFactory
from petset.controllers.statefulset.model import Observed
from petset.controllers.statefulset.names import claim_may_belong_to, set_name_of

CONTROLLER_INDEX = "controller"
ORPHAN_INDEX = "orphans"
SET_INDEX = "orphans by set"


def orphan_namespace(obj: Object) -> Iterable[str]:
    """Index function: the namespace of an object that nobody controls."""
    return (obj.metadata.namespace,) if controller_of(obj) is None else ()


def orphan_of_set(pod: Pod) -> Iterable[str]:
    """Index function: the set, as namespace and name, that a pod which nobody controls could belong to by its name."""
    name = set_name_of(pod.metadata.name) if controller_of(pod) is None else None
    return (f"{pod.metadata.namespace}/{name}",) if name is not None else ()


class ClaimsByName(Mapping[str, PersistentVolumeClaim]):
    """The claims of one namespace, as the informer shows them at every moment."""

    def __init__(self, claims: Informer[PersistentVolumeClaim], namespace: str) -> None:
        self._claims = claims
        self._namespace = namespace

    def __getitem__(self, name: str) -> PersistentVolumeClaim:
        claim = self._claims.get(self._namespace, name)
        if claim is None:
            raise KeyError(name)
        return claim

    def __iter__(self) -> Iterator[str]:
        return (claim.metadata.name for claim in self._claims.list(self._namespace))

    def __len__(self) -> int:
        return len(self._claims.list(self._namespace))


class Observer:
    """The informers of the controller, and the view of one set through them."""

    def __init__(self, informers: InformerFactory, clock: Clock) -> None:
        indexes = {CONTROLLER_INDEX: by_controller_uid, ORPHAN_INDEX: orphan_namespace}
        self.sets = informers.informer(StatefulSet)
        self.pods = informers.informer(Pod, indexes={CONTROLLER_INDEX: by_controller_uid, SET_INDEX: orphan_of_set})
        self.revisions = informers.informer(ControllerRevision, indexes=indexes)
        self.claims = informers.informer(PersistentVolumeClaim)
        self._clock = clock

    def observe(self, key: Key) -> Observed | None:
        """What there is of one set, or None when the set is gone. Raises SelectorError for a selector that is none."""
        seen = self.outline(key)
        if seen is None:
            return None
        pods = tuple(self.pods.by_index(CONTROLLER_INDEX, seen.set.metadata.uid))
        return replace(seen, pods=pods, claims={claim.metadata.name: claim for claim in self._claims(seen.set)})

    def outline(self, key: Key) -> Observed | None:
        """The same without the set's own pods, however many there are; `claims` shows those of the namespace."""
        set_ = self.sets.get(key.namespace, key.name)
        if set_ is None:
            return None
        selector = selector_of(set_.spec.selector)
        return Observed(
            set=set_,
            pods=(),
            revisions=self._revisions(selector, CONTROLLER_INDEX, set_.metadata.uid),
            claims=ClaimsByName(self.claims, key.namespace),
            now=self._clock.now(),
            orphans=tuple(self.pods.by_index(SET_INDEX, str(key))),
            orphan_revisions=self._revisions(selector, ORPHAN_INDEX, key.namespace),
        )

    def _revisions(self, selector: Selector, index: str, index_key: str) -> tuple[ControllerRevision, ...]:
        revisions = self.revisions.by_index(index, index_key)
        return tuple(revision for revision in revisions if selector.matches(revision.metadata.labels))

    def _claims(self, set_: StatefulSet) -> Iterator[PersistentVolumeClaim]:
        """By their names; a set may want more ordinals than anybody could ask for one by one."""
        own = {(template.metadata.name, set_.metadata.name) for template in set_.spec.volume_claim_templates}
        for claim in self.claims.list(set_.metadata.namespace) if own else ():
            if not own.isdisjoint(claim_may_belong_to(claim.metadata.name)):
                yield claim
