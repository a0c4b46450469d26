"""The conditions of a pod that the node answers for. Pure.

The rules are those of upstream's `pkg/kubelet/status/generate.go`.
"""

from petset.api.meta import get_condition, set_condition
from petset.api.types import Container as ContainerSpec
from petset.api.types import PodCondition
from petset.node.pods.view import View, is_sidecar


def conditions_of(view: View, phase: str) -> list[PodCondition]:
    """All conditions: those of others as they are, the node's own as they are now."""
    conditions = list(view.pod.status.conditions)
    containers = _containers_ready(view, phase)
    for condition in (_has_sandbox(view), _initialized(view, phase), _ready(view, containers), containers):
        _set(view, conditions, condition)
    if get_condition(conditions, "PodScheduled") is None:
        _set(view, conditions, PodCondition(type="PodScheduled", status="True"))
    return conditions


def _set(view: View, conditions: list[PodCondition], condition: PodCondition) -> None:
    condition.observed_generation = view.pod.metadata.generation
    set_condition(conditions, condition, view.now)


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
    if view.has_begun or not waiting:
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
