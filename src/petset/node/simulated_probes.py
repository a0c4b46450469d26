"""Probes and lifecycle hooks where there are no containers to ask: every probe passes, every hook succeeds."""

from petset.api.types import Container, LifecycleHandler, Pod, Probe
from petset.node.probes.handlers import Target
from petset.node.probes.results import Outcome


class AlwaysPasses:
    """Implements `Prober`."""

    async def probe(self, target: Target, probe: Probe) -> Outcome:
        """Passes."""
        return Outcome(success=True)


class NoHooks:
    """Implements `Hooks`."""

    async def run(self, pod: Pod, container_id: str, address: str, container: Container, hook: LifecycleHandler) -> str:
        """Succeeds."""
        return ""
