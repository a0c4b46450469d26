import pytest

from petset.api.types import ObjectMeta, Pod, PodDNSConfig, PodDNSConfigOption, PodSpec
from petset.node.dns.resolv import ClusterDns, ResolvConf, fit, parse_resolv_conf, pod_resolv_conf

CLUSTER = ClusterDns("cluster.local", "10.96.0.10")
HOST = ResolvConf(("192.0.2.53",), ("example.com",), ("timeout:1",))
CLUSTER_FIRST = ResolvConf(
    ("10.96.0.10",),
    ("default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.com"),
    ("ndots:5",),
)


def resolv_conf(spec: PodSpec, host: ResolvConf = HOST) -> ResolvConf:
    pod = Pod(metadata=ObjectMeta(name="web-0", namespace="default"), spec=spec)
    return pod_resolv_conf(pod, CLUSTER, host).conf


@pytest.mark.parametrize(
    ("policy", "host_network", "expected"),
    [
        (None, False, CLUSTER_FIRST),
        ("ClusterFirst", False, CLUSTER_FIRST),
        ("ClusterFirst", True, HOST),
        ("ClusterFirstWithHostNet", True, CLUSTER_FIRST),
        ("ClusterFirstWithHostNet", False, CLUSTER_FIRST),
        ("Default", False, HOST),
        ("Default", True, HOST),
        ("None", False, ResolvConf()),
    ],
)
def test_the_policy_decides_where_names_are_looked_up(
    policy: str | None, host_network: bool, expected: ResolvConf
) -> None:
    assert resolv_conf(PodSpec(dns_policy=policy, host_network=host_network)) == expected


def test_dns_config_adds_servers_and_searches_and_replaces_options() -> None:
    config = PodDNSConfig(
        nameservers=["192.0.2.1", "10.96.0.10"],
        searches=["cluster.local", "ns1.example"],
        options=[PodDNSConfigOption(name="ndots", value="2"), PodDNSConfigOption(name="edns0")],
    )
    assert resolv_conf(PodSpec(dns_config=config)) == ResolvConf(
        ("10.96.0.10", "192.0.2.1"), (*CLUSTER_FIRST.searches, "ns1.example"), ("ndots:2", "edns0")
    )


def test_policy_none_uses_dns_config_alone() -> None:
    config = PodDNSConfig(nameservers=["192.0.2.1"], searches=["a.example"])
    assert resolv_conf(PodSpec(dns_policy="None", dns_config=config)) == ResolvConf(("192.0.2.1",), ("a.example",))


def test_a_resolver_on_the_machines_loopback_is_asked_through_the_cluster() -> None:
    host = ResolvConf(("127.0.0.53", "::1", "192.0.2.53"), ("example.com",), ("edns0",))
    assert resolv_conf(PodSpec(dns_policy="Default"), host).nameservers == ("10.96.0.10", "192.0.2.53")
    assert resolv_conf(PodSpec(dns_policy="Default", host_network=True), host) == host


def test_limits_cut_and_say_so() -> None:
    result = fit(ResolvConf(("1", "2", "3", "4"), tuple(f"s{number}" for number in range(40))))
    assert result.conf.nameservers == ("1", "2", "3")
    assert len(result.conf.searches) == 32
    assert [warning.split(" limits")[0] for warning in result.warnings] == ["Nameserver", "Search Line"]
    assert result.warnings[0].endswith("the applied nameserver line is: 1 2 3")


def test_the_search_line_is_cut_at_2048_characters() -> None:
    result = fit(ResolvConf(searches=tuple(f"{number:02}" + "x" * 98 for number in range(30))))
    assert len(result.conf.searches) == 20
    assert len(" ".join(result.conf.searches)) <= 2048


def test_a_file_is_read_as_resolvers_read_it() -> None:
    text = """
# comment
domain ignored.example
nameserver 192.0.2.53  # trailing words do not matter
nameserver fe80::1%eth0
search first.example
search example.com. corp.example .
options timeout:1 attempts:3
options timeout:2 rotate
garbage
nameserver
"""
    assert parse_resolv_conf(text) == ResolvConf(
        ("192.0.2.53", "fe80::1%eth0"), ("example.com", "corp.example", "."), ("timeout:2", "attempts:3", "rotate")
    )


def test_the_text_can_be_read_back() -> None:
    assert CLUSTER_FIRST.render() == (
        "search default.svc.cluster.local svc.cluster.local cluster.local example.com\n"
        "nameserver 10.96.0.10\noptions ndots:5\n"
    )
    assert parse_resolv_conf(CLUSTER_FIRST.render()) == CLUSTER_FIRST
    assert ResolvConf().render() == ""
