"""Small worlds as values: what a set, its pods and its history can look like, and everything that can happen next.

A state is a few letters, so that millions of them fit in memory. Revisions are named as the template that is wanted now
sees them: upper case is the wanted one, lower case the other, and a change of the template swaps the cases.

Claims, minReadySeconds and ordinals.start play no part here; the random worlds have them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Final, NamedTuple

from petset.api.meta import set_condition
from petset.api.types import (
    ControllerRevision,
    Pod,
    PodCondition,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
)
from petset.controllers.statefulset import act, model, status
from petset.controllers.statefulset.identity import new_pod
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of, pod_name
from petset.controllers.statefulset.revisions import choose_revisions, new_revision
from tests.simulation.world import START, web

Planner = Callable[[model.Observed], model.Plan]

ABSENT, GOING, GOING_READY = ".", "-", "+"
LEGEND: Final = (
    "pods by ordinal: . none, p pending, u running, r ready, f failed, - terminating, + terminating and ready; "
    "upper case: at the wanted template"
)
PROGRESS: Final = {"p": "u", "P": "U", "u": "r", "U": "R", GOING: ABSENT, GOING_READY: ABSENT}
"""What every pod comes to in the end, on a node that works."""
SETBACKS: Final = {"r": "uf", "R": "UF", "u": "f", "U": "F", "p": "f", "P": "F", GOING_READY: GOING}
DELETED: Final = {**dict.fromkeys("pPuU", GOING), **dict.fromkeys("rR", GOING_READY), **dict.fromkeys("fF", ABSENT)}
"""What becomes of a pod that somebody deletes: one that has ended goes at once."""
EVENTS: Final = {"u": "runs", "r": "is ready", "f": "fails", ABSENT: "is gone", GOING: "is no longer ready"}


class State(NamedTuple):
    """A world. `T` is the revision of the wanted template, `t` that of the other one."""

    pods: str
    """A letter an ordinal."""
    replicas: int
    current: str
    """status.currentRevision; empty before the first status."""
    recorded: str
    """The revisions that are stored, oldest first."""
    held: int
    """status.currentReplicas, where it has a say: without a rollingUpdate block. Else 0."""

    def __str__(self) -> str:
        history = f"current {self.current or 'none'}, recorded {self.recorded or 'none'}"
        return f"{self.pods} of {self.replicas}, {history}" + (f", currentReplicas {self.held}" if self.held else "")


class Outcome(NamedTuple):
    """How far a plan was carried out. `current` and `held` are those of the status that was written, if it was."""

    pods: str
    written: bool
    current: str = ""
    held: int = 0


@dataclass(frozen=True)
class Configuration:
    """What stays the same in a world. Without a partition there is no rollingUpdate block."""

    mode: str
    strategy: str
    partition: int | None = 0
    budget: int = 1

    def __str__(self) -> str:
        if self.strategy == "OnDelete":
            return f"{self.mode}-OnDelete"
        if self.partition is None:
            return f"{self.mode}-plain"
        return f"{self.mode}-partition{self.partition}-budget{self.budget}"


@dataclass(frozen=True)
class Decision:
    """A plan, and what it comes to in a world: done completely, or as far as luck allows."""

    plan: model.Plan
    said: str
    """The plan in words."""
    creates: tuple[tuple[int, str], ...]
    """Ordinals and the letters of their pods, in order."""
    deletes: tuple[tuple[int, str], ...]
    """Ordinals and reasons, in order."""
    complete: Outcome
    others: tuple[Outcome, ...]


TEMPLATES: Final = {"T": "nginx:new", "t": "nginx:other"}


@cache
def revision(letter: str) -> ControllerRevision:
    """The revision of a template; the number is its place in `recorded`."""
    return new_revision(web(image=TEMPLATES[letter]), 1, 0)


@cache
def letter_of(revision_name: str) -> str:
    """The letter of a revision's name."""
    return next(letter for letter in TEMPLATES if revision(letter).metadata.name == revision_name)


