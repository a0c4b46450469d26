"""What only real containers can show: namespaces, limits, signals, streams, and an engine that goes away."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.node.runtimes.discovery import find_runtime
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.interface import (
    Container,
    ContainerResources,
    ContainerSpec,
    ExecRequest,
    ExecResult,
    Frame,
    Mount,
    RuntimeUnavailable,
    SandboxSpec,
    SecurityOptions,
)
from petset.node.runtimes.logfile import LogOptions, read_log
from petset.node.runtimes.podman_service import PodmanService
from tests.contract.engines import NO_ENGINE, image_archive

pytestmark = [pytest.mark.e2e, pytest.mark.skipif(bool(NO_ENGINE), reason=NO_ENGINE or "-")]

BUSYBOX = "docker.io/library/busybox:1.36"
NGINX = "nginx:1.7.9"
CLOCK = SystemClock()
SLEEP = ("sh", "-c", "trap 'exit 0' TERM; while true; do sleep 0.1; done")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PodmanService]:
    service = PodmanService(tmp_path_factory.mktemp("podman"), CLOCK)
    asyncio.run(prepare(service))
    yield service
    asyncio.run(service.delete())


async def prepare(service: PodmanService) -> None:
    runtime = EngineRuntime(service.socket, "setup", CLOCK, service)
    await runtime.start()
    assert await runtime.load(image_archive("busybox")) == [BUSYBOX]
    assert await runtime.load(image_archive("nginx")) == ["docker.io/library/nginx:1.7.9"]
    await runtime.close()


@pytest.fixture
async def runtime(service: PodmanService) -> AsyncIterator[EngineRuntime]:
    runtime = EngineRuntime(service.socket, "e2e", CLOCK, service)
    await runtime.start()
    yield runtime
    for sandbox in await runtime.list_sandboxes():
        await runtime.remove_sandbox(sandbox.id)
    await runtime.close()


@pytest.fixture
async def sandbox(runtime: EngineRuntime) -> str:
    spec = SandboxSpec("web-0", "default", "uid-0", "web-0", cgroup_parent="/petset-e2e/pod-uid-0")
    return await runtime.create_sandbox(spec)


async def run(runtime: EngineRuntime, sandbox: str, *command: str, **overrides: object) -> str:
    values: dict[str, object] = {"name": "main", "image": BUSYBOX, "command": command or SLEEP}
    container_id = await runtime.create_container(sandbox, ContainerSpec(**(values | overrides)))  # type: ignore[arg-type]
    await runtime.start_container(container_id)
    return container_id


async def exited(runtime: EngineRuntime, container_id: str) -> Container:
    async with asyncio.timeout(10):
        while (container := await runtime.inspect(container_id)).state != "exited":
            await CLOCK.sleep(0.02)
    return container


async def output_of(runtime: EngineRuntime, sandbox: str, *command: str, **overrides: object) -> str:
    """What a command prints in a container of its own."""
    container = await exited(runtime, await run(runtime, sandbox, *command, **overrides))
    assert container.log is not None
    lines = [line.content async for line in read_log(container.log, LogOptions(), CLOCK)]
    await runtime.remove_container(container.id)
    return b"".join(lines).decode().strip()


class TestNamespaces:
    async def test_containers_share_host_name_network_and_memory_of_the_sandbox(
        self, runtime: EngineRuntime, sandbox: str
    ) -> None:
        netns = await runtime.sandbox_netns(sandbox)
        first = await run(runtime, sandbox)
        pid = (await runtime.inspect(first)).pid
        for kind in ("net", "uts", "ipc"):
            assert namespace(f"/proc/{pid}/ns/{kind}") == namespace(netns.with_name(kind))
        assert namespace(netns) != namespace("/proc/self/ns/net")
        assert (await runtime.exec_sync(first, ["hostname"], 5)).output == b"web-0\n"

    async def test_a_pod_on_the_host_network_has_the_hosts(self, runtime: EngineRuntime) -> None:
        spec = SandboxSpec("web-1", "default", "uid-1", "web-1", host_network=True)
        sandbox = await runtime.create_sandbox(spec)
        netns = await runtime.sandbox_netns(sandbox)
        assert namespace(netns) == namespace("/proc/self/ns/net")
        container_id = await run(runtime, sandbox)
        result = await runtime.exec_sync(container_id, ["hostname"], 5)
        assert result.output.decode().strip() == os.uname().nodename

    async def test_processes_are_shared_when_asked_for(self, runtime: EngineRuntime, sandbox: str) -> None:
        shared = await output_of(runtime, sandbox, "cat", "/proc/1/comm", share_process_namespace=True)
        own = await output_of(runtime, sandbox, "cat", "/proc/1/comm")
        assert (shared, own) == ("pause", "cat")

    async def test_a_pods_cgroup_goes_with_its_sandbox(
        self, runtime: EngineRuntime, service: PodmanService, sandbox: str
    ) -> None:
        container_id = await run(runtime, sandbox)
        await runtime.exec_sync(container_id, ["true"], 5)
        pid = (await runtime.inspect(container_id)).pid
        assert all("/petset-e2e/pod-uid-0/" in group for group in cgroups(pid).values())
        another = EngineRuntime(service.socket, "e2e", CLOCK)
        await another.start()
        await another.remove_sandbox(sandbox)
        await another.close()
        assert not list(hierarchies("petset-e2e"))


class TestSpec:
    @pytest.mark.parametrize(
        ("command", "args", "printed"),
        [
            (("echo", "a"), (), "a"),
            (("echo",), ("b", "$HOME"), "b $HOME"),
            ((), ("echo", "c"), "c"),
        ],
        ids=["command", "both", "args"],
    )
    async def test_command_replaces_the_entrypoint_and_args_the_command(
        self, runtime: EngineRuntime, sandbox: str, command: tuple[str, ...], args: tuple[str, ...], printed: str
    ) -> None:
        container_id = await run(runtime, sandbox, command=command, args=args, image=NGINX)
        log = (await exited(runtime, container_id)).log
        assert log is not None
        assert [line.content async for line in read_log(log, LogOptions(), CLOCK)] == [f"{printed}\n".encode()]

    async def test_environment_directory_user_and_groups(self, runtime: EngineRuntime, sandbox: str) -> None:
        printed = await output_of(
            runtime,
            sandbox,
            *("sh", "-c", 'echo "$GREETING"; pwd; id -u; id -g; id -G'),
            env={"GREETING": "a=b c"},
            working_dir="/usr",
            security=SecurityOptions(user="1000:2000", supplemental_groups=[3000]),
        )
        assert printed.splitlines() == ["a=b c", "/usr", "1000", "2000", "2000 3000"]

    async def test_mounts_are_bound_and_may_be_read_only(
        self, runtime: EngineRuntime, sandbox: str, tmp_path: Path
    ) -> None:
        (tmp_path / "data").mkdir()
        (tmp_path / "hosts").write_text("10.0.0.1 web-0\n")
        mounts = [
            Mount(tmp_path / "data", "/data"),
            Mount(tmp_path / "data", "/ro", read_only=True, propagation="HostToContainer"),
            Mount(tmp_path / "hosts", "/etc/hosts"),
        ]
        script = "echo kept > /data/file; cat /ro/file /etc/hosts; touch /ro/x || echo refused"
        printed = await output_of(runtime, sandbox, "sh", "-c", script, mounts=mounts)
        assert [line for line in printed.splitlines() if "touch" not in line] == ["kept", "10.0.0.1 web-0", "refused"]
        assert (tmp_path / "data" / "file").read_text() == "kept\n"

    async def test_security_options_hold(self, runtime: EngineRuntime, sandbox: str) -> None:
        script = "touch /x 2>/dev/null || echo read-only; grep -E 'CapEff|NoNewPrivs' /proc/self/status"
        security = SecurityOptions(
            read_only_rootfs=True,
            no_new_privileges=True,
            drop_capabilities=["ALL"],
            add_capabilities=["NET_BIND_SERVICE"],
        )
        printed = await output_of(runtime, sandbox, "sh", "-c", script, security=security)
        assert printed.split() == ["read-only", "CapEff:", "0000000000000400", "NoNewPrivs:", "1"]

    async def test_a_privileged_container_runs_without_cap_sys_resource(
        self, runtime: EngineRuntime, sandbox: str
    ) -> None:
        security = SecurityOptions(privileged=True)
        assert await output_of(runtime, sandbox, "echo", "up", security=security) == "up"

    @pytest.mark.skipif(not Path("/sys/fs/cgroup/memory").exists(), reason="reads cgroup version 1")
    async def test_limits_reach_the_cgroup(self, runtime: EngineRuntime, sandbox: str) -> None:
        resources = ContainerResources(
            memory_limit_bytes=64 << 20, cpu_shares=512, cpu_quota=50_000, cpu_period=100_000, pids_limit=50
        )
        container = await runtime.inspect(await run(runtime, sandbox, resources=resources))
        expected = {"memory.limit_in_bytes": 64 << 20, "cpu.shares": 512, "cpu.cfs_quota_us": 50_000, "pids.max": 50}
        for file, value in expected.items():
            assert setting(container.pid, file) == str(value)


class TestEnds:
    async def test_the_stop_signal_gives_time_to_end(self, runtime: EngineRuntime, sandbox: str) -> None:
        script = "trap 'echo bye; exit 3' USR1; echo up; while true; do sleep 0.05; done"
        container_id = await run(runtime, sandbox, "sh", "-c", script, stop_signal="SIGUSR1")
        await CLOCK.sleep(0.2)
        await runtime.stop_container(container_id, 5)
        assert (await runtime.inspect(container_id)).exit_code == 3

    async def test_what_ignores_the_signal_is_killed_after_the_timeout(
        self, runtime: EngineRuntime, sandbox: str
    ) -> None:
        container_id = await run(runtime, sandbox, "sh", "-c", "trap '' TERM; while true; do sleep 0.05; done")
        await CLOCK.sleep(0.2)
        began = CLOCK.monotonic()
        await runtime.stop_container(container_id, 0.5)
        assert 0.5 <= CLOCK.monotonic() - began < 3
        assert (await runtime.inspect(container_id)).exit_code == 137

    async def test_a_process_killed_for_memory_says_so(self, runtime: EngineRuntime, sandbox: str) -> None:
        events = runtime.events()
        container_id = await run(
            runtime,
            sandbox,
            *("sh", "-c", "sleep 0.2; exec dd if=/dev/zero of=/dev/null bs=200M count=1"),
            resources=ContainerResources(memory_limit_bytes=20 << 20),
        )
        container = await exited(runtime, container_id)
        assert (container.exit_code, container.oom_killed) == (137, True)
        async with asyncio.timeout(2):
            kinds = [(await anext(aiter(events))).kind for _ in range(3)]
        assert kinds == ["started", "oom", "exited"]

    async def test_a_plain_kill_is_not_one_for_memory(self, runtime: EngineRuntime, sandbox: str) -> None:
        resources = ContainerResources(memory_limit_bytes=64 << 20)
        container_id = await run(runtime, sandbox, resources=resources)
        await runtime.kill_container(container_id)
        assert not (await exited(runtime, container_id)).oom_killed


class TestStreams:
    async def test_streams_are_told_apart_and_the_exit_code_is_the_commands(
        self, runtime: EngineRuntime, sandbox: str
    ) -> None:
        request = ExecRequest(["sh", "-c", "echo out; echo err >&2; exit 5"])
        async with runtime.exec(await run(runtime, sandbox), request) as session:
            frames = [frame async for frame in frames_of(session.read)]
            assert await session.wait() == 5
        assert sorted((frame.stream, frame.data) for frame in frames) == [(1, b"out\n"), (2, b"err\n")]

    async def test_ending_stdin_leaves_output_open(self, runtime: EngineRuntime, sandbox: str) -> None:
        request = ExecRequest(["sh", "-c", "cat; sleep 0.2; echo done"], stdin=True)
        async with runtime.exec(await run(runtime, sandbox), request) as session, asyncio.timeout(10):
            big = b"x" * 300_000
            await session.write(big)
            await session.close_stdin()
            frames = [frame.data async for frame in frames_of(session.read)]
        assert b"".join(frames) == big + b"done\n"

    async def test_a_terminal_has_a_size_that_can_change(self, runtime: EngineRuntime, sandbox: str) -> None:
        request = ExecRequest(["sh"], tty=True, stdin=True, width=101, height=33)
        async with runtime.exec(await run(runtime, sandbox), request) as session, asyncio.timeout(10):
            for size in ("33 101", "40 120"):
                await session.write(b"stty size; echo e''nd\n")
                assert size in await read_until(session.read, "end\r\n")
                await session.resize(120, 40)
            await session.write(b"exit 4\n")
            while await session.read() is not None:
                pass
            assert await session.wait() == 4

    @pytest.mark.parametrize(("command", "code"), [("/no/such", 127), ("/etc/passwd", 126)])
    async def test_a_command_that_cannot_run_has_the_shells_exit_code(
        self, runtime: EngineRuntime, sandbox: str, command: str, code: int
    ) -> None:
        result = await runtime.exec_sync(await run(runtime, sandbox), [command], 5)
        assert result.exit_code == code
        assert command.encode() in result.output

    async def test_a_command_that_takes_too_long_is_killed(self, runtime: EngineRuntime, sandbox: str) -> None:
        container_id = await run(runtime, sandbox)
        with pytest.raises(TimeoutError):
            await runtime.exec_sync(container_id, ["sleep", "1000"], 0.3)
        async with asyncio.timeout(5):
            while b"sleep 1000" in (await runtime.exec_sync(container_id, ["ps"], 5)).output:
                await CLOCK.sleep(0.05)

    async def test_attach_reaches_the_main_process(self, runtime: EngineRuntime, sandbox: str) -> None:
        container_id = await run(runtime, sandbox, "sh", "-c", "read line; echo got $line; exit 6", stdin=True)
        async with runtime.attach(container_id, ExecRequest([], stdin=True)) as session, asyncio.timeout(10):
            await session.write(b"hello\n")
            frames = [frame.data async for frame in frames_of(session.read)]
            assert await session.wait() == 6
        assert b"".join(frames) == b"got hello\n"

    async def test_a_followed_log_ends_with_the_container(self, runtime: EngineRuntime, sandbox: str) -> None:
        script = "for i in 1 2 3; do echo $i; sleep 0.2; done; echo end >&2"
        container_id = await run(runtime, sandbox, "sh", "-c", script)
        container = await runtime.inspect(container_id)
        assert container.log is not None
        running = True

        async def watch() -> None:
            nonlocal running
            await exited(runtime, container_id)
            running = False

        lines = []
        watching = asyncio.gather(watch())
        async with asyncio.timeout(10):
            async for line in read_log(container.log, LogOptions(follow=True), CLOCK, lambda: running):
                lines.append((line.stream, line.content))  # noqa: PERF401
        await watching
        assert lines == [("stdout", b"1\n"), ("stdout", b"2\n"), ("stdout", b"3\n"), ("stderr", b"end\n")]


class TestImages:
    async def test_nginx_serves_its_page_and_has_the_tools_of_the_tutorial(
        self, runtime: EngineRuntime, sandbox: str
    ) -> None:
        container_id = await run(runtime, sandbox, image=NGINX, command=())
        page = await until_ok(runtime, container_id, "wget", "-q", "-O", "-", "http://127.0.0.1/")
        assert b"Welcome to nginx!" in page.output
        for command in (["getent", "hosts", "localhost"], ["tar", "--help"], ["sh", "-c", "hostname"]):
            assert (await runtime.exec_sync(container_id, command, 5)).exit_code == 0
        log = (await runtime.inspect(container_id)).log
        assert log is not None
        lines = [line async for line in read_log(log, LogOptions(), CLOCK)]
        assert any(line.stream == "stdout" and b"GET / HTTP" in line.content for line in lines)
        began = CLOCK.monotonic()
        await runtime.stop_container(container_id, 10)
        assert CLOCK.monotonic() - began < 5
        assert (await runtime.inspect(container_id)).exit_code == 0


KILLED_AGENT = """
import asyncio, os, signal, sys
from pathlib import Path
from petset.aio.clock import SystemClock
from petset.node.runtimes.engine import EngineRuntime
from petset.node.runtimes.interface import SandboxSpec
from petset.node.runtimes.podman_service import PodmanService

