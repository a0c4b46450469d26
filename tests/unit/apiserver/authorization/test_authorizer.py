"""Who may do what, by the stored roles and bindings, as they change."""

import tracemalloc
from collections.abc import AsyncIterator, Callable

import pytest

from petset.aio.clock import SystemClock
from petset.api.errors import Forbidden
from petset.api.types import DeleteOptions, Namespace, Object, ObjectMeta, RoleRef, Subject
from petset.apiserver.authorization.attributes import Attributes
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, Target, WriteOptions
from petset.kinds import CATALOGUE
from petset.kinds.rbac import GROUP
from petset.store.memory import MemoryStore
from petset.store.watchcache import History
from tests.unit.apiserver.authorization.given import (
    BUILDER,
    JANE,
    MASTER,
    account,
    binding,
    cluster_binding,
    cluster_role,
    group,
    paths,
    role,
    rule,
    user,
)

PLAINLY = WriteOptions("tester")


@pytest.fixture
async def server() -> AsyncIterator[ApiServer]:
    store = MemoryStore(History(events=4))
    server = ApiServer(CATALOGUE, store, SystemClock())
    for name in ("default", "ci"):
        await write(server, Namespace(metadata=ObjectMeta(name=name)))
    yield server
    await store.close()


async def write(server: ApiServer, *objects: Object) -> None:
    for obj in objects:
        target = Target(CATALOGUE.of(type(obj)), obj.metadata.namespace)
        await server.create(MASTER, target, obj, PLAINLY)


async def remove(server: ApiServer, obj: Object) -> None:
    target = Target(CATALOGUE.of(type(obj)), obj.metadata.namespace, obj.metadata.name)
    await server.delete(MASTER, target, DeleteOptions())


def may(server: ApiServer, who: Identity, verb: str, namespace: str = "default", name: str = "") -> bool:
    return server.authorizer.decide(Attributes(who, verb, "", "pods", namespace=namespace, name=name)).allowed


READER = cluster_role("reader", rule("get", "pods"))


@pytest.mark.parametrize(
    ("subject", "who"),
    [
        (user("jane"), JANE),
        (group("devs"), JANE),
        (group("system:authenticated"), BUILDER),
        (account("builder", "ci"), BUILDER),
        (user("system:serviceaccount:ci:builder"), BUILDER),
    ],
)
async def test_a_cluster_binding_is_for_everywhere(server: ApiServer, subject: Subject, who: Identity) -> None:
    await write(server, READER, cluster_binding("b", "reader", subject))
    assert may(server, who, "get", "default")
    assert may(server, who, "get", "")
    assert not may(server, who, "list")


@pytest.mark.parametrize(
    ("subject", "who"), [(user("joe"), JANE), (group("jane"), JANE), (account("other", "ci"), BUILDER)]
)
async def test_a_binding_is_for_those_it_names(server: ApiServer, subject: Subject, who: Identity) -> None:
    await write(server, READER, cluster_binding("b", "reader", subject))
    assert not may(server, who, "get")


async def test_a_role_binding_is_for_its_namespace(server: ApiServer) -> None:
    await write(server, READER, role("writer", rule("create", "pods")))
    await write(server, binding("b", "reader", user("jane"), kind="ClusterRole"), binding("c", "writer", user("jane")))
    assert may(server, JANE, "get", "default")
    assert may(server, JANE, "create", "default")
    assert not may(server, JANE, "get", "ci")
    assert not may(server, JANE, "get", "")


async def test_an_account_without_a_namespace_is_of_the_bindings(server: ApiServer) -> None:
    await write(server, READER, binding("b", "reader", account("builder"), namespace="ci", kind="ClusterRole"))
    assert may(server, BUILDER, "get", "ci")
    await write(server, binding("b", "reader", account("builder"), kind="ClusterRole"))
    assert not may(server, BUILDER, "get", "default")


async def test_a_rule_may_be_about_one_object(server: ApiServer) -> None:
    await write(server, cluster_role("one", rule("get list", "pods", names="web-0")))
    await write(server, cluster_binding("b", "one", user("jane")))
    assert may(server, JANE, "get", name="web-0")
    assert not may(server, JANE, "get", name="web-1")
    assert may(server, JANE, "list", name="web-0")
    assert not may(server, JANE, "list")


async def test_paths_belong_to_no_namespace(server: ApiServer) -> None:
    await write(server, cluster_role("scraper", paths("get", "/metrics")))
    await write(server, binding("b", "scraper", user("jane"), kind="ClusterRole"))
    assert not server.authorizer.decide(Attributes(JANE, "get", path="/metrics")).allowed
    await write(server, cluster_binding("b", "scraper", user("jane")))
    assert server.authorizer.decide(Attributes(JANE, "get", path="/metrics")).allowed


