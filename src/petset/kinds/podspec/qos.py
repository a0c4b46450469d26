"""The quality-of-service class of a pod: what its containers' requests and limits of cpu and memory promise."""

from petset.api.types import Container, PodSpec

_COMPUTE = ("cpu", "memory")


def qos_class(spec: PodSpec) -> str:
    """Guaranteed, Burstable or BestEffort, by upstream's `ComputePodQOS`; expects defaulted, canonical quantities."""
    if spec.resources is not None and (spec.resources.requests or spec.resources.limits):
        sources = [spec.resources]
    else:
        containers: list[Container] = [*spec.init_containers, *spec.containers]
        sources = [container.resources for container in containers]
    amounts = [
        {name: amount for name, amount in source.items() if name in _COMPUTE and amount != "0"}
        for resources in sources
        for source in (resources.requests, resources.limits)
    ]
    if not any(amounts):
        return "BestEffort"
    guaranteed = all(
        len(limits) == len(_COMPUTE) and requests == limits
        for requests, limits in zip(amounts[::2], amounts[1::2], strict=True)
    )
    return "Guaranteed" if guaranteed else "Burstable"
