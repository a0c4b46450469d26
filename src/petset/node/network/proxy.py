"""What kube-proxy does elsewhere: connections to a Service's cluster address end at one of its ready endpoints.

The connections pass through this process: no kernel module or rule is needed, and an endpoint that refuses is passed
over for the next. Pods see the bridge's address as the client's.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from petset.node.network.relays import Admits, TcpRelay, UdpRelay, everybody

log = logging.getLogger(__name__)

Endpoint = tuple[str, int]


@dataclass(frozen=True, slots=True)
class ProxiedPort:
    """One port of a Service. `endpoints` are the ready ones, address and target port each."""

    port: int
    protocol: str
    endpoints: tuple[Endpoint, ...]


@dataclass(frozen=True, slots=True)
class ProxiedService:
    """A Service with a cluster address. `client_affinity` is `sessionAffinity: ClientIP`."""

    cluster_ip: str
    ports: tuple[ProxiedPort, ...]
    client_affinity: bool = False


@dataclass(frozen=True, slots=True, order=True)
class Front:
    """Where connections come in."""

    address: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class Backends:
    """Where connections on a front go."""

    endpoints: tuple[Endpoint, ...]
    client_affinity: bool = False


@dataclass(frozen=True, slots=True)
class ProxyPlan:
    """The changes that lead from what is served to what should be, in the order in which they are made."""

    close: tuple[Front, ...]
    retarget: tuple[Front, ...]
    open: tuple[Front, ...]


def fronts(services: Mapping[str, ProxiedService]) -> dict[Front, Backends]:
    """What should be served. A port without ready endpoints is not: a connection to it is refused at once."""
    return {
        Front(service.cluster_ip, port.port, port.protocol): Backends(port.endpoints, service.client_affinity)
        for service in services.values()
        for port in service.ports
        if port.endpoints and port.protocol in _RELAYS
    }


def plan(served: Mapping[Front, Backends], wanted: Mapping[Front, Backends]) -> ProxyPlan:
    """The difference. Connections that exist stay where they are, as with kube-proxy, unless their front closes."""
    return ProxyPlan(
        close=tuple(sorted(served.keys() - wanted.keys())),
        retarget=tuple(sorted(front for front in served.keys() & wanted.keys() if served[front] != wanted[front])),
        open=tuple(sorted(wanted.keys() - served.keys())),
    )


def preference(backends: Backends, client: str, turn: int) -> list[Endpoint]:
    """The endpoints in the order in which to try them for a client's connection number `turn`.

    With affinity a client keeps its endpoint for as long as that is ready; other clients do not move with it.
    """
    endpoints = backends.endpoints
    if backends.client_affinity:
        return sorted(endpoints, key=lambda end: hashlib.sha256(f"{client} {end[0]} {end[1]}".encode()).digest())
    start = turn % len(endpoints)
    return [*endpoints[start:], *endpoints[:start]]


class Relay(Protocol):
    """Carries what comes in at one front to its endpoints."""

    async def open(self) -> None:
        """Starts listening. Raises OSError."""
        ...

    async def close(self) -> None:
        """Stops listening and ends every connection."""
        ...


_RELAYS: Mapping[str, type[TcpRelay] | type[UdpRelay]] = {"TCP": TcpRelay, "UDP": UdpRelay}


class _Target:
    """The backends of one front as they are now, and whose turn it is."""

    def __init__(self, backends: Backends) -> None:
        self.backends = backends
        self._turn = 0

    def choose(self, client: str) -> list[Endpoint]:
        self._turn += 1
        return preference(self.backends, client, self._turn - 1)


class ServiceProxy:
    """Serves the cluster addresses of Services, to those whom `admits` lets in."""

    def __init__(self, admits: Admits = everybody) -> None:
        self._admits = admits
        self._relays: dict[Front, Relay] = {}
        self._targets: dict[Front, _Target] = {}

    async def apply(self, services: Mapping[str, ProxiedService]) -> None:
        """Makes the proxy serve exactly these Services; the keys only name them.

        A front whose port is taken by another program is logged and tried again with the next call.
        """
        wanted = fronts(services)
        changes = plan({front: target.backends for front, target in self._targets.items()}, wanted)
        for front in changes.close:
            del self._targets[front]
            await self._relays.pop(front).close()
        for front in changes.retarget:
            self._targets[front].backends = wanted[front]
        for front in changes.open:
            target = _Target(wanted[front])
            relay = _RELAYS[front.protocol](front.address, front.port, target.choose, self._admits)
            try:
                await relay.open()
            except OSError as error:
                log.warning("cannot serve %s:%s/%s: %s", front.address, front.port, front.protocol, error)
                continue
            self._targets[front], self._relays[front] = target, relay

    async def close(self) -> None:
        """Stops serving."""
        await self.apply({})
