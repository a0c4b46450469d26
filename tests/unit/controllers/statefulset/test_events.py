"""Which events make the controller look at which sets."""

from collections.abc import AsyncIterator

import pytest

from petset.api.meta import copy, owner_reference
from petset.api.types import LabelSelectorRequirement, OwnerReference, PersistentVolumeClaim, Pod, StatefulSet
from petset.controllers.statefulset.revisions import new_revision
from tests.simulation.world import web
from tests.unit.controllers.statefulset.cluster import SetCluster, a_pod, patch_pod, set_cluster


@pytest.fixture
async def cluster() -> AsyncIterator[SetCluster]:
    async with set_cluster() as cluster:
        yield cluster


class Watched(SetCluster):
    """Three sets that nobody works on; two select `app: nginx`."""

    async def begin(self) -> None:
        await self.start_watching()
        for name in ("web", "twin", "other"):
            set_ = web()
            set_.metadata.name, set_.metadata.uid, set_.metadata.generation = name, "", None
            if name == "other":
                set_.spec.selector.match_labels = {"app": "other"}
                set_.spec.template.metadata.labels = {"app": "other"}
            await self.direct.create(set_)
        await self.enqueued()

    async def owner(self, name: str = "web") -> OwnerReference:
        return owner_reference(await self.set(name))

    async def owned(self, name: str = "web-0") -> None:
        """A pod of the set `web`."""
        await self.direct.create(a_pod(name, owner=await self.owner()))
        await self.enqueued()

    async def orphaned(self, name: str = "web-0", app: str = "nginx") -> None:
        """A pod of nobody."""
        await self.direct.create(a_pod(name, app=app))
        await self.enqueued()


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    async with set_cluster() as cluster:
        watched = Watched(cluster.toy)
        await watched.begin()
        yield watched


async def test_a_set_that_appears_changes_or_goes_is_looked_at(watched: Watched) -> None:
    set_ = await watched.create_set(name="new")
    assert await watched.enqueued() == ["new"]
    set_.metadata.labels["a"] = "b"
    await watched.direct.update(set_)
    assert await watched.enqueued() == ["new"]
    await watched.direct.delete(StatefulSet, "new", "default")
    assert await watched.enqueued() == ["new"]


@pytest.mark.parametrize(
    ("change", "looked_at"),
    [
        ({}, ["web"]),
        ({"name": "gone"}, []),
        ({"uid": "an-earlier-uid"}, []),
        ({"kind": "ReplicaSet"}, []),
        ({"controller": False}, ["twin", "web"]),
    ],
)
async def test_a_new_pod_concerns_the_very_set_that_controls_it(
    watched: Watched, change: dict[str, object], looked_at: list[str]
) -> None:
    owner = await watched.owner()
    for name, value in change.items():
        setattr(owner, name, value)
    await watched.direct.create(a_pod("web-0", owner=owner))
    assert await watched.enqueued() == looked_at


@pytest.mark.parametrize(("app", "looked_at"), [("nginx", ["twin", "web"]), ("other", ["other"]), ("none", [])])
async def test_a_new_orphan_concerns_every_set_that_selects_it(
    watched: Watched, app: str, looked_at: list[str]
) -> None:
    await watched.direct.create(a_pod("stray", app=app))
    assert await watched.enqueued() == looked_at


@pytest.mark.parametrize(("terminating", "looked_at"), [(True, []), (False, ["web"])])
async def test_an_orphan_that_is_found_terminating_concerns_nobody(
    cluster: SetCluster, terminating: bool, looked_at: list[str]
) -> None:
    await cluster.create_set()
    found = a_pod("web-0")
    found.metadata.finalizers = ["acme.io/held"]
    await cluster.direct.create(found)
    if terminating:
        await cluster.direct.delete(Pod, "web-0", "default")
    cluster.client.hold(Pod)
    cluster.informers.start(cluster.toy.supervisor)
    assert await cluster.enqueued() == ["web"], "the set itself is new"
    cluster.client.let_go(Pod)
    assert await cluster.enqueued() == looked_at


async def test_a_changed_pod_concerns_its_set(watched: Watched) -> None:
    await watched.owned()
    await watched.become("web-0", "Running", ready=True)
    assert await watched.enqueued() == ["web"]


@pytest.mark.parametrize(
    ("metadata", "looked_at"),
    [
        ({"annotations": {"a": "b"}}, []),
        ({"labels": {"app": "other"}}, ["other"]),
        ({"labels": {"more": "labels"}}, ["twin", "web"]),
        ({"labels": {"app": None}}, []),
    ],
)
async def test_a_changed_orphan_concerns_who_selects_it_when_its_labels_changed(
    watched: Watched, metadata: dict[str, object], looked_at: list[str]
) -> None:
    await watched.orphaned()
    await patch_pod(watched, "web-0", metadata)
    assert await watched.enqueued() == looked_at


async def test_a_pod_that_changes_hands_concerns_both_sets(watched: Watched) -> None:
    await watched.owned()
    pod = await watched.pod("web-0")
    pod.metadata.owner_references = [await watched.owner("other")]
    await watched.direct.update(pod)
    assert await watched.enqueued() == ["other", "web"]


async def test_a_released_pod_concerns_its_set_and_those_that_select_it(watched: Watched) -> None:
    await watched.owned()
    pod = await watched.pod("web-0")
    pod.metadata.owner_references = []
    await watched.direct.update(pod)
    assert await watched.enqueued() == ["twin", "web"]


async def test_a_deleted_pod_concerns_its_set(watched: Watched) -> None:
    await watched.direct.create(a_pod("named-otherwise", owner=await watched.owner()))
    await watched.enqueued()
    await watched.direct.delete(Pod, "named-otherwise", "default")
    assert await watched.enqueued() == ["web"]


@pytest.mark.parametrize(("name", "looked_at"), [("web-1", ["web"]), ("stray", []), ("gone-1", []), ("web", [])])
async def test_a_deleted_orphan_concerns_the_set_whose_name_it_took(
    watched: Watched, name: str, looked_at: list[str]
) -> None:
    await watched.orphaned(name)
    await watched.direct.delete(Pod, name, "default")
    assert await watched.enqueued() == looked_at


@pytest.mark.parametrize(("name", "looked_at"), [("www-web-0", ["web"]), ("www-gone-0", []), ("log-web-0", [])])
async def test_a_claim_concerns_its_set_when_it_goes_and_not_before(
    watched: Watched, name: str, looked_at: list[str]
) -> None:
    claim = copy(web().spec.volume_claim_templates[0])
    claim.metadata.name, claim.metadata.namespace = name, "default"
    claim = await watched.direct.create(claim)
    claim.metadata.labels["a"] = "b"
    claim.metadata.finalizers = []
    claim = await watched.direct.update(claim)
    assert await watched.enqueued() == []
    await watched.direct.delete(PersistentVolumeClaim, name, "default")
    assert await watched.enqueued() == looked_at


async def test_a_revision_concerns_nobody(watched: Watched) -> None:
    await watched.direct.create(new_revision(await watched.set(), 1, 0))
    assert await watched.enqueued() == []


async def test_a_selector_that_is_none_is_given_up_without_retry(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    broken = copy(await watched.set())
    broken.spec.selector.match_expressions = [LabelSelectorRequirement(key="app", operator="Like")]
    watched.controller._observer.sets._cache.put(broken)
    assert (await watched.sync()).look_again is None
    assert '"Like" is not a valid label selector operator' in caplog.text
    await watched.direct.create(a_pod("stray"))
    assert await watched.enqueued() == ["twin"], "and it selects nothing"
