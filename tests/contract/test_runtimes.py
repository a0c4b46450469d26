"""What `node.runtimes.interface` promises, over the simulation and over real containers in a Podman of our own."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.interface import (
    INIT_LABEL,
    Container,
    ContainerNotFound,
    ContainerSpec,
    CreateFailed,
    ExecFailed,
    ExecRequest,
    ImageNotFound,
    ImagePullFailed,
    Runtime,
    RuntimeEvent,
    RuntimeUnavailable,
    SandboxSpec,
    StartFailed,
)
from petset.node.runtimes.logfile import LogOptions, read_log
from petset.node.runtimes.podman_service import PodmanService
from petset.node.runtimes.simulated import SimulatedRuntime
from tests.contract.engines import NO_ENGINE, image_archive

BUSYBOX = "docker.io/library/busybox:1.36"
ABSENT = "localhost/no-such-image:1"
NO_SUCH_COMMAND = "/no/such/command"
SLEEP = ("sh", "-c", "trap 'exit 0' TERM; echo up; while true; do sleep 0.1; done")
STUBBORN = ("sh", "-c", "trap '' TERM; while true; do sleep 0.1; done")
PROMPT = 1.0

instances = (f"test{number}" for number in itertools.count())


@dataclass
class Bench:
    """A runtime of one instance, and short ways to use it."""

    open_runtime: Callable[[], Awaitable[Runtime]]
    runtime: Runtime
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def sandbox(self, **overrides: object) -> str:
        number = next(self.numbers)
        values: dict[str, object] = {
            "pod_name": f"web-{number}",
            "pod_namespace": "default",
            "pod_uid": f"uid-{number}",
            "hostname": f"web-{number}",
            "cgroup_parent": f"/petset-test/pod{number}",
            "labels": {"app": "nginx"},
        }
        return await self.runtime.create_sandbox(SandboxSpec(**(values | overrides)))  # type: ignore[arg-type]

    async def running(self, command: tuple[str, ...] = SLEEP, sandbox_id: str = "", **overrides: object) -> str:
        sandbox_id = sandbox_id or await self.sandbox()
        values: dict[str, object] = {"name": "main", "image": BUSYBOX, "command": command}
        spec = ContainerSpec(**(values | overrides))  # type: ignore[arg-type]
        container_id = await self.runtime.create_container(sandbox_id, spec)
        await self.runtime.start_container(container_id)
        return container_id

    async def exited(self, container_id: str) -> Container:
        """Wait until it has exited; the contract says that this is soon after its process ended."""
        async with asyncio.timeout(10):
            while (state := await self.runtime.inspect(container_id)).state != "exited":
                await SystemClock().sleep(0.02)
        return state


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    """A Podman service for this module's tests, with nothing left of it afterwards."""
    service = PodmanService(tmp_path_factory.mktemp("podman"), SystemClock())
    asyncio.run(prepare(service))
    yield service
    asyncio.run(service.delete())


async def prepare(service: PodmanService) -> None:
    runtime = EngineRuntime(service.socket, "setup", SystemClock(), service)
    await runtime.start()
    await runtime.load(image_archive("busybox"))
    await runtime.close()


ENGINE = pytest.param("engine", marks=[pytest.mark.e2e, pytest.mark.skipif(bool(NO_ENGINE), reason=NO_ENGINE or "-")])


@pytest.fixture(params=["simulated", ENGINE])
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    opened: list[Runtime] = []
    instance = next(instances)
    simulated = SimulatedRuntime(
        SystemClock(), unpullable=[ABSENT], unstartable=[NO_SUCH_COMMAND], log_directory=tmp_path
    )

    async def open_runtime() -> Runtime:
        runtime: Runtime = simulated
        if request.param == "engine":
            runtime = EngineRuntime(request.getfixturevalue("podman").socket, instance, SystemClock())
        await runtime.start()
        opened.append(runtime)
        return runtime

    if request.param == "engine":
        await asyncio.to_thread(request.getfixturevalue, "podman")
    bench = Bench(open_runtime, await open_runtime())
    yield bench
    for sandbox in await bench.runtime.list_sandboxes():
        await bench.runtime.remove_sandbox(sandbox.id)
    for runtime in opened:
        await runtime.close()


