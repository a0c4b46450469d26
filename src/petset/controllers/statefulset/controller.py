"""Events to keys, keys to runs: when the StatefulSet controller looks at a set."""

import logging

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.meta import Key, controller_of, is_terminating, key_of
from petset.api.selectors import SelectorError, selector_of
from petset.api.types import OwnerReference, PersistentVolumeClaim, Pod, StatefulSet
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites
from petset.controllers.statefulset.act import Actor
from petset.controllers.statefulset.events import WaitEvents
from petset.controllers.statefulset.ledgers import Ledgers
from petset.controllers.statefulset.names import claim_may_belong_to, set_name_of
from petset.controllers.statefulset.observe import Observer
from petset.controllers.statefulset.plan import plan
from petset.controllers.statefulset.status import only_counts

log = logging.getLogger(__name__)

NAME = "statefulset-controller"
SETS_AT_ONCE = 32
"""A run waits for the server most of the time, and what many write at once becomes durable together."""


class StatefulSetController:
    """The controller of apps/v1 StatefulSets. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._observer = observer = Observer(informers, clock)
        self._ledgers = Ledgers(observer)
        self._clock = clock
        reads = (observer.sets, observer.pods, observer.claims, observer.revisions)
        self._writes: SeenWrites[Key] = SeenWrites(*reads)
        self._actor = Actor(client, recorder, self._writes, clock)
        self._wait_events = WaitEvents(recorder, clock)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        observer.sets.add_handlers(self._set_appeared, self._set_changed, self._set_appeared)
        observer.pods.add_handlers(self._pod_appeared, self._pod_changed, self._pod_gone)
        observer.claims.add_handlers(on_delete=self._claim_gone)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads, workers=SETS_AT_ONCE)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    async def _reconcile(self, key: Key) -> Result:
        await self._writes.settled(key)
        began = self._clock.monotonic()
        try:
            seen = self._observer.outline(key)
        except SelectorError as error:
            log.warning("%s: %s: %s", NAME, key, error)
            return DONE
        if seen is None:
            self._writes.forget(key)
            self._ledgers.forget(key)
            self._actor.forget(key)
            self._wait_events.forget(key)
            return DONE
        decided = self._ledgers.plan(seen) or plan(self._observer.observe(key) or seen)
        status_due = await self._actor.carry_out(seen.set, decided)
        look_again = decided.look_again
        if look_again is not None:
            look_again = max(0.0, look_again - (self._clock.monotonic() - began))
        patience = self._wait_events.note(seen.set, decided)
        return Result(min((t for t in (status_due, look_again, patience) if t is not None), default=None))

    # --- which sets a change concerns, and how soon -------------------------------------------------------------------

    def _set_appeared(self, set_: StatefulSet) -> None:
        self._queue.add(key_of(set_))

    def _set_changed(self, old: StatefulSet, new: StatefulSet) -> None:
        self._enqueue(new, can_wait=was_only_counted(old, new))

    def _pod_appeared(self, pod: Pod) -> None:
        owner = controller_of(pod)
        if owner is not None:
            self._enqueue_owner(pod, owner, can_wait=is_new(pod))
        elif not is_terminating(pod):
            self._enqueue_matching(pod)

    def _pod_changed(self, old: Pod, new: Pod) -> None:
        old_owner, owner = controller_of(old), controller_of(new)
        released = old_owner is not None and old_owner != owner
        if released and old_owner is not None:
            self._enqueue_owner(old, old_owner)
        if owner is not None:
            if not was_only_placed(old, new):
                self._enqueue_owner(new, owner, can_wait=only_goes_on_ending(old, new))
        elif released or old.metadata.labels != new.metadata.labels:
            self._enqueue_matching(new)

    def _pod_gone(self, pod: Pod) -> None:
        """Its name is free again, too: another pod of that name, an earlier set's or a stranger, was in the way.

        Upstream leaves that to the next retry, which can be many minutes away.
        """
        owner = controller_of(pod)
        if owner is not None:
            self._enqueue_owner(pod, owner)
        set_ = self._observer.sets.get(pod.metadata.namespace, set_name_of(pod.metadata.name) or "")
        if set_ is not None:
            self._queue.add(key_of(set_))

    def _enqueue_owner(self, pod: Pod, owner: OwnerReference, *, can_wait: bool = False) -> None:
        if owner.kind != "StatefulSet":
            return
        set_ = self._observer.sets.get(pod.metadata.namespace, owner.name)
        if set_ is not None and set_.metadata.uid == owner.uid:
            self._enqueue(set_, can_wait=can_wait)

    def _enqueue(self, set_: StatefulSet, *, can_wait: bool) -> None:
        """What only changes the counters of a set can wait until they may be written again."""
        key = key_of(set_)
        self._queue.add_after(key, self._actor.pause(key) if can_wait else 0.0)

    def _enqueue_matching(self, pod: Pod) -> None:
        """An orphan concerns every set that could adopt it."""
        for set_ in self._observer.sets.list(pod.metadata.namespace):
            if _selects(set_, pod):
                self._queue.add(key_of(set_))

    def _claim_gone(self, claim: PersistentVolumeClaim) -> None:
        """A claim that was in the way is so no longer. Upstream waits for the next event or resync of the set."""
        namespace = claim.metadata.namespace
        for template, name in claim_may_belong_to(claim.metadata.name):
            set_ = self._observer.sets.get(namespace, name)
            if set_ is not None and any(t.metadata.name == template for t in set_.spec.volume_claim_templates):
                self._queue.add(key_of(set_))


def was_only_counted(old: StatefulSet, new: StatefulSet) -> bool:
    """Whether all that happened to a set is that its pods were counted anew, which no decision reads."""
    return (
        old.spec == new.spec
        and old.metadata.generation == new.metadata.generation
        and old.metadata.labels == new.metadata.labels
        and is_terminating(old) == is_terminating(new)
        and only_counts(old, new.status)
    )


def is_new(pod: Pod) -> bool:
    """Whether nothing has become of a pod yet: like one that is missing it is waited for."""
    return pod.status.phase == "Pending" and not pod.status.conditions and not is_terminating(pod)


def only_goes_on_ending(old: Pod, new: Pod) -> bool:
    """Whether all that happened to a pod is on its way to being gone, which is all that anybody waits for."""
    return (
        is_terminating(new)
        and new.metadata.labels == old.metadata.labels
        and new.metadata.owner_references == old.metadata.owner_references
    )


def was_only_placed(old: Pod, new: Pod) -> bool:
    """Whether all that happened to a new pod is that it got a node, which no decision looks at."""
    return (
        bool(new.spec.node_name)
        and not old.spec.node_name
        and not old.status.conditions
        and new.status.phase == old.status.phase == "Pending"
        and not new.status.container_statuses
        and not new.status.init_container_statuses
        and new.metadata.labels == old.metadata.labels
        and new.metadata.owner_references == old.metadata.owner_references
        and not is_terminating(new)
    )


def _selects(set_: StatefulSet, pod: Pod) -> bool:
    """Whether the set could adopt the pod. An empty selector, which no server accepts, selects nothing here."""
    try:
        selector = selector_of(set_.spec.selector)
    except SelectorError:
        return False
    return not selector.empty and selector.matches(pod.metadata.labels)
