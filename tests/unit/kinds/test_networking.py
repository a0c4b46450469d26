"""Network policies, ingresses and their classes: defaults, rules, warnings, and the lines kubectl prints."""

from datetime import UTC, datetime

import pytest

from petset.api.types import Ingress, IngressClass, NetworkPolicy
from petset.kinds import CATALOGUE
from petset.kinds.cidrs import cidr_errors
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, update_errors, updated

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
POLICY: Tree = {"metadata": {"name": "web", "namespace": "default"}, "spec": {"podSelector": {}}}
BACKEND: Tree = {"service": {"name": "web", "port": {"number": 80}}}
INGRESS: Tree = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "rules": [{"host": "web.example", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": BACKEND}]}}]
    },
}
CLASS: Tree = {"metadata": {"name": "nginx"}, "spec": {"controller": "example.com/nginx"}}


def policy(change: Tree) -> Tree:
    return merged(POLICY, {"spec": change})


def peer(change: Tree) -> Tree:
    return policy({"ingress": [{"from": [change]}]})


def port(change: Tree) -> Tree:
    return policy({"egress": [{"ports": [change]}]})


@pytest.mark.parametrize(
    ("change", "types"),
    [
        ({}, ["Ingress"]),
        ({"egress": [{}]}, ["Ingress", "Egress"]),
        ({"policyTypes": ["Egress"]}, ["Egress"]),
    ],
)
def test_a_policy_is_about_what_comes_in_unless_it_says_otherwise(change: Tree, types: list[str]) -> None:
    assert created(NetworkPolicy, policy(change)).spec.policy_types == types


def test_a_port_of_a_policy_is_tcp() -> None:
    assert created(NetworkPolicy, port({"port": 53})).spec.egress[0].ports[0].protocol == "TCP"


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        (port({"protocol": "ICMP"}), "spec.egress[0].ports[0].protocol", 'Unsupported value: "ICMP"'),
        (port({"port": 0}), "spec.egress[0].ports[0].port", "Invalid value: 0: must be between 1 and 65535"),
        (port({"port": "A"}), "spec.egress[0].ports[0].port", 'Invalid value: "A": must contain only alpha-numeric'),
        (
            port({"port": 80, "endPort": 70}),
            "spec.egress[0].ports[0].endPort",
            "Invalid value: 80: must be greater than or equal to `port`",
        ),
        (port({"port": 80, "endPort": 65536}), "spec.egress[0].ports[0].endPort", "Invalid value: 65536"),
        (
            port({"port": "web", "endPort": 70}),
            "spec.egress[0].ports[0].endPort",
            "Invalid value: 70: may not be specified when `port` is non-numeric",
        ),
        (
            port({"endPort": 70}),
            "spec.egress[0].ports[0].endPort",
            "Invalid value: 70: may not be specified when `port` is not specified",
        ),
        (peer({}), "spec.ingress[0].from[0]", "Required value: must specify a peer"),
        (
            peer({"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}),
            "spec.ingress[0].from[0]",
            "Forbidden: may not specify both ipBlock and another peer",
        ),
        (peer({"ipBlock": {}}), "spec.ingress[0].from[0].ipBlock.cidr", "Required value"),
        (
            peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["11.0.0.0/16"]}}),
            "spec.ingress[0].from[0].ipBlock.except[0]",
            'Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
        ),
        (
            peer({"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.0.0/8", "fd00::/8"]}}),
            "spec.ingress[0].from[0].ipBlock.except[1]",
            'Invalid value: "fd00::/8": must be a strict subset of `cidr`',
        ),
        (
            policy({"policyTypes": ["Ingress", "Egress", "Ingress"]}),
            "spec.policyTypes",
            'Invalid value: ["Ingress","Egress","Ingress"]: may not specify more than two policyTypes',
        ),
        (
            policy({"policyTypes": ["In"]}),
            "spec.policyTypes[0]",
            'Unsupported value: "In": supported values: "Ingress", "Egress"',
        ),
    ],
)
def test_refuses_policy(tree: Tree, path: str, message: str) -> None:
    errors = create_errors(NetworkPolicy, tree)
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10.0.0.0/8", ""),
        ("2001:db8::/64", ""),
        ("FE80:0abc:0:0::/64", ""),
        ("0.0.0.0/0", ""),
        ("10.0.0.0", "must be a valid CIDR value"),
        ("10.0.0.0/33", "must be a valid CIDR value"),
        ("10.0.0.0/+8", "must be a valid CIDR value"),
        ("10..0.0/8", "must be a valid CIDR value"),
        ("010.0.0.0/8", "must not have leading 0s in IP or prefix length"),
        ("10.0.0.0/08", "must not have leading 0s in IP or prefix length"),
        ("::ffff:10.0.0.0/104", "must not have an IPv4-mapped IPv6 address"),
        ("10.0.0.1/8", "must not have bits set beyond the prefix length"),
    ],
)
def test_a_block_of_addresses_is_read_in_one_way_only(text: str, message: str) -> None:
    errors = cidr_errors(text)
    assert len(errors) == bool(message)
    assert all(error.startswith(message) for error in errors)


