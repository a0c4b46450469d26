"""Services: defaults, rules, addresses that stay, and the line kubectl prints."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from petset.api.types import Service
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import (
    SERVICE,
    Tree,
    create_errors,
    created,
    defaulted,
    found,
    merged,
    update_errors,
    updated,
)

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
RESOURCE = CATALOGUE.of(Service)
ADDRESS: Tree = {"spec": {"clusterIP": "10.96.0.10"}}


def of_spec(change: Tree) -> Tree:
    return merged(SERVICE, {"spec": change})


def spec_of(obj: Service) -> Any:
    return msgspec.to_builtins(obj)["spec"]


def test_a_headless_service_has_no_address_in_both_fields() -> None:
    assert spec_of(created(Service, SERVICE)) == {
        "clusterIP": "None",
        "clusterIPs": ["None"],
        "internalTrafficPolicy": "Cluster",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "ports": [{"name": "web", "port": 80, "protocol": "TCP", "targetPort": 80}],
        "selector": {"app": "nginx"},
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }


def test_the_address_of_a_plain_service_is_left_to_admission() -> None:
    spec = spec_of(created(Service, of_spec({"clusterIP": None})))
    assert "clusterIP" not in spec
    assert "clusterIPs" not in spec


@pytest.mark.parametrize(
    ("change", "filled"),
    [
        ({"sessionAffinity": "ClientIP"}, {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}),
        ({"clusterIP": None, "type": "NodePort"}, {"externalTrafficPolicy": "Cluster"}),
        (
            {"clusterIP": None, "type": "LoadBalancer"},
            {"externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": True},
        ),
        (
            {"ports": [{"port": 80, "targetPort": "web"}]},
            {"ports": [{"port": 80, "targetPort": "web", "protocol": "TCP"}]},
        ),
    ],
)
def test_fills_in(change: Tree, filled: Tree) -> None:
    spec = spec_of(defaulted(Service, of_spec(change)))
    assert {name: spec[name] for name in filled} == filled


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"clusterIP": None},
        {"ports": None},
        {"clusterIP": "10.96.0.9"},
        {"ports": [{"name": "a", "port": 53}, {"name": "b", "port": 53, "protocol": "UDP"}]},
        {"clusterIP": None, "type": "ExternalName", "externalName": "example.com.", "ports": None},
    ],
)
def test_accepts(change: Tree) -> None:
    assert create_errors(Service, of_spec(change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"clusterIP": None, "ports": []}, "spec.ports", "Required value"),
        ({"type": "Cluster"}, "spec.type", 'Unsupported value: "Cluster"'),
        (
            {"type": "LoadBalancer"},
            "spec.clusterIPs[0]",
            "Invalid value: \"None\": may not be set to 'None' for LoadBalancer",
        ),
        ({"type": "ExternalName"}, "spec.externalName", "Required value"),
        (
            {"type": "ExternalName", "externalName": "a"},
            "spec.clusterIPs",
            "Forbidden: may not be set for ExternalName services",
        ),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port", "Invalid value: 0: must be between 1 and 65535"),
        (
            {"ports": [{"port": 80, "protocol": "HTTP"}]},
            "spec.ports[0].protocol",
            'Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"',
        ),
        ({"ports": [{"port": 80, "targetPort": "a_b"}]}, "spec.ports[0].targetPort", 'Invalid value: "a_b"'),
        ({"ports": [{"port": 80}, {"port": 81}]}, "spec.ports[0].name", "Required value"),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            "spec.ports[1].name",
            'Duplicate value: "a"',
        ),
        ({"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]}, "spec.ports[1]", "Duplicate value: "),
        ({"ports": [{"port": 80, "name": "A"}]}, "spec.ports[0].name", 'Invalid value: "A"'),
        (
            {"ports": [{"port": 80, "nodePort": 30000}]},
            "spec.ports[0].nodePort",
            "Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        ({"selector": {"a": "b c"}}, "spec.selector", 'Invalid value: "b c"'),
        ({"sessionAffinity": "Cookie"}, "spec.sessionAffinity", 'Unsupported value: "Cookie"'),
        (
            {"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 90000}}},
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
            "Invalid value: 90000",
        ),
        ({"clusterIP": "10.96"}, "spec.clusterIPs[0]", 'Invalid value: "10.96": must be a valid IP address'),
        ({"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.2"]}, "spec.clusterIPs", "Invalid value: "),
        ({"externalIPs": ["x"]}, "spec.externalIPs[0]", 'Invalid value: "x"'),
        (
            {"externalTrafficPolicy": "Local"},
            "spec.externalTrafficPolicy",
            'Invalid value: "Local": may only be set for externally',
        ),
        ({"ipFamilyPolicy": "Dual"}, "spec.ipFamilyPolicy", 'Unsupported value: "Dual"'),
        ({"ipFamilies": ["ipv4"]}, "spec.ipFamilies[0]", 'Unsupported value: "ipv4"'),
    ],
)
def test_refuses(change: Tree, path: str, message: str) -> None:
    errors = create_errors(Service, of_spec(change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("before", "after"),
    [({"clusterIP": "10.96.0.10"}, {"clusterIP": "10.96.0.11"}), ({}, {"clusterIP": "10.96.0.11"})],
)
def test_an_address_may_not_change(before: Tree, after: Tree) -> None:
    errors = update_errors(Service, of_spec(before), of_spec(after))
    assert found(errors, "spec.clusterIPs[0]", 'Invalid value: ["10.96.0.11"]: may not change once set')


def test_an_address_left_out_of_an_update_stays() -> None:
    old = created(Service, merged(SERVICE, ADDRESS))
    new = updated(Service, old, of_spec({"clusterIP": None}))
    assert (new.spec.cluster_ip, new.spec.cluster_ips) == ("10.96.0.10", ["10.96.0.10"])
    assert RESOURCE.strategy.validate_update(new, old) == []


def test_a_change_to_external_name_gives_the_address_back() -> None:
    old = created(Service, merged(SERVICE, ADDRESS))
    external = merged(merged(SERVICE, ADDRESS), {"spec": {"type": "ExternalName", "externalName": "example.com"}})
    external["spec"]["clusterIPs"] = ["10.96.0.10"]
    new = updated(Service, old, external)
    assert (new.spec.cluster_ip, new.spec.cluster_ips) == (None, [])
    assert RESOURCE.strategy.validate_update(new, old) == []


def test_a_change_back_to_cluster_ip_gives_node_ports_back() -> None:
    ports = [{"name": "web", "port": 80, "nodePort": 30080}]
    old = created(Service, of_spec({"clusterIP": "10.96.0.10", "type": "NodePort", "ports": ports}))
    new = updated(
        Service, old, of_spec({"clusterIP": "10.96.0.10", "ports": ports, "externalTrafficPolicy": "Cluster"})
    )
    assert (new.spec.ports[0].node_port, new.spec.external_traffic_policy) == (None, None)


@pytest.mark.parametrize(
    ("tree", "shown"),
    [
        (SERVICE, ["nginx", "ClusterIP", "None", "<none>", "80/TCP", "<unknown>", "app=nginx"]),
        (
            of_spec({"selector": None, "ports": None}),
            ["nginx", "ClusterIP", "None", "<none>", "<none>", "<unknown>", "<none>"],
        ),
        (
            of_spec(
                {
                    "clusterIP": "10.96.0.10",
                    "type": "NodePort",
                    "ports": [{"port": 80, "nodePort": 30080}],
                    "externalIPs": ["1.2.3.4"],
                }
            ),
            ["nginx", "NodePort", "10.96.0.10", "1.2.3.4", "80:30080/TCP", "<unknown>", "app=nginx"],
        ),
        (
            of_spec({"clusterIP": "10.96.0.10", "type": "LoadBalancer"}),
            ["nginx", "LoadBalancer", "10.96.0.10", "<pending>", "80/TCP", "<unknown>", "app=nginx"],
        ),
        (
            of_spec(
                {
                    "clusterIP": None,
                    "type": "ExternalName",
                    "externalName": "example.com",
                    "ports": None,
                    "selector": None,
                }
            ),
            ["nginx", "ExternalName", "<none>", "example.com", "<none>", "<unknown>", "<none>"],
        ),
    ],
)
def test_columns(tree: Tree, shown: list[str]) -> None:
    obj = defaulted(Service, tree)
    assert [column.cell(obj, NOW) for column in RESOURCE.columns] == shown


def test_a_name_is_a_label() -> None:
    assert RESOURCE.strategy.name_errors("0-nginx") == []
    assert RESOURCE.strategy.name_errors("Nginx")[0].startswith("a lowercase RFC 1123 label")
    assert RESOURCE.strategy.name_errors("a.b") == ["must not contain dots"]


def test_of_families_the_policy_is_judged_first() -> None:
    both = {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}
    errors = create_errors(Service, of_spec(both))
    assert [error.path for error in errors] == ["spec.ipFamilyPolicy", "spec.ipFamilies[1]"]
