"""Which pods a Service stands for: a pure function to the Endpoints and EndpointSlices that say so.

The rules are those of upstream's endpoint and endpointslice controllers: a pod counts while it has an address and has
not ended; it is ready when its Ready condition says so and it is not terminating, or when the Service publishes pods
that are not ready; its host name is known under the Service when `spec.subdomain` names the Service.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from petset.api.meta import copy, is_pod_ready, is_terminating, owner_reference, semantically_equal
from petset.api.types import (
    DiscoveryEndpointPort,
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    ObjectMeta,
    ObjectReference,
    Pod,
    Service,
    ServicePort,
)
from petset.controllers.endpoints.model import Observed, Plan

SERVICE_LABEL = "kubernetes.io/service-name"
MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGED_BY = "endpointslice-controller.k8s.io"
HEADLESS_LABEL = "service.kubernetes.io/headless"
ENDPOINTS_MANAGED_BY_LABEL = "endpoints.kubernetes.io/managed-by"
LARGEST_SLICE = 100
"""Endpoints in one slice."""
LARGEST_ENDPOINTS = 1000
"""Addresses in an Endpoints object; more are left out, and an annotation says so."""
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"

Port = tuple[str, int, str, str | None]
"""Name, number, protocol, application protocol."""


@dataclass(frozen=True, slots=True)
class Member:
    """A pod of the Service, and the ports it serves the Service on."""

    pod: Pod
    address: str
    ports: tuple[Port, ...]
    ready: bool
    hostname: str | None


def plan(seen: Observed) -> Plan:
    """Decides what must be written so that the cluster knows where the Service's pods are."""
    if is_terminating(seen.service) or not selects(seen.service):
        return Plan()
    members = sorted(members_of(seen.service, seen.pods), key=lambda member: member.pod.metadata.name)
    slices = plan_slices(seen, members)
    endpoints = plan_endpoints(seen, members)
    return Plan(slices.create + endpoints.create, slices.update + endpoints.update, slices.delete)


def selects(service: Service) -> bool:
    """Whether the Service finds its pods itself; without a selector its endpoints are its user's business."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def is_headless(service: Service) -> bool:
    """Whether the Service has no address of its own."""
    return service.spec.cluster_ip in (None, "", "None")


# --- members ----------------------------------------------------------------------------------------------------------


def members_of(service: Service, pods: Iterable[Pod]) -> Iterable[Member]:
    """The pods that can be reached, with their ports."""
    publish = bool(service.spec.publish_not_ready_addresses)
    for pod in pods:
        if not pod.status.pod_ip or pod.status.phase in ("Failed", "Succeeded"):
            continue
        yield Member(
            pod=pod,
            address=pod.status.pod_ip,
            ports=tuple(found for port in service.spec.ports if (found := resolve(port, pod)) is not None),
            ready=publish or (is_pod_ready(pod) and not is_terminating(pod)),
            hostname=pod.spec.hostname if pod.spec.hostname and pod.spec.subdomain == service.metadata.name else None,
        )


def resolve(port: ServicePort, pod: Pod) -> Port | None:
    """The pod's number of a service port; None when the target is a name that the pod does not have."""
    target = port.target_port if port.target_port is not None else port.port
    protocol = port.protocol or "TCP"
    if isinstance(target, int):
        return port.name or "", target or port.port, protocol, port.app_protocol
    sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for declared in container.ports:
            if declared.name == target and (declared.protocol or "TCP") == protocol:
                return port.name or "", declared.container_port, protocol, port.app_protocol
    return None


def reference(pod: Pod) -> ObjectReference:
    """How an endpoint names its pod."""
    meta = pod.metadata
    return ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid)


def by_ports(members: Sequence[Member]) -> dict[tuple[Port, ...], list[Member]]:
    """Members that serve on the same numbers together; named target ports may differ from pod to pod."""
    groups: dict[tuple[Port, ...], list[Member]] = {}
    for member in members:
        groups.setdefault(member.ports, []).append(member)
    return groups


# --- slices -----------------------------------------------------------------------------------------------------------


def plan_slices(seen: Observed, members: Sequence[Member]) -> Plan:
    """Keeps an endpoint in the slice it is in, fills free places, then adds slices; empty slices go."""
    create: list[EndpointSlice] = []
    update: list[EndpointSlice] = []
    delete: list[EndpointSlice] = []
    groups = by_ports(members) or {(): []}
    unused = [slice_ for slice_ in seen.slices if not is_terminating(slice_)]
    for ports, group in groups.items():
        wanted_ports = slice_ports(ports)
        same = [s for s in unused if semantically_equal(s.ports, wanted_ports)]
        unused = [s for s in unused if s not in same]
        kept, fresh = distribute(same, [endpoint_of(member) for member in group])
        keep_one = not group and len(groups) == 1
        for slice_, endpoints in kept:
            if not endpoints and not keep_one:
                delete.append(slice_)
                continue
            keep_one = False
            wanted = desired_slice(seen.service, slice_, endpoints)
            if not semantically_equal(wanted, slice_):
                update.append(wanted)
        if not kept and not fresh and not members:
            fresh = [[]]
        create += [new_slice(seen.service, wanted_ports, endpoints) for endpoints in fresh]
    return Plan(tuple(create), tuple(update), (*delete, *unused))


