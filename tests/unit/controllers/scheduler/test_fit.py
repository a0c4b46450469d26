"""Why a pod stays off a node: one row a reason, in the stock scheduler's words."""

import pytest

from petset.api.quantity import parse
from petset.api.types import (
    Affinity,
    Container,
    ContainerPort,
    Node,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectMeta,
    Pod,
    PodSpec,
    Taint,
    Toleration,
)
from petset.controllers.scheduler.fit import matches, misfits
from petset.controllers.scheduler.usage import NOTHING, Usage, increased, needs_of, requests


def pod(**amounts: str) -> Pod:
    container = Container(name="nginx", image="nginx")
    container.resources.requests = dict(amounts)
    return Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=PodSpec(containers=[container]))


def node(**labels: str) -> Node:
    node = Node(metadata=ObjectMeta(name="node-1", labels=labels))
    node.status.allocatable = {"cpu": "2", "memory": "4Gi", "pods": "3"}
    return node


def used(*pods: Pod) -> Usage:
    usage = NOTHING
    for each in pods:
        usage = increased(usage, needs_of(each))
    return usage


def test_a_pod_fits_an_empty_node() -> None:
    assert misfits(pod(cpu="2", memory="4Gi"), node(), NOTHING) == []


# --- resources --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "running", "reasons"),
    [
        ({"cpu": "2001m"}, [], ["Insufficient cpu"]),
        ({"cpu": "500m"}, [{"cpu": "1500m"}], []),
        ({"cpu": "501m"}, [{"cpu": "1500m"}], ["Insufficient cpu"]),
        ({"memory": "3Gi"}, [{"memory": "512Mi"}, {"memory": "600Mi"}], ["Insufficient memory"]),
        ({"cpu": "2", "memory": "5Gi"}, [{"cpu": "1"}], ["Insufficient cpu", "Insufficient memory"]),
        ({"nvidia.com/gpu": "1"}, [], ["Insufficient nvidia.com/gpu"]),
        ({"nvidia.com/gpu": "0"}, [], []),
        ({}, [{}, {}], []),
        ({}, [{}, {}, {}], ["Too many pods"]),
        ({}, [{"cpu": "9"}], []),
    ],
)
def test_resources(wanted: dict[str, str], running: list[dict[str, str]], reasons: list[str]) -> None:
    assert misfits(pod(**wanted), node(), used(*(pod(**amounts) for amounts in running))) == reasons


def test_a_node_without_allocatable_offers_its_capacity() -> None:
    bare = node()
    bare.status.allocatable, bare.status.capacity = {}, {"cpu": "1"}
    assert misfits(pod(cpu="1"), bare, NOTHING) == []
    assert misfits(pod(cpu="2"), bare, NOTHING) == ["Insufficient cpu"]


def test_requests_are_all_containers_together_or_the_largest_init_container() -> None:
    wanted = pod(cpu="100m", memory="1Gi")
    sidecar = Container(name="sidecar", image="x", restart_policy="Always")
    sidecar.resources.requests = {"cpu": "50m"}
    init = Container(name="init", image="x")
    init.resources.requests = {"cpu": "1", "memory": "1Mi"}
    wanted.spec.init_containers = [sidecar, init]
    wanted.spec.overhead = {"memory": "1Gi"}
    assert requests(wanted) == {"cpu": parse("1"), "memory": parse("2Gi")}


# --- ports ------------------------------------------------------------------------------------------------------------


def listening(port: int, protocol: str | None = None) -> Pod:
    listening = pod()
    listening.spec.containers[0].ports = [ContainerPort(container_port=80, host_port=port, protocol=protocol)]
    return listening


@pytest.mark.parametrize(
    ("taken", "fits"), [(listening(80), False), (listening(81), True), (listening(80, "UDP"), True), (pod(), True)]
)
def test_a_port_of_the_machine_is_given_once(taken: Pod, *, fits: bool) -> None:
    reasons = [] if fits else ["node(s) didn't have free ports for the requested pod ports"]
    assert misfits(listening(80, "TCP"), node(), used(taken)) == reasons


# --- taints -----------------------------------------------------------------------------------------------------------

TAINT = Taint(key="dedicated", value="db", effect="NoSchedule")


