"""What kubectl shows of a pod: how many containers are ready, one word for its state, and its restarts.

The rules are those of upstream's pod printer: init containers first, then the containers from last to first, and
deletion over everything.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from petset.api.table import age
from petset.api.types import ContainerState, ContainerStateTerminated, ContainerStatus, Pod


@dataclass(slots=True)
class PodSummary:
    """The summary of one pod; `last_restart` is RFC 3339."""

    ready: int
    total: int
    status: str
    restarts: int = 0
    last_restart: str | None = None

    def restarts_text(self, now: datetime) -> str:
        """`3 (5m ago)`; bare when nothing restarted or it is not known when."""
        if not self.restarts or not self.last_restart:
            return str(self.restarts)
        return f"{self.restarts} ({age(self.last_restart, now)} ago)"

    def count_restarts(self, status: ContainerStatus) -> None:
        """Adds the restarts of one container."""
        self.restarts += status.restart_count
        terminated = status.last_state.terminated
        if terminated and terminated.finished_at:
            self.last_restart = max(self.last_restart or "", terminated.finished_at)


def summarize(pod: Pod) -> PodSummary:
    """Everything about a pod that one line of `kubectl get pods` says."""
    sidecars = _sidecar_names(pod)
    summary = PodSummary(0, len(pod.spec.containers) + len(sidecars), pod.status.reason or pod.status.phase or "")
    if _condition_reason(pod, "PodScheduled") == "SchedulingGated":
        summary.status = "SchedulingGated"
    initializing = _summarize_init_containers(pod, sidecars, summary)
    if not initializing or _has_condition(pod, "Initialized"):
        _summarize_containers(pod, sidecars, summary)
    if pod.metadata.deletion_timestamp:
        if pod.status.reason == "NodeLost":
            summary.status = "Unknown"
        elif pod.status.phase not in {"Failed", "Succeeded"}:
            summary.status = "Terminating"
    return summary


def _sidecar_names(pod: Pod) -> set[str]:
    return {container.name for container in pod.spec.init_containers if container.restart_policy == "Always"}


def _condition_reason(pod: Pod, kind: str) -> str | None:
    return next((condition.reason for condition in pod.status.conditions if condition.type == kind), None)


def _has_condition(pod: Pod, kind: str) -> bool:
    return any(condition.type == kind and condition.status == "True" for condition in pod.status.conditions)


def _exit_text(terminated: ContainerStateTerminated) -> str:
    if terminated.reason:
        return terminated.reason
    return f"Signal:{terminated.signal}" if terminated.signal else f"ExitCode:{terminated.exit_code}"


def _summarize_init_containers(pod: Pod, sidecars: set[str], summary: PodSummary) -> bool:
    """Whether initialization is still going on."""
    for position, status in enumerate(pod.status.init_container_statuses):
        summary.count_restarts(status)
        if status.state.terminated and status.state.terminated.exit_code == 0:
            continue
        if status.name in sidecars and status.started:
            summary.ready += status.ready
            continue
        summary.status = _init_text(status.state, position, len(pod.spec.init_containers))
        return True
    return False


def _init_text(state: ContainerState, position: int, total: int) -> str:
    if state.terminated:
        return f"Init:{_exit_text(state.terminated)}"
    if state.waiting and state.waiting.reason not in {None, "", "PodInitializing"}:
        return f"Init:{state.waiting.reason}"
    return f"Init:{position}/{total}"


def _sidecar_statuses(pod: Pod, sidecars: set[str]) -> Iterable[ContainerStatus]:
    return (status for status in pod.status.init_container_statuses if status.name in sidecars)


def _summarize_containers(pod: Pod, sidecars: set[str], summary: PodSummary) -> None:
    summary.restarts, summary.last_restart = 0, None
    for status in _sidecar_statuses(pod, sidecars):
        summary.count_restarts(status)
    running = False
    for status in reversed(pod.status.container_statuses):
        summary.count_restarts(status)
        state = status.state
        if state.waiting and state.waiting.reason:
            summary.status = state.waiting.reason
        elif state.terminated:
            summary.status = _exit_text(state.terminated)
        elif status.ready and state.running:
            running = True
            summary.ready += 1
    if summary.status == "Completed" and running:
        summary.status = "Running" if _has_condition(pod, "Ready") else "NotReady"
