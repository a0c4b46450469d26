"""What every cluster has from the start: the system's namespaces, their ServiceAccounts, and the API's own Service."""

import asyncio
import ipaddress
from contextlib import suppress
from typing import Any

import msgspec

from petset.api.errors import AlreadyExists
from petset.api.types import (
    DiscoveryEndpointPort,
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Namespace,
    Object,
    ObjectMeta,
    Service,
    ServiceAccount,
    ServicePort,
    ServiceSpec,
)
from petset.apiserver.allocation import SERVICE_CIDR
from petset.apiserver.authorization.bootstrap import reconcile_default_policy
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, PatchBody, Target, WriteOptions
from petset.kinds.priorityclass import system_classes

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
API_SERVICE = "kubernetes"

_OPTIONS = WriteOptions("petset", begins_tracking=False)
_IDENTITY = Identity("system:apiserver", ("system:masters",))


def api_service_address(service_cidr: str = SERVICE_CIDR) -> str:
    """The cluster IP of the API: the first of the range, as in every Kubernetes cluster."""
    return str(ipaddress.IPv4Network(service_cidr)[1])


async def create_system_objects(
    server: ApiServer, api_port: int, service_cidr: str = SERVICE_CIDR, pods_reach: str = ""
) -> None:
    """Creates what is missing; what is there stays as it is, but for the address and port where the API listens now.

    `pods_reach` is the address at which pods find the API on `api_port`, "" when there are none that could. All writes
    are accepted one after the other and become durable together.
    """
    await asyncio.gather(*(_create_namespace(server, name) for name in NAMESPACES))
    await asyncio.gather(*(_create(server, class_) for class_ in system_classes()))
    await reconcile_default_policy(server)
    service = _api_service(api_port, service_cidr)
    await _offer(server, service, {"spec": {"ports": msgspec.to_builtins(service.spec.ports)}})
    if pods_reach:
        endpoints, slice_ = _api_endpoints(pods_reach, api_port), _api_slice(pods_reach, api_port)
        await _offer(server, endpoints, {"subsets": msgspec.to_builtins(endpoints.subsets)})
        places = {"endpoints": msgspec.to_builtins(slice_.endpoints), "ports": msgspec.to_builtins(slice_.ports)}
        await _offer(server, slice_, places)


async def _create_namespace(server: ApiServer, name: str) -> None:
    account = ServiceAccount(metadata=ObjectMeta(name="default", namespace=name))
    await asyncio.gather(_create(server, Namespace(metadata=ObjectMeta(name=name))), _create(server, account))


async def _offer(server: ApiServer, obj: Object, changes: dict[str, Any]) -> None:
    """Creates the object; of one that is there already, only `changes` are made."""
    resource, meta = server.catalogue.of(type(obj)), obj.metadata
    if server.registry.newest(resource, meta.namespace, meta.name) is None:
        await _create(server, obj)
        return
    target = Target(resource, meta.namespace, meta.name)
    await server.patch(_IDENTITY, target, PatchBody("merge", changes), _OPTIONS)


def _api_service(port: int, service_cidr: str) -> Service:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    spec = ServiceSpec(
        cluster_ip=api_service_address(service_cidr),
        ports=[ServicePort(name="https", port=443, target_port=port, protocol="TCP")],
        type="ClusterIP",
    )
    return Service(metadata=ObjectMeta(name=API_SERVICE, namespace="default", labels=labels), spec=spec)


def _api_endpoints(address: str, port: int) -> Endpoints:
    subset = EndpointSubset(addresses=[EndpointAddress(ip=address)])
    subset.ports = [EndpointPort(name="https", port=port, protocol="TCP")]
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    return Endpoints(metadata=ObjectMeta(name=API_SERVICE, namespace="default", labels=labels), subsets=[subset])


def _api_slice(address: str, port: int) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name=API_SERVICE, namespace="default", labels={"kubernetes.io/service-name": API_SERVICE}),
        address_type="IPv4",
        endpoints=[Endpoint(addresses=[address], conditions=EndpointConditions(ready=True))],
        ports=[DiscoveryEndpointPort(name="https", port=port, protocol="TCP")],
    )


async def _create(server: ApiServer, obj: Object) -> None:
    target = Target(server.catalogue.of(type(obj)), obj.metadata.namespace)
    with suppress(AlreadyExists):
        await server.create(_IDENTITY, target, obj, _OPTIONS)
