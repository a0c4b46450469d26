"""Numbers that only one object may have: the cluster IPs and node ports of Services.

The pools are read from the stored Services once, at the start, and kept with every accepted write; a deletion gives its
numbers back. Follows upstream's `registry/core/service/storage/alloc.go`.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self

from petset.api import field
from petset.api.errors import InternalError, Invalid, StatusError
from petset.api.resources import Resource
from petset.api.types import Object, Service, ServiceSpec
from petset.apiserver.quotas import Quotas
from petset.apiserver.registry import Registry
from petset.store.interface import Store

SERVICE_CIDR = "10.96.0.0/16"
NODE_PORTS = range(30000, 32768)

Undo = Callable[[], None]


def _nothing() -> None:
    return None


class Allocator(Protocol):
    """What gives the objects of one kind their numbers."""

    def take(self, obj: Any, old: Any | None) -> Undo:
        """Allocates for the new state, in place, and frees what only the old state had. Raises Invalid."""
        ...

    def release(self, obj: Any) -> None:
        """Frees everything of a deleted object."""
        ...

    def recount(self) -> None:
        """Counts what is stored, and nothing else."""
        ...


class Allocations:
    """The allocators by kind; kinds without one need nothing. Quotas count every kind.

    A full disk takes back writes that were counted when they were accepted; then they are counted anew.
    """

    def __init__(self, store: Store, allocators: dict[type[Object], Allocator], quotas: Quotas) -> None:
        self._store = store
        self._allocators = allocators
        self._quotas = quotas
        self._failures = store.failures

    def take(self, resource: Resource[Any], obj: Object, old: Object | None) -> Undo:
        """As `Allocator.take`; the returned function takes the allocation back, for a write that is not carried out.

        Raises Forbidden when a quota is used up.
        """
        self._recount_after_loss()
        uncount = self._quotas.take(resource, obj, old)
        allocator = self._allocators.get(resource.type)
        if allocator is None:
            return uncount
        try:
            free = allocator.take(obj, old)
        except StatusError:
            uncount()
            raise

        def take_back() -> None:
            free()
            uncount()

        return take_back

    def release(self, resource: Resource[Any], obj: Object) -> None:
        """As `Allocator.release`."""
        self._recount_after_loss()
        self._quotas.release(resource, obj)
        allocator = self._allocators.get(resource.type)
        if allocator:
            allocator.release(obj)

    def _recount_after_loss(self) -> None:
        if self._failures == self._store.failures:
            return
        self._failures = self._store.failures
        self._quotas.recount()
        for allocator in self._allocators.values():
            allocator.recount()


@dataclass(frozen=True, slots=True)
class _Numbers:
    """What one Service holds."""

    addresses: frozenset[str]
    ports: frozenset[int]

    @classmethod
    def of(cls, service: Service) -> Self:
        addresses = frozenset(address for address in service.spec.cluster_ips if address != "None")
        return cls(addresses, frozenset(port.node_port for port in service.spec.ports if port.node_port))


_NO_NUMBERS = _Numbers(frozenset(), frozenset())


class ServiceAllocator:
    """Cluster IPs and node ports, counted in memory."""

    def __init__(self, registry: Registry, cidr: str = SERVICE_CIDR) -> None:
        self._network = ipaddress.IPv4Network(cidr)
        self._addresses: set[str] = set()
        self._ports: set[int] = set()
        self._next_address = 256 if self._network.num_addresses > 1024 else 1
        self._next_port = 0
        self._registry = registry
        self.recount()

    def take(self, obj: Service, old: Service | None) -> Undo:
        """Gives a cluster IP and node ports where the type asks for them."""
        if old is not None and obj.spec is old.spec:  # only its status changes; others read the spec
            return _nothing
        before = _Numbers.of(old) if old else _NO_NUMBERS
        if old is not None:
            _keep_allocated(obj, old)
        self._take_address(obj, before.addresses)
        self._take_ports(obj, before.ports)
        after = _Numbers.of(obj)
        self._exchange(before, after)
        return lambda: self._exchange(after, before)

    def release(self, obj: Service) -> None:
        """Everything goes back to the pools."""
        self._exchange(_Numbers.of(obj), _NO_NUMBERS)

    def recount(self) -> None:
        """The pools as the stored Services leave them."""
        self._addresses.clear()
        self._ports.clear()
        for service in self._registry.all(Service):
            self._exchange(_NO_NUMBERS, _Numbers.of(service))

    def _exchange(self, given: _Numbers, taken: _Numbers) -> None:
        self._addresses -= given.addresses - taken.addresses
        self._addresses |= taken.addresses - given.addresses
        self._ports -= given.ports - taken.ports
        self._ports |= taken.ports - given.ports

    def _take_address(self, obj: Service, had: frozenset[str]) -> None:
        spec = obj.spec
        if spec.type == "ExternalName":
            spec.cluster_ip, spec.cluster_ips = None, []
            return
        requested = spec.cluster_ip or next(iter(spec.cluster_ips), "")
        if not requested:
            requested = self._free_address()
        elif requested not in had and requested != "None":
            self._check_address(obj, requested)
        spec.cluster_ip, spec.cluster_ips = requested, [requested]

    def _check_address(self, obj: Service, requested: str) -> None:
        try:
            valid = ipaddress.ip_address(requested) in self._network
        except ValueError:
            why = f"failed to allocate IP {requested}: the provided value is not a valid IP"
        else:
            if valid and requested not in self._addresses:
                return
            taken = "provided IP is already allocated"
            outside = f"the provided IP ({requested}) is not in the valid range."
            outside += f" The range of valid IPs is {self._network}"
            why = f"failed to allocate IP {requested}: {taken if valid else outside}"
        raise _invalid(obj, field.invalid("spec.clusterIPs", [requested], why))

    def _free_address(self) -> str:
        """The next free address, in order, so that one that was just freed is not given at once to somebody else."""
        size = self._network.num_addresses - 2
        for step in range(size):
            offset = (self._next_address + step - 1) % size + 1
            address = str(self._network[offset])
            if address not in self._addresses:
                self._next_address = offset + 1
                return address
        raise InternalError("failed to allocate a serviceIP: range is full")

    def _take_ports(self, obj: Service, had: frozenset[int]) -> None:
        if obj.spec.type not in {"NodePort", "LoadBalancer"}:
            for port in obj.spec.ports:
                port.node_port = None
            return
        mine: dict[tuple[int, str], int] = {}
        for index, port in enumerate(obj.spec.ports):
            if port.node_port is None:
                continue
            if port.node_port not in had:
                self._check_port(obj, index, port.node_port)
            mine[port.port, port.protocol or "TCP"] = port.node_port
        for port in obj.spec.ports if _is_given_ports(obj.spec) else ():
            if port.node_port is None:
                port.node_port = self._free_port(set(mine.values()))
                mine[port.port, port.protocol or "TCP"] = port.node_port

    def _check_port(self, obj: Service, index: int, port: int) -> None:
        path = f"spec.ports[{index}].nodePort"
        if port not in NODE_PORTS:
            text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            raise _invalid(obj, field.invalid(path, port, text))
        if port in self._ports:
            raise _invalid(obj, field.invalid(path, port, "provided port is already allocated"))

    def _free_port(self, mine: set[int]) -> int:
        for step in range(len(NODE_PORTS)):
            port = NODE_PORTS[(self._next_port + step) % len(NODE_PORTS)]
            if port not in self._ports and port not in mine:
                self._next_port = port - NODE_PORTS.start + 1
                return port
        raise InternalError("failed to allocate a nodePort: range is full")


def _keep_allocated(obj: Service, old: Service) -> None:
    """An update that leaves out what was allocated keeps it (upstream's `patchAllocatedValues`)."""
    if obj.spec.type != "ExternalName" and old.spec.type != "ExternalName" and not obj.spec.cluster_ip:
        obj.spec.cluster_ip = old.spec.cluster_ip
        obj.spec.cluster_ips = list(old.spec.cluster_ips)
    if _is_given_ports(obj.spec) and _is_given_ports(old.spec):
        known = {port.name or "": port.node_port for port in old.spec.ports}
        taken = {port.node_port for port in obj.spec.ports}
        for port in obj.spec.ports:
            before = known.get(port.name or "")
            if not port.node_port and before not in taken:
                port.node_port = before


def _is_given_ports(spec: ServiceSpec) -> bool:
    """Whether ports of the machine that nobody asked for are given out; a balancer may do without."""
    if spec.type == "LoadBalancer":
        return spec.allocate_load_balancer_node_ports is not False
    return spec.type == "NodePort"


def _invalid(obj: Service, error: field.FieldError) -> Invalid:
    return Invalid.of("", "Service", obj.metadata.name, [error])