def test_a_block_that_was_there_is_not_judged_again() -> None:
    strategy = CATALOGUE.of(NetworkPolicy).strategy
    old = created(NetworkPolicy, peer({"ipBlock": {"cidr": "10.0.0.1/8"}}))
    assert strategy.validate_create(old)
    new = updated(NetworkPolicy, old, peer({"ipBlock": {"cidr": "10.0.0.1/8", "except": ["10.1.0.0/16"]}}))
    assert strategy.validate_update(new, old) == []
    assert new.metadata.generation == 2


def test_a_policy_says_that_nobody_enforces_it_and_how_addresses_are_written() -> None:
    obj = created(NetworkPolicy, peer({"ipBlock": {"cidr": "FD00:0::/32", "except": ["fd00:0:1::/48"]}}))
    assert CATALOGUE.of(NetworkPolicy).strategy.warnings(obj) == [
        "NetworkPolicy is stored but not enforced: petset does not filter traffic between pods",
        (
            'spec.ingress[0].from[0].ipBlock.cidr: IPv6 CIDR value "FD00:0::/32" should be in RFC 5952 '
            'canonical format ("fd00::/32")'
        ),
    ]


def test_refuses_nothing_about_an_ingress_that_is_right() -> None:
    assert create_errors(Ingress, INGRESS) == []
    assert create_errors(Ingress, merged(INGRESS, {"spec": {"rules": None, "defaultBackend": BACKEND}})) == []


def route(change: Tree) -> Tree:
    full = merged({"path": "/", "pathType": "Prefix", "backend": BACKEND}, change)
    return merged(INGRESS, {"spec": {"rules": [{"host": "web.example", "http": {"paths": [full]}}]}})


def host(name: str) -> Tree:
    return merged(INGRESS, {"spec": {"rules": [{"host": name}]}})


def backend(change: Tree) -> Tree:
    return merged(INGRESS, {"spec": {"defaultBackend": change}})


def service(change: Tree) -> Tree:
    return backend({"service": merged({"name": "web", "port": {"number": 80}}, change)})


