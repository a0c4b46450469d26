"""Probes of containers that exist on paper only: they always succeed, and hooks do as well."""

from petset.api.types import Container, LifecycleHandler, Pod, Probe
from petset.node.probes.handlers import Target
from petset.node.probes.results import Outcome


class SimulatedProber:
    """A `Prober` whose every answer is yes."""

    async def probe(self, target: Target, probe: Probe) -> Outcome:
        """Yes."""
        return Outcome(success=True)


class SimulatedHooks:
    """Hooks that have always run well."""

    async def run(self, pod: Pod, container_id: str, address: str, container: Container, hook: LifecycleHandler) -> str:
        """Nothing failed."""
        return ""
