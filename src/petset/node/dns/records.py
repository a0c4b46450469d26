"""The answers of the cluster's DNS, as a pure function of a picture of the cluster.

Rules: Kubernetes DNS-Based Service Discovery 1.1.0 (github.com/kubernetes/dns, docs/specification.md). Beyond it, as
CoreDNS does and clients have come to expect: SRV records on the Service's own name and on an endpoint's.
Names are in lower case and without the final dot throughout.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_address
from typing import Literal, Protocol

SCHEMA_VERSION = "1.1.0"
LONGEST_CHAIN = 8  # of ExternalName Services that name each other

Rcode = Literal["NOERROR", "NXDOMAIN"]


@dataclass(frozen=True, slots=True)
class PortRecord:
    """A port of a Service, or of an endpoint."""

    name: str
    protocol: str
    port: int


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """An endpoint of a Service. `hostname` is set for pods whose subdomain is the Service."""

    ip: str
    hostname: str | None
    ready: bool
    ports: tuple[PortRecord, ...] = ()

    @property
    def label(self) -> str:
        """Its name below the Service's."""
        return self.hostname or ip_label(self.ip)


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """A Service: with cluster addresses, or headless, or an alias of an external name."""

    name: str
    namespace: str
    cluster_ips: tuple[str, ...] = ()
    headless: bool = False
    external_name: str | None = None
    publish_not_ready: bool = False
    ports: tuple[PortRecord, ...] = ()
    endpoints: tuple[EndpointRecord, ...] = ()

    @property
    def published(self) -> list[EndpointRecord]:
        """The endpoints that have names."""
        return [endpoint for endpoint in self.endpoints if endpoint.ready or self.publish_not_ready]


class View(Protocol):
    """What the answers are computed from."""

    def service(self, namespace: str, name: str) -> ServiceRecord | None:
        """The Service, if there is one."""
        ...

    def has_namespace(self, namespace: str) -> bool:
        """Whether anything with a name lives in the namespace."""
        ...

    def has_pod(self, namespace: str, ip: str) -> bool:
        """Whether a pod of the namespace has the address."""
        ...

    def names(self, ip: str) -> tuple[str, ...]:
        """The names of an address, relative to the cluster's domain."""
        ...


@dataclass(frozen=True, slots=True)
class Zone:
    """What this DNS is responsible for: names below `domain`, and addresses in the `reverse` ranges.

    `address` is the server's own; `ttl` is in seconds. Addresses change with every pod, so the default is short.
    """

    domain: str
    address: str
    reverse: tuple[IPv4Network, ...] = ()
    ttl: int = 1


@dataclass(frozen=True, slots=True)
class Question:
    """A name and the type of record wanted, such as A, SRV or ANY."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Srv:
    """The data of an SRV record."""

    port: int
    target: str
    weight: int
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Soa:
    """The data of an SOA record. `minimum` is how long absence may be remembered: not at all."""

    server: str
    mailbox: str
    serial: int = 1
    refresh: int = 7200
    retry: int = 1800
    expire: int = 86400
    minimum: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record. `data` is text except for SRV and SOA."""

    name: str
    type: str
    ttl: int
    data: str | Srv | Soa


@dataclass(frozen=True, slots=True)
class Answer:
    """What to say. `follow` is a name outside the zone to which the last CNAME leads: its records are still missing."""

    rcode: Rcode
    answers: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    follow: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """A name that exists: how to make its records, by type, and those that help with them."""

    records: Mapping[str, Callable[[], Iterable[Record]]] = field(default_factory=dict)
    helpers: Callable[[], Iterable[Record]] = tuple


def answer(view: View, question: Question, zone: Zone) -> Answer | None:
    """The answer to a question, or None when it is somebody else's to give."""
    labels = question.name.split(".") if question.name else []
    if labels[-1:] == ["arpa"]:
        return _reverse(view, question, zone)
    domain = zone.domain.split(".")
    if labels[-len(domain) :] != domain:
        return None
    return _forward(view, question, zone, LONGEST_CHAIN)


def _forward(view: View, question: Question, zone: Zone, chain: int) -> Answer:
    relative = question.name.split(".")[: -len(zone.domain.split("."))]
    alias = _alias(view, relative)
    if alias is not None:
        return _follow(view, question, zone, (alias, chain))
    return _select(_find(view, relative, zone), question, _soa(zone.domain, zone))