async def test_members_of_masters_may_do_everything(server: ApiServer) -> None:
    decision = server.authorizer.decide(Attributes(MASTER, "escalate", "x", "y"))
    assert (decision.allowed, decision.reason) == (True, "")


async def test_what_is_granted_and_taken_away_counts_at_once(server: ApiServer) -> None:
    assert not may(server, JANE, "get")
    grant = cluster_binding("b", "reader", user("jane"), group("devs"))
    await write(server, READER, grant)
    assert may(server, JANE, "get")
    await remove(server, READER)
    assert not may(server, JANE, "get")
    await write(server, cluster_role("reader", rule("list", "pods")))
    assert may(server, JANE, "list")
    await remove(server, grant)
    assert not may(server, JANE, "list")


async def test_one_who_fell_behind_reads_anew(server: ApiServer) -> None:
    await write(server, READER, cluster_binding("b", "reader", user("jane")))
    assert may(server, JANE, "get")
    for index in range(6):
        await write(server, cluster_role(f"more-{index}", rule("list", "pods")))
        await write(server, cluster_binding(f"more-{index}", f"more-{index}", user("joe")))
    await remove(server, cluster_binding("b", "reader"))
    assert not may(server, JANE, "get")
    assert may(server, Identity("joe"), "list")


async def test_an_answer_names_its_reason(server: ApiServer) -> None:
    await write(server, READER, cluster_binding("all", "reader", group("devs")))
    decision = server.authorizer.decide(Attributes(JANE, "get", "", "pods"))
    assert decision.reason == 'RBAC: allowed by ClusterRoleBinding "all" of ClusterRole "reader" to Group "devs"'
    await write(server, binding("some", "reader", account("builder", "ci"), kind="ClusterRole"))
    decision = server.authorizer.decide(Attributes(BUILDER, "get", "", "pods", namespace="default"))
    expected = 'RoleBinding "some/default" of ClusterRole "reader" to ServiceAccount "builder/ci"'
    assert decision.reason == f"RBAC: allowed by {expected}"


async def test_a_role_that_is_not_there_is_named_in_the_refusal(server: ApiServer) -> None:
    await write(server, cluster_role("gone", rule("get", "pods")), cluster_binding("b", "gone", user("jane")))
    await remove(server, cluster_role("gone"))
    with pytest.raises(Forbidden) as refusal:
        server.authorizer.check(Attributes(JANE, "get", "", "pods"))
    assert refusal.value.message.endswith(f': RBAC: clusterrole.{GROUP} "gone" not found')


async def test_the_rules_of_a_role_are_found_by_reference(server: ApiServer) -> None:
    await write(server, role("writer", rule("create", "pods")))
    ref = RoleRef(api_group=GROUP, kind="Role", name="writer")
    assert server.authorizer.rules_of(ref, "default") == [rule("create", "pods")]
    assert server.authorizer.rules_of(ref, "ci") is None


async def test_answers_do_not_depend_on_what_was_asked_before(server: ApiServer) -> None:
    await write(server, cluster_role("one", rule("get", "pods", names="web-0")), READER)
    await write(
        server, cluster_binding("b", "one", user("jane")), binding("b", "reader", user("jane"), kind="ClusterRole")
    )
    questions = [(verb, space, name) for verb in ("get", "list") for space in ("", "default") for name in ("", "web-0")]
    first = [may(server, JANE, *question) for question in questions]
    again = [may(server, JANE, *question) for question in reversed(questions)]
    assert first == list(reversed(again)) == [False, True, True, True, False, False, False, False]


@pytest.mark.parametrize(
    "about",
    [
        lambda who, text: Attributes(who, "get", path=text),
        lambda who, text: Attributes(who, "get", resource="pods", namespace=text),
        lambda who, text: Attributes(who, "get", resource=text),
    ],
)
async def test_what_strangers_ask_for_is_not_kept(
    server: ApiServer, about: Callable[[Identity, str], Attributes]
) -> None:
    """A question is as long as a URL may be, and anybody may ask."""
    await write(
        server, cluster_role("all", rule("*", "*", "*"), paths("*", "*")), cluster_binding("all", "all", user("joe"))
    )
    joe = Identity("joe")
    tracemalloc.start()
    try:
        for number in range(50):
            for who in (JANE, joe):
                server.authorizer.decide(about(who, f"/{number}{'x' * 100_000}"))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000
