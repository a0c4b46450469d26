"""What every single decision of the controller keeps to, given what it saw."""

from petset.api.meta import is_pod_available, is_terminating
from petset.controllers.statefulset import model
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import ordinal_of
from petset.controllers.statefulset.plan import max_unavailable, partition


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


def check_update(seen: model.Observed, decided: model.Plan) -> None:
    """Below the partition nothing is deleted for the update, and the budget of healthy pods is kept."""
    deleted = [a for a in decided.actions() if isinstance(a, model.DeletePod) and a.reason == "update"]
    first = ordinals(seen.set).start + partition(seen.set)
    assert all((ordinal_of("web", action.name) or 0) >= first for action in deleted)
    assert not deleted or seen.set.spec.update_strategy.type == "RollingUpdate"
    healthy = [action for action in deleted if is_available(seen, action.name)]
    down = [ordinal for ordinal in ordinals(seen.set) if not is_available(seen, f"web-{ordinal}")]
    assert not healthy or len(healthy) + len(down) <= max_unavailable(seen.set)


def is_available(seen: model.Observed, name: str) -> bool:
    """Whether the controller saw an available pod of this name, its own or soon its own."""
    least = seen.set.spec.min_ready_seconds or 0
    pods = [pod for pod in (*seen.pods, *seen.orphans) if pod.metadata.name == name]
    return any(is_pod_available(pod, least, seen.now) and not is_terminating(pod) for pod in pods)