def distribute(
    slices: Sequence[EndpointSlice], endpoints: Sequence[Endpoint]
) -> tuple[list[tuple[EndpointSlice, list[Endpoint]]], list[list[Endpoint]]]:
    """Which endpoints go into which existing slice, and what new slices are needed."""
    home = {_pod_uid(endpoint): index for index, s in enumerate(slices) for endpoint in s.endpoints}
    places: list[list[Endpoint]] = [[] for _ in slices]
    homeless: list[Endpoint] = []
    for endpoint in endpoints:
        index = home.get(_pod_uid(endpoint))
        if index is None:
            homeless.append(endpoint)
        else:
            places[index].append(endpoint)
    for place in places:
        free = LARGEST_SLICE - len(place)
        place.extend(homeless[:free])
        homeless = homeless[free:]
    fresh = [homeless[start : start + LARGEST_SLICE] for start in range(0, len(homeless), LARGEST_SLICE)]
    return list(zip(slices, places, strict=True)), fresh


def _pod_uid(endpoint: Endpoint) -> str:
    return (endpoint.target_ref.uid or "") if endpoint.target_ref is not None else ""


def endpoint_of(member: Member) -> Endpoint:
    """The entry of one pod."""
    terminating = is_terminating(member.pod)
    return Endpoint(
        addresses=[member.address],
        conditions=EndpointConditions(ready=member.ready, serving=is_pod_ready(member.pod), terminating=terminating),
        hostname=member.hostname,
        node_name=member.pod.spec.node_name,
        target_ref=reference(member.pod),
    )


def slice_ports(ports: tuple[Port, ...]) -> list[DiscoveryEndpointPort]:
    """Ports in a slice's form."""
    return [
        DiscoveryEndpointPort(name=name, port=number, protocol=protocol, app_protocol=application)
        for name, number, protocol, application in ports
    ]


def slice_labels(service: Service) -> dict[str, str]:
    """The Service's labels and those that say whose slice it is."""
    labels = {**service.metadata.labels, SERVICE_LABEL: service.metadata.name, MANAGED_BY_LABEL: MANAGED_BY}
    if is_headless(service):
        labels[HEADLESS_LABEL] = ""
    return labels


def desired_slice(service: Service, slice_: EndpointSlice, endpoints: list[Endpoint]) -> EndpointSlice:
    """A copy of a live slice with these endpoints."""
    wanted = copy(slice_)
    wanted.metadata.labels = slice_labels(service)
    wanted.endpoints = endpoints
    return wanted


def new_slice(service: Service, ports: list[DiscoveryEndpointPort], endpoints: list[Endpoint]) -> EndpointSlice:
    """One more slice."""
    return EndpointSlice(
        metadata=ObjectMeta(
            generate_name=f"{service.metadata.name}-",
            namespace=service.metadata.namespace,
            labels=slice_labels(service),
            owner_references=[owner_reference(service)],
        ),
        address_type="IPv4",
        ports=ports,
        endpoints=endpoints,
    )


# --- endpoints --------------------------------------------------------------------------------------------------------


def plan_endpoints(seen: Observed, members: Sequence[Member]) -> Plan:
    """The older form: all addresses in one object. Terminating pods are in it only when published regardless.

    A pod that has none of the Service's ports is not in it. Of too many pods the ready ones stay.
    """
    service = seen.service
    publish = bool(service.spec.publish_not_ready_addresses)
    listed = [member for member in members if publish or not is_terminating(member.pod)]
    if service.spec.ports:
        listed = [member for member in listed if member.ports]
    if len(listed) > LARGEST_ENDPOINTS:
        listed.sort(key=lambda member: not member.ready)
    wanted = copy(seen.endpoints) if seen.endpoints is not None else _new_endpoints(service)
    wanted.subsets = [subset_of(ports, group) for ports, group in by_ports(listed[:LARGEST_ENDPOINTS]).items()]
    wanted.metadata.labels = {**service.metadata.labels, ENDPOINTS_MANAGED_BY_LABEL: "endpoint-controller"}
    if is_headless(service):
        wanted.metadata.labels[HEADLESS_LABEL] = ""
    if len(listed) > LARGEST_ENDPOINTS:
        wanted.metadata.annotations[OVER_CAPACITY] = "truncated"
    else:
        wanted.metadata.annotations.pop(OVER_CAPACITY, None)
    if seen.endpoints is None:
        return Plan(create=(wanted,))
    return Plan() if semantically_equal(wanted, seen.endpoints) else Plan(update=(wanted,))


def _new_endpoints(service: Service) -> Endpoints:
    return Endpoints(metadata=ObjectMeta(name=service.metadata.name, namespace=service.metadata.namespace))


def subset_of(ports: tuple[Port, ...], members: Sequence[Member]) -> EndpointSubset:
    """The addresses that serve on one set of ports."""
    return EndpointSubset(
        addresses=[address_of(member) for member in members if member.ready],
        not_ready_addresses=[address_of(member) for member in members if not member.ready],
        ports=[
            EndpointPort(name=name or None, port=number, protocol=protocol, app_protocol=application)
            for name, number, protocol, application in ports
        ],
    )


def address_of(member: Member) -> EndpointAddress:
    """The address of one pod."""
    return EndpointAddress(
        ip=member.address,
        hostname=member.hostname,
        node_name=member.pod.spec.node_name,
        target_ref=reference(member.pod),
    )
