"""Deletes all pods in order and returns when none is left."""

import asyncio
import logging

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import Conflict, NotFound, StatusError
from petset.api.meta import key_of
from petset.api.types import DeleteOptions, Pod, Preconditions, StatefulSet
from petset.client.informer import InformerFactory
from petset.client.interface import Client, ConnectionLost, Patch
from petset.controllers.runtime import DONE, Controller, Result, enqueue_from
from petset.controllers.shutdown.plan import WITHOUT_PODS, plan, tells_of_pods

log = logging.getLogger(__name__)

NAME = "shutdown-controller"
ALL_PODS = "all pods"


class ShutdownController:
    """Ends all pods within their grace periods. `run` returns when no pod is left and the sets' status says so.

    Nobody else is there to write the status by then, and whoever asks after the next start must not take it for new.
    """

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._pods = informers.informer(Pod)
        self._sets = informers.informer(StatefulSet)
        self._queue: KeyedQueue[str] = KeyedQueue(NAME, clock)
        enqueue_from(self._pods, self._queue, lambda _: (ALL_PODS,))
        self._queue.add(ALL_PODS)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=(self._pods, self._sets), workers=1)

    async def run(self) -> None:
        """Works until no pod is left."""
        await self._loop.run()
        await asyncio.gather(*(self._tell(set_) for set_ in self._sets.list() if tells_of_pods(set_)))

    async def _reconcile(self, _: str) -> Result:
        pods = self._pods.list()
        if not pods:
            self._queue.shut_down()
            return DONE
        await asyncio.gather(*(self._delete(pod) for pod in plan(pods, self._sets.list())))
        return DONE

    async def _tell(self, set_: StatefulSet) -> None:
        truth = Patch("merge", {"status": WITHOUT_PODS})
        try:
            await self._client.patch(StatefulSet, set_.metadata.name, set_.metadata.namespace, truth, "status")
        except (StatusError, ConnectionLost) as error:
            log.warning("the status of set %s stays as it was: %s", key_of(set_), error)

    async def _delete(self, pod: Pod) -> None:
        log.info("deleting pod %s", key_of(pod))
        only_this_one = DeleteOptions(preconditions=Preconditions(uid=pod.metadata.uid))
        try:
            await self._client.delete(Pod, pod.metadata.name, pod.metadata.namespace, only_this_one)
        except (NotFound, Conflict) as error:
            log.debug("pod %s: %s", key_of(pod), error)
