"""Carries Services, EndpointSlices and pods into the cluster's DNS and into the proxy, as soon as they are known."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from petset.api.meta import Key, key_of
from petset.api.types import EndpointSlice, Pod, Service
from petset.client.informer import InformerFactory
from petset.node.dns.view import SERVICE_NAME_LABEL, ServiceView
from petset.node.network.proxy import Endpoint, ProxiedPort, ProxiedService, ServiceProxy

SERVICE_INDEX: Final = "service"


class ServiceFeed:
    """Keeps a DNS view and a proxy at what the informers show. The view follows in the same instant."""

    def __init__(self, informers: InformerFactory, view: ServiceView, proxy: ServiceProxy) -> None:
        self._view = view
        self._proxy = proxy
        self._services = informers.informer(Service)
        self._slices = informers.informer(EndpointSlice, indexes={SERVICE_INDEX: service_of})
        self._pods = informers.informer(Pod)
        self._proxied: dict[Key, ProxiedService] = {}
        self._changed = asyncio.Event()
        self._services.add_handlers(self._service_set, lambda _, new: self._service_set(new), self._service_gone)
        self._slices.add_handlers(self._slice_set, self._slice_changed, self._slice_gone)
        self._pods.add_handlers(view.set_pod, lambda _, new: view.set_pod(new), self._pod_gone)

    async def synced(self) -> None:
        """Waits until the view shows the cluster: before that its answers would deny what exists."""
        for informer in (self._services, self._slices, self._pods):
            await informer.synced()

    async def run(self) -> None:
        """Applies changes to the proxy until cancelled; then the proxy serves nothing any more."""
        await self.synced()
        try:
            while True:
                self._changed.clear()
                await self._proxy.apply({str(key): service for key, service in self._proxied.items()})
                await self._changed.wait()
        finally:
            await self._proxy.close()

    # --- changes ------------------------------------------------------------------------------------------------------

    def _service_set(self, service: Service) -> None:
        self._view.set_service(service)
        self._proxy_again(key_of(service))

    def _service_gone(self, service: Service) -> None:
        self._view.delete_service(service.metadata.namespace, service.metadata.name)
        self._proxy_again(key_of(service))

    def _slice_set(self, endpoints: EndpointSlice) -> None:
        self._view.set_slice(endpoints)
        self._proxy_again_for(endpoints)

    def _slice_changed(self, old: EndpointSlice, new: EndpointSlice) -> None:
        self._slice_set(new)
        if old.metadata.labels != new.metadata.labels:
            self._proxy_again_for(old)

    def _slice_gone(self, endpoints: EndpointSlice) -> None:
        self._view.delete_slice(endpoints.metadata.namespace, endpoints.metadata.name)
        self._proxy_again_for(endpoints)

    def _pod_gone(self, pod: Pod) -> None:
        self._view.delete_pod(pod.metadata.namespace, pod.metadata.name)

    def _proxy_again_for(self, endpoints: EndpointSlice) -> None:
        name = endpoints.metadata.labels.get(SERVICE_NAME_LABEL)
        if name:
            self._proxy_again(Key(endpoints.metadata.namespace, name))

    def _proxy_again(self, key: Key) -> None:
        service = self._services.get(key.namespace, key.name)
        slices = self._slices.by_index(SERVICE_INDEX, str(key))
        proxied = proxied_service(service, slices) if service is not None else None
        if self._proxied.get(key) == proxied:
            return
        if proxied is None:
            del self._proxied[key]
        else:
            self._proxied[key] = proxied
        self._changed.set()


# --- rules -----------------------------------------------------------------------------------------------------------


def service_of(endpoints: EndpointSlice) -> Iterable[str]:
    """Index function: the Service that a slice belongs to, `namespace/name`."""
    name = endpoints.metadata.labels.get(SERVICE_NAME_LABEL)
    return (f"{endpoints.metadata.namespace}/{name}",) if name else ()


def proxied_service(service: Service, slices: Iterable[EndpointSlice]) -> ProxiedService | None:
    """What the proxy is to serve; None for Services without a cluster address."""
    spec = service.spec
    if not spec.cluster_ip or spec.cluster_ip == "None" or spec.type == "ExternalName":
        return None
    ordered = sorted(slices, key=lambda endpoints: endpoints.metadata.name)
    targets = ready_endpoints(ordered)
    ports = tuple(
        ProxiedPort(port.port, port.protocol or "TCP", targets.get((port.name or "", port.protocol or "TCP"), ()))
        for port in spec.ports
    )
    return ProxiedService(spec.cluster_ip, ports, client_affinity=spec.session_affinity == "ClientIP")


def ready_endpoints(slices: Iterable[EndpointSlice]) -> Mapping[tuple[str, str], tuple[Endpoint, ...]]:
    """Address and port of every ready endpoint, by the port's name and protocol. Unknown readiness counts as ready."""
    found: dict[tuple[str, str], dict[Endpoint, None]] = {}
    for endpoints in slices:
        if endpoints.address_type != "IPv4":
            continue
        ready = [endpoint for endpoint in endpoints.endpoints if endpoint.conditions.ready is not False]
        for port in endpoints.ports:
            if port.port is None:
                continue
            named = found.setdefault((port.name or "", port.protocol or "TCP"), {})
            named |= {(address, port.port): None for endpoint in ready for address in endpoint.addresses[:1]}
    return {name: tuple(targets) for name, targets in found.items()}
