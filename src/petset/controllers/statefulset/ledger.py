"""The answers of `AllPods` without the walk: a summary of a set's pods, brought up to date pod by pod. Pure.

What one ordinal contributes to every answer is its `Standing`. It is judged by the rules of `plan` themselves, again
whenever the ordinal's pod or claims change or time makes the pod available; the answers then read sorted lists and
sums. Bringing a pod up to date costs O(log n), an answer what it returns. Ordinals without a pod are not kept: they are
the gaps between those that have one, so that a set may want any number of pods.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Final, Literal, get_args

from petset.api.meta import is_terminating, seconds_until_available
from petset.api.selectors import selector_of
from petset.api.types import Pod
from petset.controllers.statefulset import claims
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of, pod_name
from petset.controllers.statefulset.plan import replica_verdict
from petset.controllers.statefulset.ranks import Condemned, Replica, View
from petset.controllers.statefulset.status import NOTHING, Census, Tally, tally

Mark = Literal[
    "acts",
    "waits",
    "unavailable",
    "outdated",
    "outdated and unavailable",
    "condemned",
    "condemned and alive",
    "condemned and unavailable",
    "condemned and misowned",
]
"""A list that an ordinal is in; the ordinals in range are in the first five, the others in the rest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What one ordinal contributes. `due` is when time alone makes its pod available."""

    marks: tuple[Mark, ...] = ()
    counts: Tally = NOTHING
    revision: str | None = None
    due: datetime | None = None


NOBODY: Final = Standing()


def standing_in_range(view: View, ordinal: int, pod: Pod) -> Standing:
    """How the pod of an ordinal stands that the set wants."""
    marks: list[Mark] = []
    verdict = replica_verdict(view, Replica(ordinal, pod))
    if verdict.actions:
        marks.append("acts")
    if verdict.wait is not None:
        marks.append("waits")
    if view.unavailable(pod):
        marks.append("unavailable")
    if view.outdated(pod):
        marks.append("outdated" if view.available(pod) else "outdated and unavailable")
    return _standing(view, pod, marks)


def standing_out_of_range(view: View, ordinal: int, pod: Pod) -> Standing:
    """How the pod of an ordinal stands that has to go."""
    marks: list[Mark] = ["condemned"]
    if not is_terminating(pod):
        marks.append("condemned and alive")
    if view.unavailable(pod):
        marks.append("condemned and unavailable")
    if not claims.owners_match(view.seen, ordinal, pod):
        marks.append("condemned and misowned")
    return _standing(view, pod, marks)


def _standing(view: View, pod: Pod, marks: Iterable[Mark]) -> Standing:
    least, now = view.min_ready_seconds, view.seen.now
    wait = seconds_until_available(pod, least, now)
    return Standing(
        marks=tuple(marks),
        counts=tally(pod, least, now),
        revision=pod.metadata.labels.get(REVISION_LABEL, ""),
        due=now + timedelta(seconds=wait) if 0 < wait < inf else None,
    )


class Gaps:
    """The ordinals of a range that nobody has taken, ascending. Getting at one costs O(log n), n being the taken."""

    def __init__(self, wanted: range) -> None:
        self._wanted = wanted
        self._taken: list[int] = []

    def __len__(self) -> int:
        return len(self._wanted) - len(self._taken)

    def __iter__(self) -> Iterator[int]:
        return map(self._at, range(len(self)))

    def _at(self, place: int) -> int:
        taken, start = self._taken, self._wanted.start
        below = bisect_right(range(len(taken)), place, key=lambda i: taken[i] - start - i)
        return start + place + below

    def take(self, ordinal: int) -> None:
        """It is no gap any more."""
        _insert(self._taken, ordinal)

    def give_back(self, ordinal: int) -> None:
        """It is a gap again."""
        _remove(self._taken, ordinal)


class Ledger:
    """The `Ranks` of one set, as of the last `update`."""

    def __init__(self, view: View) -> None:
        """A set without pods; `update` tells of them."""
        self._view = view
        self._selector = selector_of(view.set.spec.selector)
        self._wanted = ordinals(view.set)
        self._pods: dict[int, Pod] = {}
        self._strays: set[str] = set()
        self._standings: dict[int, Standing] = {}
        self._missing = Gaps(self._wanted)
        self._marked: dict[Mark, list[int]] = {mark: [] for mark in get_args(Mark)}
        self._census = Census()
        self._revisions: Counter[str] = Counter()
        self._due: list[tuple[datetime, int]] = []

    def holds_for(self, view: View) -> bool:
        """Whether `update` can go on from here: the same set, spec and update revision, and time has not gone back."""
        mine = self._view
        return (
            view.set.metadata.uid == mine.set.metadata.uid
            and view.set.spec == mine.set.spec
            and view.history.update.metadata.name == mine.history.update.metadata.name
            and view.seen.now >= mine.seen.now
        )

    def update(self, view: View, changed: Mapping[str, Pod | None]) -> None:
        """Takes in the present state of pods that changed, or whose claims did, by name; None: not the set's."""
        self._view = view
        for name, pod in changed.items():
            ordinal = self._place(name, pod)
            if ordinal is not None:
                self._judge(ordinal)
        while self._due and self._due[0][0] <= view.seen.now:
            self._judge(heapq.heappop(self._due)[1])

    @property
    def complete(self) -> bool:
        """Whether every pod has the one place that its name says; else somebody has to look at them all."""
        return not self._strays

    def _place(self, name: str, pod: Pod | None) -> int | None:
        """Enters the pod; its ordinal, if it can have one."""
        set_name = self._view.set.metadata.name
        ordinal = ordinal_of(set_name, name)
        if ordinal is None or name != pod_name(set_name, ordinal):
            ordinal = None
        stray = pod is not None and (ordinal is None or not self._selector.matches(pod.metadata.labels))
        if stray:
            self._strays.add(name)
        else:
            self._strays.discard(name)
        if ordinal is None:
            return None
        member = None if stray else pod
        if member is None:
            self._pods.pop(ordinal, None)
        else:
            self._pods[ordinal] = member
        return ordinal

    def _judge(self, ordinal: int) -> None:
        """Takes back what the ordinal contributed, and enters what it contributes now."""
        pod = self._pods.get(ordinal)
        old = self._standings.pop(ordinal, None)
        new = self._standing(ordinal, pod) if pod is not None else None
        if new is not None:
            self._standings[ordinal] = new
        if ordinal in self._wanted and (old is None) != (new is None):
            (self._missing.take if old is None else self._missing.give_back)(ordinal)
        self._enter(ordinal, old or NOBODY, new or NOBODY)

    def _standing(self, ordinal: int, pod: Pod) -> Standing:
        judge = standing_in_range if ordinal in self._wanted else standing_out_of_range
        return judge(self._view, ordinal, pod)

    def _enter(self, ordinal: int, old: Standing, new: Standing) -> None:
        for mark in old.marks:
            if mark not in new.marks:
                _remove(self._marked[mark], ordinal)
        for mark in new.marks:
            if mark not in old.marks:
                _insert(self._marked[mark], ordinal)
        self._census.count(old.counts, -1)
        self._census.count(new.counts)
        self._count_revision(old.revision, -1)
        self._count_revision(new.revision, 1)
        if new.due is not None:
            heapq.heappush(self._due, (new.due, ordinal))

    def _count_revision(self, label: str | None, times: int) -> None:
        if label is not None:
            self._revisions[label] += times
            if not self._revisions[label]:
                del self._revisions[label]

    # --- the answers --------------------------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """What else the rules look at."""
        return self._view

    def replicas(self) -> Iterable[Replica]:
        """Those with something to do, and the first that is waited for."""
        first = self._marked["waits"][:1]
        last: int | None = None
        for ordinal in heapq.merge(self._marked["acts"], first, self._missing):
            if ordinal != last:
                yield Replica(ordinal, self._pods.get(ordinal))
            last = ordinal

    def condemned(self) -> Iterable[Condemned]:
        """The first, then those that are not terminating."""
        for highest in self._marked["condemned"][-1:]:
            yield Condemned(highest, self._pods[highest])
            for ordinal in reversed(self._marked["condemned and alive"]):
                if ordinal != highest:
                    yield Condemned(ordinal, self._pods[ordinal])

    def misowned(self) -> Iterable[Condemned]:
        """As listed."""
        return (Condemned(ordinal, self._pods[ordinal]) for ordinal in reversed(self._marked["condemned and misowned"]))

    def first_unavailable(self) -> Pod | None:
        """The first of the lists, which have only those with a pod."""
        unavailable = self._marked["unavailable"] or self._marked["condemned and unavailable"]
        return self._pods[unavailable[0]] if unavailable else None

    def unavailable(self) -> int:
        """The length of the list, and the gaps."""
        return len(self._marked["unavailable"]) + len(self._missing)

    def outdated(self, partition: int, *, available: bool) -> Iterator[Pod]:
        """As listed, down to the partition."""
        for ordinal in reversed(self._marked["outdated" if available else "outdated and unavailable"]):
            if ordinal < self._wanted.start + partition:
                return
            yield self._pods[ordinal]

    def census(self) -> Census:
        """The sums."""
        return self._census

    def revisions(self) -> Collection[str]:
        """The labels that are left."""
        return self._revisions

    def seconds_until_next_available(self) -> float | None:
        """The earliest that still holds."""
        while self._due:
            due, ordinal = self._due[0]
            if self._standings.get(ordinal, NOBODY).due == due:
                return (due - self._view.seen.now).total_seconds()
            heapq.heappop(self._due)
        return None


def _insert(numbers: list[int], number: int) -> None:
    numbers.insert(bisect_left(numbers, number), number)


def _remove(numbers: list[int], number: int) -> None:
    del numbers[bisect_left(numbers, number)]
