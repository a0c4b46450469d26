"""What every single decision of the controller keeps to, given what it saw."""

import msgspec

from petset.api.meta import is_pod_available, is_terminating
from petset.api.schema.decode import decode
from petset.api.types import Pod, StatefulSetStatus
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import REVISION_LABEL, is_member, ordinal_of
from petset.controllers.statefulset.plan import max_unavailable, partition
from petset.controllers.statefulset.revisions import choose_revisions


def check(seen: model.Observed, decided: model.Plan) -> None:
    """All of it."""
    check_identity(seen, decided)
    check_order(seen, decided)
    check_creations(seen, decided)
    check_update(seen, decided)
    check_waiting(seen, decided)
    check_status(decided)


def check_identity(seen: model.Observed, decided: model.Plan) -> None:
    """At most one pod of a name: none is created, nor claims for it, where one is seen; what is deleted was seen."""
    there = {pod.metadata.name: pod.metadata.uid for pod in own_pods(seen)}
    created = [action.pod.metadata.name for action in decided.actions() if isinstance(action, model.CreatePod)]
    assert len(set(created)) == len(created)
    assert there.keys().isdisjoint(created), "no pod is created where there is one"
    deleted = [action for action in decided.actions() if isinstance(action, model.DeletePod)]
    assert len({action.name for action in deleted}) == len(deleted), "nothing is deleted twice"
    assert all(there.get(action.name) == action.uid for action in deleted), "what is deleted is what was seen"
    for action in decided.actions():
        if isinstance(action, model.AdoptPod):
            (pod,) = (pod for pod in seen.orphans if pod.metadata.name == action.name)
            assert matches(seen, pod)


def check_order(seen: model.Observed, decided: model.Plan) -> None:
    """OrderedReady: one pod created or condemned a run, and no successor before its predecessors are available."""
    if seen.set.spec.pod_management_policy == "Parallel":
        return
    changes = [a for a in decided.actions() if isinstance(a, model.CreatePod | model.DeletePod)]
    assert len([a for a in changes if not (isinstance(a, model.DeletePod) and a.reason == "update")]) <= 1
    for action in changes:
        if isinstance(action, model.CreatePod):
            own = ordinal_of("web", action.pod.metadata.name) or 0
            earlier = (o for o in ordinals(seen.set) if o < own)
            assert all(is_available(seen, f"web-{ordinal}") for ordinal in earlier)
        elif action.reason in ("scale down", "update"):
            assert all(is_available(seen, f"web-{ordinal}") for ordinal in ordinals(seen.set))
        if isinstance(action, model.DeletePod) and action.reason == "scale down":
            highest = max(ordinal_of("web", pod.metadata.name) or 0 for pod in condemned(seen))
            assert action.name == f"web-{highest}", "from the top"


def check_creations(seen: model.Observed, decided: model.Plan) -> None:
    """New pods are in range; below the partition they have the current revision, else the one that is wanted."""
    history, wanted = choose_revisions(seen), ordinals(seen.set)
    current, update = history.current.metadata.name, history.update.metadata.name
    strategy = seen.set.spec.update_strategy
    boundary = 0
    if strategy.type == "RollingUpdate":
        plain = strategy.rolling_update is None
        boundary = (seen.set.status.current_replicas or 0) if plain else partition(seen.set)
    for action in decided.actions():
        if isinstance(action, model.CreatePod):
            ordinal = ordinal_of("web", action.pod.metadata.name)
            assert ordinal is not None
            assert ordinal in wanted
            expected = current if ordinal < wanted.start + boundary else update
            assert action.pod.metadata.labels[REVISION_LABEL] == expected
            mounted = [volume.persistent_volume_claim for volume in action.pod.spec.volumes]
            assert [claim.claim_name for claim in mounted if claim is not None] == [f"www-web-{ordinal}"]


def check_update(seen: model.Observed, decided: model.Plan) -> None:
    """Below the partition nothing is deleted for the update, and the budget of healthy pods is kept, from the top."""
    deleted = [a for a in decided.actions() if isinstance(a, model.DeletePod) and a.reason == "update"]
    first = ordinals(seen.set).start + partition(seen.set)
    assert all((ordinal_of("web", action.name) or 0) >= first for action in deleted)
    assert not deleted or seen.set.spec.update_strategy.type == "RollingUpdate"
    healthy = [action.name for action in deleted if is_available(seen, action.name)]
    down = [ordinal for ordinal in ordinals(seen.set) if not is_available(seen, f"web-{ordinal}")]
    assert not healthy or len(healthy) + len(down) <= max_unavailable(seen.set)
    update = choose_revisions(seen).update.metadata.name
    outdated = [
        f"web-{ordinal}"
        for ordinal in reversed(ordinals(seen.set))
        if ordinal >= first and is_available(seen, f"web-{ordinal}") and revision(seen, f"web-{ordinal}") != update
    ]
    assert healthy == outdated[: len(healthy)], "from the top"


def check_waiting(seen: model.Observed, decided: model.Plan) -> None:
    """A set that waits for nothing and does nothing is as its user wants it, but for what an update leaves alone."""
    if decided.waiting_for is not None or list(decided.actions()) or is_terminating(seen.set):
        return
    assert all(is_available(seen, f"web-{ordinal}") for ordinal in ordinals(seen.set))
    assert not condemned(seen)
    update = choose_revisions(seen).update.metadata.name
    old = [ordinal for ordinal in ordinals(seen.set) if revision(seen, f"web-{ordinal}") != update]
    first = ordinals(seen.set).start + partition(seen.set)
    assert seen.set.spec.update_strategy.type == "OnDelete" or all(ordinal < first for ordinal in old)
    assert (decided.held_back is not None) == bool(old)


def check_status(decided: model.Plan) -> None:
    """It has the form in which the server keeps it, which takes it as it is."""
    for status in (decided.counted, decided.status):
        assert decode(msgspec.json.encode(status), StatefulSetStatus) == status


def matches(seen: model.Observed, pod: Pod) -> bool:
    """Whether a pod is the set's by its name and labels."""
    return is_member("web", pod.metadata.name) and pod.metadata.labels.get("app") == "nginx"


def own_pods(seen: model.Observed) -> list[Pod]:
    """The pods that the controller sees as the set's, those included that it adopts in this run."""
    orphans = [] if is_terminating(seen.set) else [pod for pod in seen.orphans if not is_terminating(pod)]
    return [pod for pod in (*seen.pods, *orphans) if matches(seen, pod)]


def condemned(seen: model.Observed) -> list[Pod]:
    """Those of them that are out of range."""
    return [pod for pod in own_pods(seen) if ordinal_of("web", pod.metadata.name) not in ordinals(seen.set)]


def revision(seen: model.Observed, name: str) -> str:
    """The revision label of a pod."""
    pods = [pod for pod in own_pods(seen) if pod.metadata.name == name]
    return pods[0].metadata.labels.get(REVISION_LABEL, "") if pods else ""


def is_available(seen: model.Observed, name: str) -> bool:
    """Whether the controller saw an available pod of this name, its own or soon its own."""
    least = seen.set.spec.min_ready_seconds or 0
    pods = [pod for pod in own_pods(seen) if pod.metadata.name == name]
    return any(is_pod_available(pod, least, seen.now) and not is_terminating(pod) for pod in pods)