async def event(events: AsyncIterator[RuntimeEvent], kind: str, container_id: str) -> RuntimeEvent:
    """The next event of a kind for a container; it has to come promptly."""
    async with asyncio.timeout(PROMPT):
        async for found in events:
            if (found.kind, found.container_id) == (kind, container_id):
                return found
    raise AssertionError(f"the events ended without {kind} of {container_id}")


class TestImages:
    async def test_an_image_on_the_machine_is_found_with_its_id(self, bench: Bench) -> None:
        image = await bench.runtime.image(BUSYBOX)
        assert image is not None
        assert image.id.startswith("sha256:")

    async def test_an_image_that_is_not_there_is_none(self, bench: Bench) -> None:
        assert await bench.runtime.image(ABSENT) is None

    async def test_an_image_that_cannot_be_pulled_says_why(self, bench: Bench) -> None:
        with pytest.raises((ImageNotFound, ImagePullFailed), match="no-such-image"):
            await bench.runtime.pull(ABSENT)

    async def test_a_container_of_an_absent_image_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ImageNotFound):
            await bench.runtime.create_container(await bench.sandbox(), ContainerSpec(name="main", image=ABSENT))


class TestSandboxes:
    async def test_a_sandbox_is_ready_and_lists_with_what_it_was_made_of(self, bench: Bench) -> None:
        sandbox_id = await bench.sandbox(pod_name="db-0", pod_uid="u1", attempt=2, labels={"app": "db"})
        [sandbox] = await bench.runtime.list_sandboxes()
        assert (sandbox.id, sandbox.ready, sandbox.attempt) == (sandbox_id, True, 2)
        assert (sandbox.pod_name, sandbox.pod_namespace, sandbox.pod_uid) == ("db-0", "default", "u1")
        assert sandbox.labels["app"] == "db"

    async def test_a_second_sandbox_for_the_same_pod_and_attempt_is_refused(self, bench: Bench) -> None:
        await bench.sandbox(pod_name="web-0", pod_uid="u1")
        with pytest.raises(CreateFailed):
            await bench.sandbox(pod_name="web-0", pod_uid="u1")

    async def test_stopping_ends_its_containers_and_takes_its_network(self, bench: Bench) -> None:
        sandbox_id = await bench.sandbox()
        container_id = await bench.running(sandbox_id=sandbox_id)
        await bench.runtime.stop_sandbox(sandbox_id)
        assert (await bench.runtime.inspect(container_id)).state == "exited"
        assert [sandbox.ready for sandbox in await bench.runtime.list_sandboxes()] == [False]
        with pytest.raises(ContainerNotFound):
            await bench.runtime.sandbox_netns(sandbox_id)

    async def test_removing_takes_its_containers_along(self, bench: Bench) -> None:
        sandbox_id = await bench.sandbox()
        container_id = await bench.running(sandbox_id=sandbox_id)
        await bench.runtime.remove_sandbox(sandbox_id)
        assert not await bench.runtime.list_sandboxes()
        assert not await bench.runtime.list_containers()
        with pytest.raises(ContainerNotFound):
            await bench.runtime.inspect(container_id)

    async def test_a_container_for_an_unknown_sandbox_is_refused(self, bench: Bench) -> None:
        with pytest.raises(ContainerNotFound):
            await bench.runtime.create_container("f" * 64, ContainerSpec(name="main", image=BUSYBOX))


