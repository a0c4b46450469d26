"""When the garbage collector looks at an object, and how its decisions are written."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice
from typing import Any

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import NotFound
from petset.api.meta import copy, remove_finalizer
from petset.api.types import DeleteOptions, Object, OwnerReference, Preconditions
from petset.client.informer import Informer, InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.garbagecollector.model import (
    FOREGROUND,
    ORPHAN,
    Action,
    Delete,
    DropOwners,
    Graph,
    LetGo,
    Node,
    Observed,
    OrphanDependents,
    OwnerState,
    Policy,
    equally_placed,
    node_of,
)
from petset.controllers.garbagecollector.plan import Place, place_of, plan, state_in
from petset.controllers.runtime import DONE, Controller, Result

NAME = "garbage-collector-controller"
WORKERS = 20
REMEMBERED = 4096
"""Owners that are known to be gone; beyond that the server is asked again."""
BATCH = 100
"""Dependents that are orphaned at once."""
LOOK_AGAIN = 5.0
"""Seconds after which an object is looked at again whose owner the server has and no informer shows yet."""


class GarbageCollector:
    """Deletes objects whose owners are gone. `run` works until it is cancelled.

    `kinds` are all kinds that may own or be owned; events should not be among them, for there are many and they own
    nothing. The informers of other kinds are shared with everybody else's.
    """

    def __init__(
        self,
        client: Client,
        informers: InformerFactory,
        recorder: EventRecorder,
        clock: Clock,
        kinds: Sequence[type[Object]],
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._graph = Graph()
        self._gone: OrderedDict[str | Place, None] = OrderedDict()
        self._queue: KeyedQueue[str] = KeyedQueue(NAME, clock)
        self._informers: dict[type[Object], Informer[Any]] = {kind: informers.informer(kind) for kind in kinds}
        for informer in self._informers.values():
            informer.add_handlers(self._seen, self._changed, self._lost)
        reads = tuple(self._informers.values())
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads, workers=WORKERS)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _seen(self, obj: Object) -> None:
        for uid in self._graph.put(node_of(obj)):
            self._queue.add(uid)

    def _changed(self, old: Object, new: Object) -> None:
        """Most changes are of no consequence here."""
        if not equally_placed(old, new):
            self._seen(new)

    def _lost(self, obj: Object) -> None:
        self._remember(obj.metadata.uid)
        for uid in self._graph.remove(obj.metadata.uid):
            self._queue.add(uid)

    async def _reconcile(self, uid: str) -> Result:
        node = self._graph.get(uid)
        if node is None:
            return DONE
        obj = self._informers[node.kind].get(node.key.namespace, node.key.name)
        if obj is None or obj.metadata.uid != uid:
            return DONE
        seen = await self._observe(node)
        decided = plan(seen)
        if decided is not None:
            await self._carry_out(obj, decided)
        lagging = any(state == "living" and self._graph.get(ref.uid) is None for ref, state in seen.owners)
        return Result(look_again=LOOK_AGAIN) if lagging else DONE

    # --- observing ----------------------------------------------------------------------------------------------------

    async def _observe(self, node: Node) -> Observed:
        if not node.is_terminating:
            owners = tuple([(ref, await self._state(ref, node)) for ref in node.owners])
            return Observed(node, owners, has_dependents=self._graph.has_dependents(node.uid))
        if not node.waits_for_dependents:
            return Observed(node)
        return Observed(
            node=node,
            is_blocked=self._graph.is_blocked(node),
            waits_for_itself=self._graph.waits_for_itself(node),
        )

    async def _state(self, ref: OwnerReference, node: Node) -> OwnerState:
        place = place_of(ref, node)
        if not isinstance(place, Place):
            return place
        shown = state_in(self._graph, place)
        if shown is not None:
            return shown
        self._report_wrong_namespace(ref, node)
        if place.uid in self._gone or place in self._gone:
            return "absent"
        return await self._ask(place)

    async def _ask(self, place: Place) -> OwnerState:
        """The server's word on an owner that no informer shows where it should be."""
        try:
            owner = await self._client.get(place.kind, place.name, place.namespace)
        except NotFound:
            owner = None
        if owner is None or owner.metadata.uid != place.uid:
            self._remember(place)
            return "absent"
        return "waiting" if node_of(owner).waits_for_dependents else "living"

    def _remember(self, gone: str | Place) -> None:
        """Objects never come back: a uid is given once."""
        self._gone[gone] = None
        self._gone.move_to_end(gone)
        if len(self._gone) > REMEMBERED:
            self._gone.popitem(last=False)

    def _report_wrong_namespace(self, ref: OwnerReference, node: Node) -> None:
        owner = self._graph.get(ref.uid)
        if owner is None or owner.key.namespace in ("", node.key.namespace):
            return
        place = f"namespace: {node.key.namespace}, name: {ref.name}, uid: {ref.uid}"
        text = f'ownerRef [{ref.api_version}/{ref.kind}, {place}] does not exist in namespace "{node.key.namespace}"'
        obj = self._informers[node.kind].get(node.key.namespace, node.key.name)
        if obj is not None:
            self._recorder.event(obj, "Warning", "OwnerRefInvalidNamespace", text)

    # --- acting -------------------------------------------------------------------------------------------------------

    async def _carry_out(self, obj: Object, action: Action) -> None:
        try:
            await self._do(obj, action)
        except NotFound:
            return

    async def _do(self, obj: Object, action: Action) -> None:
        match action:
            case Delete(policy):
                await self._delete(obj, policy)
            case DropOwners(uids):
                await self._client.update(without_owners(obj, uids))
            case OrphanDependents():
                await self._orphan(obj.metadata.uid)
                await self._let_go(obj, ORPHAN)
            case LetGo():
                await self._let_go(obj, FOREGROUND)

    async def _delete(self, obj: Object, policy: Policy) -> None:
        meta = obj.metadata
        preconditions = Preconditions(uid=meta.uid, resource_version=meta.resource_version)
        options = DeleteOptions(preconditions=preconditions, propagation_policy=policy)
        await self._client.delete(type(obj), meta.name, meta.namespace, options)

    async def _orphan(self, owner: str) -> None:
        """Every dependent has to be written before the owner may go: afterwards they would count as left behind."""
        dependents = iter([*self._graph.dependents(owner)])
        while batch := [*islice(dependents, BATCH)]:
            await asyncio.gather(*(self._release(node, owner) for node in batch))

    async def _release(self, node: Node, owner: str) -> None:
        obj = self._informers[node.kind].get(node.key.namespace, node.key.name)
        if obj is None or obj.metadata.uid != node.uid:
            return
        try:
            await self._client.update(without_owners(obj, (owner,)))
        except NotFound:
            return

    async def _let_go(self, obj: Object, finalizer: str) -> None:
        free = copy(obj)
        remove_finalizer(free, finalizer)
        await self._client.update(free)


def without_owners(obj: Object, uids: Sequence[str]) -> Object:
    """A copy that no longer refers to these owners."""
    freed = copy(obj)
    freed.metadata.owner_references = [ref for ref in freed.metadata.owner_references if ref.uid not in uids]
    return freed
