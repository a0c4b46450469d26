"""Nobody grants what they do not have: roles and bindings are checked before they are written.

Follows upstream's `registry/rbac` (policybased storage, escalation_check). Whoever may `escalate` a role, or `bind` it,
is exempt; so is a change that only lets the garbage collector do its work.
"""

from collections.abc import Sequence
from typing import Any

from petset.api.errors import BadRequest, Forbidden, NotFound
from petset.api.field import shown
from petset.api.meta import copy, semantically_equal
from petset.api.resources import Resource
from petset.api.types import ClusterRole, Object, PolicyRule
from petset.apiserver.authorization.attributes import Attributes, on
from petset.apiserver.authorization.authorizer import Authorizer, is_privileged
from petset.apiserver.authorization.rules import ALL, compacted, described, listed, missing
from petset.apiserver.request import Identity

_EVERYTHING = [
    PolicyRule(api_groups=[ALL], resources=[ALL], verbs=[ALL]),
    PolicyRule(non_resource_urls=[ALL], verbs=[ALL]),
]
_AGGREGATION = "must have cluster-admin privileges to use the aggregationRule"
_ROLE_PLURALS = {"ClusterRole": "clusterroles", "Role": "roles"}


def check_role(authorizer: Authorizer, user: Identity, resource: Resource[Any], obj: Any, old: Any) -> None:
    """Raises Forbidden when a role says more than `user` may do. `old` is None for a new one."""
    meta = obj.metadata
    escalation = on(user, "escalate", resource, meta.namespace, old.metadata.name if old else "")
    if is_privileged(user) or authorizer.decide(escalation).allowed or _serves_only_the_collector(obj, old):
        return
    refusal = _refusal(authorizer, user, obj.rules or (), meta.namespace, resource)
    if not refusal and (_aggregates(obj) or _aggregates(old)):
        # what is gathered can be anything, and letting go of it can hide that something was tightened
        refusal = _AGGREGATION if _refusal(authorizer, user, _EVERYTHING, "", resource) else ""
    if refusal:
        raise Forbidden.of(resource.group, resource.plural, meta.name, refusal)


def check_binding(authorizer: Authorizer, user: Identity, resource: Resource[Any], obj: Any, old: Any) -> None:
    """Raises Forbidden when the role of a binding says more than `user` may do, NotFound when there is no such role.

    The words are upstream's: it names the binding's resource beside the role's name.
    """
    ref, namespace = obj.role_ref, obj.metadata.namespace
    if is_privileged(user) or _serves_only_the_collector(obj, old) or ref.kind not in _ROLE_PLURALS:
        return
    group, plural = ref.api_group or "", _ROLE_PLURALS[ref.kind]
    if authorizer.decide(Attributes(user, "bind", group, plural, namespace=namespace, name=ref.name)).allowed:
        return
    if ref.kind == "Role" and not namespace:
        raise BadRequest("Namespace parameter required.")
    rules = authorizer.rules_of(ref, namespace)
    if rules is None:
        raise NotFound.of(resource.group, resource.plural, ref.name)
    refusal = _refusal(authorizer, user, rules, namespace, resource)
    if refusal:
        raise Forbidden.of(resource.group, resource.plural, obj.metadata.name, refusal)


def _refusal(
    authorizer: Authorizer, user: Identity, rules: Sequence[PolicyRule], namespace: str, resource: Resource[Any]
) -> str:
    """What of the rules `user` does not have, as upstream tells it; "" when nothing is missing.

    Upstream calls roles that it does not find by the resource that is written.
    """
    held, problem = authorizer.rules_for(user, namespace, resource.plural)
    lacking = compacted(missing(held, rules))
    if not lacking:
        return ""
    lines = "\n".join(sorted({described(rule) for rule in lacking}))
    who = f"user {shown(user.name)} (groups={listed(user.groups)})"
    text = f"{who} is attempting to grant RBAC permissions not currently held:\n{lines}"
    return f"{text}; resolution errors: [{problem}]" if problem else text


def _aggregates(obj: Object | None) -> bool:
    rule = obj.aggregation_rule if isinstance(obj, ClusterRole) else None
    return rule is not None and bool(rule.cluster_role_selectors)


def _serves_only_the_collector(obj: Object, old: Object | None) -> bool:
    if old is None:
        return False
    same = copy(obj)
    same.metadata.owner_references = old.metadata.owner_references
    same.metadata.finalizers = old.metadata.finalizers
    same.metadata.managed_fields = old.metadata.managed_fields
    return semantically_equal(same, old)
