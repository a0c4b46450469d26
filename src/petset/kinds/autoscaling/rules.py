"""Validation of how fast an autoscaler may scale."""

from collections.abc import Iterator

from petset.api.field import FieldError, invalid, not_supported, required
from petset.api.types import HPAScalingPolicy, HPAScalingRules
from petset.kinds.quantities import quantity_errors

LONGEST_PERIOD = 1800
LONGEST_WINDOW = 3600
_POLICY_TYPES = ("Percent", "Pods")
_SELECT_POLICIES = ("Disabled", "Max", "Min")


def rules_errors(path: str, rules: HPAScalingRules | None) -> Iterator[FieldError]:
    """Everything wrong with the rules of one direction."""
    if rules is None:
        return
    window = rules.stabilization_window_seconds
    if window is not None and window < 0:
        yield invalid(f"{path}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    if window is not None and window > LONGEST_WINDOW:
        text = f"must be less than or equal to {LONGEST_WINDOW}"
        yield invalid(f"{path}.stabilizationWindowSeconds", window, text)
    if rules.select_policy is not None and rules.select_policy not in _SELECT_POLICIES:
        yield not_supported(f"{path}.selectPolicy", rules.select_policy, _SELECT_POLICIES)
    if not rules.policies:
        yield required(f"{path}.policies", "must specify at least one Policy")
    for index, policy in enumerate(rules.policies):
        yield from _policy_errors(f"{path}.policies[{index}]", policy)
    if rules.tolerance is not None:
        yield from quantity_errors(f"{path}.tolerance", rules.tolerance)


def _policy_errors(path: str, policy: HPAScalingPolicy) -> Iterator[FieldError]:
    if policy.type not in _POLICY_TYPES:
        yield not_supported(f"{path}.type", policy.type, _POLICY_TYPES)
    if policy.value <= 0:
        yield invalid(f"{path}.value", policy.value, "must be greater than zero")
    if policy.period_seconds <= 0:
        yield invalid(f"{path}.periodSeconds", policy.period_seconds, "must be greater than zero")
    if policy.period_seconds > LONGEST_PERIOD:
        text = f"must be less than or equal to {LONGEST_PERIOD}"
        yield invalid(f"{path}.periodSeconds", policy.period_seconds, text)
