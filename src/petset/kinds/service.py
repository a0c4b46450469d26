"""Service: a stable name, and unless it is headless an address, for the pods its selector matches.

The address is given out by the API server's admission; here it is only checked that it stays.
"""

from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address

from petset.api.field import FieldError, duplicate, forbidden, invalid, required
from petset.api.names import dns1123_label_errors, dns1123_subdomain_errors, qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ClientIPConfig, Service, ServicePort, ServiceSpec, ServiceStatus, SessionAffinityConfig
from petset.kinds.checks import (
    PROTOCOLS,
    format_errors,
    ip,
    is_ip,
    labels,
    one_of,
    optional_errors,
    optional_one_of,
    port_number,
    port_number_or_name,
)
from petset.kinds.cidrs import cidr_errors
from petset.kinds.columns import AGE, NAME, NONE, format_labels

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
TRAFFIC_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
HEADLESS = "None"
"""The clusterIP of a Service without an address of its own."""


def is_headless(obj: Service) -> bool:
    """Whether DNS answers with the pods' addresses because the Service has none."""
    return obj.spec.cluster_ip == HEADLESS


class ServiceStrategy(Strategy[Service]):
    """A clusterIP stays for life; ExternalName has none."""

    allow_create_on_update = True

    def name_errors(self, name: str) -> list[str]:
        """A DNS label."""
        return ["must not contain dots"] if "." in name else dns1123_label_errors(name)

    def default(self, obj: Service) -> None:
        """Everything but the address, which admission gives."""
        spec = obj.spec
        spec.type = spec.type or "ClusterIP"
        _default_affinity(obj)
        for port in spec.ports:
            _default_port(port)
        if spec.type == "ExternalName":
            return
        if spec.internal_traffic_policy is None:
            spec.internal_traffic_policy = "Cluster"
        if _is_exposed(spec):
            spec.external_traffic_policy = spec.external_traffic_policy or "Cluster"
        if spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is None:
            spec.allocate_load_balancer_node_ports = True

    def prepare_create(self, obj: Service) -> None:
        """The status is the server's, and so are families that nobody chose."""
        obj.status = ServiceStatus()
        _complete_addresses(obj.spec)
        _drop_what_leads_nowhere(obj.spec)

    def validate_create(self, obj: Service) -> list[FieldError]:
        """The whole spec, once it is clear which addresses are meant."""
        return list(_agreement_errors(obj.spec)) or list(_errors(obj.spec))

    def warnings(self, obj: Service) -> list[str]:
        """What is passed over, and what has a newer word."""
        return list(_warnings(obj.spec))

    def prepare_update(self, obj: Service, old: Service) -> None:
        """The status has an endpoint of its own, and an address left out of an update is the one that is there."""
        obj.status = old.status if obj.spec.type == "LoadBalancer" else ServiceStatus(conditions=old.status.conditions)
        _keep_addresses(obj, old)
        _complete_addresses(obj.spec)
        _drop_what_the_type_lost(obj.spec, old.spec)
        _drop_what_leads_nowhere(obj.spec)

    def validate_update(self, obj: Service, old: Service) -> list[FieldError]:
        """The spec, and that the address stays."""
        wrong = [*_change_errors(obj.spec, old.spec), *_agreement_errors(obj.spec)]
        return wrong or list(_errors(obj.spec))


class ServiceStatusStrategy(Strategy[Service]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: Service, old: Service) -> None:
        """Keeps the spec."""
        obj.spec = old.spec

    def validate_update(self, obj: Service, old: Service) -> list[FieldError]:
        """Only balancers let anybody in."""
        if not obj.status.load_balancer.ingress or obj.spec.type == "LoadBalancer":
            return []
        return [forbidden("status.loadBalancer.ingress", "may only be used when `spec.type` is 'LoadBalancer'")]


def _warnings(spec: ServiceSpec) -> Iterator[str]:
    """Follows upstream's `GetWarningsForService`."""
    if spec.cluster_ip == HEADLESS:
        if spec.load_balancer_ip:
            yield "spec.loadBalancerIP is ignored for headless services"
        if spec.external_ips:
            yield "spec.externalIPs is ignored for headless services"
        if spec.session_affinity != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    elif spec.external_ips and spec.type != "ExternalName":
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if spec.type == "ExternalName" and spec.external_ips:
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if spec.type != "ExternalName" and spec.external_name:
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.traffic_distribution == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _is_exposed(spec: ServiceSpec) -> bool:
    """Whether anybody outside of the cluster may come."""
    return spec.type in {"NodePort", "LoadBalancer"} or (spec.type == "ClusterIP" and bool(spec.external_ips))