@cache
def records(recorded: str) -> tuple[ControllerRevision, ...]:
    """The stored revisions, numbered."""
    numbered = []
    for number, letter in enumerate(recorded, 1):
        numbered.append(new_revision(web(image=TEMPLATES[letter]), number, 0))
    return tuple(numbered)


@cache
def pod_of(ordinal: int, letter: str) -> Pod:
    """The pod that a letter means. A terminating one has no revision of interest; it has the wanted one."""
    label = "t" if letter.islower() else "T"
    set_ = web(image=TEMPLATES[label])
    set_.spec.volume_claim_templates = []
    pod = new_pod(set_, set_.spec.template, revision(label).metadata.name, ordinal)
    pod.metadata.uid = f"uid-{ordinal}"
    pod.status.phase = {"p": "Pending", "f": "Failed"}.get(letter.lower(), "Running")
    ready = "True" if letter.lower() in ("r", GOING_READY) else "False"
    set_condition(pod.status.conditions, PodCondition(type="Ready", status=ready), START)
    if letter in (GOING, GOING_READY):
        pod.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return pod


class World:
    """Everything that can happen in the worlds of one configuration."""

    def __init__(self, configuration: Configuration, largest: int, planner: Planner) -> None:
        """`largest` is the most replicas a user asks for."""
        self.configuration = configuration
        self.largest = largest
        self._planner = planner
        self._sets: dict[tuple[int, str, int], StatefulSet] = {}
        self._decisions: dict[tuple[str, int, str, int], Decision] = {}
        self._recordings: dict[tuple[str, str], str] = {}
        self._moves: dict[str, tuple[tuple[str, str], ...]] = {}
        self._progress: dict[tuple[str, str], tuple[str, ...]] = {}

    def beginnings(self) -> Iterator[State]:
        """A set that was just created, of every size."""
        for replicas in range(self.largest + 1):
            yield State(ABSENT * self.largest, replicas, "", "", 0)

    def observed(self, state: State) -> model.Observed:
        """The world as the controller sees it. Nothing in it is ever changed."""
        key = state.replicas, state.current, state.held
        if key not in self._sets:
            self._sets[key] = self._new_set(*key)
        pods = tuple(pod_of(ordinal, letter) for ordinal, letter in enumerate(state.pods) if letter != ABSENT)
        return model.Observed(self._sets[key], pods, records(state.recorded), {}, START)

    def _new_set(self, replicas: int, current: str, held: int) -> StatefulSet:
        given = self.configuration
        set_ = web(replicas, policy=given.mode, image=TEMPLATES["T"])
        set_.spec.volume_claim_templates = []
        set_.spec.update_strategy.type = given.strategy
        set_.spec.update_strategy.rolling_update = None
        if given.strategy == "RollingUpdate" and given.partition is not None:
            block = RollingUpdateStatefulSetStrategy(partition=given.partition, max_unavailable=given.budget)
            set_.spec.update_strategy.rolling_update = block
        set_.status.current_revision = revision(current).metadata.name if current else None
        set_.status.current_replicas = held or None
        return set_

    # --- the controller -----------------------------------------------------------------------------------------------

    def effective(self, state: State) -> str:
        """The revision that pods come from: that of the status, if it is stored, else the wanted one."""
        return state.current if state.current and state.current in state.recorded else "T"

    def decide(self, state: State) -> Decision:
        """What the planner says of pods. How the history is stored has no say in that; see `recording`."""
        current = self.effective(state)
        key = state.pods, state.replicas, current, state.held
        decision = self._decisions.get(key)
        if decision is None:
            plan = self._planner(self.observed(state._replace(current=current, recorded="tT")))
            decision = self._decisions[key] = self._decision(state, plan)
        return decision

    def recording(self, state: State) -> str:
        """The history once the wanted template is in it, as the newest."""
        key = state.recorded, state.current
        if key not in self._recordings:
            recorded = state.recorded
            for action in choose_revisions(self.observed(state)).actions:
                letter = letter_of(action.revision.metadata.name)
                assert isinstance(action, model.RenumberRevision) == (letter in recorded)
                recorded = recorded.replace(letter, "") + letter
            self._recordings[key] = recorded
        return self._recordings[key]

    def _decision(self, state: State, plan: model.Plan) -> Decision:
        actions = tuple(plan.actions())
        creates = (action for action in actions if isinstance(action, model.CreatePod))
        deletes = (action for action in actions if isinstance(action, model.DeletePod))
        pods, updated = obey(state.pods, actions)
        complete, unwritten = self._ends(state, plan, pods, updated)
        others = {end for part in parts(state.pods, plan) for end in self._ends(state, plan, *part)} | {unwritten}
        return Decision(
            plan=plan,
            said=said(plan),
            creates=tuple((place(action), created(action)) for action in creates),
            deletes=tuple((place(action), action.reason) for action in deletes),
            complete=complete,
            others=tuple(sorted(others - {complete})),
        )

    def _ends(self, state: State, plan: model.Plan, pods: str, updated: int) -> tuple[Outcome, Outcome]:
        """With the status that follows, and without."""
        new = status.after_deletions(self.observed(state).set, plan.counted, updated)
        plain = self.configuration.strategy == "RollingUpdate" and self.configuration.partition is None
        held = (new.current_replicas or 0) if plain else 0
        return Outcome(pods, True, letter_of(new.current_revision or ""), held), Outcome(pods, False)

    def obeyed(self, state: State) -> State:
        """The world after the controller ran without trouble."""
        return after(state, self.recording(state), self.decide(state).complete)

    def goes_round_in_circles(self, state: State) -> bool:
        """Whether the controller deletes an outdated pod, because it is unavailable, that comes back outdated.

        As upstream from 1.37 on: a Parallel set whose updateStrategy has a type and no rollingUpdate block replaces
        unavailable outdated pods wherever they are, and creates all below status.currentReplicas at the current
        revision. That ends when such a pod is available before the controller looks at it.
        """
        decided = self.decide(state)
        deleted = (ordinal for ordinal, reason in decided.deletes if reason == "update")
        at_current = (ordinal for ordinal in deleted if ordinal < decided.complete.held)
        return self.effective(state) == "t" and any(state.pods[ordinal] in "pu" for ordinal in at_current)

    def obeyed_late(self, state: State) -> Iterator[tuple[str, State]]:
        """The worlds after the controller acted on what it saw before one more thing happened to a pod."""
        decided, history = self.decide(state), self.recording(state)
        actions = tuple(decided.plan.actions())
        for what, pods in self.moves(state.pods):
            late, _ = obey(pods, actions)
            yield f"{what}, then {decided.said}", after(state, history, decided.complete._replace(pods=late))

    # --- everybody ----------------------------------------------------------------------------------------------------

    def changes(self, state: State) -> Iterator[tuple[str, State]]:
        """Everything that can happen next, and what the world is like then."""
        decided, history = self.decide(state), self.recording(state)
        yield decided.said, after(state, history, decided.complete)
        pods, replicas, current, recorded, held = state
        if history != recorded:
            yield "the controller dies when the template is recorded", State(pods, replicas, current, history, held)
        for outcome in decided.others:
            yield "the controller fails or dies on the way", after(state, history, outcome)
        for what, then in self.moves(pods):
            yield what, State(then, replicas, current, recorded, held)
        for wanted in range(self.largest + 1):
            if wanted != replicas:
                yield f"the user scales to {wanted}", State(pods, wanted, current, recorded, held)
        swapped = State(pods.swapcase(), replicas, current.swapcase(), recorded.swapcase(), held)
        yield "the user changes the template", swapped

    def moves(self, pods: str) -> tuple[tuple[str, str], ...]:
        """What nodes do with pods, for better or worse, and users who delete them."""
        if pods not in self._moves:
            moves = [*single(pods, PROGRESS, "{pod} {event}"), *single(pods, SETBACKS, "{pod} {event}")]
            self._moves[pods] = (*moves, *single(pods, DELETED, "the user deletes {pod}"))
        return self._moves[pods]

    def convergence(self, state: State, broken: str = "") -> Iterator[State]:
        """What can happen next when nobody disturbs. Pods with a letter in `broken` come no further by themselves.

        The controller does not hurry where it would go round in circles: see `goes_round_in_circles`.
        """
        pods, replicas, current, recorded, held = state
        obeyed = self.obeyed(state)
        if obeyed != state and not self.goes_round_in_circles(state):
            yield obeyed
        key = pods, broken
        if key not in self._progress:
            progress = {before: then for before, then in PROGRESS.items() if before not in broken}
            self._progress[key] = tuple(then for _, then in single(pods, progress, "{pod} {event}"))
        for then in self._progress[key]:
            yield State(then, replicas, current, recorded, held)