HTTP = "spec.rules[0].http.paths[0]"


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        (
            merged(INGRESS, {"spec": {"rules": None}}),
            "spec",
            "Invalid value: null: either `defaultBackend` or `rules` must be specified",
        ),
        (host("10.0.0.1"), "spec.rules[0].host", 'Invalid value: "10.0.0.1": must be a DNS name, not an IP address'),
        (host("A.example"), "spec.rules[0].host", 'Invalid value: "A.example": a lowercase RFC 1123 subdomain'),
        (host("*.*.example"), "spec.rules[0].host", 'Invalid value: "*.*.example": a wildcard DNS-1123 subdomain'),
        (merged(INGRESS, {"spec": {"rules": [{"http": {}}]}}), "spec.rules[0].http.paths", "Required value"),
        (route({"pathType": None}), f"{HTTP}.pathType", "Required value: pathType must be specified"),
        (
            route({"pathType": "Regex"}),
            f"{HTTP}.pathType",
            'Unsupported value: "Regex": supported values: "Exact", "ImplementationSpecific", "Prefix"',
        ),
        (route({"path": "a"}), f"{HTTP}.path", 'Invalid value: "a": must be an absolute path'),
        (route({"path": None}), f"{HTTP}.path", 'Invalid value: "": must be an absolute path'),
        (route({"path": "/a//b"}), f"{HTTP}.path", "Invalid value: \"/a//b\": must not contain '//'"),
        (route({"path": "/a/.."}), f"{HTTP}.path", "Invalid value: \"/a/..\": cannot end with '/..'"),
        (
            route({"path": "a", "pathType": "ImplementationSpecific"}),
            f"{HTTP}.path",
            'Invalid value: "a": must be an absolute path',
        ),
        (backend({}), "spec.defaultBackend", 'Invalid value: "": resource or service backend is required'),
        (
            backend({**BACKEND, "resource": {"kind": "Bucket", "name": "b"}}),
            "spec.defaultBackend",
            'Invalid value: "": cannot set both resource and service backends',
        ),
        (backend({"resource": {"name": "b"}}), "spec.defaultBackend.resource.kind", "Required value"),
        (
            backend({"resource": {"apiGroup": "A", "kind": "a/b", "name": "."}}),
            "spec.defaultBackend.resource.kind",
            "Invalid value: \"a/b\": may not contain '/'",
        ),
        (service({"name": None}), "spec.defaultBackend.service.name", "Required value"),
        (service({"name": "a.b"}), "spec.defaultBackend.service.name", 'Invalid value: "a.b": must not contain dots'),
        (service({"port": None}), "spec.defaultBackend", "Required value: port name or number is required"),
        (
            service({"port": {"name": "web", "number": 80}}),
            "spec.defaultBackend",
            'Invalid value: "": cannot set both port name & port number',
        ),
        (service({"port": {"number": 70000}}), "spec.defaultBackend.service.port.number", "Invalid value: 70000"),
        (
            service({"port": {"number": None, "name": "a--b"}}),
            "spec.defaultBackend.service.port.name",
            'Invalid value: "a--b": must not contain consecutive hyphens',
        ),
        (
            merged(INGRESS, {"spec": {"tls": [{"hosts": ["A"], "secretName": "b"}]}}),
            "spec.tls[0].hosts[0]",
            'Invalid value: "A"',
        ),
        (
            merged(INGRESS, {"spec": {"tls": [{"hosts": ["*"], "secretName": "B"}]}}),
            "spec.tls[0].secretName",
            'Invalid value: "B"',
        ),
        (merged(INGRESS, {"spec": {"ingressClassName": "A"}}), "spec.ingressClassName", 'Invalid value: "A"'),
        (
            merged(
                INGRESS,
                {"metadata": {"annotations": {"kubernetes.io/ingress.class": "b"}}, "spec": {"ingressClassName": "a"}},
            ),
            "annotations.kubernetes.io/ingress.class",
            'Invalid value: "b": must match `ingressClassName` when both are specified',
        ),
    ],
)
def test_refuses_ingress(tree: Tree, path: str, message: str) -> None:
    errors = create_errors(Ingress, tree)
    assert found(errors, path, message), errors


@pytest.mark.parametrize("path", ["", "/", "/a//b", "/a/.."])
def test_an_implementation_reads_its_own_paths_as_it_likes(path: str) -> None:
    assert create_errors(Ingress, route({"path": path, "pathType": "ImplementationSpecific"})) == []


@pytest.mark.parametrize(
    ("point", "field", "message"),
    [
        ({"ip": "1.2.3"}, "ip", 'Invalid value: "1.2.3": must be a valid IP address'),
        ({"hostname": "1.2.3.4"}, "hostname", 'Invalid value: "1.2.3.4": must be a DNS name, not an IP address'),
        ({"hostname": "A"}, "hostname", 'Invalid value: "A"'),
    ],
)
def test_refuses_ingress_status(point: Tree, field: str, message: str) -> None:
    strategy = CATALOGUE.of(Ingress).status
    assert strategy is not None
    old = created(Ingress, INGRESS)
    new = defaulted(Ingress, merged(INGRESS, {"status": {"loadBalancer": {"ingress": [point]}}}))
    strategy.prepare_update(new, old)
    errors = strategy.validate_update(new, old)
    assert found(errors, f"status.loadBalancer.ingress[0].{field}", message), errors


