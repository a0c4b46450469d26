"""Who may act as whom, and who one is then."""

import pytest

from petset.api.errors import Forbidden
from petset.api.types import PolicyRule
from petset.apiserver.authorization.attributes import Attributes
from petset.apiserver.authorization.impersonation import NODE_NAME, impersonated, service_account
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, Target
from petset.kinds import CATALOGUE
from tests.unit.apiserver.authorization.given import JANE, MASTER, cluster_binding, cluster_role, group, rule
from tests.unit.apiserver.calls import PLAINLY

AUTHENTICATION = "authentication.k8s.io"
NODE = Identity("system:node:n1")
ACCOUNT = Identity("system:serviceaccount:ci:builder")


def listing(user: Identity) -> Attributes:
    return Attributes(user, "list", "", "pods", namespace="default")


async def allow(server: ApiServer, *rules: PolicyRule) -> None:
    for obj in (cluster_role("acting", *rules), cluster_binding("acting", "acting", group("devs"))):
        await server.create(MASTER, Target(CATALOGUE.of(type(obj))), obj, PLAINLY)


def acting(server: ApiServer, wanted: Identity, user: Identity = JANE) -> Identity:
    return impersonated(server.authorizer, listing(user), wanted)


# --- who one is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        (Identity("joe"), ("system:authenticated",)),
        (Identity("joe", ("a", "b")), ("a", "b", "system:authenticated")),
        (Identity("joe", ("system:authenticated",)), ("system:authenticated",)),
        (Identity("joe", ("system:unauthenticated",)), ("system:unauthenticated",)),
        (Identity("system:anonymous"), ("system:unauthenticated",)),
        (ACCOUNT, ("system:serviceaccounts", "system:serviceaccounts:ci", "system:authenticated")),
        (Identity(ACCOUNT.name, ("a",)), ("a", "system:authenticated")),
        (NODE, ("system:nodes", "system:authenticated")),
        (Identity("joe", ("system:masters",)), ("system:masters", "system:authenticated")),
    ],
)
async def test_the_groups_are_those_asked_for_and_those_implied(
    server: ApiServer, wanted: Identity, groups: tuple[str, ...]
) -> None:
    assert acting(server, wanted, MASTER).groups == groups


async def test_uid_and_extra_are_taken_over(server: ApiServer) -> None:
    found = acting(server, Identity("joe", uid="7", extra={"example.com/scope": ("a", "b")}), MASTER)
    assert (found.name, found.uid, found.extra) == ("joe", "7", {"example.com/scope": ("a", "b")})


@pytest.mark.parametrize(
    ("name", "account"),
    [
        ("system:serviceaccount:ci:builder", ("ci", "builder")),
        ("system:serviceaccount:ci", None),
        ("system:serviceaccount:ci:a:b", None),
        ("system:serviceaccount::a", None),
        ("system:serviceaccount:C:a", None),
        ("jane", None),
    ],
)
def test_an_account_is_a_user_with_a_namespace_and_a_name(name: str, account: tuple[str, str] | None) -> None:
    assert service_account(name) == account


# --- who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "mode"),
    [(Identity("joe"), "user-info"), (NODE, "arbitrary-node"), (ACCOUNT, "serviceaccount")],
)
async def test_a_refusal_names_the_first_way_there_would_be(server: ApiServer, wanted: Identity, mode: str) -> None:
    with pytest.raises(Forbidden) as refusal:
        acting(server, wanted)
    assert refusal.value.message == (
        f'pods is forbidden: User "jane" cannot impersonate-on:{mode}:list resource "pods" in API group "" '
        'in the namespace "default"'
    )


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([rule("impersonate", "users", names="joe")], Identity("joe")),
        ([rule("impersonate", "users groups")], Identity("joe", ("a",))),
        ([rule("impersonate", "users")], NODE),
        ([rule("impersonate", "serviceaccounts")], ACCOUNT),
        (
            [rule("impersonate", "users"), rule("impersonate", "uids userextras/scope", AUTHENTICATION)],
            Identity("joe", uid="7", extra={"scope": ("a",)}),
        ),
        (
            [rule("impersonate-on:user-info:list", "pods"), rule("impersonate:user-info", "users", AUTHENTICATION)],
            Identity("joe"),
        ),
        (
            [
                rule("impersonate-on:serviceaccount:list", "pods"),
                rule("impersonate:serviceaccount", "serviceaccounts", AUTHENTICATION),
            ],
            ACCOUNT,
        ),
        (
            [
                rule("impersonate-on:arbitrary-node:list", "pods"),
                rule("impersonate:arbitrary-node", "nodes", AUTHENTICATION),
            ],
            NODE,
        ),
    ],
)
async def test_everything_one_wants_to_be_has_to_be_allowed(
    server: ApiServer, rules: list[PolicyRule], wanted: Identity
) -> None:
    await allow(server, *rules)
    assert acting(server, wanted).name == wanted.name


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ([rule("impersonate", "users", names="joe")], Identity("eve")),
        ([rule("impersonate", "users")], Identity("joe", ("system:masters",))),
        ([rule("impersonate", "users")], Identity("joe", uid="7")),
        ([rule("impersonate", "users")], Identity("joe", extra={"scope": ("a",)})),
        ([rule("impersonate", "users")], ACCOUNT),
        ([rule("impersonate-on:user-info:list", "pods")], Identity("joe")),
        ([rule("impersonate:user-info", "users", AUTHENTICATION)], Identity("joe")),
        (
            [rule("*", "pods"), rule("impersonate:user-info", "users groups", AUTHENTICATION)],
            Identity("joe", ("system:masters",)),
        ),
        (
            [rule("*", "pods"), rule("impersonate:user-info", "users groups", AUTHENTICATION)],
            Identity("joe", ("",)),
        ),
        (
            [rule("*", "pods"), rule("impersonate:user-info", "users userextras/scope", AUTHENTICATION)],
            Identity("joe", extra={"scope": ("",)}),
        ),
    ],
)
async def test_one_thing_that_is_not_allowed_is_enough(
    server: ApiServer, rules: list[PolicyRule], wanted: Identity
) -> None:
    await allow(server, *rules)
    with pytest.raises(Forbidden):
        acting(server, wanted)


@pytest.mark.parametrize(("node", "allowed"), [("n1", True), ("n2", False)])
async def test_a_pod_may_act_as_its_own_node(server: ApiServer, node: str, allowed: bool) -> None:
    pod = Identity("system:serviceaccount:ci:agent", ("devs",), extra={NODE_NAME: (node,)})
    await allow(
        server,
        rule("impersonate-on:associated-node:list", "pods"),
        rule("impersonate:associated-node", "nodes", AUTHENTICATION),
    )
    if allowed:
        assert acting(server, NODE, pod).groups == ("system:nodes", "system:authenticated")
    else:
        with pytest.raises(Forbidden):
            acting(server, NODE, pod)
