"""Endpoints: the addresses behind a Service, in the older shape that some clients still read."""

from datetime import datetime

from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import Endpoints
from petset.kinds.columns import AGE, NAME, NONE, format_first


class EndpointsStrategy(Strategy[Endpoints]):
    """Ports without a protocol are TCP."""

    def default(self, obj: Endpoints) -> None:
        """Fills in protocols."""
        for subset in obj.subsets:
            for port in subset.ports:
                port.protocol = port.protocol or "TCP"


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
