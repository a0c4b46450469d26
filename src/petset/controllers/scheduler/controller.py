"""When the scheduler looks at a pod, and how its decision is written."""

from collections.abc import Iterable

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import Conflict, NotFound
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
from petset.client.cache import by_node
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from
from petset.controllers.scheduler.model import Bind, Observed, SelectNode, Wait
from petset.controllers.scheduler.plan import plan
from petset.controllers.volumes.use import CLAIM_INDEX, by_claim, claim_names

NAME = "default-scheduler"
NODE_INDEX = "node"


def needs_node(pod: Pod) -> bool:
    """Whether this scheduler is to find a node for the pod."""
    mine = (pod.spec.scheduler_name or NAME) == NAME
    return mine and not pod.spec.node_name and not is_terminating(pod) and pod.status.phase == "Pending"


class Scheduler:
    """Binds pods to nodes. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._pods = informers.informer(Pod, indexes={NODE_INDEX: by_node, CLAIM_INDEX: by_claim})
        self._nodes = informers.informer(Node)
        self._claims = informers.informer(PersistentVolumeClaim)
        self._volumes = informers.informer(PersistentVolume)
        self._classes = informers.informer(StorageClass)
        self._writes: SeenWrites[Key] = SeenWrites(self._pods, self._claims)
        self._waiting: set[Key] = set()
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._pods.add_handlers(self._pod_changed, lambda _, pod: self._pod_changed(pod), self._pod_gone)
        enqueue_from(self._claims, self._queue, self._pods_of)
        enqueue_from(self._nodes, self._queue, lambda _: tuple(self._waiting))
        enqueue_from(self._classes, self._queue, lambda _: tuple(self._waiting))
        reads = (self._pods, self._nodes, self._claims, self._volumes, self._classes)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _pod_changed(self, pod: Pod) -> None:
        if needs_node(pod):
            self._queue.add(key_of(pod))
        elif pod.status.phase in ("Failed", "Succeeded"):
            self._retry_waiting()

    def _pod_gone(self, pod: Pod) -> None:
        self._waiting.discard(key_of(pod))
        self._retry_waiting()

    def _retry_waiting(self) -> None:
        for key in self._waiting:
            self._queue.add(key)

    def _pods_of(self, claim: PersistentVolumeClaim) -> Iterable[Key]:
        pods = self._pods.by_index(CLAIM_INDEX, f"{claim.metadata.namespace}/{claim.metadata.name}")
        return (key_of(pod) for pod in pods if needs_node(pod))

    async def _reconcile(self, key: Key) -> Result:
        await self._writes.settled(key)
        pod = self._pods.get(key.namespace, key.name)
        if pod is None or not needs_node(pod):
            self._waiting.discard(key)
            return DONE
        self._waiting.add(key)
        match plan(self._observe(pod)):
            case Bind(node):
                await self._bind(pod, node)
            case SelectNode(_, claims):
                for claim in claims:
                    self._writes.wrote(key, await self._client.update(claim))
            case Wait(message):
                await self._report(key, pod, message)
        return DONE

    def _observe(self, pod: Pod) -> Observed:
        namespace = pod.metadata.namespace
        claims = {name: self._claims.get(namespace, name) for name in claim_names(pod)}
        bound = [claim.spec.volume_name for claim in claims.values() if claim is not None and claim.spec.volume_name]
        nodes = tuple(self._nodes.list())
        return Observed(
            pod=pod,
            nodes=nodes,
            running={n.metadata.name: tuple(self._pods.by_index(NODE_INDEX, n.metadata.name)) for n in nodes},
            claims=claims,
            volumes={name: volume for name in bound if (volume := self._volumes.get("", name)) is not None},
            classes={class_.metadata.name: class_ for class_ in self._classes.list()},
        )

    async def _bind(self, pod: Pod, node: str) -> None:
        meta = pod.metadata
        binding = Binding(
            metadata=ObjectMeta(name=meta.name, namespace=meta.namespace, uid=meta.uid),
            target=ObjectReference(kind="Node", name=node),
        )
        try:
            await self._client.create_subresource(Pod, meta.name, meta.namespace, "binding", binding)
        except (NotFound, Conflict):
            return
        self._waiting.discard(key_of(pod))
        text = f"Successfully assigned {meta.namespace}/{meta.name} to {node}"
        self._recorder.event(pod, "Normal", "Scheduled", text)

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
