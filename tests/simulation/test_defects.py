"""The random worlds notice a controller with a defect: each promise is broken on purpose, one at a time."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import Phase

from petset.api.meta import copy, is_terminating, owner_reference
from petset.api.types import StatefulSet
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of
from petset.controllers.statefulset.plan import plan
from petset.controllers.statefulset.status import ENDED
from tests.simulation.test_statefulset import StatefulSetMachine, simulate
from tests.simulation.world import Planner, retention

pytestmark = pytest.mark.timeout(300)

SEED = 1
"""The same worlds every time: this is about the promises, not about luck."""


def as_if(change: Callable[[StatefulSet], None]) -> Planner:
    """Plans for another set than the one there is."""

    def planner(seen: model.Observed) -> model.Plan:
        set_ = copy(seen.set)
        change(set_)
        return plan(replace(seen, set=set_))

    return planner


def parallel(set_: StatefulSet) -> None:
    set_.spec.pod_management_policy = "Parallel"


def no_partition(set_: StatefulSet) -> None:
    if set_.spec.update_strategy.rolling_update is not None:
        set_.spec.update_strategy.rolling_update.partition = 0


def no_budget(set_: StatefulSet) -> None:
    if set_.spec.update_strategy.rolling_update is not None:
        set_.spec.update_strategy.rolling_update.max_unavailable = 100


def no_patience(set_: StatefulSet) -> None:
    set_.spec.min_ready_seconds = 0


def claims_go(set_: StatefulSet) -> None:
    set_.spec.persistent_volume_claim_retention_policy = retention("Delete", "Delete")


def one_more(set_: StatefulSet) -> None:
    set_.spec.replicas = (set_.spec.replicas or 0) + 1


def on_delete(set_: StatefulSet) -> None:
    set_.spec.update_strategy.type, set_.spec.update_strategy.rolling_update = "OnDelete", None


def rewritten(change: Callable[[model.Observed, model.Action], Iterator[model.Action]]) -> Planner:
    """Plans well, and then changes the actions."""

    def planner(seen: model.Observed) -> model.Plan:
        decided = plan(seen)
        steps = []
        for step in decided.steps:
            groups = tuple(tuple(new for action in group for new in change(seen, action)) for group in step.groups)
            steps.append(replace(step, groups=groups))
        return replace(decided, steps=tuple(steps))

    return planner


def at_the_other_revision(seen: model.Observed, action: model.Action) -> Iterator[model.Action]:
    """Below the partition, new pods get the update revision."""
    if isinstance(action, model.CreatePod) and seen.revisions:
        newest = max(seen.revisions, key=lambda revision: revision.revision).metadata.name
        pod = copy(action.pod)
        pod.metadata.labels[REVISION_LABEL] = newest
        yield replace(action, pod=pod, revision=newest)
    else:
        yield action


def on_one_claim(_: model.Observed, action: model.Action) -> Iterator[model.Action]:
    """All pods mount the claim of the first."""
    if isinstance(action, model.CreatePod):
        pod = copy(action.pod)
        for volume in pod.spec.volumes:
            if volume.persistent_volume_claim is not None:
                volume.persistent_volume_claim.claim_name = "www-web-0"
        yield replace(action, pod=pod)
    else:
        yield action


def forgotten(kind: type[model.Action], reason: str = "") -> Callable[..., Iterator[model.Action]]:
    """Actions of a kind are left out."""

    def change(_: model.Observed, action: model.Action) -> Iterator[model.Action]:
        if not (isinstance(action, kind) and getattr(action, "reason", "") == reason):
            yield action

    return change


def from_the_bottom(reason: str) -> Planner:
    """Deletes the lowest instead of the highest."""

    def change(seen: model.Observed, action: model.Action) -> Iterator[model.Action]:
        if not isinstance(action, model.DeletePod) or action.reason != reason:
            yield action
            return
        update = plan(seen).status.update_revision
        candidates = [
            pod
            for pod in sorted(seen.pods, key=lambda pod: ordinal_of("web", pod.metadata.name) or 0)
            if not is_terminating(pod)
            and pod.status.phase not in ENDED
            and (ordinal_of("web", pod.metadata.name) in ordinals(seen.set)) == (reason == "update")
            and (reason != "update" or pod.metadata.labels.get(REVISION_LABEL) != update)
        ]
        pod = candidates[0]
        yield replace(action, name=pod.metadata.name, uid=pod.metadata.uid)

    return rewritten(change)


def replacing_before_the_end(seen: model.Observed) -> model.Plan:
    """Takes a pod that terminates for gone."""
    return plan(replace(seen, pods=tuple(pod for pod in seen.pods if not is_terminating(pod))))


def writing_for_nothing(seen: model.Observed) -> model.Plan:
    """Writes every claim anew each time."""
    decided = plan(seen)
    again = tuple(model.SetClaimOwners("web-0", copy(claim)) for claim in seen.claims.values())
    return replace(decided, steps=(*decided.steps, model.Step("retention", (again,))))


def owning_by_pods(seen: model.Observed, action: model.Action) -> Iterator[model.Action]:
    """Claims go with their pods, whatever the policy says."""
    if isinstance(action, model.SetClaimOwners):
        pods = [pod for pod in seen.pods if pod.metadata.name == action.pod]
        claim = copy(action.claim)
        claim.metadata.owner_references = [owner_reference(pod) for pod in pods]
        yield replace(action, claim=claim)
    else:
        yield action


DEFECTS: dict[str, Planner] = {
    "does not wait for predecessors": as_if(parallel),
    "does not see the partition": as_if(no_partition),
    "does not keep the budget": as_if(no_budget),
    "does not wait for minReadySeconds": as_if(no_patience),
    "lets claims go that are to be kept": as_if(claims_go),
    "creates one pod too many": as_if(one_more),
    "never updates": as_if(on_delete),
    "creates pods at the wrong revision": rewritten(at_the_other_revision),
    "shares a claim among pods": rewritten(on_one_claim),
    "lets claims go with their pods": rewritten(owning_by_pods),
    "does not scale down": rewritten(forgotten(model.DeletePod, "scale down")),
    "does not replace pods that failed": rewritten(forgotten(model.DeletePod, "failed")),
    "does not adopt": rewritten(forgotten(model.AdoptPod)),
    "does not repair": rewritten(forgotten(model.RepairPod)),
    "does not restore claims": rewritten(forgotten(model.RestoreClaims)),
    "scales down from the bottom": from_the_bottom("scale down"),
    "updates from the bottom": from_the_bottom("update"),
    "does not wait for the end of a pod": replacing_before_the_end,
    "never comes to rest": writing_for_nothing,
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_noticed(defect: str) -> None:
    class Defective(StatefulSetMachine):
        planner: ClassVar[Planner] = staticmethod(DEFECTS[defect])

    with pytest.raises((AssertionError, ExceptionGroup)):  # a broken promise, or several
        simulate(Defective, 400, SEED, phases=(Phase.generate,))
