"""What one rule allows, and whether rules cover others. Pure: upstream's `rbac/v1` and `rbac/validation` helpers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from petset.api.field import shown
from petset.api.types import PolicyRule
from petset.apiserver.authorization.attributes import Attributes

ALL = "*"

Simple: TypeAlias = tuple[str, str, str | None]
"""The group, resource and object name (None: all) of a rule that has one of each."""


def allows(rule: PolicyRule, asked: Attributes) -> bool:
    """Whether the rule lets this be done."""
    if ALL not in rule.verbs and asked.verb not in rule.verbs:
        return False
    if asked.path is not None:
        return any(_path_covers(url, asked.path) for url in rule.non_resource_urls)
    if ALL not in rule.api_groups and asked.group not in rule.api_groups:
        return False
    if rule.resource_names and asked.name not in rule.resource_names:
        return False
    return _names_resource(rule.resources, asked.whole_resource, asked.subresource)


def _names_resource(resources: Sequence[str], whole: str, subresource: str) -> bool:
    if ALL in resources or whole in resources:
        return True
    return bool(subresource) and f"*/{subresource}" in resources


def _path_covers(owner: str, path: str) -> bool:
    return owner in (ALL, path) or (owner.endswith("*") and path.startswith(owner.rstrip("*")))


# --- covering ---------------------------------------------------------------------------------------------------------


def missing(held: Sequence[PolicyRule], wanted: Iterable[PolicyRule]) -> list[PolicyRule]:
    """The parts of the wanted rules, each as small as can be, that no single held rule covers."""
    return [part for rule in wanted for part in broken_down(rule) if not any(_covers(own, part) for own in held)]


def broken_down(rule: PolicyRule) -> Iterator[PolicyRule]:
    """The rule as rules of one verb on one resource, one object, one path."""
    for group in rule.api_groups:
        for resource in rule.resources:
            for verb in rule.verbs:
                for names in [[name] for name in rule.resource_names] or [[]]:
                    yield PolicyRule(api_groups=[group], resources=[resource], resource_names=names, verbs=[verb])
    for url in rule.non_resource_urls:
        for verb in rule.verbs:
            yield PolicyRule(non_resource_urls=[url], verbs=[verb])


def _covers(held: PolicyRule, part: PolicyRule) -> bool:
    return (
        _has_all(held.verbs, part.verbs)
        and _has_all(held.api_groups, part.api_groups)
        and all(_resource_covered(held.resources, resource) for resource in part.resources)
        and (
            not held.resource_names
            or (bool(part.resource_names) and set(part.resource_names) <= set(held.resource_names))
        )
        and all(any(_path_covers(own, url) for own in held.non_resource_urls) for url in part.non_resource_urls)
    )


def _has_all(held: Sequence[str], wanted: Sequence[str]) -> bool:
    return ALL in held or all(word in held for word in wanted)


def _resource_covered(held: Sequence[str], wanted: str) -> bool:
    return _names_resource(held, wanted, wanted.partition("/")[2])


# --- telling ----------------------------------------------------------------------------------------------------------


def compacted(parts: Iterable[PolicyRule]) -> list[PolicyRule]:
    """Broken-down rules that differ only in their verb, as one."""
    others: list[PolicyRule] = []
    simple: dict[Simple, PolicyRule] = {}
    for part in parts:
        key = _simple(part)
        if key is None:
            others.append(part)
        elif key in simple:
            simple[key].verbs += part.verbs
        else:
            names = list(part.resource_names)
            simple[key] = PolicyRule(
                api_groups=[key[0]], resources=[key[1]], resource_names=names, verbs=list(part.verbs)
            )
    return others + list(simple.values())


def _simple(rule: PolicyRule) -> Simple | None:
    one_each = len(rule.api_groups) == 1 and len(rule.resources) == 1 and len(rule.resource_names) < 2
    if not one_each or rule.non_resource_urls:
        return None
    return rule.api_groups[0], rule.resources[0], rule.resource_names[0] if rule.resource_names else None


def described(rule: PolicyRule) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`: as refusals show it."""
    parts = (
        ("APIGroups", rule.api_groups),
        ("Resources", rule.resources),
        ("NonResourceURLs", rule.non_resource_urls),
        ("ResourceNames", rule.resource_names),
        ("Verbs", rule.verbs),
    )
    return "{" + ", ".join(f"{name}:{listed(words)}" for name, words in parts if words) + "}"


def listed(words: Iterable[str]) -> str:
    """`["get" "list"]`: Go's form of a list of quoted words."""
    return f"[{' '.join(shown(word) for word in words)}]"