async def main():
    service = PodmanService(Path(sys.argv[1]), SystemClock())
    runtime = EngineRuntime(service.socket, "x", SystemClock(), service)
    await runtime.start()
    await runtime.create_sandbox(SandboxSpec("web-0", "default", "uid", "web-0"))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


class TestService:
    async def test_an_agent_killed_at_any_moment_leaves_its_pods_to_the_next(self, tmp_path: Path) -> None:
        agent = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED_AGENT, str(tmp_path))
        assert await agent.wait() == -signal.SIGKILL
        service = PodmanService(tmp_path, CLOCK)
        engine = service_pid(service)
        runtime = EngineRuntime(service.socket, "x", CLOCK, service)
        await runtime.start()
        assert [(found.pod_name, found.ready) for found in await runtime.list_sandboxes()] == [("web-0", True)]
        assert service_pid(service) == engine
        await runtime.close()
        await service.delete()
        await until_gone(engine)

    async def test_containers_outlive_the_service_and_are_watched_again(
        self, runtime: EngineRuntime, service: PodmanService, sandbox: str
    ) -> None:
        container_id = await run(runtime, sandbox)
        pid = (await runtime.inspect(container_id)).pid
        events = runtime.events()
        before = service_pid(service)
        os.kill(before, signal.SIGKILL)
        await until_gone(before)
        with pytest.raises(RuntimeUnavailable):
            await runtime.inspect(container_id)
        assert (await runtime.version()).name == "podman"
        assert (await runtime.inspect(container_id)).pid == pid
        assert service_pid(service) != before
        await runtime.kill_container(container_id)
        async with asyncio.timeout(5):
            assert (await anext(aiter(events))).exit_code == 137

    async def test_a_service_that_answers_is_used_again(self, service: PodmanService) -> None:
        before = service_pid(service)
        await service.start()
        assert service_pid(service) == before

    async def test_stopping_leaves_nothing_behind(self, tmp_path: Path) -> None:
        service = PodmanService(tmp_path / ("long" * 30), CLOCK)
        runtime = EngineRuntime(service.socket, "x", CLOCK, service)
        await runtime.start()
        sandbox = await runtime.create_sandbox(SandboxSpec("web-0", "default", "uid", "web-0"))
        pid = next(found.pid for found in await runtime.list_sandboxes() if found.id == sandbox)
        engine = service_pid(service)
        await runtime.close()
        await service.delete()
        await until_gone(pid)
        await until_gone(engine)
        assert not service.socket.parent.exists()
        assert not mounts_below(tmp_path)
        assert not any(tmp_path.rglob("engine"))  # noqa: ASYNC240


