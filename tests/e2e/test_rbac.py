"""Roles through kubectl: made, bound, asked about, and kept to."""

from collections.abc import Iterator

import pytest

from tests.e2e.conftest import kubectl_namespace
from tests.e2e.kubectl import Kubectl
from tests.e2e.server import Server

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

AGGREGATED = """
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {name}
  labels: {{rbac.authorization.k8s.io/aggregate-to-view: "true"}}
rules: [{{apiGroups: [games.example], resources: [chess], verbs: [get]}}]
"""
RECONCILED = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: reconciled, namespace: {namespace}}}
rules: [{{apiGroups: [""], resources: [secrets], verbs: [{verb}]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: reconciled, namespace: {namespace}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: reconciled}}
subjects: [{{apiGroup: rbac.authorization.k8s.io, kind: User, name: rosa}}]
"""


@pytest.fixture(scope="module")
def reader(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl in a namespace where jane, and the account `robot`, may read configmaps."""
    with kubectl_namespace(server, tmp_path_factory) as kubectl:
        kubectl("create", "serviceaccount", "robot")
        kubectl("create", "configmap", "settings")
        kubectl("create", "role", "reader", "--verb=get,list,watch", "--resource=configmaps")
        account = f"{kubectl.namespace}:robot"
        kubectl("create", "rolebinding", "readers", "--role=reader", "--user=jane", f"--serviceaccount={account}")
        yield kubectl


def test_what_a_role_says_can_be_done(reader: Kubectl) -> None:
    robot = f"system:serviceaccount:{reader.namespace}:robot"
    for user in ("jane", robot):
        assert "settings" in reader("get", "configmaps", "--as", user)
        assert reader("auth", "can-i", "list", "configmaps", "--as", user) == "yes\n"


def test_what_no_role_says_cannot_be_done(reader: Kubectl) -> None:
    assert reader.fails("get", "secrets", "--as", "jane") == (
        'Error from server (Forbidden): secrets is forbidden: User "jane" cannot list resource "secrets" '
        f'in API group "" in the namespace "{reader.namespace}"\n'
    )
    assert reader.fails("delete", "configmap", "settings", "--as", "jane") == (
        'Error from server (Forbidden): configmaps "settings" is forbidden: User "jane" cannot delete resource '
        f'"configmaps" in API group "" in the namespace "{reader.namespace}"\n'
    )
    assert "at the cluster scope" in reader.fails("get", "configmaps", "-A", "--as", "jane")
    done = reader.run("auth", "can-i", "delete", "configmaps", "--as", "jane")
    assert (done.returncode, done.stdout) == (1, "no\n")


def test_the_default_account_of_pods_may_do_nothing(reader: Kubectl) -> None:
    account = f"system:serviceaccount:{reader.namespace}:default"
    for verb, resource in (("get", "pods"), ("list", "secrets"), ("create", "configmaps")):
        assert reader.run("auth", "can-i", verb, resource, "--as", account).stdout == "no\n"
    allowed = reader("auth", "can-i", "--list", "--as", account)
    assert "selfsubjectreviews.authentication.k8s.io" in allowed
    assert "configmaps" not in allowed


def test_what_one_may_do_is_listed(reader: Kubectl) -> None:
    lines = [line.split() for line in reader("auth", "can-i", "--list", "--as", "jane").splitlines()]
    assert ["configmaps", "[]", "[]", "[get", "list", "watch]"] in lines


def test_one_is_told_who_one_is(reader: Kubectl) -> None:
    shown = reader("auth", "whoami", "--as", "jane", "--as-group", "devs", "--as-uid", "7")
    rows = {line.split()[0]: line.split(None, 1)[1].strip() for line in shown.splitlines()[1:]}
    assert rows == {"Username": "jane", "UID": "7", "Groups": "[devs system:authenticated]"}
    assert "kubernetes-admin" in reader("auth", "whoami")


def test_a_policy_is_reconciled(reader: Kubectl) -> None:
    for verb in ("get", "list"):
        policy = RECONCILED.format(namespace=reader.namespace, verb=verb)
        assert "role.rbac.authorization.k8s.io/reconciled reconciled" in reader(
            "auth", "reconcile", "-f", "-", stdin=policy
        )
    for verb in ("get", "list"):
        assert reader("auth", "can-i", verb, "secrets", "--as", "rosa") == "yes\n"


def test_nobody_grants_what_he_does_not_have(reader: Kubectl) -> None:
    name = "granting"
    reader("create", "role", name, "--verb=create", "--resource=roles,rolebindings")
    reader("create", "rolebinding", name, f"--role={name}", "--user=ann")
    told = reader.fails("create", "role", "more", "--verb=get", "--resource=secrets", "--as", "ann")
    assert "is attempting to grant RBAC permissions not currently held" in told
    assert '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}' in told
    told = reader.fails("create", "rolebinding", "more", "--clusterrole=cluster-admin", "--user=ann", "--as", "ann")
    assert "is attempting to grant RBAC permissions not currently held" in told


def test_the_view_role_gathers_what_is_labelled(reader: Kubectl) -> None:
    name = f"games-{reader.namespace}"
    reader("create", "rolebinding", "viewers", "--clusterrole=view", "--user=vera")
    reader("apply", "-f", "-", stdin=AGGREGATED.format(name=name))
    try:
        reader("wait", "clusterrole/view", "--timeout=30s", "--for=jsonpath={.rules[?(@.resources[0]=='chess')].verbs}")
        assert reader("auth", "can-i", "list", "pods", "--as", "vera") == "yes\n"
        assert reader.run("auth", "can-i", "list", "secrets", "--as", "vera").stdout == "no\n"
    finally:
        reader("delete", "clusterrole", name)
