"""Every small world: all that controllers, nodes and users can do in any order, and what must hold wherever they come.

`PETSET_EXHAUSTIVE=4` searches worlds of up to 4 replicas instead of 3; that takes minutes.
"""

import os
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from petset.api.meta import copy
from petset.controllers.statefulset import model
from petset.controllers.statefulset.ledger import Ledger
from petset.controllers.statefulset.plan import decide, plan
from petset.controllers.statefulset.ranks import View
from petset.controllers.statefulset.revisions import choose_revisions
from tests.simulation.states import (
    ABSENT,
    DELETED,
    GOING,
    LEGEND,
    Configuration,
    Decision,
    Planner,
    State,
    World,
    obey,
)

LARGEST = int(os.environ.get("PETSET_EXHAUSTIVE", "3"))

pytestmark = pytest.mark.timeout(240 if LARGEST <= 3 else 7200)

MODES = ("OrderedReady", "Parallel")
ROLLING = [
    Configuration(mode, "RollingUpdate", partition, budget)
    for mode in MODES
    for partition in (0, 1)
    for budget in (1, 2)
]
ON_DELETE = [Configuration(mode, "OnDelete") for mode in MODES]
PLAIN = [Configuration(mode, "RollingUpdate", None) for mode in MODES]
"""Only the type is given: how far the rollout has come, as stored, decides at which revision pods return."""


# --- what must hold of every decision ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One decision, and what it was about."""

    given: Configuration
    state: State
    current: str
    decided: Decision

    @property
    def pods(self) -> str:
        return self.state.pods

    @property
    def wanted(self) -> str:
        """The pods in range."""
        return self.pods[: self.state.replicas]

    @property
    def ordered(self) -> bool:
        return self.given.mode == "OrderedReady"

    @property
    def outdated(self) -> list[int]:
        """Descending: what an update may replace."""
        first = self.given.partition or 0
        return [o for o in reversed(range(first, len(self.wanted))) if self.pods[o] in "pur"]

    def deleted(self, *reasons: str) -> list[int]:
        return [ordinal for ordinal, reason in self.decided.deletes if reason in reasons]


def only_absent_pods_in_range_are_created(case: Case) -> bool:
    ordinals = [ordinal for ordinal, _ in case.decided.creates]
    return ordinals == sorted(set(ordinals)) and all(
        ordinal < case.state.replicas and case.pods[ordinal] == ABSENT for ordinal in ordinals
    )


def only_live_pods_are_deleted_once(case: Case) -> bool:
    ordinals = [ordinal for ordinal, _ in case.decided.deletes]
    return len(set(ordinals)) == len(ordinals) and all(case.pods[ordinal] in DELETED for ordinal in ordinals)


def new_pods_have_the_revision_of_their_side_of_the_partition(case: Case) -> bool:
    rolling = case.given.strategy == "RollingUpdate"
    boundary = case.state.held if case.given.partition is None else case.given.partition
    return all(
        letter == ("p" if rolling and ordinal < boundary and case.current == "t" else "P")
        for ordinal, letter in case.decided.creates
    )


def ended_pods_in_range_are_deleted_as_such(case: Case) -> bool:
    """In a Parallel set all of them, in an ordered one the first that is reached."""
    ended = [ordinal for ordinal, letter in enumerate(case.wanted) if letter in "fF"]
    deleted = case.deleted("failed")
    return deleted in ([], ended[:1]) if case.ordered else deleted == ended


def ordered_sets_change_one_pod_at_a_time(case: Case) -> bool:
    """One is created, or replaced because it ended, or deleted beyond the range; or the update goes on."""
    if not case.ordered:
        return True
    changes = len(case.decided.creates) + len(case.deleted("failed", "scale down"))
    return changes <= 1 and not (changes and case.deleted("update"))


def ordered_sets_change_nothing_beyond_an_unavailable_pod(case: Case) -> bool:
    """A pod is created, or replaced because it ended, only when all below it are ready and none of them terminates."""
    changed = [ordinal for ordinal, _ in case.decided.creates] + case.deleted("failed")
    return not case.ordered or all(letter in "rR" for ordinal in changed for letter in case.pods[:ordinal])


def ordered_sets_shrink_from_the_top(case: Case) -> bool:
    """The highest pod of all goes, when everything in range is ready; it is ready itself, or the lowest that is not."""
    if not case.ordered:
        return True
    return all(
        set(case.wanted) <= set("rR")
        and set(case.pods[ordinal + 1 :]) <= {ABSENT}
        and (case.pods[ordinal] in "rR" or set(case.pods[case.state.replicas : ordinal]) <= set("rR" + ABSENT))
        for ordinal in case.deleted("scale down")
    )


