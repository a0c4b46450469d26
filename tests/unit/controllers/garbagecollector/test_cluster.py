"""Deletion by owner references through the real collector over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.meta import owner_reference
from petset.api.types import (
    ConfigMap,
    Container,
    DeleteOptions,
    Event,
    EventsV1Event,
    Namespace,
    Object,
    ObjectMeta,
    OwnerReference,
    Pod,
    Secret,
)
from petset.controllers.garbagecollector.controller import GarbageCollector
from petset.kinds import CATALOGUE
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

KINDS: list[type[Object]] = [
    r.type for r in CATALOGUE.resources if "list" in r.verbs and r.type not in (Event, EventsV1Event)
]


def collector(cluster: ToyCluster) -> GarbageCollector:
    return GarbageCollector(cluster.client, cluster.informers, cluster.recorder, cluster.clock, KINDS)


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        cluster.start(collector(cluster))
        await cluster.settle()
        yield cluster


async def make(
    cluster: ToyCluster, name: str, *owners: Object, blocks: bool = True, finalizers: tuple[str, ...] = ()
) -> ConfigMap:
    references = [owner_reference(owner, controller=False) for owner in owners]
    for reference in references:
        reference.block_owner_deletion = blocks
    meta = ObjectMeta(name=name, namespace="default", owner_references=references, finalizers=list(finalizers))
    return await cluster.create(ConfigMap(metadata=meta))


async def left(cluster: ToyCluster) -> list[str]:
    return await cluster.names(ConfigMap)


async def owners_of(cluster: ToyCluster, name: str) -> list[str]:
    found = await cluster.get(ConfigMap, name, "default")
    return [reference.name for reference in found.metadata.owner_references]


async def test_dependents_of_dependents_go_in_the_background(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    child = await make(cluster, "child", owner)
    await make(cluster, "grandchild", child)
    await make(cluster, "stranger")
    await cluster.delete(ConfigMap, "owner", "default", "Background")
    assert await left(cluster) == ["stranger"]


async def test_an_object_with_another_owner_stays_and_forgets_the_one_that_is_gone(cluster: ToyCluster) -> None:
    one, other = await make(cluster, "one"), await make(cluster, "other")
    await make(cluster, "shared", one, other)
    await cluster.delete(ConfigMap, "one", "default", "Background")
    assert await left(cluster) == ["other", "shared"]
    assert await owners_of(cluster, "shared") == ["other"]
    await cluster.delete(ConfigMap, "other", "default", "Background")
    assert await left(cluster) == []


async def test_orphans_stay_without_their_owner(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    child = await make(cluster, "child", owner)
    await make(cluster, "grandchild", child)
    await cluster.delete(ConfigMap, "owner", "default", "Orphan")
    assert await left(cluster) == ["child", "grandchild"]
    assert await owners_of(cluster, "child") == []
    assert await owners_of(cluster, "grandchild") == ["child"]


async def test_in_the_foreground_the_owner_goes_last(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    child = await make(cluster, "child", owner)
    await make(cluster, "grandchild", child, finalizers=("example.com/hold",))
    await cluster.delete(ConfigMap, "owner", "default", "Foreground")
    assert await left(cluster) == ["child", "grandchild", "owner"]

    def release(obj: ConfigMap) -> None:
        obj.metadata.finalizers = []

    await cluster.change(ConfigMap, "grandchild", "default", release)
    assert await left(cluster) == []


async def test_in_the_foreground_a_dependent_that_does_not_block_is_not_waited_for(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    await make(cluster, "child", owner, blocks=False, finalizers=("example.com/hold",))
    await cluster.delete(ConfigMap, "owner", "default", "Foreground")
    assert await left(cluster) == ["child"]
    assert (await cluster.get(ConfigMap, "child", "default")).metadata.deletion_timestamp


async def test_in_the_foreground_an_object_with_another_owner_is_let_go(cluster: ToyCluster) -> None:
    one, other = await make(cluster, "one"), await make(cluster, "other")
    await make(cluster, "shared", one, other)
    await cluster.delete(ConfigMap, "one", "default", "Foreground")
    assert await left(cluster) == ["other", "shared"]
    assert await owners_of(cluster, "shared") == ["other"]


async def test_a_cycle_goes_in_the_foreground(cluster: ToyCluster) -> None:
    one = await make(cluster, "one")
    two = await make(cluster, "two", one)

    def own(obj: ConfigMap) -> None:
        obj.metadata.owner_references = [owner_reference(two, controller=False)]
        obj.metadata.owner_references[0].block_owner_deletion = True

    await cluster.change(ConfigMap, "one", "default", own)
    await cluster.delete(ConfigMap, "one", "default", "Foreground")
    assert await left(cluster) == []


async def test_a_dependent_that_arrives_after_its_owner_has_gone_goes_too(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    await cluster.delete(ConfigMap, "owner", "default")
    await cluster.client.create(
        ConfigMap(metadata=ObjectMeta(name="late", namespace="default", owner_references=[owner_reference(owner)]))
    )
    await cluster.settle()
    assert await left(cluster) == []


async def test_a_successor_of_the_owners_name_is_not_the_owner(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    await make(cluster, "child", owner)
    await cluster.client.delete(ConfigMap, "owner", "default")
    await cluster.client.create(ConfigMap(metadata=ObjectMeta(name="owner", namespace="default")))
    await cluster.settle()
    assert await left(cluster) == ["owner"]


async def test_an_owner_in_another_namespace_does_not_count_and_is_reported(cluster: ToyCluster) -> None:
    await cluster.create(Namespace(metadata=ObjectMeta(name="other")))
    owner = await cluster.create(ConfigMap(metadata=ObjectMeta(name="owner", namespace="other")))
    await make(cluster, "child", owner)
    assert await left(cluster) == ["owner"]
    place = f"namespace: default, name: owner, uid: {owner.metadata.uid}"
    text = f'ownerRef [v1/ConfigMap, {place}] does not exist in namespace "default"'
    assert await cluster.events("child") == [("Warning", "OwnerRefInvalidNamespace", text)]


async def test_a_cluster_wide_object_is_never_deleted_for_an_owner_in_a_namespace(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    await cluster.create(Namespace(metadata=ObjectMeta(name="kept", owner_references=[owner_reference(owner)])))
    await cluster.delete(ConfigMap, "owner", "default")
    kept = await cluster.get(Namespace, "kept")
    assert kept.metadata.deletion_timestamp is None


async def test_an_owner_of_an_unknown_kind_keeps_its_dependents(cluster: ToyCluster) -> None:
    reference = OwnerReference(api_version="example.com/v1", kind="Widget", name="w", uid="1234")
    await cluster.create(
        ConfigMap(metadata=ObjectMeta(name="child", namespace="default", owner_references=[reference]))
    )
    assert await left(cluster) == ["child"]


async def test_owners_may_be_of_another_kind_than_their_dependents(cluster: ToyCluster) -> None:
    owner = await cluster.create(Secret(metadata=ObjectMeta(name="owner", namespace="default")))
    await make(cluster, "child", owner)
    await cluster.delete(Secret, "owner", "default")
    assert await left(cluster) == []


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
async def test_a_deletion_that_nobody_carried_out_is_carried_out_after_a_restart(policy: str) -> None:
    async with toy_cluster() as cluster:
        owner = await cluster.client.create(ConfigMap(metadata=ObjectMeta(name="owner", namespace="default")))
        reference = owner_reference(owner)
        meta = ObjectMeta(name="child", namespace="default", owner_references=[reference])
        await cluster.client.create(ConfigMap(metadata=meta))
        await cluster.client.delete(ConfigMap, "owner", "default", DeleteOptions(propagation_policy=policy))
        cluster.start(collector(cluster))
        await cluster.settle()
        assert await left(cluster) == (["child"] if policy == "Orphan" else [])


async def test_many_dependents_cost_one_question_each_owner(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    for number in range(150):
        meta = ObjectMeta(name=f"child-{number}", namespace="default", owner_references=[owner_reference(owner)])
        await cluster.client.create(ConfigMap(metadata=meta))
    await cluster.settle()
    before = cluster.store.revision
    await cluster.delete(ConfigMap, "owner", "default", "Background")
    assert await left(cluster) == []
    assert cluster.store.revision - before == 151, "one write an object"


async def test_pods_end_within_their_grace_period(cluster: ToyCluster) -> None:
    owner = await make(cluster, "owner")
    meta = ObjectMeta(name="web-0", namespace="default", owner_references=[owner_reference(owner)])
    meta.annotations = {"kubernetes.io/config.mirror": "none"}
    pod = Pod(metadata=meta)
    pod.spec.containers = [Container(name="nginx", image="nginx")]
    pod.spec.node_name = "node-1"
    await cluster.create(pod)
    await cluster.delete(ConfigMap, "owner", "default", "Background")
    ending = await cluster.get(Pod, "web-0", "default")
    assert ending.metadata.deletion_grace_period_seconds == 30


async def test_an_owner_that_no_informer_shows_is_asked_for_until_it_has_gone() -> None:
    async with toy_cluster() as cluster:
        only = GarbageCollector(cluster.client, cluster.informers, cluster.recorder, cluster.clock, [ConfigMap])
        cluster.start(only)
        owner = await cluster.create(Secret(metadata=ObjectMeta(name="owner", namespace="default")))
        await make(cluster, "child", owner)
        await cluster.clock.advance(60)
        assert await left(cluster) == ["child"]
        await cluster.delete(Secret, "owner", "default")
        await cluster.clock.advance(60)
        assert await left(cluster) == []
