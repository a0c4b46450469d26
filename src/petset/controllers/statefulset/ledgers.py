"""The ledgers of all sets, told by the informers what changed, so that a decision looks at that only."""

from collections import defaultdict

from petset.api.meta import Key, controller_of, key_of
from petset.api.types import PersistentVolumeClaim, Pod
from petset.controllers.statefulset.ledger import Ledger
from petset.controllers.statefulset.model import Observed, Plan
from petset.controllers.statefulset.names import claim_may_belong_to
from petset.controllers.statefulset.observe import CONTROLLER_INDEX, Observer
from petset.controllers.statefulset.plan import claim_pods, decide
from petset.controllers.statefulset.ranks import View
from petset.controllers.statefulset.revisions import Chooser


class Ledgers:
    """A ledger a set, and the names of pods to look at again before it is right."""

    def __init__(self, observer: Observer) -> None:
        self._pods = observer.pods
        self._ledgers: dict[Key, Ledger] = {}
        self._changed: defaultdict[Key, set[str]] = defaultdict(set)
        self._choosers: defaultdict[Key, Chooser] = defaultdict(Chooser)
        observer.pods.add_handlers(self._pod_changed, self._pod_replaced, self._pod_changed)
        observer.claims.add_handlers(
            self._claim_changed, lambda _, claim: self._claim_changed(claim), self._claim_changed
        )

    def plan(self, seen: Observed) -> Plan | None:
        """The plan for an outline of a set; None when somebody has to look at all pods: to adopt or release some."""
        if claim_pods(seen)[0]:
            return None
        key = key_of(seen.set)
        view = View(seen, self._choosers[key].choose(seen))
        changed = self._changed.pop(key, set())
        # Out of the book while it is written to: one that is half right must not stay.
        ledger = self._ledgers.pop(key, None)
        if ledger is not None and ledger.holds_for(view):
            pods = {name: self._own_pod(seen, name) for name in changed}
        else:
            ledger = Ledger(view)
            pods = {pod.metadata.name: pod for pod in self._pods.by_index(CONTROLLER_INDEX, seen.set.metadata.uid)}
        ledger.update(view, pods)
        self._ledgers[key] = ledger
        return decide(ledger) if ledger.complete else None

    def forget(self, key: Key) -> None:
        """For a set that is gone."""
        self._ledgers.pop(key, None)
        self._choosers.pop(key, None)
        self._changed.pop(key, None)

    def _own_pod(self, seen: Observed, name: str) -> Pod | None:
        pod = self._pods.get(seen.set.metadata.namespace, name)
        owner = controller_of(pod) if pod is not None else None
        return pod if owner is not None and owner.uid == seen.set.metadata.uid else None

    def _pod_changed(self, pod: Pod) -> None:
        owner = controller_of(pod)
        if owner is not None and owner.kind == "StatefulSet":
            self._note(Key(pod.metadata.namespace, owner.name), pod.metadata.name)

    def _pod_replaced(self, old: Pod, new: Pod) -> None:
        self._pod_changed(old)
        self._pod_changed(new)

    def _claim_changed(self, claim: PersistentVolumeClaim) -> None:
        name = claim.metadata.name
        for template, set_name in claim_may_belong_to(name):
            self._note(Key(claim.metadata.namespace, set_name), name.removeprefix(f"{template}-"))

    def _note(self, key: Key, pod: str) -> None:
        if key in self._ledgers:
            self._changed[key].add(pod)