class TestDiscovery:
    async def test_a_chosen_socket_is_used_when_it_answers(
        self, service: PodmanService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PETSET_ENGINE", f"unix://{service.socket}")
        runtime = await find_runtime("podman", tmp_path, "found", CLOCK)
        await runtime.start()
        assert runtime.name == "podman"
        await runtime.close()
        assert not (tmp_path / "engine").exists()

    @pytest.mark.skipif(Path("/var/run/docker.sock").exists(), reason="Docker runs here")
    async def test_docker_where_only_podman_answers_is_unavailable(
        self, service: PodmanService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PETSET_ENGINE", str(service.socket))
        with pytest.raises(RuntimeUnavailable, match=str(service.socket)):
            await find_runtime("docker", tmp_path, "found", CLOCK)


async def frames_of(read: object) -> AsyncIterator[Frame]:
    while (frame := await read()) is not None:  # type: ignore[operator]
        yield frame


async def read_until(read: object, words: str) -> str:
    text = ""
    while words not in text:
        frame = await read()  # type: ignore[operator]
        assert frame is not None, text
        text += frame.data.decode()
    return text


async def until_ok(runtime: EngineRuntime, container_id: str, *command: str) -> ExecResult:
    async with asyncio.timeout(10):
        while (result := await runtime.exec_sync(container_id, command, 5)).exit_code != 0:
            await CLOCK.sleep(0.05)
    return result


def service_pid(service: PodmanService) -> int:
    """The process that listens on the service's socket."""
    command = ["pgrep", "--full", f"unix://{service.socket}"]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0])


def namespace(path: Path | str) -> str:
    return str(Path(path).readlink())


def cgroups(pid: int) -> dict[str, str]:
    """The cgroup of a process in every hierarchy that has controllers."""
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    return {controller: path for _, controllers, path in lines if controllers for controller in controllers.split(",")}


def setting(pid: int, file: str) -> str:
    """What a file of a process's cgroup says."""
    controller = file.partition(".")[0]
    return Path(f"/sys/fs/cgroup/{controller}{cgroups(pid)[controller]}/{file}").read_text().strip()


def hierarchies(cgroup: str) -> Iterator[Path]:
    return Path("/sys/fs/cgroup").glob(f"**/{cgroup}")


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not merely waiting for its parent to notice its end."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def mounts_below(directory: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(directory) in line]


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while is_alive(pid):
            await CLOCK.sleep(0.02)
