"""Table: what is asked of a small cluster, and what is answered."""

from ipaddress import IPv4Network

import pytest

from petset.node.dns.records import (
    Answer,
    EndpointRecord,
    PortRecord,
    Question,
    Record,
    ServiceRecord,
    Soa,
    Srv,
    Zone,
    answer,
)

ZONE = Zone("cluster.local", "10.96.0.10", (IPv4Network("10.244.0.0/16"), IPv4Network("10.96.0.0/16")))
WEB, METRICS, PLAIN = PortRecord("web", "TCP", 80), PortRecord("metrics", "UDP", 9100), PortRecord("", "TCP", 7)


def endpoint(octet: int, hostname: str | None = None, ready: bool = True) -> EndpointRecord:
    return EndpointRecord(f"10.244.0.{octet}", hostname, ready, (WEB, METRICS))


SERVICES = [
    ServiceRecord(
        "nginx",
        "default",
        headless=True,
        ports=(WEB, METRICS),
        endpoints=(endpoint(3, "web-0"), endpoint(4, "web-1"), endpoint(5, "web-2", ready=False), endpoint(6)),
    ),
    ServiceRecord("peers", "default", headless=True, publish_not_ready=True, endpoints=(endpoint(5, "web-2", False),)),
    ServiceRecord("empty", "default", headless=True, endpoints=(endpoint(5, "web-2", ready=False),)),
    ServiceRecord(
        "api", "default", ("10.96.0.7",), ports=(WEB, PLAIN), endpoints=(EndpointRecord("10.244.0.3", None, True),)
    ),
    ServiceRecord("dual", "default", ("10.96.0.8", "fd00::8"), ports=(WEB,)),
    ServiceRecord("pending", "default"),
    ServiceRecord("outside", "default", external_name="DB.Example.com."),
    ServiceRecord("inside", "default", external_name="nginx.default.svc.cluster.local"),
    ServiceRecord("loop", "default", external_name="loop.default.svc.cluster.local"),
]
NAMES = {"10.244.0.3": ("web-0.nginx.default.svc",), "10.96.0.7": ("api.default.svc",)}


class SmallCluster:
    def service(self, namespace: str, name: str) -> ServiceRecord | None:
        return next((svc for svc in SERVICES if (svc.namespace, svc.name) == (namespace, name)), None)

    def has_namespace(self, namespace: str) -> bool:
        return namespace == "default"

    def has_pod(self, namespace: str, ip: str) -> bool:
        return (namespace, ip) == ("default", "10.244.0.3")

    def names(self, ip: str) -> tuple[str, ...]:
        return NAMES.get(ip, ())


def ask(name: str, type_: str) -> Answer:
    result = answer(SmallCluster(), Question(name, type_), ZONE)
    assert result is not None
    return result


def data(records: tuple[Record, ...]) -> list[str]:
    return [
        f"{record.data.port} {record.data.target}" if isinstance(record.data, Srv) else str(record.data)
        for record in records
    ]


@pytest.mark.parametrize(
    ("name", "type_", "expected"),
    [
        ("nginx.default.svc", "A", ["10.244.0.3", "10.244.0.4", "10.244.0.6"]),
        ("web-0.nginx.default.svc", "A", ["10.244.0.3"]),
        ("10-244-0-6.nginx.default.svc", "A", ["10.244.0.6"]),
        ("peers.default.svc", "A", ["10.244.0.5"]),
        ("web-2.peers.default.svc", "A", ["10.244.0.5"]),
        ("api.default.svc", "A", ["10.96.0.7"]),
        ("10-244-0-3.api.default.svc", "A", ["10.244.0.3"]),
        ("dual.default.svc", "A", ["10.96.0.8"]),
        ("dual.default.svc", "AAAA", ["fd00::8"]),
        ("dual.default.svc", "ANY", ["10.96.0.8", "fd00::8", "80 dual.default.svc.cluster.local"]),
        ("10-244-0-3.default.pod", "A", ["10.244.0.3"]),
        ("dns-version", "TXT", ["1.1.0"]),
        ("ns.dns", "A", ["10.96.0.10"]),
        ("_web._tcp.api.default.svc", "SRV", ["80 api.default.svc.cluster.local"]),
        (
            "_web._tcp.nginx.default.svc",
            "SRV",
            [f"80 {label}.nginx.default.svc.cluster.local" for label in ("web-0", "web-1", "10-244-0-6")],
        ),
        ("_metrics._udp.peers.default.svc", "SRV", ["9100 web-2.peers.default.svc.cluster.local"]),
        (
            "web-0.nginx.default.svc",
            "SRV",
            ["80 web-0.nginx.default.svc.cluster.local", "9100 web-0.nginx.default.svc.cluster.local"],
        ),
        ("api.default.svc", "SRV", ["80 api.default.svc.cluster.local", "7 api.default.svc.cluster.local"]),
        ("outside.default.svc", "CNAME", ["db.example.com"]),
        (
            "inside.default.svc",
            "A",
            ["nginx.default.svc.cluster.local", "10.244.0.3", "10.244.0.4", "10.244.0.6"],
        ),
    ],
)
def test_names_that_exist(name: str, type_: str, expected: list[str]) -> None:
    result = ask(f"{name}.cluster.local", type_)
    assert (result.rcode, data(result.answers), result.follow) == ("NOERROR", expected, None)
    assert not result.authority


