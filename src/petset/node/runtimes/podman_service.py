"""A Podman service of our own, for machines on which no container engine runs: private images, containers and settings.

The service belongs to a data directory, not to the process that started it: it goes on when petset is killed, the next
petset uses it again, and only `stop` ends it. Podman itself needs no daemon; containers live on when the service ends.

    <data>/engine/          settings, log, pid, images and containers (Podman's graph root)
    /run/petset-<digest>/   socket and state that a reboot must end (Podman's run root and temporary directory)
"""

import hashlib
import os
import resource
import shutil
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import aiodocker
import aiohttp

from petset.aio.clock import Clock
from petset.node.runtimes.errors import RuntimeUnavailable
from petset.node.runtimes.kernel import remove_empty_cgroups
from petset.node.runtimes.ping import ping

_START_TIMEOUT = 10.0
_STOP_TIMEOUT = 10.0
_POLL = 0.02
_HELPERS = frozenset({"podman", "conmon"})
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"
_CONMON_PATH = "/usr/libexec/podman:/usr/lib/podman:/usr/local/libexec/podman"

_STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = "{graph}"
runroot = "{run}/storage"
"""

_REGISTRIES_CONF = """\
unqualified-search-registries = ["docker.io"]
short-name-mode = "disabled"
"""

# exit_command_delay: how long a finished exec's exit code can be asked for, and how long its two conmon processes stay
_CONTAINERS_CONF = """\
[containers]
default_ulimits = ["nofile={nofile}:{nofile}", "nproc={nproc}:{nproc}"]
base_hosts_file = "none"
pids_limit = 0
[engine]
runtime = "{runtime_name}"
cgroup_manager = "cgroupfs"
events_logger = "file"
exit_command_delay = 3
tmp_dir = "{run}/tmp"
[engine.runtimes]
{runtime_name} = ["{runtime}"]
[network]
network_backend = "netavark"
network_config_dir = "{data}/networks"
"""


class PodmanService:
    """The service of one data directory."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._data = data_dir.absolute() / "engine"
        digest = hashlib.sha256(str(data_dir.absolute()).encode()).hexdigest()[:12]
        # under /run because its absence tells Podman of a reboot; short because socket paths end at 107 bytes
        self._run = Path("/run") / f"petset-{digest}"
        self._clock = clock

    @property
    def socket(self) -> Path:
        """Where the service listens."""
        return self._run / "podman.sock"

    @property
    def exists(self) -> bool:
        """Whether the data directory has used a service of its own before."""
        return (self._data / "storage").is_dir()

    async def start(self) -> None:
        """Make sure that the service answers: the one that runs, or a new one. Raises `RuntimeUnavailable`."""
        if await ping(self.socket):
            return
        runtime = self._require_programs()
        self._kill_service()
        self._forget_previous_boot()
        self._write_settings(runtime)
        self._spawn()
        deadline = self._clock.monotonic() + _START_TIMEOUT
        while not await ping(self.socket):
            if self._clock.monotonic() > deadline:
                raise RuntimeUnavailable(f"the Podman service does not start: {self._last_words()}")
            await self._clock.sleep(_POLL)

    async def stop(self) -> None:
        """Remove every container, end the service and leave no process, mount or run directory behind.

        Images stay in the data directory for the next start.
        """
        await self._remove_containers()
        pid = self._pid()
        if pid:
            os.kill(pid, signal.SIGTERM)
            deadline = self._clock.monotonic() + _STOP_TIMEOUT
            while self._pid() and self._clock.monotonic() < deadline:
                await self._clock.sleep(_POLL)
            self._kill_service()
        await self._end_helpers()
        self._unmount()
        remove_empty_cgroups("libpod_parent/conmon", "libpod_parent")  # Podman's own, as far as no other Podman uses it
        shutil.rmtree(self._run, ignore_errors=True)
        (self._data / "pid").unlink(missing_ok=True)

    async def delete(self) -> None:
        """Stop, and delete images and settings as well."""
        await self.stop()
        shutil.rmtree(self._data, ignore_errors=True)

    def _require_programs(self) -> Path:
        if os.geteuid() != 0:
            raise RuntimeUnavailable(
                "no container engine answers, and starting one needs root; "
                "run petset as root, start Podman's or Docker's service, or use --runtime simulated"
            )
        runtime = _find("runc") or _find("crun")
        absent = [name for name in ("podman", "conmon", "catatonit") if not _find(name)]
        if runtime is None:
            absent.append("runc")
        if absent or runtime is None:
            raise RuntimeUnavailable(
                f"no container engine answers and {' and '.join(absent)} cannot be found: apt-get install "
                "podman runc conmon catatonit netavark, or use --runtime simulated"
            )
        return runtime

    def _forget_previous_boot(self) -> None:
        """Where /run outlives a reboot, Podman would believe that its containers still run."""
        boot = _BOOT_ID.read_text().strip()
        record = self._run / "boot"
        if self._run.exists() and (not record.exists() or record.read_text() != boot):
            shutil.rmtree(self._run, ignore_errors=True)
        self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
        record.write_text(boot)
        self.socket.unlink(missing_ok=True)

    def _write_settings(self, runtime: Path) -> None:
        graph = self._data / "storage"
        graph.mkdir(mode=0o700, parents=True, exist_ok=True)
        # limits above our own need CAP_SYS_RESOURCE; both must be named, else Podman asks for its own, higher ones
        nofile = _hard_limit(resource.RLIMIT_NOFILE, 1 << 20)
        nproc = _hard_limit(resource.RLIMIT_NPROC, 32768)
        values = {"data": self._data, "run": self._run, "runtime": runtime, "runtime_name": runtime.name}
        settings = {
            "storage.conf": _STORAGE_CONF.format(graph=graph, run=self._run),
            "registries.conf": _REGISTRIES_CONF,
            "containers.conf": _CONTAINERS_CONF.format(nofile=nofile, nproc=nproc, **values),
        }
        for name, text in settings.items():
            if name != "registries.conf" or not (self._data / name).exists():  # a user may add registries
                (self._data / name).write_text(text)

    def _spawn(self) -> None:
        environment = os.environ | {
            "CONTAINERS_CONF": str(self._data / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self._data / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(self._data / "registries.conf"),
            "PATH": f"{os.environ.get('PATH', '')}:{_SBIN}",
        }
        for name in ("CONTAINER_HOST", "DOCKER_HOST", "NOTIFY_SOCKET", "LISTEN_FDS"):
            environment.pop(name, None)
        # a session and a parent of its own: no signal or end of ours reaches it, and whoever adopts it reaps it
        command = ["setsid", "--fork", "sh", "-c", 'echo $$ >"$0"; exec "$@"', str(self._data / "pid")]
        command += ["podman", "system", "service", "--time=0", f"unix://{self.socket}"]
        with (self._data / "service.log").open("ab") as log:
            subprocess.run(
                command, env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True
            )

    def _pid(self) -> int:
        """The process id of our service, 0 when it does not run."""
        try:
            pid = int((self._data / "pid").read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return 0
        return pid if str(self.socket).encode() in command else 0

    def _kill_service(self) -> None:
        pid = self._pid()
        if pid:
            os.kill(pid, signal.SIGKILL)

    def _last_words(self) -> str:
        try:
            lines = (self._data / "service.log").read_text(errors="replace").strip().splitlines()
        except OSError:
            lines = []
        return lines[-1] if lines else f"it says nothing in {self._data / 'service.log'}"

    async def _remove_containers(self) -> None:
        version = await ping(self.socket)
        if version is None:
            return
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self.socket)))
        docker = aiodocker.Docker(f"unix://{self.socket}", session=session, api_version=f"v{version.api_version}")
        async with session, docker:
            # those that joined another's network first: it cannot go before them
            for joined in (True, False):
                for container in await docker.containers.list(all="true"):
                    network = (await container.show())["HostConfig"]["NetworkMode"]
                    if network.startswith("container:") is joined:
                        await container.delete(force=True, v=True)

    async def _end_helpers(self) -> None:
        """Podman cleans up after each container and exec in processes of their own: they would come too late now, and
        make the run directory anew.
        """
        deadline = self._clock.monotonic() + _STOP_TIMEOUT
        while (helpers := self._helpers()) and self._clock.monotonic() < deadline:
            for pid in helpers:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await self._clock.sleep(_POLL)

    def _helpers(self) -> list[int]:
        """The processes of Podman that have to do with our run directory."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                program, *arguments = path.read_bytes().split(b"\0")
            except OSError:  # it has ended
                continue
            if Path(os.fsdecode(program)).name in _HELPERS and bytes(self._run) in b" ".join(arguments):
                found.append(int(path.parent.name))
        return found

    def _unmount(self) -> None:
        """Unmount whatever Podman left below our directories, the deepest first."""
        roots = tuple(f"{root}/" for root in (self._data, self._run))
        mounted = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for point in reversed([path for path in mounted if path.startswith(roots)]):
            subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


def _find(program: str) -> Path | None:
    found = shutil.which(program) or shutil.which(program, path=f"{_SBIN}:{_CONMON_PATH}")
    return Path(found) if found else None


def _hard_limit(kind: int, most: int) -> int:
    hard = resource.getrlimit(kind)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)
