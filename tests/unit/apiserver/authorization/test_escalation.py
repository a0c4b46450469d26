"""Nobody grants what they do not have, unless they are trusted with that."""

import pytest

from petset.api.errors import BadRequest, Forbidden, NotFound
from petset.api.types import AggregationRule, ClusterRole, LabelSelector, Object, PolicyRule
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, PatchBody, Target, WriteOptions
from petset.kinds import CATALOGUE
from petset.kinds.rbac import GROUP
from tests.unit.apiserver.authorization.given import (
    MASTER,
    binding,
    cluster_binding,
    cluster_role,
    paths,
    role,
    rule,
    user,
)

PLAINLY = WriteOptions("tester")
ANN = Identity("ann", ("admins", "system:authenticated"))
HERS = cluster_role("hers", rule("get list", "pods"), paths("get", "/metrics"))


async def create(server: ApiServer, who: Identity, *objects: Object) -> None:
    for obj in objects:
        await server.create(who, Target(CATALOGUE.of(type(obj)), obj.metadata.namespace), obj, PLAINLY)


async def update(server: ApiServer, who: Identity, obj: Object) -> None:
    target = Target(CATALOGUE.of(type(obj)), obj.metadata.namespace, obj.metadata.name)
    await server.update(who, target, obj, PLAINLY)


@pytest.fixture
async def policy(server: ApiServer) -> ApiServer:
    """ann may read pods everywhere, and scrape."""
    await create(server, MASTER, HERS, cluster_binding("hers", "hers", user("ann")))
    return server


def gathering(**labels: str) -> ClusterRole:
    obj = cluster_role("all")
    obj.aggregation_rule = AggregationRule(cluster_role_selectors=[LabelSelector(match_labels=labels)])
    return obj


# --- roles ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rules", [[rule("get", "pods")], [rule("get", "pods"), rule("list", "pods")], []])
async def test_what_one_has_one_may_say_in_a_role(policy: ApiServer, rules: list[PolicyRule]) -> None:
    await create(policy, ANN, role("r", *rules), cluster_role("r", *rules))


async def test_what_one_has_not_is_refused_with_what_is_lacking(policy: ApiServer) -> None:
    with pytest.raises(Forbidden) as refusal:
        await create(policy, ANN, role("r", rule("get watch delete", "pods secrets", names="a"), rule("*", "*", "*")))
    assert refusal.value.message == (
        f'roles.{GROUP} "r" is forbidden: user "ann" (groups=["admins" "system:authenticated"]) is attempting to grant '
        "RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["watch" "delete"]}\n'
        '{APIGroups:[""], Resources:["secrets"], ResourceNames:["a"], Verbs:["get" "watch" "delete"]}\n'
        '{APIGroups:["*"], Resources:["*"], Verbs:["*"]}'
    )


async def test_what_one_has_in_a_namespace_one_may_grant_there(policy: ApiServer) -> None:
    wide = role("wide", rule("delete", "pods"))
    await create(policy, MASTER, wide, binding("b", "wide", user("ann")))
    await create(policy, ANN, role("r", rule("delete", "pods")))
    with pytest.raises(Forbidden):
        await create(policy, ANN, role("r", rule("delete", "pods"), namespace="kube-system"))
    with pytest.raises(Forbidden):
        await create(policy, ANN, cluster_role("r", rule("delete", "pods")))


async def test_a_role_cannot_be_widened_and_can_be_narrowed(policy: ApiServer) -> None:
    await create(policy, MASTER, role("r", rule("get", "pods")))
    with pytest.raises(Forbidden):
        await update(policy, ANN, role("r", rule("get delete", "pods")))
    await update(policy, ANN, role("r"))


