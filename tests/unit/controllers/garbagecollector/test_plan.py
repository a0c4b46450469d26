"""What becomes of an object, row by row of the rules."""

import pytest

from petset.api.meta import Key
from petset.api.types import ConfigMap, Namespace, OwnerReference
from petset.controllers.garbagecollector.model import Graph, Node, Observed, OwnerState
from petset.controllers.garbagecollector.plan import Place, place_of, plan, state_in


def ref(uid: str, *, kind: str = "ConfigMap", name: str = "", blocks: bool = True) -> OwnerReference:
    return OwnerReference(api_version="v1", kind=kind, name=name or uid, uid=uid, block_owner_deletion=blocks)


def node(uid: str, *owners: OwnerReference, finalizers: str = "", terminating: bool = False) -> Node:
    names = frozenset(finalizers.split())
    return Node(uid, ConfigMap, Key("default", uid), owners, is_terminating=terminating, finalizers=names)


@pytest.mark.parametrize(
    ("states", "dependents", "finalizers", "decided"),
    [
        ("", False, "", None),
        ("living", False, "", None),
        ("living living", True, "", None),
        ("absent", False, "", "delete (Background)"),
        ("absent absent", True, "", "delete (Background)"),
        ("absent", True, "orphan", "delete (Orphan)"),
        ("absent", True, "foregroundDeletion", "delete (Foreground)"),
        ("living absent", False, "", "drop owners 1"),
        ("absent living waiting", False, "", "drop owners 0, 2"),
        ("waiting", False, "", "delete (Background)"),
        ("waiting", True, "", "delete (Foreground)"),
        ("waiting absent", True, "", "delete (Foreground)"),
        ("unresolvable", False, "", None),
        ("absent unresolvable", False, "", None),
    ],
)
def test_an_object_goes_when_all_its_owners_have_gone(
    states: str, dependents: bool, finalizers: str, decided: str | None
) -> None:
    known: dict[str, OwnerState] = {
        "living": "living",
        "waiting": "waiting",
        "absent": "absent",
        "unresolvable": "unresolvable",
    }
    owners = tuple((ref(str(number)), known[state]) for number, state in enumerate(states.split()))
    subject = node("x", *(owner for owner, _ in owners), finalizers=finalizers)
    seen = Observed(subject, owners, has_dependents=dependents)
    assert (str(action) if (action := plan(seen)) else None) == decided


@pytest.mark.parametrize(
    ("finalizers", "blocked", "circle", "decided"),
    [
        ("", False, False, None),
        ("orphan", False, False, "orphan dependents"),
        ("foregroundDeletion", True, False, None),
        ("foregroundDeletion", False, False, "let go"),
        ("foregroundDeletion", True, True, "let go"),
    ],
)
def test_an_object_that_is_being_deleted_goes_as_its_finalizers_say(
    finalizers: str, blocked: bool, circle: bool, decided: str | None
) -> None:
    subject = node("x", finalizers=finalizers, terminating=True)
    seen = Observed(subject, is_blocked=blocked, waits_for_itself=circle)
    assert (str(action) if (action := plan(seen)) else None) == decided


# --- owners -----------------------------------------------------------------------------------------------------------

CLUSTER_WIDE = Node("ns-uid", Namespace, Key("", "default"))


@pytest.mark.parametrize(
    ("owner", "dependent", "place"),
    [
        (ref("a"), node("x"), Place(ConfigMap, "default", "a", "a")),
        (ref("a", kind="Namespace"), node("x"), Place(Namespace, "", "a", "a")),
        (ref("a", kind="Namespace"), CLUSTER_WIDE, Place(Namespace, "", "a", "a")),
        (ref("a"), CLUSTER_WIDE, "unresolvable"),
        (ref("a", kind="Unheard"), node("x"), "living"),
    ],
)
def test_where_an_owner_has_to_be(owner: OwnerReference, dependent: Node, place: Place | OwnerState) -> None:
    assert place_of(owner, dependent) == place


