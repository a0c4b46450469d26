"""The life of sets in a cluster: the controller over the real API server, a node that the test plays."""

from collections.abc import AsyncIterator, Callable

import pytest

from petset.api.errors import Conflict, Forbidden
from petset.api.meta import copy, owner_reference
from petset.api.types import (
    ControllerRevision,
    DeleteOptions,
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
)
from petset.client.interface import Patch
from petset.controllers.statefulset.identity import new_pod
from petset.controllers.statefulset.names import REVISION_HASH_LABEL, REVISION_LABEL
from petset.controllers.statefulset.revisions import new_revision
from tests.simulation.world import retention, web
from tests.unit.controllers.statefulset.cluster import SetCluster, a_pod, patch_pod, set_cluster

BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])


@pytest.fixture
async def cluster() -> AsyncIterator[SetCluster]:
    async with set_cluster() as cluster:
        yield cluster


# --- the life of a set ------------------------------------------------------------------------------------------------


@BOTH
async def test_a_set_is_created_scaled_and_deleted(cluster: SetCluster, policy: str) -> None:
    cluster.start()
    await cluster.create_set(3, policy=policy)
    await cluster.live()
    status = await cluster.status()
    assert await cluster.pods() == ["web-0", "web-1", "web-2"]
    assert (status.replicas, status.ready_replicas, status.available_replicas) == (3, 3, 3)
    assert (status.current_replicas, status.updated_replicas, status.observed_generation) == (3, 3, 1)
    await cluster.scale(0)
    await cluster.live()
    assert await cluster.pods() == []
    assert (await cluster.status()).replicas == 0
    assert len(await cluster.toy.names(PersistentVolumeClaim)) == 3


@BOTH
async def test_a_template_is_rolled_out_and_its_revisions_are_kept(cluster: SetCluster, policy: str) -> None:
    cluster.start()
    await cluster.create_set(3, policy=policy)
    await cluster.live()
    first = (await cluster.status()).update_revision
    await cluster.set_image("nginx:2")
    await cluster.live()
    status = await cluster.status()
    assert status.current_revision == status.update_revision != first
    pods = [await cluster.pod(name) for name in await cluster.pods()]
    assert {pod.spec.containers[0].image for pod in pods} == {"nginx:2"}
    assert {pod.metadata.labels[REVISION_LABEL] for pod in pods} == {status.update_revision}
    assert len(await cluster.toy.names(ControllerRevision)) == 2


