"""Requests and limits of a container as the numbers that the kernel takes. Pure.

Formulas: the kubelet's pkg/kubelet/cm (MilliCPUToShares, MilliCPUToQuota) and pkg/kubelet/qos (oom_score_adj).
"""

from collections.abc import Mapping

from petset.api.quantity import parse
from petset.api.types import Container, Pod
from petset.kinds.podspec.qos import qos_class
from petset.node.runtimes.interface import ContainerResources

FEWEST_SHARES, MOST_SHARES = 2, 262144
PERIOD = 100_000
SHORTEST_QUOTA = 1000
BEST_EFFORT_SCORE = 1000
LOWEST_BURSTABLE_SCORE = 3


def container_resources(pod: Pod, container: Container, memory_capacity: int) -> ContainerResources:
    """Shares, quota, memory limit and oom_score_adj. `memory_capacity` is the machine's, in bytes."""
    requests, limits = container.resources.requests, container.resources.limits
    cpu_limit = _milli(limits, "cpu")
    cpu_request = _milli(requests, "cpu") if "cpu" in requests else cpu_limit
    quota = max(SHORTEST_QUOTA, cpu_limit * PERIOD // 1000) if cpu_limit else 0
    return ContainerResources(
        memory_limit_bytes=parse(limits["memory"]).value() if "memory" in limits else 0,
        cpu_shares=min(MOST_SHARES, max(FEWEST_SHARES, cpu_request * 1024 // 1000)),
        cpu_quota=quota,
        cpu_period=PERIOD if quota else 0,
        oom_score_adj=oom_score_adj(pod, container, memory_capacity),
    )


def oom_score_adj(pod: Pod, container: Container, memory_capacity: int) -> int:
    """The more of the machine a burstable container asks for, the later it is killed.

    Guaranteed containers get 0 instead of the kubelet's -997: going below needs CAP_SYS_RESOURCE, which root may lack.
    """
    quality = pod.status.qos_class or qos_class(pod.spec)
    if quality == "Guaranteed":
        return 0
    if quality == "BestEffort" or memory_capacity <= 0:
        return BEST_EFFORT_SCORE
    requests = container.resources.requests
    requested = parse(requests["memory"]).value() if "memory" in requests else 0
    score = BEST_EFFORT_SCORE - BEST_EFFORT_SCORE * requested // memory_capacity
    return min(BEST_EFFORT_SCORE - 1, max(LOWEST_BURSTABLE_SCORE, score))


def _milli(amounts: Mapping[str, str], name: str) -> int:
    return parse(amounts[name]).milli_value() if name in amounts else 0
