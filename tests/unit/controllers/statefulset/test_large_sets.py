"""What a decision costs follows what exists and what is done now, whatever number of replicas somebody asks for."""

import tracemalloc
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from petset.controllers.statefulset import model
from petset.controllers.statefulset.ledger import Gaps, Ledger
from petset.controllers.statefulset.plan import LARGEST_STEP, decide, plan
from petset.controllers.statefulset.ranks import View
from petset.controllers.statefulset.revisions import choose_revisions
from tests.simulation.world import World, web
from tests.unit.controllers.statefulset.cluster import SetCluster, set_cluster

TYPO = 2_000_000_000
BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])


@pytest.fixture
async def cluster() -> AsyncIterator[SetCluster]:
    async with set_cluster() as cluster:
        yield cluster


def by_ledger(seen: model.Observed) -> model.Plan:
    ledger = Ledger(View(seen, choose_revisions(seen)))
    ledger.update(ledger.view, {pod.metadata.name: pod for pod in seen.pods})
    return decide(ledger)


def created(decided: model.Plan) -> list[str]:
    return [action.pod.metadata.name for action in decided.actions() if isinstance(action, model.CreatePod)]


@given(st.integers(0, 5), st.integers(0, 12), st.sets(st.integers(0, 16)))
def test_gaps_are_the_ordinals_that_nobody_has_taken(start: int, count: int, numbers: set[int]) -> None:
    wanted = range(start, start + count)
    gaps = Gaps(wanted)
    taken = numbers.intersection(wanted)
    for number in taken:
        gaps.take(number)
    free = [number for number in wanted if number not in taken]
    assert (list(gaps), len(gaps)) == (free, len(free))
    for number in taken:
        gaps.give_back(number)
    assert list(gaps) == list(wanted)


def test_an_ordered_set_of_any_size_creates_its_first_pod() -> None:
    world = World(web(TYPO))
    assert created(plan(world.observe())) == created(by_ledger(world.observe())) == ["web-0"]


@BOTH
def test_a_set_that_suddenly_wants_any_number_costs_what_it_has(policy: str) -> None:
    world = World(web(3, policy=policy))
    world.settle()
    world.scale(TYPO)
    seen = world.observe()
    tracemalloc.start()
    try:
        decided = by_ledger(seen)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 30e6, "not a byte an ordinal"
    assert decided == plan(seen)
    names = [f"web-{ordinal}" for ordinal in range(3, 3 + LARGEST_STEP)]
    assert created(decided) == (names if policy == "Parallel" else names[:1])


@BOTH
def test_the_update_of_a_set_that_lacks_pods_waits_for_them(policy: str) -> None:
    world = World(web(2, policy=policy))
    world.settle()
    world.scale(TYPO)
    world.set_image("nginx:2")
    for ranks_plan in (plan(world.observe()), by_ledger(world.observe())):
        assert [a for a in ranks_plan.actions() if isinstance(a, model.DeletePod)] == []
        assert str(ranks_plan.waiting_for) == "web-2 to be created and become Running and Ready"


def test_a_large_parallel_set_is_created_plan_by_plan_before_anything_else() -> None:
    world = World(web(1, policy="Parallel"))
    world.set.spec.volume_claim_templates = []
    world.settle()
    world.scale(LARGEST_STEP + 501)
    world.set_image("nginx:2")
    first = world.step()
    assert len(created(first)) == LARGEST_STEP == 1000
    assert first.look_again == 0
    assert {step.phase for step in first.steps} == {"revisions", "replicas"}, "the update has to wait its turn"
    second = world.step()
    assert created(second) == [f"web-{ordinal}" for ordinal in range(LARGEST_STEP + 1, LARGEST_STEP + 501)]
    assert second.look_again is None


def test_as_many_pods_are_deleted_at_once_as_there_are() -> None:
    world = World(web(LARGEST_STEP, policy="Parallel"))
    world.set.spec.volume_claim_templates = []
    world.step()
    world.scale(0)
    decided = world.plan()
    assert len(list(decided.actions())) == LARGEST_STEP
    assert decided.look_again is None, "nothing is left for the next plan"


async def test_the_controller_goes_on_by_itself_until_all_are_there(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(LARGEST_STEP + 20, policy="Parallel")
    await cluster.settle()
    assert len(await cluster.pods()) == LARGEST_STEP + 20


async def test_the_controller_survives_any_number_and_a_smaller_one_later(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(2)
    await cluster.live()
    await cluster.scale(TYPO)
    await cluster.settle()
    assert await cluster.pods() == ["web-0", "web-1", "web-2"]
    await cluster.scale(2)
    await cluster.live()
    assert await cluster.pods() == ["web-0", "web-1"]
