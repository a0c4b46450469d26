"""What is allowed in a pod spec and hardly meant: told to who writes it, as by upstream's `pkg/api/pod/warnings.go`.

`path` is that of the pod or the template, empty or ending with a dot.
"""

from collections.abc import Iterator

from petset.api.quantity import QuantityError, parse
from petset.api.types import Container, ContainerPort, PersistentVolumeClaimSpec, PodAffinityTerm, PodSpec

_BYTES = ("memory", "ephemeral-storage")
_NO_SELECTOR = "a null labelSelector results in matching no pod"


def pod_warnings(path: str, spec: PodSpec) -> list[str]:
    """All of a pod, or of a template at `path`."""
    return [
        *_spread_warnings(f"{path}spec", spec),
        *_volume_warnings(f"{path}spec.volumes", spec),
        *_reference_warnings(f"{path}spec", spec),
        *(
            text
            for where, container in _containers(f"{path}spec", spec)
            for text in _container_warnings(where, container)
        ),
        *_port_warnings(f"{path}spec", spec),
        *_grace_warnings(f"{path}spec", spec),
        *_affinity_warnings(f"{path}spec.affinity", spec),
    ]


def claim_warnings(path: str, spec: PersistentVolumeClaimSpec) -> Iterator[str]:
    """Of what a claim asks for."""
    for side, amounts in (("requests", spec.resources.requests), ("limits", spec.resources.limits)):
        yield from _fraction_warnings(f"{path}.resources.{side}", amounts, ("storage",))


def _containers(path: str, spec: PodSpec) -> Iterator[tuple[str, Container]]:
    for place, containers in (("initContainers", spec.init_containers), ("containers", spec.containers)):
        for index, container in enumerate(containers):
            yield f"{path}.{place}[{index}]", container


def _spread_warnings(path: str, spec: PodSpec) -> Iterator[str]:
    for index, constraint in enumerate(spec.topology_spread_constraints):
        if constraint.label_selector is None:
            yield f"{path}.topologySpreadConstraints[{index}].labelSelector: {_NO_SELECTOR}"


def _volume_warnings(path: str, spec: PodSpec) -> Iterator[str]:
    for index, volume in enumerate(spec.volumes):
        if volume.ephemeral is not None and volume.ephemeral.volume_claim_template is not None:
            template = volume.ephemeral.volume_claim_template
            yield from claim_warnings(f"{path}[{index}].ephemeral.volumeClaimTemplate.spec", template.spec)


def _reference_warnings(path: str, spec: PodSpec) -> Iterator[str]:
    addresses = [(f"{path}.hostAliases[{index}].ip", alias.ip) for index, alias in enumerate(spec.host_aliases)]
    yield from (f'{where}: duplicate ip "{value}"' for where, value in _repeated(addresses))
    names = [
        (f"{path}.imagePullSecrets[{index}].name", secret.name or "")
        for index, secret in enumerate(spec.image_pull_secrets)
    ]
    yield from (f'{where}: duplicate name "{value}"' for where, value in _repeated(names))
    yield from (f'{where}: invalid empty name ""' for where, value in names if not value)


def _repeated(places: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for where, value in places:
        if value in seen:
            yield where, value
        seen.add(value)


def _container_warnings(path: str, container: Container) -> Iterator[str]:
    yield from _fraction_warnings(f"{path}.resources.limits", container.resources.limits, _BYTES)
    yield from _fraction_warnings(f"{path}.resources.requests", container.resources.requests, _BYTES)
    seen: set[str] = set()
    for index, variable in enumerate(container.env):
        builds_on = f"$({variable.name})" in (variable.value or "") and variable.value != f"$({variable.name})"
        if variable.name in seen and (variable.value_from is not None or not builds_on):
            hidden = f'hides previous definition of "{variable.name}", which may be dropped when using apply'
            yield f"{path}.env[{index}]: {hidden}"
        seen.add(variable.name)


def _fraction_warnings(path: str, amounts: dict[str, str], names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        text = amounts.get(name)
        if text is not None and _is_fraction(text):
            yield f'{path}[{name}]: fractional byte value "{text}" is invalid, must be an integer'


def _is_fraction(text: str) -> bool:
    try:
        return parse(text).amount.denominator != 1
    except QuantityError:
        return False


def _port_warnings(path: str, spec: PodSpec) -> Iterator[str]:
    taken: dict[tuple[int, str | None], list[tuple[str, ContainerPort]]] = {}
    named: dict[str, str] = {}
    double: list[str] = []
    for where, container in _containers(path, spec):
        for index, port in enumerate(container.ports):
            place = f"{where}.ports[{index}]"
            others = taken.setdefault((port.container_port, port.protocol), [])
            yield from (f"{place}: {how} port definition with {other}" for how, other in _clashes(port, others))
            others.append((place, port))
            first = named.setdefault(port.name or place, place)
            if first != place:
                chosen = f"services and probes that select ports by name will use {first}"
                double.append(f'{place}: duplicate port name "{port.name}" with {first}, {chosen}')
    yield from double


def _clashes(port: ContainerPort, others: list[tuple[str, ContainerPort]]) -> Iterator[tuple[str, str]]:
    for place, other in others:
        if (port.host_ip or "", port.host_port or 0) == (other.host_ip or "", other.host_port or 0):
            yield "duplicate", place
        elif not port.host_port or not other.host_port:
            yield "overlapping", place
        elif port.host_port == other.host_port and bool(port.host_ip) != bool(other.host_ip):
            yield "dangerously ambiguous", place


def _grace_warnings(path: str, spec: PodSpec) -> Iterator[str]:
    if (spec.termination_grace_period_seconds or 0) < 0:
        rule = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{path}.terminationGracePeriodSeconds: {rule}"


def _affinity_warnings(path: str, spec: PodSpec) -> Iterator[str]:
    if spec.affinity is None:
        return
    for place, terms in (
        ("podAffinity", spec.affinity.pod_affinity),
        ("podAntiAffinity", spec.affinity.pod_anti_affinity),
    ):
        if terms is None:
            continue
        needed, liked = (
            "requiredDuringSchedulingIgnoredDuringExecution",
            "preferredDuringSchedulingIgnoredDuringExecution",
        )
        listed: list[tuple[str, PodAffinityTerm]] = [
            *(
                (f"{needed}[{i}]", term)
                for i, term in enumerate(terms.required_during_scheduling_ignored_during_execution)
            ),
            *(
                (f"{liked}[{i}].podAffinityTerm", weighted.pod_affinity_term)
                for i, weighted in enumerate(terms.preferred_during_scheduling_ignored_during_execution)
            ),
        ]
        yield from (
            f"{path}.{place}.{where}.labelSelector: {_NO_SELECTOR}"
            for where, term in listed
            if term.label_selector is None
        )