@pytest.mark.parametrize(
    ("name", "type_"),
    [
        ("nginx.default.svc", "AAAA"),
        ("web-0.nginx.default.svc", "AAAA"),
        ("web-0.nginx.default.svc", "TXT"),
        ("api.default.svc", "MX"),
        ("pending.default.svc", "A"),
        ("_tcp.nginx.default.svc", "SRV"),
        ("_web._tcp.api.default.svc", "A"),
        ("default.svc", "A"),
        ("default.pod", "A"),
        ("svc", "A"),
        ("dns-version", "A"),
    ],
)
def test_names_that_exist_with_other_types_only(name: str, type_: str) -> None:
    result = ask(f"{name}.cluster.local", type_)
    assert (result.rcode, result.answers) == ("NOERROR", ())
    assert result.authority == (
        Record("cluster.local", "SOA", 0, Soa("ns.dns.cluster.local", "hostmaster.cluster.local")),
    )


@pytest.mark.parametrize(
    "name",
    [
        "web-2.nginx.default.svc",  # not ready
        "web-7.nginx.default.svc",
        "10-244-0-3.nginx.default.svc",  # has a hostname instead
        "x.web-0.nginx.default.svc",
        "empty.default.svc",  # headless, nothing ready
        "nginx.other.svc",
        "other.svc",
        "missing.default.svc",
        "_http._tcp.nginx.default.svc",
        "_web._udp.nginx.default.svc",
        "__tcp.api.default.svc",  # unnamed ports have no name
        "_._tcp.api.default.svc",
        "_sctp.nginx.default.svc",
        "a._web._tcp.nginx.default.svc",
        "10-244-0-9.default.pod",
        "10-244-0-3.other.pod",
        "web-0.default.pod",
        "example.com",
        "a.b.c.d.e",
    ],
)
@pytest.mark.parametrize("type_", ["A", "SRV"])
def test_names_that_do_not_exist(name: str, type_: str) -> None:
    result = ask(f"{name}.cluster.local", type_)
    assert (result.rcode, result.answers, len(result.authority)) == ("NXDOMAIN", (), 1)


def test_the_apex_names_its_server() -> None:
    assert data(ask("cluster.local", "NS").answers) == ["ns.dns.cluster.local"]
    assert [record.type for record in ask("cluster.local", "SOA").answers] == ["SOA"]


@pytest.mark.parametrize("name", ["example.com", "cluster.local.example.com", "mycluster.local", "local", "", "nginx"])
def test_names_outside_the_domain_are_somebody_elses(name: str) -> None:
    assert answer(SmallCluster(), Question(name, "A"), ZONE) is None


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("api.default.svc", [50, 50]),
        ("_web._tcp.api.default.svc", [100]),
        ("_web._tcp.nginx.default.svc", [33, 33, 33]),
    ],
)
def test_a_hundred_is_shared_out_as_the_weights_of_an_answer(name: str, weights: list[int]) -> None:
    records = ask(f"{name}.cluster.local", "SRV").answers
    assert [record.data.weight for record in records if isinstance(record.data, Srv)] == weights


def test_srv_answers_bring_the_targets_addresses() -> None:
    additional = ask("_web._tcp.nginx.default.svc.cluster.local", "SRV").additional
    assert [(record.name.split(".")[0], record.data) for record in additional] == [
        ("web-0", "10.244.0.3"),
        ("web-1", "10.244.0.4"),
        ("10-244-0-6", "10.244.0.6"),
    ]


def test_an_external_name_is_followed_outside() -> None:
    result = ask("outside.default.svc.cluster.local", "A")
    assert (data(result.answers), result.follow) == (["db.example.com"], "db.example.com")


def test_external_names_that_name_each_other_end() -> None:
    assert set(data(ask("loop.default.svc.cluster.local", "A").answers)) == {"loop.default.svc.cluster.local"}


@pytest.mark.parametrize(
    ("name", "rcode", "expected"),
    [
        ("3.0.244.10.in-addr.arpa", "NOERROR", ["web-0.nginx.default.svc.cluster.local"]),
        ("7.0.96.10.in-addr.arpa", "NOERROR", ["api.default.svc.cluster.local"]),
        ("9.9.244.10.in-addr.arpa", "NXDOMAIN", []),
        ("9.96.10.in-addr.arpa", "NOERROR", []),
        ("244.10.in-addr.arpa", "NOERROR", []),
    ],
)
def test_addresses_in_our_ranges_are_ours_to_answer(name: str, rcode: str, expected: list[str]) -> None:
    result = ask(name, "PTR")
    assert (result.rcode, data(result.answers)) == (rcode, expected)
    if not expected:
        assert [record.name for record in result.authority] == [".".join(name.split(".")[-4:])]


@pytest.mark.parametrize(
    "name",
    [
        "1.0.0.127.in-addr.arpa",
        "10.in-addr.arpa",
        "in-addr.arpa",
        "arpa",
        "300.0.244.10.in-addr.arpa",
        "x.244.10.in-addr.arpa",
        "1.1.0.244.10.in-addr.arpa",
        "0." * 32 + "ip6.arpa",
        "z." * 32 + "ip6.arpa",
    ],
)
def test_other_reverse_names_are_somebody_elses(name: str) -> None:
    assert answer(SmallCluster(), Question(name, "PTR"), ZONE) is None


def test_a_known_address_outside_our_ranges_has_its_name() -> None:
    class External(SmallCluster):
        def names(self, ip: str) -> tuple[str, ...]:
            return ("db.default.svc",) if ip == "fd00::8" else ()

    result = answer(External(), Question("8." + "0." * 27 + "0.0.d.f.ip6.arpa", "PTR"), ZONE)
    assert result is not None
    assert data(result.answers) == ["db.default.svc.cluster.local"]


def test_answers_live_a_second_and_absence_not_at_all() -> None:
    assert {record.ttl for record in ask("nginx.default.svc.cluster.local", "A").answers} == {1}
    assert ask("web-9.nginx.default.svc.cluster.local", "A").authority[0].ttl == 0
