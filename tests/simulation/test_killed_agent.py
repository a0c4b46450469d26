"""An agent that is killed between any two steps never runs a pod twice, and the next one carries on."""

import random
from contextlib import AsyncExitStack

import pytest

from petset.aio.clock import SystemClock
from petset.api.errors import StatusError
from petset.api.meta import is_running_and_ready, is_terminating
from petset.api.types import Container
from petset.node.runtimes.simulated import Delays
from tests.simulation.pod_world import PodWorld

NAMES = ("web-0", "web-1")
INIT = Container(name="init", image="busybox:1")
APP = Container(name="nginx", image="nginx:1")
HELPER = Container(name="helper", image="busybox:1")


class Story:
    """Random things happen to a node; `seed` tells which."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.world = PodWorld(delays=Delays(pull=0.3, start=0.2, stop=0.5))

    async def user_acts(self) -> None:
        name = self.random.choice(NAMES)
        try:
            match self.random.randrange(4):
                case 0 | 1:
                    init = [INIT] if self.random.random() < 0.5 else []
                    await self.world.run_pod(name, APP, HELPER, init_containers=init)
                case 2:
                    await self.world.delete_pod(name)
                case 3:
                    await self.world.delete_pod(name, grace=0)
        except StatusError:
            pass  # it is there already, or is not there: the user is random

    async def machine_acts(self) -> None:
        if self.random.random() < 0.3:
            await self.world.exit(self.random.choice(["nginx", "helper"]), 1, self.random.choice(NAMES))
        if self.random.random() < 0.1:
            for sandbox in await self.world.runtime.list_sandboxes():
                await self.world.runtime.stop_sandbox(sandbox.id)

    async def some_turns(self) -> None:
        for _ in range(self.random.randrange(40)):
            await SystemClock().sleep(0)

    async def live(self, lives: int) -> None:
        await self.world.create_namespace()
        for _ in range(lives):
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(self.world.agent())
                for _ in range(self.random.randrange(6)):
                    await self.some_turns()
                    await self.user_acts()
                    await self.machine_acts()
                    if self.random.random() < 0.6:
                        await self.world.clock.advance(self.random.random())
                await self.some_turns()
            self.check()

    def check(self) -> None:
        assert not self.world.runtime.double_runs

    async def end_well(self) -> None:
        """Left alone, every pod runs once and nothing else is left."""
        async with self.world.agent():
            await self.world.clock.advance(900)
            self.check()
            pods = await self.world.pods()
            assert all(is_running_and_ready(pod) and not is_terminating(pod) for pod in pods)
            for name in NAMES:
                there = [pod for pod in pods if pod.metadata.name == name]
                wanted = [(pod.metadata.uid, c.name) for pod in there for c in pod.spec.containers]
                assert sorted(await self.world.running(name)) == sorted(wanted)
            assert set(await self.world.network.attachments()) == {pod.metadata.uid for pod in pods}
            assert self.world.volumes.mounted <= {pod.metadata.uid for pod in pods}
            assert {s.pod_uid for s in await self.world.runtime.list_sandboxes()} == {p.metadata.uid for p in pods}


@pytest.mark.parametrize("seed", range(25))
async def test_never_two_running_containers_of_one_identity(seed: int) -> None:
    story = Story(seed)
    await story.live(12)
    await story.end_well()


async def test_running_containers_are_taken_over_untouched() -> None:
    world = PodWorld()
    await world.create_namespace()
    async with world.agent():
        await world.run_pod()
        await world.clock.advance(1)
    before = await world.runtime.list_containers()
    status = (await world.pod()).status
    async with world.agent():
        await world.clock.advance(300)
    assert await world.runtime.list_containers() == before
    assert (await world.pod()).status == status


async def test_a_successor_waits_for_the_sandbox_of_its_namesake() -> None:
    world = PodWorld(delays=Delays(stop=3))
    await world.create_namespace()
    async with world.agent():
        old = await world.run_pod()
        await world.clock.advance(1)
        await world.delete_pod(grace=0)
        new = await world.run_pod()
        await world.clock.advance(0.5)
        assert await world.running() == [(old.metadata.uid, "nginx")]
        await world.clock.advance(5)
        assert await world.running() == [(new.metadata.uid, "nginx")]
