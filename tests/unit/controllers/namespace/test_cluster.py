"""Namespaces are furnished, and end empty, through the real controller over the real API server."""

from collections.abc import AsyncIterator

import pytest

from petset.api.errors import Forbidden
from petset.api.types import ConfigMap, Endpoints, Event, Namespace, ObjectMeta, ObjectReference, Pod, ServiceAccount
from petset.controllers.namespace.controller import NamespaceController
from petset.kinds import CATALOGUE
from tests.unit.controllers.endpoints.test_plan import pod
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

NAMESPACED = [r.type for r in CATALOGUE.resources if r.namespaced and r.view is None and "list" in r.verbs]


@pytest.fixture
async def cluster() -> AsyncIterator[ToyCluster]:
    async with toy_cluster() as cluster:
        kinds = sorted(NAMESPACED, key=lambda kind: kind is not Pod)
        cluster.start(NamespaceController(cluster.client, cluster.informers, cluster.clock, kinds, "the authority"))
        await cluster.create(Namespace(metadata=ObjectMeta(name="team")))
        yield cluster


def config_map(name: str = "settings", finalizers: tuple[str, ...] = ()) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="team", finalizers=list(finalizers)))


# --- life -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("namespace", ["default", "kube-system", "team"])
async def test_every_namespace_has_an_account_and_the_authority(cluster: ToyCluster, namespace: str) -> None:
    assert await cluster.find(ServiceAccount, "default", namespace) is not None
    assert (await cluster.get(ConfigMap, "kube-root-ca.crt", namespace)).data == {"ca.crt": "the authority"}


async def test_what_is_deleted_or_changed_is_put_right(cluster: ToyCluster) -> None:
    await cluster.delete(ServiceAccount, "default", "team")
    await cluster.delete(ConfigMap, "kube-root-ca.crt", "default")

    def forge(authority: ConfigMap) -> None:
        authority.data = {"ca.crt": "another", "more": "text"}

    await cluster.change(ConfigMap, "kube-root-ca.crt", "team", forge)
    assert await cluster.find(ServiceAccount, "default", "team") is not None
    for namespace in ("default", "team"):
        assert (await cluster.get(ConfigMap, "kube-root-ca.crt", namespace)).data == {"ca.crt": "the authority"}


# --- death ------------------------------------------------------------------------------------------------------------


async def test_a_deleted_namespace_takes_everything_in_it_along(cluster: ToyCluster) -> None:
    await cluster.create(config_map())
    await cluster.create(Endpoints(metadata=ObjectMeta(name="nginx", namespace="team")))
    about = ObjectReference(kind="ConfigMap", name="settings", namespace="team")
    await cluster.create(Event(metadata=ObjectMeta(name="noted", namespace="team"), involved_object=about))
    await cluster.delete(Namespace, "team")
    await cluster.clock.advance(5)
    assert await cluster.find(Namespace, "team") is None
    for kind in NAMESPACED:
        assert (await cluster.client.list(kind, "team")).items == [], kind


async def test_other_namespaces_keep_what_is_theirs(cluster: ToyCluster) -> None:
    kept = await cluster.create(ConfigMap(metadata=ObjectMeta(name="settings", namespace="default")))
    await cluster.delete(Namespace, "team")
    await cluster.clock.advance(5)
    assert await cluster.get(ConfigMap, "settings", "default") == kept


async def test_a_namespace_waits_for_what_is_held_back(cluster: ToyCluster) -> None:
    await cluster.create(config_map(finalizers=("example.com/hold",)))
    await cluster.delete(Namespace, "team")
    await cluster.clock.advance(5)
    ending = await cluster.get(Namespace, "team")
    assert ending.status.phase == "Terminating"
    assert ending.spec.finalizers == ["kubernetes"]

    def release(held: ConfigMap) -> None:
        held.metadata.finalizers = []

    await cluster.change(ConfigMap, "settings", "team", release)
    await cluster.clock.advance(5)
    assert await cluster.find(Namespace, "team") is None


async def test_pods_in_it_end_within_their_grace_period(cluster: ToyCluster) -> None:
    running = pod()
    running.metadata.uid, running.metadata.namespace = "", "team"
    await cluster.create(running)
    await cluster.delete(Namespace, "team")
    await cluster.clock.advance(5)
    ending = await cluster.get(Pod, "web-0", "team")
    assert ending.metadata.deletion_grace_period_seconds == 30
    await cluster.delete(Pod, "web-0", "team")
    await cluster.clock.advance(5)
    assert await cluster.find(Namespace, "team") is None


async def test_nothing_new_gets_into_a_namespace_that_ends(cluster: ToyCluster) -> None:
    await cluster.create(config_map(finalizers=("example.com/hold",)))
    await cluster.delete(Namespace, "team")
    with pytest.raises(Forbidden, match="because it is being terminated"):
        await cluster.client.create(config_map("late"))
    await cluster.clock.advance(5)
    assert await cluster.find(ServiceAccount, "default", "team") is None, "it is not furnished any more"


async def test_a_namespace_of_the_same_name_starts_anew(cluster: ToyCluster) -> None:
    await cluster.create(config_map())
    await cluster.delete(Namespace, "team")
    await cluster.clock.advance(5)
    await cluster.create(Namespace(metadata=ObjectMeta(name="team")))
    assert [c.metadata.name for c in (await cluster.client.list(ConfigMap, "team")).items] == ["kube-root-ca.crt"]
