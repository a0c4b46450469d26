"""Random worlds: whatever pods, users, caches, the network and the clock do, a set keeps its promises at every step.

`PETSET_SEED` chooses other worlds; `pytest -s` shows how many steps there were, and the seed of the run.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from petset.api.meta import is_running_and_ready, is_terminating
from petset.api.types import Object, Pod, RollingUpdateStatefulSetStrategy, StatefulSetOrdinals
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import POD_NAME_LABEL, ordinal_of
from petset.controllers.statefulset.plan import plan
from tests.simulation.drivers import MODES, Driver
from tests.simulation.process import KINDS, Process
from tests.simulation.promises import check
from tests.simulation.world import Fate, Planner, Snapshot, World, claims_used, retention, web

CHANCE = st.integers(min_value=0, max_value=7)
KEEP_OR_DELETE = st.sampled_from(["Retain", "Delete"])


class StatefulSetMachine(RuleBasedStateMachine):
    """One set, its pods, a user who changes her mind, a node, a garbage collector, and a controller with bad luck."""

    world: World
    planner: ClassVar[Planner] = staticmethod(plan)
    steps: ClassVar[int] = 0

    @initialize(
        replicas=st.integers(0, 5),
        mode=st.sampled_from(MODES),
        least=st.sampled_from([0, 0, 3]),
        age=st.integers(0, 12),
    )
    def begin(self, replicas: int, mode: str, least: int, age: int) -> None:
        self.world = World(web(replicas, policy=mode), planner=type(self).planner)
        self.world.set.spec.min_ready_seconds = least
        self.process = Process(self.world)
        self.claims_may_go = False
        self.go_well(age)

    # --- the user -----------------------------------------------------------------------------------------------------

    @rule(replicas=st.integers(0, 5))
    def scale(self, replicas: int) -> None:
        self.world.scale(replicas)
        self.process.note()

    @rule(image=st.integers(1, 3))
    def change_template(self, image: int) -> None:
        self.world.set_image(f"nginx:{image}")
        self.process.note()

    @rule(partition=st.sampled_from([0, 0, 1, 3]), budget=st.sampled_from([None, 1, 2, "60%"]))
    def change_update(self, partition: int, budget: int | str | None) -> None:
        strategy = self.world.set.spec.update_strategy
        strategy.type = "RollingUpdate"
        strategy.rolling_update = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=budget)
        self.world.changed()
        self.process.note()

    @rule()
    def update_without_block(self) -> None:
        self.world.set.spec.update_strategy.type = "RollingUpdate"
        self.world.set.spec.update_strategy.rolling_update = None
        self.world.changed()
        self.process.note()

    @rule()
    def update_on_delete(self) -> None:
        self.world.set.spec.update_strategy.type = "OnDelete"
        self.world.set.spec.update_strategy.rolling_update = None
        self.world.changed()
        self.process.note()

    @rule(start=st.sampled_from([0, 0, 1, 3]))
    def move_range(self, start: int) -> None:
        self.world.set.spec.ordinals = StatefulSetOrdinals(start=start)
        self.world.changed()
        self.process.note()

    @rule(when_scaled=KEEP_OR_DELETE, when_deleted=KEEP_OR_DELETE)
    def change_retention(self, when_scaled: str, when_deleted: str) -> None:
        self.world.set.spec.persistent_volume_claim_retention_policy = retention(when_scaled, when_deleted)
        self.claims_may_go |= "Delete" in (when_scaled, when_deleted)
        self.world.changed()
        self.process.note()

    @rule(chance=CHANCE)
    def delete_pod(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: not is_terminating(pod)):
            self.world.delete(name)
            self.process.note()

    @rule(chance=CHANCE)
    def delete_claim(self, chance: int) -> None:
        if names := sorted(self.world.claims):
            self.world.delete_claim(names[chance % len(names)])
            self.process.note()

    @rule(chance=CHANCE)
    def take_pod_out(self, chance: int) -> None:
        """For debugging: the pod no longer matches the selector."""
        if name := self.pick(chance, lambda pod: True):
            self.world.pods[name].metadata.labels["app"] = "debugged"
            self.process.note()

    @rule(chance=CHANCE)
    def put_pod_back(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.metadata.labels["app"] == "debugged"):
            self.world.pods[name].metadata.labels["app"] = "nginx"
            self.process.note()

    @rule(chance=CHANCE)
    def take_pod_out_for_a_while(self, chance: int) -> None:
        """The controller lets it go meanwhile."""
        self.take_pod_out(chance)
        self.process.catch_up(KINDS)
        self.run(Fate())
        self.put_pod_back(chance)

    @rule(chance=CHANCE)
    def lose_claim_of_waiting_pod(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Pending" and not is_terminating(pod)):
            for claim in claims_used(self.world.pods[name]) & self.world.claims.keys():
                self.world.delete_claim(claim)
            self.process.note()

    @rule(chance=CHANCE)
    def damage_pod(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: True):
            self.world.pods[name].metadata.labels.pop(POD_NAME_LABEL, None)
            self.process.note()

    # --- the node, the garbage collector, the clock -------------------------------------------------------------------

    @rule(chance=CHANCE)
    def pod_starts(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Pending" and not is_terminating(pod)):
            if self.world.can_run(name):
                self.world.run(name)
            self.process.note()

    @rule(chance=CHANCE)
    def pod_gets_ready(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Running" and not is_running_and_ready(pod)):
            self.world.ready(name)
            self.process.note()

    @rule(chance=CHANCE)
    def pod_gets_unready(self, chance: int) -> None:
        if name := self.pick(chance, is_running_and_ready):
            self.world.unready(name)
            self.process.note()

    @rule(chance=CHANCE, phase=st.sampled_from(["Failed", "Succeeded"]))
    def pod_ends(self, chance: int, phase: str) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Running" and not is_terminating(pod)):
            self.world.fail(name, phase)
            self.process.note()

    @rule(chance=CHANCE)
    def termination_ends(self, chance: int) -> None:
        if name := self.pick(chance, is_terminating):
            self.world.gone(name)
            self.process.note()

    @rule()
    def node_is_lost(self) -> None:
        """Nobody hears of its pods any more: none is ready, and none that terminates goes."""
        for name, pod in self.world.pods.items():
            if pod.status.phase == "Running":
                self.world.unready(name)
        self.process.note()

    @rule()
    def garbage_is_collected(self) -> None:
        deleted = self.world.collect_garbage()
        assert self.claims_may_go or not deleted, "no claim goes unless the user has ever asked for that"
        self.process.note()

    @rule(seconds=st.integers(0, 5))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    # --- the controller -----------------------------------------------------------------------------------------------

    @rule(kind=st.sampled_from(KINDS))
    def news_arrives(self, kind: type[Object]) -> None:
        self.process.hear(kind)

    @rule()
    def all_news_arrives(self) -> None:
        self.process.catch_up(KINDS)

    @rule()
    def controller_runs(self) -> None:
        self.run(Fate())

    @rule(rounds=st.integers(1, 6))
    def all_goes_well(self, rounds: int) -> None:
        self.go_well(rounds)

    def go_well(self, rounds: int) -> None:
        """All news arrives, pods get ready or go."""
        for _ in range(rounds):
            self.process.catch_up(KINDS)
            self.run(Fate())
            if self.world.live():
                assert self.claims_may_go, "no claim goes unless the user has ever asked for that"

    @rule(at=st.integers(0, 2), lost=st.booleans(), dies=st.booleans())
    def controller_runs_into_trouble(self, at: int, lost: bool, dies: bool) -> None:
        self.run(Fate(fails_at=at, answer_lost=lost, dies=dies))

    @rule(replicas=st.integers(0, 5), image=st.integers(1, 3), at=st.integers(0, 3), lost=st.booleans())
    def a_change_runs_into_trouble(self, replicas: int, image: int, at: int, lost: bool) -> None:
        self.go_well(4)
        self.world.scale(replicas)
        self.world.set_image(f"nginx:{image}")
        self.process.catch_up(KINDS)
        self.run(Fate(fails_at=at, answer_lost=lost))

    @rule()
    def status_cannot_be_written(self) -> None:
        self.run(Fate(status_fails=True))

    @rule()
    def controller_restarts(self) -> None:
        self.process.restart()

    def run(self, fate: Fate) -> None:
        """One run. Neither claims nor successors of what was seen are ever touched."""
        claims = {name: claim.metadata.uid for name, claim in self.world.claims.items()}
        pods = {name: pod.metadata.uid for name, pod in self.world.pods.items()}
        before = self.process.note()
        seen, decided = self.process.run(fate)
        check(seen, decided)
        present = {name: claim.metadata.uid for name, claim in self.world.claims.items()}
        assert claims.items() <= present.items(), "no claim is lost or replaced"
        if fate == Fate():
            self.check_idleness(seen, decided, before)
        touched = {a.name: a.uid for a in decided.actions() if isinstance(a, model.DeletePod)}
        for name, uid in pods.items():
            pod = self.world.pods.get(name)
            assert pod is None or pod.metadata.uid == uid, "no pod is replaced within a run"
            assert pod is not None or touched.get(name) == uid, "only the very pod that was seen is deleted"

    def check_idleness(self, seen: model.Observed, decided: model.Plan, before: Snapshot) -> None:
        """On fresh news and with luck, what is planned changes something, unless it is refused."""
        planned = [action for action in decided.actions() if not isinstance(action, model.ReportForeignOwner)]
        refused = any(isinstance(action, model.RefusePod | model.RefuseClaims) for action in planned)
        if not planned or refused or not self.world.is_shown_by(seen):
            return
        strangers = {
            n for n, pod in self.world.pods.items() if is_terminating(pod) or pod.metadata.labels["app"] != "nginx"
        }
        tried = {action.pod.metadata.name for action in planned if isinstance(action, model.CreatePod)}
        changed = replace(self.world.snapshot(), revision=before.revision) != before
        assert changed or tried & strangers, "an unchanged world gives an empty plan"

    # --- always -------------------------------------------------------------------------------------------------------

    @invariant()
    def steps_are_counted(self) -> None:
        type(self).steps += 1

    @invariant()
    def no_claim_is_shared(self) -> None:
        if hasattr(self, "world"):
            used = [name for pod in self.world.pods.values() for name in claims_used(pod)]
            assert len(set(used)) == len(used)

    @invariant()
    def history_is_no_longer_than_it_may_be(self) -> None:
        if hasattr(self, "world"):
            assert len(self.world.revisions) <= 10 + 2 + len(self.world.pods)

    def teardown(self) -> None:
        """Once nothing fails any more, every world comes to rest where the user wants it."""
        if not hasattr(self, "world"):
            return
        spec = self.world.set.spec
        spec.min_ready_seconds = 0
        spec.update_strategy.type = "RollingUpdate"
        spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(partition=0)
        for name, pod in list(self.world.pods.items()):
            pod.metadata.labels["app"] = "nginx"
            if not self.world.can_run(name) and ordinal_of("web", name) not in ordinals(self.world.set):
                self.world.delete(name)  # several of them out of range hold an ordered set up for good, as upstream
        self.world.changed()
        self.world.settle()
        plan = self.world.plan()
        assert (list(plan.actions()), plan.waiting_for) == ([], None)
        assert {ref.uid for pod in self.world.pods.values() for ref in pod.metadata.owner_references} <= {"set-uid"}
        assert all(pod.metadata.owner_references for pod in self.world.pods.values())
        assert all(pod.metadata.labels.get(POD_NAME_LABEL) == name for name, pod in self.world.pods.items())
        assert sorted(self.world.pods) == sorted(f"web-{ordinal}" for ordinal in ordinals(self.world.set))
        assert set(self.world.images().values()) <= {spec.template.spec.containers[0].image}
        status = self.world.set.status
        assert status.replicas == status.available_replicas == (status.updated_replicas or 0) == len(self.world.pods)
        assert status.current_revision == status.update_revision
        going = [name for name, claim in self.world.claims.items() if is_terminating(claim)]
        if not going:
            Driver(self.world, random.Random(0)).check_pods()

    def pick(self, chance: int, wanted: Callable[[Pod], bool]) -> str | None:
        names = [name for name, pod in sorted(self.world.pods.items()) if wanted(pod)]
        return names[chance % len(names)] if names else None


SEED = int(os.environ.get("PETSET_SEED") or 20261123)
STEPS = 100_000


def simulate(
    machine: type[StatefulSetMachine], worlds: int, number: int, phases: Sequence[Phase] = tuple(Phase)
) -> None:
    """Runs a machine in so many worlds, those of a seed."""
    chosen = settings(
        max_examples=worlds,
        stateful_step_count=100,
        deadline=None,
        database=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),  # they judge how fast the machine is
    )
    run_state_machine_as_test(seed(number)(machine), settings=chosen)


@pytest.mark.timeout(900)  # making a failure small takes long
def test_random_worlds() -> None:
    try:
        simulate(StatefulSetMachine, 1_150, SEED)
    finally:
        print(f"\n{StatefulSetMachine.steps} steps, PETSET_SEED={SEED}")  # noqa: T201 - for readers of `pytest -s`
    assert StatefulSetMachine.steps >= STEPS
