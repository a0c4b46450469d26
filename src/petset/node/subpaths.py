"""Parts of volumes: a volumeMount's subPath, prepared so that no symbolic link leads out of the volume.

A container may change its volume at any moment, so a path that was checked is worth nothing. What is checked here is
opened step by step without following links, and the descriptor itself is bind-mounted; the engine is given that mount.
The method is that of upstream's pkg/volume/util/subpath. Without root nothing can be mounted, and no real container
runs either: then the checked path itself is the answer.
"""

import os
import stat
from pathlib import Path

from petset.node.mounts import bind_descriptor, mount_points_below

_STEP = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


class SubPathFailed(Exception):
    """The part cannot be shown; the message says why, without the volume."""


def prepare_subpath(volume: Path, sub_path: str, target: Path, *, mounts: bool) -> Path:
    """The host path for a part of a volume, made as a directory when it is not there. Raises SubPathFailed."""
    try:
        inside = _resolve(volume, sub_path)
        descriptor = _open_inside(volume, inside)
        try:
            return _show(descriptor, target) if mounts else volume / inside
        finally:
            os.close(descriptor)
    except OSError as error:
        raise SubPathFailed(f"subPath {sub_path!r}: {error.strerror or error}") from error


def _resolve(volume: Path, sub_path: str) -> Path:
    """Where the sub-path leads, links followed, relative to the volume; the missing rest of it unchanged."""
    if sub_path.startswith("/") or ".." in Path(sub_path).parts:
        raise SubPathFailed(f"subPath {sub_path!r} must be relative and must not contain '..'")
    top = os.path.realpath(volume)
    found = os.path.realpath(Path(top) / sub_path)
    if found != top and not found.startswith(f"{top}/"):
        raise SubPathFailed(f"subPath {sub_path!r} leads out of the volume")
    return Path(found).relative_to(top)


def _open_inside(volume: Path, inside: Path) -> int:
    """A descriptor of the part, reached without following any link; missing directories are made on the way."""
    here = os.open(os.path.realpath(volume), _STEP)
    mode = stat.S_IMODE(os.fstat(here).st_mode)
    owner = os.fstat(here).st_gid
    for name in inside.parts:
        try:
            try:
                following = os.open(name, _STEP, dir_fd=here)
            except FileNotFoundError:
                following = _make_directory(here, name, mode, owner)
        finally:
            os.close(here)
        here = following
        if stat.S_ISLNK(os.fstat(here).st_mode):
            os.close(here)
            raise SubPathFailed(f"subPath {str(inside)!r} changed while it was looked at")
    return here


def _make_directory(parent: int, name: str, mode: int, group: int) -> int:
    """A directory with the mode and the group of the volume."""
    os.mkdir(name, 0o750, dir_fd=parent)
    made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        if os.fstat(made).st_gid != group:
            os.fchown(made, -1, group)
        os.fchmod(made, mode)
        return os.open(name, _STEP, dir_fd=parent)
    finally:
        os.close(made)


def _show(descriptor: int, target: Path) -> Path:
    """The mount point, mounted anew unless it already shows just this."""
    is_directory = stat.S_ISDIR(os.fstat(descriptor).st_mode)
    if mount_points_below(target):
        shown, wanted = target.stat(), os.fstat(descriptor)
        if (shown.st_dev, shown.st_ino) == (wanted.st_dev, wanted.st_ino):
            return target
    elif is_directory:
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    bind_descriptor(descriptor, target)
    return target
