"""The data directory: where it is, whose it is, and the lock that one server holds on it."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from petset.cli.failure import Failure

MODE = 0o700


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The paths in one data directory. Asking for one does not make it."""

    root: Path

    @property
    def lock(self) -> Path:
        """Locked by the server for its life."""
        return self.root / "lock"

    @property
    def record(self) -> Path:
        """What the server says about itself."""
        return self.root / "server.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's credentials."""
        return self.root / "kubeconfig"

    @property
    def log(self) -> Path:
        """What the server in the background writes."""
        return self.root / "petset.log"

    @property
    def volumes(self) -> Path:
        """Where volumes are provisioned by default."""
        return self.root / "volumes"

    def prepare(self) -> None:
        """Makes the directory, for its owner only. Raises Failure for one that is somebody else's or something else."""
        try:
            self.root.mkdir(mode=MODE, parents=True, exist_ok=True)
            status = self.root.stat()
            ours = self.lock.exists() or not any(self.root.iterdir())
        except OSError as error:
            raise Failure(f"data directory {self.root}: {error.strerror}") from error
        if not ours:
            raise Failure(f"{self.root} has other things in it; choose an empty directory with --data-dir")
        if status.st_uid != os.geteuid():
            raise Failure(f"data directory {self.root} belongs to another user (uid {status.st_uid})")
        if stat.S_IMODE(status.st_mode) != MODE:
            self.root.chmod(MODE)
        self.lock.touch(mode=0o600)

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Holds the lock while the block lasts; False when another process does."""
        with self.lock.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
                yield False
            else:
                yield True


def default_root(environment: Mapping[str, str], home: Path, user: int) -> Path:
    """PETSET_DATA_DIR, else /var/lib/petset for root and the XDG state directory for others."""
    if chosen := environment.get("PETSET_DATA_DIR"):
        return Path(chosen)
    if user == 0:
        return Path("/var/lib/petset")
    state = environment.get("XDG_STATE_HOME", "")
    # the XDG specification: a relative path is to be ignored
    base = Path(state) if state.startswith("/") else home / ".local" / "state"
    return base / "petset"


def data_directory(chosen: Path | None) -> DataDirectory:
    """The directory a command works on: the one the user chose, else the default."""
    root = chosen or default_root(os.environ, Path.home(), os.geteuid())
    return DataDirectory(root.expanduser().absolute())
