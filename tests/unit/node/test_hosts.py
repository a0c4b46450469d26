import pytest

from petset.api.types import HostAlias, ObjectMeta, Pod, PodSpec
from petset.node.hosts import HostnameTooLong, PodName, host_network_hosts, pod_hosts, pod_name

DOMAIN = "cluster.local"


def pod(name: str, spec: PodSpec) -> Pod:
    return Pod(metadata=ObjectMeta(name=name, namespace="default"), spec=spec)


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("web-0", PodSpec(), PodName("web-0", "web-0", None)),
        ("web-0", PodSpec(hostname="first"), PodName("first", "first", None)),
        (
            "web-0",
            PodSpec(hostname="web-0", subdomain="nginx"),
            PodName("web-0", "web-0", "web-0.nginx.default.svc.cluster.local"),
        ),
        ("x", PodSpec(subdomain="nginx"), PodName("x", "x", "x.nginx.default.svc.cluster.local")),
        (
            "web-0",
            PodSpec(subdomain="nginx", set_hostname_as_fqdn=True),
            PodName("web-0.nginx.default.svc.cluster.local", "web-0", "web-0.nginx.default.svc.cluster.local"),
        ),
        ("web-0", PodSpec(set_hostname_as_fqdn=True), PodName("web-0", "web-0", None)),
        ("a" * 62 + "-b", PodSpec(), PodName("a" * 62, "a" * 62, None)),
        ("web-0", PodSpec(subdomain="nginx", hostname_override="odd.name"), PodName("odd.name", "odd.name", None)),
    ],
)
def test_the_names_of_a_pod(name: str, spec: PodSpec, expected: PodName) -> None:
    assert pod_name(pod(name, spec), DOMAIN) == expected


def test_a_full_name_the_kernel_does_not_take_is_an_error() -> None:
    with pytest.raises(HostnameTooLong, match=r"too long \(64 characters is the max, 92 characters requested\)"):
        pod_name(pod("a" * 60, PodSpec(subdomain="nginx", set_hostname_as_fqdn=True)), DOMAIN)


def test_the_hosts_file_names_the_pod_itself() -> None:
    name = PodName("web-0", "web-0", "web-0.nginx.default.svc.cluster.local")
    text = pod_hosts(["10.244.0.3"], name, [])
    assert "127.0.0.1\tlocalhost\n" in text
    assert text.endswith("\n10.244.0.3\tweb-0.nginx.default.svc.cluster.local\tweb-0\n")
    assert pod_hosts(["10.244.0.3"], PodName("x", "x", None), []).endswith("\n10.244.0.3\tx\n")


def test_aliases_are_added_at_the_end() -> None:
    aliases = [HostAlias(ip="192.0.2.7", hostnames=["foo", "bar"]), HostAlias(ip="192.0.2.8", hostnames=["baz"])]
    ending = "192.0.2.7\tfoo\tbar\n192.0.2.8\tbaz\n"
    assert pod_hosts(["10.244.0.3"], PodName("x", "x", None), aliases).endswith(ending)
    assert host_network_hosts("127.0.0.1 localhost", aliases).startswith("127.0.0.1 localhost\n\n#")
    assert host_network_hosts("127.0.0.1 localhost\n", []) == "127.0.0.1 localhost\n"
