"""What the StatefulSet controller waits for, by its own planner, in lines for people. Pure."""

from collections.abc import Iterable, Iterator

from petset.api.meta import Key, controller_of
from petset.api.selectors import SelectorError
from petset.api.types import StatefulSet
from petset.cli.progress.snapshot import Snapshot, shown_name
from petset.controllers.statefulset.model import Observed, Plan
from petset.controllers.statefulset.plan import plan
from petset.controllers.statefulset.waiting import Wait, moment


def planned(snapshot: Snapshot, set_: StatefulSet) -> Plan | None:
    """What the controller would do with a set now; None before it has looked at it for the first time."""
    revisions = snapshot.revisions_of(set_)
    if not revisions:
        return None
    space = set_.metadata.namespace
    seen = Observed(
        set=set_,
        pods=tuple(snapshot.pods_of(set_)),
        revisions=tuple(revisions),
        claims={claim.metadata.name: claim for claim in snapshot.claims if claim.metadata.namespace == space},
        now=snapshot.now,
        orphans=tuple(p for p in snapshot.pods if p.metadata.namespace == space and controller_of(p) is None),
    )
    try:
        return plan(seen)
    except SelectorError:
        return None


def wait_line(wait: Wait, snapshot: Snapshot, *, with_state: bool) -> str:
    """`web-1 to be Running and Ready (container nginx is waiting, ErrImagePull: ...), since 08:12:03`."""
    text = str(wait) if with_state else wait.without_state()
    if wait.until is not None:
        return f"{text}, until {moment(wait.until, snapshot.now)}"
    return f"{text}, since {moment(wait.since, snapshot.now)}" if wait.since is not None else text


def held_back(snapshot: Snapshot, targets: Iterable[Key]) -> Iterator[str]:
    """Lines about sets with nothing to wait for whose newest template has not come to all pods, and never will so."""
    for key in targets:
        set_ = snapshot.set_named(key)
        decided = planned(snapshot, set_) if set_ is not None else None
        if set_ is not None and decided is not None and decided.held_back is not None:
            yield f"statefulset {shown_name(set_)}: {decided.held_back}"
