"""What the status of a pod says of each container. Pure.

The rules are those of upstream's `convertToAPIContainerStatuses` (pkg/kubelet/kubelet_pods.go).
"""

from collections.abc import Sequence
from datetime import datetime

from petset.api.meta import format_time
from petset.api.types import Container as ContainerSpec
from petset.api.types import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
)
from petset.node.pods.backoff import duration
from petset.node.pods.view import View, is_sidecar
from petset.node.runtimes.interface import Container


def container_status(view: View, spec: ContainerSpec, *, init: bool) -> ContainerStatus:
    """The status of one container."""
    attempts = view.attempts(spec.name)
    if not attempts:
        return _unknown_to_runtime(view, spec)
    newest = attempts[-1]
    status = ContainerStatus(
        name=spec.name,
        image=newest.image or spec.image or "",
        image_id=newest.image_id,
        container_id=view.container_id(newest),
        restart_count=newest.attempt,
        ready=view.is_ready(spec) if not init or is_sidecar(spec) else _is_done(newest),
        started=view.is_started(spec),
        last_state=_last_state(view, attempts),
    )
    if newest.state == "running":
        status.state = ContainerState(running=ContainerStateRunning(started_at=_time(newest.started_at)))
    elif newest.state == "created":
        status.state = ContainerState(waiting=_waiting(view, spec) or _default_waiting(view))
    else:
        terminated = ContainerState(terminated=terminated_state(view, newest))
        waiting = _crash_loop(view, spec, newest, init=init) or _waiting(view, spec)
        if waiting is None:
            status.state = terminated
        else:
            status.state, status.last_state = ContainerState(waiting=waiting), terminated
    return status


def terminated_state(view: View, container: Container) -> ContainerStateTerminated:
    """How a container ended."""
    reason = container.reason or ("Completed" if container.exit_code == 0 else "Error")
    return ContainerStateTerminated(
        exit_code=container.exit_code,
        reason="OOMKilled" if container.oom_killed else reason,
        message=_last_words(view, container),
        started_at=_time(container.started_at or container.created_at),
        finished_at=_time(container.finished_at or container.created_at),
        container_id=view.container_id(container),
    )


def _last_words(view: View, container: Container) -> str | None:
    """The termination message; the API remembers it when its file is gone."""
    reported = view.reported(container.name)
    ends = [reported.state.terminated, reported.last_state.terminated] if reported is not None else []
    known = [end.message for end in ends if end is not None and end.container_id == view.container_id(container)]
    return view.seen.messages.get(container.id) or container.message or next(iter(known), None)


def _unknown_to_runtime(view: View, spec: ContainerSpec) -> ContainerStatus:
    """Never created; or forgotten by the runtime after its end, which the API still remembers."""
    reported = view.reported(spec.name)
    if reported is not None and reported.state.terminated is not None and view.is_over:
        return reported
    status = ContainerStatus(name=spec.name, image=spec.image or "", started=False)
    status.state = ContainerState(waiting=_waiting(view, spec) or _default_waiting(view))
    if reported is not None:
        status.restart_count = reported.restart_count
        status.last_state = reported.last_state
    return status


def _is_done(container: Container) -> bool:
    return container.state == "exited" and container.exit_code == 0


def _last_state(view: View, attempts: Sequence[Container]) -> ContainerState:
    """The end of the attempt before; once the runtime has forgotten it, what the API remembers of it."""
    newest = attempts[-1]
    if len(attempts) > 1:
        return ContainerState(terminated=terminated_state(view, attempts[-2]))
    reported = view.reported(newest.name)
    if reported is None:
        return ContainerState()
    if reported.restart_count == newest.attempt and reported.container_id == view.container_id(newest):
        return reported.last_state
    if reported.restart_count < newest.attempt:
        return ContainerState(terminated=reported.state.terminated or reported.last_state.terminated)
    return ContainerState()


def _waiting(view: View, spec: ContainerSpec) -> ContainerStateWaiting | None:
    """Why the container could not be started."""
    waiting = view.seen.waiting.get(spec.name)
    return ContainerStateWaiting(reason=waiting.reason, message=waiting.message or None) if waiting else None


def _default_waiting(view: View) -> ContainerStateWaiting:
    return ContainerStateWaiting(reason="PodInitializing" if view.pod.spec.init_containers else "ContainerCreating")


def _crash_loop(view: View, spec: ContainerSpec, container: Container, *, init: bool) -> ContainerStateWaiting | None:
    code = container.exit_code
    restarts = view.restarts_init(spec, code) if init else view.restarts(spec, code)
    entry = view.seen.back_offs.get(spec.name)
    gone = view.pod.metadata.deletion_timestamp is not None or view.is_over
    if gone or not restarts or entry is None or view.back_off_ends(container) <= view.now:
        return None
    message = f"back-off {duration(entry.delay)} restarting failed container={spec.name} pod={view.full_name}"
    return ContainerStateWaiting(reason="CrashLoopBackOff", message=message)


def _time(moment: datetime | None) -> str | None:
    return format_time(moment) if moment is not None else None
