"""Finds the runtime that the pods of a data directory run in."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from petset.aio.clock import Clock
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.errors import RuntimeUnavailable
from petset.node.runtimes.interface import Runtime
from petset.node.runtimes.ping import ping
from petset.node.runtimes.podman_service import PodmanService
from petset.node.runtimes.simulated import SimulatedRuntime

Wanted = Literal["auto", "podman", "docker", "simulated"]

_USUAL = (Path("/run/podman/podman.sock"), Path("/var/run/docker.sock"))


async def find_runtime(wanted: Wanted, data_dir: Path, instance: str, clock: Clock) -> Runtime:
    """Choose a runtime; the caller starts it. Raises `RuntimeUnavailable` with what can be done about it.

    In this order: the socket of PETSET_ENGINE, CONTAINER_HOST or DOCKER_HOST when an engine of the wanted kind answers
    there; the Podman service of our own when this data directory has used it before, because its containers are there;
    the usual sockets; a new Podman service of our own.
    """
    if wanted == "simulated":
        return SimulatedRuntime(clock, log_directory=data_dir / "simulated" / "logs")
    service = PodmanService(data_dir, clock)
    chosen = chosen_sockets(os.environ)
    usual = () if service.exists and wanted != "docker" else _USUAL
    for socket in (*chosen, *usual):
        engine = await ping(socket)
        if engine is not None and wanted in {"auto", engine.name}:
            return EngineRuntime(socket, instance, clock)
    if wanted == "docker":
        places = ", ".join(str(socket) for socket in (*chosen, *_USUAL))
        raise RuntimeUnavailable(f"no Docker engine answers on any of: {places}")
    return EngineRuntime(service.socket, instance, clock, service)


def chosen_sockets(environment: Mapping[str, str]) -> Sequence[Path]:
    """The Unix sockets that environment variables name; engines on other machines cannot run our pods."""
    addresses = [environment.get(name, "") for name in ("PETSET_ENGINE", "CONTAINER_HOST", "DOCKER_HOST")]
    return [Path(address.removeprefix("unix://")) for address in addresses if address.startswith(("unix://", "/"))]
