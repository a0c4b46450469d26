"""emptyDir: a directory that begins empty and ends with the pod, on disk or in memory. Blocking."""

import os
from dataclasses import dataclass
from pathlib import Path

from petset.api.quantity import parse
from petset.api.types import EmptyDirVolumeSource, Pod
from petset.node.mounts import mount_tmpfs
from petset.node.volumes.errors import SetUpFailed

DEFAULT_MODE = 0o777


@dataclass(frozen=True, slots=True)
class Memory:
    """What bounds a volume in memory. `mounts` says whether this process may mount; without, memory is disk."""

    allocatable: int = 0
    mounts: bool = True


def set_up(path: Path, pod: Pod, source: EmptyDirVolumeSource, memory: Memory) -> None:
    """Makes the directory when it is not there. Raises SetUpFailed, OSError."""
    if source.medium not in (None, "", "Memory"):
        raise SetUpFailed(f"medium {source.medium} of emptyDir is not supported on this node")
    mode = DEFAULT_MODE if source.mode is None else source.mode
    in_memory = source.medium == "Memory" and memory.mounts
    if not path.is_dir():
        _make(path, mode)
    if in_memory and not os.path.ismount(path):
        mount_tmpfs(path, size_in_memory(pod, source, memory.allocatable), mode)


def _make(path: Path, mode: int) -> None:
    """Makes the directory under its name only once it has its mode: a crash in between leaves no wrong one behind."""
    unfinished = path.with_name(f".{path.name}")
    unfinished.mkdir(parents=True, exist_ok=True)
    unfinished.chmod(mode)
    unfinished.rename(path)


def size_in_memory(pod: Pod, source: EmptyDirVolumeSource, allocatable: int) -> int:
    """Bytes: the least of sizeLimit, the pod's memory limit and what the node has; 0 when nothing limits it."""
    limits = [container.resources.limits for container in pod.spec.containers]
    bounds = [allocatable]
    if limits and all("memory" in of_container for of_container in limits):
        bounds.append(sum(parse(of_container["memory"]).value() for of_container in limits))
    if source.size_limit:
        bounds.append(parse(source.size_limit).value())
    return min((bound for bound in bounds if bound > 0), default=0)
