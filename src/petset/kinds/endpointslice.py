"""EndpointSlice: the addresses behind a Service, in slices, each with its conditions."""

from datetime import datetime

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import EndpointSlice
from petset.kinds.columns import AGE, NAME, UNSET, format_first


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
