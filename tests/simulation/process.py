"""The controller's process in the toy world: it sees old news, its requests fail, and it may end at any of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from petset.api.types import ControllerRevision, Object, PersistentVolumeClaim, Pod, StatefulSet
from petset.controllers.statefulset import model
from tests.simulation.world import SMOOTH, Fate, Snapshot, World, observed

KINDS: tuple[type[Object], ...] = (StatefulSet, Pod, PersistentVolumeClaim, ControllerRevision)
KEPT = 12
"""How far behind an informer can be, in snapshots."""


@dataclass
class Process:
    """One informer a kind, each as old as the test lets it be, but never older than the process's own writes."""

    world: World
    past: list[Snapshot] = field(default_factory=list)
    shown: dict[type[Object], int] = field(default_factory=dict)
    """The revision that each informer shows at least."""

    def __post_init__(self) -> None:
        self.restart()

    def note(self) -> Snapshot:
        """Something may have changed: the watches will tell."""
        now = self.world.snapshot()
        self.past = [*self.past[-KEPT + 1 :], now]
        for kind in KINDS:
            self.shown[kind] = max(self.shown.get(kind, 0), self.past[0].revision)
        return now

    def restart(self) -> None:
        """A new process lists everything and remembers nothing."""
        self.catch_up(KINDS)

    def catch_up(self, kinds: Iterable[type[Object]]) -> None:
        """These informers show the present."""
        now = self.note().revision
        self.shown.update(dict.fromkeys(kinds, now))

    def hear(self, kind: type[Object]) -> None:
        """One more piece of news of a kind arrives."""
        later = [snapshot.revision for snapshot in self.past if snapshot.revision > self.shown[kind]]
        self.shown[kind] = min(later, default=self.shown[kind])

    def _showing(self, kind: type[Object]) -> Snapshot:
        return next(snapshot for snapshot in self.past if snapshot.revision >= self.shown[kind])

    def observe(self) -> model.Observed:
        """The world as the informers show it: each kind at its own age."""
        return observed(
            Snapshot(
                0,
                self._showing(StatefulSet).set,
                self._showing(Pod).pods,
                self._showing(PersistentVolumeClaim).claims,
                self._showing(ControllerRevision).revisions,
            ),
            self.world.now,
        )

    def run(self, fate: Fate = SMOOTH) -> tuple[model.Observed, model.Plan]:
        """One run, on what is shown now. What it saw and decided."""
        self.note()
        seen = self.observe()
        decided = self.world.planner(seen)
        written = self.world.carry_out(decided, seen.set, fate)
        self.catch_up(written)
        if fate.dies:
            self.restart()
        return seen, decided
