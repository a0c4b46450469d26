"""ResourceQuota as admission enforces it: what a namespace uses is counted with every accepted write, in memory.

Two creates at the same time cannot both take the last place, since nothing is awaited between the look and the count.
A namespace without a quota costs one look into a dictionary. Who reads `status.used` reads what the quota controller
counted. The first quota of a namespace waits until everything there is counted, a little at a time.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from petset.api.errors import Forbidden
from petset.api.resources import Resource
from petset.api.types import Object, Pod, ResourceQuota
from petset.apiserver.registry import Registry
from petset.kinds.quota.ledger import Ledger
from petset.kinds.quota.usage import UNCOUNTED, Charge, charge_of

Undo = Callable[[], None]

AT_ONCE = 50
"""Objects that are counted before others have their turn: about 5 ms."""


def _nothing() -> None:
    return None


@dataclass(slots=True)
class _Ahead:
    """A namespace that has no quota yet, and what is in it."""

    namespace: str
    ledger: Ledger = field(default_factory=Ledger)
    is_complete: bool = False


class _Write(NamedTuple):
    """A write that was accepted: its revision, and what it is about."""

    revision: int
    resource: Resource[Any]
    name: str


class Quotas:
    """The ledgers of all namespaces that have a quota. The store has to be open: what is in it is counted at once."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._ledgers: dict[str, Ledger] = {}
        self._ahead: _Ahead | None = None
        self._one_at_a_time = asyncio.Lock()
        self._unsettled: deque[_Write] = deque()
        for quota in registry.all(ResourceQuota):
            self._open(quota)

    async def count_ahead(self, namespace: str) -> None:
        """Counts what is in a namespace that has no quota, for one that may follow at once. Others go on meanwhile."""
        if namespace in self._ledgers:
            return
        async with self._one_at_a_time:
            if namespace in self._ledgers or self._is_ahead(namespace):
                return
            ahead = self._ahead = _Ahead(namespace)
            await self._count_all(namespace, ahead.ledger)
            ahead.is_complete = True

    def take(self, resource: Resource[Any], obj: Object, old: Object | None) -> Undo:
        """Counts the new state of an object, whose decided write follows. Raises Forbidden.

        The returned function takes the count back, for a write that is not carried out.
        """
        self._note(resource, obj)
        ledger = self._ledger(obj.metadata.namespace)
        undo = self._count(ledger, resource, obj, old) if ledger is not None else _nothing
        if not isinstance(obj, ResourceQuota):
            return undo
        self._open(obj)

        def take_back() -> None:
            self._reopen(obj, old)
            undo()

        return take_back

    def release(self, resource: Resource[Any], obj: Object) -> None:
        """Counts an object no longer."""
        self._note(resource, obj)
        ledger = self._ledger(obj.metadata.namespace)
        if ledger is None:
            return
        ledger.put((resource.collection, obj.metadata.name), None)
        if isinstance(obj, ResourceQuota):
            self._reopen(obj, None)

    def recount(self) -> None:
        """Counts anew what may not have become durable; whatever else there is was not lost."""
        unsettled, self._unsettled = self._unsettled, deque()
        for write in unsettled:
            self._count_again(write.resource, write.name)

    def _note(self, resource: Resource[Any], obj: Object) -> None:
        """Remembers a write that follows until it is durable."""
        store, meta = self._registry.store, obj.metadata
        while self._unsettled and self._unsettled[0].revision <= store.revision:
            self._unsettled.popleft()
        while self._unsettled and self._unsettled[-1].revision > store.accepted:  # it was refused, or only tried
            self._unsettled.pop()
        if _can_be_counted(resource):
            self._unsettled.append(_Write(store.accepted + 1, resource, resource.key(meta.namespace, meta.name)))

    def _count_again(self, resource: Resource[Any], key: str) -> None:
        namespace, _, name = key.partition("/")
        newest = self._registry.store.newest(self._registry.collection(resource), key)
        obj = self._registry.decode(resource, newest.value) if newest is not None else None
        if isinstance(obj, ResourceQuota):
            self._open(obj)
        elif resource.type is ResourceQuota:
            self._close(namespace, name)
        ledger = self._ledger(namespace)
        if ledger is not None:
            ledger.put((resource.collection, name), charge_of(resource, obj) if obj is not None else None)

    def _ledger(self, namespace: str) -> Ledger | None:
        ledger = self._ledgers.get(namespace)
        if ledger is None and self._ahead is not None and self._ahead.namespace == namespace:
            return self._ahead.ledger
        return ledger

    def _is_ahead(self, namespace: str) -> bool:
        ahead = self._ahead
        return ahead is not None and ahead.namespace == namespace and ahead.is_complete

    def _count(self, ledger: Ledger, resource: Resource[Any], obj: Any, old: Any | None) -> Undo:
        place = (resource.collection, obj.metadata.name)
        before = ledger.charge(place)
        charge = charge_of(resource, obj)
        if old is None and before is not None:  # the name is taken, which is told to who has room for one more
            _refuse_excess(ledger, resource, obj, charge, None)
            return _nothing
        if charge == before:
            return _nothing
        if _is_enforced(obj, old, charge, before):
            _refuse_excess(ledger, resource, obj, charge, before)
        ledger.put(place, charge)
        return lambda: _restore(ledger, place, before)

    def _open(self, quota: ResourceQuota) -> None:
        namespace = quota.metadata.namespace
        ledger = self._ledgers.get(namespace)
        if ledger is None:
            ledger = self._ledgers[namespace] = self._first(namespace)
            resource = self._registry.catalogue.of(ResourceQuota)
            ledger.put((resource.collection, quota.metadata.name), charge_of(resource, quota))
        ledger.open(quota)

    def _reopen(self, quota: ResourceQuota, old: Object | None) -> None:
        """Goes on with the old state of a quota, or without it."""
        if isinstance(old, ResourceQuota):
            self._ledgers[quota.metadata.namespace].open(old)
        else:
            self._close(quota.metadata.namespace, quota.metadata.name)

    def _close(self, namespace: str, name: str) -> None:
        ledger = self._ledgers.get(namespace)
        if ledger is not None:
            ledger.close(name)
            if not ledger:
                del self._ledgers[namespace]

    def _first(self, namespace: str) -> Ledger:
        """A ledger of what is in the namespace."""
        if self._ahead is not None and self._is_ahead(namespace):
            ledger, self._ahead = self._ahead.ledger, None
            return ledger
        ledger = Ledger()
        for resource, name in self._places(namespace):
            self._count_stored(ledger, resource, name)
        return ledger

    async def _count_all(self, namespace: str, ledger: Ledger) -> None:
        """The same with pauses; what is written meanwhile is counted with its write."""
        for number, (resource, name) in enumerate(list(self._places(namespace)), 1):
            self._count_stored(ledger, resource, name)
            if not number % AT_ONCE:
                await self._registry.clock.sleep(0)

    def _places(self, namespace: str) -> Iterator[tuple[Resource[Any], str]]:
        """Everything in the namespace that can be counted, by its key, also what is not durable yet."""
        registry, prefix = self._registry, f"{namespace}/"
        for resource in registry.catalogue.resources:
            if resource.view is None and _can_be_counted(resource):
                for record in registry.store.scan(registry.collection(resource), prefix):
                    yield resource, record.name
        for write in self._unsettled:
            if write.name.startswith(prefix):
                yield write.resource, write.name

    def _count_stored(self, ledger: Ledger, resource: Resource[Any], name: str) -> None:
        newest = self._registry.store.newest(self._registry.collection(resource), name)
        if newest is not None:
            obj = self._registry.decode(resource, newest.value)
            ledger.put((resource.collection, obj.metadata.name), charge_of(resource, obj))


def _can_be_counted(resource: Resource[Any]) -> bool:
    return resource.namespaced and resource.type not in UNCOUNTED


def _refuse_excess(ledger: Ledger, resource: Resource[Any], obj: Object, charge: Charge, before: Charge | None) -> None:
    why = ledger.refusal(resource, obj, charge, before)
    if why:
        raise Forbidden.of(resource.group, resource.plural, obj.metadata.name, why)


def _restore(ledger: Ledger, place: tuple[str, str], before: Charge | None) -> None:
    ledger.put(place, before)


def _is_enforced(obj: Any, old: Any | None, charge: Charge, before: Charge | None) -> bool:
    """Whether a quota may refuse the write: a new object, or a spec that asks for more.

    What a status tells has happened already. A pod's spec counts again only when it falls under other scopes.
    """
    if old is None:
        return True
    if isinstance(obj, Pod):
        return before is not None and charge.scopes != before.scopes
    return hasattr(obj, "spec") and obj.spec != old.spec
