"""What one decision about a Service's endpoints looks at, and what it says. Values only."""

from dataclasses import dataclass

from petset.api.types import Endpoints, EndpointSlice, Pod, Service


@dataclass(frozen=True, slots=True)
class Observed:
    """A Service, the pods its selector matches, and what is written about it so far."""

    service: Service
    pods: tuple[Pod, ...]
    endpoints: Endpoints | None
    slices: tuple[EndpointSlice, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to write. Everything empty: the cluster already says what is true."""

    create: tuple[Endpoints | EndpointSlice, ...] = ()
    update: tuple[Endpoints | EndpointSlice, ...] = ()
    delete: tuple[Endpoints | EndpointSlice, ...] = ()
    skipped: int = 0
    """Addresses that are too many to be mirrored."""

    def __str__(self) -> str:
        parts = [("create", self.create), ("update", self.update), ("delete", self.delete)]
        lines = [f"{verb} {o.kind} {o.metadata.name or o.metadata.generate_name}" for verb, what in parts for o in what]
        return "\n".join(lines) or "nothing to do"
