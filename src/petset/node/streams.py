"""Logs, exec, attach and ports of the pods on this node: `petset.client.interface.PodStreams` over a runtime.

Which container is meant, and what is said when it cannot be had, follows the API server (registry/core/pod) and the
kubelet (validateContainerLogStatus): kubectl prints these messages as they are.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from datetime import datetime, timedelta

from petset.aio.clock import Clock
from petset.api.errors import BadRequest, InternalError, NotFound, ServiceUnavailable, StatusError
from petset.api.meta import parse_time
from petset.api.types import Container, ContainerStatus, Pod
from petset.client.interface import ExecOptions, LogOptions, PortConnection, StreamSession
from petset.node import ports
from petset.node.runtimes import logfile
from petset.node.runtimes.errors import ContainerNotFound, ContainerRuntimeError, ExecFailed, RuntimeUnavailable
from petset.node.runtimes.interface import ExecRequest, ExecSession, LogSource, Runtime

PodLookup = Callable[[str, str], Pod | None]
"""The pod of a namespace and name as it is known now; an informer's `get`."""

_PULL_FAILURES = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}


class NodeStreams:
    """Implements `PodStreams`."""

    def __init__(self, pods: PodLookup, runtime: Runtime, clock: Clock) -> None:
        self._pods = pods
        self._runtime = runtime
        self._clock = clock

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Log bytes, line-wise. Entering raises NotFound, BadRequest, ServiceUnavailable."""
        return self._logs(namespace, pod, options)

    def exec(self, namespace: str, pod: str, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        """Starts a command in a container. Entering raises NotFound, BadRequest, InternalError, ServiceUnavailable."""
        return self._exec(namespace, pod, options)

    def attach(self, namespace: str, pod: str, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        """Joins the main process's streams; the terminal is the container's, whatever the options ask for."""
        return self._attach(namespace, pod, options)

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[PortConnection]:
        """Connects to a port on the pod's own loopback. Entering raises NotFound, ServiceUnavailable."""
        return ports.connected(self._runtime, self._pod(namespace, pod), port)

    # --- logs ---------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _logs(self, namespace: str, name: str, options: LogOptions) -> AsyncIterator[AsyncIterator[bytes]]:
        pod = self._pod(namespace, name)
        container = container_named(pod, options.container)
        if not pod.spec.node_name:
            yield _nothing()
            return
        container_id = logged_container(pod, container, previous=options.previous)
        source = await self._log_source(container_id, name, container, previous=options.previous)
        wanted = logfile.LogOptions(
            follow=options.follow,
            since=_since(options, self._clock.now()),
            tail=options.tail_lines,
            limit_bytes=options.limit_bytes,
        )
        is_running = self._is_running(pod, container, container_id)
        async with aclosing(self._lines(source, wanted, is_running, timestamps=options.timestamps)) as lines:
            yield lines

    async def _log_source(self, container_id: str, pod: str, container: str, *, previous: bool) -> LogSource | None:
        try:
            return await self._runtime.log(container_id)
        except ContainerNotFound as error:
            if previous:
                raise BadRequest(no_previous(pod, container)) from error
            raise NotFound(f"unable to retrieve container logs for {self._runtime.name}://{container_id}") from error
        except RuntimeUnavailable as error:
            raise ServiceUnavailable(str(error)) from error

    async def _lines(
        self, source: LogSource | None, wanted: logfile.LogOptions, is_running: Callable[[], bool], *, timestamps: bool
    ) -> AsyncGenerator[bytes, None]:
        if source is not None:
            async for line in logfile.read_log(source, wanted, self._clock, is_running):
                yield line.render(timestamps=timestamps)

    def _is_running(self, pod: Pod, container: str, container_id: str) -> Callable[[], bool]:
        namespace, name = pod.metadata.namespace, pod.metadata.name

        def is_running() -> bool:
            current = self._pods(namespace, name)
            return current is not None and running_container(current, container) == container_id

        return is_running

    # --- exec and attach ----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _exec(self, namespace: str, name: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        pod = self._pod(namespace, name)
        container_id = self._running(pod, options.container)
        request = ExecRequest(tuple(options.command), tty=options.tty, stdin=options.stdin)
        async with self._entered(self._runtime.exec(container_id, request)) as session:
            yield _Session(session)

    @asynccontextmanager
    async def _attach(self, namespace: str, name: str, options: ExecOptions) -> AsyncIterator[StreamSession]:
        pod = self._pod(namespace, name)
        container_id = self._running(pod, options.container)
        container = _spec_of(pod, container_named(pod, options.container))
        stdin = options.stdin and container is not None and bool(container.stdin)
        request = ExecRequest((), tty=container is not None and bool(container.tty), stdin=stdin)
        async with self._entered(self._runtime.attach(container_id, request)) as session:
            yield _Attached(session)

    @asynccontextmanager
    async def _entered(self, conversation: AbstractAsyncContextManager[ExecSession]) -> AsyncIterator[ExecSession]:
        """Enters the runtime's conversation, its refusals translated."""
        async with AsyncExitStack() as stack:
            try:
                session = await stack.enter_async_context(conversation)
            except ContainerRuntimeError as error:
                raise _refusal(error) from error
            yield session

    def _running(self, pod: Pod, container: str) -> str:
        name = container_named(pod, container)
        if not pod.spec.node_name:
            raise BadRequest(f"pod {pod.metadata.name} does not have a host assigned")
        container_id = running_container(pod, name)
        if container_id is None:
            raise NotFound(f'container not found ("{name}")')
        return container_id

    def _pod(self, namespace: str, name: str) -> Pod:
        pod = self._pods(namespace, name)
        if pod is None:
            raise NotFound.of("", "pods", name)
        return pod


