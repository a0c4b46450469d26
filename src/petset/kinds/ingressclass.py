"""IngressClass: which controller implements an Ingress, with which parameters; one of them may be the default."""

from collections.abc import Iterator
from datetime import datetime

from petset.api.field import FieldError, forbidden, invalid, not_supported, required, too_long
from petset.api.meta import semantically_equal
from petset.api.names import (
    dns1123_label_errors,
    dns1123_subdomain_errors,
    http_path_errors,
    path_segment_name_errors,
)
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import IngressClass, IngressClassParametersReference
from petset.kinds.checks import format_errors, optional_errors, required_errors, unchanged
from petset.kinds.columns import AGE, NONE

DEFAULT_ANNOTATION = "ingressclass.kubernetes.io/is-default-class"
LONGEST_CONTROLLER = 250
NOT_ENFORCED = "IngressClass is stored but has no effect: petset runs no ingress controller"
_SCOPES = ("Cluster", "Namespace")


def is_default(obj: IngressClass) -> bool:
    """Whether an Ingress that names no class gets this one."""
    return obj.metadata.annotations.get(DEFAULT_ANNOTATION) == "true"


class IngressClassStrategy(Strategy[IngressClass]):
    """The controller is fixed."""

    def default(self, obj: IngressClass) -> None:
        """Parameters are cluster-wide."""
        parameters = obj.spec.parameters
        if parameters is not None and parameters.scope is None:
            parameters.scope = "Cluster"

    def prepare_create(self, obj: IngressClass) -> None:
        """The first generation."""
        obj.metadata.generation = 1

    def validate_create(self, obj: IngressClass) -> list[FieldError]:
        """A controller, and parameters that there could be."""
        return list(_errors(obj))

    def prepare_update(self, obj: IngressClass, old: IngressClass) -> None:
        """A new generation when the spec means something else."""
        generation = old.metadata.generation or 0
        obj.metadata.generation = generation if semantically_equal(obj.spec, old.spec) else generation + 1

    def validate_update(self, obj: IngressClass, old: IngressClass) -> list[FieldError]:
        """The controller stays."""
        return [*unchanged("spec.controller", obj.spec.controller, old.spec.controller), *_errors(obj)]

    def warnings(self, obj: IngressClass) -> list[str]:
        """Nobody acts on it."""
        return [NOT_ENFORCED]


def _errors(obj: IngressClass) -> Iterator[FieldError]:
    controller = obj.spec.controller or ""
    if len(controller) > LONGEST_CONTROLLER:
        yield too_long("spec.controller", LONGEST_CONTROLLER)
    yield from _controller_errors("spec.controller", controller)
    if obj.spec.parameters is not None:
        yield from _parameters_errors("spec.parameters", obj.spec.parameters)


def _controller_errors(path: str, controller: str) -> Iterator[FieldError]:
    domain, _, rest = controller.partition("/")
    if not controller:
        yield required(path)
    elif not domain or not rest:
        yield invalid(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        yield from format_errors(path, domain, dns1123_subdomain_errors)
        yield from format_errors(path, rest, http_path_errors)


def _parameters_errors(path: str, parameters: IngressClassParametersReference) -> Iterator[FieldError]:
    if parameters.api_group is not None:
        yield from format_errors(f"{path}.apiGroup", parameters.api_group, dns1123_subdomain_errors)
    yield from required_errors(f"{path}.kind", parameters.kind, path_segment_name_errors)
    yield from required_errors(f"{path}.name", parameters.name, path_segment_name_errors)
    place, namespace = f"{path}.namespace", parameters.namespace
    if parameters.scope not in _SCOPES:
        yield not_supported(f"{path}.scope", parameters.scope or "", _SCOPES)
    elif parameters.scope == "Cluster" and namespace is not None:
        yield forbidden(place, "`parameters.scope` is set to 'Cluster'")
    elif parameters.scope == "Namespace" and namespace is None:
        yield required(place, "`parameters.scope` is set to 'Namespace'")
    elif namespace is not None:
        yield from optional_errors(place, namespace, dns1123_label_errors)


def _name(obj: IngressClass, _: datetime) -> str:
    return f"{obj.metadata.name} (default)" if is_default(obj) else obj.metadata.name


def _parameters(obj: IngressClass, _: datetime) -> str:
    parameters = obj.spec.parameters
    if parameters is None:
        return NONE
    group = f".{parameters.api_group}" if parameters.api_group is not None else ""
    return f"{parameters.kind}{group}/{parameters.name}"


RESOURCE = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="IngressClass",
    plural="ingressclasses",
    type=IngressClass,
    namespaced=False,
    strategy=IngressClassStrategy(),
    columns=(
        Column("Name", _name, format="name"),
        Column("Controller", lambda obj, _: obj.spec.controller or ""),
        Column("Parameters", _parameters),
        AGE,
    ),
)
