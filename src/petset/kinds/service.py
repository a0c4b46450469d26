"""Service: a stable name, and unless it is headless an address, for the pods its selector matches.

The address is given out by the API server's admission; here it is only checked that it stays.
"""

from datetime import datetime

from petset.api.names import dns1035_label_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import ClientIPConfig, Service, ServicePort, ServiceStatus, SessionAffinityConfig
from petset.kinds.columns import AGE, NAME, NONE, format_labels

HEADLESS = "None"
"""The clusterIP of a Service without an address of its own."""


def is_headless(obj: Service) -> bool:
    """Whether DNS answers with the pods' addresses because the Service has none."""
    return obj.spec.cluster_ip == HEADLESS


class ServiceStrategy(Strategy[Service]):
    """A clusterIP stays for life; ExternalName has none."""

    def name_errors(self, name: str) -> list[str]:
        """A DNS label that starts with a letter."""
        return dns1035_label_errors(name)

    def default(self, obj: Service) -> None:
        """Everything but the address, which admission gives."""
        spec = obj.spec
        spec.type = spec.type or "ClusterIP"
        _default_affinity(obj)
        for port in spec.ports:
            _default_port(port)
        if spec.type == "ExternalName":
            return
        spec.internal_traffic_policy = spec.internal_traffic_policy or "Cluster"
        if spec.type in {"NodePort", "LoadBalancer"}:
            spec.external_traffic_policy = spec.external_traffic_policy or "Cluster"
        if spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is None:
            spec.allocate_load_balancer_node_ports = True
        if spec.cluster_ip and not spec.cluster_ips:
            spec.cluster_ips = [spec.cluster_ip]
        spec.ip_families = spec.ip_families or ["IPv4"]
        spec.ip_family_policy = spec.ip_family_policy or "SingleStack"

    def prepare_create(self, obj: Service) -> None:
        """The status is the server's."""
        obj.status = ServiceStatus()

    def prepare_update(self, obj: Service, old: Service) -> None:
        """The status has an endpoint of its own, and an address left out of an update is the one that is there."""
        obj.status = old.status
        _keep_addresses(obj, old)


class ServiceStatusStrategy(Strategy[Service]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: Service, old: Service) -> None:
        """Keeps the spec."""
        obj.spec = old.spec


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


def _cluster_ip(obj: Service, _: datetime) -> str:
    return obj.spec.cluster_ips[0] if obj.spec.cluster_ips else NONE


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
