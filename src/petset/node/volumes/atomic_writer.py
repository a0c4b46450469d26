"""Replaces the content of a directory at once, under the eyes of running containers.

The visible names are links to `..data/<name>`, `..data` is a link to a directory made for one version of the content,
and renaming a new link over it changes everything together. Layout and order of steps are those of upstream's
pkg/volume/util/atomic_writer.go, so that programs that watch `..data` work here.
"""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from petset.node.volumes.payload import Payload

DATA = "..data"
_NEW_DATA = "..data_tmp"


def write(directory: Path, payload: Payload, now: datetime, prepare: Callable[[Path], None]) -> bool:
    """Makes the directory show exactly this payload; whether anything had to change.

    `prepare` sets ownership on the new version before anybody sees it. Blocking. Raises OSError.
    """
    directory.mkdir(mode=0o755, parents=True, exist_ok=True)
    directory.chmod(0o755)
    old = _version(directory)
    if old is not None and _shows(old, payload):
        _link(directory, payload)  # a crash may have come between the version and its links
        _remove_other_versions(directory, old)
        return False
    new = _write_version(directory, payload, now)
    prepare(new)
    _swap(directory, new)
    _link(directory, payload)
    _remove_other_versions(directory, new)
    return True


def _version(directory: Path) -> Path | None:
    """The version that is shown now."""
    try:
        version = directory / (directory / DATA).readlink()
    except FileNotFoundError:
        return None
    return version if version.is_dir() else None


def _shows(version: Path, payload: Payload) -> bool:
    present = {str((Path(top) / name).relative_to(version)) for top, _, names in os.walk(version) for name in names}
    if present != payload.keys():
        return False
    return all((version / path).read_bytes() == file.data for path, file in payload.items())


def _write_version(directory: Path, payload: Payload, now: datetime) -> Path:
    new = Path(tempfile.mkdtemp(prefix=now.strftime("..%Y_%m_%d_%H_%M_%S."), dir=directory))
    new.chmod(0o755)
    for path, file in payload.items():
        target = new / path
        for parent in reversed([parent for parent in target.parents if new in parent.parents]):
            parent.mkdir(mode=0o755, exist_ok=True)
            parent.chmod(0o755)
        target.write_bytes(file.data)
        target.chmod(file.mode)
        if file.user is not None:
            os.chown(target, file.user, -1)
    return new


def _swap(directory: Path, new: Path) -> None:
    link = directory / _NEW_DATA
    link.unlink(missing_ok=True)
    link.symlink_to(new.name)
    link.replace(directory / DATA)


def _link(directory: Path, payload: Payload) -> None:
    """Links for the first parts of all paths; what is linked and no longer there goes."""
    wanted = {path.split("/", 1)[0] for path in payload}
    for name in wanted:
        link = directory / name
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{name}")
    for entry in directory.iterdir():
        if entry.name not in wanted and not entry.name.startswith("..") and entry.is_symlink():
            entry.unlink()


def _remove_other_versions(directory: Path, kept: Path) -> None:
    for entry in directory.iterdir():
        if entry.name.startswith("..") and entry.name != kept.name and stat.S_ISDIR(entry.lstat().st_mode):
            shutil.rmtree(entry)
