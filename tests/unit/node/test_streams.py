import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from petset.api.errors import BadRequest, InternalError, NotFound, StatusError
from petset.api.types import (
    Container,
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Pod,
)
from petset.client.interface import ExecOptions, LogOptions
from petset.node.runtimes.interface import ContainerSpec, SandboxSpec
from petset.node.runtimes.simulated import SimulatedRuntime
from petset.node.streams import NodeStreams, container_named, logged_container
from petset.testing.clock import VirtualClock
from tests.unit.node.given import pod


def status(state: ContainerState, last: ContainerState | None = None, container_id: str = "") -> ContainerStatus:
    return ContainerStatus(
        name="nginx", state=state, last_state=last or ContainerState(), container_id=container_id or None
    )


def waiting(reason: str) -> ContainerState:
    return ContainerState(waiting=ContainerStateWaiting(reason=reason))


def ended(container_id: str | None) -> ContainerState:
    return ContainerState(terminated=ContainerStateTerminated(container_id=container_id))


RUNNING = ContainerState(running=ContainerStateRunning())


def having(of_container: ContainerStatus | None, **spec: object) -> Pod:
    result = pod(node_name="node-1", **spec)
    result.status.container_statuses = [of_container] if of_container is not None else []
    return result


# --- which container


def test_only_a_pod_with_one_container_needs_no_name() -> None:
    assert container_named(pod(Container(name="only")), "") == "only"
    several = pod(Container(name="a"), Container(name="b"), init_containers=[Container(name="i"), Container(name="j")])
    assert container_named(several, "b") == "b"
    assert container_named(several, "j") == "j"


@pytest.mark.parametrize(
    ("asked", "name", "message"),
    [
        (
            pod(Container(name="a"), Container(name="b")),
            "",
            "a container name must be specified for pod web-0, choose one of: [a b]",
        ),
        (
            pod(Container(name="a"), Container(name="b"), init_containers=[Container(name="i")]),
            "",
            "a container name must be specified for pod web-0, choose one of: [a b] or one of the init containers: [i]",
        ),
        (pod(Container(name="a")), "x", "container x is not valid for pod web-0"),
    ],
)
def test_other_names_are_refused_with_a_choice(asked: Pod, name: str, message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        container_named(asked, name)
    assert refused.value.message == message


@pytest.mark.parametrize(
    ("found", "previous", "container_id"),
    [
        (status(RUNNING, container_id="podman://now"), False, "now"),
        (status(RUNNING, ended("podman://before"), "podman://now"), False, "now"),
        (status(RUNNING, ended("podman://before"), "podman://now"), True, "before"),
        (status(ended("podman://done")), False, "done"),
        (status(ended(None), ended("podman://before")), False, "before"),
        (status(waiting("CrashLoopBackOff"), ended("podman://before")), False, "before"),
    ],
)
def test_the_latest_container_speaks_or_the_one_before(
    found: ContainerStatus, previous: bool, container_id: str
) -> None:
    assert logged_container(having(found), "nginx", previous=previous) == container_id


@pytest.mark.parametrize(
    ("found", "previous", "message"),
    [
        (None, False, 'container "nginx" in pod "web-0" is not available'),
        (
            status(waiting("ContainerCreating")),
            False,
            'container "nginx" in pod "web-0" is waiting to start: ContainerCreating',
        ),
        (
            status(waiting("ErrImagePull")),
            False,
            'container "nginx" in pod "web-0" is waiting to start: image can\'t be pulled',
        ),
        (
            status(waiting("ImagePullBackOff")),
            False,
            'container "nginx" in pod "web-0" is waiting to start: trying and failing to pull image',
        ),
        (status(ContainerState()), False, 'container "nginx" in pod "web-0" is waiting to start - no logs yet'),
        (status(ended(None)), False, 'container "nginx" in pod "web-0" is terminated'),
        (
            status(RUNNING, container_id="podman://now"),
            True,
            'previous terminated container "nginx" in pod "web-0" not found',
        ),
    ],
)
def test_a_log_that_is_not_there_is_refused_with_the_reason(
    found: ContainerStatus | None, previous: bool, message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        logged_container(having(found), "nginx", previous=previous)
    assert refused.value.message == message


# --- over a runtime


class Node:
    """A node with one running container, whose pod's status is as a test sets it."""

    def __init__(self, directory: Path) -> None:
        self.clock = VirtualClock()
        self.runtime = SimulatedRuntime(self.clock, log_directory=directory, unstartable=())
        self.log = Path()
        self.pod: Pod | None = None
        self.streams = NodeStreams(
            lambda namespace, name: self.pod if name == "web-0" else None, self.runtime, self.clock
        )
        self.container_id = ""

    async def start(self) -> "Node":
        await self.runtime.start()
        sandbox = await self.runtime.create_sandbox(SandboxSpec("web-0", "default", "u", "web-0"))
        self.container_id = await self.runtime.create_container(sandbox, ContainerSpec("nginx", "nginx"))
        await self.runtime.start_container(self.container_id)
        source = await self.runtime.log(self.container_id)
        assert source is not None
        self.log = source.path
        self.pod = having(status(RUNNING, container_id=f"simulated://{self.container_id}"))
        self.say("00:00:00.5", "one")
        self.say("00:00:01", "two")
        return self

    def say(self, time: str, text: str) -> None:
        with self.log.open("a") as log:
            log.write(f"2026-01-01T{time}+00:00 stdout F {text}\n")

    def end(self) -> None:
        self.pod = having(status(ended(f"simulated://{self.container_id}")))

    async def read(self, options: LogOptions) -> list[str]:
        async with self.streams.logs("default", "web-0", options) as lines:
            return [line.decode().rstrip("\n") async for line in lines]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = await Node(tmp_path).start()
    yield node
    await node.runtime.close()


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (LogOptions(tail_lines=2), ["one", "two"]),
        (LogOptions(tail_lines=1, timestamps=True), ["2026-01-01T00:00:01Z two"]),
        (LogOptions(since_time="2026-01-01T00:00:01Z"), ["two"]),
        (LogOptions(since_time="2026-01-01T00:00:00.7Z", tail_lines=9), ["two"]),
        (LogOptions(tail_lines=0), []),
        (LogOptions(tail_lines=2, limit_bytes=5), ["one", "t"]),
        (LogOptions(container="nginx", tail_lines=1), ["two"]),
    ],
)
async def test_logs_give_what_the_options_ask_for(node: Node, options: LogOptions, lines: list[str]) -> None:
    assert await node.read(options) == lines


