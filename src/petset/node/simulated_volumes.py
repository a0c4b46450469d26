"""Volumes for containers that never run: the one by which every pod reaches the API is not written."""

from pathlib import Path

from petset.api.types import Pod, Volume
from petset.node.volumes import Volumes


class SimulatedVolumes(Volumes):
    """Everything of `Volumes` but volumes with tokens in them; thousands of pods leave the disk alone."""

    async def _write(self, pod: Pod, volume: Volume, path: Path) -> None:
        sources = volume.projected.sources if volume.projected is not None else ()
        if all(source.service_account_token is None for source in sources):
            await super()._write(pod, volume, path)
