"""Why a pod is not where its set needs it, in words for people. Pure."""

from petset.api.meta import get_condition, is_terminating
from petset.api.types import Pod


def pod_state(pod: Pod) -> str:
    """What holds a pod up: the first of termination, scheduling, a waiting container, a failed start, readiness."""
    if is_terminating(pod):
        return "terminating"
    scheduled = get_condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return f"not scheduled: {scheduled.message or scheduled.reason or 'no node fits'}"
    for container in (*pod.status.init_container_statuses, *pod.status.container_statuses):
        waiting = container.state.waiting
        if waiting is not None and waiting.reason:
            detail = f": {waiting.message}" if waiting.message else ""
            return f"container {container.name} is waiting, {waiting.reason}{detail}"
    for container in pod.status.container_statuses:
        if container.state.terminated is not None:
            return f"container {container.name} ended with exit code {container.state.terminated.exit_code}"
        if container.state.running is not None and not container.ready:
            return f"container {container.name} runs but is not ready"
    return f"phase {pod.status.phase or 'not yet known'}"


def until(pod: Pod, what: str) -> str:
    """`web-1 to be Running and Ready (container nginx is waiting, ErrImagePull: ...)`."""
    return f"{pod.metadata.name} to {what} ({pod_state(pod)})"
