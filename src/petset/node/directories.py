"""Where the node keeps what belongs to a pod on the machine: `<root>/pods/<uid>/...`.

The layout is the kubelet's in essence; nothing outside this module puts such a path together.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Directories:
    """The paths below `root`, which is `<data directory>/node`. Asking for one does not make it."""

    root: Path

    def pod(self, uid: str) -> Path:
        """Everything of one pod."""
        return self.root.joinpath("pods", uid)

    def etc(self, uid: str, name: str) -> Path:
        """A file for the containers' /etc: `hosts`, `resolv.conf`, `hostname`."""
        return self.pod(uid) / "etc" / name

    def volumes(self, uid: str) -> Path:
        """The parent of a pod's volumes."""
        return self.pod(uid) / "volumes"

    def volume(self, uid: str, volume: str) -> Path:
        """The content of a volume that lives and dies with the pod."""
        return self.volumes(uid) / volume

    def subpaths(self, uid: str) -> Path:
        """The parent of the mount points for parts of volumes."""
        return self.pod(uid) / "volume-subpaths"

    def subpath(self, uid: str, container: str, index: int) -> Path:
        """The mount point for the part of a volume that the container's mount number `index` shows."""
        return self.subpaths(uid) / container / str(index)

    def termination_log(self, uid: str, container: str, attempt: int) -> Path:
        """The file that a container's terminationMessagePath is."""
        return self.root.joinpath("pods", uid, "containers", container, f"{attempt}.termination-log")

    def has_pod(self, uid: str) -> bool:
        """Whether there is anything of a pod."""
        return os.path.exists(f"{self.root}/pods/{uid}")  # noqa: PTH110 - asked for every pod, and a Path costs more

    def pod_uids(self) -> list[str]:
        """The pods that have a directory, also those that an earlier process left."""
        try:
            return sorted(entry.name for entry in (self.root / "pods").iterdir())
        except FileNotFoundError:
            return []