async def test_since_seconds_counts_back_from_now(node: Node) -> None:
    await node.clock.advance(1)
    assert await node.read(LogOptions(since_seconds=0)) == ["two"]


async def test_following_goes_on_until_the_container_has_ended(node: Node) -> None:
    reading = asyncio.ensure_future(node.read(LogOptions(follow=True, tail_lines=0)))  # noqa: TID251 - a reader on the side
    await node.clock.advance(1)
    node.say("00:00:02", "three")
    await node.clock.advance(1)
    assert not reading.done()
    node.say("00:00:03", "last words")
    node.end()
    await node.clock.advance(1)
    assert await reading == ["three", "last words"]


async def test_a_pod_without_a_node_has_an_empty_log(node: Node) -> None:
    node.pod = pod()
    assert await node.read(LogOptions()) == []


@pytest.mark.parametrize(
    ("previous", "refusal"), [(True, "previous terminated container"), (False, "unable to retrieve container logs for")]
)
async def test_a_container_that_the_runtime_has_forgotten_has_no_log(node: Node, previous: bool, refusal: str) -> None:
    node.pod = having(status(ended("simulated://gone"), ended("simulated://gone")))
    with pytest.raises(StatusError, match=refusal):
        await node.read(LogOptions(previous=previous))


async def test_unknown_pods_and_bad_times_are_refused(node: Node) -> None:
    with pytest.raises(NotFound, match='pods "web-9" not found'):
        async with node.streams.logs("default", "web-9", LogOptions()):
            raise AssertionError("entered")
    with pytest.raises(BadRequest, match="invalid sinceTime"):
        await node.read(LogOptions(since_time="yesterday"))


async def test_a_command_runs_in_the_container_that_runs(node: Node) -> None:
    async with node.streams.exec("default", "web-0", ExecOptions(command=("echo", "hi"))) as session:
        assert [output async for output in session] == [(1, b"echo hi\n")]
        assert await session.exit_code() == 0


async def test_attach_lasts_as_long_as_the_container(node: Node) -> None:
    async with node.streams.attach("default", "web-0", ExecOptions()) as session:
        await session.write(b"ignored")
        await session.resize(80, 24)
        await session.close_stdin()
        node.runtime.exit_container(node.container_id, 3)
        assert [output async for output in session] == []
        assert await session.exit_code() == 0  # the container's own is in the pod's status


@pytest.mark.parametrize(
    ("of_pod", "refusal", "message"),
    [
        (having(status(waiting("ContainerCreating"))), NotFound, r'container not found \("nginx"\)'),
        (pod(), BadRequest, "pod web-0 does not have a host assigned"),
        (having(status(RUNNING, container_id="simulated://gone")), NotFound, "container not found"),
    ],
)
async def test_a_command_needs_a_running_container(
    node: Node, of_pod: Pod, refusal: type[StatusError], message: str
) -> None:
    node.pod = of_pod
    for conversation in (node.streams.exec, node.streams.attach):
        with pytest.raises(refusal, match=message):
            async with conversation("default", "web-0", ExecOptions(command=("true",))):
                raise AssertionError("entered")


async def test_a_container_that_ended_unnoticed_is_an_internal_error(node: Node) -> None:
    node.runtime.exit_container(node.container_id, 0)
    with pytest.raises(InternalError, match="error executing command in container"):
        async with node.streams.exec("default", "web-0", ExecOptions(command=("true",))):
            raise AssertionError("entered")
