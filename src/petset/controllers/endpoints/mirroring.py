"""Which EndpointSlices say what somebody wrote into the Endpoints of a Service without selector: a pure function.

DNS, the Service proxy and newer clients read slices only. The rules are those of upstream's endpointslicemirroring
controller: addresses that serve on the same ports, in whatever subsets they were written, share one slice of their
family; Endpoints that are a lock, or ask not to be mirrored, are not.
"""

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import ip_address

from petset.api.meta import copy, is_terminating, owner_reference, semantically_equal
from petset.api.types import (
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    ObjectMeta,
    Service,
)
from petset.controllers.endpoints.model import Plan
from petset.controllers.endpoints.plan import MANAGED_BY_LABEL, SERVICE_LABEL, Port, slice_ports

MANAGED_BY = "endpointslicemirroring-controller.k8s.io"
SKIP_LABEL = "endpointslice.kubernetes.io/skip-mirror"
LEADER_ANNOTATION = "control-plane.alpha.kubernetes.io/leader"
LARGEST_SUBSET = 1000
"""Addresses that are mirrored of those that serve on the same ports."""

_NOT_MIRRORED = frozenset(
    {"endpoints.kubernetes.io/last-change-trigger-time", "kubectl.kubernetes.io/last-applied-configuration"}
)
"""Annotations that are about the Endpoints object itself."""

Place = tuple[str, str]
"""Address and the uid of what stands behind it."""
Group = tuple[str, tuple[Port, ...]]
"""Address type and ports: what a slice has one of."""


def is_mirrored(endpoints: Endpoints, service: Service) -> bool:
    """Whether the Endpoints are their user's own and meant for everybody."""
    meta = endpoints.metadata
    is_lock = LEADER_ANNOTATION in meta.annotations
    return not (service.spec.selector or is_lock or meta.labels.get(SKIP_LABEL) == "true")


def plan_mirror(endpoints: Endpoints, slices: Sequence[EndpointSlice]) -> Plan:
    """What to write so that there is one slice for each family and set of ports, and says what the Endpoints say.

    A slice that is there for other ports is used again before a new one is made.
    """
    wanted, skipped = grouped(endpoints.subsets)
    present: dict[Group, EndpointSlice] = {}
    spare: list[EndpointSlice] = []
    for slice_ in slices:
        group = _group_of(slice_)
        if group in wanted and group not in present:
            present[group] = slice_
        else:
            spare.append(slice_)
    create: list[EndpointSlice] = []
    update: list[EndpointSlice] = []
    for group, found in wanted.items():
        live = present.get(group) or _take(spare, group[0])
        mirrored = _mirrored(endpoints, group, found, live)
        if live is None:
            create.append(mirrored)
        elif not semantically_equal(mirrored, live):
            update.append(mirrored)
    return Plan(() if is_terminating(endpoints) else tuple(create), tuple(update), tuple(spare), skipped)


def grouped(subsets: Iterable[EndpointSubset]) -> tuple[dict[Group, list[Endpoint]], int]:
    """The addresses by family and ports, ready ones first, in their order; and how many there is no room for."""
    known, offers = _offers(subsets)
    ports_of: dict[frozenset[tuple[Place, bool]], list[Port]] = {}
    for port, offered in offers.items():
        ports = ports_of.setdefault(frozenset(offered.items()), [])
        if port is not None:
            ports.append(port)
    groups: dict[Group, list[Endpoint]] = {}
    skipped = 0
    for places, ports in ports_of.items():
        skipped += max(0, len(places) - LARGEST_SUBSET)
        inside = sorted(places, key=lambda entry: (not entry[1], entry[0]))[:LARGEST_SUBSET]
        for place, ready in inside:
            family, address = _family(place[0])
            endpoint = _endpoint(known[place], address, ready=ready)
            groups.setdefault((family, tuple(sorted(ports, key=str))), []).append(endpoint)
    return groups, skipped


def _offers(
    subsets: Iterable[EndpointSubset],
) -> tuple[dict[Place, EndpointAddress], dict[Port | None, dict[Place, bool]]]:
    """The addresses, and who serves on each port, None for no port, and whether it is ready to."""
    known: dict[Place, EndpointAddress] = {}
    offers: dict[Port | None, dict[Place, bool]] = {}
    for subset in subsets:
        ports: list[Port | None] = [*map(_port, subset.ports)] or [None]
        for address, ready in _addresses(subset):
            place = address.ip, (address.target_ref.uid or "") if address.target_ref is not None else ""
            known.setdefault(place, address)
            for port in ports:
                offered = offers.setdefault(port, {})
                offered[place] = ready and offered.get(place, True)  # who is said to be not ready is not
    return known, offers


def _addresses(subset: EndpointSubset) -> Iterator[tuple[EndpointAddress, bool]]:
    yield from ((address, True) for address in subset.addresses)
    yield from ((address, False) for address in subset.not_ready_addresses)


def _port(port: EndpointPort) -> Port:
    return port.name or "", port.port, port.protocol or "TCP", port.app_protocol


def _family(address: str) -> tuple[str, str]:
    parsed = ip_address(address)
    return f"IPv{parsed.version}", str(parsed)


def _endpoint(address: EndpointAddress, canonical: str, *, ready: bool) -> Endpoint:
    return Endpoint(
        addresses=[canonical],
        conditions=EndpointConditions(ready=ready),
        hostname=address.hostname or None,
        node_name=address.node_name,
        target_ref=address.target_ref,
    )


def _group_of(slice_: EndpointSlice) -> Group:
    ports = [(port.name or "", port.port or 0, port.protocol or "TCP", port.app_protocol) for port in slice_.ports]
    return slice_.address_type, tuple(sorted(ports, key=str))


def _take(spare: list[EndpointSlice], family: str) -> EndpointSlice | None:
    """Removes and returns one of a family."""
    for index, slice_ in enumerate(spare):
        if slice_.address_type == family:
            return spare.pop(index)
    return None


def _mirrored(endpoints: Endpoints, group: Group, found: list[Endpoint], live: EndpointSlice | None) -> EndpointSlice:
    """The slice as it is to be: a new one, or a copy of the live one."""
    meta, (family, ports) = endpoints.metadata, group
    name = ObjectMeta(generate_name=f"{meta.name}-", namespace=meta.namespace)
    slice_ = copy(live) if live is not None else EndpointSlice(metadata=name, address_type=family)
    slice_.metadata.labels = {**meta.labels, SERVICE_LABEL: meta.name, MANAGED_BY_LABEL: MANAGED_BY}
    slice_.metadata.annotations = {key: text for key, text in meta.annotations.items() if key not in _NOT_MIRRORED}
    slice_.metadata.owner_references = [owner_reference(endpoints)]
    slice_.ports = slice_ports(ports)
    slice_.endpoints = found
    return slice_