def after(state: State, recorded: str, outcome: Outcome) -> State:
    """The world after a run that came to an outcome."""
    if outcome.written:
        return State(outcome.pods, state.replicas, outcome.current, recorded, outcome.held)
    return State(outcome.pods, state.replicas, state.current, recorded, state.held)


def single(pods: str, table: Mapping[str, str], text: str) -> Iterator[tuple[str, str]]:
    """Every move of one pod that a table of letters allows, and what it is called."""
    for ordinal, letter in enumerate(pods):
        for new in table.get(letter, ""):
            what = text.format(pod=pod_name("web", ordinal), event=EVENTS.get(new.lower(), ""))
            yield what, put(pods, ordinal, new)


def put(pods: str, ordinal: int, letter: str) -> str:
    """The pods, with another one at an ordinal."""
    return pods[:ordinal] + letter + pods[ordinal + 1 :]


# --- carrying plans out -----------------------------------------------------------------------------------------------


def place(action: model.CreatePod | model.DeletePod) -> int:
    """The ordinal that an action is about."""
    name = action.pod.metadata.name if isinstance(action, model.CreatePod) else action.name
    ordinal = ordinal_of("web", name)
    assert ordinal is not None
    return ordinal


def created(action: model.CreatePod) -> str:
    """The letter of a pod that was just created."""
    label = letter_of(action.pod.metadata.labels[REVISION_LABEL])
    assert label == letter_of(action.revision)
    return "P" if label == "T" else "p"


