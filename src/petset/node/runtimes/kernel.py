"""What the kernel tells better than the engines do: when a process ends, who was killed for memory, empty cgroups."""

import asyncio
import os
import signal
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from petset.aio.clock import Clock

_CGROUPS = Path("/sys/fs/cgroup")
_RECORD = 8192
_SWEEP_INTERVAL = 0.05
_SWEEP_TIMEOUT = 5.0


async def process_end(pid: int, container_id: str) -> bool:
    """Wait until a container's process has ended, told by the kernel at once and for free.

    False, at once, when this machine's process of that number is not the container's (the engine runs elsewhere, or in
    another PID namespace): then only the engine knows.
    """
    if pid <= 0:
        return True
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    try:
        # only now is the number sure to stay this process's
        owner = _cgroups_of(pid)
        if owner and container_id not in owner:
            return False
        if owner:
            await _readable(descriptor)
    finally:
        os.close(descriptor)
    return True


def _cgroups_of(pid: int) -> str:
    """The cgroups of a process, nothing when it has ended."""
    try:
        return Path(f"/proc/{pid}/cgroup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)


def kill_process(pid: int, container_id: str) -> None:
    """Kill a process if it is the container's; quietly does nothing when it has ended or is not ours to kill."""
    if pid > 0 and container_id in _cgroups_of(pid):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def killed_for_memory(container_id: str) -> bool:
    """Whether the kernel's log says that the container's cgroup ran out of memory.

    The log outlives both the cgroup and this process, unlike an eventfd (which on cgroup v1 also fires when a cgroup is
    merely removed). Podman 4 on cgroup v1 never reports OOMKilled by itself. The kernel writes at most ten such records
    in five seconds.
    """
    try:
        log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    wanted = container_id.encode()
    try:
        while True:
            try:
                record = os.read(log, _RECORD)
            except BrokenPipeError:  # overwritten while we read; the next read continues after the gap
                continue
            except OSError:
                return False
            if b"oom_memcg=" in record and wanted in record:
                return True
    finally:
        os.close(log)


async def remove_cgroup(parent: str, containers: Collection[str], clock: Clock) -> bool:
    """Remove a pod's cgroup in every hierarchy, once its `containers` are gone; whether that worked.

    Engines make it and leave it. What may still be in it is conmon, Podman's monitor of each container and exec: one
    of `containers` that only waits is ended, one that cleans up is waited for. Monitors of other containers are those
    of the sandbox that has come in the place of the removed one.
    """
    relative = parent.strip("/")
    if not relative or ".." in Path(relative).parts:
        return False
    waited = 0.0
    while left := [top for top in (root / relative for root in _hierarchies()) if top.is_dir()]:
        if waited > _SWEEP_TIMEOUT:
            return False
        for top in left:
            _end_monitors(top, containers)
            _remove_tree(top)
        await clock.sleep(_SWEEP_INTERVAL)
        waited += _SWEEP_INTERVAL
    return True


def _end_monitors(top: Path, containers: Collection[str]) -> None:
    """Kill the conmon processes of some containers in a cgroup; whatever else runs there is left to its end."""
    for processes in top.rglob("cgroup.procs"):
        with suppress(OSError):
            for pid in processes.read_text().split():
                if monitors(Path(f"/proc/{pid}/cmdline").read_bytes(), containers):
                    os.kill(int(pid), signal.SIGKILL)


def monitors(command_line: bytes, containers: Collection[str]) -> bool:
    """Whether a process with this command line is the conmon of one of the containers."""
    program, *arguments = command_line.decode(errors="replace").split("\0")
    return program.rpartition("/")[2] == "conmon" and any(argument in containers for argument in arguments)


def _remove_tree(top: Path) -> None:
    for directory, _, _ in os.walk(top, topdown=False):
        with suppress(OSError):
            Path(directory).rmdir()


def remove_empty_cgroups(*relative: str) -> None:
    """Remove cgroups in every hierarchy as far as nothing is in them."""
    for path in relative:
        for root in _hierarchies():
            with suppress(OSError):
                (root / path).rmdir()


def _hierarchies() -> list[Path]:
    """Where cgroups are: version 2 at the top, each controller of version 1 below it."""
    return [_CGROUPS, *(path for path in _CGROUPS.glob("*") if path.is_dir() and not path.is_symlink())]
