"""When Endpoints that somebody wrote are looked at, to be told as EndpointSlices."""

from collections.abc import Iterable
from functools import partial

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.meta import Key, key_of
from petset.api.types import Endpoints, EndpointSlice, Service
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.endpoints.act import carry_out
from petset.controllers.endpoints.mirroring import LARGEST_SUBSET, MANAGED_BY, is_mirrored, plan_mirror
from petset.controllers.endpoints.model import Plan
from petset.controllers.endpoints.plan import MANAGED_BY_LABEL, SERVICE_LABEL
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from

NAME = "endpointslicemirroring-controller"
MIRROR_INDEX = "slices that mirror endpoints"


def mirrored_endpoints(slice_: EndpointSlice) -> Iterable[str]:
    """Index function: `namespace/name` of the Endpoints that a slice mirrors."""
    labels = slice_.metadata.labels
    if labels.get(MANAGED_BY_LABEL) != MANAGED_BY or SERVICE_LABEL not in labels:
        return ()
    return (f"{slice_.metadata.namespace}/{labels[SERVICE_LABEL]}",)


class EndpointsMirror:
    """Keeps the slices of such Endpoints true. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, recorder: EventRecorder, clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._services = informers.informer(Service)
        self._endpoints = informers.informer(Endpoints)
        self._slices = informers.informer(EndpointSlice, indexes={MIRROR_INDEX: mirrored_endpoints})
        self._writes: SeenWrites[Key] = SeenWrites(self._slices)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        enqueue_from(self._services, self._queue, lambda service: (key_of(service),))
        enqueue_from(self._endpoints, self._queue, lambda endpoints: (key_of(endpoints),))
        enqueue_from(self._slices, self._queue, _mirrored)
        reads = (self._services, self._endpoints, self._slices)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    async def _reconcile(self, key: Key) -> Result:
        await self._writes.settled(key)
        endpoints = self._endpoints.get(key.namespace, key.name)
        decided = self._plan(key, endpoints)
        if endpoints is not None and decided.skipped:
            limit = f"A max of {LARGEST_SUBSET} addresses can be mirrored to EndpointSlices per Endpoints subset."
            text = f"{limit} {decided.skipped} addresses were skipped"
            self._recorder.event(endpoints, "Warning", "TooManyAddressesToMirror", text)
        await carry_out(self._client, decided, partial(self._writes.wrote, key))
        return DONE

    def _plan(self, key: Key, endpoints: Endpoints | None) -> Plan:
        service = self._services.get(key.namespace, key.name)
        slices = self._slices.by_index(MIRROR_INDEX, f"{key.namespace}/{key.name}")
        if endpoints is None or service is None or not is_mirrored(endpoints, service):
            return Plan(delete=tuple(slices))
        return plan_mirror(endpoints, slices)


def _mirrored(slice_: EndpointSlice) -> Iterable[Key]:
    return (Key(*place.split("/", 1)) for place in mirrored_endpoints(slice_))