def ordered_sets_update_when_all_is_in_order(case: Case) -> bool:
    """Everything in range is ready, and nothing is left beyond it."""
    if not case.ordered or not case.deleted("update"):
        return True
    return set(case.wanted) <= set("rR") and set(case.pods[case.state.replicas :]) <= {ABSENT}


def parallel_sets_do_everything_at_once(case: Case) -> bool:
    """All that is missing is created, all that is beyond the range is deleted, highest first."""
    if case.ordered:
        return True
    missing = [ordinal for ordinal, letter in enumerate(case.wanted) if letter == ABSENT]
    beyond = [o for o in range(case.state.replicas, len(case.pods)) if case.pods[o] in DELETED]
    return [ordinal for ordinal, _ in case.decided.creates] == missing and case.deleted("scale down") == beyond[::-1]


def only_pods_beyond_the_range_are_scaled_down(case: Case) -> bool:
    return all(ordinal >= case.state.replicas for ordinal in case.deleted("scale down"))


def updates_delete_outdated_pods_above_the_partition(case: Case) -> bool:
    """Never by OnDelete, and neither what terminates nor what has ended."""
    deleted = case.deleted("update")
    return not deleted or (case.given.strategy == "RollingUpdate" and set(deleted) <= set(case.outdated))


def updates_keep_the_budget(case: Case) -> bool:
    """Ready pods go only as far as maxUnavailable leaves room, the unavailable ones below the partition counted."""
    healthy = [ordinal for ordinal in case.deleted("update") if case.pods[ordinal] == "r"]
    down = sum(letter not in "rR" for letter in case.wanted)
    return not healthy or len(healthy) + down <= case.given.budget


def updates_use_the_budget_from_the_top(case: Case) -> bool:
    """Of the ready pods the highest go, as many as there is room for; the broken ones of a Parallel set go all."""
    healthy = [ordinal for ordinal in case.deleted("update") if case.pods[ordinal] == "r"]
    broken = [ordinal for ordinal in case.deleted("update") if case.pods[ordinal] != "r"]
    in_order = set(case.wanted) <= set("rR") and set(case.pods[case.state.replicas :]) <= {ABSENT}
    if case.given.strategy == "OnDelete" or (case.ordered and not in_order):
        return not healthy and not broken
    room = max(0, case.given.budget - sum(letter not in "rR" for letter in case.wanted))
    ready = [ordinal for ordinal in case.outdated if case.pods[ordinal] == "r"]
    return healthy == ready[:room] and broken == [o for o in case.outdated if case.pods[o] != "r"]


def a_repeated_plan_changes_nothing_more(case: Case) -> bool:
    """What was created is refused, what was deleted is gone or going."""
    actions = tuple(case.decided.plan.actions())
    once, _ = obey(case.pods, actions)
    return obey(once, actions)[0] == once


def nothing_is_left_to_do_exactly_in_the_wanted_world(case: Case) -> bool:
    """A set that does not wait says so, and is right."""
    idle = not list(case.decided.plan.actions()) and case.decided.plan.waiting_for is None
    return idle == is_wanted(case.given, case.state)


RULES: tuple[Callable[[Case], bool], ...] = (
    only_absent_pods_in_range_are_created,
    only_live_pods_are_deleted_once,
    new_pods_have_the_revision_of_their_side_of_the_partition,
    ended_pods_in_range_are_deleted_as_such,
    ordered_sets_change_one_pod_at_a_time,
    ordered_sets_change_nothing_beyond_an_unavailable_pod,
    ordered_sets_shrink_from_the_top,
    ordered_sets_update_when_all_is_in_order,
    parallel_sets_do_everything_at_once,
    only_pods_beyond_the_range_are_scaled_down,
    updates_delete_outdated_pods_above_the_partition,
    updates_keep_the_budget,
    updates_use_the_budget_from_the_top,
    a_repeated_plan_changes_nothing_more,
    nothing_is_left_to_do_exactly_in_the_wanted_world,
)


# --- what must hold of every world ------------------------------------------------------------------------------------


def is_wanted(given: Configuration, state: State) -> bool:
    """All pods in range are ready, at the wanted template where the update reaches, and no others are left."""
    wanted, beyond = state.pods[: state.replicas], state.pods[state.replicas :]
    reached = "" if given.strategy == "OnDelete" else wanted[given.partition or 0 :]
    return set(wanted) <= set("rR") and set(reached) <= {"R"} and set(beyond) <= {ABSENT}


def history_knows_every_revision_in_use(state: State) -> bool:
    """Terminating pods show none here."""
    shown = {"T" if letter.isupper() else "t" for letter in state.pods if letter.isalpha()}
    return shown | set(state.current) <= set(state.recorded)


