"""What a disruption budget's status says: counters, and the condition that follows from them. Pure.

The disruption controller and the eviction both write it. Follows component-helpers' `apps/poddisruptionbudget`.
"""

from datetime import datetime

from petset.api.meta import get_condition, set_condition
from petset.api.types import Condition, PodDisruptionBudget

CONDITION = "DisruptionAllowed"
SUFFICIENT = "SufficientPods"
INSUFFICIENT = "InsufficientPods"
SYNC_FAILED = "SyncFailed"


def decide_condition(budget: PodDisruptionBudget, now: datetime) -> None:
    """Makes the condition say what `status.disruptionsAllowed` means, in place."""
    allowed = budget.status.disruptions_allowed > 0
    condition = Condition(
        type=CONDITION,
        status="True" if allowed else "False",
        reason=SUFFICIENT if allowed else INSUFFICIENT,
        observed_generation=budget.status.observed_generation,
    )
    set_condition(budget.status.conditions, condition, now)


def says_what_it_means(budget: PodDisruptionBudget) -> bool:
    """Whether the condition goes with the counters, and both with the spec."""
    condition = get_condition(budget.status.conditions, CONDITION)
    if condition is None or budget.status.observed_generation != budget.metadata.generation:
        return False
    if budget.status.disruptions_allowed > 0:
        return (condition.status, condition.reason) == ("True", SUFFICIENT)
    return (condition.status, condition.reason) == ("False", INSUFFICIENT)
