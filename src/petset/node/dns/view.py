"""The picture of the cluster that answers are computed from, kept up to date by whoever watches.

Setting is cheap and changes nothing else: records are put together when somebody asks, and kept until the next change.
"""

from collections import Counter
from collections.abc import Iterable

from petset.api.types import EndpointSlice, Pod, Service
from petset.node.dns.records import EndpointRecord, PortRecord, ServiceRecord, ip_label

SERVICE_NAME_LABEL = "kubernetes.io/service-name"
Key = tuple[str, str]  # namespace and name


class ServiceView:
    """Implements `records.View`. The objects are shared with their informers and never changed here."""

    def __init__(self) -> None:
        self._services: dict[Key, Service] = {}
        self._slices: dict[Key, dict[str, EndpointSlice]] = {}  # by Service, then by the slice's own name
        self._slice_service: dict[Key, Key] = {}
        self._pods: dict[Key, tuple[str, ...]] = {}
        self._pod_ips: dict[str, dict[Key, None]] = {}
        self._namespaces: Counter[str] = Counter()
        self._records: dict[Key, ServiceRecord] = {}
        self._stale: set[Key] = set()
        self._given_names: dict[Key, list[tuple[str, str]]] = {}
        self._names: dict[str, Counter[str]] = {}

    # fed by watches -------------------------------------------------------------------------------------------

    def set_service(self, service: Service) -> None:
        """Adds a Service or takes over its new state."""
        key = (service.metadata.namespace or "", service.metadata.name or "")
        if key not in self._services:
            self._namespaces[key[0]] += 1
        self._services[key] = service
        self._outdate(key)

    def delete_service(self, namespace: str, name: str) -> None:
        """Forgets a Service."""
        if self._services.pop((namespace, name), None) is not None:
            self._namespaces[namespace] -= 1
        self._outdate((namespace, name))

    def set_slice(self, endpoints: EndpointSlice) -> None:
        """Adds a slice or takes over its new state. One without a Service's label is nobody's."""
        namespace, name = endpoints.metadata.namespace or "", endpoints.metadata.name or ""
        self.delete_slice(namespace, name)
        service = endpoints.metadata.labels.get(SERVICE_NAME_LABEL)
        if service:
            self._slice_service[namespace, name] = (namespace, service)
            self._slices.setdefault((namespace, service), {})[name] = endpoints
            self._outdate((namespace, service))

    def delete_slice(self, namespace: str, name: str) -> None:
        """Forgets a slice."""
        service = self._slice_service.pop((namespace, name), None)
        if service is not None:
            slices = self._slices[service]
            del slices[name]
            if not slices:
                del self._slices[service]
            self._outdate(service)

    def set_pod(self, pod: Pod) -> None:
        """Adds a pod or takes over its new addresses. On the machine's own network, or finished, it has none."""
        namespace, name = pod.metadata.namespace or "", pod.metadata.name or ""
        over = pod.status.phase in ("Succeeded", "Failed") or bool(pod.spec.host_network)
        ips = () if over else tuple(address.ip for address in pod.status.pod_ips)
        if self._pods.get((namespace, name), ()) != ips:
            self.delete_pod(namespace, name)
            if ips:
                self._pods[namespace, name] = ips
                self._namespaces[namespace] += 1
            for ip in ips:
                self._pod_ips.setdefault(ip, {})[namespace, name] = None

    def delete_pod(self, namespace: str, name: str) -> None:
        """Forgets a pod."""
        ips = self._pods.pop((namespace, name), ())
        if ips:
            self._namespaces[namespace] -= 1
        for ip in ips:
            owners = self._pod_ips[ip]
            del owners[namespace, name]
            if not owners:
                del self._pod_ips[ip]

    def _outdate(self, key: Key) -> None:
        self._records.pop(key, None)
        self._stale.add(key)

    # read by answers --------------------------------------------------------------------------------------------

    def service(self, namespace: str, name: str) -> ServiceRecord | None:
        """The Service with its endpoints."""
        key = (namespace, name)
        record = self._records.get(key)
        if record is None and key in self._services:
            record = self._records[key] = service_record(self._services[key], self._slices.get(key, {}))
        return record

    def has_namespace(self, namespace: str) -> bool:
        """Whether a Service or an addressed pod lives there."""
        return self._namespaces[namespace] > 0

    def has_pod(self, namespace: str, ip: str) -> bool:
        """Whether a pod of the namespace has the address."""
        return any(owner[0] == namespace for owner in self._pod_ips.get(ip, ()))

    def names(self, ip: str) -> tuple[str, ...]:
        """Those given by Services; for a pod without any, the one made of its address."""
        for key in self._stale:
            self._rename(key)
        self._stale.clear()
        given = tuple(self._names.get(ip, ()))
        return given or tuple(f"{ip_label(ip)}.{namespace}.pod" for namespace, _ in self._pod_ips.get(ip, ()))

    def _rename(self, key: Key) -> None:
        for ip, name in self._given_names.pop(key, ()):
            names = self._names[ip]
            names[name] -= 1
            if not names[name]:
                del names[name]
            if not names:
                del self._names[ip]
        record = self.service(*key)
        if record is None:
            return
        given = list(names_given(record))
        if given:
            self._given_names[key] = given
        for ip, name in given:
            self._names.setdefault(ip, Counter())[name] += 1


def names_given(service: ServiceRecord) -> Iterable[tuple[str, str]]:
    """Addresses and the names that the Service gives them: its own to cluster addresses, those below to endpoints."""
    name = f"{service.name}.{service.namespace}.svc"
    if service.headless:
        return [(endpoint.ip, f"{endpoint.label}.{name}") for endpoint in service.published]
    return [(ip, name) for ip in service.cluster_ips]


def service_record(service: Service, slices: dict[str, EndpointSlice]) -> ServiceRecord:
    """A Service and its slices, in the words of the DNS. The order is that of the slices' names."""
    spec = service.spec
    headless = spec.cluster_ip == "None"
    ips = tuple(spec.cluster_ips) or ((spec.cluster_ip,) if spec.cluster_ip else ())
    return ServiceRecord(
        name=service.metadata.name or "",
        namespace=service.metadata.namespace or "",
        cluster_ips=() if headless else ips,
        headless=headless,
        external_name=spec.external_name if spec.type == "ExternalName" else None,
        publish_not_ready=bool(spec.publish_not_ready_addresses),
        ports=tuple(PortRecord(port.name or "", port.protocol or "TCP", port.port) for port in spec.ports),
        endpoints=tuple(endpoint_records(slices[name] for name in sorted(slices))),
    )


def endpoint_records(slices: Iterable[EndpointSlice]) -> Iterable[EndpointRecord]:
    """The endpoints of some slices. An unknown readiness counts as ready, as the API documents it."""
    for endpoints in slices:
        if endpoints.address_type == "FQDN":
            continue
        ports = tuple(
            PortRecord(port.name or "", port.protocol or "TCP", port.port) for port in endpoints.ports if port.port
        )
        for endpoint in endpoints.endpoints:
            ready = endpoint.conditions.ready is not False
            for ip in endpoint.addresses:
                yield EndpointRecord(ip, endpoint.hostname or None, ready, ports)
