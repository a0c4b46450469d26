"""A runtime that runs nothing: for tests, for thousands of pods, and for machines without an engine.

It keeps the port's contract in memory. Nothing survives the process, and nothing costs a task while it idles: delays
are slept by the caller that asked, on the caller's clock.
"""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from msgspec.structs import replace

from petset.aio.clock import Clock
from petset.aio.fanout import Fanout
from petset.node.runtimes.interface import (
    INIT_LABEL,
    Container,
    ContainerNotFound,
    ContainerSpec,
    CreateFailed,
    EventKind,
    EventStream,
    ExecFailed,
    ExecRequest,
    ExecResult,
    ExecSession,
    Frame,
    Image,
    ImageNotFound,
    LogSource,
    RegistryCredentials,
    RuntimeEvent,
    RuntimeVersion,
    Sandbox,
    SandboxSpec,
    StartFailed,
)

_EVENT_BACKLOG = 1 << 20
_KILLED = 137
_NETNS = Path("/proc/0/ns/net")
_ENDING_SIGNALS = frozenset({"KILL", "TERM", "INT", "QUIT"})


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds that the simulated machine takes."""

    pull: float = 0.0
    start: float = 0.0
    stop: float = 0.0


NO_DELAYS = Delays()


class SimulatedRuntime:
    """A `Runtime`. Every image exists but those in `unpullable`; every command runs but those in `unstartable`.

    Containers run until they are stopped or told to by `exit_container`; those with `INIT_LABEL` complete at once. With
    a `log_directory` each container has two lines of log there, for whoever reads them.
    """

    def __init__(
        self,
        clock: Clock,
        delays: Delays | None = None,
        *,
        unpullable: Collection[str] = (),
        unstartable: Collection[str] = (),
        log_directory: Path | None = None,
    ) -> None:
        self._clock = clock
        self._delays = delays or NO_DELAYS
        self._unpullable = unpullable
        self._unstartable = unstartable
        self._log_directory = log_directory
        self._ids = (f"{number:064x}" for number in itertools.count(1))
        self._sandboxes: dict[str, Sandbox] = {}
        self._names: set[tuple[str, int]] = set()
        self._containers: dict[str, Container] = {}
        self._members: dict[str, set[str]] = {}
        self._specs: dict[str, ContainerSpec] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._events: Fanout[RuntimeEvent] = Fanout()

    @property
    def name(self) -> str:
        """`simulated`."""
        return "simulated"

    @property
    def is_prompt(self) -> bool:
        """Unless there are delays."""
        return self._delays is NO_DELAYS

    async def start(self) -> None:
        """Prepare the log directory."""
        if self._log_directory is not None:
            self._log_directory.mkdir(parents=True, exist_ok=True)

    async def close(self) -> None:
        """End the event streams; the containers stay as they are."""
        self._events.close()

    async def version(self) -> RuntimeVersion:
        """Always available."""
        return RuntimeVersion(self.name, "1", "1")

    # --- images

    async def image(self, reference: str) -> Image | None:
        """Every image that can be pulled is there already."""
        return None if reference in self._unpullable else _image(reference)

    async def pull(self, reference: str, credentials: RegistryCredentials | None = None) -> Image:
        """Take as long as a pull is set to take."""
        del credentials
        await self._take(self._delays.pull)
        if reference in self._unpullable:
            raise ImageNotFound(f"failed to pull image {reference!r}: no such image in the simulation")
        return _image(reference)

    async def load(self, archive: Path) -> Sequence[str]:
        """There is nothing to load."""
        del archive
        return ()

    # --- sandboxes

    async def create_sandbox(self, spec: SandboxSpec) -> str:
        """Remember a sandbox. A second one for the same pod and attempt is refused, as engines do by its name."""
        name = (spec.pod_uid, spec.attempt)
        if name in self._names:
            raise CreateFailed(f"pod {spec.pod_namespace}/{spec.pod_name} has a sandbox for attempt {spec.attempt}")
        sandbox = Sandbox(
            id=next(self._ids),
            pod_name=spec.pod_name,
            pod_namespace=spec.pod_namespace,
            pod_uid=spec.pod_uid,
            attempt=spec.attempt,
            ready=True,
            pid=0,
            labels=dict(spec.labels),
            created_at=self._clock.now(),
        )
        self._sandboxes[sandbox.id] = sandbox
        self._names.add(name)
        self._members[sandbox.id] = set()
        self._publish("started", sandbox.id, sandbox.id)
        return sandbox.id

    async def sandbox_netns(self, sandbox_id: str) -> Path:
        """A path that does not exist: there is no network to attach to."""
        if not self._sandbox(sandbox_id).ready:
            raise ContainerNotFound(f"sandbox {sandbox_id} has ended")
        return _NETNS

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """End the sandbox's containers, then itself."""
        sandbox = self._sandboxes.get(sandbox_id)
        if sandbox is None or not sandbox.ready:
            return
        for container_id in sorted(self._members[sandbox_id]):
            await self.kill_container(container_id)
        self._sandboxes[sandbox_id] = replace(sandbox, ready=False)
        self._publish("exited", sandbox_id, sandbox_id, exit_code=_KILLED)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Forget the sandbox and its containers."""
        await self.stop_sandbox(sandbox_id)
        for container_id in sorted(self._members.pop(sandbox_id, ())):
            await self.remove_container(container_id)
        sandbox = self._sandboxes.pop(sandbox_id, None)
        if sandbox is not None:
            self._names.discard((sandbox.pod_uid, sandbox.attempt))
            self._publish("removed", sandbox_id, sandbox_id)

    async def list_sandboxes(self) -> Sequence[Sandbox]:
        """Every sandbox."""
        return list(self._sandboxes.values())

    # --- containers

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        """Remember a container."""
        self._sandbox(sandbox_id)
        if spec.image in self._unpullable:
            raise ImageNotFound(f"no such image: {spec.image}")
        for other in self._members[sandbox_id]:
            if (self._containers[other].name, self._containers[other].attempt) == (spec.name, spec.attempt):
                raise CreateFailed(f"container {other} is in use by {spec.name} of attempt {spec.attempt}")
        container_id = next(self._ids)
        self._containers[container_id] = Container(
            id=container_id,
            sandbox_id=sandbox_id,
            name=spec.name,
            attempt=spec.attempt,
            state="created",
            image=spec.image,
            image_id=_image(spec.image).id,
            labels=dict(spec.labels),
            created_at=self._clock.now(),
        )
        self._specs[container_id] = spec
        self._members[sandbox_id].add(container_id)
        return container_id

    async def start_container(self, container_id: str) -> None:
        """Run after the set delay."""
        spec = self._specs[self._container(container_id).id]
        await self._take(self._delays.start)
        container = self._container(container_id)
        if container.state != "created":
            return
        command = (*spec.command, *spec.args)
        if command and command[0] in self._unstartable:
            message = f'exec: "{command[0]}": no such file or directory'
            failed = replace(container, state="exited", exit_code=128, reason="StartError", message=message)
            self._containers[container_id] = failed
            raise StartFailed(message)
        now = self._clock.now()
        self._containers[container_id] = replace(container, state="running", started_at=now)
        self._publish("started", container_id, container.sandbox_id)
        if spec.labels.get(INIT_LABEL) == "true":
            self.exit_container(container_id, 0)

    def exit_container(self, container_id: str, exit_code: int, *, oom_killed: bool = False) -> None:
        """Let a running container's process end, as a test or a demonstration wishes."""
        container = self._container(container_id)
        if container.state != "running":
            return
        self._containers[container_id] = replace(
            container, state="exited", exit_code=exit_code, oom_killed=oom_killed, finished_at=self._clock.now()
        )
        if container_id in self._ended:
            self._ended.pop(container_id).set()
        if oom_killed:
            self._publish("oom", container_id, container.sandbox_id)
        self._publish("exited", container_id, container.sandbox_id, exit_code=exit_code)

    async def stop_container(self, container_id: str, timeout_seconds: float) -> None:
        """End with code 0 after the set delay, or with 137 when that is longer than the timeout."""
        if not self._is_running(container_id):
            return
        await self._take(min(self._delays.stop, timeout_seconds))
        if self._is_running(container_id):
            in_time = self._delays.stop <= timeout_seconds and timeout_seconds > 0
            self.exit_container(container_id, 0 if in_time else _KILLED)

    async def kill_container(self, container_id: str, signal: str = "KILL") -> None:
        """End at once, when the signal is one that ends processes."""
        if signal in _ENDING_SIGNALS and self._is_running(container_id):
            self.exit_container(container_id, _KILLED if signal == "KILL" else 0)

    async def remove_container(self, container_id: str) -> None:
        """Forget a container and its log."""
        await self.kill_container(container_id)
        container = self._containers.pop(container_id, None)
        if container is None:
            return
        del self._specs[container_id]
        self._members.get(container.sandbox_id, set()).discard(container_id)
        if container.log is not None:
            container.log.path.unlink(missing_ok=True)
        self._publish("removed", container_id, container.sandbox_id)

    async def inspect(self, container_id: str) -> Container:
        """Read one container."""
        return self._container(container_id)

    async def log(self, container_id: str) -> LogSource | None:
        """A file that is written when somebody wants to read it, for files cost more than all else of a container."""
        container, directory = self._container(container_id), self._log_directory
        if container.log is None and container.started_at is not None and directory is not None:
            spec, log = self._specs[container_id], LogSource(directory / f"{container_id}.log", "cri")
            stamp = container.started_at.strftime("%Y-%m-%dT%H:%M:%S.%f000+00:00")
            command = " ".join((*spec.command, *spec.args)) or "(none)"
            lines = (f"{spec.image} runs in a simulation", f"command: {command}")
            log.path.write_text("".join(f"{stamp} stdout F {line}\n" for line in lines))
            container = self._containers[container_id] = replace(container, log=log)
        return container.log

    async def list_containers(self) -> Sequence[Container]:
        """Every container."""
        return list(self._containers.values())

    # --- exec, attach, events

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
        """Succeed at once, printing the command."""
        del timeout_seconds
        self._require_running(container_id)
        return ExecResult(0, _echo(command))

    def exec(self, container_id: str, request: ExecRequest) -> AbstractAsyncContextManager[ExecSession]:
        """Run nothing and print the command."""
        return self._exec(container_id, request)

    def attach(self, container_id: str, request: ExecRequest) -> AbstractAsyncContextManager[ExecSession]:
        """Say nothing until the container exits."""
        return self._attach(container_id, request)

    def events(self) -> EventStream:
        """Receive events from now on."""
        return self._events.subscribe(_EVENT_BACKLOG)

    @asynccontextmanager
    async def _exec(self, container_id: str, request: ExecRequest) -> AsyncIterator[ExecSession]:
        self._require_running(container_id)
        yield _PrintedCommand(_echo(request.command))

    @asynccontextmanager
    async def _attach(self, container_id: str, request: ExecRequest) -> AsyncIterator[ExecSession]:
        del request
        self._require_running(container_id)
        yield _SilentProcess(self, container_id, self._ended.setdefault(container_id, asyncio.Event()))

    # --- shared by the above

    def _sandbox(self, sandbox_id: str) -> Sandbox:
        if sandbox_id not in self._sandboxes:
            raise ContainerNotFound(f"no sandbox with id {sandbox_id!r}")
        return self._sandboxes[sandbox_id]

    def _container(self, container_id: str) -> Container:
        if container_id not in self._containers:
            raise ContainerNotFound(f"no container with id {container_id!r}")
        return self._containers[container_id]

    def _is_running(self, container_id: str) -> bool:
        container = self._containers.get(container_id)
        return container is not None and container.state == "running"

    def _require_running(self, container_id: str) -> None:
        if self._container(container_id).state != "running":
            raise ExecFailed(f"container {container_id} is not running")

    async def _take(self, seconds: float) -> None:
        if seconds > 0:
            await self._clock.sleep(seconds)

    def _publish(self, kind: EventKind, container_id: str, sandbox_id: str, *, exit_code: int = 0) -> None:
        self._events.publish(RuntimeEvent(kind, container_id, sandbox_id, self._clock.now(), exit_code))