class TestLifecycle:
    async def test_states_go_from_created_to_running_to_exited(self, bench: Bench) -> None:
        spec = ContainerSpec(name="main", image=BUSYBOX, attempt=3, command=SLEEP, labels={"a": "b"})
        container_id = await bench.runtime.create_container(await bench.sandbox(), spec)
        created = await bench.runtime.inspect(container_id)
        assert (created.state, created.name, created.attempt, created.started_at) == ("created", "main", 3, None)
        await bench.runtime.start_container(container_id)
        running = await bench.runtime.inspect(container_id)
        assert (running.state, running.finished_at) == ("running", None)
        assert running.started_at is not None
        await bench.runtime.stop_container(container_id, 5)
        exited = await bench.runtime.inspect(container_id)
        assert (exited.state, exited.exit_code, exited.oom_killed) == ("exited", 0, False)
        assert exited.finished_at is not None
        assert exited.finished_at >= running.started_at
        assert exited.labels["a"] == "b"

    async def test_the_same_attempt_of_a_container_exists_once(self, bench: Bench) -> None:
        sandbox_id = await bench.sandbox()
        await bench.running(sandbox_id=sandbox_id)
        with pytest.raises(CreateFailed):
            await bench.runtime.create_container(sandbox_id, ContainerSpec(name="main", image=BUSYBOX))

    async def test_a_command_that_cannot_start_says_so_as_a_kubelet_does(self, bench: Bench) -> None:
        spec = ContainerSpec(name="main", image=BUSYBOX, command=[NO_SUCH_COMMAND])
        container_id = await bench.runtime.create_container(await bench.sandbox(), spec)
        with pytest.raises(StartFailed, match=NO_SUCH_COMMAND) as failure:
            await bench.runtime.start_container(container_id)
        assert failure.value.exit_code == 128
        state = await bench.runtime.inspect(container_id)
        assert (state.state, state.exit_code, state.reason) == ("exited", 128, "StartError")
        assert NO_SUCH_COMMAND in state.message

    async def test_an_init_container_completes(self, bench: Bench) -> None:
        container_id = await bench.running(("true",), labels={INIT_LABEL: "true"})
        assert (await bench.exited(container_id)).exit_code == 0

    async def test_kill_ends_with_137(self, bench: Bench) -> None:
        container_id = await bench.running()
        await bench.runtime.kill_container(container_id)
        assert (await bench.exited(container_id)).exit_code == 137

    async def test_stopping_without_time_kills(self, bench: Bench) -> None:
        container_id = await bench.running(STUBBORN)
        await bench.runtime.stop_container(container_id, 0)
        assert (await bench.runtime.inspect(container_id)).exit_code == 137

    async def test_stop_kill_and_remove_are_quiet_about_what_is_gone(self, bench: Bench) -> None:
        container_id = await bench.running()
        for _ in range(2):
            await bench.runtime.stop_container(container_id, 5)
            await bench.runtime.kill_container(container_id)
        for _ in range(2):
            await bench.runtime.remove_container(container_id)
        await bench.runtime.stop_container(container_id, 5)
        await bench.runtime.kill_container(container_id)
        [sandbox] = await bench.runtime.list_sandboxes()
        for _ in range(2):
            await bench.runtime.stop_sandbox(sandbox.id)
        for _ in range(2):
            await bench.runtime.remove_sandbox(sandbox.id)
        await bench.runtime.stop_sandbox(sandbox.id)

    async def test_other_calls_for_what_is_unknown_raise(self, bench: Bench) -> None:
        with pytest.raises(ContainerNotFound):
            await bench.runtime.inspect("f" * 64)
        with pytest.raises(ContainerNotFound):
            await bench.runtime.start_container("f" * 64)
        with pytest.raises(ContainerNotFound):
            await bench.runtime.exec_sync("f" * 64, ["true"], 1)


