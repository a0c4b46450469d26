"""Validation of when a container is started again."""

from collections.abc import Iterator

from petset.api.field import FieldError, required, too_many
from petset.api.types import Container, ContainerRestartRule
from petset.kinds.checks import optional_one_of

_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_OPERATORS = ("In", "NotIn")
_MOST_RULES, _MOST_EXIT_CODES = 20, 255


def restart_errors(path: str, container: Container) -> Iterator[FieldError]:
    """A policy of the container's own, and rules for single exit codes, which go with such a policy only."""
    rules = container.restart_policy_rules
    if rules and container.restart_policy is None:
        yield required(f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used")
    yield from optional_one_of(f"{path}.restartPolicy", container.restart_policy, _POLICIES)
    if len(rules) > _MOST_RULES:
        yield too_many(f"{path}.restartPolicyRules", len(rules), _MOST_RULES)
    for index, rule in enumerate(rules):
        yield from _rule_errors(f"{path}.restartPolicyRules[{index}]", rule)


def _rule_errors(path: str, rule: ContainerRestartRule) -> Iterator[FieldError]:
    yield from optional_one_of(f"{path}.action", rule.action, _ACTIONS)
    if rule.exit_codes is None:
        yield required(f"{path}.exitCodes", "must be specified")
        return
    yield from optional_one_of(f"{path}.exitCodes.operator", rule.exit_codes.operator, _OPERATORS)
    count = len(rule.exit_codes.values)
    if count > _MOST_EXIT_CODES:
        yield too_many(f"{path}.exitCodes.values", count, _MOST_EXIT_CODES)