async def test_terminating_pods_beyond_the_range_are_left_to_go(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(5)
    await cluster.live()
    await cluster.delete_pod("web-4")
    await cluster.delete_pod("web-3")
    await cluster.scale(3)
    assert await cluster.pods() == [f"web-{ordinal}" for ordinal in range(5)]
    deleted = cluster.client.said("delete")
    await cluster.live()
    assert await cluster.pods() == ["web-0", "web-1", "web-2"]
    assert deleted == []


async def test_a_terminating_pod_blocks_the_scaling_of_an_ordered_set(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(3)
    await cluster.live()
    await cluster.delete_pod("web-0")
    await cluster.scale(5)
    assert await cluster.pods() == ["web-0", "web-1", "web-2"]
    old = (await cluster.pod("web-0")).metadata.uid
    await cluster.gone("web-0")
    assert await cluster.pods() == ["web-0", "web-1", "web-2"]
    assert (await cluster.pod("web-0")).metadata.uid != old


async def test_a_set_that_is_being_deleted_creates_no_pod_and_keeps_its_status(cluster: SetCluster) -> None:
    set_ = await cluster.create_set(3)
    await cluster.direct.create(a_pod("web-0", owner=owner_reference(set_)))
    await cluster.direct.delete(StatefulSet, "web", "default", DeleteOptions(propagation_policy="Foreground"))
    cluster.start()
    await cluster.settle()
    assert await cluster.pods() == ["web-0"]
    assert (await cluster.status()).replicas == 1


async def test_a_set_whose_deletion_is_not_seen_yet_adopts_and_creates_nothing(cluster: SetCluster) -> None:
    set_ = await cluster.create_set(3)
    await cluster.direct.create(a_pod("web-0"))
    orphan = new_revision(set_, 1, 0)
    orphan.metadata.owner_references = []
    await cluster.direct.create(orphan)
    await cluster.start_watching()
    await cluster.clock.settle()
    cluster.client.hold(StatefulSet)
    await cluster.direct.delete(StatefulSet, "web", "default", DeleteOptions(propagation_policy="Foreground"))
    with pytest.raises(Conflict):
        await cluster.sync()
    assert cluster.client.said("create", "patch", "update") == []


async def test_a_set_without_pods_to_make_still_reports(cluster: SetCluster) -> None:
    cluster.client.fails("create", Pod, Forbidden("quota"), times=3)
    cluster.start()
    await cluster.create_set(1)
    await cluster.settle()
    status = await cluster.status()
    assert (status.observed_generation, status.update_revision is not None) == (1, True)
    reasons = [reason for _, reason, _ in await cluster.events()]
    assert reasons.count("FailedCreate") == 1, "repeated ones are counted"
    assert reasons[-1] == "SuccessfulCreate"
    assert await cluster.pods() == ["web-0"]


async def test_a_stranger_with_the_name_of_a_pod_is_waited_for(cluster: SetCluster) -> None:
    await cluster.direct.create(a_pod("web-0", app="stranger"))
    cluster.start()
    await cluster.create_set(1)
    await cluster.settle()
    assert (await cluster.pod("web-0")).metadata.labels == {"app": "stranger"}
    assert [reason for _, reason, _ in await cluster.events()] == ["SuccessfulCreate"], "the claim's"
    await cluster.clock.advance(1000)
    await cluster.direct.delete(Pod, "web-0", "default")
    await cluster.settle()
    assert (await cluster.pod("web-0")).metadata.labels["app"] == "nginx"


async def test_a_set_made_anew_gets_its_pods_as_soon_as_those_of_the_old_one_are_gone(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(1)
    await cluster.live()
    await cluster.direct.delete(StatefulSet, "web", "default")
    await cluster.delete_pod("web-0")
    await cluster.create_set(1)
    await cluster.clock.advance(1000)
    old = (await cluster.pod("web-0")).metadata.uid
    await cluster.gone("web-0")
    assert (await cluster.pod("web-0")).metadata.uid != old


@BOTH
@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
async def test_an_ended_pod_is_replaced_also_when_its_deletion_fails_at_first(
    cluster: SetCluster, policy: str, phase: str
) -> None:
    cluster.start()
    await cluster.create_set(2, policy=policy)
    await cluster.live()
    old = (await cluster.pod("web-0")).metadata.uid
    cluster.client.fails("delete", Pod, Conflict("busy"))
    await cluster.become("web-0", phase, ready=False)
    await cluster.live()
    assert (await cluster.pod("web-0")).metadata.uid != old
    assert cluster.client.said("delete") == ["delete Pod web-0", "delete Pod web-0"]


# --- old news ---------------------------------------------------------------------------------------------------------


@BOTH
async def test_a_set_is_not_looked_at_before_its_own_pods_are_seen(cluster: SetCluster, policy: str) -> None:
    cluster.start()
    await cluster.settle()
    cluster.client.hold(Pod)
    await cluster.create_set(3, policy=policy)
    await cluster.settle()
    pods = 1 if policy == "OrderedReady" else 3
    assert len(cluster.client.said("create")) == 1 + 2 * pods
    await cluster.scale(4)
    assert len(cluster.client.said("create")) == 1 + 2 * pods, "no second attempt on the strength of old news"
    cluster.client.let_go(Pod)
    await cluster.live()
    assert len(cluster.client.said("create")) == 1 + 2 * 4


@pytest.mark.parametrize("kind", [PersistentVolumeClaim, ControllerRevision, StatefulSet])
async def test_a_set_is_not_looked_at_before_its_other_writes_are_seen(
    cluster: SetCluster, kind: type[PersistentVolumeClaim | ControllerRevision | StatefulSet]
) -> None:
    await cluster.create_set(2)
    cluster.start()
    await cluster.clock.settle()
    cluster.client.hold(kind)
    await cluster.live()
    done = list(cluster.client.calls)
    await cluster.become("web-0", "Running", ready=True)
    await cluster.settle()
    assert cluster.client.calls == done
    cluster.client.let_go(kind)
    await cluster.live()
    assert await cluster.pods() == ["web-0", "web-1"]
    assert len(cluster.client.said("create")) == 1 + 2 * 2


async def test_old_news_never_ends_a_successor(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(2)
    await cluster.live()
    cluster.client.hold(Pod)
    await cluster.direct.delete(Pod, "web-1", "default", DeleteOptions(grace_period_seconds=0))
    successor = a_pod("web-1", owner=owner_reference(await cluster.set()))
    uid = (await cluster.direct.create(successor)).metadata.uid
    await cluster.scale(1)
    assert (await cluster.pod("web-1")).metadata.uid == uid
    assert "delete Pod web-1" in cluster.client.said()
    cluster.client.let_go(Pod)
    await cluster.settle()
    assert await cluster.pods() == ["web-0"], "once it is seen, it goes as what it is"


# --- claiming ---------------------------------------------------------------------------------------------------------


async def test_matching_orphans_are_adopted_and_the_others_left(cluster: SetCluster) -> None:
    await cluster.direct.create(a_pod("web-0"))
    await cluster.direct.create(a_pod("web-1", app="other"))
    await cluster.direct.create(a_pod("stray-2"))
    cluster.start()
    await cluster.create_set(1)
    await cluster.settle()
    owners = {
        name: [ref.name for ref in (await cluster.pod(name)).metadata.owner_references] for name in await cluster.pods()
    }
    assert owners == {"web-0": ["web"], "web-1": [], "stray-2": []}


async def test_pods_that_no_longer_match_are_released(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(2)
    await cluster.live()
    await patch_pod(cluster, "web-1", {"labels": {"app": "debugged"}})
    await cluster.settle()
    assert (await cluster.pod("web-1")).metadata.owner_references == []
    await patch_pod(cluster, "web-1", {"labels": {"app": "nginx"}})
    await cluster.settle()
    assert [ref.name for ref in (await cluster.pod("web-1")).metadata.owner_references] == ["web"]


@BOTH
async def test_the_place_of_a_pod_that_somebody_took_away_is_tried(cluster: SetCluster, policy: str) -> None:
    cluster.start()
    await cluster.create_set(2, policy=policy)
    await cluster.live()
    cluster.client.calls.clear()
    await patch_pod(cluster, "web-1", {"labels": {"app": "debugged"}, "ownerReferences": None})
    await cluster.settle()
    assert "create Pod web-1" in cluster.client.said()
    assert (await cluster.status()).replicas == 1


async def test_orphaned_revisions_are_adopted_and_used(cluster: SetCluster) -> None:
    set_ = await cluster.create_set(1)
    orphan = new_revision(set_, 5, 0)
    orphan.metadata.owner_references = []
    await cluster.direct.create(orphan)
    cluster.start()
    await cluster.live()
    (revision,) = (await cluster.direct.list(ControllerRevision)).items
    assert [ref.uid for ref in revision.metadata.owner_references] == [set_.metadata.uid]
    assert (await cluster.status()).update_revision == revision.metadata.name
    assert revision.revision == 5


async def test_revisions_that_the_selector_does_not_match_are_not_the_sets(cluster: SetCluster) -> None:
    set_ = await cluster.create_set(1)
    stray = new_revision(set_, 5, 0)
    stray.metadata.labels, stray.metadata.owner_references = {"app": "other"}, []
    stray.metadata.name = "web-stray"
    await cluster.direct.create(stray)
    cluster.start()
    await cluster.live()
    revisions = {r.metadata.name: r for r in (await cluster.direct.list(ControllerRevision)).items}
    assert revisions["web-stray"].metadata.owner_references == []
    assert len(revisions) == 2


async def test_a_name_that_other_data_has_is_avoided(cluster: SetCluster) -> None:
    set_ = await cluster.create_set(1)
    squatter = new_revision(set_, 1, 0)
    squatter.data = {"spec": {"template": {"$patch": "replace"}}}
    squatter.metadata.owner_references[0].uid = "somebody-else"
    await cluster.direct.create(squatter)
    cluster.start()
    await cluster.live()
    status = await cluster.status()
    assert status.collision_count == 1
    assert status.update_revision not in (None, squatter.metadata.name)
    pod = await cluster.pod("web-0")
    assert pod.metadata.labels[REVISION_LABEL] == status.update_revision
    revision = await cluster.direct.get(ControllerRevision, status.update_revision or "", "default")
    assert status.update_revision == f"web-{revision.metadata.labels[REVISION_HASH_LABEL]}"


# --- claims -----------------------------------------------------------------------------------------------------------


def keep(when_scaled: str, when_deleted: str) -> Callable[[StatefulSet], None]:
    def change(set_: StatefulSet) -> None:
        set_.spec.persistent_volume_claim_retention_policy = retention(when_scaled, when_deleted)

    return change


POLICIES = [("Retain", "Retain"), ("Retain", "Delete"), ("Delete", "Retain"), ("Delete", "Delete")]


@pytest.mark.parametrize(
    ("when_scaled", "when_deleted", "in_range", "condemned"),
    [
        ("Retain", "Retain", [], []),
        ("Retain", "Delete", ["StatefulSet web"], ["StatefulSet web"]),
        ("Delete", "Retain", [], ["Pod web-1"]),
        ("Delete", "Delete", ["StatefulSet web"], ["Pod web-1"]),
    ],
)
@BOTH
async def test_claims_have_the_owners_of_the_policy_also_after_it_changed(
    cluster: SetCluster, policy: str, when_scaled: str, when_deleted: str, in_range: list[str], condemned: list[str]
) -> None:
    cluster.start()
    await cluster.create_set(2, policy=policy)
    await cluster.live()
    await cluster.change(keep(when_scaled, when_deleted))
    assert [await cluster.owners(f"www-web-{ordinal}") for ordinal in (0, 1)] == [in_range, in_range]
    await cluster.scale(1)
    assert [await cluster.owners(f"www-web-{ordinal}") for ordinal in (0, 1)] == [in_range, condemned]
    for when in POLICIES:
        await cluster.change(keep(*when))
    await cluster.change(keep("Retain", "Retain"))
    assert [await cluster.owners(f"www-web-{ordinal}") for ordinal in (0, 1)] == [[], []]


@pytest.mark.parametrize(("when_scaled", "when_deleted"), POLICIES)
async def test_claims_of_own_and_adopted_pods_get_owners_and_those_of_released_ones_do_not(
    cluster: SetCluster, when_scaled: str, when_deleted: str
) -> None:
    set_ = await cluster.create_set(2)
    await cluster.change(keep(when_scaled, when_deleted))
    mine, orphan, misnamed = (new_pod(set_, set_.spec.template, "web-old", ordinal) for ordinal in (0, 1, 2))
    orphan.metadata.owner_references = []
    misnamed.metadata.name = misnamed.spec.hostname = "goo-1"
    for pod in (mine, orphan, misnamed):
        await cluster.direct.create(pod)
        claim = copy(web().spec.volume_claim_templates[0])
        claim.metadata.name, claim.metadata.namespace = f"www-{pod.metadata.name}", "default"
        await cluster.direct.create(claim)
    cluster.start()
    await cluster.live()
    wanted = ["StatefulSet web"] if when_deleted == "Delete" else []
    owners = [await cluster.owners(f"www-{name}") for name in ("web-0", "web-1", "goo-1")]
    assert owners == [wanted, wanted, []]
    assert (await cluster.pod("goo-1")).metadata.owner_references == []


@BOTH
async def test_a_claim_of_an_orphan_beyond_the_range_goes_with_the_pod(cluster: SetCluster, policy: str) -> None:
    await cluster.create_set(1, policy=policy)
    await cluster.change(keep("Delete", "Retain"))
    claim = copy(web().spec.volume_claim_templates[0])
    claim.metadata.name, claim.metadata.namespace = "www-web-7", "default"
    await cluster.direct.create(claim)
    await cluster.direct.create(a_pod("web-7"))
    await cluster.become("web-7", "Running", ready=True)
    cluster.start()
    await cluster.live()
    assert await cluster.pods() == ["web-0"]
    assert await cluster.owners("www-web-7") == ["Pod web-7"]


@pytest.mark.parametrize("when_deleted", ["Retain", "Delete"])
async def test_a_stale_claim_holds_the_scale_up_back_until_it_is_gone(cluster: SetCluster, when_deleted: str) -> None:
    cluster.start()
    await cluster.create_set(3)
    await cluster.change(keep("Delete", when_deleted))
    await cluster.live()
    await cluster.scale(2)
    await cluster.live()
    claim = await cluster.claim("www-web-2")
    (owner,) = claim.metadata.owner_references
    owner.uid = "an-earlier-uid"
    claim.metadata.finalizers = []
    await cluster.direct.update(claim)
    await cluster.scale(3)
    await cluster.clock.advance(100)
    assert await cluster.pods() == ["web-0", "web-1"]
    assert (await cluster.claim("www-web-2")).metadata.owner_references == [owner]
    await cluster.direct.delete(PersistentVolumeClaim, "www-web-2", "default")
    await cluster.live()
    assert await cluster.pods() == ["web-0", "web-1", "web-2"]


async def hold_and_delete(cluster: SetCluster, name: str) -> PersistentVolumeClaim:
    """The claim is terminating until somebody lets it go."""
    claim = await cluster.claim(name)
    claim.metadata.finalizers = ["acme.io/held"]
    await cluster.direct.update(claim)
    await cluster.direct.delete(PersistentVolumeClaim, name, "default")
    return claim


async def let_claim_go(cluster: SetCluster, name: str) -> None:
    patch = Patch("merge", {"metadata": {"finalizers": None}})
    await cluster.direct.patch(PersistentVolumeClaim, name, "default", patch)


@BOTH
async def test_a_pending_pod_gets_a_claim_back_as_soon_as_the_old_one_is_gone(cluster: SetCluster, policy: str) -> None:
    cluster.start()
    await cluster.create_set(1, policy=policy)
    await cluster.settle()
    old = (await hold_and_delete(cluster, "www-web-0")).metadata.uid
    await cluster.become("web-0", "Pending", ready=False)
    await cluster.clock.advance(1000)
    await let_claim_go(cluster, "www-web-0")
    await cluster.settle()
    assert (await cluster.claim("www-web-0")).metadata.uid != old


async def test_a_pending_pod_gets_a_claim_back_that_somebody_deletes(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(2, policy="Parallel")
    await cluster.settle()
    old = await cluster.claim("www-web-1")
    await let_claim_go(cluster, "www-web-1")
    await cluster.direct.delete(PersistentVolumeClaim, "www-web-1", "default")
    await cluster.settle()
    assert (await cluster.claim("www-web-1")).metadata.uid != old.metadata.uid


async def test_owners_that_somebody_takes_from_a_claim_come_back_with_the_next_look(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(2, policy="Parallel")
    await cluster.change(keep("Retain", "Delete"))
    await cluster.live()
    patch = Patch("merge", {"metadata": {"ownerReferences": None}})
    await cluster.direct.patch(PersistentVolumeClaim, "www-web-1", "default", patch)
    await cluster.settle()
    assert await cluster.owners("www-web-1") == [], "a claim alone is no event"
    await patch_pod(cluster, "web-0", {"annotations": {"any": "event"}})
    await cluster.settle()
    assert await cluster.owners("www-web-1") == ["StatefulSet web"]


async def test_a_pod_comes_back_as_soon_as_its_terminating_claim_is_gone(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(1)
    await cluster.live()
    await hold_and_delete(cluster, "www-web-0")
    await cluster.delete_pod("web-0")
    await cluster.gone("web-0")
    await cluster.clock.advance(1000)
    assert await cluster.pods() == []
    failures = [event for event in await cluster.events() if event[1] == "FailedCreate"]
    assert failures == [
        (
            "Warning",
            "FailedCreate",
            "Create Pod web-0 in StatefulSet web failed error: pvc www-web-0 is being deleted",
        )
    ]
    await let_claim_go(cluster, "www-web-0")
    await cluster.settle()
    assert await cluster.pods() == ["web-0"]


# --- time -------------------------------------------------------------------------------------------------------------


def patient(seconds: int) -> Callable[[StatefulSet], None]:
    def change(set_: StatefulSet) -> None:
        set_.spec.min_ready_seconds = seconds

    return change


async def test_availability_comes_with_time_alone(cluster: SetCluster) -> None:
    cluster.start()
    await cluster.create_set(3, policy="Parallel")
    await cluster.change(patient(5))
    for name in await cluster.pods():
        await cluster.ready(name)
        await cluster.clock.advance(2)
    seen = []
    for _ in range(8):
        status = await cluster.status()
        seen.append((status.ready_replicas, status.available_replicas))
        await cluster.clock.advance(1)
    assert sorted(seen) == seen, "never fewer"
    assert set(seen) >= {(3, 1), (3, 2), (3, 3)}


async def test_a_set_is_looked_at_again_at_the_very_moment(cluster: SetCluster) -> None:
    await cluster.start_watching()
    await cluster.create_set(4, policy="Parallel")
    await cluster.change(patient(5))
    await cluster.sync()
    started = cluster.clock.now()
    for name in ("web-1", "web-2", "web-3"):
        await cluster.become(name, "Running", ready=True)
    await cluster.clock.advance(4.3 - (cluster.clock.now() - started).total_seconds())
    result = await cluster.sync()
    status = await cluster.status()
    assert (status.ready_replicas, status.available_replicas) == (3, 0)
    assert result.look_again is not None
    assert 0 < result.look_again <= 0.9


async def test_the_time_a_run_takes_is_part_of_the_wait(cluster: SetCluster) -> None:
    await cluster.start_watching()
    await cluster.create_set(1)
    await cluster.change(patient(5))
    await cluster.sync()
    await cluster.become("web-0", "Running", ready=True)
    began = cluster.clock.now()

    async def dawdle() -> None:
        cluster.clock._elapsed += 3

    cluster.client.meanwhile("update", StatefulSet, dawdle)
    result = await cluster.sync()
    assert result.look_again is not None
    assert result.look_again <= 5 - (cluster.clock.now() - began).total_seconds() + 0.1
