"""Keeps claims that pods use, and volumes that claims use, from going away while they are used.

The server adds the finalizers at creation. A claim is in use while a pod that has a node refers to it, ended or not; a
volume while it is bound. Follows upstream's `pvcprotection` and `pvprotection` controllers.
"""

import asyncio
from collections.abc import Iterable

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import NotFound
from petset.api.meta import Key, copy, has_finalizer, is_terminating, remove_finalizer
from petset.api.types import PersistentVolume, PersistentVolumeClaim, Pod
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.controllers.runtime import DONE, Controller, Result
from petset.controllers.volumes.model import CLAIM_PROTECTION, VOLUME_PROTECTION
from petset.controllers.volumes.use import CLAIM_INDEX, by_claim, claim_names

NAME = "volume-protection-controller"
ENDING_INDEX = "ending"


def holds_claims(pod: Pod) -> bool:
    """Whether the pod keeps its claims: once it has a node somebody may be mounting them."""
    return bool(pod.spec.node_name)


def ending_claims(claim: PersistentVolumeClaim) -> Iterable[str]:
    """Index function: the namespace of a claim that goes away once nothing uses it."""
    ending = is_terminating(claim) and has_finalizer(claim, CLAIM_PROTECTION)
    return (claim.metadata.namespace,) if ending else ()


def is_ending(volume: PersistentVolume) -> bool:
    """Whether the volume may go away now."""
    return is_terminating(volume) and has_finalizer(volume, VOLUME_PROTECTION) and volume.status.phase != "Bound"


class VolumeProtection:
    """Removes the protection of what is no longer used. `run` works until it is cancelled.

    A key is a volume, or the namespace of claims: they share one look at the server's pods.
    """

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._pods = informers.informer(Pod, indexes={CLAIM_INDEX: by_claim})
        self._claims = informers.informer(PersistentVolumeClaim, indexes={ENDING_INDEX: ending_claims})
        self._volumes = informers.informer(PersistentVolume)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._pods.add_handlers(on_delete=self._pod_gone)
        self._claims.add_handlers(self._claim, lambda _, new: self._claim(new))
        self._volumes.add_handlers(self._volume, lambda _, new: self._volume(new))
        reads = (self._pods, self._claims, self._volumes)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _pod_gone(self, pod: Pod) -> None:
        namespace = pod.metadata.namespace
        if pod.spec.volumes and self._claims.by_index(ENDING_INDEX, namespace):
            self._queue.add(Key(namespace, ""))

    def _claim(self, claim: PersistentVolumeClaim) -> None:
        for namespace in ending_claims(claim):
            self._queue.add(Key(namespace, ""))

    def _volume(self, volume: PersistentVolume) -> None:
        if is_ending(volume):
            self._queue.add(Key("", volume.metadata.name))

    async def _reconcile(self, key: Key) -> Result:
        if not key.namespace:
            volume = self._volumes.get("", key.name)
            if volume is not None and is_ending(volume):
                await self._release(volume, VOLUME_PROTECTION)
            return DONE
        unused = [claim for claim in self._claims.by_index(ENDING_INDEX, key.namespace) if not self._is_used(claim)]
        if not unused:
            return DONE
        # A pod may have got its node so lately that the cache does not show it.
        listed = await self._client.list(Pod, key.namespace)
        used = {name for pod in listed.items if holds_claims(pod) for name in claim_names(pod)}
        free = [claim for claim in unused if claim.metadata.name not in used]
        await asyncio.gather(*(self._release(claim, CLAIM_PROTECTION) for claim in free))
        return DONE

    def _is_used(self, claim: PersistentVolumeClaim) -> bool:
        place = f"{claim.metadata.namespace}/{claim.metadata.name}"
        return any(holds_claims(pod) for pod in self._pods.by_index(CLAIM_INDEX, place))

    async def _release(self, obj: PersistentVolume | PersistentVolumeClaim, finalizer: str) -> None:
        released = copy(obj)
        remove_finalizer(released, finalizer)
        try:
            await self._client.update(released)
        except NotFound:
            return
