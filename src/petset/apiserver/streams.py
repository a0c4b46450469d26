"""Logs, exec, attach and ports: checks that the pod and the container exist, then hands through to the node."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace

from petset.api import field
from petset.api.errors import BadRequest, Invalid, NotFound, ServiceUnavailable
from petset.api.types import Pod
from petset.apiserver.registry import Registry
from petset.apiserver.request import Target
from petset.client.interface import ExecOptions, LogOptions, PodStreams, PortConnection, StreamSession

PortOpener = Callable[[int], AbstractAsyncContextManager[PortConnection]]
"""Connects to a port of one pod."""


class PodConnections:
    """What a client may open to the containers of a pod. `node` is None on a server that runs no pods."""

    def __init__(self, registry: Registry, node: PodStreams | None) -> None:
        self._registry = registry
        self._node = node

    def serve_from(self, node: PodStreams) -> None:
        """Hands requests to this node from now on: the API answers before its node is there."""
        self._node = node

    def logs(self, target: Target, options: LogOptions) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """A container's log. Raises NotFound, BadRequest, Invalid, ServiceUnavailable, here or on entry."""
        container = self._container(target, options.container)
        _check_log_options(target, options)
        return self._serving().logs(target.namespace, target.name, replace(options, container=container))

    def exec(self, target: Target, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        """A command in a container. Raises as `logs`."""
        if not options.command:
            raise BadRequest("you must specify at least one command for the container")
        container = self._container(target, options.container)
        return self._serving().exec(target.namespace, target.name, replace(options, container=container))

    def attach(self, target: Target, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        """The streams of a container's main process. Raises as `logs`."""
        container = self._container(target, options.container)
        return self._serving().attach(target.namespace, target.name, replace(options, container=container))

    def ports(self, target: Target) -> PortOpener:
        """What connects to a port of a pod. Raises NotFound, BadRequest, ServiceUnavailable; connecting does, too."""
        pod = self._pod(target)
        if not pod.spec.node_name:
            raise BadRequest(f"pod {target.name} does not have a host assigned")
        node = self._serving()
        return lambda port: node.port_forward(target.namespace, target.name, port)

    def _serving(self) -> PodStreams:
        if self._node is None:
            raise ServiceUnavailable("no node of this server runs pods")
        return self._node

    def _pod(self, target: Target) -> Pod:
        record = self._registry.store.read(target.resource.collection, f"{target.namespace}/{target.name}")
        if record is None:
            raise NotFound.of("", "pods", target.name)
        return self._registry.decode(self._registry.catalogue.of(Pod), record.value)

    def _container(self, target: Target, named: str) -> str:
        """The container that is meant, in the words of upstream's `registry/core/pod/strategy.go`."""
        spec = self._pod(target).spec
        names = [c.name for c in (*spec.init_containers, *spec.containers)]
        names += [c.name for c in spec.ephemeral_containers]
        if named and named not in names:
            raise BadRequest(f"container {named} is not valid for pod {target.name}")
        if not named and len(spec.containers) != 1:
            choice = f", choose one of: [{' '.join(names)}]" if names else ""
            raise BadRequest(f"a container name must be specified for pod {target.name}{choice}")
        if not spec.node_name:
            raise BadRequest(f"pod {target.name} does not have a host assigned")
        return named or spec.containers[0].name


def _check_log_options(target: Target, options: LogOptions) -> None:
    """Follows upstream's `ValidatePodLogOptions`. Raises Invalid."""
    errors = []
    positive = "must be greater than 0"
    if options.tail_lines is not None and options.tail_lines < 0:
        errors.append(field.invalid("tailLines", options.tail_lines, "must be greater than or equal to 0"))
    if options.limit_bytes is not None and options.limit_bytes < 1:
        errors.append(field.invalid("limitBytes", options.limit_bytes, positive))
    if options.since_seconds is not None and options.since_time:
        errors.append(field.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif options.since_seconds is not None and options.since_seconds < 1:
        errors.append(field.invalid("sinceSeconds", options.since_seconds, positive))
    if errors:
        raise Invalid.of("", "PodLogOptions", target.name, errors)
