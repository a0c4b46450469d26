"""hostPath: a file or directory of the machine itself. Blocking; nothing of it is ever removed.

The checks are those of upstream's pkg/volume/hostpath.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from petset.api.types import HostPathVolumeSource
from petset.node.volumes.errors import SetUpFailed

_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "directory"),
    "DirectoryOrCreate": (stat.S_ISDIR, "directory"),
    "File": (stat.S_ISREG, "file"),
    "FileOrCreate": (stat.S_ISREG, "file"),
    "Socket": (stat.S_ISSOCK, "socket file"),
    "CharDevice": (stat.S_ISCHR, "character device"),
    "BlockDevice": (stat.S_ISBLK, "block device"),
}


def set_up(source: HostPathVolumeSource) -> Path:
    """The path, made where the type says so or says nothing. Raises SetUpFailed, OSError."""
    path = Path(source.path)
    kind = source.type or ""
    if not path.exists():
        _create(path, kind)
    if kind:
        matches, noun = _CHECKS[kind]
        if not path.exists() or not matches(path.stat().st_mode):
            raise SetUpFailed(f"hostPath type check failed: {path} is not a {noun}")
    return path


def _create(path: Path, kind: str) -> None:
    if kind in ("", "DirectoryOrCreate"):
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    elif kind == "FileOrCreate":
        os.close(os.open(path, os.O_CREAT | os.O_CLOEXEC, 0o644))