def _complete_addresses(spec: ServiceSpec) -> None:
    """What follows from the addresses and families that are given; it is nobody's, as upstream."""
    if spec.type == "ExternalName":
        return
    if spec.cluster_ip and not spec.cluster_ips:
        spec.cluster_ips = [spec.cluster_ip]
    if _takes_any_family(spec):
        spec.ip_family_policy = spec.ip_family_policy or "RequireDualStack"
        both = spec.ip_family_policy != "SingleStack"
        spec.ip_families = spec.ip_families or ["IPv4", "IPv6"][: 1 + both]
    spec.ip_families = spec.ip_families or ["IPv4"]
    spec.ip_family_policy = spec.ip_family_policy or "SingleStack"


def _takes_any_family(spec: ServiceSpec) -> bool:
    """Whether somebody else says where the Service leads, and may say so in any family."""
    return spec.cluster_ip == HEADLESS and not spec.selector


def _default_affinity(obj: Service) -> None:
    spec = obj.spec
    spec.session_affinity = spec.session_affinity or "None"
    if spec.session_affinity == "None":
        spec.session_affinity_config = None
    elif spec.session_affinity == "ClientIP":
        config = spec.session_affinity_config or SessionAffinityConfig()
        config.client_ip = config.client_ip or ClientIPConfig()
        if config.client_ip.timeout_seconds is None:
            config.client_ip.timeout_seconds = 10800
        spec.session_affinity_config = config


def _default_port(port: ServicePort) -> None:
    port.protocol = port.protocol or "TCP"
    if port.target_port in {None, 0, ""}:
        port.target_port = port.port


def _keep_addresses(obj: Service, old: Service) -> None:
    if "ExternalName" in {obj.spec.type, old.spec.type}:
        return
    if not obj.spec.cluster_ip:
        obj.spec.cluster_ip = old.spec.cluster_ip
    if not obj.spec.cluster_ips and obj.spec.cluster_ip == old.spec.cluster_ip:
        obj.spec.cluster_ips = old.spec.cluster_ips
    elif obj.spec.cluster_ip != old.spec.cluster_ip and obj.spec.cluster_ips == old.spec.cluster_ips:
        obj.spec.cluster_ips = []  # who changes only the one address means both


def _drop_what_leads_nowhere(spec: ServiceSpec) -> None:
    if spec.type == "ExternalName":
        spec.internal_traffic_policy = None


def _drop_what_the_type_lost(new: ServiceSpec, old: ServiceSpec) -> None:
    """A change of type takes along what only the old type had, unless the client sets it anew."""
    if new.type == "ExternalName" and old.type != "ExternalName":
        _drop_addresses(new, old)
    exposed = {"LoadBalancer", "NodePort"}
    if new.type not in exposed and old.type in exposed:
        given = {port.node_port for port in old.ports}
        for port in new.ports:
            port.node_port = None if port.node_port in given else port.node_port
    if _is_exposed(old) and not _is_exposed(new) and new.external_traffic_policy == old.external_traffic_policy:
        new.external_traffic_policy = None
    if old.type == "LoadBalancer" and new.type != "LoadBalancer":
        if new.allocate_load_balancer_node_ports == old.allocate_load_balancer_node_ports:
            new.allocate_load_balancer_node_ports = None
        if new.load_balancer_class == old.load_balancer_class:
            new.load_balancer_class = None
        if new.health_check_node_port == old.health_check_node_port:
            new.health_check_node_port = None


def _drop_addresses(new: ServiceSpec, old: ServiceSpec) -> None:
    if new.cluster_ip == old.cluster_ip and new.cluster_ips in ([], old.cluster_ips):
        new.cluster_ip, new.cluster_ips = None, []
    if new.ip_families == old.ip_families:
        new.ip_families = []
    if new.ip_family_policy == old.ip_family_policy:
        new.ip_family_policy = None


def _errors(spec: ServiceSpec) -> Iterator[FieldError]:
    if not spec.ports and spec.cluster_ip != HEADLESS and spec.type != "ExternalName":
        yield required("spec.ports")
    yield from one_of("spec.type", spec.type, TYPES)
    yield from _type_errors(spec)
    yield from _ports_errors(spec)
    yield from labels("spec.selector", spec.selector)
    yield from _affinity_errors(spec)
    yield from _addresses_errors(spec)
    yield from _policies_errors(spec)
    yield from _exposure_errors(spec)


