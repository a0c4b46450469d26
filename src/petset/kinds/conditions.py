"""Validation of meta/v1 conditions, the form that newer kinds share (`ValidateConditions` of apimachinery)."""

from collections.abc import Iterator, Sequence

from petset.api.field import FieldError, duplicate, invalid, not_supported, required, too_long
from petset.api.names import condition_reason_errors, qualified_name_errors
from petset.api.types import Condition
from petset.kinds.checks import format_errors, required_errors

LONGEST_REASON = 1024
LONGEST_MESSAGE = 32 * 1024
_STATUSES = ("False", "True", "Unknown")


def conditions_errors(path: str, conditions: Sequence[Condition]) -> Iterator[FieldError]:
    """Everything wrong with the conditions of a status."""
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        if condition.type in seen:
            yield duplicate(f"{path}[{index}].type", condition.type)
        seen.add(condition.type)
        yield from _condition_errors(f"{path}[{index}]", condition)


def _condition_errors(path: str, condition: Condition) -> Iterator[FieldError]:
    yield from format_errors(f"{path}.type", condition.type, qualified_name_errors)
    if condition.status not in _STATUSES:
        yield not_supported(f"{path}.status", condition.status, _STATUSES)
    generation = condition.observed_generation
    if generation is not None and generation < 0:
        yield invalid(f"{path}.observedGeneration", generation, "must be greater than or equal to zero")
    if not condition.last_transition_time:
        yield required(f"{path}.lastTransitionTime")
    yield from required_errors(f"{path}.reason", condition.reason, condition_reason_errors)
    if len(condition.reason) > LONGEST_REASON:
        yield too_long(f"{path}.reason", LONGEST_REASON)
    if len(condition.message.encode()) > LONGEST_MESSAGE:
        yield too_long(f"{path}.message", LONGEST_MESSAGE)