class _PrintedCommand:
    """The session of an exec that is over as soon as its output has been read."""

    def __init__(self, output: bytes) -> None:
        self._output = output

    async def read(self) -> Frame | None:
        output, self._output = self._output, b""
        return Frame(1, output) if output else None

    async def write(self, data: bytes) -> None:
        del data

    async def close_stdin(self) -> None:
        return

    async def resize(self, width: int, height: int) -> None:
        del width, height

    async def wait(self) -> int:
        return 0


class _SilentProcess(_PrintedCommand):
    """The session of an attach."""

    def __init__(self, runtime: SimulatedRuntime, container_id: str, ended: asyncio.Event) -> None:
        super().__init__(b"")
        self._runtime = runtime
        self._container_id = container_id
        self._ended = ended

    async def read(self) -> Frame | None:
        await self._ended.wait()
        return None

    async def wait(self) -> int:
        await self._ended.wait()
        return (await self._runtime.inspect(self._container_id)).exit_code


def _echo(command: Sequence[str]) -> bytes:
    return (" ".join(command) + "\n").encode()


@lru_cache(1024)
def _image(reference: str) -> Image:
    digest = hashlib.sha256(reference.encode()).hexdigest()
    return Image(id=f"sha256:{digest}", reference=reference, digest=f"{reference.partition('@')[0]}@sha256:{digest}")