@pytest.mark.parametrize(
    ("annotations", "class_name", "warnings"),
    [
        ({}, None, 1),
        ({"kubernetes.io/ingress.class": "a"}, None, 2),
        ({"kubernetes.io/ingress.class": "a"}, "a", 1),
    ],
)
def test_an_ingress_says_that_nobody_serves_it(annotations: Tree, class_name: str | None, warnings: int) -> None:
    tree = merged(INGRESS, {"metadata": {"annotations": annotations}, "spec": {"ingressClassName": class_name}})
    said = CATALOGUE.of(Ingress).strategy.warnings(created(Ingress, tree))
    assert said[0] == "Ingress is stored but has no effect: petset runs no ingress controller"
    assert len(said) == warnings


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"controller": None}, "spec.controller", "Required value"),
        ({"controller": "nginx"}, "spec.controller", 'Invalid value: "nginx": must be a domain-prefixed path'),
        ({"controller": "A.b/x"}, "spec.controller", 'Invalid value: "A.b": a lowercase RFC 1123 subdomain'),
        ({"controller": "a.b/x y"}, "spec.controller", 'Invalid value: "x y": Invalid path'),
        ({"controller": "a.b/" + "x" * 250}, "spec.controller", "Too long: may not be more than 250 bytes"),
        ({"parameters": {"name": "p"}}, "spec.parameters.kind", "Required value"),
        ({"parameters": {"kind": "K"}}, "spec.parameters.name", "Required value"),
        ({"parameters": {"kind": "K", "name": "p", "apiGroup": "A"}}, "spec.parameters.apiGroup", 'Invalid value: "A"'),
        (
            {"parameters": {"kind": "K", "name": "p", "scope": "All"}},
            "spec.parameters.scope",
            'Unsupported value: "All": supported values: "Cluster", "Namespace"',
        ),
        (
            {"parameters": {"kind": "K", "name": "p", "scope": "Namespace"}},
            "spec.parameters.namespace",
            "Required value: `parameters.scope` is set to 'Namespace'",
        ),
        (
            {"parameters": {"kind": "K", "name": "p", "namespace": "n"}},
            "spec.parameters.namespace",
            "Forbidden: `parameters.scope` is set to 'Cluster'",
        ),
        (
            {"parameters": {"kind": "K", "name": "p", "scope": "Namespace", "namespace": "N"}},
            "spec.parameters.namespace",
            'Invalid value: "N"',
        ),
    ],
)
def test_refuses_ingress_class(spec: Tree, path: str, message: str) -> None:
    errors = create_errors(IngressClass, merged(CLASS, {"spec": spec}))
    assert found(errors, path, message), errors


def test_the_controller_of_a_class_stays() -> None:
    after = merged(CLASS, {"spec": {"controller": "example.com/other"}})
    errors = update_errors(IngressClass, CLASS, after)
    assert found(errors, "spec.controller", 'Invalid value: "example.com/other": field is immutable')


def test_lines_of_kubectl() -> None:
    rules = [{"host": f"{letter}.example"} for letter in "abcde"]
    ingress = created(Ingress, merged(INGRESS, {"spec": {"rules": rules, "tls": [{"hosts": ["a.example"]}]}}))
    cells = [column.cell(ingress, NOW) for column in CATALOGUE.of(Ingress).columns]
    assert cells[:5] == ["web", "<none>", "a.example,b.example,c.example + 2 more...", "", "80, 443"]
    named = merged(CLASS, {"spec": {"parameters": {"apiGroup": "a.b", "kind": "K", "name": "p"}}})
    named = merged(named, {"metadata": {"annotations": {"ingressclass.kubernetes.io/is-default-class": "true"}}})
    cells = [column.cell(created(IngressClass, named), NOW) for column in CATALOGUE.of(IngressClass).columns]
    assert cells[:3] == ["nginx (default)", "example.com/nginx", "K.a.b/p"]
    selecting = policy({"podSelector": {"matchLabels": {"app": "web"}}})
    columns = CATALOGUE.of(NetworkPolicy).columns
    assert [
        column.cell(created(NetworkPolicy, tree), NOW) for tree in (selecting, POLICY) for column in columns[:2]
    ] == [
        "web",
        "app=web",
        "web",
        "<none>",
    ]
