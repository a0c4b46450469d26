"""The directories behind volumes. Whatever is asked for, nothing outside a volumes root is ever touched."""

import asyncio
import errno
import os
import re
import shutil
from pathlib import Path
from typing import Protocol

MODE = 0o777
"""Images run as whatever user they like; the way to the directory is what is protected."""

_ESCAPE = re.compile(r"\\([0-7]{3})")
_MOUNTS = Path("/proc/self/mountinfo")


class Directories(Protocol):
    """Makes and removes the directories of volumes. Both may be repeated. Errors are OSErrors."""

    @property
    def root(self) -> Path:
        """Where volumes are unless their class says otherwise."""
        ...

    async def create(self, path: Path, root: Path) -> None:
        """Makes a directory two levels below `root`, writable by everybody who gets there."""
        ...

    async def delete(self, path: Path, root: Path) -> None:
        """Removes a directory two levels below `root` with everything in it; one that is gone is done.

        Refuses when a part of the path below `root` is a symbolic link, or something is mounted in it.
        """
        ...


class LocalDirectories:
    """The directories of this machine. File work happens in threads."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def root(self) -> Path:
        """Where volumes are unless their class says otherwise."""
        return self._root

    async def create(self, path: Path, root: Path) -> None:
        """Makes a directory and what leads to it."""
        await asyncio.to_thread(_create, path, root)

    async def delete(self, path: Path, root: Path) -> None:
        """Removes a directory; and the one above it, the namespace's, once that is empty."""
        await asyncio.to_thread(_delete, path, root)


def _create(path: Path, root: Path) -> None:
    _check_place(path, root)
    root.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(exist_ok=True)
    _refuse_links(path, root)
    path.mkdir(exist_ok=True)
    path.chmod(MODE)


def _delete(path: Path, root: Path) -> None:
    _check_place(path, root)
    if not os.path.lexists(path):
        return
    _refuse_links(path, root)
    mounted = mounted_below(path.resolve(), _mountinfo())
    if mounted is not None:
        raise OSError(errno.EBUSY, "something is mounted in the volume", mounted)
    shutil.rmtree(path)
    _remove_if_empty(path.parent)


def _check_place(path: Path, root: Path) -> None:
    parts = path.parts
    if not path.is_absolute() or ".." in parts or path.parent.parent != root:
        raise PermissionError(errno.EPERM, f"not a volume below {root}", str(path))


def _refuse_links(path: Path, root: Path) -> None:
    """A link could lead out of the root; what a link leads to is not ours."""
    for part in (path.parent, path):
        if part.is_symlink():
            raise PermissionError(errno.ELOOP, f"a symbolic link is not a volume below {root}", str(part))


def _mountinfo() -> str:
    try:
        return _MOUNTS.read_text()
    except FileNotFoundError:
        return ""


def mounted_below(path: Path, mountinfo: str) -> str | None:
    """A mount point in or at a directory, by what the kernel lists in `/proc/self/mountinfo`; None when there is none.

    Comparing device numbers would miss bind mounts of the same file system.
    """
    points = (_ESCAPE.sub(lambda match: chr(int(match[1], 8)), line.split()[4]) for line in mountinfo.splitlines())
    return next((point for point in points if Path(point).is_relative_to(path)), None)


def _remove_if_empty(directory: Path) -> None:
    try:
        directory.rmdir()
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
            raise