def _select(found: _Found | None, question: Question, soa: Record) -> Answer:
    if found is None:
        return Answer("NXDOMAIN", authority=(soa,))
    makers = found.records.values() if question.type == "ANY" else filter(None, [found.records.get(question.type)])
    records = tuple(record for make in makers for record in make())
    if not records:
        return Answer("NOERROR", authority=(soa,))
    return Answer("NOERROR", records, additional=tuple(found.helpers()) if question.type == "SRV" else ())


def _soa(owner: str, zone: Zone) -> Record:
    return Record(owner, "SOA", 0, Soa(f"ns.dns.{zone.domain}", f"hostmaster.{zone.domain}"))


def _alias(view: View, relative: list[str]) -> str | None:
    if len(relative) != 3 or relative[2] != "svc":
        return None
    service = view.service(relative[1], relative[0])
    return service.external_name.lower().rstrip(".") if service and service.external_name else None


def _follow(view: View, question: Question, zone: Zone, link: tuple[str, int]) -> Answer:
    target, chain = link
    alias = Record(question.name, "CNAME", zone.ttl, target)
    if question.type == "CNAME" or chain == 0:
        return Answer("NOERROR", (alias,))
    if not f".{target}".endswith(f".{zone.domain}"):
        return Answer("NOERROR", (alias,), follow=target)
    rest = _forward(view, Question(target, question.type), zone, chain - 1)
    return Answer(rest.rcode, (alias, *rest.answers), rest.authority, rest.additional, rest.follow)


def _find(view: View, relative: list[str], zone: Zone) -> _Found | None:
    match relative:
        case []:
            return _apex(zone)
        case ["svc" | "pod" | "dns"]:
            return _Found()
        case ["dns-version"]:
            text = Record(f"dns-version.{zone.domain}", "TXT", zone.ttl, SCHEMA_VERSION)
            return _Found({"TXT": lambda: [text]})
        case ["ns", "dns"]:
            return _addresses(".".join([*relative, zone.domain]), [zone.address], zone)
        case [namespace, "svc" | "pod"]:
            return _Found() if view.has_namespace(namespace) else None
        case [label, namespace, "pod"]:
            return _pod(view, label, namespace, zone)
        case [*below, name, namespace, "svc"]:
            service = view.service(namespace, name)
            return _below_service(service, below, zone) if service is not None else None
    return None


def _apex(zone: Zone) -> _Found:
    server = f"ns.dns.{zone.domain}"
    return _Found(
        {
            "SOA": lambda: [_soa(zone.domain, zone)],
            "NS": lambda: [Record(zone.domain, "NS", zone.ttl, server)],
        }
    )


def _pod(view: View, label: str, namespace: str, zone: Zone) -> _Found | None:
    ip = parse_ip_label(label)
    if ip is None or not view.has_pod(namespace, ip):
        return None
    return _addresses(f"{label}.{namespace}.pod.{zone.domain}", [ip], zone)


def _below_service(service: ServiceRecord, below: list[str], zone: Zone) -> _Found | None:
    """A Service's own name (`below` is empty), an endpoint's, or that of a port."""
    name = f"{service.name}.{service.namespace}.svc.{zone.domain}"
    if not below:
        return _service(service, name, zone)
    if not below[-1].startswith("_"):
        endpoints = [endpoint for endpoint in service.published if endpoint.label == below[0]]
        return _endpoints(service, endpoints, f"{below[0]}.{name}", zone) if endpoints and len(below) == 1 else None
    owner = ".".join([*below, name])
    matching = [item for item in _served(service, name) if _matches(item[0], below)]
    if not matching or len(below) > 2:
        return None
    if len(below) == 1:  # _tcp alone: a name only because there are names below it
        return _Found()
    return _ports(owner, matching, zone)


def _service(service: ServiceRecord, name: str, zone: Zone) -> _Found | None:
    if service.headless:
        return _endpoints(service, service.published, name, zone)
    addresses = _addresses(name, service.cluster_ips, zone)
    return _Found({**addresses.records, **_ports(name, list(_served(service, name)), zone).records})


