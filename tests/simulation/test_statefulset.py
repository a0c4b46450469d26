"""Random worlds: whatever pods, users and the clock do, the promises of a StatefulSet hold after every single step."""

from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from petset.api.meta import is_pod_available, is_running_and_ready, is_terminating
from petset.api.types import RollingUpdateStatefulSetStrategy
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import ordinal_of
from petset.controllers.statefulset.plan import max_unavailable
from tests.simulation.world import World, web

CHANCE = st.integers(min_value=0, max_value=7)


class StatefulSetMachine(RuleBasedStateMachine):
    """One set, its pods, and a user who changes her mind."""

    world: World

    @initialize(
        replicas=st.integers(0, 5), policy=st.sampled_from(["OrderedReady", "Parallel"]), least=st.sampled_from([0, 3])
    )
    def begin(self, replicas: int, policy: str, least: int) -> None:
        self.world = World(web(replicas, policy=policy))
        self.world.set.spec.min_ready_seconds = least
        self.image = 1

    # --- the user -----------------------------------------------------------------------------------------------------

    @rule(replicas=st.integers(0, 5))
    def scale(self, replicas: int) -> None:
        self.world.scale(replicas)

    @rule(image=st.integers(1, 3))
    def change_template(self, image: int) -> None:
        self.world.set_image(f"nginx:{image}")

    @rule(partition=st.sampled_from([0, 0, 1, 3]), budget=st.sampled_from([None, 1, 2]))
    def change_update(self, partition: int, budget: int | None) -> None:
        rolling = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=budget)
        self.world.set.spec.update_strategy.rolling_update = rolling

    @rule(chance=CHANCE)
    def delete_pod(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: not is_terminating(pod)):
            self.world.delete(name)

    # --- the node -----------------------------------------------------------------------------------------------------

    @rule(chance=CHANCE)
    def pod_starts(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Pending" and not is_terminating(pod)):
            self.world.run(name)

    @rule(chance=CHANCE)
    def pod_gets_ready(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Running" and not is_running_and_ready(pod)):
            self.world.ready(name)

    @rule(chance=CHANCE)
    def pod_gets_unready(self, chance: int) -> None:
        if name := self.pick(chance, is_running_and_ready):
            self.world.unready(name)

    @rule(chance=CHANCE)
    def pod_fails(self, chance: int) -> None:
        if name := self.pick(chance, lambda pod: pod.status.phase == "Running" and not is_terminating(pod)):
            self.world.fail(name)

    @rule(chance=CHANCE)
    def termination_ends(self, chance: int) -> None:
        if name := self.pick(chance, is_terminating):
            self.world.gone(name)

    @rule(seconds=st.integers(0, 5))
    def time_passes(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    # --- the controller -----------------------------------------------------------------------------------------------

    @rule()
    def controller_runs(self) -> None:
        """Obeys one plan; the world itself refuses a second pod with one identity and a claim created twice."""
        plan = self.world.plan()
        self.check_order(plan)
        self.check_update(plan)
        claims = dict(self.world.claims)
        self.world.step()
        assert all(self.world.claims[name] is claim for name, claim in claims.items()), "no claim is lost or replaced"

    def check_order(self, plan: model.Plan) -> None:
        """OrderedReady: one pod created or deleted a step, and no successor before its predecessor is ready."""
        if self.world.set.spec.pod_management_policy == "Parallel":
            return
        changes = [a for a in plan.actions() if isinstance(a, model.CreatePod | model.DeletePod)]
        assert len([a for a in changes if not (isinstance(a, model.DeletePod) and a.reason == "update")]) <= 1
        for action in changes:
            if isinstance(action, model.CreatePod):
                ordinal = ordinal_of("web", action.pod.metadata.name) or 0
                for earlier in range(ordinal):
                    assert is_running_and_ready(self.world.pods[f"web-{earlier}"])

    def check_update(self, plan: model.Plan) -> None:
        """Below the partition nothing is deleted for the update, and the budget of healthy pods is kept."""
        set_ = self.world.set
        rolling = set_.spec.update_strategy.rolling_update
        partition = (rolling.partition if rolling else 0) or 0
        deleted = [a for a in plan.actions() if isinstance(a, model.DeletePod) and a.reason == "update"]
        assert all((ordinal_of("web", a.name) or 0) >= partition for a in deleted)
        healthy = [a for a in deleted if self.is_available(a.name)]
        down = [o for o in ordinals(set_) if not self.is_available(f"web-{o}")]
        assert not healthy or len(healthy) + len(down) <= max(max_unavailable(set_), len(down))

    def is_available(self, name: str) -> bool:
        pod, least = self.world.pods.get(name), self.world.set.spec.min_ready_seconds or 0
        return pod is not None and is_pod_available(pod, least, self.world.now) and not is_terminating(pod)

    # --- always -------------------------------------------------------------------------------------------------------

    @invariant()
    def counters_are_sane(self) -> None:
        if not hasattr(self, "world"):
            return
        status = self.world.set.status
        assert 0 <= (status.current_replicas or 0) <= status.replicas
        assert status.available_replicas <= (status.ready_replicas or 0) <= status.replicas

    def teardown(self) -> None:
        """Once nothing fails any more, every world comes to rest where the user wants it."""
        if not hasattr(self, "world"):
            return
        self.world.set.spec.min_ready_seconds = 0
        self.world.settle()
        assert sorted(self.world.pods) == sorted(f"web-{o}" for o in ordinals(self.world.set))
        assert list(self.world.plan().actions()) == []
        assert self.world.plan().waiting_for is None

    def pick(self, chance: int, wanted: Any) -> str | None:
        names = [name for name, pod in sorted(self.world.pods.items()) if wanted(pod)]
        return names[chance % len(names)] if names else None


TestStatefulSet = StatefulSetMachine.TestCase
TestStatefulSet.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)
