"""When the status of a quota is written.

Objects are counted as they come and go, in the namespaces that have a quota and in no other; nothing is polled. What is
there when the first quota of a namespace comes is counted a little at a time, before anything is said of it.
"""

import asyncio
from typing import Any

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import NotFound
from petset.api.meta import Key, copy, key_of
from petset.api.resources import Resource
from petset.api.types import Object, ResourceQuota
from petset.client.informer import Informer, InformerFactory
from petset.client.interface import Client
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites
from petset.kinds import CATALOGUE
from petset.kinds.quota.ledger import Ledger
from petset.kinds.quota.usage import UNCOUNTED, charge_of

NAME = "resourcequota-controller"
AT_ONCE = 100
"""Objects that are counted before others have their turn: about 5 ms."""


def countable() -> list[Resource[Any]]:
    """What a quota can count: everything in a namespace that can be watched, but for events."""
    return [
        resource
        for resource in CATALOGUE.resources
        if resource.namespaced
        and resource.view is None
        and "watch" in resource.verbs
        and resource.type not in UNCOUNTED
    ]


class QuotaController:
    """Keeps `status.hard` and `status.used` true. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._resources = countable()
        self._informers: dict[str, Informer[Any]] = {r.collection: informers.informer(r.type) for r in self._resources}
        self._quotas: Informer[ResourceQuota] = informers.informer(ResourceQuota)
        self._ledgers: dict[str, Ledger] = {}
        self._uncounted: dict[str, Ledger] = {}
        self._one_at_a_time = asyncio.Lock()
        self._clock = clock
        self._writes: SeenWrites[Key] = SeenWrites(self._quotas)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._quotas.add_handlers(self._quota_seen, self._quota_updated, self._quota_gone)
        for resource in self._resources:
            self._follow(resource)
        reads = tuple(self._informers.values())
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _follow(self, resource: Resource[Any]) -> None:
        def seen(obj: Object) -> None:
            ledger = self._ledgers.get(obj.metadata.namespace)
            if ledger is not None:
                charge = charge_of(resource, obj)
                self._noticed(obj, ledger.put((resource.collection, obj.metadata.name), charge))

        def gone(obj: Object) -> None:
            ledger = self._ledgers.get(obj.metadata.namespace)
            if ledger is not None:
                self._noticed(obj, ledger.put((resource.collection, obj.metadata.name), None))

        self._informers[resource.collection].add_handlers(seen, lambda _, new: seen(new), gone)

    def _noticed(self, obj: Object, quotas: list[str]) -> None:
        for name in quotas:
            self._queue.add(Key(obj.metadata.namespace, name))

    # --- quotas -------------------------------------------------------------------------------------------------------

    def _quota_seen(self, quota: ResourceQuota) -> None:
        namespace = quota.metadata.namespace
        ledger = self._ledgers.get(namespace)
        if ledger is None:
            ledger = self._ledgers[namespace] = self._uncounted[namespace] = Ledger()
        ledger.open(quota)
        self._queue.add(key_of(quota))

    def _quota_updated(self, old: ResourceQuota, new: ResourceQuota) -> None:
        if old.spec != new.spec:
            self._quota_seen(new)
        elif old.status != new.status:
            self._queue.add(key_of(new))

    def _quota_gone(self, quota: ResourceQuota) -> None:
        ledger = self._ledgers[quota.metadata.namespace]
        ledger.close(quota.metadata.name)
        if not ledger:
            del self._ledgers[quota.metadata.namespace]
            self._uncounted.pop(quota.metadata.namespace, None)

    async def _count(self, namespace: str) -> None:
        """Counts what is in a namespace, if nobody has."""
        async with self._one_at_a_time:
            while (ledger := self._uncounted.get(namespace)) is not None:
                await self._count_into(ledger, namespace)
                if self._uncounted.get(namespace) is ledger:
                    del self._uncounted[namespace]

    async def _count_into(self, ledger: Ledger, namespace: str) -> None:
        places = [
            (resource, obj.metadata.name)
            for resource in self._resources
            for obj in self._informers[resource.collection].list(namespace)
        ]
        for number, (resource, name) in enumerate(places, 1):
            obj = self._informers[resource.collection].get(namespace, name)
            if obj is not None:
                ledger.put((resource.collection, name), charge_of(resource, obj))
            if not number % AT_ONCE:
                await self._clock.sleep(0)

    async def _reconcile(self, key: Key) -> Result:
        await self._writes.settled(key)
        await self._count(key.namespace)
        quota = self._quotas.get(key.namespace, key.name)
        if quota is None:
            self._writes.forget(key)
            return DONE
        used = self._ledgers[key.namespace].used(key.name, self._resources)
        if quota.status.hard == quota.spec.hard and quota.status.used == used:
            return DONE
        changed = copy(quota)
        changed.status.hard = dict(quota.spec.hard)
        changed.status.used = used
        try:
            self._writes.wrote(key, await self._client.update(changed, "status"))
        except NotFound:
            return DONE
        return DONE
