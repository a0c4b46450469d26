"""The default roles and bindings: what a start adds to them, and what it leaves."""

import pytest

from petset.api.meta import copy
from petset.api.types import ClusterRole, ClusterRoleBinding, DeleteOptions
from petset.apiserver.authorization.bootstrap import reconcile_default_policy
from petset.apiserver.authorization.defaults import AUTOUPDATE, cluster_role_bindings, cluster_roles
from petset.apiserver.authorization.reconciliation import reconciled_binding, reconciled_role, refers_elsewhere
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Target
from petset.kinds import CATALOGUE
from petset.kinds.rbac import GROUP
from tests.unit.apiserver.authorization.given import MASTER, rule, user
from tests.unit.apiserver.calls import PLAINLY, fetch

BASIC = next(role for role in cluster_roles() if role.metadata.name == "system:basic-user")
ADMIN = next(role for role in cluster_roles() if role.metadata.name == "admin")
DISCOVERY = next(binding for binding in cluster_role_bindings() if binding.metadata.name == "system:discovery")
OWN = rule("get", "pods")


def test_what_is_as_it_should_be_is_not_written() -> None:
    assert reconciled_role(copy(BASIC), BASIC) is None
    assert reconciled_role(copy(ADMIN), ADMIN) is None
    assert reconciled_binding(copy(DISCOVERY), DISCOVERY) is None


def test_rules_that_lack_are_added_and_own_ones_stay() -> None:
    present = copy(BASIC)
    present.rules = [OWN]
    wanted = reconciled_role(present, BASIC)
    assert wanted is not None
    assert (wanted.rules or [])[0] == OWN
    assert reconciled_role(wanted, BASIC) is None


def test_labels_that_lack_are_added_and_own_values_stay() -> None:
    present = copy(BASIC)
    present.metadata.labels = {"kubernetes.io/bootstrapping": "mine", "team": "a"}
    present.metadata.annotations = {}
    wanted = reconciled_role(present, BASIC)
    assert wanted is not None
    assert wanted.metadata.labels == {"kubernetes.io/bootstrapping": "mine", "team": "a"}
    assert wanted.metadata.annotations == {AUTOUPDATE: "true"}


def test_a_role_gathers_again_what_it_should() -> None:
    present = copy(ADMIN)
    present.aggregation_rule = None
    wanted = reconciled_role(present, ADMIN)
    assert isinstance(wanted, ClusterRole)
    assert wanted.aggregation_rule == ADMIN.aggregation_rule
    present = copy(BASIC)
    present.aggregation_rule = ADMIN.aggregation_rule
    wanted = reconciled_role(present, BASIC)
    assert isinstance(wanted, ClusterRole)
    assert wanted.aggregation_rule is None


def test_subjects_that_lack_are_added_and_own_ones_stay() -> None:
    present = copy(DISCOVERY)
    present.subjects = [user("jane")]
    wanted = reconciled_binding(present, DISCOVERY)
    assert wanted is not None
    assert wanted.subjects == [user("jane"), *DISCOVERY.subjects]


def test_what_says_so_is_not_touched() -> None:
    role, binding = copy(BASIC), copy(DISCOVERY)
    for obj in (role, binding):
        obj.metadata.annotations = {AUTOUPDATE: "false"}
    role.rules, binding.subjects = [], []
    binding.role_ref.name = "other"
    assert reconciled_role(role, BASIC) is None
    assert reconciled_binding(binding, DISCOVERY) is None
    assert not refers_elsewhere(binding, DISCOVERY)


async def test_a_start_restores_what_was_removed(server: ApiServer) -> None:
    role = await fetch(server, ClusterRole, "system:basic-user")
    role.rules = [OWN]
    await server.update(MASTER, Target(CATALOGUE.of(ClusterRole), "", role.metadata.name), role, PLAINLY)
    await reconcile_default_policy(server)
    assert len((await fetch(server, ClusterRole, "system:basic-user")).rules or []) == 4


async def test_a_default_binding_of_another_role_is_made_anew(server: ApiServer) -> None:
    target = Target(CATALOGUE.of(ClusterRoleBinding), "", "system:discovery")
    await server.delete(MASTER, target, DeleteOptions())
    other = copy(DISCOVERY)
    other.role_ref.name = "view"
    await server.create(MASTER, Target(CATALOGUE.of(ClusterRoleBinding)), other, PLAINLY)
    await reconcile_default_policy(server)
    found = await fetch(server, ClusterRoleBinding, "system:discovery")
    assert found.role_ref == DISCOVERY.role_ref


@pytest.mark.parametrize("role", cluster_roles(), ids=lambda role: role.metadata.name)
def test_every_default_role_is_valid(role: ClusterRole) -> None:
    strategy = CATALOGUE.of(ClusterRole).strategy
    assert strategy.validate_create(role) == []
    assert strategy.name_errors(role.metadata.name) == []


def test_every_default_binding_refers_to_a_default_role() -> None:
    names = {role.metadata.name for role in cluster_roles()}
    assert {binding.role_ref.name for binding in cluster_role_bindings()} <= names
    assert {binding.role_ref.api_group for binding in cluster_role_bindings()} == {GROUP}
