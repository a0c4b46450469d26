"""What a volume made of API objects contains: files by their path in the volume. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from petset.api.types import KeyToPath
from petset.node.volumes.errors import SetUpFailed

DEFAULT_MODE = 0o644


@dataclass(frozen=True, slots=True)
class File:
    """One file. `user` is the uid that owns it, None for root."""

    data: bytes
    mode: int = DEFAULT_MODE
    user: int | None = None


Payload = Mapping[str, File]


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for files whose item says nothing else."""

    mode: int = DEFAULT_MODE
    user: int | None = None

    @classmethod
    def of(cls, mode: int | None, user: int | None) -> "Defaults":
        """A source's defaultMode and defaultUser."""
        return cls(DEFAULT_MODE if mode is None else mode, user)

    def file(self, data: bytes, mode: int | None = None, user: int | None = None) -> File:
        """A file with an item's own mode and user, where it has them."""
        return File(data, self.mode if mode is None else mode, self.user if user is None else user)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which keys go where; no items means every key under its own name. `complaint` is about a key that is missing."""

    items: Sequence[KeyToPath]
    optional: bool
    complaint: str


def select(data: Mapping[str, bytes], selection: Selection, defaults: Defaults) -> Payload:
    """The files for an object's data. Raises SetUpFailed for a missing key, unless the source is optional."""
    if not selection.items:
        return {key: defaults.file(value) for key, value in data.items()}
    files: dict[str, File] = {}
    for item in selection.items:
        if item.key in data:
            files[item.path] = defaults.file(data[item.key], item.mode, item.user)
        elif not selection.optional:
            raise SetUpFailed(f"{selection.complaint}: {item.key}")
    return files


def require_inside(payload: Payload) -> None:
    """Refuses paths that lead out of the volume or meet its own bookkeeping. Raises SetUpFailed."""
    for path in payload:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or ".." in parts:
            raise SetUpFailed(f"invalid path: must be relative and inside the volume: {path}")
        if parts[0].startswith(".."):
            raise SetUpFailed(f"invalid path: must not start with '..': {path}")
