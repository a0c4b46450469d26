"""Validation of what decides where a pod runs: tolerations, affinities, spread constraints."""

from collections.abc import Iterator, Sequence

from petset.api.field import FieldError, duplicate, forbidden, invalid, required
from petset.api.names import dns1123_label_errors, label_value_errors, qualified_name_errors
from petset.api.types import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    Toleration,
    TopologySpreadConstraint,
)
from petset.kinds.checks import format_errors, label_selector, optional_one_of, selector_values

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def tolerations_errors(path: str, tolerations: Sequence[Toleration]) -> Iterator[FieldError]:
    """Everything wrong with tolerations."""
    for index, toleration in enumerate(tolerations):
        yield from _toleration_errors(f"{path}[{index}]", toleration)


def added_tolerations_errors(path: str, new: Sequence[Toleration], old: Sequence[Toleration]) -> Iterator[FieldError]:
    """A running pod may only get more tolerations, or other tolerationSeconds in those it has."""
    kept = [_without_seconds(toleration) for toleration in new]
    if any(_without_seconds(toleration) not in kept for toleration in old):
        yield forbidden(path, "existing toleration can not be modified except its tolerationSeconds")


def affinity_errors(path: str, affinity: Affinity | None) -> Iterator[FieldError]:
    """Everything wrong with the affinities of a pod."""
    if affinity is None:
        return
    if affinity.node_affinity is not None:
        yield from _node_affinity_errors(f"{path}.nodeAffinity", affinity.node_affinity)
    for place, terms in (("podAffinity", affinity.pod_affinity), ("podAntiAffinity", affinity.pod_anti_affinity)):
        if terms is not None:
            yield from _pod_affinity_errors(f"{path}.{place}", terms)


