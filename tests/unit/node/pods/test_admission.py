"""Pods that the machine has no place for: they are bound to it by name, around the scheduler."""

import pytest

from petset.api.types import Container, ContainerPort, Pod
from petset.node.pods.admission import rejection, wants_ports
from petset.node.pods.model import Rejection
from petset.node.pods.plan import plan
from tests.unit.node.pods.given import container, deleted, init_container, pod, seen

WHY = Rejection("NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports")
NOTHING_YET = {"sandboxes": (), "torn_down": frozenset({"new"})}


def port(number: int, protocol: str = "TCP", address: str = "") -> ContainerPort:
    return ContainerPort(container_port=number, host_port=number, protocol=protocol, host_ip=address or None)


def with_ports(*ports: ContainerPort, uid: str = "new", phase: str = "Running") -> Pod:
    result = pod(uid=uid)
    result.spec.containers = [Container(name="nginx", image="nginx:1", ports=list(ports))]
    result.status.phase = phase
    return result


@pytest.mark.parametrize(
    ("rule", "wanted", "other", "rejected"),
    [
        ("the same port", port(80), with_ports(port(80), uid="old"), True),
        ("another port", port(80), with_ports(port(81), uid="old"), False),
        ("another protocol", port(80), with_ports(port(80, "UDP"), uid="old"), False),
        ("other addresses", port(80, address="10.0.0.1"), with_ports(port(80, address="10.0.0.2"), uid="old"), False),
        ("one of all addresses", port(80, address="10.0.0.1"), with_ports(port(80), uid="old"), True),
        ("all, said aloud", port(80, address="0.0.0.0"), with_ports(port(80, address="10.0.0.2"), uid="old"), True),
        ("the port of a pod that has ended", port(80), with_ports(port(80), uid="old", phase="Failed"), False),
        ("no port of the machine", ContainerPort(container_port=80), with_ports(port(80), uid="old"), False),
    ],
)
def test_who_wants_what_another_has_is_rejected(rule: str, wanted: ContainerPort, other: Pod, rejected: bool) -> None:
    assert rejection(with_ports(wanted), [other]) == (WHY if rejected else None), rule


def test_sidecars_have_ports_too() -> None:
    with_sidecar = pod(init=(init_container(sidecar=True, ports=[port(80)]),))
    assert wants_ports(with_sidecar)
    assert not wants_ports(pod(init=(init_container(ports=[port(80)]),)))


def test_a_rejected_pod_fails_and_nothing_of_it_is_begun() -> None:
    decided = plan(seen(pod(), rejection=WHY, **NOTHING_YET))
    assert decided.status is not None
    assert (decided.status.phase, decided.status.reason) == ("Failed", "NodePorts")
    assert decided.status.message == f"Pod was rejected: {WHY.message}"
    assert (decided.tasks, decided.status.container_statuses) == ((), [])


def test_of_a_pod_that_was_rejected_nothing_more_is_told() -> None:
    failed = pod()
    failed.status.phase = "Failed"
    assert plan(seen(failed, **NOTHING_YET)).status is None
    assert plan(seen(deleted(failed), **NOTHING_YET)).status is None


def test_a_pod_that_has_begun_goes_on() -> None:
    decided = plan(seen(pod(), container()))
    assert decided.status is not None
    assert decided.status.phase == "Running"
