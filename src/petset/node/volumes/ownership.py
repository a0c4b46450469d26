"""fsGroup: gives a volume's content to a group. Blocking.

Rules: upstream's pkg/volume/volume_linux.go. Files become readable (and, in a writable volume, writable) for the group,
directories also searchable and setgid, so that new files belong to the group, too.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

_WRITABLE, _READABLE, _SEARCHABLE = 0o660, 0o440, 0o110


@dataclass(frozen=True, slots=True)
class GroupAccess:
    """The group that is to have a volume, and how. The root is changed last, so that a match means that all is done."""

    group: int
    writable: bool = True
    on_root_mismatch: bool = False


def give_to_group(top: Path, access: GroupAccess) -> None:
    """Changes everything at and below `top`; links are not followed. Raises OSError."""
    if access.on_root_mismatch and _has_access(top, access):
        return
    for directory, below, names in os.walk(top, topdown=False):
        links = [name for name in below if (Path(directory) / name).is_symlink()]
        for name in (*names, *links):
            _give(Path(directory) / name, access)
        _give(Path(directory), access)


def _has_access(top: Path, access: GroupAccess) -> bool:
    found = top.stat()
    wanted = (_WRITABLE if access.writable else _READABLE) | _SEARCHABLE | stat.S_ISGID
    return found.st_gid == access.group and found.st_mode & wanted == wanted


def _give(path: Path, access: GroupAccess) -> None:
    """Changes one entry; one that its owner removed meanwhile needs nothing."""
    try:
        found = path.lstat()
        os.chown(path, -1, access.group, follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode):
            return
        extra = _WRITABLE if access.writable else _READABLE
        if stat.S_ISDIR(found.st_mode):
            extra |= _SEARCHABLE | stat.S_ISGID
        path.chmod(stat.S_IMODE(found.st_mode) | extra)
    except FileNotFoundError:
        return
