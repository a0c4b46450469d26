"""Random lives of a set in a real cluster: API server, informers, garbage collector; only the node is the test's.

The controller's requests fail or lose their answers, its watches fall behind, its process ends; its ledgers must decide
as the plain plan does all the while.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from petset.aio.tasks import Supervisor
from petset.api.errors import Conflict, InternalError, StatusError
from petset.api.meta import is_running_and_ready, is_terminating, key_of
from petset.api.types import (
    ControllerRevision,
    DeleteOptions,
    Object,
    PersistentVolumeClaim,
    Pod,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetOrdinals,
)
from petset.client.interface import ConnectionLost, Patch
from petset.controllers.garbagecollector.controller import GarbageCollector
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import POD_NAME_LABEL
from petset.controllers.statefulset.plan import plan as plain
from petset.controllers.statefulset.status import ENDED
from petset.controllers.volumes.protection import VolumeProtection
from tests.simulation.drivers import MODES
from tests.simulation.promises import check
from tests.simulation.world import claims_used, retention
from tests.unit.controllers.statefulset.cluster import SetCluster
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

T = TypeVar("T")

KINDS: tuple[type[Object], ...] = (StatefulSet, Pod, PersistentVolumeClaim, ControllerRevision)
CHANCE = st.integers(min_value=0, max_value=7)
KEEP_OR_DELETE = st.sampled_from(["Retain", "Delete"])
WRITES: tuple[tuple[str, type[Object]], ...] = (
    ("create", Pod),
    ("create", PersistentVolumeClaim),
    ("create", ControllerRevision),
    ("delete", Pod),
    ("update", StatefulSet),
    ("update", PersistentVolumeClaim),
    ("patch", Pod),
)


class Process(SetCluster):
    """One process of the controller, until its supervisor is stopped."""

    def __init__(self, toy: ToyCluster, supervisor: Supervisor) -> None:
        super().__init__(ToyCluster(toy.server, toy.store, supervisor, toy.clock))
        self.observer, actor = self.controller._observer, self.controller._actor
        self.carry_out = actor.carry_out
        actor.carry_out = self.check_and_carry_out  # type: ignore[method-assign]
        self.supervisor = supervisor

    async def check_and_carry_out(self, set_: StatefulSet, plan: model.Plan) -> Any:
        """The ledger's plan is the plain one, and that keeps to what every plan keeps to."""
        seen = self.observer.observe(key_of(set_))
        assert seen is not None
        assert plan == plain(seen)
        check(seen, plan)
        return await self.carry_out(set_, plan)

    async def run_once(self) -> None:
        """One run. When it waits for news that is held back, that comes in."""
        try:
            async with asyncio.TaskGroup() as group:
                run = group.create_task(self.sync())
                await self.clock.settle()
                await self.clock.settle()
                if not run.done():
                    self.let_all_go()
        except* (StatusError, ConnectionLost):
            pass

    def let_all_go(self) -> None:
        for kind in KINDS:
            self.client.let_go(kind)


