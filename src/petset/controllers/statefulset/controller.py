"""Events to keys, keys to runs: when the StatefulSet controller looks at a set."""

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.meta import Key, controller_of, key_of
from petset.api.selectors import selector_of
from petset.api.types import OwnerReference, Pod, StatefulSet
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from
from petset.controllers.statefulset.act import Actor
from petset.controllers.statefulset.observe import Observer
from petset.controllers.statefulset.plan import plan

NAME = "statefulset-controller"


class StatefulSetController:
    """The controller of apps/v1 StatefulSets. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._observer = observer = Observer(informers, clock)
        self._writes: SeenWrites[Key] = SeenWrites(observer.sets, observer.pods, observer.claims)
        self._actor = Actor(client, recorder, self._writes)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        enqueue_from(observer.sets, self._queue, lambda set_: (key_of(set_),))
        observer.pods.add_handlers(self._pod_appeared, self._pod_changed, self._pod_gone)
        reads = (observer.sets, observer.pods, observer.claims, observer.revisions)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    async def _reconcile(self, key: Key) -> Result:
        await self._writes.settled(key)
        seen = self._observer.observe(key)
        if seen is None:
            self._writes.forget(key)
            return DONE
        decided = plan(seen)
        await self._actor.carry_out(seen.set, decided)
        return Result(look_again=decided.look_again)

    # --- which sets a pod concerns ------------------------------------------------------------------------------------

    def _pod_appeared(self, pod: Pod) -> None:
        owner = controller_of(pod)
        if owner is not None:
            self._enqueue_owner(pod, owner)
        else:
            self._enqueue_matching(pod)

    def _pod_changed(self, old: Pod, new: Pod) -> None:
        old_owner, owner = controller_of(old), controller_of(new)
        released = old_owner is not None and old_owner != owner
        if released and old_owner is not None:
            self._enqueue_owner(old, old_owner)
        if owner is not None:
            self._enqueue_owner(new, owner)
        elif released or old.metadata.labels != new.metadata.labels:
            self._enqueue_matching(new)

    def _pod_gone(self, pod: Pod) -> None:
        owner = controller_of(pod)
        if owner is not None:
            self._enqueue_owner(pod, owner)

    def _enqueue_owner(self, pod: Pod, owner: OwnerReference) -> None:
        if owner.kind != "StatefulSet":
            return
        set_ = self._observer.sets.get(pod.metadata.namespace, owner.name)
        if set_ is not None and set_.metadata.uid == owner.uid:
            self._queue.add(key_of(set_))

    def _enqueue_matching(self, pod: Pod) -> None:
        """An orphan concerns every set that could adopt it."""
        for set_ in self._observer.sets.list(pod.metadata.namespace):
            if _selects(set_, pod):
                self._queue.add(key_of(set_))


def _selects(set_: StatefulSet, pod: Pod) -> bool:
    return selector_of(set_.spec.selector).matches(pod.metadata.labels)
