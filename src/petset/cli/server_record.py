"""What a server says about itself in its data directory, and whether that is still true.

The record outlives a server that was killed or told to leave its pods alone; only a server that has ended its pods
removes it. So a record without its process means: pods may still be running.
"""

import os
from pathlib import Path

import msgspec

from petset.cli.failure import Failure

PROC = Path("/proc")


class ServerRecord(msgspec.Struct, frozen=True):
    """One server: its process (with the start time, for pids are used again), where it listens, how it runs pods."""

    pid: int
    started: str
    address: str
    version: str
    runtime: str
    cluster_domain: str = "cluster.local"

    @property
    def running(self) -> bool:
        """Whether this very process is alive."""
        return is_running(self.pid, self.started)


def write_record(path: Path, record: ServerRecord) -> None:
    """Writes the record in one step."""
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")
    draft.chmod(0o600)
    draft.replace(path)


def read_record(path: Path) -> ServerRecord | None:
    """The record, None when there is none. Raises Failure when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=ServerRecord)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise Failure(f"{path} cannot be read: {error}") from error


def running_server(path: Path) -> ServerRecord | None:
    """The record of a server that runs now."""
    record = read_record(path)
    return record if record is not None and record.running else None


def start_time(pid: int, proc: Path = PROC) -> str:
    """When a process was started, as a text to compare; empty when there is no such process, or no /proc.

    Boot and clock ticks since then: neither alone tells two processes apart.
    """
    state, ticks = _state_and_ticks(pid, proc)
    if not ticks or state == "Z":
        return ""
    return f"{this_boot(proc)}/{ticks}"


def boot_of(started: str) -> str:
    """The boot that a start time belongs to."""
    return started.partition("/")[0]


def this_boot(proc: Path = PROC) -> str:
    """The present boot of this machine; empty where that cannot be known."""
    try:
        return (proc / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _state_and_ticks(pid: int, proc: Path) -> tuple[str, str]:
    """Fields 3 and 22 of /proc/PID/stat; the name before them may contain anything, but it ends with the last ')'."""
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return "", ""
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def is_running(pid: int, started: str, proc: Path = PROC) -> bool:
    """Whether the process that `started` then is still there. Without /proc the pid has to do."""
    if (proc / "self" / "stat").exists():
        return bool(started) and start_time(pid, proc) == started
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
