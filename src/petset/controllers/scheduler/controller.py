"""When the scheduler looks at a pod, and how its decision is written."""

from collections.abc import Iterable

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import Conflict, NotFound, StatusError
from petset.api.meta import Key, copy, is_terminating, key_of, set_condition
from petset.api.types import (
    Binding,
    Node,
    ObjectMeta,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    Pod,
    PodCondition,
    StorageClass,
)
from petset.client.informer import InformerFactory
from petset.client.interface import Client, ConnectionLost
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from
from petset.controllers.scheduler.model import AwaitVolumes, Bind, Observed, SelectNode, Wait
from petset.controllers.scheduler.plan import plan
from petset.controllers.scheduler.usage import Totals, counts, needs_of
from petset.controllers.volumes.binder import FREE_INDEX, free_class
from petset.controllers.volumes.use import CLAIM_INDEX, by_claim, claim_names
from petset.kinds.persistentvolumeclaim import storage_class_name

NAME = "default-scheduler"
PATIENCE = 5.0
"""Seconds that binding a pod's volumes may take before the pod says that it waits for them."""


def needs_node(pod: Pod) -> bool:
    """Whether this scheduler is to find a node for the pod."""
    mine = (pod.spec.scheduler_name or NAME) == NAME
    return mine and not pod.spec.node_name and not is_terminating(pod) and pod.status.phase == "Pending"


def what_fits(node: Node) -> tuple[object, ...]:
    """Everything about a node that decides what fits on it."""
    return node.spec, node.metadata.labels, node.status.allocatable, node.status.capacity