class ClusterMachine(RuleBasedStateMachine):
    """One set, a user, a node, and a controller with bad luck."""

    process: Process

    @initialize(
        replicas=st.integers(0, 4),
        mode=st.sampled_from(MODES),
        least=st.sampled_from([0, 0, 3]),
        age=st.integers(0, 12),
    )
    def begin(self, replicas: int, mode: str, least: int, age: int) -> None:
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.do(self.build(replicas, mode, least))
        self.go_well(age)

    async def build(self, replicas: int, mode: str, least: int) -> None:
        self.toy = await self.stack.enter_async_context(toy_cluster())
        client, informers, recorder, clock = self.toy.client, self.toy.informers, self.toy.recorder, self.toy.clock
        collector = GarbageCollector(client, informers, recorder, clock, KINDS)
        self.toy.start(collector, VolumeProtection(client, informers, clock))
        self.process = await self.new_process()
        set_ = await self.process.create_set(replicas, policy=mode)
        set_.spec.min_ready_seconds = least
        await self.toy.client.update(set_)

    async def new_process(self) -> Process:
        supervisor = await self.stack.enter_async_context(Supervisor("process", self.toy.clock))
        process = Process(self.toy, supervisor)
        await process.start_watching()
        return process

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    # --- the user -----------------------------------------------------------------------------------------------------

    def change(self, change: Callable[[StatefulSet], None]) -> None:
        async def write() -> None:
            set_ = await self.process.set()
            change(set_)
            await self.toy.client.update(set_)

        self.do(write())

    @rule(replicas=st.integers(0, 4))
    def scale(self, replicas: int) -> None:
        self.change(lambda set_: setattr(set_.spec, "replicas", replicas))

    @rule(image=st.integers(1, 3))
    def change_template(self, image: int) -> None:
        self.change(lambda set_: setattr(set_.spec.template.spec.containers[0], "image", f"nginx:{image}"))

    @rule(partition=st.sampled_from([0, 0, 1, 3]), budget=st.sampled_from([None, 1, 2]))
    def change_update(self, partition: int, budget: int | None) -> None:
        self.change(lambda set_: roll(set_, partition, budget))

    @rule()
    def update_on_delete(self) -> None:
        def to(set_: StatefulSet) -> None:
            set_.spec.update_strategy.type, set_.spec.update_strategy.rolling_update = "OnDelete", None

        self.change(to)

    @rule(start=st.sampled_from([0, 0, 2]))
    def move_range(self, start: int) -> None:
        self.change(lambda set_: setattr(set_.spec, "ordinals", StatefulSetOrdinals(start=start)))

    @rule(when_scaled=KEEP_OR_DELETE, when_deleted=KEEP_OR_DELETE)
    def change_retention(self, when_scaled: str, when_deleted: str) -> None:
        policy = retention(when_scaled, when_deleted)
        self.change(lambda set_: setattr(set_.spec, "persistent_volume_claim_retention_policy", policy))

    @rule(chance=CHANCE)
    def delete_claim(self, chance: int) -> None:
        async def delete() -> None:
            names = sorted(await self.toy.names(PersistentVolumeClaim))
            if names:
                await self.toy.client.delete(PersistentVolumeClaim, names[chance % len(names)], "default")

        self.do(delete())

    @rule(chance=CHANCE)
    def delete_pod(self, chance: int) -> None:
        self.to_pod(chance, lambda pod: not is_terminating(pod), self.deletes)

    @rule(chance=CHANCE, labels=st.sampled_from([{"app": "debugged"}, {"app": "nginx"}, {POD_NAME_LABEL: None}]))
    def relabel_pod(self, chance: int, labels: dict[str, str | None]) -> None:
        async def write(name: str) -> None:
            await self.toy.client.patch(Pod, name, "default", Patch("merge", {"metadata": {"labels": labels}}))

        self.to_pod(chance, lambda pod: True, write)

    async def deletes(self, name: str) -> None:
        await self.toy.client.delete(Pod, name, "default")

    # --- the node -----------------------------------------------------------------------------------------------------

    def to_pod(self, chance: int, which: Callable[[Pod], bool], what: Callable[[str], Awaitable[None]]) -> None:
        """Does something to one of the pods of a sort, if there are any."""

        async def find_and_do() -> None:
            pods = (await self.toy.client.list(Pod, "default")).items
            names = sorted(pod.metadata.name for pod in pods if which(pod))
            if names:
                await what(names[chance % len(names)])

        self.do(find_and_do())

    @rule(chance=CHANCE, ready=st.booleans())
    def pod_runs(self, chance: int, ready: bool) -> None:
        async def run(name: str) -> None:
            if await self.has_claims(name):
                await self.process.become(name, "Running", ready=ready)

        self.to_pod(chance, lambda pod: pod.status.phase not in ENDED, run)

    @rule(chance=CHANCE, phase=st.sampled_from(ENDED))
    def pod_ends(self, chance: int, phase: str) -> None:
        async def end(name: str) -> None:
            await self.process.become(name, phase, ready=False)

        self.to_pod(chance, lambda pod: pod.status.phase == "Running", end)

    @rule(chance=CHANCE)
    def termination_ends(self, chance: int) -> None:
        self.to_pod(chance, is_terminating, self.ends)

    async def ends(self, name: str) -> None:
        await self.toy.client.delete(Pod, name, "default", DeleteOptions(grace_period_seconds=0))

    async def has_claims(self, name: str) -> bool:
        used = claims_used(await self.process.pod(name))
        return used <= set(await self.toy.names(PersistentVolumeClaim))

    # --- the controller -----------------------------------------------------------------------------------------------

    @rule()
    def controller_runs(self) -> None:
        self.do(self.process.run_once())

    @rule(rounds=st.integers(1, 8))
    def all_goes_well(self, rounds: int) -> None:
        self.go_well(rounds)

    def go_well(self, rounds: int) -> None:
        """Nothing is held back, and pods get ready or go."""

        async def go() -> None:
            self.process.let_all_go()
            for _ in range(rounds):
                await self.process.run_once()
                await self.node_works()

        self.do(go())

    @rule(kind=st.sampled_from(KINDS))
    def watch_falls_behind(self, kind: type[Object]) -> None:
        self.process.client.hold(kind)

    @rule(kind=st.sampled_from(KINDS))
    def watch_catches_up(self, kind: type[Object]) -> None:
        self.process.client.let_go(kind)

    @rule(
        request=st.sampled_from(WRITES),
        error=st.sampled_from([Conflict("busy"), InternalError("broken"), ConnectionLost("cut")]),
    )
    def request_fails(self, request: tuple[str, type[Object]], error: Exception) -> None:
        self.process.client.fails(*request, error)

    @rule(
        replicas=st.integers(0, 4),
        image=st.integers(1, 3),
        request=st.sampled_from(WRITES),
        late=st.sampled_from(KINDS),
    )
    def a_change_runs_into_trouble(
        self, replicas: int, image: int, request: tuple[str, type[Object]], late: type[Object]
    ) -> None:
        self.go_well(4)
        self.process.client.loses_answer(*request)
        self.process.client.hold(late)

        def change(set_: StatefulSet) -> None:
            set_.spec.replicas = replicas
            set_.spec.template.spec.containers[0].image = f"nginx:{image}"

        self.change(change)
        for _ in range(3):
            self.do(self.process.run_once())

    @rule(request=st.sampled_from(WRITES))
    def answer_is_lost(self, request: tuple[str, type[Object]]) -> None:
        self.process.client.loses_answer(*request)

    @rule()
    def process_restarts(self) -> None:
        self.do(self.restart())

    async def restart(self) -> None:
        await self.process.supervisor.stop()
        self.process = await self.new_process()

    @rule(seconds=st.sampled_from([0.5, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.do(self.toy.clock.advance(seconds))

    # --- the end ------------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        if hasattr(self, "process"):
            with self.runner:
                try:
                    self.do(self.come_to_rest())
                finally:
                    self.do(self.stack.aclose())

    async def come_to_rest(self) -> None:
        """When nothing goes wrong any more, the set becomes what the user wants."""
        await self.restart()
        set_ = await self.process.set()
        set_.spec.min_ready_seconds = 0
        roll(set_, 0, None)
        await self.toy.client.update(set_)
        for pod in (await self.toy.client.list(Pod, "default")).items:
            labels = Patch("merge", {"metadata": {"labels": {"app": "nginx"}}})
            await self.toy.client.patch(Pod, pod.metadata.name, "default", labels)
            if pod.status.phase in ENDED:
                await self.ends(pod.metadata.name)  # several of them out of range hold an ordered set up for good
        self.process.supervisor.start("controller", self.process.controller.run)
        for _ in range(100):
            await self.process.settle()
            if not await self.node_works():
                break
        await self.check_end()

    async def node_works(self) -> bool:
        """Pods get ready or go; whether there was something to do."""
        busy = False
        for pod in (await self.toy.client.list(Pod, "default")).items:
            name = pod.metadata.name
            if is_terminating(pod):
                await self.ends(name)
                busy = True
            elif pod.status.phase not in ENDED and not is_running_and_ready(pod) and await self.has_claims(name):
                await self.process.become(name, "Running", ready=True)
                busy = True
        return busy

    async def check_end(self) -> None:
        set_ = await self.process.set()
        pods = (await self.toy.client.list(Pod, "default")).items
        assert sorted(pod.metadata.name for pod in pods) == sorted(f"web-{ordinal}" for ordinal in ordinals(set_))
        images = {pod.spec.containers[0].image for pod in pods}
        assert images <= {set_.spec.template.spec.containers[0].image}
        status = set_.status
        assert status.replicas == status.available_replicas == (status.updated_replicas or 0) == len(pods)
        assert status.current_revision == status.update_revision
        assert (status.observed_generation, status.collision_count) == (set_.metadata.generation, 0)
        policy = set_.spec.persistent_volume_claim_retention_policy
        wanted = ["StatefulSet web"] if policy is not None and policy.when_deleted == "Delete" else []
        for name in sorted(set().union(*map(claims_used, pods))):
            if not is_terminating(await self.process.claim(name)):
                assert await self.process.owners(name) == wanted


def roll(set_: StatefulSet, partition: int, budget: int | None) -> None:
    """A rolling update."""
    set_.spec.update_strategy.type = "RollingUpdate"
    rolling = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=budget)
    set_.spec.update_strategy.rolling_update = rolling


TestCluster = ClusterMachine.TestCase
TestCluster.settings = settings(max_examples=40, stateful_step_count=40, deadline=None, print_blob=True)
TestCluster.pytestmark = [pytest.mark.timeout(400)]  # type: ignore[attr-defined] # making a failure small takes long