async def test_of_a_role_beyond_ones_own_only_what_the_collector_needs_can_change(policy: ApiServer) -> None:
    await create(policy, MASTER, role("r", rule("delete", "pods")))
    target = Target(CATALOGUE.of(type(role("r"))), "default", "r")
    await policy.patch(ANN, target, PatchBody("merge", {"metadata": {"finalizers": ["a.example/b"]}}), PLAINLY)
    with pytest.raises(Forbidden):
        await policy.patch(ANN, target, PatchBody("merge", {"metadata": {"labels": {"a": "b"}}}), PLAINLY)


async def test_one_who_may_escalate_may_say_anything(policy: ApiServer) -> None:
    may = cluster_role("may", rule("escalate", "roles", GROUP))
    await create(policy, MASTER, may, binding("may", "may", user("ann"), kind="ClusterRole"))
    await create(policy, ANN, role("r", rule("*", "*", "*")))
    with pytest.raises(Forbidden):
        await create(policy, ANN, cluster_role("r", rule("*", "*", "*")))


async def test_only_an_administrator_lets_a_role_gather_others(policy: ApiServer) -> None:
    with pytest.raises(Forbidden, match="must have cluster-admin privileges to use the aggregationRule"):
        await create(policy, ANN, gathering(to="all"))
    await create(policy, MASTER, cluster_binding("ann", "cluster-admin", user("ann")))
    await create(policy, ANN, gathering(to="all"))


# --- bindings ---------------------------------------------------------------------------------------------------------


async def test_what_one_has_one_may_bind(policy: ApiServer) -> None:
    await create(policy, MASTER, role("less", rule("get", "pods")))
    await create(policy, ANN, cluster_binding("b", "hers", user("joe")), binding("b", "less", user("joe")))


async def test_what_one_has_not_one_may_not_bind(policy: ApiServer) -> None:
    with pytest.raises(Forbidden, match=rf'^rolebindings.{GROUP} "b" is forbidden: user "ann" .* not currently held:'):
        await create(policy, ANN, binding("b", "cluster-admin", user("ann"), kind="ClusterRole"))


async def test_one_who_may_bind_a_role_may_do_so_where_he_may(policy: ApiServer) -> None:
    may = role("may", rule("bind", "clusterroles", GROUP, names="cluster-admin"))
    await create(policy, MASTER, may, binding("may", "may", user("ann")))
    await create(policy, ANN, binding("b", "cluster-admin", user("joe"), kind="ClusterRole"))
    with pytest.raises(Forbidden):
        await create(policy, ANN, cluster_binding("b", "cluster-admin", user("joe")))


async def test_a_binding_beyond_ones_own_does_not_get_another_subject(policy: ApiServer) -> None:
    await create(policy, MASTER, binding("b", "cluster-admin", user("joe"), kind="ClusterRole"))
    with pytest.raises(Forbidden):
        await update(policy, ANN, binding("b", "cluster-admin", user("joe"), user("ann"), kind="ClusterRole"))


async def test_a_role_that_is_not_there_is_bound_by_those_only_who_need_not_have_it(policy: ApiServer) -> None:
    with pytest.raises(NotFound, match=rf'^rolebindings.{GROUP} "none" not found'):
        await create(policy, ANN, binding("b", "none", user("joe")))
    await create(policy, MASTER, binding("b", "none", user("joe")))


async def test_a_role_of_no_namespace_is_not_looked_for(policy: ApiServer) -> None:
    obj = cluster_binding("b", "hers", user("joe"))
    obj.role_ref.kind = "Role"
    with pytest.raises(BadRequest, match=r"^Namespace parameter required\.$"):
        await create(policy, ANN, obj)


async def test_a_refusal_tells_which_of_ones_roles_are_not_there(policy: ApiServer) -> None:
    await create(policy, MASTER, binding("b", "none", user("ann")))
    with pytest.raises(Forbidden) as refusal:
        await create(policy, ANN, role("r", rule("delete", "pods")))
    assert refusal.value.message.endswith(f'; resolution errors: [roles.{GROUP} "none" not found]')