def _agreement_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    """The address and the list of addresses mean the same one; if not, all that is wrong with the list is told."""
    if not spec.cluster_ips or spec.cluster_ip == spec.cluster_ips[0]:
        return
    if spec.cluster_ip:
        yield invalid("spec.clusterIPs", spec.cluster_ips, "first value must match `clusterIP`")
    elif spec.type != "ExternalName":
        yield invalid("spec.clusterIPs", spec.cluster_ips, "must be empty when `clusterIP` is not specified")
    else:
        return
    yield from _cluster_ips_errors(spec)


def _type_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    if spec.type in {"LoadBalancer", "NodePort"} and spec.cluster_ip == HEADLESS:
        yield invalid("spec.clusterIPs[0]", HEADLESS, f"may not be set to 'None' for {spec.type} services")
    if spec.type == "ExternalName":
        if spec.cluster_ip or spec.cluster_ips:
            yield forbidden("spec.clusterIPs", "may not be set for ExternalName services")
        if spec.ip_families:
            yield forbidden("spec.ipFamilies", "may not be set for ExternalName services")
        if spec.ip_family_policy is not None:
            yield forbidden("spec.ipFamilyPolicy", "may not be set for ExternalName services")
        name = (spec.external_name or "").removesuffix(".")
        if not name:
            yield required("spec.externalName")
        else:
            yield from format_errors("spec.externalName", name, dns1123_subdomain_errors)


def _ports_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    names: set[str] = set()
    numbers: set[tuple[int, str | None]] = set()
    for index, port in enumerate(spec.ports):
        path = f"spec.ports[{index}]"
        yield from _port_name_errors(f"{path}.name", port.name or "", names, needed=len(spec.ports) > 1)
        yield from port_number(f"{path}.port", port.port)
        yield from one_of(f"{path}.protocol", port.protocol, PROTOCOLS)
        yield from port_number_or_name(f"{path}.targetPort", port.target_port)
        yield from optional_errors(f"{path}.appProtocol", port.app_protocol, qualified_name_errors)
    for index, port in enumerate(spec.ports):
        if port.node_port and spec.type == "ClusterIP":
            yield forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
    for index, port in enumerate(spec.ports):
        key = (port.port, port.protocol)
        if key in numbers:
            yield duplicate(f"spec.ports[{index}]", _shown_port(port))
        numbers.add(key)


def _shown_port(port: ServicePort) -> dict[str, str | int | None]:
    """As upstream's refusals show its own struct."""
    zero: dict[str, str | int | None] = {"Name": "", "Protocol": port.protocol, "AppProtocol": None}
    return {**zero, "Port": port.port, "TargetPort": 0, "NodePort": 0}


def _port_name_errors(path: str, name: str, names: set[str], *, needed: bool) -> Iterator[FieldError]:
    if name:
        yield from format_errors(path, name, dns1123_label_errors)
        if name in names:
            yield duplicate(path, name)
        names.add(name)
    elif needed:
        yield required(path)


