"""When a node's taints are looked at."""

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.meta import copy, format_time
from petset.api.types import Node
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.controllers.nodelifecycle.plan import taints_of
from petset.controllers.runtime import DONE, Controller, Result, enqueue_from

NAME = "node-controller"


class NodeLifecycle:
    """A key is a node. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._nodes = informers.informer(Node)
        self._queue: KeyedQueue[str] = KeyedQueue(NAME, clock)
        enqueue_from(self._nodes, self._queue, lambda node: (node.metadata.name,))
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=(self._nodes,), workers=1)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    async def _reconcile(self, name: str) -> Result:
        node = self._nodes.get("", name)
        if node is None:
            return DONE
        taints = taints_of(node, format_time(self._clock.now()))
        if taints != node.spec.taints:
            changed = copy(node)
            changed.spec.taints = taints
            await self._client.update(changed)
        return DONE
