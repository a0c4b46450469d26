"""The port between the agent and whatever runs its containers.

Shaped after the Container Runtime Interface: a *sandbox* holds a pod's namespaces and lives as long as the pod,
*containers* join it. A runtime shows only the sandboxes and containers of its own instance.

Invariants every implementation keeps (see tests/contract/test_runtimes.py):
- what was created is found again by `list_sandboxes` and `list_containers` after the caller was killed, labels and all;
- an `exited` event follows every exit promptly, also for containers that were adopted rather than started;
- stop, kill and remove of something that is gone already succeed quietly; everything else raises `ContainerNotFound`.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from petset.node.runtimes.errors import (
    ContainerNotFound,
    ContainerRuntimeError,
    CreateFailed,
    ExecFailed,
    ImageNotFound,
    ImagePullFailed,
    RuntimeUnavailable,
    StartFailed,
)

__all__ = [
    "INIT_LABEL",
    "Container",
    "ContainerNotFound",
    "ContainerResources",
    "ContainerRuntimeError",
    "ContainerSpec",
    "ContainerState",
    "CreateFailed",
    "EventKind",
    "EventStream",
    "ExecFailed",
    "ExecRequest",
    "ExecResult",
    "ExecSession",
    "Frame",
    "Image",
    "ImageNotFound",
    "ImagePullFailed",
    "LogSource",
    "Mount",
    "MountPropagation",
    "RegistryCredentials",
    "Runtime",
    "RuntimeEvent",
    "RuntimeUnavailable",
    "RuntimeVersion",
    "Sandbox",
    "SandboxSpec",
    "SecurityOptions",
    "StartFailed",
]

ContainerState = Literal["created", "running", "exited"]
EventKind = Literal["started", "exited", "oom", "removed"]
MountPropagation = Literal["None", "HostToContainer", "Bidirectional"]
LogFormat = Literal["cri", "json-file"]

INIT_LABEL = "io.petset.container.init"
"""Label that the agent puts, as "true", on containers that are to run to completion; a simulation ends them at once."""


@dataclass(frozen=True, slots=True)
class RuntimeVersion:
    """What `kubectl describe node` shows as the container runtime, `podman://4.3.1`, and the API that it speaks."""

    name: str
    version: str
    api_version: str

    def __str__(self) -> str:
        return f"{self.name}://{self.version}"


@dataclass(frozen=True, slots=True)
class RegistryCredentials:
    """One entry of an image pull secret."""

    username: str
    password: str
    server_address: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """An image that is on this machine. `user` is its own USER (a name or `uid[:gid]`), which runAsNonRoot looks at."""

    id: str
    reference: str
    digest: str = ""
    size: int = 0
    user: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


class SandboxSpec(msgspec.Struct, frozen=True):
    """What a pod needs before its first container. Without `host_network` its network has `lo` only."""

    pod_name: str
    pod_namespace: str
    pod_uid: str
    hostname: str
    attempt: int = 0
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    cgroup_parent: str = ""
    sysctls: Mapping[str, str] = msgspec.field(default_factory=dict)
    host_network: bool = False
    host_pid: bool = False
    host_ipc: bool = False


class Sandbox(msgspec.Struct, frozen=True):
    """A sandbox as it is now. `ready` is false once its pause process has ended; then its network is gone as well."""

    id: str
    pod_name: str
    pod_namespace: str
    pod_uid: str
    attempt: int
    ready: bool
    pid: int
    labels: Mapping[str, str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Mount:
    """A file or directory of the host at an absolute path of the container."""

    host_path: Path
    container_path: str
    read_only: bool = False
    propagation: MountPropagation = "None"


@dataclass(frozen=True, slots=True)
class ContainerResources:
    """Limits; 0 means none. CPU time is `cpu_quota` out of every `cpu_period`, both in microseconds."""

    memory_limit_bytes: int = 0
    cpu_shares: int = 0
    cpu_quota: int = 0
    cpu_period: int = 0
    pids_limit: int = 0
    oom_score_adj: int = 0


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """Who the processes of a container are and what they may do. `user` is `uid`, `uid:gid` or a name in the image."""

    user: str = ""
    supplemental_groups: Sequence[int] = ()
    privileged: bool = False
    add_capabilities: Sequence[str] = ()
    drop_capabilities: Sequence[str] = ()
    read_only_rootfs: bool = False
    no_new_privileges: bool = False
    seccomp_unconfined: bool = False


class ContainerSpec(msgspec.Struct, frozen=True):
    """One container of a pod, with every reference already resolved to a value.

    `command` replaces the image's entrypoint and `args` its command, as in a pod; empty means the image's own.
    `tmpfs` maps an absolute path to mount options such as `size=64m`.
    """

    name: str
    image: str
    attempt: int = 0
    command: Sequence[str] = ()
    args: Sequence[str] = ()
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    working_dir: str = ""
    mounts: Sequence[Mount] = ()
    tmpfs: Mapping[str, str] = msgspec.field(default_factory=dict)
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
    resources: ContainerResources = msgspec.field(default_factory=ContainerResources)
    security: SecurityOptions = msgspec.field(default_factory=SecurityOptions)
    tty: bool = False
    stdin: bool = False
    stdin_once: bool = False
    stop_signal: str = ""
    share_process_namespace: bool = False


@dataclass(frozen=True, slots=True)
class LogSource:
    """The file with a container's output. `petset.node.runtimes.logfile.read_log` reads and follows it."""

    path: Path
    format: LogFormat


