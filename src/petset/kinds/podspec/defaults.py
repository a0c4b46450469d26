"""What a pod spec says when it says nothing.

`default_pod_spec` is for pods and templates alike; a StatefulSet's revisions are hashed after it, so a default added
here gives every running set a new revision. `default_pod_object` is for pods alone. The source of both is upstream's
`pkg/apis/core/v1/defaults.go`.
"""

from collections.abc import Iterable
from contextlib import suppress

from petset.api.quantity import QuantityError
from petset.api.types import (
    Container,
    HTTPGetAction,
    LifecycleHandler,
    ObjectFieldSelector,
    PodSecurityContext,
    PodSpec,
    Probe,
    ResourceRequirements,
)
from petset.kinds.podspec.images import pull_policy
from petset.kinds.podspec.totals import container_limits, container_requests, is_for_pods
from petset.kinds.podspec.volume_defaults import default_volume
from petset.kinds.quantities import canonicalize
from petset.kinds.resourcenames import HUGE_PAGES


def default_pod_spec(spec: PodSpec) -> None:
    """The defaults of pods and of pod templates."""
    spec.restart_policy = spec.restart_policy or "Always"
    spec.dns_policy = spec.dns_policy or "ClusterFirst"
    spec.scheduler_name = spec.scheduler_name or "default-scheduler"
    if spec.termination_grace_period_seconds is None:
        spec.termination_grace_period_seconds = 30
    if spec.security_context is None:
        spec.security_context = PodSecurityContext()
    _mirror_service_account(spec)
    canonicalize(spec.overhead)
    if spec.resources is not None:
        _default_resources(spec.resources)
    for volume in spec.volumes:
        default_volume(volume)
    for container in all_containers(spec):
        default_container(container)


def all_containers(spec: PodSpec) -> Iterable[Container]:
    """Init containers, then containers."""
    yield from spec.init_containers
    yield from spec.containers


def default_pod_object(spec: PodSpec) -> None:
    """The defaults that pods get and templates do not."""
    if spec.enable_service_links is None:
        spec.enable_service_links = True
    if (spec.termination_grace_period_seconds or 0) < 0:
        spec.termination_grace_period_seconds = 1
    for container in all_containers(spec):
        for name, limit in container.resources.limits.items():
            container.resources.requests.setdefault(name, limit)
        if spec.host_network:
            for port in container.ports:
                port.host_port = port.host_port or port.container_port
    _default_pod_requests(spec)


def _default_pod_requests(spec: PodSpec) -> None:
    """What a pod as a whole asks for when only its limits are told: as much as its containers, else the limit."""
    resources = spec.resources
    if resources is None:
        return
    with suppress(QuantityError):  # which validation tells
        if resources.limits or resources.requests:
            _default_huge_pages(spec, resources)
        if resources.limits:
            for name, amount in container_requests(spec).items():
                if name in ("cpu", "memory"):
                    resources.requests.setdefault(name, str(amount))
    for name, limit in resources.limits.items():
        if is_for_pods(name):
            resources.requests.setdefault(name, limit)


def _default_huge_pages(spec: PodSpec, resources: ResourceRequirements) -> None:
    """Huge pages are limited to what the containers may have, where the pod does not request any."""
    for name, amount in container_limits(spec).items():
        if name.startswith(HUGE_PAGES) and name not in resources.requests:
            resources.limits.setdefault(name, str(amount))


def default_container(container: Container) -> None:
    """The defaults of one container."""
    container.image_pull_policy = container.image_pull_policy or pull_policy(container.image)
    container.termination_message_path = container.termination_message_path or "/dev/termination-log"
    container.termination_message_policy = container.termination_message_policy or "File"
    _default_resources(container.resources)
    for port in container.ports:
        port.protocol = port.protocol or "TCP"
    _default_env(container)
    for probe in (container.liveness_probe, container.readiness_probe, container.startup_probe):
        if probe is not None:
            _default_probe(probe)
    if container.lifecycle is not None:
        for handler in (container.lifecycle.post_start, container.lifecycle.pre_stop):
            _default_handler(handler)


def default_field_ref(field_ref: ObjectFieldSelector | None) -> None:
    """Downward API fields are fields of v1."""
    if field_ref is not None:
        field_ref.api_version = field_ref.api_version or "v1"


def _default_env(container: Container) -> None:
    for variable in container.env:
        source = variable.value_from
        if source is None:
            continue
        default_field_ref(source.field_ref)
        if source.file_key_ref is not None and source.file_key_ref.optional is None:
            source.file_key_ref.optional = False


def _default_resources(resources: ResourceRequirements) -> None:
    canonicalize(resources.limits)
    canonicalize(resources.requests)


def _default_probe(probe: Probe) -> None:
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.success_threshold = probe.success_threshold or 1
    probe.failure_threshold = probe.failure_threshold or 3
    _default_http_get(probe.http_get)
    if probe.grpc is not None:
        probe.grpc.service = probe.grpc.service or ""


def _default_handler(handler: LifecycleHandler | None) -> None:
    if handler is not None:
        _default_http_get(handler.http_get)


def _default_http_get(action: HTTPGetAction | None) -> None:
    if action is not None:
        action.path = action.path or "/"
        action.scheme = action.scheme or "HTTP"


def _mirror_service_account(spec: PodSpec) -> None:
    # The deprecated name is read when the new one is missing, and always written.
    spec.service_account_name = spec.service_account_name or spec.service_account
    spec.service_account = spec.service_account_name
