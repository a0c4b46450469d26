"""When a Service's endpoints are looked at, and how a plan for them is written."""

from collections.abc import Iterable
from functools import partial

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.meta import Key, key_of
from petset.api.types import Endpoints, EndpointSlice, Pod, Service
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.controllers.endpoints.act import carry_out, delete
from petset.controllers.endpoints.model import Observed
from petset.controllers.endpoints.plan import MANAGED_BY, MANAGED_BY_LABEL, SERVICE_LABEL, plan, selects
from petset.controllers.endpoints.selection import LABEL_INDEX, Selectors, by_label, selected_pods
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites, enqueue_from

NAME = "endpoint-controller"
SERVICE_INDEX = "managed slices of service"
PAUSE = 20.0
"""How often the time that a decision took passes before the next one about the same Service: one with thousands of
pods hears of many changes at once, a small one of each."""
LONGEST_PAUSE = 1.0
"""Seconds."""


def slice_service(slice_: EndpointSlice) -> Iterable[str]:
    """Index function: `namespace/service` of a slice that this controller manages."""
    labels = slice_.metadata.labels
    if labels.get(MANAGED_BY_LABEL) != MANAGED_BY or SERVICE_LABEL not in labels:
        return ()
    return (f"{slice_.metadata.namespace}/{labels[SERVICE_LABEL]}",)


class EndpointsController:
    """Keeps Endpoints and EndpointSlices true. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._pause_until: dict[Key, float] = {}
        self._selectors = Selectors()
        self._services = informers.informer(Service)
        self._pods = informers.informer(Pod, indexes={LABEL_INDEX: by_label})
        self._endpoints = informers.informer(Endpoints)
        self._slices = informers.informer(EndpointSlice, indexes={SERVICE_INDEX: slice_service})
        self._writes: SeenWrites[Key] = SeenWrites(self._endpoints, self._slices)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._services.add_handlers(
            self._service_changed,
            lambda _, service: self._service_changed(service),
            lambda service: self._selectors.remove(key_of(service)),
        )
        enqueue_from(self._services, self._queue, lambda service: (key_of(service),))
        enqueue_from(self._pods, self._queue, self._selectors.of)
        enqueue_from(self._endpoints, self._queue, self._service_of_endpoints)
        enqueue_from(self._slices, self._queue, self._service_of_slice)
        reads = (self._services, self._pods, self._endpoints, self._slices)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=reads)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _service_changed(self, service: Service) -> None:
        if selects(service):
            self._selectors.put(service)
        else:
            self._selectors.remove(key_of(service))

    def _service_of_endpoints(self, endpoints: Endpoints) -> Iterable[Key]:
        key = key_of(endpoints)
        return (key,) if self._services.get(key.namespace, key.name) is not None else ()

    def _service_of_slice(self, slice_: EndpointSlice) -> Iterable[Key]:
        return (Key(*place.split("/", 1)) for place in slice_service(slice_))

    async def _reconcile(self, key: Key) -> Result:
        pause = self._pause_until.get(key, 0.0) - self._clock.monotonic()
        if pause > 0:
            return Result(look_again=pause)
        await self._writes.settled(key)
        service = self._services.get(key.namespace, key.name)
        if service is None:
            self._pause_until.pop(key, None)
            self._writes.forget(key)
            await self._delete_endpoints(key)
            return DONE
        began = self._clock.monotonic()
        decided = plan(self._observe(key, service))
        ended = self._clock.monotonic()
        self._pause_until[key] = ended + min((ended - began) * PAUSE, LONGEST_PAUSE)
        await carry_out(self._client, decided, partial(self._writes.wrote, key))
        return DONE

    def _observe(self, key: Key, service: Service) -> Observed:
        pods = selected_pods(service, self._pods.by_index, self._pods.list) if selects(service) else ()
        return Observed(
            service=service,
            pods=tuple(pods),
            endpoints=self._endpoints.get(key.namespace, key.name),
            slices=tuple(self._slices.by_index(SERVICE_INDEX, f"{key.namespace}/{key.name}")),
        )

    async def _delete_endpoints(self, key: Key) -> None:
        """Slices go with their owner; Endpoints have none."""
        endpoints = self._endpoints.get(key.namespace, key.name)
        if endpoints is not None:
            await delete(self._client, endpoints)