# --- the search -------------------------------------------------------------------------------------------------------


class Search:
    """All worlds of one configuration, breadth first: the first way found to a state is a shortest one."""

    def __init__(self, given: Configuration, largest: int = LARGEST, planner: Planner = plan) -> None:
        self.given = given
        self.world = World(given, largest, planner)
        self.came_from: dict[State, State | None] = dict.fromkeys(self.world.beginnings())
        self.transitions = 0

    def run(self) -> None:
        """Goes everywhere, and checks every decision and every world."""
        checked: set[int] = set()
        waiting = deque(self.came_from)
        while waiting:
            state = waiting.popleft()
            decided = self._decided(state)
            if id(decided) not in checked:
                checked.add(id(decided))
                self._check(state, decided)
            assert history_knows_every_revision_in_use(state), self.trace(state)
            for _, then in self.world.changes(state):
                self.transitions += 1
                if then not in self.came_from:
                    self.came_from[then] = state
                    waiting.append(then)

    def _decided(self, state: State) -> Decision:
        try:
            return self.world.decide(state)
        except Exception as error:  # the planner has an answer to everything
            raise AssertionError(f"no decision\n{self.trace(state)}") from error

    def _check(self, state: State, decided: Decision) -> None:
        case = Case(self.given, state, self.world.effective(state), decided)
        for rule in RULES:
            if not rule(case):
                raise AssertionError(f"broken: {rule.__name__}\n{self.trace(state)}\n{decided.said}")

    def trace(self, state: State) -> str:
        """How the world came there."""
        path = [state]
        while (before := self.came_from[path[-1]]) is not None:
            path.append(before)
        path.reverse()
        lines = [LEGEND, f"{'a new set':60} {path[0]}"]
        for before, then in pairwise(path):
            what = next(what for what, end in self.world.changes(before) if end == then)
            lines.append(f"{what:60} {then}")
        return "\n".join(lines)

    def stuck(self, broken: str = "") -> set[State]:
        """The states that never come to rest where the user wants it, though nobody disturbs them any more.

        Pods with a letter in `broken` come no further by themselves. Without disturbance nothing goes round in
        circles, and it makes no difference who is faster.
        """
        states = list(self.came_from)
        number = {state: index for index, state in enumerate(states)}
        edges = [[number[then] for then in self.world.convergence(state, broken)] for state in states]
        rests = [False] * len(states)
        for index in reversed(self._forward(edges)):
            ends = {rests[then] for then in edges[index]} or {is_wanted(self.given, states[index])}
            assert len(ends) == 1, f"who is faster decides\n{self.trace(states[index])}"
            rests[index] = ends.pop()
        return {state for state, well in zip(states, rests, strict=True) if not well}

    def _forward(self, edges: list[list[int]]) -> list[int]:
        """The states in an order in which every step leads on."""
        incoming = [0] * len(edges)
        for targets in edges:
            for target in targets:
                incoming[target] += 1
        order = [index for index, count in enumerate(incoming) if not count]
        for index in order:
            for target in edges[index]:
                incoming[target] -= 1
                if not incoming[target]:
                    order.append(target)
        circle = next((state for state, count in zip(self.came_from, incoming, strict=True) if count), None)
        assert circle is None, f"goes round in circles from\n{self.trace(circle or State('', 0, '', '', 0))}"
        return order


def stuck_for_ever(search: Search, state: State, dead: str, broken: str = "") -> bool:
    """Which states are stuck: the rule to compare with. Pods with a letter in `broken` never get ready.

    An ordered set waits for a broken pod in range whatever its template (upstream issue 67250), and so does every set
    for one that the update leaves alone, or that comes back below the partition. Of the pods beyond the range an
    ordered set deletes the highest only when it is ready or when none below it is unready; so two that never get
    ready (`dead`: those that failed, and the broken) stay for ever, as upstream.
    """
    given = search.given
    wanted, beyond = state.pods[: state.replicas], state.pods[state.replicas :]
    kept = len(wanted) if given.mode == "OrderedReady" or given.strategy == "OnDelete" else given.partition or 0
    if any(letter in broken for letter in wanted[:kept]):
        return True
    if given.strategy == "RollingUpdate" and search.world.effective(state) == "t" and "p" in broken:
        returning = wanted[: given.partition or 0]
        if any(letter in "fF" + ABSENT + GOING + "+" for letter in returning):
            return True
    return given.mode == "OrderedReady" and sum(letter in dead for letter in beyond) >= 2