class TestEvents:
    async def test_start_and_exit_and_removal_are_told_in_order(self, bench: Bench) -> None:
        events = bench.runtime.events()
        container_id = await bench.running()
        await event(aiter(events), "started", container_id)
        await bench.runtime.kill_container(container_id)
        exited = await event(aiter(events), "exited", container_id)
        assert exited.exit_code == 137
        await bench.runtime.remove_container(container_id)
        removed = await event(aiter(events), "removed", container_id)
        assert removed.sandbox_id == exited.sandbox_id != ""

    async def test_a_sandbox_is_told_by_its_own_id(self, bench: Bench) -> None:
        events = bench.runtime.events()
        sandbox_id = await bench.sandbox()
        await bench.runtime.stop_sandbox(sandbox_id)
        assert (await event(aiter(events), "exited", sandbox_id)).sandbox_id == sandbox_id

    async def test_the_exit_of_an_adopted_container_is_told(self, bench: Bench) -> None:
        container_id = await bench.running()
        adopting = await bench.open_runtime()
        events = adopting.events()
        [found] = await adopting.list_containers()
        assert (found.id, found.state, found.name) == (container_id, "running", "main")
        await adopting.kill_container(container_id)
        assert (await event(aiter(events), "exited", container_id)).exit_code == 137

    async def test_closing_ends_the_stream(self, bench: Bench) -> None:
        runtime = await bench.open_runtime()
        events = runtime.events()
        await runtime.close()
        async with asyncio.timeout(PROMPT):
            assert [found async for found in aiter(events)] == []


class TestExec:
    async def test_output_and_exit_code_come_back(self, bench: Bench) -> None:
        result = await bench.runtime.exec_sync(await bench.running(), ["echo", "hello"], 5)
        assert result.exit_code == 0
        assert b"hello" in result.output

    async def test_a_session_is_read_to_its_end(self, bench: Bench) -> None:
        container_id = await bench.running()
        async with bench.runtime.exec(container_id, ExecRequest(["echo", "hello"])) as session:
            frames = []
            while (frame := await session.read()) is not None:
                frames.append(frame)
            assert await session.wait() == 0
        assert [frame.stream for frame in frames] == [1]
        assert b"hello" in frames[0].data

    async def test_in_an_exited_container_it_fails(self, bench: Bench) -> None:
        container_id = await bench.running()
        await bench.runtime.stop_container(container_id, 0)
        with pytest.raises(ExecFailed):
            await bench.runtime.exec_sync(container_id, ["true"], 5)

    async def test_an_attached_session_ends_with_the_container(self, bench: Bench) -> None:
        container_id = await bench.running()
        async with bench.runtime.attach(container_id, ExecRequest([])) as session, asyncio.timeout(5):
            await bench.runtime.kill_container(container_id)
            while await session.read() is not None:
                pass
            assert await session.wait() == 137

    async def test_who_comes_too_late_to_attach_changes_nothing(self, bench: Bench) -> None:
        container_id = await bench.running()
        await bench.runtime.kill_container(container_id)
        ended = await bench.exited(container_id)
        with pytest.raises(ExecFailed):
            async with bench.runtime.attach(container_id, ExecRequest([], stdin=True)):
                pass
        assert await bench.runtime.inspect(container_id) == ended


class TestLogs:
    async def test_output_is_in_the_log_until_the_container_is_removed(self, bench: Bench) -> None:
        container_id = await bench.running()
        await bench.runtime.exec_sync(container_id, ["true"], 5)
        log = await bench.runtime.log(container_id)
        assert log is not None
        lines = [line async for line in read_log(log, LogOptions(), SystemClock())]
        assert lines
        assert all(line.stream == "stdout" and line.content.endswith(b"\n") for line in lines)
        await bench.runtime.remove_container(container_id)
        assert not log.path.exists()


class TestInstances:
    async def test_a_service_that_does_not_answer_is_unavailable(self, tmp_path: Path) -> None:
        runtime = EngineRuntime(tmp_path / "nothing.sock", "x", SystemClock())
        with pytest.raises(RuntimeUnavailable):
            await runtime.start()
