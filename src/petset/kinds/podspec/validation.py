"""Validation of a whole pod spec, and of the template that holds one."""

from collections.abc import Iterator

from petset.api.field import FieldError, duplicate, forbidden, invalid, not_supported, required
from petset.api.names import dns1123_subdomain_errors, qualified_name_errors
from petset.api.types import PodSpec, PodTemplateSpec
from petset.kinds.checks import format_errors, labels, one_of, optional_errors, optional_one_of
from petset.kinds.podspec.claims import claims_errors
from petset.kinds.podspec.containers import containers_errors
from petset.kinds.podspec.environment import file_volumes_errors
from petset.kinds.podspec.naming import naming_errors
from petset.kinds.podspec.resources import overhead_errors, pod_resource_errors
from petset.kinds.podspec.scheduling import affinity_errors, spread_errors, tolerations_errors
from petset.kinds.podspec.security import pod_security_errors
from petset.kinds.podspec.volumes import volumes_errors
from petset.kinds.podspec.windows import host_process_errors

RESTART_POLICIES = ("Always", "OnFailure", "Never")
LONGEST_DEADLINE = 2**31 - 1
_SYSTEMS = ("linux", "windows")


def pod_template_errors(path: str, template: PodTemplateSpec) -> Iterator[FieldError]:
    """Everything wrong with a template, apart from what its owner asks of it."""
    yield from labels(f"{path}.labels", template.metadata.labels)
    for key in template.metadata.annotations:
        yield from format_errors(f"{path}.annotations", key.lower(), qualified_name_errors)
    yield from pod_spec_errors(f"{path}.spec", template.spec)
    if template.spec.ephemeral_containers:
        yield forbidden(f"{path}.spec.ephemeralContainers", "ephemeral containers not allowed in pod template")


def pod_spec_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """Everything wrong with a pod spec; it must have its defaults."""
    yield from volumes_errors(f"{path}.volumes", spec.volumes)
    yield from claims_errors(f"{path}.resourceClaims", spec.resource_claims)
    yield from containers_errors(path, spec)
    yield from pod_resource_errors(f"{path}.resources", spec)
    yield from one_of(f"{path}.restartPolicy", spec.restart_policy, RESTART_POLICIES)
    yield from naming_errors(path, spec)
    yield from labels(f"{path}.nodeSelector", spec.node_selector)
    yield from optional_errors(f"{path}.serviceAccountName", spec.service_account_name, dns1123_subdomain_errors)
    yield from optional_errors(f"{path}.nodeName", spec.node_name, dns1123_subdomain_errors)
    yield from affinity_errors(f"{path}.affinity", spec.affinity)
    yield from tolerations_errors(f"{path}.tolerations", spec.tolerations)
    yield from spread_errors(f"{path}.topologySpreadConstraints", spec.topology_spread_constraints)
    if spec.security_context is not None:
        yield from pod_security_errors(f"{path}.securityContext", spec.security_context)
    yield from host_process_errors(path, spec)
    yield from _host_errors(path, spec)
    yield from _references_errors(path, spec)
    yield from overhead_errors(f"{path}.overhead", spec.overhead)
    yield from deadline_errors(f"{path}.activeDeadlineSeconds", spec.active_deadline_seconds, least=1)
    yield from file_volumes_errors(path, spec)


def deadline_errors(path: str, seconds: int | None, *, least: int) -> Iterator[FieldError]:
    """How long a pod may be active."""
    if seconds is not None and not least <= seconds <= LONGEST_DEADLINE:
        yield invalid(path, seconds, f"must be between {least} and {LONGEST_DEADLINE}, inclusive")


def _references_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    for index, gate in enumerate(spec.readiness_gates):
        yield from format_errors(
            f"{path}.readinessGates[{index}].conditionType", gate.condition_type, qualified_name_errors
        )
    seen: set[str] = set()
    for index, name in enumerate(scheduling.name for scheduling in spec.scheduling_gates):
        yield from format_errors(f"{path}.schedulingGates[{index}]", name, qualified_name_errors)
        if name in seen:
            yield duplicate(f"{path}.schedulingGates[{index}]", name)
        seen.add(name)
    yield from optional_errors(f"{path}.priorityClassName", spec.priority_class_name, dns1123_subdomain_errors)
    yield from optional_errors(f"{path}.runtimeClassName", spec.runtime_class_name, dns1123_subdomain_errors)
    yield from optional_one_of(f"{path}.preemptionPolicy", spec.preemption_policy, ("PreemptLowerPriority", "Never"))


def _host_errors(path: str, spec: PodSpec) -> Iterator[FieldError]:
    """What a pod shares with its node, and what that has to be."""
    if spec.share_process_namespace and spec.host_pid:
        rule = "ShareProcessNamespace and HostPID cannot both be enabled"
        yield invalid(f"{path}.securityContext.shareProcessNamespace", True, rule)
    if spec.os is not None and spec.os.name not in _SYSTEMS:
        yield not_supported(f"{path}.os", spec.os.name, _SYSTEMS) if spec.os.name else required(f"{path}.os.name")