def _affinity_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    yield from one_of("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))
    config = spec.session_affinity_config
    if config is not None and config.client_ip is not None:
        seconds = config.client_ip.timeout_seconds or 0
        if not 0 < seconds <= 86400:
            path = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
            yield invalid(path, seconds, "must be greater than 0 and less than 86400")


def _cluster_ips_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    if len(spec.cluster_ips) > 2:
        yield invalid("spec.clusterIPs", spec.cluster_ips, "may only hold up to 2 values")
    for index, address in enumerate(spec.cluster_ips):
        if address != HEADLESS:
            yield from ip(f"spec.clusterIPs[{index}]", address)


def _addresses_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    yield from _cluster_ips_errors(spec)
    for index, address in enumerate(spec.external_ips):
        yield from ip(f"spec.externalIPs[{index}]", address)
        if is_ip(address) and ip_address(address).is_loopback:
            rule = "may not be in the loopback range (127.0.0.0/8, ::1/128)"
            yield invalid(f"spec.externalIPs[{index}]", address, rule)
    if spec.load_balancer_source_ranges and spec.type != "LoadBalancer":
        yield forbidden("spec.LoadBalancerSourceRanges", "may only be used when `type` is 'LoadBalancer'")
    for index, source in enumerate(spec.load_balancer_source_ranges):
        yield from format_errors(f"spec.LoadBalancerSourceRanges[{index}]", source.strip(), cidr_errors)


def _policies_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    if spec.allocate_load_balancer_node_ports is not None and spec.type != "LoadBalancer":
        yield forbidden("spec.allocateLoadBalancerNodePorts", "may only be used when `type` is 'LoadBalancer'")
    external = spec.external_traffic_policy
    if external is not None and not _is_exposed(spec):
        rule = "may only be set for externally-accessible services"
        yield invalid("spec.externalTrafficPolicy", external, rule)
    else:
        yield from optional_one_of("spec.externalTrafficPolicy", external, ("Cluster", "Local"))
    yield from optional_one_of("spec.internalTrafficPolicy", spec.internal_traffic_policy, ("Cluster", "Local"))
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    yield from optional_one_of("spec.ipFamilyPolicy", spec.ip_family_policy, policies)
    for index, family in enumerate(spec.ip_families):
        yield from optional_one_of(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6"))
    if not _takes_any_family(spec) and spec.type != "ExternalName":
        yield from _families_errors(spec)


def _families_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    """Services have IPv4 addresses here."""
    if spec.ip_family_policy == "RequireDualStack":
        rule = "this cluster is not configured for dual-stack services"
        yield invalid("spec.ipFamilyPolicy", spec.ip_family_policy, rule)
    for index, family in enumerate(spec.ip_families):
        if family == "IPv6":
            yield invalid(f"spec.ipFamilies[{index}]", family, "not configured on this cluster")


def _exposure_errors(spec: ServiceSpec) -> Iterator[FieldError]:
    """What only some types have."""
    if spec.load_balancer_class is not None:
        if spec.type != "LoadBalancer":
            yield forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'")
        else:
            yield from format_errors("spec.loadBalancerClass", spec.load_balancer_class, qualified_name_errors)
    needed = spec.type == "LoadBalancer" and spec.external_traffic_policy == "Local"
    if spec.health_check_node_port and not needed:
        rule = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield invalid("spec.healthCheckNodePort", spec.health_check_node_port, rule)
    yield from optional_one_of("spec.trafficDistribution", spec.traffic_distribution, TRAFFIC_DISTRIBUTIONS)


def _change_errors(new: ServiceSpec, old: ServiceSpec) -> Iterator[FieldError]:
    if new.type == old.type == "LoadBalancer" and new.load_balancer_class != old.load_balancer_class:
        yield invalid("spec.loadBalancerClass", new.load_balancer_class, "may not change once set")
    if "ExternalName" in {new.type, old.type} or not old.cluster_ips:
        return
    if new.cluster_ips[:1] != old.cluster_ips[:1]:
        yield invalid("spec.clusterIPs[0]", new.cluster_ips, "may not change once set")


def _cluster_ip(obj: Service, _: datetime) -> str:
    return obj.spec.cluster_ips[0] if obj.spec.cluster_ips else obj.spec.cluster_ip or NONE


def _external_ip(obj: Service, _: datetime) -> str:
    spec = obj.spec
    if spec.type == "ExternalName":
        return spec.external_name or ""
    balanced = [entry.ip or entry.hostname or "" for entry in obj.status.load_balancer.ingress]
    if spec.type == "LoadBalancer":
        return ",".join([*balanced, *spec.external_ips]) or "<pending>"
    return ",".join(spec.external_ips) or NONE


def _ports(obj: Service, _: datetime) -> str:
    texts = [
        f"{p.port}:{p.node_port}/{p.protocol}" if p.node_port else f"{p.port}/{p.protocol}" for p in obj.spec.ports
    ]
    return ",".join(texts) or NONE


RESOURCE = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    type=Service,
    namespaced=True,
    strategy=ServiceStrategy(),
    status=ServiceStatusStrategy(),
    short_names=("svc",),
    categories=("all",),
    columns=(
        NAME,
        Column("Type", lambda obj, _: obj.spec.type),
        Column("Cluster-IP", _cluster_ip),
        Column("External-IP", _external_ip),
        Column("Port(s)", _ports),
        AGE,
        Column("Selector", lambda obj, _: format_labels(obj.spec.selector), priority=1),
    ),
    fields=lambda obj: {"spec.clusterIP": obj.spec.cluster_ip or "", "spec.type": obj.spec.type or ""},
)
