"""A pod's /etc/resolv.conf, from its dnsPolicy and dnsConfig and the machine's own. Pure.

Rules: kubernetes.io/docs/concepts/services-networking/dns-pod-service and the kubelet's pkg/kubelet/network/dns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from petset.api.types import Pod, PodDNSConfig

MOST_NAMESERVERS = 3
MOST_SEARCHES = 32
LONGEST_SEARCH_LINE = 2048


@dataclass(frozen=True, slots=True)
class ResolvConf:
    """The three kinds of lines that matter."""

    nameservers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def render(self) -> str:
        """The file's text."""
        lines = [f"search {' '.join(self.searches)}"] if self.searches else []
        lines += [f"nameserver {server}" for server in self.nameservers]
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class PodResolvConf:
    """What the pod gets. `warnings` are messages for DNSConfigForming events about what had to be left out."""

    conf: ResolvConf
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterDns:
    """The cluster's domain and the address of its DNS server."""

    domain: str
    address: str


def parse_resolv_conf(text: str) -> ResolvConf:
    """Reads a resolv.conf: the last search line wins, options add up, other lines do not matter."""
    nameservers: list[str] = []
    searches: tuple[str, ...] = ()
    options: list[str] = []
    for line in text.splitlines():
        words = line.split()
        match words:
            case ["nameserver", address, *_]:
                nameservers.append(address)
            case ["search", *domains]:
                searches = tuple(domain if domain == "." else domain.removesuffix(".") for domain in domains)
            case ["options", *more]:
                options += more
    return ResolvConf(tuple(nameservers), searches, merged_options([], options))


def pod_resolv_conf(pod: Pod, cluster: ClusterDns, host: ResolvConf) -> PodResolvConf:
    """What the pod's /etc/resolv.conf says."""
    policy = pod.spec.dns_policy or "ClusterFirst"
    host_network = bool(pod.spec.host_network)
    if policy == "None":
        conf = ResolvConf()
    elif policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not host_network):
        namespace = pod.metadata.namespace or "default"
        own = (f"{namespace}.svc.{cluster.domain}", f"svc.{cluster.domain}", cluster.domain)
        conf = ResolvConf((cluster.address,), unique([*own, *host.searches]), ("ndots:5",))
    elif host_network:
        conf = host
    else:
        # A resolver on the machine's loopback is out of a pod's reach; the cluster's DNS asks it on the pod's behalf.
        servers = (cluster.address if is_loopback(server) else server for server in host.nameservers)
        conf = ResolvConf(unique(servers), host.searches, host.options)
    return fit(extend(conf, pod.spec.dns_config))


def extend(conf: ResolvConf, config: PodDNSConfig | None) -> ResolvConf:
    """Adds a pod's dnsConfig: servers and searches behind those present, options in place of those of the same name."""
    if config is None:
        return conf
    options = [
        option.name if option.value in (None, "") else f"{option.name}:{option.value}"
        for option in config.options
        if option.name
    ]
    return ResolvConf(
        unique([*conf.nameservers, *config.nameservers]),
        unique([*conf.searches, *config.searches]),
        merged_options(conf.options, options),
    )


def fit(conf: ResolvConf) -> PodResolvConf:
    """Cuts what exceeds the limits that resolvers have."""
    warnings = []
    nameservers = conf.nameservers[:MOST_NAMESERVERS]
    if nameservers != conf.nameservers:
        warnings.append(
            "Nameserver limits were exceeded, some nameservers have been omitted, "
            f"the applied nameserver line is: {' '.join(nameservers)}"
        )
    searches = conf.searches[:MOST_SEARCHES]
    while len(" ".join(searches)) > LONGEST_SEARCH_LINE:
        searches = searches[:-1]
    if searches != conf.searches:
        warnings.append(
            "Search Line limits were exceeded, some search paths have been omitted, "
            f"the applied search line is: {' '.join(searches)}"
        )
    return PodResolvConf(ResolvConf(nameservers, searches, conf.options), tuple(warnings))


def merged_options(present: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """Options by name; the later of two wins, in the place of the earlier."""
    return tuple({option.split(":", 1)[0]: option for option in [*present, *more]}.values())


def unique(values: Iterable[str]) -> tuple[str, ...]:
    """The values in order, each once."""
    return tuple(dict.fromkeys(values))


def is_address(server: str) -> bool:
    """Whether a nameserver line holds an IP address, for IPv6 perhaps with a zone as in fe80::1%eth0."""
    try:
        ip_address(server.partition("%")[0])
    except ValueError:
        return False
    return True


def is_loopback(server: str) -> bool:
    """Whether a nameserver line names this machine."""
    return is_address(server) and ip_address(server.partition("%")[0]).is_loopback
