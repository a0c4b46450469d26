"""The summary of a set's pods decides as a look at all of them does, whatever happened in between."""

from dataclasses import replace

from hypothesis import settings
from hypothesis.stateful import invariant

from petset.api.meta import controller_of, format_time
from petset.api.types import Pod
from petset.controllers.statefulset import model
from petset.controllers.statefulset.ledger import Ledger
from petset.controllers.statefulset.names import claim_may_belong_to
from petset.controllers.statefulset.plan import claim_pods, decide, plan
from petset.controllers.statefulset.ranks import View
from petset.controllers.statefulset.revisions import Chooser
from tests.simulation.drivers import MODES
from tests.simulation.test_statefulset import StatefulSetMachine
from tests.simulation.world import World, retention, web


class Bookkeeper:
    """Keeps a ledger from what differs between one look at the world and the next, as the informers tell it."""

    def __init__(self) -> None:
        self.chooser = Chooser()
        self.ledger: Ledger | None = None
        self.last: model.Observed | None = None
        self.answers = 0

    def plan(self, seen: model.Observed) -> model.Plan | None:
        """The plan without a look at pods that are as they were; None when the ledger has to pass."""
        outline = replace(seen, pods=())
        view = View(outline, self.chooser.choose(outline))
        pods: dict[str, Pod | None] = {pod.metadata.name: pod for pod in seen.pods}
        if self.ledger is None or self.last is None or not self.ledger.holds_for(view):
            self.ledger, changed = Ledger(view), pods
        else:
            changed = {name: pods.get(name) for name in self.touched(self.last, seen)}
        self.last = seen
        self.ledger.update(view, changed)
        if claim_pods(outline)[0] or not self.ledger.complete:
            return None
        self.answers += 1
        return decide(self.ledger)

    @staticmethod
    def touched(before: model.Observed, now: model.Observed) -> set[str]:
        old, new = ({pod.metadata.name: pod for pod in seen.pods} for seen in (before, now))
        names = {name for name in old | new if old.get(name) is not new.get(name)}
        for claim in {*before.claims, *now.claims}:
            if before.claims.get(claim) is not now.claims.get(claim):
                names |= {claim.removeprefix(f"{template}-") for template, _ in claim_may_belong_to(claim)}
        return names


class LedgerMachine(StatefulSetMachine):
    """Everything that happens to a set, and a ledger that is kept all the while."""

    @invariant()
    def the_ledger_decides_like_the_plain_planner(self) -> None:
        if not hasattr(self, "world"):
            return
        if not hasattr(self, "books"):
            self.books = [Bookkeeper(), Bookkeeper()]
        for keeper, seen in zip(self.books, (self.world.observe(), self.process.observe()), strict=True):
            decided = keeper.plan(seen)
            if decided is not None:
                assert decided == plan(seen)


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=60, deadline=None, print_blob=True)


def test_the_ledger_answers_through_a_whole_life() -> None:
    for mode in MODES:
        world, keeper = World(web(12, policy=mode)), Bookkeeper()
        world.set.spec.persistent_volume_claim_retention_policy = retention("Delete", "Retain")
        looks = 0
        for image, replicas in (("nginx:1", 12), ("nginx:2", 12), ("nginx:2", 3)):
            world.set_image(image)
            world.scale(replicas)
            for _ in range(40):
                seen = world.observe()
                assert keeper.plan(seen) == plan(seen)
                looks += 1
                world.step()
                world.live()
        assert keeper.answers == looks


def test_pods_that_the_ledger_cannot_place_are_left_to_the_plain_planner() -> None:
    world, keeper = World(web(2, policy="Parallel")), Bookkeeper()
    world.settle()
    assert keeper.plan(world.observe()) is not None
    pod = world.pods["web-1"]
    pod.metadata.labels["app"] = "debugged"
    assert keeper.plan(world.observe()) is None
    pod.metadata.labels["app"] = "nginx"
    assert keeper.plan(world.observe()) == plan(world.observe())
    pod.metadata.owner_references = []
    assert controller_of(pod) is None
    assert keeper.plan(world.observe()) is None, "an orphan is to be adopted"


def test_a_clock_that_goes_back_starts_the_ledger_anew() -> None:
    world, keeper = World(web(1)), Bookkeeper()
    world.set.spec.min_ready_seconds = 3600
    world.settle(limit=10_000)
    seen = world.observe()
    assert keeper.plan(seen) == plan(seen)
    since = world.pods["web-0"].status.conditions[0].last_transition_time
    assert since is not None
    back = replace(seen, now=world.now.replace(year=2026, month=1, day=1, hour=0, minute=0, second=30))
    assert format_time(back.now) > since
    assert keeper.plan(back) == plan(back)
    assert plan(back).counted.available_replicas == 0


def test_a_claim_that_goes_is_news_for_its_pod() -> None:
    world, keeper = World(web(3, policy="Parallel")), Bookkeeper()
    world.step()
    assert keeper.plan(world.observe()) is not None
    del world.claims["www-web-2"]
    seen = world.observe()
    decided = keeper.plan(seen)
    assert decided == plan(seen)
    assert [type(action) for action in plan(seen).actions()] == [model.RestoreClaims]


def test_revisions_are_forgotten_when_the_last_pod_has_left_them() -> None:
    world, keeper = World(web(2)), Bookkeeper()
    world.set.spec.revision_history_limit = 0
    dropped = 0
    for number in (1, 2, 3):
        world.set_image(f"nginx:{number}")
        for _ in range(12):
            seen = world.observe()
            decided = keeper.plan(seen)
            assert decided == plan(seen)
            dropped += len(plan(seen).cleanup)
            world.step()
            world.live()
    assert dropped == 2
