"""Pod: containers that live and die together on one node. Its spec is almost entirely fixed once it exists."""

from datetime import datetime

from petset.api.field import FieldError, forbidden
from petset.api.meta import semantically_equal
from petset.api.resources import Resource, Strategy, Subresource
from petset.api.table import Column
from petset.api.types import Pod, PodCondition, PodStatus
from petset.kinds.checks import unchanged
from petset.kinds.columns import AGE, NAME, NONE
from petset.kinds.podspec.api_access import share_source
from petset.kinds.podspec.defaults import default_pod_object, default_pod_spec
from petset.kinds.podspec.plain import is_plain
from petset.kinds.podspec.qos import qos_class
from petset.kinds.podspec.update import pod_spec_update_errors
from petset.kinds.podspec.validation import pod_spec_errors
from petset.kinds.podspec.volumes import reference_errors
from petset.kinds.podspec.warnings import pod_warnings
from petset.kinds.podstatus import summarize

GATED = "Scheduling is blocked due to non-empty scheduling gates"
"""Why a pod with scheduling gates is on no node."""
TERMINAL_PHASES = frozenset({"Failed", "Succeeded"})


class PodStrategy(Strategy[Pod]):
    """The rules of pods themselves; those of the spec are shared with templates."""

    shares_spec = True

    def default(self, obj: Pod) -> None:
        """The template's defaults, and those only pods get."""
        default_pod_spec(obj.spec)
        default_pod_object(obj.spec)

    def prepare_create(self, obj: Pod) -> None:
        """Pending, with the quality of service that its resources promise."""
        obj.metadata.generation = 1
        obj.status = PodStatus(phase="Pending", qos_class=qos_class(obj.spec))
        if obj.spec.scheduling_gates:
            obj.status.conditions.append(_gated(obj.metadata.creation_timestamp))

    def validate_create(self, obj: Pod) -> list[FieldError]:
        """The whole spec."""
        spec_errors = [*reference_errors("spec.volumes", obj.spec.volumes), *pod_spec_errors("spec", obj.spec)]
        return [*spec_errors, *self._errors_of_new(obj)]

    def judge(self, obj: Pod) -> tuple[list[FieldError], list[str]]:
        """Most specs are like one that was looked at."""
        return (self._errors_of_new(obj), []) if is_plain(obj.spec) else super().judge(obj)

    def _errors_of_new(self, obj: Pod) -> list[FieldError]:
        errors = []
        if obj.spec.ephemeral_containers:
            errors.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        if obj.spec.node_name and obj.spec.scheduling_gates:
            errors.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
        return errors

    def warnings(self, obj: Pod) -> list[str]:
        """What is hardly meant."""
        return pod_warnings("", obj.spec)

    def update_warnings(self, obj: Pod, old: Pod) -> list[str]:
        """None: programs update pods, people hardly ever, as upstream says."""
        del obj, old
        return []

    def prepare_update(self, obj: Pod, old: Pod) -> None:
        """The status has an endpoint of its own; a new generation when the spec changed."""
        obj.status = old.status
        same = semantically_equal(obj.spec, old.spec)
        obj.metadata.generation = old.metadata.generation if same else (old.metadata.generation or 0) + 1

    def validate_update(self, obj: Pod, old: Pod) -> list[FieldError]:
        """Almost nothing of a spec may change; what may must still be valid."""
        if obj.spec == old.spec:
            return []
        return [*pod_spec_errors("spec", obj.spec), *pod_spec_update_errors(obj.spec, old.spec)]


class PodStatusStrategy(Strategy[Pod]):
    """`/status`: only the status changes."""

    shares_spec = True

    def prepare_update(self, obj: Pod, old: Pod) -> None:
        """Keeps the spec, the owners and what was decided on creation."""
        obj.spec = old.spec
        obj.metadata.owner_references = old.metadata.owner_references
        obj.metadata.deletion_timestamp = old.metadata.deletion_timestamp
        obj.metadata.generation = old.metadata.generation
        obj.status.qos_class = obj.status.qos_class or old.status.qos_class

    def validate_update(self, obj: Pod, old: Pod) -> list[FieldError]:
        """The class of its resources was decided on creation."""
        return list(unchanged("status.qosClass", obj.status.qos_class, old.status.qos_class))


def _gated(now: str | None) -> PodCondition:
    return PodCondition(
        type="PodScheduled",
        status="False",
        reason="SchedulingGated",
        message=GATED,
        last_transition_time=now,
    )


def grace_period(obj: Pod, requested: int | None) -> int:
    """Seconds a pod has to stop: as asked, else as its spec says; none when nothing of it can be running."""
    if not obj.spec.node_name or obj.status.phase in TERMINAL_PHASES:
        return 0
    period = requested if requested is not None else obj.spec.termination_grace_period_seconds or 0
    return period if period >= 0 else 1


def _ready(obj: Pod, _: datetime) -> str:
    summary = summarize(obj)
    return f"{summary.ready}/{summary.total}"


def _readiness_gates(obj: Pod, _: datetime) -> str:
    gates = obj.spec.readiness_gates
    if not gates:
        return NONE
    true = {condition.type for condition in obj.status.conditions if condition.status == "True"}
    return f"{sum(gate.condition_type in true for gate in gates)}/{len(gates)}"


def _ip(obj: Pod, _: datetime) -> str:
    return (obj.status.pod_ips[0].ip if obj.status.pod_ips else obj.status.pod_ip) or NONE


def _fields(obj: Pod) -> dict[str, str]:
    return {
        "spec.nodeName": obj.spec.node_name or "",
        "spec.restartPolicy": obj.spec.restart_policy or "",
        "spec.schedulerName": obj.spec.scheduler_name or "",
        "spec.serviceAccountName": obj.spec.service_account_name or "",
        "spec.hostNetwork": "true" if obj.spec.host_network else "false",
        "status.phase": obj.status.phase or "",
        "status.podIP": _ip_field(obj),
        "status.nominatedNodeName": obj.status.nominated_node_name or "",
    }


def _ip_field(obj: Pod) -> str:
    return obj.status.pod_ips[0].ip if obj.status.pod_ips else obj.status.pod_ip or ""


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    type=Pod,
    namespaced=True,
    strategy=PodStrategy(),
    status=PodStatusStrategy(),
    share=lambda pod: share_source(pod.spec),
    subresources=(
        Subresource("attach", "PodAttachOptions", ("create", "get")),
        Subresource("binding", "Binding", ("create",)),
        Subresource("eviction", "Eviction", ("create",), "policy/v1"),
        Subresource("exec", "PodExecOptions", ("create", "get")),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
    ),
    short_names=("po",),
    categories=("all",),
    columns=(
        NAME,
        Column("Ready", _ready),
        Column("Status", lambda obj, _: summarize(obj).status),
        Column("Restarts", lambda obj, now: summarize(obj).restarts_text(now)),
        AGE,
        Column("IP", _ip, priority=1),
        Column("Node", lambda obj, _: obj.spec.node_name or NONE, priority=1),
        Column("Nominated Node", lambda obj, _: obj.status.nominated_node_name or NONE, priority=1),
        Column("Readiness Gates", _readiness_gates, priority=1),
    ),
    fields=_fields,
    grace=grace_period,
)
