"""Specs for containers that never run: nobody reads their files, so none are written."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from petset.api.types import Container, Pod
from petset.node.runtimes.interface import Mount
from petset.node.simulated_volumes import holds_token
from petset.node.specs import PodContext, Specs


class SimulatedSpecs(Specs):
    """Everything of `Specs` but the pod's /etc and the termination logs; thousands of pods leave the disk alone."""

    async def write_etc(self, pod: Pod, pod_ip: str) -> None:
        """Writes nothing. Raises ConfigError all the same when the pod's name is impossible."""
        self._name_of(pod)

    def termination_log(self, pod_uid: str, container: str, attempt: int) -> Path | None:
        """None: there are no last words."""
        return None

    async def _mounts(self, context: PodContext, container: Container, variables: Mapping[str, str]) -> list[Mount]:
        """As everywhere, without the volumes that are not made for pods on paper."""
        absent = {volume.name for volume in context.pod.spec.volumes if holds_token(volume)}
        mounts = [mount for mount in container.volume_mounts if mount.name not in absent]
        return await super()._mounts(context, replace(container, volume_mounts=mounts), variables)

    def _files(self, context: PodContext, container: Container, attempt: int) -> Iterator[Mount]:
        return iter(())
