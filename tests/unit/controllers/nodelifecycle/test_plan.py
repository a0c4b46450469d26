"""Which taints follow from what a node says."""

import pytest

from petset.api.types import Node, NodeCondition, Taint
from petset.controllers.nodelifecycle.plan import EFFECT, taints_of

NOW, BEFORE = "2026-11-23T05:12:00Z", "2026-11-22T05:12:00Z"
PREFIX = "node.kubernetes.io/"


def node(conditions: dict[str, str], *taints: Taint, unschedulable: bool = False) -> Node:
    made = Node()
    made.status.conditions = [NodeCondition(type=type_, status=status) for type_, status in conditions.items()]
    made.spec.taints = list(taints)
    made.spec.unschedulable = unschedulable
    return made


@pytest.mark.parametrize(
    ("conditions", "keys"),
    [
        ({}, []),
        ({"Ready": "True", "MemoryPressure": "False", "NetworkUnavailable": "False"}, []),
        ({"Ready": "False"}, ["not-ready"]),
        ({"Ready": "Unknown"}, ["unreachable"]),
        ({"MemoryPressure": "True", "DiskPressure": "True"}, ["memory-pressure", "disk-pressure"]),
        ({"NetworkUnavailable": "True", "PIDPressure": "True"}, ["network-unavailable", "pid-pressure"]),
        ({"example.com/Odd": "True"}, []),
    ],
)
def test_what_a_node_says_keeps_pods_away(conditions: dict[str, str], keys: list[str]) -> None:
    expected = [Taint(key=f"{PREFIX}{key}", effect=EFFECT, time_added=NOW) for key in keys]
    assert taints_of(node(conditions), NOW) == expected


def test_a_cordoned_node_keeps_pods_away() -> None:
    [taint] = taints_of(node({"Ready": "True"}, unschedulable=True), NOW)
    assert (taint.key, taint.effect) == (f"{PREFIX}unschedulable", EFFECT)
    assert taints_of(node({"Ready": "True"}, taint), NOW) == []


@pytest.mark.parametrize(
    ("taint", "stays"),
    [
        (Taint(key=f"{PREFIX}not-ready", effect=EFFECT), False),
        (Taint(key=f"{PREFIX}unreachable", effect=EFFECT, time_added=BEFORE), False),
        (Taint(key=f"{PREFIX}not-ready", effect="NoExecute"), True),
        (Taint(key="dedicated", value="db", effect=EFFECT), True),
    ],
)
def test_a_node_that_is_well_keeps_what_people_gave_it(taint: Taint, stays: bool) -> None:
    assert taints_of(node({"Ready": "True"}, taint), NOW) == ([taint] if stays else [])


def test_a_taint_that_is_there_stays_as_it_is() -> None:
    taint = Taint(key=f"{PREFIX}not-ready", effect=EFFECT, time_added=BEFORE)
    assert taints_of(node({"Ready": "False"}, taint), NOW) == [taint]
