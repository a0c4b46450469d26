"""Specs for containers that never run: nobody reads their files, so none are written."""

from collections.abc import Iterator

from petset.api.types import Container, Pod
from petset.node.runtimes.interface import Mount
from petset.node.specs import PodContext, Specs


class SimulatedSpecs(Specs):
    """Everything of `Specs` but the pod's /etc and the termination logs; thousands of pods leave the disk alone."""

    async def write_etc(self, pod: Pod, pod_ip: str) -> None:
        """Writes nothing. Raises ConfigError all the same when the pod's name is impossible."""
        self._name_of(pod)

    def _files(self, context: PodContext, container: Container, attempt: int) -> Iterator[Mount]:
        return iter(())
