"""What quotas say is used, through the real controller over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.types import ConfigMap, ObjectMeta, Pod, ResourceQuota, ResourceQuotaSpec
from petset.controllers.quota.controller import AT_ONCE, QuotaController, countable
from tests.unit.apiserver.calls import pod
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        cluster.start(QuotaController(cluster.client, cluster.informers, cluster.clock))
        await cluster.settle()
        yield cluster


def quota(name: str = "quota", **hard: str) -> ResourceQuota:
    limits = {key.replace("__", "/").replace("_", "."): value for key, value in hard.items()}
    return ResourceQuota(metadata=ObjectMeta(name=name, namespace="default"), spec=ResourceQuotaSpec(hard=limits))


async def add(cluster: ToyCluster, name: str, cpu: str = "100m") -> None:
    new = pod(name)
    new.metadata.namespace = "default"
    new.spec.containers[0].resources.requests = {"cpu": cpu}
    await cluster.create(new)


async def used(cluster: ToyCluster, name: str = "quota") -> dict[str, str]:
    return (await cluster.get(ResourceQuota, name, "default")).status.used


async def test_counts_what_is_there_comes_and_goes(cluster: ToyCluster) -> None:
    await add(cluster, "web-0")
    made = await cluster.create(quota(pods="5", requests_cpu="1", count__configmaps="9"))
    assert made.status.hard == made.spec.hard
    assert made.status.used == {"pods": "1", "requests.cpu": "100m", "count/configmaps": "0"}
    await add(cluster, "web-1", "250m")
    await cluster.create(ConfigMap(metadata=ObjectMeta(name="c", namespace="default")))
    assert await used(cluster) == {"pods": "2", "requests.cpu": "350m", "count/configmaps": "1"}
    await cluster.delete(Pod, "web-0", "default")
    assert await used(cluster) == {"pods": "1", "requests.cpu": "250m", "count/configmaps": "1"}


async def test_a_full_namespace_is_counted_in_turns(cluster: ToyCluster) -> None:
    for number in range(AT_ONCE + 1):
        await cluster.client.create(ConfigMap(metadata=ObjectMeta(name=f"map-{number}", namespace="default")))
    await cluster.settle()
    made = await cluster.create(quota(count__configmaps="9"))
    assert made.status.used == {"count/configmaps": str(AT_ONCE + 1)}
    await cluster.delete(ConfigMap, "map-7", "default")
    assert await used(cluster) == {"count/configmaps": str(AT_ONCE)}


async def test_a_pod_that_has_ended_is_an_object_still(cluster: ToyCluster) -> None:
    await cluster.create(quota(pods="5", count__pods="5"))
    await add(cluster, "web-0")

    def end(pod: Pod) -> None:
        pod.status.phase = "Succeeded"

    await cluster.change_status(Pod, "web-0", "default", end)
    assert await used(cluster) == {"pods": "0", "count/pods": "1"}


async def test_other_limits_are_counted_anew(cluster: ToyCluster) -> None:
    await cluster.create(quota(pods="5"))
    await add(cluster, "web-0")

    def limit_cpu(quota: ResourceQuota) -> None:
        quota.spec.hard = {"requests.cpu": "2"}

    await cluster.change(ResourceQuota, "quota", "default", limit_cpu)
    changed = await cluster.get(ResourceQuota, "quota", "default")
    assert (changed.status.hard, changed.status.used) == ({"requests.cpu": "2"}, {"requests.cpu": "100m"})


async def test_a_status_that_somebody_else_wrote_is_put_right(cluster: ToyCluster) -> None:
    await cluster.create(quota(pods="5"))

    def lie(quota: ResourceQuota) -> None:
        quota.status.used = {"pods": "4"}

    await cluster.change_status(ResourceQuota, "quota", "default", lie)
    assert await used(cluster) == {"pods": "0"}


async def test_two_quotas_count_the_same_pod(cluster: ToyCluster) -> None:
    await cluster.create(quota("a", pods="5"))
    await cluster.create(quota("b", requests_cpu="5", resourcequotas="5"))
    await add(cluster, "web-0")
    assert await used(cluster, "a") == {"pods": "1"}
    assert await used(cluster, "b") == {"requests.cpu": "100m", "resourcequotas": "2"}
    await cluster.delete(ResourceQuota, "a", "default")
    await cluster.delete(ResourceQuota, "b", "default")
    await cluster.create(quota(pods="5"))
    assert await used(cluster) == {"pods": "1"}


async def test_a_namespace_that_changes_nothing_writes_nothing(cluster: ToyCluster) -> None:
    made = await cluster.create(quota(services="5"))
    await add(cluster, "web-0")
    after = await cluster.get(ResourceQuota, "quota", "default")
    assert after.metadata.resource_version == made.metadata.resource_version


def test_everything_but_events_can_be_counted() -> None:
    names = {resource.plural for resource in countable()}
    assert {"pods", "secrets", "statefulsets", "rolebindings", "leases"} <= names
    assert not names & {"events", "nodes", "localsubjectaccessreviews"}
