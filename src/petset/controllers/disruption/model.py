"""What one decision about a disruption budget looks at, and what it says. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from petset.api.types import Pod, PodDisruptionBudget, PodDisruptionBudgetStatus

Scale = int | str
"""The replicas that the controller of a pod wants; a text says why that is not known."""


@dataclass(frozen=True, slots=True)
class Observed:
    """A budget, the pods it selects, and the scale of what controls them, by the controller's uid."""

    budget: PodDisruptionBudget
    pods: tuple[Pod, ...]
    scales: Mapping[str, Scale]
    now: datetime


@dataclass(frozen=True, slots=True)
class Remark:
    """An event to record, about the budget or about one of its pods."""

    about: PodDisruptionBudget | Pod
    type: Literal["Normal", "Warning"]
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The status as it should be, None when it is so already; and when to look again, in seconds."""

    status: PodDisruptionBudgetStatus | None = None
    look_again: float | None = None
    remarks: tuple[Remark, ...] = ()

    def __str__(self) -> str:
        if self.status is None:
            return "nothing to do"
        return f"allow {self.status.disruptions_allowed} disruptions of {self.status.expected_pods} pods"
