"""Volumes for containers that never run: the one by which every pod reaches the API is not made."""

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from petset.api.types import Pod, Volume
from petset.node.volumes import Volumes


class SimulatedVolumes(Volumes):
    """Everything of `Volumes` but those with tokens in them; thousands of pods leave the disk alone."""

    async def mount(self, pod: Pod) -> Mapping[str, Path]:
        """As everywhere, without those volumes."""
        volumes = [volume for volume in pod.spec.volumes if not holds_token(volume)]
        if not volumes:
            return {}
        return await super().mount(replace(pod, spec=replace(pod.spec, volumes=volumes)))

    async def unmount(self, pod_uid: str) -> None:
        """As everywhere; of most pods there is nothing."""
        if self._directories.has_pod(pod_uid):
            await super().unmount(pod_uid)


def holds_token(volume: Volume) -> bool:
    """Whether a token is among what a volume shows."""
    sources = volume.projected.sources if volume.projected is not None else ()
    return any(source.service_account_token is not None for source in sources)
