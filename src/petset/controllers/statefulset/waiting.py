"""What a set waits for, why, since when and until when; in words for people. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from petset.api.meta import format_time, get_condition, is_terminating, parse_time, ready_condition
from petset.api.types import ContainerStatus, Pod

Cause = Literal[
    "Terminating", "Unschedulable", "ImagePull", "Crash", "Config", "NotReady", "Starting", "MinReadySeconds", "Other"
]
"""What holds a pod up, in kinds: as long as the kind stays the same it is the same wait."""

TROUBLE: Final[frozenset[Cause]] = frozenset({"Unschedulable", "ImagePull", "Crash", "Config"})
"""Causes that do not pass with time alone."""

_CAUSES: Final[dict[str, Cause]] = {
    "ErrImagePull": "ImagePull",
    "ImagePullBackOff": "ImagePull",
    "ErrImageNeverPull": "ImagePull",
    "InvalidImageName": "ImagePull",
    "CrashLoopBackOff": "Crash",
    "RunContainerError": "Crash",
    "CreateContainerConfigError": "Config",
    "CreateContainerError": "Config",
    "ContainerCreating": "Starting",
    "PodInitializing": "Starting",
}


@dataclass(frozen=True, slots=True)
class Wait:
    """`about` is the name of a pod or a claim, `what` goes on from it: "to be Running and Ready".

    `pod` is the one that is waited for, if there is one: what it shows is part of the text. `seconds` is how long it
    has to be Ready, where nothing else is missing. `because` says why the set waits for it at all, where that is not
    its order.
    """

    about: str
    what: str
    pod: Pod | None = None
    seconds: int = 0
    because: str = ""

    def __str__(self) -> str:
        state = f" ({pod_state(self.pod)})" if self.pod is not None and not self.seconds else ""
        return self._told(state)

    def without_state(self) -> str:
        """The same for those who say what the pod shows elsewhere."""
        return self._told("")

    def _told(self, state: str) -> str:
        return f"{self.about} {self.what}{state}" + (f"; {self.because}" if self.because else "")

    @property
    def uid(self) -> str:
        """Of the pod; empty without one."""
        return self.pod.metadata.uid if self.pod is not None else ""

    @property
    def cause(self) -> Cause:
        """Which kind of wait it is."""
        if self.seconds:
            return "MinReadySeconds"
        return pod_cause(self.pod) if self.pod is not None else "Other"

    @property
    def since(self) -> str | None:
        """Since when the pod is so, as its status says; None without a pod."""
        return pod_since(self.pod) if self.pod is not None else None

    @property
    def until(self) -> str | None:
        """When the wait is over by the passing of time alone; None when more than that is needed."""
        since = self.since
        if not self.seconds or since is None:
            return None
        return format_time(parse_time(since) + timedelta(seconds=self.seconds))


def pod_state(pod: Pod) -> str:
    """What holds a pod up: the first of termination, scheduling, a waiting container, a failed start, readiness."""
    if is_terminating(pod):
        return "terminating"
    scheduled = get_condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return f"not scheduled: {scheduled.message or scheduled.reason or 'no node fits'}"
    for container in _containers(pod):
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


def pod_cause(pod: Pod) -> Cause:
    """The kind of what `pod_state` says."""
    if is_terminating(pod):
        return "Terminating"
    scheduled = get_condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False":
        return "Unschedulable"
    for container in _containers(pod):
        if container.state.waiting is not None and container.state.waiting.reason:
            return _CAUSES.get(container.state.waiting.reason, "Other")
    for container in pod.status.container_statuses:
        if container.state.terminated is not None:
            return "Crash"
        if container.state.running is not None and not container.ready:
            return "NotReady"
    return "Starting"


def pod_since(pod: Pod) -> str | None:
    """Since when a pod is as it is: since its deletion was asked for, its conditions changed, or it was created."""
    if end := pod.metadata.deletion_timestamp:
        grace = pod.metadata.deletion_grace_period_seconds or 0
        return format_time(parse_time(end) - timedelta(seconds=grace))
    scheduled = get_condition(pod.status.conditions, "PodScheduled")
    if scheduled is not None and scheduled.status == "False" and scheduled.last_transition_time:
        return scheduled.last_transition_time
    ready = ready_condition(pod)
    since = ready.last_transition_time if ready is not None else None
    return since or pod.metadata.creation_timestamp


def _containers(pod: Pod) -> tuple[ContainerStatus, ...]:
    return (*pod.status.init_container_statuses, *pod.status.container_statuses)


def until(pod: Pod, what: str, because: str = "") -> Wait:
    """`web-1 to be Running and Ready (container nginx is waiting, ErrImagePull: ...)`."""
    return Wait(pod.metadata.name, f"to {what}", pod, because=because)


def until_ready_for(pod: Pod, seconds: int) -> Wait:
    """`web-1 to be Ready for 30 s`."""
    return Wait(pod.metadata.name, f"to be Ready for {seconds} s", pod, seconds)


def moment(time: str, now: datetime) -> str:
    """An RFC3339 time as short as it can be understood where `now` is: `08:12:03`, or `2026-11-22 08:12:03`."""
    local = parse_time(time).astimezone(now.tzinfo)
    return local.strftime("%H:%M:%S" if local.date() == now.date() else "%Y-%m-%d %H:%M:%S")
