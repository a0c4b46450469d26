"""What the agent knows of the runtime: events, lists and own acts in any order never bring the past back."""

import asyncio

import pytest
from msgspec.structs import replace

from petset.api.meta import Key
from petset.node.pods.inventory import Inventory
from petset.node.runtimes.interface import Container, ContainerSpec, RuntimeEvent, Sandbox, SandboxSpec
from petset.node.runtimes.simulated import SimulatedRuntime
from petset.testing.clock import VirtualClock

WEB = Key("default", "web-0")
CLOCK = VirtualClock()


class SlowLists(SimulatedRuntime):
    """Shows what it had when it was asked, some time later."""

    def __init__(self) -> None:
        super().__init__(CLOCK)
        self.answer = asyncio.Event()
        self.answer.set()

    async def list_containers(self) -> list[Container]:
        listed = list(await super().list_containers())
        await self.answer.wait()
        return listed


@pytest.fixture
def runtime() -> SlowLists:
    return SlowLists()


async def given(runtime: SimulatedRuntime) -> tuple[str, str]:
    """A sandbox and a container in it that runs."""
    sandbox_id = await runtime.create_sandbox(SandboxSpec("web-0", "default", "uid", "web-0"))
    container_id = await runtime.create_container(sandbox_id, ContainerSpec("nginx", "nginx:1"))
    await runtime.start_container(container_id)
    return sandbox_id, container_id


def states(inventory: Inventory) -> list[str]:
    return [container.state for container in inventory.containers(WEB)]


async def test_a_list_shows_everything_by_pod(runtime: SlowLists) -> None:
    await given(runtime)
    inventory = Inventory(runtime)
    assert await inventory.refresh() == {WEB}
    assert [sandbox.pod_uid for sandbox in inventory.sandboxes(WEB)] == ["uid"]
    assert states(inventory) == ["running"]
    assert (inventory.keys(), inventory.uids()) == ([WEB], {"uid"})
    assert await inventory.refresh() == set()


async def test_events_are_followed(runtime: SlowLists) -> None:
    inventory, events = Inventory(runtime), runtime.events()
    sandbox_id, container_id = await given(runtime)
    await inventory.refresh()
    runtime.exit_container(container_id, 1)
    await runtime.stop_sandbox(sandbox_id)
    await runtime.remove_sandbox(sandbox_id)
    news = [await inventory.take(event) for event in events.take()]  # type: ignore[attr-defined]
    assert WEB in news
    assert inventory.keys() == []


async def test_what_changes_while_a_list_is_read_is_newer_than_the_list(runtime: SlowLists) -> None:
    inventory = Inventory(runtime)
    sandbox_id, container_id = await given(runtime)
    await inventory.refresh()
    runtime.answer.clear()
    listing = asyncio.get_running_loop().create_task(inventory.refresh())
    await CLOCK.settle()
    other = await runtime.create_container(sandbox_id, ContainerSpec("helper", "busybox:1"))
    await inventory.look_at(other)
    await runtime.remove_container(container_id)
    inventory.drop_container(container_id)
    runtime.answer.set()
    await listing
    assert [container.id for container in inventory.containers(WEB)] == [other]


async def test_states_never_go_back(runtime: SlowLists) -> None:
    inventory = Inventory(runtime)
    sandbox_id, container_id = await given(runtime)
    await inventory.refresh()
    running = await runtime.inspect(container_id)
    alive: Sandbox = inventory.sandboxes(WEB)[0]
    runtime.exit_container(container_id, 0)
    await inventory.look_at(container_id)
    assert inventory.put_container(running) is None
    assert states(inventory) == ["exited"]
    assert inventory.stopped_sandbox(sandbox_id) == WEB
    assert inventory.put_sandbox(alive) is None
    assert not inventory.sandboxes(WEB)[0].ready


async def test_a_container_that_is_gone_is_forgotten(runtime: SlowLists) -> None:
    inventory = Inventory(runtime)
    _, container_id = await given(runtime)
    await inventory.refresh()
    await runtime.remove_container(container_id)
    assert await inventory.look_at(container_id) is None
    assert states(inventory) == []


async def test_news_of_strangers_are_no_news(runtime: SlowLists) -> None:
    inventory = Inventory(runtime)
    for container_id in ("sandbox", "container"):
        assert await inventory.take(RuntimeEvent("exited", container_id, "sandbox", CLOCK.now())) is None
        assert await inventory.take(RuntimeEvent("removed", container_id, "sandbox", CLOCK.now())) is None


async def test_a_sandbox_that_is_listed_in_more_detail_is_no_news(runtime: SlowLists) -> None:
    inventory = Inventory(runtime)
    await given(runtime)
    await inventory.refresh()
    (known,) = inventory.sandboxes(WEB)
    assert inventory.put_sandbox(replace(known, pid=7)) is None
    assert inventory.sandboxes(WEB) == (replace(known, pid=7),)
    assert inventory.put_sandbox(replace(known, ready=False)) == WEB
    assert inventory.put_sandbox(known) is None
    assert not inventory.sandboxes(WEB)[0].ready
