"""What the simulation adds to the port: delays on a clock, and exits on demand."""

import asyncio

import pytest

from petset.node.runtimes.interface import Container, ContainerSpec, SandboxSpec
from petset.node.runtimes.simulated import Delays, SimulatedRuntime
from petset.testing.clock import VirtualClock


async def running(runtime: SimulatedRuntime) -> str:
    sandbox = await runtime.create_sandbox(SandboxSpec("web-0", "default", "u", "web-0"))
    container_id = await runtime.create_container(sandbox, ContainerSpec(name="main", image="nginx"))
    await runtime.start_container(container_id)
    return container_id


async def test_a_container_runs_after_the_set_delay() -> None:
    clock = VirtualClock()
    runtime = SimulatedRuntime(clock, Delays(start=2.0))
    starting = asyncio.gather(running(runtime))
    await clock.advance(1.9)
    assert [container.state for container in await runtime.list_containers()] == ["created"]
    await clock.advance(0.2)
    assert [container.state for container in await runtime.list_containers()] == ["running"]
    await starting


async def test_a_pull_takes_its_time() -> None:
    clock = VirtualClock()
    pulling = asyncio.gather(SimulatedRuntime(clock, Delays(pull=3.0)).pull("nginx"))
    await clock.advance(2.9)
    assert not pulling.done()
    await clock.advance(0.2)
    assert pulling.done()


@pytest.mark.parametrize(("seconds", "waited", "code"), [(5.0, 2.0, 0), (1.0, 1.0, 137), (0.0, 0.0, 137)])
async def test_stopping_takes_its_time_or_kills(seconds: float, waited: float, code: int) -> None:
    clock = VirtualClock()
    runtime = SimulatedRuntime(clock, Delays(stop=2.0))
    container_id = await running(runtime)
    began = clock.now()
    stopping = asyncio.gather(runtime.stop_container(container_id, seconds))
    await clock.advance(10)
    await stopping
    stopped = await runtime.inspect(container_id)
    assert stopped.exit_code == code
    assert stopped.finished_at is not None
    assert (stopped.finished_at - began).total_seconds() == waited


async def test_a_container_can_be_told_to_exit() -> None:
    runtime = SimulatedRuntime(VirtualClock())
    container_id = await running(runtime)
    events = runtime.events()
    runtime.exit_container(container_id, 137, oom_killed=True)
    runtime.exit_container(container_id, 0)
    exited: Container = await runtime.inspect(container_id)
    assert (exited.state, exited.exit_code, exited.oom_killed) == ("exited", 137, True)
    await runtime.close()
    assert [(event.kind, event.exit_code) async for event in aiter(events)] == [("oom", 0), ("exited", 137)]


async def test_many_pods_cost_no_task() -> None:
    runtime = SimulatedRuntime(VirtualClock())
    before = len(asyncio.all_tasks())
    for number in range(1000):
        sandbox = await runtime.create_sandbox(SandboxSpec(f"web-{number}", "default", f"u{number}", "h"))
        await runtime.start_container(await runtime.create_container(sandbox, ContainerSpec("main", "nginx")))
    assert len(asyncio.all_tasks()) == before