@pytest.mark.parametrize(
    ("taint", "toleration", "fits"),
    [
        (TAINT, None, False),
        (TAINT, Toleration(key="dedicated", operator="Equal", value="db", effect="NoSchedule"), True),
        (TAINT, Toleration(key="dedicated", value="db"), True),
        (TAINT, Toleration(key="dedicated", value="web"), False),
        (TAINT, Toleration(key="dedicated", operator="Exists"), True),
        (TAINT, Toleration(operator="Exists"), True),
        (TAINT, Toleration(operator="Equal", value="db"), False),
        (TAINT, Toleration(key="dedicated", value="db", effect="NoExecute"), False),
        (Taint(key="slow", effect="PreferNoSchedule"), None, True),
        (Taint(key="broken", effect="NoExecute"), None, False),
    ],
)
def test_taints(taint: Taint, toleration: Toleration | None, *, fits: bool) -> None:
    tainted, wanted = node(), pod()
    tainted.spec.taints = [taint]
    wanted.spec.tolerations = [toleration] if toleration is not None else []
    reasons = [] if fits else [f"node(s) had untolerated taint {{{taint.key}: {taint.value or ''}}}"]
    assert misfits(wanted, tainted, NOTHING) == reasons


def test_a_cordoned_node_takes_only_pods_that_tolerate_it() -> None:
    cordoned, wanted = node(), pod()
    cordoned.spec.unschedulable = True
    assert misfits(wanted, cordoned, NOTHING) == ["node(s) were unschedulable"]
    wanted.spec.tolerations = [Toleration(key="node.kubernetes.io/unschedulable", operator="Exists")]
    assert misfits(wanted, cordoned, NOTHING) == []


# --- selection --------------------------------------------------------------------------------------------------------

AFFINITY = ["node(s) didn't match Pod's node affinity/selector"]


@pytest.mark.parametrize(("selector", "fits"), [({"disk": "ssd"}, True), ({"disk": "hdd"}, False), ({"x": ""}, False)])
def test_node_selectors(selector: dict[str, str], *, fits: bool) -> None:
    wanted = pod()
    wanted.spec.node_selector = selector
    assert misfits(wanted, node(disk="ssd"), NOTHING) == ([] if fits else AFFINITY)


def term(key: str, operator: str, *values: str) -> NodeSelectorTerm:
    return NodeSelectorTerm(
        match_expressions=[NodeSelectorRequirement(key=key, operator=operator, values=list(values))]
    )


@pytest.mark.parametrize(
    ("required", "fits"),
    [
        (term("disk", "In", "ssd", "nvme"), True),
        (term("disk", "In", "hdd"), False),
        (term("zone", "In", "a"), False),
        (term("disk", "NotIn", "hdd"), True),
        (term("zone", "NotIn", "a"), True),
        (term("disk", "NotIn", "ssd"), False),
        (term("disk", "Exists"), True),
        (term("zone", "Exists"), False),
        (term("zone", "DoesNotExist"), True),
        (term("disk", "DoesNotExist"), False),
        (term("cores", "Gt", "3"), True),
        (term("cores", "Gt", "4"), False),
        (term("cores", "Lt", "5"), True),
        (term("disk", "Lt", "5"), False),
        (term("cores", "Gt"), False),
        (term("disk", "Near", "ssd"), False),
        (NodeSelectorTerm(), False),
        (
            NodeSelectorTerm(
                match_fields=[NodeSelectorRequirement(key="metadata.name", operator="In", values=["node-1"])]
            ),
            True,
        ),
        (
            NodeSelectorTerm(
                match_fields=[NodeSelectorRequirement(key="metadata.name", operator="In", values=["node-2"])]
            ),
            False,
        ),
    ],
)
def test_required_node_affinity(required: NodeSelectorTerm, *, fits: bool) -> None:
    wanted = pod()
    selector = NodeSelector(node_selector_terms=[required])
    wanted.spec.affinity = Affinity(
        node_affinity=NodeAffinity(required_during_scheduling_ignored_during_execution=selector)
    )
    assert misfits(wanted, node(disk="ssd", cores="4"), NOTHING) == ([] if fits else AFFINITY)


def test_one_term_of_several_is_enough() -> None:
    selector = NodeSelector(node_selector_terms=[term("disk", "In", "hdd"), term("disk", "Exists")])
    assert matches(selector, node(disk="ssd"))
    assert not matches(NodeSelector(), node(disk="ssd"))
