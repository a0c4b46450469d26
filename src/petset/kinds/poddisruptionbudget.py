"""PodDisruptionBudget: how many pods of an application may be missing on purpose at one time."""

from collections.abc import Iterator
from typing import Any

from petset.api.field import FieldError, invalid
from petset.api.meta import semantically_equal
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus
from petset.kinds.checks import count_or_percent, label_selector, not_negative, optional_one_of
from petset.kinds.columns import AGE, NAME
from petset.kinds.conditions import conditions_errors

UNHEALTHY_POLICIES = ("AlwaysAllow", "IfHealthyBudget")


class PodDisruptionBudgetStrategy(Strategy[PodDisruptionBudget]):
    """Everything may change; the disruption controller counts anew."""

    allow_unconditional_update = False

    def prepare_create(self, obj: PodDisruptionBudget) -> None:
        """Nothing is counted yet, so no disruption is allowed."""
        obj.status = PodDisruptionBudgetStatus()
        obj.metadata.generation = 1

    def validate_create(self, obj: PodDisruptionBudget) -> list[FieldError]:
        """One measure, and a selector that some pods could match."""
        return list(_spec_errors(obj.spec))

    def prepare_update(self, obj: PodDisruptionBudget, old: PodDisruptionBudget) -> None:
        """The status has an endpoint of its own; a new generation when the spec means something else."""
        obj.status = old.status
        generation = old.metadata.generation or 0
        obj.metadata.generation = generation if semantically_equal(obj.spec, old.spec) else generation + 1

    def validate_update(self, obj: PodDisruptionBudget, old: PodDisruptionBudget) -> list[FieldError]:
        """As on creation."""
        return list(_spec_errors(obj.spec))


class PodDisruptionBudgetStatusStrategy(Strategy[PodDisruptionBudget]):
    """`/status`: only the status changes."""

    allow_unconditional_update = False

    def prepare_update(self, obj: PodDisruptionBudget, old: PodDisruptionBudget) -> None:
        """Keeps the spec."""
        obj.spec = old.spec
        obj.metadata.generation = old.metadata.generation

    def validate_update(self, obj: PodDisruptionBudget, old: PodDisruptionBudget) -> list[FieldError]:
        """Counters count."""
        status = obj.status
        errors = list(conditions_errors("status.conditions", status.conditions))
        for name, count in (
            ("disruptionsAllowed", status.disruptions_allowed),
            ("currentHealthy", status.current_healthy),
            ("desiredHealthy", status.desired_healthy),
            ("expectedPods", status.expected_pods),
        ):
            errors += not_negative(f"status.{name}", count)
        return errors


def _spec_errors(spec: PodDisruptionBudgetSpec) -> Iterator[FieldError]:
    if spec.min_available is not None and spec.max_unavailable is not None:
        yield invalid("spec", _internal(spec), "minAvailable and maxUnavailable cannot be both set")
    yield from count_or_percent("spec.minAvailable", spec.min_available)
    yield from count_or_percent("spec.maxUnavailable", spec.max_unavailable)
    yield from label_selector("spec.selector", spec.selector)
    path = "spec.unhealthyPodEvictionPolicy"
    yield from optional_one_of(path, spec.unhealthy_pod_eviction_policy, UNHEALTHY_POLICIES)


def _internal(spec: PodDisruptionBudgetSpec) -> dict[str, Any]:
    """The spec as upstream shows it: its internal form has no JSON names."""
    return {
        "MinAvailable": spec.min_available,
        "Selector": spec.selector,
        "MaxUnavailable": spec.max_unavailable,
        "UnhealthyPodEvictionPolicy": spec.unhealthy_pod_eviction_policy,
    }


def _measure(value: int | str | None) -> str:
    return "N/A" if value is None else str(value)


RESOURCE = Resource(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    type=PodDisruptionBudget,
    namespaced=True,
    strategy=PodDisruptionBudgetStrategy(),
    status=PodDisruptionBudgetStatusStrategy(),
    short_names=("pdb",),
    columns=(
        NAME,
        Column("Min Available", lambda obj, _: _measure(obj.spec.min_available)),
        Column("Max Unavailable", lambda obj, _: _measure(obj.spec.max_unavailable)),
        Column("Allowed Disruptions", lambda obj, _: obj.status.disruptions_allowed, type="integer"),
        AGE,
    ),
)