def obey(pods: str, actions: tuple[model.Action, ...]) -> tuple[str, int]:
    """The pods after some actions of a plan, and how many were deleted for the update. The first refusal is the end."""
    updated = 0
    for action in actions:
        match action:
            case model.CreatePod():
                ordinal = place(action)
                if pods[ordinal] != ABSENT:
                    break
                pods = put(pods, ordinal, created(action))
            case model.DeletePod():
                ordinal = place(action)
                pods = put(pods, ordinal, DELETED.get(pods[ordinal], pods[ordinal]))
                updated += action.reason == "update"
            case _:
                raise AssertionError(f"there is never a reason to {action}")
    return pods, updated


def said(plan: model.Plan) -> str:
    """A plan in words, with letters for revisions."""
    text = "the controller runs: " + "; ".join(str(plan).splitlines())
    for letter in TEMPLATES:
        text = text.replace(revision(letter).metadata.name, letter)
    return text


def parts(pods: str, plan: model.Plan) -> Iterator[tuple[str, int]]:
    """What a run that ends early has done: all steps and batches up to one, and of each group of that one a part."""
    updated = 0
    for step in plan.steps:
        groups, size = step.groups, 1
        while groups:
            batch, groups = groups[:size], groups[size:]
            for lengths in product(*(range(len(group) + 1) for group in batch)):
                some, more = obey(pods, tuple(a for group, n in zip(batch, lengths, strict=True) for a in group[:n]))
                yield some, updated + more
            pods, more = obey(pods, tuple(action for group in batch for action in group))
            updated += more
            size = min(size * 2, act.LARGEST_BATCH) if step.pace == "doubling" else 1
