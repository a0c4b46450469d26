"""A node whose pods are ready as soon as they have it, and gone as soon as they are to go."""

from petset.aio.queue import KeyedQueue
from petset.api.errors import Conflict, NotFound
from petset.api.meta import Key, copy, is_pod_ready, is_terminating, key_of, set_condition
from petset.api.types import Binding, DeleteOptions, ObjectMeta, ObjectReference, Pod, PodCondition
from petset.controllers.runtime import DONE, Controller, Result, enqueue_from
from tests.unit.controllers.toycluster import ToyCluster

NODE = "node-1"


class ToyNode:
    """Scheduler and kubelet in one."""

    def __init__(self, cluster: ToyCluster) -> None:
        self._client = cluster.client
        self._clock = cluster.clock
        self._pods = cluster.informers.informer(Pod)
        self._queue: KeyedQueue[Key] = KeyedQueue("node", cluster.clock)
        enqueue_from(self._pods, self._queue, lambda pod: (key_of(pod),))
        self._loop = Controller("node", self._queue, self._reconcile, reads=(self._pods,))

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    async def _reconcile(self, key: Key) -> Result:
        pod = self._pods.get(key.namespace, key.name)
        if pod is None:
            return DONE
        try:
            await self._step(pod)
        except (NotFound, Conflict):
            return DONE
        return DONE

    async def _step(self, pod: Pod) -> None:
        meta = pod.metadata
        if is_terminating(pod):
            await self._client.delete(Pod, meta.name, meta.namespace, DeleteOptions(grace_period_seconds=0))
        elif not pod.spec.node_name:
            target = ObjectReference(kind="Node", name=NODE)
            binding = Binding(metadata=ObjectMeta(name=meta.name, namespace=meta.namespace), target=target)
            await self._client.create_subresource(Pod, meta.name, meta.namespace, "binding", binding)
        elif not is_pod_ready(pod):
            ready = copy(pod)
            ready.status.phase = "Running"
            set_condition(ready.status.conditions, PodCondition(type="Ready", status="True"), self._clock.now())
            await self._client.update(ready, "status")
