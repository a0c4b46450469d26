"""Endpoints: the addresses behind a Service, in the older shape that some clients still read."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, invalid, required
from petset.api.names import dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Endpoints, EndpointSubset
from petset.kinds.checks import PROTOCOLS, format_errors, ip, is_ip, one_of, optional_errors, port_number
from petset.kinds.columns import AGE, NAME, NONE, format_first


class EndpointsStrategy(Strategy[Endpoints]):
    """Ports without a protocol are TCP."""

    allow_create_on_update = True

    def default(self, obj: Endpoints) -> None:
        """Fills in protocols."""
        for subset in obj.subsets:
            for port in subset.ports:
                port.protocol = port.protocol or "TCP"

    def validate_create(self, obj: Endpoints) -> list[FieldError]:
        """Addresses and ports that can be connected to."""
        return [error for index, subset in enumerate(obj.subsets) for error in _errors(f"subsets[{index}]", subset)]

    def validate_update(self, obj: Endpoints, old: Endpoints) -> list[FieldError]:
        """As on creation."""
        return self.validate_create(obj)


def _errors(path: str, subset: EndpointSubset) -> Iterator[FieldError]:
    if not subset.addresses and not subset.not_ready_addresses:
        yield required(path, "must specify `addresses` or `notReadyAddresses`")
    for place, addresses in (("addresses", subset.addresses), ("notReadyAddresses", subset.not_ready_addresses)):
        for index, address in enumerate(addresses):
            where = f"{path}.{place}[{index}]"
            yield from ip(f"{where}.ip", address.ip)
            if not is_ip(address.ip):
                yield invalid(f"{where}.ip", address.ip, "must be a valid IP address")
            yield from optional_errors(f"{where}.hostname", address.hostname, dns1123_label_errors)
            if address.node_name is not None:
                yield from format_errors(f"{where}.nodeName", address.node_name, dns1123_subdomain_errors)
    for index, port in enumerate(subset.ports):
        where = f"{path}.ports[{index}]"
        if len(subset.ports) > 1 and not port.name:
            yield required(f"{where}.name")
        yield from optional_errors(f"{where}.name", port.name, dns1123_label_errors)
        yield from port_number(f"{where}.port", port.port)
        yield from one_of(f"{where}.protocol", port.protocol, PROTOCOLS)
        if port.app_protocol is not None:
            yield from format_errors(f"{where}.appProtocol", port.app_protocol, qualified_name_errors)


def _host_port(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _endpoints(obj: Endpoints, _: datetime) -> str:
    items: list[str] = []
    for subset in obj.subsets:
        if not subset.ports:
            items += [address.ip for address in subset.addresses]
        items += [_host_port(address.ip, port.port) for port in subset.ports for address in subset.addresses]
    return format_first(items, NONE)


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    type=Endpoints,
    namespaced=True,
    strategy=EndpointsStrategy(),
    short_names=("ep",),
    columns=(NAME, Column("Endpoints", _endpoints), AGE),
)
