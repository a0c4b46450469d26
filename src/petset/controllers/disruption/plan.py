"""From the pods of a budget to its status. Pure.

A budget that cannot be worked out allows nothing, and says why.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from petset.api.meta import (
    controller_of,
    copy,
    is_pod_ready,
    is_terminating,
    parse_time,
    semantically_equal,
    set_condition,
)
from petset.api.types import Condition, LabelSelector, Pod, PodDisruptionBudget, PodDisruptionBudgetStatus
from petset.controllers.disruption.model import Observed, Plan, Remark
from petset.kinds.disruption import CONDITION, SYNC_FAILED, decide_condition, says_what_it_means

DELETION_PATIENCE = timedelta(minutes=2)
"""How long a pod that was evicted may take to be seen as deleted."""


class _Unknown(Exception):
    """The number of pods there should be cannot be worked out."""


@dataclass(frozen=True, slots=True)
class _Counts:
    expected: int
    desired_healthy: int


def plan(observed: Observed) -> Plan:
    """What the status of a budget should say."""
    budget, pods = observed.budget, observed.pods
    remarks = [] if pods else [Remark(budget, "Normal", "NoPods", "No matching pods found")]
    try:
        counts, unmanaged = _counts(observed)
    except _Unknown as error:
        text = f"Failed to calculate the number of expected pods: {error}"
        remarks.append(Remark(budget, "Warning", "CalculateExpectedPodCountFailed", text))
        return Plan(_failed(budget, str(error), observed.now), remarks=tuple(remarks))
    if unmanaged:
        remarks.append(Remark(budget, "Warning", "UnmanagedPods", _unmanaged_text(budget.spec.selector)))
    disrupted, overdue = _disrupted(observed)
    remarks += [_not_deleted(budget, pod) for pod in overdue]
    status = _status(observed, counts, disrupted)
    return Plan(status, _look_again(disrupted.values(), observed.now), tuple(remarks))


# --- how many there should be -----------------------------------------------------------------------------------------


def _counts(observed: Observed) -> tuple[_Counts, bool]:
    """How many pods there should be and be healthy; and whether some have no controller to tell."""
    spec = observed.budget.spec
    if spec.max_unavailable is not None:
        expected, unmanaged = _scale(observed)
        return _Counts(expected, max(expected - _share(spec.max_unavailable, expected), 0)), unmanaged
    if isinstance(spec.min_available, int):
        return _Counts(len(observed.pods), spec.min_available), False
    if spec.min_available is not None:
        expected, unmanaged = _scale(observed)
        return _Counts(expected, _share(spec.min_available, expected)), unmanaged
    return _Counts(0, 0), False


def _scale(observed: Observed) -> tuple[int, bool]:
    """The replicas of all controllers of the pods together."""
    scales: dict[str, int] = {}
    unmanaged = False
    for pod in observed.pods:
        owner = controller_of(pod)
        if owner is None:
            unmanaged = True
            continue
        scale = observed.scales.get(owner.uid, f'found no controllers for pod "{pod.metadata.name}"')
        if isinstance(scale, str):
            raise _Unknown(scale)
        scales[owner.uid] = scale
    return sum(scales.values()), unmanaged


def _share(value: int | str, whole: int) -> int:
    """A number, or a percentage rounded up."""
    if isinstance(value, int):
        return value
    return -(-int(value.removesuffix("%")) * whole // 100)


# --- how many there are -----------------------------------------------------------------------------------------------


def _disrupted(observed: Observed) -> tuple[dict[str, str], list[Pod]]:
    """The evicted pods that are still to be seen as deleted, and those for which that takes too long."""
    noted = observed.budget.status.disrupted_pods
    waiting: dict[str, str] = {}
    overdue: list[Pod] = []
    for pod in observed.pods:
        since = noted.get(pod.metadata.name)
        if since is None or is_terminating(pod):
            continue
        if parse_time(since) + DELETION_PATIENCE < observed.now:
            overdue.append(pod)
        else:
            waiting[pod.metadata.name] = since
    return waiting, overdue


def _status(observed: Observed, counts: _Counts, disrupted: dict[str, str]) -> PodDisruptionBudgetStatus | None:
    budget, old = observed.budget, observed.budget.status
    healthy = sum(_is_healthy(pod, disrupted) for pod in observed.pods)
    allowed = max(healthy - counts.desired_healthy, 0) if counts.expected > 0 else 0
    status = PodDisruptionBudgetStatus(
        current_healthy=healthy,
        desired_healthy=counts.desired_healthy,
        expected_pods=counts.expected,
        disruptions_allowed=allowed,
        disrupted_pods=disrupted,
        observed_generation=budget.metadata.generation,
        conditions=old.conditions,
    )
    if semantically_equal(status, old) and says_what_it_means(budget):
        return None
    changed = copy(budget)
    changed.status = copy(status)
    decide_condition(changed, observed.now)
    return changed.status


def _is_healthy(pod: Pod, disrupted: dict[str, str]) -> bool:
    return not is_terminating(pod) and pod.metadata.name not in disrupted and is_pod_ready(pod)


def _look_again(disrupted: Iterable[str], now: datetime) -> float | None:
    """Seconds until the first evicted pod is overdue."""
    due = [(parse_time(since) + DELETION_PATIENCE - now).total_seconds() for since in disrupted]
    return min(due, default=None)


# --- what there is to say ---------------------------------------------------------------------------------------------


def _failed(budget: PodDisruptionBudget, why: str, now: datetime) -> PodDisruptionBudgetStatus | None:
    status = copy(budget.status)
    status.disruptions_allowed = 0
    condition = Condition(
        type=CONDITION,
        status="False",
        reason=SYNC_FAILED,
        message=why,
        observed_generation=status.observed_generation,
    )
    set_condition(status.conditions, condition, now)
    return None if semantically_equal(status, budget.status) else status


def _unmanaged_text(selector: LabelSelector | None) -> str:
    return (
        f"Pods selected by this PodDisruptionBudget (selector: {_go_text(selector)}) were found to be unmanaged. As a "
        "result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To "
        'account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
    )


def _go_text(selector: LabelSelector | None) -> str:
    """A selector as Go programs print it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {selector.match_labels[key]}," for key in sorted(selector.match_labels))
    terms = "".join(
        f"LabelSelectorRequirement{{Key:{term.key},Operator:{term.operator},Values:[{' '.join(term.values)}],}},"
        for term in selector.match_expressions
    )
    fields = f"MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{terms}}},"
    return f"&LabelSelector{{{fields}}}"


def _not_deleted(budget: PodDisruptionBudget, pod: Pod) -> Remark:
    place = f"{budget.metadata.namespace}/{budget.metadata.name}"
    return Remark(pod, "Warning", "NotDeleted", f"Pod was expected by PDB {place} to be deleted but it wasn't")
