"""Disruption budgets through the real controllers over the real API server."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from petset.api.errors import TooManyRequests
from petset.api.meta import get_condition
from petset.api.types import (
    Eviction,
    LabelSelector,
    ObjectMeta,
    OwnerReference,
    Pod,
    PodCondition,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
    StatefulSet,
)
from petset.controllers.disruption.controller import DisruptionController
from petset.controllers.disruption.stale import StaleDisruptions
from tests.unit.apiserver.calls import pod, stateful_set
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        client, informers, clock = cluster.client, cluster.informers, cluster.clock
        cluster.start(
            DisruptionController(client, informers, cluster.recorder, clock), StaleDisruptions(client, informers, clock)
        )
        await cluster.settle()
        yield cluster


def budget(app: str = "web", name: str = "web", **spec: object) -> PodDisruptionBudget:
    wanted = PodDisruptionBudgetSpec(selector=LabelSelector(match_labels={"app": app}))
    for field, value in spec.items():
        setattr(wanted, field, value)
    return PodDisruptionBudget(metadata=ObjectMeta(name=name, namespace="default"), spec=wanted)


async def add(cluster: ToyCluster, ordinal: int, owner: StatefulSet | None = None, kind: str = "StatefulSet") -> None:
    new = pod(f"web-{ordinal}")
    new.metadata.namespace, new.metadata.labels = "default", {"app": "web"}
    new.metadata.finalizers = ["example.com/keep"]
    if owner is not None:
        uid = owner.metadata.uid
        reference = OwnerReference(api_version="apps/v1", kind=kind, name="web", uid=uid, controller=True)
        new.metadata.owner_references = [reference]
    created = await cluster.client.create(new)
    created.status.phase = "Running"
    created.status.conditions = [PodCondition(type="Ready", status="True")]
    await cluster.client.update(created, "status")
    await cluster.settle()


async def owning_set(cluster: ToyCluster, replicas: int) -> StatefulSet:
    wanted = stateful_set(replicas=replicas)
    wanted.metadata.namespace = "default"
    return await cluster.create(wanted)


async def status(cluster: ToyCluster, name: str = "web") -> PodDisruptionBudgetStatus:
    return (await cluster.get(PodDisruptionBudget, name, "default")).status


async def evict(cluster: ToyCluster, name: str) -> None:
    eviction = Eviction(metadata=ObjectMeta(name=name, namespace="default"))
    await cluster.client.create_subresource(Pod, name, "default", "eviction", eviction)
    await cluster.settle()


async def test_a_budget_follows_its_pods(cluster: ToyCluster) -> None:
    await cluster.create(budget(min_available=1))
    assert (await status(cluster)).observed_generation == 1
    await add(cluster, 0)
    await add(cluster, 1)
    now = await status(cluster)
    assert (now.current_healthy, now.expected_pods, now.disruptions_allowed) == (2, 2, 1)

    def become_unready(pod: Pod) -> None:
        pod.status.conditions = [PodCondition(type="Ready", status="False")]

    await cluster.change_status(Pod, "web-0", "default", become_unready)
    assert (await status(cluster)).disruptions_allowed == 0

    def relabel(pod: Pod) -> None:
        pod.metadata.labels = {"app": "other"}

    await cluster.change(Pod, "web-0", "default", relabel)
    assert (await status(cluster)).expected_pods == 1


async def test_evictions_go_on_one_by_one(cluster: ToyCluster) -> None:
    owner = await owning_set(cluster, 3)
    for ordinal in range(3):
        await add(cluster, ordinal, owner)
    await cluster.create(budget(max_unavailable=1))
    now = await status(cluster)
    assert (now.expected_pods, now.desired_healthy, now.disruptions_allowed) == (3, 2, 1)
    await evict(cluster, "web-0")
    assert (await status(cluster)).disrupted_pods == {}
    with pytest.raises(TooManyRequests):
        await evict(cluster, "web-1")

    def let_go(pod: Pod) -> None:
        pod.metadata.finalizers = []

    await cluster.change(Pod, "web-0", "default", let_go)
    await cluster.delete(Pod, "web-0", "default")
    with pytest.raises(TooManyRequests):
        await evict(cluster, "web-1")
    await add(cluster, 0, owner)
    await evict(cluster, "web-1")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("ReplicaSet", 'no matches for kind "ReplicaSet" in version "apps/v1"'),
        ("ControllerRevision", "controllerrevisions.apps does not implement the scale subresource"),
    ],
)
async def test_a_controller_without_a_scale_is_told(cluster: ToyCluster, kind: str, why: str) -> None:
    await add(cluster, 0, await owning_set(cluster, 1), kind)
    await cluster.create(budget(max_unavailable=1))
    (condition,) = (await status(cluster)).conditions
    assert (condition.reason, condition.message) == ("SyncFailed", why)
    assert [reason for _, reason, _ in await cluster.events("web")] == ["CalculateExpectedPodCountFailed"]


async def test_a_set_of_another_life_is_no_controller(cluster: ToyCluster) -> None:
    owner = await owning_set(cluster, 1)
    await add(cluster, 0, owner)
    await cluster.delete(StatefulSet, "web", "default")
    await cluster.create(budget(max_unavailable=1))
    (condition,) = (await status(cluster)).conditions
    assert condition.message == 'found no controllers for pod "web-0"'


async def test_only_the_budget_of_a_pod_hears_of_it(cluster: ToyCluster) -> None:
    await cluster.create(budget(min_available=1))
    await cluster.create(budget("other", "other", min_available=1))
    before = await cluster.get(PodDisruptionBudget, "other", "default")
    await add(cluster, 0)
    assert await cluster.get(PodDisruptionBudget, "other", "default") == before


async def test_a_word_of_eviction_that_came_to_nothing_is_taken_back(cluster: ToyCluster) -> None:
    await add(cluster, 0)

    def mark(pod: Pod) -> None:
        since = cluster.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        pod.status.conditions.append(PodCondition(type="DisruptionTarget", status="True", last_transition_time=since))

    await cluster.change_status(Pod, "web-0", "default", mark)
    for passed, expected in ((60, "True"), (61, "False")):
        await cluster.clock.advance(timedelta(seconds=passed).total_seconds())
        await cluster.settle()
        found = get_condition((await cluster.get(Pod, "web-0", "default")).status.conditions, "DisruptionTarget")
        assert found is not None
        assert found.status == expected