@pytest.mark.parametrize(
    ("owner", "state"),
    [
        (node("a"), "living"),
        (node("a", terminating=True), "living"),
        (node("a", terminating=True, finalizers="foregroundDeletion"), "waiting"),
        (node("a", finalizers="foregroundDeletion"), "living"),
        (Node("a", ConfigMap, Key("other", "a")), None),
        (Node("a", ConfigMap, Key("default", "b")), None),
        (Node("a", Namespace, Key("", "a")), None),
        (node("b"), None),
    ],
)
def test_the_graph_tells_of_owners_at_their_place_only(owner: Node, state: OwnerState | None) -> None:
    graph = Graph()
    graph.put(owner)
    assert state_in(graph, Place(ConfigMap, "default", "a", "a")) == state


# --- whom a change concerns -------------------------------------------------------------------------------------------


def graph_of(*nodes: Node) -> Graph:
    graph = Graph()
    for each in nodes:
        graph.put(each)
    return graph


def test_a_new_object_with_owners_that_are_there_concerns_nobody() -> None:
    assert graph_of(node("owner")).put(node("x", ref("owner"))) == []


def test_a_new_object_without_its_owner_has_to_be_looked_at() -> None:
    assert Graph().put(node("x", ref("owner"))) == ["x"]


def test_an_update_that_changes_no_owner_costs_nothing() -> None:
    graph = graph_of(node("x", ref("nobody")))
    assert graph.put(node("x", ref("nobody"))) == []


def test_the_end_of_an_object_concerns_its_dependents_only() -> None:
    graph = graph_of(node("owner"), node("x", ref("owner")), node("y", ref("owner")), node("z", ref("other")))
    assert graph.remove("owner") == ["x", "y"]
    assert graph.remove("owner") == []


def test_an_object_that_begins_to_wait_concerns_its_dependents_once() -> None:
    graph = graph_of(node("owner"), node("x", ref("owner")))
    waiting = node("owner", finalizers="foregroundDeletion", terminating=True)
    assert graph.put(waiting) == ["owner", "x"]
    again = node("owner", ref("new"), finalizers="foregroundDeletion", terminating=True)
    assert graph.put(again) == ["owner"]


def test_a_waiting_owner_hears_of_every_dependent_that_goes_or_lets_go() -> None:
    graph = graph_of(node("x", ref("owner")), node("y", ref("owner")))
    graph.put(node("owner", finalizers="foregroundDeletion", terminating=True))
    assert graph.remove("x") == ["owner"]
    assert graph.put(node("y")) == ["owner"]
    assert not graph.has_dependents("owner")


def test_a_dependent_that_comes_while_its_owner_waits_has_to_be_looked_at() -> None:
    graph = graph_of(node("owner", finalizers="foregroundDeletion", terminating=True))
    assert graph.put(node("x", ref("owner"))) == ["x"]


def test_an_owner_in_another_namespace_has_to_be_looked_at() -> None:
    graph = graph_of(Node("owner", ConfigMap, Key("other", "owner")))
    assert graph.put(node("x", ref("owner"))) == ["x"]


@pytest.mark.parametrize(
    ("owners", "circle"),
    [
        ({"a": "a"}, True),
        ({"a": "b", "b": "a"}, True),
        ({"a": "b", "b": "c", "c": "a"}, True),
        ({"a": "b", "b": "c", "c": "b"}, False),
        ({"a": "b", "b": "gone"}, False),
        ({"a": "b"}, False),
    ],
)
def test_who_waits_for_itself(owners: dict[str, str], *, circle: bool) -> None:
    nodes = [node(uid, ref(owner), finalizers="foregroundDeletion", terminating=True) for uid, owner in owners.items()]
    assert graph_of(*nodes).waits_for_itself(nodes[0]) == circle


def test_a_reference_that_does_not_block_closes_no_circle() -> None:
    one = node("a", ref("b", blocks=False), finalizers="foregroundDeletion", terminating=True)
    other = node("b", ref("a"), finalizers="foregroundDeletion", terminating=True)
    assert not graph_of(one, other).waits_for_itself(one)
