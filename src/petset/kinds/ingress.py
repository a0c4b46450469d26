"""Ingress: which requests from outside go to which Service. Stored and checked; no ingress controller runs here."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, invalid, not_supported, required
from petset.api.meta import semantically_equal
from petset.api.names import (
    dns1123_label_errors,
    dns1123_subdomain_errors,
    path_segment_name_errors,
    port_name_errors,
    port_number_errors,
    wildcard_subdomain_errors,
)
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import (
    HTTPIngressPath,
    Ingress,
    IngressBackend,
    IngressServiceBackend,
    IngressSpec,
    IngressStatus,
    IngressTLS,
    TypedLocalObjectReference,
)
from petset.kinds.checks import format_errors, ip, is_ip, optional_errors, required_errors
from petset.kinds.columns import AGE, NAME, NONE

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
NOT_ENFORCED = "Ingress is stored but has no effect: petset runs no ingress controller"
PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_THE_END = ("/..", "/.")
_NOT_AN_ADDRESS = "must be a DNS name, not an IP address"


class IngressStrategy(Strategy[Ingress]):
    """Everything may change."""

    def prepare_create(self, obj: Ingress) -> None:
        """The first generation, with no address yet."""
        obj.status = IngressStatus()
        obj.metadata.generation = 1

    def validate_create(self, obj: Ingress) -> list[FieldError]:
        """The whole spec, and that the class is said in one way only."""
        errors = list(_spec_errors(obj.spec))
        legacy, name = obj.metadata.annotations.get(CLASS_ANNOTATION), obj.spec.ingress_class_name
        if legacy is not None and name is not None and legacy != name:
            rule = "must match `ingressClassName` when both are specified"
            errors.append(invalid(f"annotations.{CLASS_ANNOTATION}", legacy, rule))
        return errors

    def prepare_update(self, obj: Ingress, old: Ingress) -> None:
        """The status has an endpoint of its own; a new generation when the spec means something else."""
        obj.status = old.status
        generation = old.metadata.generation or 0
        obj.metadata.generation = generation if semantically_equal(obj.spec, old.spec) else generation + 1

    def validate_update(self, obj: Ingress, old: Ingress) -> list[FieldError]:
        """The whole spec."""
        return list(_spec_errors(obj.spec))

    def warnings(self, obj: Ingress) -> list[str]:
        """Nobody acts on it; and the annotation that once named the class."""
        found = [NOT_ENFORCED]
        if CLASS_ANNOTATION in obj.metadata.annotations and obj.spec.ingress_class_name is None:
            text = f"annotation \"{CLASS_ANNOTATION}\" is deprecated, please use 'spec.ingressClassName' instead"
            found.append(text)
        return found


class IngressStatusStrategy(Strategy[Ingress]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: Ingress, old: Ingress) -> None:
        """Keeps the spec."""
        obj.spec = old.spec
        obj.metadata.generation = old.metadata.generation

    def validate_update(self, obj: Ingress, old: Ingress) -> list[FieldError]:
        """Addresses and names that a client could ask."""
        return list(_status_errors("status.loadBalancer.ingress", obj.status))


def _status_errors(path: str, status: IngressStatus) -> Iterator[FieldError]:
    for index, point in enumerate(status.load_balancer.ingress):
        if point.ip:
            yield from ip(f"{path}[{index}].ip", point.ip)
        if point.hostname:
            where = f"{path}[{index}].hostname"
            yield from format_errors(where, point.hostname, dns1123_subdomain_errors)
            if is_ip(point.hostname):
                yield invalid(where, point.hostname, _NOT_AN_ADDRESS)


def _spec_errors(spec: IngressSpec) -> Iterator[FieldError]:
    if not spec.rules and spec.default_backend is None:
        yield invalid("spec", None, "either `defaultBackend` or `rules` must be specified")
    if spec.default_backend is not None:
        yield from _backend_errors("spec.defaultBackend", spec.default_backend)
    for index, rule in enumerate(spec.rules):
        path = f"spec.rules[{index}]"
        if rule.host:
            yield from _host_errors(f"{path}.host", rule.host)
        if rule.http is None:
            continue
        if not rule.http.paths:
            yield required(f"{path}.http.paths")
        for place, route in enumerate(rule.http.paths):
            yield from _route_errors(f"{path}.http.paths[{place}]", route)
    for index, tls in enumerate(spec.tls):
        yield from _tls_errors(f"spec.tls[{index}]", tls)
    if spec.ingress_class_name is not None:
        yield from format_errors("spec.ingressClassName", spec.ingress_class_name, dns1123_subdomain_errors)


def _host_errors(path: str, host: str) -> Iterator[FieldError]:
    if is_ip(host):
        yield invalid(path, host, _NOT_AN_ADDRESS)
    check = wildcard_subdomain_errors if "*" in host else dns1123_subdomain_errors
    yield from format_errors(path, host, check)


def _tls_errors(path: str, tls: IngressTLS) -> Iterator[FieldError]:
    for index, host in enumerate(tls.hosts):
        check = wildcard_subdomain_errors if "*" in host else dns1123_subdomain_errors
        yield from format_errors(f"{path}.hosts[{index}]", host, check)
    yield from optional_errors(f"{path}.secretName", tls.secret_name, dns1123_subdomain_errors)


def _route_errors(path: str, route: HTTPIngressPath) -> Iterator[FieldError]:
    if not route.path_type:
        yield required(f"{path}.pathType", "pathType must be specified")
        return
    if route.path_type not in PATH_TYPES:
        yield not_supported(f"{path}.pathType", route.path_type, PATH_TYPES)
    else:
        yield from _path_errors(f"{path}.path", route.path or "", route.path_type)
    yield from _backend_errors(f"{path}.backend", route.backend)


def _path_errors(path: str, text: str, path_type: str) -> Iterator[FieldError]:
    free = path_type == "ImplementationSpecific"
    if not text.startswith("/") and not (free and not text):
        yield invalid(path, text, "must be an absolute path")
    if free:
        return
    for part in _NOT_IN_PATHS:
        if part in text:
            yield invalid(path, text, f"must not contain '{part}'")
    for end in _NOT_AT_THE_END:
        if text.endswith(end):
            yield invalid(path, text, f"cannot end with '{end}'")


def _backend_errors(path: str, backend: IngressBackend) -> Iterator[FieldError]:
    if backend.resource is not None and backend.service is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif backend.resource is not None:
        yield from _resource_errors(f"{path}.resource", backend.resource)
    elif backend.service is not None:
        yield from _service_errors(path, backend.service)
    else:
        yield invalid(path, "", "resource or service backend is required")


def _resource_errors(path: str, resource: TypedLocalObjectReference) -> Iterator[FieldError]:
    if resource.api_group is not None:
        yield from format_errors(f"{path}.apiGroup", resource.api_group, dns1123_subdomain_errors)
    yield from required_errors(f"{path}.kind", resource.kind, path_segment_name_errors)
    yield from required_errors(f"{path}.name", resource.name, path_segment_name_errors)


def _service_errors(path: str, service: IngressServiceBackend) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.service.name", service.name, dns1123_label_errors)
    name, number = service.port.name, service.port.number
    if name and number:
        yield invalid(path, "", "cannot set both port name & port number")
    elif name:
        yield from format_errors(f"{path}.service.port.name", name, port_name_errors)
    elif number:
        for message in port_number_errors(number):
            yield invalid(f"{path}.service.port.number", number, message)
    else:
        yield required(path, "port name or number is required")


def _hosts(obj: Ingress, _: datetime) -> str:
    hosts: list[str] = []
    more = False
    for rule in obj.spec.rules:
        more = more or len(hosts) == 3
        if rule.host and not more:
            hosts.append(rule.host)
    shown = ",".join(hosts) or "*"
    return f"{shown} + {len(obj.spec.rules) - 3} more..." if more else shown


def _address(obj: Ingress, _: datetime) -> str:
    points = obj.status.load_balancer.ingress
    return ",".join(sorted({point.ip or point.hostname or "" for point in points} - {""}))


RESOURCE = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="Ingress",
    plural="ingresses",
    type=Ingress,
    namespaced=True,
    strategy=IngressStrategy(),
    status=IngressStatusStrategy(),
    short_names=("ing",),
    columns=(
        NAME,
        Column("Class", lambda obj, _: obj.spec.ingress_class_name or NONE),
        Column("Hosts", _hosts),
        Column("Address", _address),
        Column("Ports", lambda obj, _: "80, 443" if obj.spec.tls else "80"),
        AGE,
    ),
)