class _Session:
    """A `StreamSession` over the runtime's `ExecSession`."""

    def __init__(self, session: ExecSession) -> None:
        self._session = session

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while (frame := await self._session.read()) is not None:
            yield frame.stream, frame.data

    async def write(self, data: bytes) -> None:
        await self._session.write(data)

    async def close_stdin(self) -> None:
        await self._session.close_stdin()

    async def resize(self, width: int, height: int) -> None:
        await self._session.resize(width, height)

    async def exit_code(self) -> int:
        return await self._session.wait()


class _Attached(_Session):
    """The same for what somebody else has started. Watching it succeeded, whatever it came to; the kubelet says so."""

    async def exit_code(self) -> int:
        await super().exit_code()
        return 0


# --- rules -----------------------------------------------------------------------------------------------------------


def container_named(pod: Pod, name: str) -> str:
    """The container that is meant; only a pod with one container may leave it out. Raises BadRequest."""
    spec, pod_name = pod.spec, pod.metadata.name
    if name:
        if _spec_of(pod, name) is None and name not in [container.name for container in spec.ephemeral_containers]:
            raise BadRequest(f"container {name} is not valid for pod {pod_name}")
        return name
    if len(spec.containers) == 1:
        return spec.containers[0].name
    message = f"a container name must be specified for pod {pod_name}"
    if spec.containers:
        message += f", choose one of: [{' '.join(container.name for container in spec.containers)}]"
    if spec.init_containers:
        message += f" or one of the init containers: [{' '.join(container.name for container in spec.init_containers)}]"
    raise BadRequest(message)


def running_container(pod: Pod, name: str) -> str | None:
    """The id of a container that runs, as the runtime counts."""
    status = _status_of(pod, name)
    if status is None or status.state.running is None or not status.container_id:
        return None
    return _bare_id(status.container_id)


def logged_container(pod: Pod, name: str, *, previous: bool) -> str:
    """The id of the container whose log is meant: the latest one, or the one before. Raises BadRequest."""
    pod_name, status = pod.metadata.name, _status_of(pod, name)
    if status is None:
        raise BadRequest(f'container "{name}" in pod "{pod_name}" is not available')
    last = status.last_state.terminated
    if previous:
        if last is None or not last.container_id:
            raise BadRequest(no_previous(pod_name, name))
        return _bare_id(last.container_id)
    if status.state.running is not None and status.container_id:
        return _bare_id(status.container_id)
    for ended in (status.state.terminated, last):
        if ended is not None and ended.container_id:
            return _bare_id(ended.container_id)
    if status.state.terminated is not None or last is not None:
        raise BadRequest(f'container "{name}" in pod "{pod_name}" is terminated')
    raise BadRequest(f'container "{name}" in pod "{pod_name}" {_why_waiting(status)}')


def _why_waiting(status: ContainerStatus) -> str:
    waiting = status.state.waiting
    if waiting is None:
        return "is waiting to start - no logs yet"
    reason = waiting.reason or ""
    return f"is waiting to start: {_PULL_FAILURES.get(reason, reason)}"


def no_previous(pod: str, container: str) -> str:
    """What is said when a container has not been restarted, or its predecessor is gone."""
    return f'previous terminated container "{container}" in pod "{pod}" not found'


def _refusal(error: ContainerRuntimeError) -> StatusError:
    match error:
        case RuntimeUnavailable():
            return ServiceUnavailable(str(error))
        case ContainerNotFound():
            return NotFound(f"container not found: {error}")
        case ExecFailed():
            return InternalError(f"Internal error occurred: error executing command in container: {error}")
        case _:
            return InternalError(f"Internal error occurred: {error}")


def _spec_of(pod: Pod, name: str) -> Container | None:
    containers = (*pod.spec.containers, *pod.spec.init_containers)
    return next((container for container in containers if container.name == name), None)


def _status_of(pod: Pod, name: str) -> ContainerStatus | None:
    status = pod.status
    statuses = (*status.container_statuses, *status.init_container_statuses, *status.ephemeral_container_statuses)
    return next((of_container for of_container in statuses if of_container.name == name), None)


def _bare_id(container_id: str) -> str:
    """`podman://abc` without the runtime's name."""
    return container_id.rpartition("://")[2]


def _since(options: LogOptions, now: datetime) -> datetime | None:
    try:
        if options.since_seconds is not None:
            return now - timedelta(seconds=options.since_seconds)
        return parse_time(options.since_time) if options.since_time else None
    except ValueError as error:
        raise BadRequest(f"invalid sinceTime: {error}") from error
    except OverflowError:
        return None  # before all logs


async def _nothing() -> AsyncIterator[bytes]:
    """The log of a pod that has no node."""
    return
    yield b""  # makes this a generator