def node_selector_errors(path: str, selector: NodeSelector) -> Iterator[FieldError]:
    """A choice of nodes; volumes that live on one node have it too."""
    if not selector.node_selector_terms:
        yield required(f"{path}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(selector.node_selector_terms):
        yield from _term_errors(f"{path}.nodeSelectorTerms[{index}]", term)


def spread_errors(path: str, constraints: Sequence[TopologySpreadConstraint]) -> Iterator[FieldError]:
    """Everything wrong with topology spread constraints."""
    pairs: set[str] = set()
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        if constraint.max_skew <= 0:
            yield invalid(f"{where}.maxSkew", constraint.max_skew, "must be greater than zero")
        yield from _topology_key(where, constraint.topology_key)
        yield from optional_one_of(
            f"{where}.whenUnsatisfiable", constraint.when_unsatisfiable, ("DoNotSchedule", "ScheduleAnyway")
        )
        yield from _spread_detail_errors(where, constraint)
        pair = f"{{{constraint.topology_key}, {constraint.when_unsatisfiable}}}"
        if pair in pairs:
            yield duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", pair)
        pairs.add(pair)


def _spread_detail_errors(path: str, constraint: TopologySpreadConstraint) -> Iterator[FieldError]:
    least = constraint.min_domains
    if least is not None and least <= 0:
        yield invalid(f"{path}.minDomains", least, "must be greater than zero")
    if least is not None and constraint.when_unsatisfiable != "DoNotSchedule":
        rule = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {constraint.when_unsatisfiable}"
        yield invalid(f"{path}.minDomains", least, rule)
    for place, policy in (
        ("nodeAffinityPolicy", constraint.node_affinity_policy),
        ("nodeTaintsPolicy", constraint.node_taints_policy),
    ):
        yield from optional_one_of(f"{path}.{place}", policy, ("Honor", "Ignore"))
    yield from label_selector(f"{path}.labelSelector", constraint.label_selector)
    if constraint.match_label_keys and constraint.label_selector is None:
        yield forbidden(f"{path}.matchLabelKeys", "must not be specified when labelSelector is not set")


def _without_seconds(toleration: Toleration) -> tuple[str, ...]:
    parts = (toleration.key, toleration.operator, toleration.value, toleration.effect)
    return tuple(part or "" for part in parts)


def _toleration_errors(path: str, toleration: Toleration) -> Iterator[FieldError]:
    key, operator = toleration.key or "", toleration.operator or "Equal"
    if key:
        yield from format_errors(f"{path}.key", key, qualified_name_errors)
    elif operator != "Exists":
        rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid(f"{path}.operator", toleration.operator or "", rule)
    if toleration.toleration_seconds is not None and toleration.effect != "NoExecute":
        rule = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        yield invalid(f"{path}.effect", toleration.effect or "", rule)
    if operator == "Equal":
        messages = label_value_errors(toleration.value or "")
        if messages:
            yield invalid(f"{path}.operator", toleration.value, ";".join(messages))
    elif operator == "Exists" and toleration.value:
        yield invalid(f"{path}.operator", toleration.value, "value must be empty when `operator` is 'Exists'")
    yield from optional_one_of(f"{path}.operator", operator, ("Equal", "Exists"))
    yield from optional_one_of(f"{path}.effect", toleration.effect or None, TAINT_EFFECTS)


def _node_affinity_errors(path: str, affinity: NodeAffinity) -> Iterator[FieldError]:
    wanted = affinity.required_during_scheduling_ignored_during_execution
    if wanted is not None:
        yield from node_selector_errors(f"{path}.requiredDuringSchedulingIgnoredDuringExecution", wanted)
    for index, preferred in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        yield from _weight(where, preferred.weight)
        yield from _term_errors(f"{where}.preference", preferred.preference)


def _term_errors(path: str, term: NodeSelectorTerm) -> Iterator[FieldError]:
    for index, requirement in enumerate(term.match_expressions):
        where = f"{path}.matchExpressions[{index}]"
        yield from _requirement_errors(where, requirement)
        yield from format_errors(f"{where}.key", requirement.key, qualified_name_errors)
    for index, requirement in enumerate(term.match_fields):
        where = f"{path}.matchFields[{index}]"
        if requirement.operator not in {"In", "NotIn"}:
            yield invalid(f"{where}.operator", requirement.operator, "not a valid selector operator")
        elif len(requirement.values) != 1:
            rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
            yield required(f"{where}.values", rule)
        if requirement.key != "metadata.name":
            yield invalid(f"{where}.key", requirement.key, "not a valid field selector key")


def _requirement_errors(path: str, requirement: NodeSelectorRequirement) -> Iterator[FieldError]:
    if requirement.operator in {"In", "NotIn", "Exists", "DoesNotExist"}:
        yield from selector_values(path, requirement.operator, requirement.values)
    elif requirement.operator in {"Gt", "Lt"}:
        if len(requirement.values) != 1:
            yield required(f"{path}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        yield invalid(f"{path}.operator", requirement.operator, "not a valid selector operator")


def _pod_affinity_errors(path: str, affinity: PodAffinity | PodAntiAffinity) -> Iterator[FieldError]:
    for index, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        yield from _pod_term_errors(f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]", term)
    for index, weighted in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        yield from _weight(where, weighted.weight)
        yield from _pod_term_errors(f"{where}.podAffinityTerm", weighted.pod_affinity_term)


def _pod_term_errors(path: str, term: PodAffinityTerm) -> Iterator[FieldError]:
    yield from label_selector(f"{path}.labelSelector", term.label_selector)
    yield from label_selector(f"{path}.namespaceSelector", term.namespace_selector)
    for name in term.namespaces:
        yield from format_errors(f"{path}.namespace", name, dns1123_label_errors)
    yield from _topology_key(path, term.topology_key)
    if not term.topology_key:
        yield from format_errors(f"{path}.topologyKey", term.topology_key, qualified_name_errors)


def _topology_key(path: str, key: str) -> Iterator[FieldError]:
    if not key:
        yield required(f"{path}.topologyKey", "can not be empty")
    else:
        yield from format_errors(f"{path}.topologyKey", key, qualified_name_errors)


def _weight(path: str, weight: int) -> Iterator[FieldError]:
    if not 1 <= weight <= 100:
        yield invalid(f"{path}.weight", weight, "must be in the range 1-100")
