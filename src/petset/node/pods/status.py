"""The status of a pod: phase, conditions, addresses, containers. Pure.

The rules are those of upstream's `generateAPIPodStatus` and `getPhase` (pkg/kubelet/kubelet_pods.go).
"""

from msgspec.structs import replace

from petset.api.meta import format_time
from petset.api.types import ContainerStateTerminated, ContainerStatus, HostIP, PodIP, PodStatus
from petset.node.pods.conditions import conditions_of
from petset.node.pods.containers import container_status
from petset.node.pods.model import SANDBOX, VOLUMES
from petset.node.pods.view import ENDED, View, is_sidecar


def status_of(view: View, *, ended: bool = False) -> PodStatus:
    """What the API should show. `ended` says that nothing of the pod runs and nothing will be started any more."""
    pod, old = view.pod, view.pod.status
    inits = [container_status(view, spec, init=True) for spec in pod.spec.init_containers]
    containers = [container_status(view, spec, init=False) for spec in pod.spec.containers]
    phase = old.phase if old.phase in ENDED else phase_of(view, inits, containers, ended=ended)
    status = replace(old, phase=phase)
    if view.is_overdue:
        status.phase = "Failed" if ended else old.phase or "Pending"
        status.reason = "DeadlineExceeded"
        status.message = "Pod was active on the node longer than the specified deadline"
    status.conditions = conditions_of(view, status.phase or "")
    status.init_container_statuses, status.container_statuses = inits, containers
    status.start_time = old.start_time or format_time(view.now)
    status.observed_generation = pod.metadata.generation
    if view.seen.node.host_ip:
        status.host_ip = view.seen.node.host_ip
        status.host_ips = [HostIP(ip=view.seen.node.host_ip)]
    if view.address:
        status.pod_ip = view.address
        status.pod_ips = [PodIP(ip=view.address)]
    return status


def phase_of(view: View, inits: list[ContainerStatus], containers: list[ContainerStatus], *, ended: bool) -> str:
    """The one word for the pod's life."""
    if view.init_failed:
        return "Pending" if view.runs and not ended else "Failed"
    if initializing(view, inits):
        return "Failed" if ended and has_begun_any(inits) else "Pending"
    running = sum(status.state.running is not None for status in containers)
    exits = [end.exit_code for status in containers if (end := status.state.terminated or _crashed(status))]
    if len(exits) + running < len(containers):
        return "Failed" if ended and exits else "Pending"
    if running:
        return "Running"
    if ended or (view.is_over and not view.runs):
        return "Succeeded" if not any(exits) else "Failed"
    return "Running"


def initializing(view: View, inits: list[ContainerStatus]) -> bool:
    """Whether an init container has yet to end, or a sidecar yet to start, before the others may begin."""
    if not inits or view.has_begun:
        return False
    specs = zip(view.pod.spec.init_containers, inits, strict=True)
    return any(
        not status.started
        if is_sidecar(spec)
        else status.state.terminated is None or status.state.terminated.exit_code != 0
        for spec, status in specs
    )


def is_being_created(view: View) -> bool:
    """Whether nothing of a pod has run yet and nothing has failed: only the steps of its creation show."""
    status = view.pod.status
    if status.phase not in {None, "", "Pending"} or view.has_run or not view.seen.waiting.keys() <= {SANDBOX, VOLUMES}:
        return False
    known = (*status.init_container_statuses, *status.container_statuses)
    return not any(each.state.terminated or each.last_state.terminated for each in known)


def has_begun_any(inits: list[ContainerStatus]) -> bool:
    """Whether any of these containers has ever run."""
    return any(status.container_id for status in inits)


def _crashed(status: ContainerStatus) -> ContainerStateTerminated | None:
    """The end of a container that waits to be started again."""
    return status.last_state.terminated if status.state.waiting is not None else None
