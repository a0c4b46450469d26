"""When a disruption budget is looked at, and how its status is written."""

from collections.abc import Iterable

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import NotFound
from petset.api.meta import Key, controller_of, copy, is_pod_ready, is_terminating, key_of
from petset.api.types import OwnerReference, Pod, PodDisruptionBudget, StatefulSet
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.disruption.model import Observed, Scale
from petset.controllers.disruption.plan import plan
from petset.controllers.disruption.selection import BUDGET_INDEX, budget_label, budgets_of, pods_of
from petset.controllers.endpoints.selection import LABEL_INDEX, by_label
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from
from petset.kinds import CATALOGUE

NAME = "disruption-controller"
PAUSE = 20.0
"""How often the time that a decision took passes before the next one about the same budget: one with thousands of pods
hears of many changes at once, a small one of each."""
LONGEST_PAUSE = 1.0
"""Seconds."""


def what_counts(pod: Pod) -> tuple[object, ...]:
    """Everything about a pod that a budget looks at."""
    owner = controller_of(pod)
    return pod.metadata.labels, owner.uid if owner else None, is_terminating(pod), is_pod_ready(pod)


class DisruptionController:
    """Keeps the status of disruption budgets true. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._pause_until: dict[Key, float] = {}
        self._budgets = informers.informer(PodDisruptionBudget, indexes={BUDGET_INDEX: budget_label})
        self._pods = informers.informer(Pod, indexes={LABEL_INDEX: by_label})
        self._sets = informers.informer(StatefulSet)
        self._writes: SeenWrites[Key] = SeenWrites(self._budgets)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        enqueue_from(self._budgets, self._queue, lambda budget: (key_of(budget),))
        self._pods.add_handlers(self._pod_changed, self._pod_updated, self._pod_changed)
        reads = (self._budgets, self._pods, self._sets)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _pod_changed(self, pod: Pod) -> None:
        for budget in self._budgets_of(pod):
            self._queue.add(key_of(budget))

    def _pod_updated(self, old: Pod, new: Pod) -> None:
        if len(self._budgets) and what_counts(old) != what_counts(new):
            self._pod_changed(old)
            self._pod_changed(new)

    def _budgets_of(self, pod: Pod) -> Iterable[PodDisruptionBudget]:
        return budgets_of(pod, self._budgets.by_index) if len(self._budgets) else ()

    async def _reconcile(self, key: Key) -> Result:
        pause = self._pause_until.get(key, 0.0) - self._clock.monotonic()
        if pause > 0:
            return Result(look_again=pause)
        await self._writes.settled(key)
        budget = self._budgets.get(key.namespace, key.name)
        if budget is None:
            self._pause_until.pop(key, None)
            self._writes.forget(key)
            return DONE
        began = self._clock.monotonic()
        decided = plan(self._observe(budget))
        ended = self._clock.monotonic()
        self._pause_until[key] = ended + min((ended - began) * PAUSE, LONGEST_PAUSE)
        for remark in decided.remarks:
            self._recorder.event(remark.about, remark.type, remark.reason, remark.message)
        if decided.status is not None:
            changed = copy(budget)
            changed.status = decided.status
            await self._write(key, changed)
        return Result(look_again=decided.look_again)

    async def _write(self, key: Key, changed: PodDisruptionBudget) -> None:
        try:
            self._writes.wrote(key, await self._client.update(changed, "status"))
        except NotFound:
            return

    def _observe(self, budget: PodDisruptionBudget) -> Observed:
        pods = pods_of(budget, self._pods.by_index, self._pods.list)
        owners = {owner.uid: owner for pod in pods if (owner := controller_of(pod)) is not None}
        namespace = budget.metadata.namespace
        scales = {uid: scale for uid, owner in owners.items() if (scale := self._scale(namespace, owner)) is not None}
        return Observed(budget, pods, scales, self._clock.now())

    def _scale(self, namespace: str, owner: OwnerReference) -> Scale | None:
        """The replicas a controller wants; None when there is no such controller."""
        if owner.kind == "StatefulSet" and owner.api_version.startswith("apps/"):
            found = self._sets.get(namespace, owner.name)
            same = found is not None and found.metadata.uid == owner.uid
            return (found.spec.replicas or 0) if found is not None and same else None
        resource = CATALOGUE.named(owner.api_version, owner.kind)
        if resource is None:
            return f'no matches for kind "{owner.kind}" in version "{owner.api_version}"'
        place = f"{resource.plural}.{resource.group}".removesuffix(".")
        return f"{place} does not implement the scale subresource"
