"""The Docker Engine API, as Podman and Docker serve it on a Unix socket.

What lives here: the calls, and which error of the engine is which of ours. JSON is `payloads`, exits are `exits`,
exec and attach are `session` and `hijack`. The two engines' differences are written where they are met.
"""

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.exceptions import DockerError

from petset.aio.clock import Clock
from petset.aio.fanout import Fanout
from petset.aio.tasks import Supervisor
from petset.node.runtimes import pause, payloads
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
from petset.node.runtimes.exits import ExitWatch
from petset.node.runtimes.interface import (
    Container,
    ContainerSpec,
    EventKind,
    EventStream,
    ExecRequest,
    ExecResult,
    ExecSession,
    Image,
    LogSource,
    RegistryCredentials,
    RuntimeEvent,
    RuntimeVersion,
    Sandbox,
    SandboxSpec,
)
from petset.node.runtimes.kernel import kill_process, killed_for_memory, remove_cgroup, remove_empty_cgroups
from petset.node.runtimes.ping import ping
from petset.node.runtimes.podman_service import PodmanService
from petset.node.runtimes.session import EngineSession, ExecState, converse

_CALL_TIMEOUT = aiohttp.ClientTimeout(total=120, sock_connect=5)
_UNREACHABLE = 900  # aiodocker's status for "cannot connect"
_EVENT_BACKLOG = 1 << 20
_KILLED = 137
_LOOKS = 10
_LOOK_AGAIN = 0.01
_OUTPUT_LIMIT = 16 * 1024 * 1024  # as CRI's ExecSync; probes look at a few hundred bytes
_ENDED_MEANWHILE = re.compile(r"/proc/\d+/\S+: no such (process|file)")
_NO_SUCH_IMAGE = re.compile(r"(?i)manifest unknown|name unknown|not found|does not exist|requested access.*denied")