@pytest.mark.parametrize("given", ROLLING + ON_DELETE, ids=str)
def test_everything_that_can_happen(given: Configuration) -> None:
    search = Search(given)
    search.run()
    say_how_many(search)
    check_stuck(search, dead="fF", broken="")
    check_stuck(search, dead="fFpu", broken="pu")


@pytest.mark.parametrize("given", PLAIN, ids=str)
def test_everything_without_a_rolling_update_block(given: Configuration) -> None:
    """The stored count of current replicas is part of the world here, so this world is smaller, unless there is time.

    It is the one where a set can go round in circles, as upstream, in the one way of `goes_round_in_circles`.
    """
    search = Search(given, LARGEST if LARGEST > 3 else LARGEST - 1)
    search.run()
    say_how_many(search)
    check_stuck(search, dead="fF", broken="")
    assert any(map(search.world.goes_round_in_circles, search.came_from)) == (given.mode == "Parallel")


def test_upstreams_circle_of_a_parallel_set_without_a_rolling_update_block() -> None:
    """The lower of two pods broke at the old template: it comes back at the old one, as 0 < currentReplicas 1."""
    search = Search(PLAIN[1], 2)
    search.run()
    world, path = search.world, [State("ur", 2, "t", "tT", 1)]
    assert path[0] in search.came_from
    while len(path) < 5:
        obeyed = world.obeyed(path[-1])
        gone = obeyed.pods.replace(GOING, ABSENT)
        path.append(obeyed if obeyed != path[-1] else path[-1]._replace(pods=gone))
    assert [state.pods for state in path] == ["ur", "-r", ".r", "pr", "-r"]
    assert path[1] == path[4]
    assert not any(Search(given, 2).world.goes_round_in_circles(path[0]) for given in ROLLING + ON_DELETE)


@pytest.mark.parametrize("given", [Configuration(mode, "RollingUpdate", 1, 2) for mode in MODES] + PLAIN, ids=str)
def test_old_news_lead_nowhere_else(given: Configuration) -> None:
    """What a controller does that has not heard of a pod's latest change could have come about with fresh news, too."""
    search = Search(given, LARGEST - 1)
    search.run()
    for state in search.came_from:
        for what, then in search.world.obeyed_late(state):
            assert then in search.came_from, f"{search.trace(state)}\n{what:60} {then}"


def say_how_many(search: Search) -> None:
    """For readers of `pytest -s`."""
    print(f"\n{search.given}: {len(search.came_from)} states, {search.transitions} transitions")  # noqa: T201


def check_stuck(search: Search, dead: str, broken: str) -> None:
    """The stuck states are those of the rule, no more and no less."""
    found = search.stuck(broken)
    for state in search.came_from:
        stuck = state in found
        assert stuck == stuck_for_ever(search, state, dead, broken), (
            f"{'' if stuck else 'not '}stuck, against the rule\n{search.trace(state)}"
        )


@pytest.mark.parametrize("given", [Configuration(mode, "RollingUpdate", 1, 2) for mode in MODES], ids=str)
def test_history_has_no_say_in_what_becomes_of_pods(given: Configuration) -> None:
    """The search plans once for all histories; the whole plan of every state is that, and the ledger's is the same."""
    search = Search(given, 2)
    search.run()
    for state in search.came_from:
        seen = search.world.observed(state)
        whole = plan(seen)
        assert pod_actions(whole) == pod_actions(search.world.decide(state).plan), search.trace(state)
        assert whole.waiting_for == search.world.decide(state).plan.waiting_for, search.trace(state)
        ledger = Ledger(View(seen, choose_revisions(seen)))
        ledger.update(ledger.view, {pod.metadata.name: pod for pod in seen.pods})
        assert decide(ledger) == whole, search.trace(state)


def pod_actions(decided: model.Plan) -> list[model.Action]:
    return [action for action in decided.actions() if isinstance(action, model.CreatePod | model.DeletePod)]


def impatient(seen: model.Observed) -> model.Plan:
    """A planner with a defect: it plans as if the set were Parallel."""
    set_ = copy(seen.set)
    set_.spec.pod_management_policy = "Parallel"
    return plan(replace(seen, set=set_))


def test_a_defect_is_shown_with_the_shortest_way_to_it() -> None:
    with pytest.raises(AssertionError) as shown:
        Search(Configuration("OrderedReady", "RollingUpdate"), 2, impatient).run()
    lines = str(shown.value).splitlines()
    assert lines[0] == "broken: ordered_sets_change_one_pod_at_a_time"
    assert lines[2].split(maxsplit=3)[:3] == ["a", "new", "set"]
    assert lines[-1].startswith("the controller runs: ")
    assert "create pod web-0 at T; create pod web-1 at T" in lines[-1]
