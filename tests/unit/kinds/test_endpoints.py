"""Endpoints and EndpointSlices."""

from datetime import UTC, datetime

import pytest

from petset.api.types import Endpoints, EndpointSlice
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, update_errors, updated

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
ENDPOINTS: Tree = {
    "metadata": {"name": "nginx", "namespace": "default"},
    "subsets": [{"addresses": [{"ip": "10.1.0.2", "hostname": "web-0"}], "ports": [{"port": 80}]}],
}
SLICE: Tree = {
    "metadata": {"name": "nginx-abc", "namespace": "default"},
    "addressType": "IPv4",
    "endpoints": [{"addresses": ["10.1.0.2"], "hostname": "web-0"}],
    "ports": [{"port": 80}],
}


@pytest.mark.parametrize(
    ("subset", "path", "message"),
    [
        ({"ports": [{"port": 80}]}, "subsets[0]", "Required value: must specify `addresses` or `notReadyAddresses`"),
        ({"addresses": [{"ip": "x"}]}, "subsets[0].addresses[0].ip", 'Invalid value: "x": must be a valid IP address'),
        (
            {"notReadyAddresses": [{"ip": "::1", "hostname": "A"}]},
            "subsets[0].notReadyAddresses[0].hostname",
            'Invalid value: "A"',
        ),
        ({"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 0}]}, "subsets[0].ports[0].port", "Invalid value: 0"),
        (
            {"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 1}, {"port": 2}]},
            "subsets[0].ports[1].name",
            "Required value",
        ),
        (
            {"addresses": [{"ip": "1.2.3.4"}], "ports": [{"port": 1, "protocol": "x"}]},
            "subsets[0].ports[0].protocol",
            "Unsupported value",
        ),
    ],
)
def test_refuses_endpoints(subset: Tree, path: str, message: str) -> None:
    errors = create_errors(Endpoints, merged(ENDPOINTS, {"subsets": [subset]}))
    assert found(errors, path, message), errors
    assert update_errors(Endpoints, ENDPOINTS, merged(ENDPOINTS, {"subsets": [subset]})) == errors


@pytest.mark.parametrize(
    ("subsets", "shown"),
    [
        ([], "<none>"),
        ([{"addresses": [{"ip": "10.1.0.2"}]}], "10.1.0.2"),
        ([{"addresses": [{"ip": "10.1.0.2"}, {"ip": "fd00::2"}], "ports": [{"port": 80}]}], "10.1.0.2:80,[fd00::2]:80"),
        (
            [{"addresses": [{"ip": f"10.1.0.{i}"} for i in range(5)], "ports": [{"port": 80}]}],
            "10.1.0.0:80,10.1.0.1:80,10.1.0.2:80 + 2 more...",
        ),
    ],
)
def test_endpoints_columns(subsets: list[Tree], shown: str) -> None:
    obj = defaulted(Endpoints, merged(ENDPOINTS, {"subsets": subsets}))
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(Endpoints).columns] == ["nginx", shown, "<unknown>"]


def test_ports_are_tcp_unless_said_otherwise() -> None:
    assert defaulted(Endpoints, ENDPOINTS).subsets[0].ports[0].protocol == "TCP"
    port = defaulted(EndpointSlice, SLICE).ports[0]
    assert (port.name, port.protocol) == ("", "TCP")


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"addressType": None}, "addressType", "Required value"),
        ({"addressType": "IP"}, "addressType", 'Unsupported value: "IP": supported values: "FQDN", "IPv4", "IPv6"'),
        (
            {"endpoints": [{"addresses": []}]},
            "endpoints[0].addresses",
            "Required value: must contain at least 1 address",
        ),
        (
            {"endpoints": [{"addresses": ["::1"]}]},
            "endpoints[0].addresses[0]",
            'Invalid value: "::1": must be a valid IPv4 address',
        ),
        (
            {"endpoints": [{"addresses": [f"10.0.0.{i}" for i in range(101)]}]},
            "endpoints[0].addresses",
            "Too many: 101: must have at most 100 items",
        ),
        ({"endpoints": [{"addresses": ["1.2.3.4"]}] * 1001}, "endpoints", "Too many: 1001"),
        (
            {"endpoints": [{"addresses": ["1.2.3.4"], "hostname": "a.b"}]},
            "endpoints[0].hostname",
            'Invalid value: "a.b"',
        ),
        (
            {"addressType": "FQDN", "endpoints": [{"addresses": ["A"]}]},
            "endpoints[0].addresses[0]",
            'Invalid value: "A"',
        ),
        ({"ports": [{"name": "a", "port": 1}, {"name": "a", "port": 2}]}, "ports[1].name", 'Duplicate value: "a"'),
        ({"ports": [{"port": 70000}]}, "ports[0].port", "Invalid value: 70000"),
    ],
)
def test_refuses_slice(change: Tree, path: str, message: str) -> None:
    errors = create_errors(EndpointSlice, merged(SLICE, change))
    assert found(errors, path, message), errors


def test_the_address_type_of_a_slice_stays() -> None:
    errors = update_errors(EndpointSlice, SLICE, merged(SLICE, {"addressType": "FQDN", "endpoints": []}))
    assert [str(error) for error in errors] == ['addressType: Invalid value: "FQDN": field is immutable']


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        ({}, 1),
        ({"metadata": {"annotations": {"a": "b"}}}, 1),
        ({"metadata": {"labels": {"a": "b"}}}, 2),
        ({"endpoints": []}, 2),
        ({"ports": []}, 2),
    ],
)
def test_generation_of_a_slice(change: Tree, generation: int) -> None:
    old = created(EndpointSlice, SLICE)
    assert updated(EndpointSlice, old, merged(SLICE, change)).metadata.generation == generation


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, ["nginx-abc", "IPv4", "80", "10.1.0.2", "<unknown>"]),
        ({"ports": None, "endpoints": None}, ["nginx-abc", "IPv4", "<unset>", "<unset>", "<unknown>"]),
        ({"ports": [{"name": "web"}, {}]}, ["nginx-abc", "IPv4", "web,*", "10.1.0.2", "<unknown>"]),
    ],
)
def test_slice_columns(change: Tree, shown: list[str]) -> None:
    obj = defaulted(EndpointSlice, merged(SLICE, change))
    assert [column.cell(obj, NOW) for column in CATALOGUE.of(EndpointSlice).columns] == shown
