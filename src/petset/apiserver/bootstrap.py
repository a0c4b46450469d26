"""What every cluster has from the start: the system's namespaces, their ServiceAccounts, and the API's own Service."""

import ipaddress

from petset.api.errors import AlreadyExists
from petset.api.types import Namespace, Object, ObjectMeta, Service, ServiceAccount, ServicePort, ServiceSpec
from petset.apiserver.allocation import SERVICE_CIDR
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, Target, WriteOptions

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
API_SERVICE = "kubernetes"

_IDENTITY = Identity("system:apiserver", ("system:masters",))


def api_service_address(service_cidr: str = SERVICE_CIDR) -> str:
    """The cluster IP of the API: the first of the range, as in every Kubernetes cluster."""
    return str(ipaddress.IPv4Network(service_cidr)[1])


async def create_system_objects(server: ApiServer, api_port: int, service_cidr: str = SERVICE_CIDR) -> None:
    """Creates what is missing; what is there stays as it is. `api_port` is where the API listens."""
    for name in NAMESPACES:
        await _create(server, Namespace(metadata=ObjectMeta(name=name)))
        await _create(server, ServiceAccount(metadata=ObjectMeta(name="default", namespace=name)))
    await _create(server, _api_service(api_port, service_cidr))


def _api_service(port: int, service_cidr: str) -> Service:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    spec = ServiceSpec(
        cluster_ip=api_service_address(service_cidr),
        ports=[ServicePort(name="https", port=443, target_port=port, protocol="TCP")],
        type="ClusterIP",
    )
    return Service(metadata=ObjectMeta(name=API_SERVICE, namespace="default", labels=labels), spec=spec)


async def _create(server: ApiServer, obj: Object) -> None:
    target = Target(server.catalogue.of(type(obj)), obj.metadata.namespace)
    try:
        await server.create(_IDENTITY, target, obj, WriteOptions())
    except AlreadyExists:
        return
