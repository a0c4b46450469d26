"""EndpointSlice: the addresses behind a Service, in slices, each with its conditions."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, duplicate, invalid, required, too_many
from petset.api.names import dns1123_label_errors, dns1123_subdomain_errors, label_value_errors, qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import DiscoveryEndpointPort, Endpoint, EndpointHints, EndpointSlice
from petset.kinds.checks import PROTOCOLS, format_errors, ip, is_ip, one_of, optional_errors, port_number, unchanged
from petset.kinds.columns import AGE, NAME, UNSET, format_first

MOST_ENDPOINTS = 1000
MOST_ADDRESSES = 100
MOST_PORTS = 20000
MOST_HINTS = 8
"""Zones, and nodes, that an endpoint may be meant for."""
_VERSIONS = {"IPv4": 4, "IPv6": 6}


class EndpointSliceStrategy(Strategy[EndpointSlice]):
    """The address type is fixed."""

    def default(self, obj: EndpointSlice) -> None:
        """Ports are unnamed and TCP unless said otherwise."""
        for port in obj.ports:
            port.name = port.name or ""
            port.protocol = port.protocol or "TCP"

    def prepare_create(self, obj: EndpointSlice) -> None:
        """The first generation."""
        obj.metadata.generation = 1

    def prepare_update(self, obj: EndpointSlice, old: EndpointSlice) -> None:
        """A new generation when anything but metadata changed; labels count, since they say whose slice it is."""
        obj.metadata.generation = old.metadata.generation
        same = (obj.address_type, obj.endpoints, obj.ports, obj.metadata.labels) == (
            old.address_type,
            old.endpoints,
            old.ports,
            old.metadata.labels,
        )
        if not same:
            obj.metadata.generation = (old.metadata.generation or 0) + 1

    def validate_create(self, obj: EndpointSlice) -> list[FieldError]:
        """Addresses of the declared type and ports that can be connected to."""
        return list(_errors(obj))

    def validate_update(self, obj: EndpointSlice, old: EndpointSlice) -> list[FieldError]:
        """The address type stays."""
        return [*_errors(obj), *unchanged("addressType", obj.address_type, old.address_type)]


def _errors(obj: EndpointSlice) -> Iterator[FieldError]:
    yield from one_of("addressType", obj.address_type, ("FQDN", "IPv4", "IPv6"))
    if len(obj.endpoints) > MOST_ENDPOINTS:
        yield too_many("endpoints", len(obj.endpoints), MOST_ENDPOINTS)
    for index, endpoint in enumerate(obj.endpoints):
        yield from _endpoint_errors(f"endpoints[{index}]", endpoint, obj.address_type)
    yield from _ports_errors(obj.ports)


def _endpoint_errors(path: str, endpoint: Endpoint, address_type: str) -> Iterator[FieldError]:
    if not endpoint.addresses:
        yield required(f"{path}.addresses", "must contain at least 1 address")
    if len(endpoint.addresses) > MOST_ADDRESSES:
        yield too_many(f"{path}.addresses", len(endpoint.addresses), MOST_ADDRESSES)
    for index, address in enumerate(endpoint.addresses):
        where = f"{path}.addresses[{index}]"
        if address_type in _VERSIONS and not is_ip(address):
            yield from ip(where, address)
        elif address_type in _VERSIONS and not is_ip(address, _VERSIONS[address_type]):
            yield invalid(where, address, f"must be a valid {address_type} address")
        elif address_type == "FQDN":
            yield from format_errors(where, address, dns1123_subdomain_errors)
    yield from optional_errors(f"{path}.hostname", endpoint.hostname, dns1123_label_errors)
    yield from optional_errors(f"{path}.nodeName", endpoint.node_name, dns1123_subdomain_errors)
    if endpoint.hints is not None:
        yield from _hints_errors(f"{path}.hints", endpoint.hints)


def _hints_errors(path: str, hints: EndpointHints) -> Iterator[FieldError]:
    for place, names, check in (
        ("forZones", [zone.name for zone in hints.for_zones], label_value_errors),
        ("forNodes", [node.name for node in hints.for_nodes], dns1123_subdomain_errors),
    ):
        if len(names) > MOST_HINTS:
            yield too_many(f"{path}.{place}", len(names), MOST_HINTS)
            return
        seen: set[str] = set()
        for index, name in enumerate(names):
            where = f"{path}.{place}[{index}].name"
            if name in seen:
                yield duplicate(where, name)
            seen.add(name)
            yield from format_errors(where, name, check)


def _ports_errors(ports: list[DiscoveryEndpointPort]) -> Iterator[FieldError]:
    names: set[str] = set()
    if len(ports) > MOST_PORTS:
        yield too_many("ports", len(ports), MOST_PORTS)
    for index, port in enumerate(ports):
        path, name = f"ports[{index}]", port.name or ""
        yield from optional_errors(f"{path}.name", name, dns1123_label_errors)
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
        if port.port is not None:
            yield from port_number(f"{path}.port", port.port)
        yield from one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
        if port.app_protocol is not None:
            yield from format_errors(f"{path}.appProtocol", port.app_protocol, qualified_name_errors)


def _ports(obj: EndpointSlice, _: datetime) -> str:
    numbers = [str(port.port) if port.port is not None else port.name or "*" for port in obj.ports]
    return format_first(numbers, UNSET)


def _addresses(obj: EndpointSlice, _: datetime) -> str:
    return format_first([address for endpoint in obj.endpoints for address in endpoint.addresses], UNSET)


RESOURCE = Resource(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    type=EndpointSlice,
    namespaced=True,
    strategy=EndpointSliceStrategy(),
    columns=(
        NAME,
        Column("AddressType", lambda obj, _: obj.address_type),
        Column("Ports", _ports),
        Column("Endpoints", _addresses),
        AGE,
    ),
)
