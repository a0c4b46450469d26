"""Roles are gathered through the real controller over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.types import ClusterRole, ObjectMeta, PolicyRule
from petset.apiserver.authorization.authorizer import PRIVILEGED
from petset.apiserver.local import LocalClient
from petset.apiserver.request import Identity
from petset.controllers.aggregation.controller import NAME, ClusterRoleAggregation
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

EDIT = {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}
GAMES = PolicyRule(verbs=["get"], api_groups=["games.example"], resources=["chess"])


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        account = Identity(f"system:serviceaccount:kube-system:{NAME}", ("system:authenticated",))
        client = LocalClient(cluster.server, account, NAME)
        cluster.client = LocalClient(cluster.server, Identity("root", (PRIVILEGED,)), "tester")
        cluster.start(ClusterRoleAggregation(client, cluster.informers, cluster.clock))
        await cluster.settle()
        yield cluster


async def rules(cluster: ToyCluster, name: str) -> list[PolicyRule]:
    return (await cluster.get(ClusterRole, name)).rules or []


async def test_admin_holds_edit_and_edit_holds_view(cluster: ToyCluster) -> None:
    view, edit, admin = [await rules(cluster, name) for name in ("view", "edit", "admin")]
    own = await rules(cluster, "system:aggregate-to-admin")
    assert all(rule in edit for rule in view)
    assert all(rule in admin for rule in [*edit, *own])
    assert not any("secrets" in rule.resources for rule in view)
    assert any("secrets" in rule.resources for rule in edit)


async def test_the_rules_belong_to_the_controller(cluster: ToyCluster) -> None:
    entries = (await cluster.get(ClusterRole, "view")).metadata.managed_fields
    assert [(entry.manager, entry.operation) for entry in entries] == [(NAME, "Apply"), ("kube-apiserver", "Update")]
    assert entries[0].fields_v1 == {"f:rules": {}}


async def test_a_role_with_the_label_is_added_and_taken_out_again(cluster: ToyCluster) -> None:
    await cluster.create(ClusterRole(metadata=ObjectMeta(name="games", labels=EDIT), rules=[GAMES]))
    assert GAMES in await rules(cluster, "edit")
    assert GAMES in await rules(cluster, "admin")
    assert GAMES not in await rules(cluster, "view")
    await cluster.delete(ClusterRole, "games")
    assert GAMES not in await rules(cluster, "edit")
    assert GAMES not in await rules(cluster, "admin")


async def test_what_somebody_adds_by_hand_does_not_stay(cluster: ToyCluster) -> None:
    before = await rules(cluster, "view")

    def add(role: ClusterRole) -> None:
        role.rules = [*(role.rules or []), GAMES]

    await cluster.change(ClusterRole, "view", "", add)
    assert await rules(cluster, "view") == before
