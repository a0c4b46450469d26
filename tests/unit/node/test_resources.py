import pytest

from petset.api.types import Container, ResourceRequirements
from petset.node.resources import container_resources, oom_score_adj
from petset.node.runtimes.interface import ContainerResources
from tests.unit.node.given import pod

GI = 1 << 30


def container(requests: dict[str, str], limits: dict[str, str] | None = None) -> Container:
    return Container(name="nginx", resources=ResourceRequirements(requests=requests, limits=limits or {}))


@pytest.mark.parametrize(
    ("requests", "limits", "shares", "quota"),
    [
        ({}, {}, 2, 0),
        ({"cpu": "1"}, {}, 1024, 0),
        ({"cpu": "250m"}, {"cpu": "500m"}, 256, 50_000),
        ({"cpu": "1m"}, {"cpu": "1m"}, 2, 1000),
        ({}, {"cpu": "2"}, 2048, 200_000),
        ({"cpu": "1000"}, {}, 262144, 0),
    ],
)
def test_cpu_becomes_shares_and_quota(
    requests: dict[str, str], limits: dict[str, str], shares: int, quota: int
) -> None:
    found = container_resources(pod(), container(requests, limits), GI)
    assert (found.cpu_shares, found.cpu_quota, found.cpu_period) == (shares, quota, 100_000 if quota else 0)


def test_the_memory_limit_is_in_bytes() -> None:
    guaranteed = container({"cpu": "1", "memory": "64Mi"}, {"cpu": "1", "memory": "64Mi"})
    assert container_resources(pod(guaranteed), guaranteed, GI) == ContainerResources(
        memory_limit_bytes=64 << 20, cpu_shares=1024, cpu_quota=100_000, cpu_period=100_000, oom_score_adj=0
    )


@pytest.mark.parametrize(
    ("quality", "requests", "score"),
    [
        ("Guaranteed", {"memory": "512Mi"}, 0),
        ("BestEffort", {}, 1000),
        ("Burstable", {"memory": "512Mi"}, 500),
        ("Burstable", {"memory": "1Gi"}, 3),
        ("Burstable", {"memory": "1Ki"}, 999),
        ("Burstable", {"cpu": "1"}, 999),
    ],
)
def test_who_asks_for_more_memory_is_killed_later(quality: str, requests: dict[str, str], score: int) -> None:
    asking = container(requests)
    of = pod(asking)
    of.status.qos_class = quality
    assert oom_score_adj(of, asking, GI) == score
