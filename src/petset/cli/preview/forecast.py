"""Calls the controller's own planner in a world of its own until nothing is left to do. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from petset.cli.preview.steps import Step, steps_of
from petset.cli.preview.world import Limits, Refused, World
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.model import Observed, Plan, ReportForeignOwner
from petset.controllers.statefulset.plan import plan

ROUNDS_PER_POD: Final = 12
ROUNDS: Final = 50
LOOKS: Final = 300_000
"""How many pods are looked at in all rounds together: some seconds' worth. Every round looks at each pod."""
NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be done, in order; `stops` is what the controller would then wait for without end, None: nothing.

    `broken` are the pods that are not expected to become Ready, or to be gone, without help. `cut` says that there is
    more to come than a preview takes the time for.
    """

    steps: tuple[Step, ...]
    stops: str | None = None
    broken: tuple[str, ...] = ()
    cut: bool = False


def forecast(seen: Observed, limits: Limits = NO_LIMITS) -> Forecast:
    """The steps from what was observed to the end.

    Ends in any case: a change takes a few rounds for each pod, and no more are made; fewer in a very large set.
    """
    world = World(seen, limits)
    broken = world.broken()
    steps: list[Step] = []
    count = len(world.pods) + len(ordinals(seen.set))
    for _ in range(ROUNDS + min(ROUNDS_PER_POD * count, LOOKS // max(count, 1))):
        decided = plan(world.observed())
        done, refusal = _carried_out(world, decided)
        steps += done
        if world.report(decided.status) or (done and refusal is None):
            continue
        happened = world.progress()
        if not happened:
            return Forecast(tuple(steps), refusal or decided.waiting_for, broken)
        steps += happened
    return Forecast(tuple(steps), broken=broken, cut=True)


def _carried_out(world: World, decided: Plan) -> tuple[list[Step], str | None]:
    """Obeys a plan up to the first refusal; what was done, and what was refused."""
    steps: list[Step] = []
    for action in decided.actions():
        if isinstance(action, ReportForeignOwner):
            continue
        foreseen = list(steps_of(action, world.pods))
        try:
            world.obey(action)
        except Refused as refusal:
            return [*steps, *(step for step in foreseen if step.kind == "PersistentVolumeClaim")], str(refusal)
        steps += foreseen
    return [*steps, *_forgotten(world, decided)], None


def _forgotten(world: World, decided: Plan) -> Iterator[Step]:
    for drop in decided.cleanup:
        world.forget(drop)
        yield Step("delete", "ControllerRevision", (drop.name,), detail="beyond revisionHistoryLimit")