class Scheduler:
    """Binds pods to nodes. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._totals = Totals()
        self._pods = informers.informer(Pod, indexes={CLAIM_INDEX: by_claim})
        self._nodes = informers.informer(Node)
        self._claims = informers.informer(PersistentVolumeClaim)
        self._volumes = informers.informer(PersistentVolume, indexes={FREE_INDEX: free_class})
        self._classes = informers.informer(StorageClass)
        self._writes: SeenWrites[Key] = SeenWrites(self._pods, self._claims)
        self._waiting: set[Key] = set()
        self._awaiting: dict[Key, float] = {}
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._pods.add_handlers(self._pod_changed, self._pod_updated, self._pod_gone)
        enqueue_from(self._claims, self._queue, self._pods_of)
        self._nodes.add_handlers(lambda _: self._retry_waiting(), self._node_changed)
        self._volumes.add_handlers(self._volume_changed, lambda _, volume: self._volume_changed(volume))
        enqueue_from(self._classes, self._queue, lambda _: tuple(self._waiting))
        reads = (self._pods, self._nodes, self._claims, self._volumes, self._classes)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _pod_changed(self, pod: Pod) -> None:
        if counts(pod):
            self._totals.put(pod.metadata.uid, pod.spec.node_name or "", needs_of(pod))
        elif needs_node(pod):
            self._queue.add(key_of(pod))
        elif pod.status.phase in ("Failed", "Succeeded"):
            self._totals.remove(pod.metadata.uid)
            self._retry_waiting()

    def _pod_updated(self, old: Pod, new: Pod) -> None:
        """A pod on its node takes up what it did before, unless its spec changes or it ends."""
        if not (counts(old) and counts(new) and old.spec == new.spec):
            self._pod_changed(new)

    def _pod_gone(self, pod: Pod) -> None:
        self._totals.remove(pod.metadata.uid)
        self._forget(key_of(pod))
        self._retry_waiting()

    def _node_changed(self, old: Node, new: Node) -> None:
        """A node reports all the time; few reports change what fits on it."""
        if what_fits(old) != what_fits(new):
            self._retry_waiting()

    def _volume_changed(self, volume: PersistentVolume) -> None:
        if tuple(free_class(volume)):
            self._retry_waiting()

    def _forget(self, key: Key) -> None:
        self._waiting.discard(key)
        self._awaiting.pop(key, None)

    def _retry_waiting(self) -> None:
        for key in self._waiting:
            self._queue.add(key)

    def _pods_of(self, claim: PersistentVolumeClaim) -> Iterable[Key]:
        pods = self._pods.by_index(CLAIM_INDEX, f"{claim.metadata.namespace}/{claim.metadata.name}")
        return (key_of(pod) for pod in pods if needs_node(pod))

    async def _reconcile(self, key: Key) -> Result:
        await self._writes.settled(key)
        pod = self._pods.get(key.namespace, key.name)
        if pod is None or not needs_node(pod) or pod.metadata.uid in self._totals:
            self._forget(key)
            return DONE
        self._waiting.add(key)
        match plan(self._observe(pod)):
            case Bind(node):
                await self._bind(pod, node)
            case SelectNode(_, claims):
                for claim in claims:
                    self._writes.wrote(key, await self._client.update(claim))
            case AwaitVolumes(message):
                return await self._await_volumes(key, pod, message)
            case Wait(message):
                await self._report(key, pod, message)
        return DONE

    def _observe(self, pod: Pod) -> Observed:
        namespace = pod.metadata.namespace
        claims = {name: self._claims.get(namespace, name) for name in claim_names(pod)}
        bound = [claim.spec.volume_name for claim in claims.values() if claim is not None and claim.spec.volume_name]
        unbound = {storage_class_name(c) for c in claims.values() if c is not None and not c.spec.volume_name}
        nodes = tuple(self._nodes.list())
        return Observed(
            pod=pod,
            nodes=nodes,
            usage={node.metadata.name: self._totals.on(node.metadata.name) for node in nodes},
            claims=claims,
            volumes={name: volume for name in bound if (volume := self._volumes.get("", name)) is not None},
            classes={class_.metadata.name: class_ for class_ in self._classes.list()},
            free={class_: tuple(self._volumes.by_index(FREE_INDEX, class_)) for class_ in unbound},
        )

    async def _bind(self, pod: Pod, node: str) -> None:
        meta = pod.metadata
        binding = Binding(
            metadata=ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            target=ObjectReference(kind="Node", name=node),
        )
        # Others decide while the server answers: the place is taken from now on.
        self._totals.put(meta.uid, node, needs_of(pod))
        try:
            await self._client.create_subresource(Pod, meta.name, meta.namespace, "binding", binding)
        except (StatusError, ConnectionLost) as error:
            self._withdraw(pod)
            if isinstance(error, NotFound | Conflict):
                return
            raise
        self._forget(key_of(pod))
        text = f"Successfully assigned {meta.namespace}/{meta.name} to {node}"
        self._recorder.event(pod, "Normal", "Scheduled", text)

    def _withdraw(self, pod: Pod) -> None:
        """Takes back a promise that came to nothing, unless the pod is on a node after all."""
        known = self._pods.get(pod.metadata.namespace, pod.metadata.name)
        if known is None or known.metadata.uid != pod.metadata.uid or not counts(known):
            self._totals.remove(pod.metadata.uid)

    async def _await_volumes(self, key: Key, pod: Pod, message: str) -> Result:
        began = self._awaiting.setdefault(key, self._clock.monotonic())
        left = began + PATIENCE - self._clock.monotonic()
        if left > 0:
            return Result(look_again=left)
        await self._report(key, pod, message)
        return DONE

    async def _report(self, key: Key, pod: Pod, message: str) -> None:
        fresh = copy(pod)
        gated = bool(pod.spec.scheduling_gates)
        reason = "SchedulingGated" if gated else "Unschedulable"
        condition = PodCondition(type="PodScheduled", status="False", reason=reason, message=message)
        if not set_condition(fresh.status.conditions, condition, self._clock.now()):
            return
        if not gated:
            self._recorder.event(pod, "Warning", "FailedScheduling", message)
        try:
            self._writes.wrote(key, await self._client.update(fresh, "status"))
        except NotFound:
            return
