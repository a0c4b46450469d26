"""Which changes of a pod make its set be looked at."""

from collections.abc import Callable

import pytest

from petset.api.meta import copy
from petset.api.types import ContainerStatus, OwnerReference, Pod, PodCondition
from petset.controllers.statefulset.controller import was_only_placed


def new_pod() -> Pod:
    pod = Pod()
    pod.metadata.labels = {"app": "web"}
    pod.status.phase = "Pending"
    return pod


def placed(change: Callable[[Pod], object] = lambda _: None) -> Pod:
    """The same pod on a node, as the binding leaves it, and changed."""
    pod = new_pod()
    pod.spec.node_name = "node"
    pod.status.conditions = [PodCondition(type="PodScheduled", status="True")]
    change(pod)
    return pod


def test_a_pod_that_only_got_its_node_is_no_news() -> None:
    assert was_only_placed(new_pod(), placed())


MORE = [
    pytest.param(lambda pod: setattr(pod.status, "phase", "Running"), id="runs"),
    pytest.param(lambda pod: setattr(pod.status, "container_statuses", [ContainerStatus()]), id="a container"),
    pytest.param(lambda pod: setattr(pod.status, "init_container_statuses", [ContainerStatus()]), id="init container"),
    pytest.param(lambda pod: pod.metadata.labels.update(app="db"), id="other labels"),
    pytest.param(lambda pod: pod.metadata.owner_references.append(OwnerReference()), id="other owners"),
    pytest.param(lambda pod: setattr(pod.metadata, "deletion_timestamp", "2026-11-23T09:00:00Z"), id="deleted"),
]


@pytest.mark.parametrize("change", MORE)
def test_whatever_else_happened_with_it_is(change: Callable[[Pod], object]) -> None:
    assert not was_only_placed(new_pod(), placed(change))


def test_a_pod_that_could_not_be_placed_before_no_longer_waits_for_that() -> None:
    unschedulable = new_pod()
    unschedulable.status.conditions = [PodCondition(type="PodScheduled", status="False", reason="Unschedulable")]
    assert not was_only_placed(unschedulable, placed())


def test_a_pod_that_is_on_its_node_already_tells_with_every_change() -> None:
    assert not was_only_placed(placed(), copy(placed()))
