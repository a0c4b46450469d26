"""Following containers to their ends, with a process of the test's own as the container."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.node.runtimes.errors import ContainerNotFound, RuntimeUnavailable
from petset.node.runtimes.exits import ExitWatch
from petset.node.runtimes.kernel import kill_process, process_end


class Engine:
    """Says of its one container what the test wants next; the last answer stays."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.waited = 0
        self.reports: list[tuple[str, str, Any]] = []

    async def inspect(self, _container_id: str) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {"State": {"Status": answer}}

    async def wait(self, _container_id: str) -> None:
        self.waited += 1

    def report(self, container_id: str, sandbox_id: str, answer: Any) -> None:
        self.reports.append((container_id, sandbox_id, answer and answer["State"]["Status"]))


@pytest.fixture
async def tasks() -> AsyncIterator[Supervisor]:
    async with Supervisor("test") as supervisor:
        yield supervisor


@pytest.fixture
async def process() -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec("sleep", "100")
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


def own_cgroup() -> str:
    """Words that stand in the cgroups of every process of this test."""
    return Path("/proc/self/cgroup").read_text().splitlines()[-1].split(":", 1)[1]


@pytest.mark.parametrize(
    ("answers", "reported"),
    [
        (["exited"], "exited"),
        (["running", "stopped", "exited"], "exited"),
        ([RuntimeUnavailable("restarting"), "exited"], "exited"),
        ([ContainerNotFound("gone")], None),
    ],
    ids=["at once", "a moment later", "engine restarts", "removed"],
)
async def test_an_end_is_reported_once_with_the_last_state(
    tasks: Supervisor, answers: list[str | Exception], reported: str | None
) -> None:
    engine = Engine(*answers)
    watch = ExitWatch(engine.inspect, engine.wait, engine.report, tasks, SystemClock())
    watch.watch("c1", "s1", 0)
    watch.watch("c1", "s1", 0)
    assert await watch.exited("c1", 5)
    assert engine.reports == [("c1", "s1", reported)]
    assert await watch.exited("c1")


async def test_a_process_of_this_machine_is_waited_for_without_the_engine(
    tasks: Supervisor, process: asyncio.subprocess.Process
) -> None:
    engine = Engine("exited")
    watch = ExitWatch(engine.inspect, engine.wait, engine.report, tasks, SystemClock())
    container_id = own_cgroup()
    watch.watch(container_id, "s1", process.pid)
    assert not await watch.exited(container_id, 0.05)
    kill_process(process.pid, container_id)
    assert await watch.exited(container_id, 5)
    assert (engine.waited, len(engine.reports)) == (0, 1)


async def test_another_containers_process_is_neither_waited_for_nor_killed(
    process: asyncio.subprocess.Process,
) -> None:
    kill_process(process.pid, "f" * 64)
    assert not await process_end(process.pid, "f" * 64)
    assert process.returncode is None


@pytest.mark.parametrize("pid", [0, -1, 4_194_304])
async def test_a_process_that_is_not_there_has_ended(pid: int) -> None:
    assert await process_end(pid, "f" * 64)
