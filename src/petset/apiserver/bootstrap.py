"""What every cluster has from the start: the system's namespaces, their ServiceAccounts, and the API's own Service."""

import asyncio
import ipaddress

import msgspec

from petset.api.errors import AlreadyExists
from petset.api.types import Namespace, Object, ObjectMeta, Service, ServiceAccount, ServicePort, ServiceSpec
from petset.apiserver.allocation import SERVICE_CIDR
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, PatchBody, Target, WriteOptions

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
API_SERVICE = "kubernetes"

_OPTIONS = WriteOptions("petset", begins_tracking=False)
_IDENTITY = Identity("system:apiserver", ("system:masters",))


def api_service_address(service_cidr: str = SERVICE_CIDR) -> str:
    """The cluster IP of the API: the first of the range, as in every Kubernetes cluster."""
    return str(ipaddress.IPv4Network(service_cidr)[1])


async def create_system_objects(server: ApiServer, api_port: int, service_cidr: str = SERVICE_CIDR) -> None:
    """Creates what is missing; what is there stays as it is, but for the port where the API listens now.

    All writes are accepted one after the other and become durable together.
    """
    await asyncio.gather(*(_create_namespace(server, name) for name in NAMESPACES))
    await _offer_api(server, _api_service(api_port, service_cidr))


async def _create_namespace(server: ApiServer, name: str) -> None:
    account = ServiceAccount(metadata=ObjectMeta(name="default", namespace=name))
    await asyncio.gather(_create(server, Namespace(metadata=ObjectMeta(name=name))), _create(server, account))


async def _offer_api(server: ApiServer, service: Service) -> None:
    if await _create(server, service):
        return
    target = Target(server.catalogue.of(Service), service.metadata.namespace, service.metadata.name)
    ports = {"spec": {"ports": [msgspec.to_builtins(port) for port in service.spec.ports]}}
    await server.patch(_IDENTITY, target, PatchBody("merge", ports), _OPTIONS)


def _api_service(port: int, service_cidr: str) -> Service:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    spec = ServiceSpec(
        cluster_ip=api_service_address(service_cidr),
        ports=[ServicePort(name="https", port=443, target_port=port, protocol="TCP")],
        type="ClusterIP",
    )
    return Service(metadata=ObjectMeta(name=API_SERVICE, namespace="default", labels=labels), spec=spec)


async def _create(server: ApiServer, obj: Object) -> bool:
    target = Target(server.catalogue.of(type(obj)), obj.metadata.namespace)
    try:
        await server.create(_IDENTITY, target, obj, _OPTIONS)
    except AlreadyExists:
        return False
    return True
