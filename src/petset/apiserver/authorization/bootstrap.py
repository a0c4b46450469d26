"""Writes the default roles and bindings at start: what is missing is made, what lacks something gets it."""

import asyncio

from petset.api.types import ClusterRoleBinding, DeleteOptions, Object
from petset.apiserver.authorization.authorizer import PRIVILEGED
from petset.apiserver.authorization.defaults import cluster_role_bindings, cluster_roles, roles
from petset.apiserver.authorization.reconciliation import (
    AnyRole,
    reconciled_binding,
    reconciled_role,
    refers_elsewhere,
)
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity, Target, WriteOptions

_OPTIONS = WriteOptions("kube-apiserver")
_IDENTITY = Identity("system:apiserver", (PRIVILEGED,))


async def reconcile_default_policy(server: ApiServer) -> None:
    """All writes are accepted one after the other and become durable together. A restart writes nothing."""
    expected: list[AnyRole] = [*cluster_roles(), *roles()]
    made = [_reconcile_role(server, role) for role in expected]
    await asyncio.gather(*made, *(_reconcile_binding(server, binding) for binding in cluster_role_bindings()))


async def _reconcile_role(server: ApiServer, expected: AnyRole) -> None:
    present = server.registry.find(type(expected), expected.metadata.namespace, expected.metadata.name)
    await _write(
        server, expected if present is None else reconciled_role(present, expected), is_there=present is not None
    )


async def _reconcile_binding(server: ApiServer, expected: ClusterRoleBinding) -> None:
    present = server.registry.find(ClusterRoleBinding, "", expected.metadata.name)
    if present is not None and refers_elsewhere(present, expected):
        await server.delete(_IDENTITY, _target(server, present), DeleteOptions())
        present = None
    wanted = expected if present is None else reconciled_binding(present, expected)
    await _write(server, wanted, is_there=present is not None)


async def _write(server: ApiServer, wanted: Object | None, *, is_there: bool) -> None:
    if wanted is None:
        return
    if is_there:
        await server.update(_IDENTITY, _target(server, wanted), wanted, _OPTIONS)
    else:
        target = Target(server.catalogue.of(type(wanted)), wanted.metadata.namespace)
        await server.create(_IDENTITY, target, wanted, _OPTIONS)


def _target(server: ApiServer, obj: Object) -> Target:
    return Target(server.catalogue.of(type(obj)), obj.metadata.namespace, obj.metadata.name)
