"""What somebody writes into the Endpoints of a Service without selector, told as slices."""

from typing import Any

import pytest

from petset.api.meta import copy
from petset.api.types import (
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    ObjectMeta,
    ObjectReference,
    Service,
    ServiceSpec,
)
from petset.controllers.endpoints.mirroring import LARGEST_SUBSET, is_mirrored, plan_mirror
from petset.controllers.endpoints.model import Plan

SKIP = {"endpointslice.kubernetes.io/skip-mirror": "true"}
LOCK = {"control-plane.alpha.kubernetes.io/leader": "{}"}
WEB, SQL = EndpointPort(name="web", port=80), EndpointPort(name="sql", port=5432, protocol="TCP")


def subset(*ready: str, down: tuple[str, ...] = (), ports: tuple[EndpointPort, ...] = (SQL,)) -> EndpointSubset:
    addresses = [EndpointAddress(ip=ip) for ip in ready]
    return EndpointSubset(
        addresses=addresses, not_ready_addresses=[EndpointAddress(ip=ip) for ip in down], ports=list(ports)
    )


def endpoints(*subsets: EndpointSubset, **meta: Any) -> Endpoints:
    whole = ObjectMeta(name="db", namespace="default", uid="e", **meta)
    return Endpoints(metadata=whole, subsets=list(subsets))


def written(decided: Plan) -> list[EndpointSlice]:
    """The slices of a plan, with names, as the server gives back what was created."""
    slices = [copy(obj) for obj in (*decided.create, *decided.update) if isinstance(obj, EndpointSlice)]
    for number, slice_ in enumerate(slices):
        slice_.metadata.name = slice_.metadata.name or f"db-{number}"
    return slices


def told(decided: Plan) -> set[tuple[str, tuple[int, ...], tuple[tuple[str, bool], ...]]]:
    """Of each slice its family, its ports and its addresses with whether they are ready."""
    return {
        (
            slice_.address_type,
            tuple(port.port or 0 for port in slice_.ports),
            tuple((endpoint.addresses[0], bool(endpoint.conditions.ready)) for endpoint in slice_.endpoints),
        )
        for slice_ in written(decided)
    }


@pytest.mark.parametrize(
    ("rule", "subsets", "slices"),
    [
        ("nothing needs no slice", [], set()),
        ("an address without a port", [subset("10.0.0.1", ports=())], {("IPv4", (), (("10.0.0.1", True),))}),
        (
            "who is ready comes first",
            [subset("10.0.0.9", down=("10.0.0.1",))],
            {("IPv4", (5432,), (("10.0.0.9", True), ("10.0.0.1", False)))},
        ),
        (
            "families are told apart",
            [subset("10.0.0.1", "fd00::0001")],
            {("IPv4", (5432,), (("10.0.0.1", True),)), ("IPv6", (5432,), (("fd00::1", True),))},
        ),
        (
            "subsets on other ports are other slices",
            [subset("10.0.0.1"), subset("10.0.0.2", ports=(WEB,))],
            {("IPv4", (5432,), (("10.0.0.1", True),)), ("IPv4", (80,), (("10.0.0.2", True),))},
        ),
        (
            "an address with its ports in several subsets is in one slice",
            [subset("10.0.0.1"), subset("10.0.0.1", ports=(WEB,))],
            {("IPv4", (5432, 80), (("10.0.0.1", True),))},
        ),
        (
            "who is ready and not is not",
            [subset("10.0.0.1", down=("10.0.0.1",))],
            {("IPv4", (5432,), (("10.0.0.1", False),))},
        ),
    ],
)
def test_what_the_slices_say(rule: str, subsets: list[EndpointSubset], slices: set[Any]) -> None:
    decided = plan_mirror(endpoints(*subsets), ())
    assert told(decided) == slices, rule
    assert plan_mirror(endpoints(*subsets), written(decided)) == Plan(), rule


def test_a_slice_says_whose_it_is_and_carries_labels_and_annotations() -> None:
    notes = {"note": "a", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    source = endpoints(subset("10.0.0.1"), labels={"app": "db"}, annotations=notes)
    source.subsets[0].addresses[0].target_ref = ObjectReference(kind="Pod", name="db-0")
    source.subsets[0].addresses[0].hostname = "db-0"
    [slice_] = plan_mirror(source, ()).create
    assert isinstance(slice_, EndpointSlice)
    assert (slice_.metadata.generate_name, slice_.metadata.annotations) == ("db-", {"note": "a"})
    assert slice_.metadata.labels == {
        "app": "db",
        "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    [owner] = slice_.metadata.owner_references
    assert (owner.kind, owner.uid, owner.controller) == ("Endpoints", "e", True)
    [endpoint] = slice_.endpoints
    assert (endpoint.hostname, endpoint.target_ref) == ("db-0", ObjectReference(kind="Pod", name="db-0"))


def test_other_ports_are_written_into_the_slice_that_is_there() -> None:
    before = written(plan_mirror(endpoints(subset("10.0.0.1")), ()))
    decided = plan_mirror(endpoints(subset("10.0.0.1", ports=(WEB,))), before)
    assert (decided.create, decided.delete) == ((), ())
    assert [slice_.metadata.name for slice_ in written(decided)] == ["db-0"]
    assert told(decided) == {("IPv4", (80,), (("10.0.0.1", True),))}


def test_slices_that_nothing_needs_go() -> None:
    before = written(plan_mirror(endpoints(subset("10.0.0.1"), subset("fd00::1", ports=(WEB,))), ()))
    decided = plan_mirror(endpoints(subset("10.0.0.1")), before)
    assert (decided.create, decided.update) == ((), ())
    assert [slice_.metadata.name for slice_ in decided.delete] == ["db-1"]


def test_endpoints_that_end_get_no_new_slice() -> None:
    ending = endpoints(subset("10.0.0.1"), deletion_timestamp="2026-01-01T00:00:00Z")
    assert plan_mirror(ending, ()) == Plan()


def test_no_more_are_mirrored_than_a_slice_takes() -> None:
    many = [f"10.0.{number // 250}.{number % 250 + 1}" for number in range(LARGEST_SUBSET + 1)]
    decided = plan_mirror(endpoints(subset(*many[:-1], down=(many[-1],))), ())
    [slice_] = written(decided)
    assert decided.skipped == 1
    assert len(slice_.endpoints) == LARGEST_SUBSET
    assert all(endpoint.conditions.ready for endpoint in slice_.endpoints)


@pytest.mark.parametrize(
    ("meta", "selector", "mirrored"),
    [({}, {}, True), ({}, {"app": "db"}, False), ({"labels": SKIP}, {}, False), ({"annotations": LOCK}, {}, False)],
)
def test_which_endpoints_are_mirrored(meta: dict[str, Any], selector: dict[str, str], mirrored: bool) -> None:
    assert is_mirrored(endpoints(**meta), Service(spec=ServiceSpec(selector=selector))) is mirrored
