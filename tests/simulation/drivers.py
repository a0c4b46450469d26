"""Drives a toy world through a scenario, one random change at a time, and checks after every step what must hold."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from petset.api.meta import is_running_and_ready, is_terminating
from petset.api.types import Pod
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import claim_names, identity_matches, ordinals, storage_matches
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of
from tests.simulation.world import SMOOTH, Fate, World, retention, web

MODES = ("OrderedReady", "Parallel")
POLICIES = ("nil", "Retain/Retain", "Delete/Retain", "Retain/Delete", "Delete/Delete")
"""whenScaled/whenDeleted."""


@dataclass
class Driver:
    """A world, and the dice of its nodes."""

    world: World
    dice: random.Random

    def step(self, fate: Fate = SMOOTH) -> model.Plan:
        """The controller runs once; then everything must be in order."""
        decided = self.world.step(fate)
        self.world.collect_garbage()
        self.check()
        return decided

    def step_failing(self, kind: type[model.Action]) -> model.Plan:
        """The controller runs, and the first action of a kind fails."""
        actions = list(self.world.plan().actions())
        return self.step(Fate(fails_at=next(n for n, action in enumerate(actions) if isinstance(action, kind))))

    def progress(self) -> None:
        """One random pod that has something before it gets there: started, ready, gone."""
        changing = [name for name, pod in self.pods().items() if is_terminating(pod) or not is_running_and_ready(pod)]
        if not changing:
            return
        name = self.dice.choice(changing)
        pod = self.world.pods[name]
        if is_terminating(pod):
            self.world.gone(name)
        elif pod.status.phase == "Pending":
            self.world.run(name)
        elif pod.status.phase == "Running":
            self.world.ready(name)
        self.world.collect_garbage()

    def until(self, done: Callable[[], bool], limit: int = 600) -> None:
        """Steps and progress until it is done."""
        for _ in range(limit):
            self.step()
            if done():
                return
            self.progress()
        raise AssertionError(f"not done after {limit} steps, waiting for {self.world.plan().waiting_for}")

    def until_at_rest(self) -> None:
        """Until the controller has nothing to do and no pod is on its way."""
        self.until(lambda: self.world.plan().waiting_for is None and not list(self.world.plan().actions()))

    def scale(self, replicas: int) -> None:
        """Another size, and what comes of it."""
        self.world.scale(replicas)
        self.until(lambda: len(self.pods()) == replicas == (self.world.set.status.ready_replicas or 0))
        self.step()

    def pods(self) -> dict[str, Pod]:
        """The pods by name, in the order of ordinals."""
        return dict(sorted(self.world.pods.items(), key=lambda item: ordinal_of("web", item[0]) or 0))

    def counters(self) -> tuple[int, ...]:
        """replicas, ready, current, updated, available."""
        status = self.world.set.status
        optional = (status.ready_replicas, status.current_replicas, status.updated_replicas)
        return (status.replicas, *(counter or 0 for counter in optional), status.available_replicas)

    # --- what must hold -----------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Everything that must hold after a step."""
        self.check_pods()
        if self.world.set.spec.pod_management_policy != "Parallel" and len(self.world.revisions) == 1:
            self.check_order()
        if self.world.set.spec.update_strategy.type == "RollingUpdate":
            self.check_revisions()

    def check_pods(self) -> None:
        """Identity, volumes and claims of every pod are those of its ordinal."""
        set_ = self.world.set
        for name, pod in self.world.pods.items():
            ordinal = ordinal_of("web", name)
            assert ordinal is not None
            assert identity_matches(pod, set_, ordinal)
            assert storage_matches(pod, set_, ordinal)
            if is_running_and_ready(pod) and not is_terminating(pod):
                self.check_claims(pod, ordinal)

    def check_claims(self, pod: Pod, ordinal: int) -> None:
        """A missing claim is possible only when scaling deletes claims; the owners are those of the policy."""
        policy = self.world.set.spec.persistent_volume_claim_retention_policy
        scaled = (policy.when_scaled if policy is not None else None) or "Retain"
        deleted = (policy.when_deleted if policy is not None else None) or "Retain"
        wanted = []
        if ordinal not in ordinals(self.world.set) and scaled == "Delete":
            wanted = [("Pod", pod.metadata.uid)]
        elif deleted == "Delete":
            wanted = [("StatefulSet", "set-uid")]
        for name in claim_names(self.world.set, ordinal):
            claim = self.world.claims.get(name)
            assert claim is not None or scaled == "Delete"
            if claim is not None:
                assert [(ref.kind, ref.uid) for ref in claim.metadata.owner_references] == wanted
                assert all(ref.controller for ref in claim.metadata.owner_references)

    def check_order(self) -> None:
        """No gaps below, and no pod is ready while an earlier one is not yet. True as long as nothing is updated."""
        pods = self.pods()
        start = ordinals(self.world.set).start
        assert [ordinal_of("web", name) for name in pods] == list(range(start, start + len(pods)))
        states = [is_running_and_ready(pod) for pod in pods.values()]
        assert states == sorted(states, reverse=True)

    def check_revisions(self) -> None:
        """Without terminating pods: first come those at the current revision, last those at the update revision."""
        pods = list(self.world.last.pods.values())
        if any(is_terminating(pod) for pod in pods):
            return
        status = self.world.set.status
        labels = [pod.metadata.labels[REVISION_LABEL] for pod in self.pods().values()][: len(pods)]
        current, updated = status.current_replicas or 0, status.updated_replicas or 0
        assert labels[:current] == [status.current_revision] * min(current, len(labels))
        assert labels[len(labels) - updated :] == [status.update_revision] * min(updated, len(labels))


def world_of(replicas: int, mode: str, policy: str = "nil") -> Driver:
    """A world with nothing in it but the set. The dice fall the same way every time."""
    world = World(web(replicas, policy=mode))
    world.set.spec.persistent_volume_claim_retention_policy = None if policy == "nil" else retention(*policy.split("/"))
    return Driver(world, random.Random(f"{replicas} {mode} {policy}"))


def running(replicas: int, mode: str, policy: str = "nil") -> Driver:
    """A world whose pods are all there and ready."""
    driver = world_of(replicas, mode, policy)
    driver.scale(replicas)
    driver.until_at_rest()
    return driver
