"""The Events that say why a set does not come further: each wait once, when it has lasted; beyond those of upstream.

Normal   RolloutWaiting   a pod is starting, ending, or has to stay ready for some time yet
Warning  RolloutWaiting   a pod has a trouble that does not pass by itself
Normal   RolloutHeld      the update has come to the partition, or the set is updated OnDelete
"""

from dataclasses import dataclass, field
from typing import Final

from petset.aio.clock import Clock
from petset.api.meta import Key, key_of
from petset.api.types import StatefulSet
from petset.client.recorder import EventRecorder
from petset.controllers.statefulset.model import Plan
from petset.controllers.statefulset.waiting import TROUBLE, Wait

PATIENCE: Final = 10.0
"""Seconds that a wait lasts before it is told."""
REMEMBERED: Final = 16
"""Waits of one set that are not told again while the set goes on waiting."""


@dataclass(slots=True)
class Watched:
    """One set: what it waits for, since when by the monotonic clock, what was told, what holds its update back."""

    held_back: str | None
    waits_for: tuple[str, str] | None = None
    began: float = 0.0
    told: dict[tuple[str, str, str], None] = field(default_factory=dict)


class WaitEvents:
    """Tells of the waits of all sets."""

    def __init__(self, recorder: EventRecorder, clock: Clock) -> None:
        self._recorder = recorder
        self._clock = clock
        self._sets: dict[Key, Watched] = {}

    def note(self, set_: StatefulSet, plan: Plan) -> float | None:
        """Takes in what a set waits for by its newest plan, and tells what is to be told.

        Returns after how many seconds to come back: the wait, if it is the same one then, will have lasted.
        """
        watched = self._sets.get(key_of(set_))
        if watched is None:
            # an update that was held back before this process began was told by an earlier one
            watched = self._sets[key_of(set_)] = Watched(plan.held_back)
        if plan.waiting_for is not None:
            return self._note_wait(set_, watched, plan.waiting_for)
        watched.waits_for = None
        watched.told.clear()
        if plan.held_back is not None and plan.held_back != watched.held_back:
            self._record(set_, "Normal", "RolloutHeld", f"Rollout is held: {plan.held_back}")
        watched.held_back = plan.held_back
        return None

    def forget(self, key: Key) -> None:
        """For a set that is gone."""
        self._sets.pop(key, None)

    def _note_wait(self, set_: StatefulSet, watched: Watched, wait: Wait) -> float | None:
        now = self._clock.monotonic()
        if watched.waits_for != (wait.about, wait.uid):
            watched.waits_for, watched.began = (wait.about, wait.uid), now
        missing = watched.began + PATIENCE - now
        if missing > 0:
            return missing
        same = (wait.about, wait.uid, wait.cause)
        if same not in watched.told:
            watched.told[same] = None
            if len(watched.told) > REMEMBERED:
                del watched.told[next(iter(watched.told))]
            self._record(set_, "Warning" if wait.cause in TROUBLE else "Normal", "RolloutWaiting", said(wait))
        return None

    def _record(self, set_: StatefulSet, type_: str, reason: str, message: str) -> None:
        """A large set has used up its allowance by creating pods; and upstream's events do not become fewer by ours."""
        self._recorder.event(set_, type_, reason, message, allowance="waits")


def said(wait: Wait) -> str:
    """The message: what is waited for, why, and since or until when."""
    text = f"Waiting for {wait}"
    if wait.until is not None:
        return f"{text}, until {wait.until}"
    return f"{text}, since {wait.since}" if wait.since is not None else text
