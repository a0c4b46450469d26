"""The conditions of a pod that the node answers for. Pure.

The rules are those of upstream's `pkg/kubelet/status/generate.go`.
"""

from petset.api.meta import format_time, get_condition
from petset.api.types import Container as ContainerSpec
from petset.api.types import PodCondition
from petset.node.pods.view import View, is_sidecar


def conditions_of(view: View, phase: str) -> list[PodCondition]:
    """All conditions: those of others as they are, the node's own as they are now."""
    conditions = {condition.type: condition for condition in view.pod.status.conditions}
    containers = _containers_ready(view, phase)
    own = [_has_sandbox(view), _initialized(view, phase), _ready(view, containers), containers]
    if "PodScheduled" not in conditions:
        own.append(PodCondition(type="PodScheduled", status="True"))
    now = format_time(view.now)
    for condition in own:
        old = conditions.get(condition.type)
        same = old is not None and old.status == condition.status
        condition.last_transition_time = old.last_transition_time if old is not None and same else now
        condition.observed_generation = view.pod.metadata.generation
        conditions[condition.type] = condition
    return [*conditions.values()]


def _condition(type_: str, reason: str = "", message: str = "", *, status: bool = False) -> PodCondition:
    return PodCondition(
        type=type_, status="True" if status else "False", reason=reason or None, message=message or None
    )


def _has_sandbox(view: View) -> PodCondition:
    return _condition("PodReadyToStartContainers", status=view.live_sandbox is not None and bool(view.address))


def _initialized(view: View, phase: str) -> PodCondition:
    if phase == "Succeeded":
        return _condition("Initialized", "PodCompleted", status=True)
    waiting = [spec.name for spec in view.pod.spec.init_containers if not _is_initialized(view, spec)]
    if not waiting or view.has_begun:
        return _condition("Initialized", status=True)
    message = f"containers with incomplete status: [{' '.join(waiting)}]"
    return _condition("Initialized", "ContainersNotInitialized", message)


def _is_initialized(view: View, spec: ContainerSpec) -> bool:
    if is_sidecar(spec):
        return view.is_started(spec)
    return view.exit_code(spec.name) == 0


def _containers_ready(view: View, phase: str) -> PodCondition:
    if phase == "Succeeded":
        return _condition("ContainersReady", "PodCompleted")
    if phase == "Failed":
        return _condition("ContainersReady", "PodFailed")
    sidecars = [spec for spec in view.pod.spec.init_containers if is_sidecar(spec)]
    counted = [*sidecars, *view.pod.spec.containers]
    unready = [spec.name for spec in counted if not view.is_ready(spec)]
    if not unready:
        return _condition("ContainersReady", status=True)
    return _condition("ContainersReady", "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")


def _ready(view: View, containers: PodCondition) -> PodCondition:
    if containers.status != "True":
        return _condition("Ready", containers.reason or "", containers.message or "")
    gates = [gate.condition_type for gate in view.pod.spec.readiness_gates]
    unmet = [text for gate in gates if (text := _gate_text(view, gate))]
    if unmet:
        return _condition("Ready", "ReadinessGatesNotReady", ", ".join(unmet))
    return _condition("Ready", status=True)


def _gate_text(view: View, gate: str) -> str:
    condition = get_condition(view.pod.status.conditions, gate)
    if condition is None:
        return f'corresponding condition of pod readiness gate "{gate}" does not exist.'
    if condition.status != "True":
        return f'the status of pod readiness gate "{gate}" is not "True", but {condition.status}'
    return ""
