"""When the binder looks at a claim or volume, and what it then sees of it."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import NotFound
from petset.api.meta import Key, key_of
from petset.api.types import Node, PersistentVolume, PersistentVolumeClaim, StorageClass
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites
from petset.controllers.volumes.act import Actor
from petset.controllers.volumes.model import (
    BIND_COMPLETED,
    SELECTED_NODE,
    ObservedClaim,
    ObservedVolume,
    Plan,
    Tell,
    Write,
)
from petset.controllers.volumes.plan import plan_claim, plan_volume
from petset.kinds import persistentvolume
from petset.kinds.persistentvolumeclaim import storage_class_name

NAME = "persistentvolume-controller"
FREE_INDEX = "free"
CLAIMED_INDEX = "claimed"
NAMED_INDEX = "named volume"
UNBOUND_INDEX = "unbound"


class Subject(NamedTuple):
    """What a run is about."""

    what: Literal["claim", "volume"]
    key: Key

    def __str__(self) -> str:
        return f"{self.what} {self.key}"


def free_class(volume: PersistentVolume) -> Iterable[str]:
    """Index function: the class of a volume that anybody may claim."""
    free = volume.status.phase == "Available" and volume.spec.claim_ref is None
    return (persistentvolume.storage_class_name(volume),) if free else ()


def claimed_by(volume: PersistentVolume) -> Iterable[str]:
    """Index function: `namespace/claim` of a volume's claimRef."""
    ref = volume.spec.claim_ref
    return (f"{ref.namespace}/{ref.name}",) if ref is not None else ()


def named_volume(claim: PersistentVolumeClaim) -> Iterable[str]:
    """Index function: the volume a claim names."""
    return (claim.spec.volume_name,) if claim.spec.volume_name else ()


def unbound_class(claim: PersistentVolumeClaim) -> Iterable[str]:
    """Index function: the class of a claim that any volume would do for."""
    bound = BIND_COMPLETED in claim.metadata.annotations or claim.spec.volume_name
    return () if bound else (storage_class_name(claim),)


class VolumeBinder:
    """Binds claims and volumes to each other. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._client = client
        claim_indexes = {NAMED_INDEX: named_volume, UNBOUND_INDEX: unbound_class}
        self._claims = informers.informer(PersistentVolumeClaim, indexes=claim_indexes)
        volume_indexes = {FREE_INDEX: free_class, CLAIMED_INDEX: claimed_by}
        self._volumes = informers.informer(PersistentVolume, indexes=volume_indexes)
        self._classes = informers.informer(StorageClass)
        self._nodes = informers.informer(Node)
        self._writes: SeenWrites[Subject] = SeenWrites(self._claims, self._volumes)
        self._actor = Actor(client, recorder, clock, self._writes)
        self._queue: KeyedQueue[Subject] = KeyedQueue(NAME, clock)
        self._claims.add_handlers(self._claim, lambda _, new: self._claim(new), self._claim)
        self._volumes.add_handlers(self._volume, self._volume_changed, self._volume)
        self._classes.add_handlers(self._class)
        reads = (self._claims, self._volumes, self._classes, self._nodes)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    # --- what a change concerns ---------------------------------------------------------------------------------------

    def _add(self, what: Literal["claim", "volume"], key: Key) -> None:
        self._queue.add(Subject(what, key))

    def _claim(self, claim: PersistentVolumeClaim) -> None:
        key = key_of(claim)
        self._add("claim", key)
        for volume in self._volumes.by_index(CLAIMED_INDEX, str(key)):
            self._add("volume", key_of(volume))

    def _volume_changed(self, old: PersistentVolume, new: PersistentVolume) -> None:
        if old.spec.claim_ref is not None and old.spec.claim_ref != new.spec.claim_ref:
            self._claimant(old)
        self._volume(new)

    def _volume(self, volume: PersistentVolume) -> None:
        self._add("volume", key_of(volume))
        self._claimant(volume)
        for claim in self._claims.by_index(NAMED_INDEX, volume.metadata.name):
            self._add("claim", key_of(claim))
        for class_ in free_class(volume):
            self._unbound(class_)

    def _claimant(self, volume: PersistentVolume) -> None:
        ref = volume.spec.claim_ref
        if ref is not None:
            self._add("claim", Key(ref.namespace or "", ref.name or ""))

    def _class(self, class_: StorageClass) -> None:
        self._unbound(class_.metadata.name)

    def _unbound(self, class_: str) -> None:
        for claim in self._claims.by_index(UNBOUND_INDEX, class_):
            self._add("claim", key_of(claim))

    # --- runs ---------------------------------------------------------------------------------------------------------

    async def _reconcile(self, subject: Subject) -> Result:
        await self._writes.settled(subject)
        decided = await (self._decide_claim if subject.what == "claim" else self._decide_volume)(subject.key)
        if decided is None:
            self._writes.forget(subject)
            return DONE
        for action in decided.actions:
            match action:
                case Write() | Tell():
                    await self._actor.do(subject, action)
        return DONE

    async def _decide_claim(self, key: Key) -> Plan | None:
        claim = self._claims.get(key.namespace, key.name)
        if claim is None:
            return None
        class_ = storage_class_name(claim)
        free = self._volumes.by_index(FREE_INDEX, class_) if not claim.spec.volume_name else ()
        return plan_claim(
            ObservedClaim(
                claim=claim,
                storage_class=self._classes.get("", class_),
                named=self._volumes.get("", claim.spec.volume_name or ""),
                candidates=(*self._volumes.by_index(CLAIMED_INDEX, str(key)), *free),
                node=self._nodes.get("", claim.metadata.annotations.get(SELECTED_NODE, "")),
            )
        )

    async def _decide_volume(self, key: Key) -> Plan | None:
        volume = self._volumes.get("", key.name)
        if volume is None:
            return None
        return plan_volume(ObservedVolume(volume, await self._claim_of(volume)))

    async def _claim_of(self, volume: PersistentVolume) -> PersistentVolumeClaim | None:
        """The claim, from the server when the cache has none: a volume must not be released on the cache's word."""
        ref = volume.spec.claim_ref
        if ref is None or not ref.uid:
            return None
        claim = self._claims.get(ref.namespace or "", ref.name or "")
        if claim is not None and claim.metadata.uid == ref.uid:
            return claim
        if volume.status.phase in ("Released", "Failed"):
            return None
        try:
            claim = await self._client.get(PersistentVolumeClaim, ref.name or "", ref.namespace or "")
        except NotFound:
            return None
        return claim if claim.metadata.uid == ref.uid else None
