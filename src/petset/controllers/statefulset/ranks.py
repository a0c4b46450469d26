"""What the rules ask about a set's pods, and the plain answers: those of a walk over all of them. Pure.

`Ranks` are the questions, `AllPods` the answers that anybody can check, `ledger` the same answers without the walk.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Protocol

from petset.api.meta import is_pod_available, is_terminating, seconds_until_available
from petset.api.types import Pod, StatefulSet
from petset.controllers.statefulset import claims
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.model import Observed
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of, pod_name
from petset.controllers.statefulset.revisions import History
from petset.controllers.statefulset.status import ENDED, Census, tally


@dataclass(frozen=True, slots=True)
class View:
    """What a rule about one pod may look at besides the pod: the set, its revisions, the claims and the time."""

    seen: Observed
    history: History

    @property
    def set(self) -> StatefulSet:
        """The set as its user wants it."""
        return self.seen.set

    @property
    def ordered(self) -> bool:
        """Whether pods go one at a time (OrderedReady, the default)."""
        return self.set.spec.pod_management_policy != "Parallel"

    @property
    def min_ready_seconds(self) -> int:
        """How long a pod has to be ready to be available."""
        return self.set.spec.min_ready_seconds or 0

    def available(self, pod: Pod) -> bool:
        """Ready for minReadySeconds."""
        return is_pod_available(pod, self.min_ready_seconds, self.seen.now)

    def unavailable(self, pod: Pod) -> bool:
        """Not available, or going away."""
        return not self.available(pod) or is_terminating(pod)

    def outdated(self, pod: Pod) -> bool:
        """At any revision but the update revision, and neither going away nor ended already."""
        at_update = pod.metadata.labels.get(REVISION_LABEL) == self.history.update.metadata.name
        return not (at_update or is_terminating(pod) or pod.status.phase in ENDED)


@dataclass(frozen=True, slots=True)
class Replica:
    """One ordinal in range, and its pod if there is one."""

    ordinal: int
    pod: Pod | None


@dataclass(frozen=True, slots=True)
class Condemned:
    """One ordinal out of range, and the pod that has to go."""

    ordinal: int
    pod: Pod


class Ranks(Protocol):
    """A set's pods in their places, as far as the rules ask."""

    @property
    def view(self) -> View:
        """What else the rules look at."""
        ...

    def replicas(self) -> Iterable[Replica]:
        """Ascending: at least every ordinal in range that needs an action, and the first that is waited for.

        In an ordered set nothing beyond the first that is waited for is asked for.
        """
        ...

    def condemned(self) -> Iterable[Condemned]:
        """Descending: at least the first, and every one that is not terminating."""
        ...

    def misowned(self) -> Iterable[Condemned]:
        """Descending: condemned pods whose claims need other owners."""
        ...

    def first_unavailable(self) -> Pod | None:
        """The unavailable pod with the lowest ordinal; one in range comes before a condemned one."""
        ...

    def unavailable(self) -> int:
        """How many ordinals in range have no available pod."""
        ...

    def outdated(self, partition: int, *, available: bool) -> Iterator[Pod]:
        """Descending: outdated pods in range, beyond the `partition` lowest ordinals, that are available, or not."""
        ...

    def census(self) -> Census:
        """The pods in all places, counted."""
        ...

    def revisions(self) -> Collection[str]:
        """The revision labels of all pods of the set."""
        ...

    def seconds_until_next_available(self) -> float | None:
        """How long until the next ready pod becomes available by the passing of time; None: no such pod."""
        ...


class AllPods:
    """The answers by looking at all pods."""

    def __init__(self, view: View, pods: Collection[Pod]) -> None:
        self._view = view
        self._pods = pods
        by_ordinal = places(view.set.metadata.name, pods)
        self._wanted = wanted = ordinals(view.set)
        self._in_range = {ordinal: by_ordinal[ordinal] for ordinal in sorted(by_ordinal) if ordinal in wanted}
        beyond = sorted((ordinal for ordinal in by_ordinal if ordinal not in wanted), reverse=True)
        self._condemned = tuple(Condemned(ordinal, by_ordinal[ordinal]) for ordinal in beyond)

    @property
    def view(self) -> View:
        """What else the rules look at."""
        return self._view

    def replicas(self) -> Iterable[Replica]:
        """All ordinals in range."""
        return (Replica(ordinal, self._in_range.get(ordinal)) for ordinal in self._wanted)

    def condemned(self) -> Iterable[Condemned]:
        """All pods out of range."""
        return self._condemned

    def misowned(self) -> Iterable[Condemned]:
        """Each is asked."""
        return (c for c in self._condemned if not claims.owners_match(self._view.seen, c.ordinal, c.pod))

    def first_unavailable(self) -> Pod | None:
        """The first by asking each."""
        return next((pod for pod in self._placed() if self._view.unavailable(pod)), None)

    def unavailable(self) -> int:
        """All that are wanted but those that are available."""
        return len(self._wanted) - sum(not self._view.unavailable(pod) for pod in self._in_range.values())

    def outdated(self, partition: int, *, available: bool) -> Iterator[Pod]:
        """Each is asked."""
        for ordinal, pod in reversed(self._in_range.items()):
            beyond = ordinal >= self._wanted.start + partition
            if beyond and self._view.outdated(pod) and self._view.available(pod) is available:
                yield pod

    def census(self) -> Census:
        """Counted."""
        census = Census()
        for pod in self._placed():
            census.count(tally(pod, self._view.min_ready_seconds, self._view.seen.now))
        return census

    def revisions(self) -> Collection[str]:
        """The labels that there are, pods without a place included."""
        return Counter(pod.metadata.labels.get(REVISION_LABEL, "") for pod in self._pods)

    def seconds_until_next_available(self) -> float | None:
        """The shortest of all waits."""
        view = self._view
        waits = [seconds_until_available(pod, view.min_ready_seconds, view.seen.now) for pod in self._placed()]
        return min((wait for wait in waits if 0 < wait < inf), default=None)

    def _placed(self) -> Iterator[Pod]:
        """The pods that have a place, ascending, those in range first."""
        yield from self._in_range.values()
        yield from (condemned.pod for condemned in reversed(self._condemned))


def places(set_name: str, pods: Iterable[Pod]) -> dict[int, Pod]:
    """Pods by ordinal. A name whose number is too large has no place; `web-1` comes before `web-01`."""
    by_ordinal: dict[int, Pod] = {}
    for pod in pods:
        ordinal = ordinal_of(set_name, pod.metadata.name)
        if ordinal is not None and (ordinal not in by_ordinal or pod.metadata.name == pod_name(set_name, ordinal)):
            by_ordinal[ordinal] = pod
    return by_ordinal
