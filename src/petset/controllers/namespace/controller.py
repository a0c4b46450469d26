"""Furnishes namespaces, and empties those that are being deleted before it lets them go."""

from collections.abc import Sequence

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import AlreadyExists, Conflict, MethodNotAllowed, NotFound
from petset.api.meta import Key, copy, is_terminating, key_of
from petset.api.types import ConfigMap, Namespace, Object, ObjectMeta, ServiceAccount
from petset.client.informer import InformerFactory
from petset.client.interface import Client, ListOptions
from petset.controllers.runtime import DONE, Controller, Result, enqueue_from

NAME = "namespace-controller"
DEFAULT_ACCOUNT = "default"
ROOT_CA = "kube-root-ca.crt"
FINALIZER = "kubernetes"
LOOK_AGAIN = 1.0
"""Seconds after which a namespace that still has contents is looked at again: they end without telling us."""


class NamespaceController:
    """Keeps namespaces furnished, and ends them in order. `run` works until it is cancelled.

    `kinds` are all namespaced kinds the server has, pods first; `root_ca` is the certificate authority in PEM form.
    """

    def __init__(
        self, client: Client, informers: InformerFactory, clock: Clock, kinds: Sequence[type[Object]], root_ca: str
    ) -> None:
        self._client = client
        self._kinds = kinds
        self._root_ca = root_ca
        self._namespaces = informers.informer(Namespace)
        self._accounts = informers.informer(ServiceAccount)
        self._config_maps = informers.informer(ConfigMap)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        enqueue_from(self._namespaces, self._queue, lambda namespace: (key_of(namespace),))
        self._accounts.add_handlers(on_delete=self._lost)
        self._config_maps.add_handlers(on_update=lambda _, new: self._lost(new), on_delete=self._lost)
        reads = (self._namespaces, self._accounts, self._config_maps)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _lost(self, obj: Object) -> None:
        if obj.metadata.name in (DEFAULT_ACCOUNT, ROOT_CA):
            self._queue.add(Key("", obj.metadata.namespace))

    async def _reconcile(self, key: Key) -> Result:
        namespace = self._namespaces.get("", key.name)
        if namespace is None:
            return DONE
        if is_terminating(namespace):
            return await self._end(namespace)
        await self._furnish(key.name)
        return DONE

    # --- life ---------------------------------------------------------------------------------------------------------

    async def _furnish(self, name: str) -> None:
        """The account last: from then on there may be pods, which mount the certificate."""
        known = self._config_maps.get(name, ROOT_CA)
        data = {"ca.crt": self._root_ca}
        if known is None:
            await self._create(ConfigMap(metadata=ObjectMeta(name=ROOT_CA, namespace=name), data=data))
        elif known.data != data:
            repaired = copy(known)
            repaired.data = data
            await self._client.update(repaired)
        if self._accounts.get(name, DEFAULT_ACCOUNT) is None:
            await self._create(ServiceAccount(metadata=ObjectMeta(name=DEFAULT_ACCOUNT, namespace=name)))

    async def _create(self, obj: ServiceAccount | ConfigMap) -> None:
        try:
            await self._client.create(obj)
        except AlreadyExists:
            return

    # --- death --------------------------------------------------------------------------------------------------------

    async def _end(self, namespace: Namespace) -> Result:
        """Deletes what is in it; once nothing is left, gives up the finalizer, and the server removes the namespace."""
        name = namespace.metadata.name
        left = 0
        for kind in self._kinds:
            left += await self._empty(kind, name)
        if left:
            return Result(look_again=LOOK_AGAIN)
        finalized = copy(namespace)
        finalized.spec.finalizers = [f for f in finalized.spec.finalizers if f != FINALIZER]
        try:
            await self._client.update(finalized, "finalize")
        except (NotFound, Conflict):
            return DONE
        return DONE

    async def _empty(self, kind: type[Object], namespace: str) -> int:
        """Asks for the deletion of everything of a kind; the number of objects that are still there."""
        try:
            listed = await self._client.list(kind, namespace)
            if any(not is_terminating(obj) for obj in listed.items):
                await self._client.delete_collection(kind, namespace, ListOptions())
                listed = await self._client.list(kind, namespace)
        except (NotFound, MethodNotAllowed):
            return 0
        return len(listed.items)
