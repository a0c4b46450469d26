"""Calls the controller's own planner in a world of its own until nothing is left to do. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from petset.cli.preview.steps import Step, steps_of
from petset.cli.preview.world import Limits, Refused, World
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.ledger import Ledger
from petset.controllers.statefulset.model import Observed, Plan, ReportForeignOwner
from petset.controllers.statefulset.plan import claim_pods, decide, plan
from petset.controllers.statefulset.ranks import View
from petset.controllers.statefulset.revisions import Chooser

ROUNDS_PER_POD: Final = 12
ROUNDS: Final = 50
LARGEST: Final = 20_000
"""A change with more pods than this, those that are there and those that are wanted, is previewed for a while only."""
STEPS: Final = 1_000
"""How long that is."""
NO_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would be done, in order; `stops` is what the controller would then wait for without end, None: nothing.

    `broken` are the pods that are not expected to become Ready, or to be gone, without help. `circles` says that the
    controller would go on for ever without coming further, `cut` that there is more to come than a preview tells.
    """

    steps: tuple[Step, ...]
    stops: str | None = None
    broken: tuple[str, ...] = ()
    circles: bool = False
    cut: bool = False


def forecast(seen: Observed, limits: Limits = NO_LIMITS) -> Forecast:
    """The steps from what was observed to the end.

    Ends in any case: a change takes a few rounds for each pod, and no more are made; of a very large set only the first
    are told. Every round costs what is done in it.
    """
    world = World(seen, limits)
    planner = Planner(world)
    broken = world.broken()
    steps: list[Step] = []
    count = len(world.pods) + len(ordinals(seen.set))
    small = count <= LARGEST
    for _ in range(ROUNDS + (ROUNDS_PER_POD * count if small else 0)):
        decided = planner.plan()
        if name := world.comes_back_outdated(decided.actions()):
            endless = f"{name} to be Ready before it is replaced again: it comes back at its old revision, without end"
            return Forecast(tuple(steps), endless, broken, circles=True)
        done, refusal = _carried_out(world, decided)
        steps += done
        if len(steps) > STEPS and not small:
            break
        if world.report(decided.status) or (done and refusal is None):
            continue
        happened = world.progress()
        if not happened:
            stops = str(decided.waiting_for) if decided.waiting_for is not None else None
            return Forecast(tuple(steps), refusal or stops, broken)
        steps += happened
    return Forecast(tuple(steps), broken=broken, cut=True)


class Planner:
    """The controller's plans for a world, by a ledger that hears of every change, as the controller's own does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._chooser = Chooser()
        self._ledger: Ledger | None = None

    def plan(self) -> Plan:
        """The plan for the present."""
        outline = self._world.outline()
        view = View(outline, self._chooser.choose(outline))
        ledger, changed = self._ledger, self._world.news()
        if ledger is None or not ledger.holds_for(view):
            ledger = self._ledger = Ledger(view)
            changed.update(self._world.pods)
        ledger.update(view, {name: self._world.own_pod(name) for name in changed})
        if claim_pods(outline)[0] or not ledger.complete:
            return plan(self._world.observed())
        return decide(ledger)


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
