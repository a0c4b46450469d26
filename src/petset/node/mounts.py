"""Mounting and unmounting by the kernel's own calls, which Python 3.11 does not offer."""

import ctypes
import os
import re
from pathlib import Path

_BIND = 0x1000
_NOSUID, _NODEV = 0x2, 0x4
_DETACH, _NOFOLLOW = 0x2, 0x8
_ESCAPE = re.compile(r"\\([0-7]{3})")

_libc = ctypes.CDLL(None, use_errno=True)


def mount_tmpfs(target: Path, size: int, mode: int) -> None:
    """Mounts an empty file system in memory, of `size` bytes or, with 0, half of the machine's. Raises OSError."""
    options = f"mode={mode:o}" + (f",size={size}" if size else "")
    _mount("tmpfs", target, "tmpfs", _NOSUID | _NODEV, options)


def bind_descriptor(descriptor: int, target: Path) -> None:
    """Shows what an open descriptor stands for at `target`, whatever its path leads to by now. Raises OSError."""
    _mount(f"/proc/self/fd/{descriptor}", target, "", _BIND, "")


def unmount(target: Path) -> None:
    """Unmounts; what still uses it keeps it until its end. Raises OSError."""
    if _libc.umount2(os.fsencode(target), _DETACH | _NOFOLLOW) != 0:
        raise _error(target)


def mount_points_below(directory: Path) -> list[Path]:
    """The mount points below a directory, or at it, the deepest first; a point that is mounted twice stands twice."""
    top = os.path.realpath(directory)
    text = Path("/proc/self/mountinfo").read_text()
    found: list[Path] = []
    if "\\" not in text and top not in text:  # the usual case, without looking at hundreds of lines
        return found
    for line in text.splitlines():
        point = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), line.split()[4])
        if point == top or point.startswith(f"{top}/"):
            found.append(Path(point))
    return found[::-1]


def _mount(source: str, target: Path, kind: str, flags: int, options: str) -> None:
    arguments = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    if _libc.mount(*arguments) != 0:
        raise _error(target)


def _error(target: Path) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), str(target))
