"""Roles and bindings in short form, and a policy over them."""

from petset.api.types import (
    ClusterRole,
    ClusterRoleBinding,
    ObjectMeta,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from petset.apiserver.request import Identity
from petset.kinds.rbac import GROUP

JANE = Identity("jane", ("devs", "system:authenticated"))
BUILDER = Identity("system:serviceaccount:ci:builder", ("system:serviceaccounts", "system:authenticated"))
MASTER = Identity("root", ("system:masters",))


def rule(verbs: str, resources: str = "", groups: str = "", names: str = "") -> PolicyRule:
    """`rule("get list", "pods", "")`; the empty word among the groups is the core group."""
    return PolicyRule(
        verbs=verbs.split(), resources=resources.split(), api_groups=groups.split(","), resource_names=names.split()
    )


def paths(verbs: str, urls: str) -> PolicyRule:
    return PolicyRule(verbs=verbs.split(), non_resource_urls=urls.split())


def user(name: str) -> Subject:
    return Subject(kind="User", name=name, api_group=GROUP)


def group(name: str) -> Subject:
    return Subject(kind="Group", name=name, api_group=GROUP)


def account(name: str, namespace: str | None = None) -> Subject:
    return Subject(kind="ServiceAccount", name=name, namespace=namespace)


def cluster_role(name: str, *rules: PolicyRule) -> ClusterRole:
    return ClusterRole(metadata=ObjectMeta(name=name), rules=list(rules))


def role(name: str, *rules: PolicyRule, namespace: str = "default") -> Role:
    return Role(metadata=ObjectMeta(name=name, namespace=namespace), rules=list(rules))


def cluster_binding(name: str, of: str, *subjects: Subject) -> ClusterRoleBinding:
    ref = RoleRef(api_group=GROUP, kind="ClusterRole", name=of)
    return ClusterRoleBinding(metadata=ObjectMeta(name=name), role_ref=ref, subjects=list(subjects))


def binding(name: str, of: str, *subjects: Subject, namespace: str = "default", kind: str = "Role") -> RoleBinding:
    ref = RoleRef(api_group=GROUP, kind=kind, name=of)
    return RoleBinding(metadata=ObjectMeta(name=name, namespace=namespace), role_ref=ref, subjects=list(subjects))