def _endpoints(service: ServiceRecord, endpoints: list[EndpointRecord], owner: str, zone: Zone) -> _Found | None:
    if not endpoints:
        return None
    name = f"{service.name}.{service.namespace}.svc.{zone.domain}"
    served = [(port, f"{end.label}.{name}", (end.ip,)) for end in endpoints for port in end.ports]
    ports = _ports(owner, served, zone)
    return _Found({**_addresses(owner, [end.ip for end in endpoints], zone).records, **ports.records}, ports.helpers)


_Served = tuple[PortRecord, str, tuple[str, ...]]  # a port, the name that offers it, and that name's addresses


def _served(service: ServiceRecord, name: str) -> Iterable[_Served]:
    if service.headless:
        for endpoint in service.published:
            for port in endpoint.ports:
                yield port, f"{endpoint.label}.{name}", (endpoint.ip,)
    else:
        for port in service.ports:
            yield port, name, service.cluster_ips


def _matches(port: PortRecord, below: list[str]) -> bool:
    wanted = [f"_{port.name.lower()}", f"_{port.protocol.lower()}"]
    return bool(port.name) and below == wanted[-len(below) :]


def _ports(owner: str, served: Sequence[_Served], zone: Zone) -> _Found:
    weight = 100 // max(1, len(served))  # as CoreDNS shares a hundred out (plugin/backend_lookup.go)
    records = {
        "SRV": lambda: [Record(owner, "SRV", zone.ttl, Srv(port.port, target, weight)) for port, target, _ in served],
    }
    targets = {target: ips for _, target, ips in served}
    return _Found(records, lambda: [_address(target, ip, zone) for target, ips in targets.items() for ip in ips])


def _addresses(owner: str, ips: Iterable[str], zone: Zone) -> _Found:
    unique = dict.fromkeys(ips)
    return _Found(
        {
            "A": lambda: [_address(owner, ip, zone) for ip in unique if ":" not in ip],
            "AAAA": lambda: [_address(owner, ip, zone) for ip in unique if ":" in ip],
        }
    )


def _address(owner: str, ip: str, zone: Zone) -> Record:
    return Record(owner, "AAAA" if ":" in ip else "A", zone.ttl, ip)


# addresses to names ----------------------------------------------------------------------------------------------


def _reverse(view: View, question: Question, zone: Zone) -> Answer | None:
    ip = parse_reverse_name(question.name)
    names = view.names(ip) if ip else ()
    if names:
        owner = question.name
        found = _Found({"PTR": lambda: [Record(owner, "PTR", zone.ttl, f"{name}.{zone.domain}") for name in names]})
        return _select(found, question, _soa(owner, zone))
    network = parse_reverse_range(question.name)
    for ours in zone.reverse:
        if network is not None and network.subnet_of(ours):
            apex = ".".join(question.name.split(".")[-(ours.prefixlen // 8) - 2 :])
            return _select(_Found() if network.prefixlen < 32 else None, question, _soa(apex, zone))
    return None


def parse_reverse_name(name: str) -> str | None:
    """The address that a complete in-addr.arpa or ip6.arpa name stands for."""
    labels = name.split(".")[-3::-1]
    try:
        if name.endswith(".in-addr.arpa") and len(labels) == 4:
            return str(IPv4Address(".".join(labels)))
        if name.endswith(".ip6.arpa") and len(labels) == 32 and all(len(label) == 1 for label in labels):
            digits = "".join(labels)
            return str(ip_address(":".join(digits[start : start + 4] for start in range(0, 32, 4))))
    except ValueError:
        pass
    return None


def parse_reverse_range(name: str) -> IPv4Network | None:
    """The range that an in-addr.arpa name, complete or not, stands for."""
    labels = name.split(".")[-3::-1]
    if not name.endswith(".in-addr.arpa") or not 1 <= len(labels) <= 4:
        return None
    try:
        return IPv4Network((".".join([*labels, "0", "0", "0"][:4]), 8 * len(labels)))
    except ValueError:
        return None


def ip_label(ip: str) -> str:
    """An address as one label of a name: 10-244-0-3."""
    return ip.replace(".", "-").replace(":", "-")


def parse_ip_label(label: str) -> str | None:
    """The address that such a label stands for."""
    for separator in (".", ":"):
        try:
            return str(ip_address(label.replace("-", separator)))
        except ValueError:
            continue
    return None