class EngineRuntime:
    """A `Runtime` on an engine's socket. `service` is the Podman service of our own behind it, which it revives."""

    def __init__(self, socket: Path, instance: str, clock: Clock, service: PodmanService | None = None) -> None:
        self._socket = socket
        self._instance = instance
        self._clock = clock
        self._service = service
        self._tasks = Supervisor("containers", clock)
        self._events: Fanout[RuntimeEvent] = Fanout()
        self._exits = ExitWatch(self._inspect, self._wait, self._report_exit, self._tasks, clock)
        self._client: aiodocker.Docker | None = None
        self._reviving = asyncio.Lock()
        self._name = "docker"
        self._start_failures: dict[str, str] = {}
        self._sweeps: dict[str, asyncio.Task[None]] = {}
        self._out_of_memory: dict[str, bool] = {}

    @property
    def name(self) -> str:
        """`podman` or `docker`, known once started."""
        return self._name

    @property
    def is_prompt(self) -> bool:
        """Processes take their time to come and go."""
        return False

    @property
    def _docker(self) -> aiodocker.Docker:
        if self._client is None:
            raise RuntimeUnavailable("the container runtime has not been started")
        return self._client

    @property
    def _log_driver(self) -> str:
        return "k8s-file" if self._name == "podman" else "json-file"

    # --- the engine itself

    async def start(self) -> None:
        """Connect, load the pause image when the engine lacks it, follow the containers that run."""
        found = await self.version()
        self._name = found.name
        # without a limit: every container of an engine in another PID namespace holds a connection until its exit
        session = aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(self._socket), limit=0))
        self._client = aiodocker.Docker(
            f"unix://{self._socket}", session=session, timeout=_CALL_TIMEOUT, api_version=f"v{found.api_version}"
        )
        try:
            if await self.image(pause.REFERENCE) is None:
                await self._load_pause_image()
            for answer in await self._inspect_all():
                self._watch_if_running(answer)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Disconnect. Containers, and a Podman service of our own, live on."""
        if self._sweeps:
            await asyncio.wait(self._sweeps.values())
        await self._tasks.stop()
        self._events.close()
        if self._client is not None:
            await self._client.close()
            await self._client.session.close()
            self._client = None

    async def version(self) -> RuntimeVersion:
        """Ask the engine who it is, starting our own service when it does not answer."""
        found = await ping(self._socket)
        if found is None and self._service is not None:
            async with self._reviving:  # two at once would start two services
                await self._service.start()
            found = await ping(self._socket)
        if found is None:
            raise RuntimeUnavailable(f"no container engine answers at {self._socket}")
        return found

    async def _load_pause_image(self) -> None:
        with tempfile.TemporaryDirectory(prefix="petset-") as directory:
            archive = Path(directory) / "pause.tar"
            pause.write_archive(archive)
            await self.load(archive)

    # --- images

    async def image(self, reference: str) -> Image | None:
        """Look for an image on this machine."""
        try:
            with _engine_errors():
                answer = await self._docker.images.inspect(payloads.full_reference(reference))
        except ContainerNotFound:
            return None
        return payloads.image_value(reference, answer)

    async def pull(self, reference: str, credentials: RegistryCredentials | None = None) -> Image:
        """Fetch an image. The engine reports most failures inside a successful answer."""
        full = payloads.full_reference(reference)
        auth: dict[str, Any] | None = None
        if credentials is not None:
            auth = {"username": credentials.username, "password": credentials.password}
            auth["serveraddress"] = credentials.server_address or full.partition("/")[0]
        try:
            with _engine_errors():
                await self._docker.images.pull(full, auth=auth)
        except RuntimeUnavailable:
            raise
        except ContainerRuntimeError as error:
            kind = ImageNotFound if _NO_SUCH_IMAGE.search(str(error)) else ImagePullFailed
            raise kind(f"failed to pull image {reference!r}: {error}") from error
        image = await self.image(reference)
        if image is None:
            raise ImagePullFailed(f"the engine pulled {reference!r} and does not have it")
        return image

    async def load(self, archive: Path) -> Sequence[str]:
        """Bring in a docker-archive."""
        try:
            with _engine_errors(), archive.open("rb") as stream:
                lines = await self._docker.images.import_image(stream)
        except (OSError, ContainerRuntimeError) as error:
            if isinstance(error, RuntimeUnavailable):
                raise
            raise ImagePullFailed(f"cannot load {archive}: {error}") from error
        text = "\n".join(line.get("stream", "") for line in lines)
        return [payloads.full_reference(name) for name in re.findall(r"Loaded image(?: ID)?(?:\(s\))?: (\S+)", text)]

    # --- sandboxes

    async def create_sandbox(self, spec: SandboxSpec) -> str:
        """Create and start a pause container."""
        await self._end_sweep(spec.cgroup_parent)
        request = payloads.sandbox_request(self._instance, pause.REFERENCE, spec, self._log_driver)
        try:
            sandbox_id = await self._create(payloads.sandbox_name(self._instance, spec), request)
        except (ImageNotFound, ContainerNotFound) as error:
            raise CreateFailed(str(error)) from error
        try:
            await self._start(sandbox_id)
        except StartFailed as error:
            await self._delete(sandbox_id)
            raise CreateFailed(str(error)) from error
        return sandbox_id

    async def sandbox_netns(self, sandbox_id: str) -> Path:
        """The pause process's network namespace."""
        answer = await self._inspect(sandbox_id)
        if not payloads.is_running(answer):
            raise ContainerNotFound(f"sandbox {sandbox_id} has ended")
        return Path(f"/proc/{answer['State']['Pid']}/ns/net")

    async def stop_sandbox(self, sandbox_id: str) -> None:
        """Kill the sandbox's containers, then its pause process."""
        members = await self._ids(payloads.SANDBOX, sandbox_id)
        for container_id in (*members, sandbox_id):
            await self.kill_container(container_id)
        for container_id in (*members, sandbox_id):
            await self._exits.exited(container_id)

    async def remove_sandbox(self, sandbox_id: str) -> None:
        """Remove the sandbox's containers, then itself and the pod's cgroup, which engines leave behind."""
        try:
            labels = payloads.labels_of(await self._inspect(sandbox_id))
        except ContainerNotFound:
            labels = {}
        members = await self._ids(payloads.SANDBOX, sandbox_id)
        await asyncio.gather(*(self.remove_container(container_id) for container_id in members))
        await self.remove_container(sandbox_id)
        cgroup = labels.get(payloads.CGROUP_PARENT, "")
        if cgroup:
            await self._end_sweep(cgroup)
            work = self._remove_cgroup(cgroup, {sandbox_id, *members})
            sweep = self._sweeps[cgroup] = self._tasks.background(f"cgroup {cgroup}", work)
            sweep.add_done_callback(lambda done: self._forget_sweep(cgroup, done))

    def _forget_sweep(self, cgroup: str, sweep: "asyncio.Task[None]") -> None:
        if self._sweeps.get(cgroup) is sweep:
            del self._sweeps[cgroup]

    async def _end_sweep(self, cgroup: str) -> None:
        """Stops the removal of a cgroup, because it is to be used again or removed once more."""
        sweep = self._sweeps.pop(cgroup, None)
        if sweep is not None:
            sweep.cancel()
            await asyncio.wait([sweep])

    async def _remove_cgroup(self, cgroup: str, containers: Collection[str]) -> None:
        if await remove_cgroup(cgroup, containers, self._clock) and not await self._ids(payloads.KIND, "sandbox"):
            remove_empty_cgroups(*(str(parent) for parent in PurePosixPath(cgroup.strip("/")).parents if parent.name))

    async def list_sandboxes(self) -> Sequence[Sandbox]:
        """Every sandbox of this instance."""
        return [payloads.sandbox_value(answer) for answer in await self._inspect_all("sandbox")]

    # --- containers

    async def create_container(self, sandbox_id: str, spec: ContainerSpec) -> str:
        """Create a container that joins the sandbox's namespaces."""
        sandbox = payloads.labels_of(await self._inspect(sandbox_id))
        request = payloads.container_request(self._instance, sandbox_id, sandbox, spec, self._log_driver)
        return await self._create(payloads.container_name(self._instance, sandbox, spec), request)

    async def start_container(self, container_id: str) -> None:
        """Start a created container."""
        await self._start(container_id)

    async def stop_container(self, container_id: str, timeout_seconds: float) -> None:
        """Stop by signals of our own: the engines' stop takes whole seconds only."""
        try:
            answer = await self._inspect(container_id)
        except ContainerNotFound:
            return
        self._watch_if_running(answer)
        if timeout_seconds > 0:
            await self.kill_container(container_id, payloads.stop_signal(answer))
            if await self._exits.exited(container_id, timeout_seconds):
                return
        await self.kill_container(container_id)
        await self._exits.exited(container_id)

    async def kill_container(self, container_id: str, signal: str = "KILL") -> None:
        """Send one signal."""
        try:
            with _engine_errors():
                await self._container(container_id).kill(signal=signal)
        except (RuntimeUnavailable, ContainerNotFound):
            if await self._exists(container_id):
                raise
        except ContainerRuntimeError:  # 409 or 500 when it does not run, depending on engine and version
            if payloads.is_running(await self._inspect(container_id)):
                raise

    async def remove_container(self, container_id: str) -> None:
        """Remove a container, running or not."""
        try:
            answer = await self._inspect(container_id)
        except ContainerNotFound:
            return
        unreported = self._exits.forget(container_id)
        await self._delete(container_id)
        if unreported:
            ended = payloads.state_of(answer) == "exited"
            self._publish(
                "exited", container_id, _sandbox_of(answer), answer["State"]["ExitCode"] if ended else _KILLED
            )
        self._start_failures.pop(container_id, None)
        self._out_of_memory.pop(container_id, None)
        self._publish("removed", container_id, _sandbox_of(answer))

    async def inspect(self, container_id: str) -> Container:
        """Read one container."""
        return self._container_value(await self._inspect(container_id))

    async def log(self, container_id: str) -> LogSource | None:
        """The file that the engine writes."""
        return (await self.inspect(container_id)).log

    async def list_containers(self) -> Sequence[Container]:
        """Every container of this instance."""
        return [self._container_value(answer) for answer in await self._inspect_all("container")]

    # --- exec, attach, events

    async def exec_sync(self, container_id: str, command: Sequence[str], timeout_seconds: float) -> ExecResult:
        """Run a command to its end, or kill it."""
        output = bytearray()
        async with self._exec(container_id, ExecRequest(command)) as session:
            try:
                async with asyncio.timeout(timeout_seconds or None):
                    while (frame := await session.read()) is not None:
                        output += frame.data[: _OUTPUT_LIMIT - len(output)]
                    return ExecResult(await session.wait(), bytes(output))
            except TimeoutError:
                kill_process(await session.pid(), container_id)
                raise

    def exec(self, container_id: str, request: ExecRequest) -> AbstractAsyncContextManager[ExecSession]:
        """Run a command and talk to it."""
        return self._exec(container_id, request)

    def attach(self, container_id: str, request: ExecRequest) -> AbstractAsyncContextManager[ExecSession]:
        """Talk to a container's main process."""
        return self._attach(container_id, request)

    def events(self) -> EventStream:
        """Receive events from now on."""
        return self._events.subscribe(_EVENT_BACKLOG)

    @asynccontextmanager
    async def _exec(self, container_id: str, request: ExecRequest) -> AsyncIterator[EngineSession]:
        try:
            with _engine_errors():
                execution = await self._container(container_id).exec(
                    list(request.command), stdin=request.stdin, tty=request.tty
                )
        except (RuntimeUnavailable, ContainerNotFound):
            raise
        except ContainerRuntimeError as error:  # 409: the container does not run
            raise ExecFailed(str(error)) from error

        async def resize(width: int, height: int) -> None:
            with _engine_errors():
                await execution.resize(w=width, h=height)

        async def inspect() -> payloads.Json:
            with _engine_errors():
                return await execution.inspect()

        target = f"/{self._docker.api_version}/exec/{execution.id}/start"
        conversation = await converse(self._socket, target, {"Detach": False, "Tty": request.tty}, tty=request.tty)
        session = EngineSession(conversation, resize, ExecState(inspect, self._clock))
        try:
            if request.tty and request.width and request.height:
                await session.resize(request.width, request.height)
            yield session
        finally:
            await conversation.close()

    @asynccontextmanager
    async def _attach(self, container_id: str, request: ExecRequest) -> AsyncIterator[EngineSession]:
        container = self._container(container_id)
        answer = await self._inspect(container_id)
        self._watch_if_running(answer)
        if not (answer["State"].get("Running") or answer["State"].get("Paused")):  # Podman would prepare it anew
            raise ExecFailed(f"container {container_id} is not running")

        async def resize(width: int, height: int) -> None:
            with _engine_errors():
                await container.resize(w=width, h=height)

        async def inspect() -> payloads.Json:
            await self._exits.exited(container_id)
            return (await self._inspect(container_id))["State"]  # type: ignore[no-any-return]

        query = f"stream=1&stdout=1&stderr=1&stdin={int(request.stdin)}"
        target = f"/{self._docker.api_version}/containers/{container_id}/attach?{query}"
        conversation = await converse(self._socket, target, None, tty=request.tty)
        try:
            yield EngineSession(conversation, resize, ExecState(inspect, self._clock))
        finally:
            await conversation.close()

    # --- calls shared by the above

    def _container(self, container_id: str) -> DockerContainer:
        return self._docker.containers.container(container_id)

    async def _create(self, name: str, request: payloads.Json) -> str:
        try:
            with _engine_errors():
                container = await self._docker.containers.create(request, name=name)
        except ContainerNotFound as error:
            if "image" in str(error).lower():
                raise ImageNotFound(str(error)) from error
            raise
        except RuntimeUnavailable:
            raise
        except ContainerRuntimeError as error:
            raise CreateFailed(str(error)) from error
        return container.id

    async def _start(self, container_id: str) -> None:
        try:
            with _engine_errors():
                await self._container(container_id).start()
        except (RuntimeUnavailable, ContainerNotFound):
            raise
        except ContainerRuntimeError as error:
            if not _ENDED_MEANWHILE.search(str(error)):  # else it did start, and has ended already
                # Podman leaves such a container "created" with exit code 0; the reason is known only here
                self._start_failures[container_id] = str(error)
                raise StartFailed(str(error)) from error
        answer = await self._inspect(container_id)
        self._publish("started", container_id, _sandbox_of(answer))
        self._exits.watch(container_id, _sandbox_of(answer), answer["State"].get("Pid", 0))

    async def _delete(self, container_id: str) -> None:
        try:
            with _engine_errors():
                await self._container(container_id).delete(force=True, v=True)
        except ContainerNotFound:
            return

    async def _inspect(self, container_id: str) -> payloads.Json:
        """Podman fails while a process ends between two of its looks at /proc; a moment later it knows better."""
        looks = 0
        while True:
            try:
                with _engine_errors():
                    return payloads.settled(await self._container(container_id).show(), self._clock.now())
            except ContainerRuntimeError as error:
                looks += 1
                if looks > _LOOKS or not _ENDED_MEANWHILE.search(str(error)):
                    raise
            await self._clock.sleep(_LOOK_AGAIN)

    async def _exists(self, container_id: str) -> bool:
        try:
            await self._inspect(container_id)
        except ContainerNotFound:
            return False
        return True

    async def _wait(self, container_id: str) -> None:
        with _engine_errors():
            await self._container(container_id).wait()

    async def _ids(self, label: str, value: str) -> list[str]:
        labels = [f"{payloads.INSTANCE}={self._instance}", f"{label}={value}"]
        with _engine_errors():
            found = await self._docker.containers.list(all="true", filters=json.dumps({"label": labels}))
        return [container.id for container in found]

    async def _inspect_all(self, *kinds: str) -> list[payloads.Json]:
        answers: list[payloads.Json] = []
        for kind in kinds or ("sandbox", "container"):
            for container_id in await self._ids(payloads.KIND, kind):
                try:
                    answers.append(await self._inspect(container_id))
                except ContainerNotFound:  # removed since it was listed
                    continue
        return answers

    def _watch_if_running(self, answer: payloads.Json) -> None:
        if payloads.is_running(answer):
            self._exits.watch(answer["Id"], _sandbox_of(answer), answer["State"].get("Pid", 0))

    def _container_value(self, answer: payloads.Json) -> Container:
        failure = self._start_failures.get(answer["Id"], "")
        return payloads.container_value(answer, oom_killed=self._killed_for_memory(answer), failure=failure)

    def _killed_for_memory(self, answer: payloads.Json) -> bool:
        """Podman on cgroup v1 always says no, so ask the kernel, once per container that it can be true of."""
        limited = (answer.get("HostConfig") or {}).get("Memory", 0) > 0
        if not limited or payloads.state_of(answer) != "exited" or not answer["State"].get("ExitCode"):
            return False
        container_id = answer["Id"]
        if container_id not in self._out_of_memory:
            self._out_of_memory[container_id] = killed_for_memory(container_id)
        return self._out_of_memory[container_id]

    def _report_exit(self, container_id: str, sandbox_id: str, answer: payloads.Json | None) -> None:
        if answer is None:  # removed by a stranger: nobody knows a better exit code than KILL's
            self._publish("exited", container_id, sandbox_id, _KILLED)
            return
        if self._killed_for_memory(answer) or answer["State"].get("OOMKilled"):
            self._publish("oom", container_id, sandbox_id)
        self._publish("exited", container_id, sandbox_id, answer["State"].get("ExitCode", 0))

    def _publish(self, kind: EventKind, container_id: str, sandbox_id: str, exit_code: int = 0) -> None:
        self._events.publish(RuntimeEvent(kind, container_id, sandbox_id, self._clock.now(), exit_code))


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Turn the engine's answers into the port's errors, and its silence into `RuntimeUnavailable`."""
    try:
        yield
    except DockerError as error:
        if error.status == _UNREACHABLE:
            raise RuntimeUnavailable(f"the container engine does not answer: {error.message}") from error
        # Podman answers 500 for a container that goes away while it is being looked at
        gone = error.status == 404 or "no such container" in str(error.message)
        raise (ContainerNotFound if gone else ContainerRuntimeError)(str(error.message)) from error
    except (aiohttp.ClientError, TimeoutError) as error:
        raise RuntimeUnavailable(f"the container engine does not answer: {error or type(error).__name__}") from error


def _sandbox_of(answer: payloads.Json) -> str:
    """The sandbox of an inspected container; a pause container is its own."""
    return payloads.labels_of(answer).get(payloads.SANDBOX) or str(answer["Id"])