class Container(msgspec.Struct, frozen=True):
    """A container as it is now.

    `exit_code`, `finished_at` and `oom_killed` mean something once `state` is `exited`. `message` says why a container
    could not start; then `exit_code` is 128 and `reason` is `StartError`.
    """

    id: str
    sandbox_id: str
    name: str
    attempt: int
    state: ContainerState
    image: str
    image_id: str
    labels: Mapping[str, str]
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    pid: int = 0
    exit_code: int = 0
    oom_killed: bool = False
    reason: str = ""
    message: str = ""
    log: LogSource | None = None


class RuntimeEvent(msgspec.Struct, frozen=True):
    """Something happened to a container or, when `container_id` equals `sandbox_id`, to a sandbox's pause container."""

    kind: EventKind
    container_id: str
    sandbox_id: str
    at: datetime
    exit_code: int = 0


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes that a process wrote: stream 1 is stdout (everything, with a terminal), 2 is stderr."""

    stream: Literal[1, 2]
    data: bytes


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """A command for a running container, as its own argument vector; no shell is added."""

    command: Sequence[str]
    tty: bool = False
    stdin: bool = False
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class ExecResult:
    """How a finished command ended. `output` is stdout and stderr as they came, cut at `output_limit` bytes."""

    exit_code: int
    output: bytes


class ExecSession(Protocol):
    """A conversation with a process: one reader, one writer, which may be different tasks."""

    async def read(self) -> Frame | None:
        """Wait for output; None once both streams have ended."""
        ...

    async def write(self, data: bytes) -> None:
        """Send to stdin. Quietly does nothing once the process no longer reads."""
        ...

    async def close_stdin(self) -> None:
        """End stdin while output goes on."""
        ...

    async def resize(self, width: int, height: int) -> None:
        """Tell the terminal its size in characters."""
        ...

    async def wait(self) -> int:
        """Return the exit code. After attach: the container's, waiting until it has exited."""
        ...


class EventStream(Protocol):
    """Events from the moment of `Runtime.events()` on, in order; ends when the runtime is closed."""

    def __aiter__(self) -> AsyncIterator[RuntimeEvent]: ...

    async def __anext__(self) -> RuntimeEvent: ...

    def close(self) -> None:
        """Stop receiving."""
        ...


class Runtime(Protocol):
    """Runs containers. Every method may raise `RuntimeUnavailable`; the others that it raises are named with it."""

    @property
    def name(self) -> str:
        """`podman`, `docker` or `simulated`."""
        ...

    @property
    def is_prompt(self) -> bool:
        """Whether sandboxes and containers come and go at once, so that whoever asks may as well wait for it."""
        ...

    async def start(self) -> None:
        """Connect, make sure that sandboxes can be created and watch the containers that are running already."""
        ...

    async def close(self) -> None:
        """Let go of the runtime. Containers live on."""
        ...

    async def version(self) -> RuntimeVersion:
        """Ask the runtime who it is; also serves as its health check."""
        ...

    async def image(self, reference: str) -> Image | None:
        """Look for an image on this machine by reference, digest or id."""
        ...

    async def pull(self, reference: str, credentials: RegistryCredentials | None = None) -> Image:
        """Fetch an image. Raises `ImageNotFound` when the registry has none such, else `ImagePullFailed`."""
        ...

    async def load(self, archive: Path) -> Sequence[str]:
        """Bring in a docker-archive file and return the references in it. Raises `ImagePullFailed`."""
        ...

    async def create_sandbox(self, spec: SandboxSpec) -> str:
        """Create and start a sandbox and return its id. Raises `CreateFailed`; then nothing is left behind."""
        ...

    async def sandbox_netns(self, sandbox_id: str) -> Path:
        """Return a path to the network namespace. Raises `ContainerNotFound` when the pause process has ended."""
        ...

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill whatever still runs in the sandbox, then its pause process."""
        ...

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Stop the sandbox and remove it with all its containers."""
        ...

    async def list_sandboxes(self) -> Sequence[Sandbox]:
        """Every sandbox of this instance, in whatever state."""
        ...

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        """Create a container and return its id. Raises `ImageNotFound`, `ContainerNotFound`, `CreateFailed`."""
        ...

    async def start_container(self, container_id: str) -> None:
        """Start a created container. Raises `StartFailed` with the message for the pod's status."""
        ...

    async def stop_container(self, container_id: str, timeout_seconds: float) -> None:
        """Send the stop signal (its own, its image's, or TERM), KILL after the timeout; return when exited."""
        ...

    async def kill_container(self, container_id: str, signal: str = "KILL") -> None:
        """Send one signal and return at once."""
        ...

    async def remove_container(self, container_id: str) -> None:
        """Remove a container, killing it first when it runs, and with it its log."""
        ...

    async def inspect(self, container_id: str) -> Container:
        """Read one container. Raises `ContainerNotFound`."""
        ...

    async def log(self, container_id: str) -> LogSource | None:
        """Where to read a container's output; None when there is none to be had. Raises `ContainerNotFound`."""
        ...

    async def list_containers(self) -> Sequence[Container]:
        """Every container of this instance, in whatever state; sandboxes are not among them."""
        ...

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
        """Run a command to its end. Raises `ExecFailed` when it cannot start, `TimeoutError` when it takes too long."""
        ...

    def exec(self, container_id: str, request: ExecRequest) -> AbstractAsyncContextManager[ExecSession]:
        """Run a command and talk to it. Entering raises `ContainerNotFound` or `ExecFailed`."""
        ...

    def attach(self, container_id: str, request: ExecRequest) -> AbstractAsyncContextManager[ExecSession]:
        """Talk to a container's main process; the request's command is ignored and its tty must be the container's."""
        ...

    def events(self) -> EventStream:
        """Receive events from now on. To miss nothing: subscribe first, then list."""
        ...
