"""How a plan is carried out: which requests, which events, what happens when a request fails."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import pytest

from petset.api.errors import AlreadyExists, Conflict, Forbidden, InternalError, Invalid, NotFound, StatusError
from petset.api.meta import copy
from petset.api.types import (
    ControllerRevision,
    DeleteOptions,
    OwnerReference,
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
    StatefulSetStatus,
)
from petset.client.interface import ConnectionLost, Patch
from petset.controllers.runtime import SeenWrites
from petset.controllers.statefulset import model
from petset.controllers.statefulset.act import Actor
from petset.controllers.statefulset.identity import new_claim, new_pod
from petset.controllers.statefulset.revisions import new_revision
from tests.unit.controllers.statefulset.cluster import SetCluster, set_cluster

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Stage(SetCluster):
    """The cluster with one set in it, and an actor instead of a controller."""

    stored: StatefulSet

    async def begin(self) -> None:
        self.toy.start()
        self.stored = await self.create_set(3)
        self.actor = Actor(self.client, self.toy.recorder, SeenWrites(), self.clock)

    def new_pod(self, ordinal: int) -> Pod:
        return new_pod(self.stored, self.stored.spec.template, "web-1234", ordinal)

    def new_claim(self, ordinal: int, template: str = "www") -> PersistentVolumeClaim:
        wanted = copy(self.stored.spec.volume_claim_templates[0])
        wanted.metadata.name = template
        return new_claim(self.stored, wanted, ordinal)

    def create(self, ordinal: int, *templates: str) -> model.CreatePod:
        claims = tuple(self.new_claim(ordinal, template) for template in templates)
        return model.CreatePod(self.new_pod(ordinal), "web-1234", claims)

    async def born(self, ordinal: int = 0) -> Pod:
        """A pod that is there."""
        return await self.direct.create(self.new_pod(ordinal))

    async def do(self, *actions: model.Action, phase: model.Phase = "replicas") -> None:
        """Carries out one action after the other, with a status that needs no write."""
        await self.carry_out(model.Step(phase, tuple((action,) for action in actions)), status=self.stored.status)

    async def carry_out(
        self,
        *steps: model.Step,
        status: StatefulSetStatus,
        cleanup: tuple[model.DropRevision, ...] = (),
    ) -> None:
        await self.actor.carry_out(self.stored, model.Plan(steps, status, status, cleanup))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with set_cluster() as cluster:
        stage = Stage(cluster.toy)
        await stage.begin()
        yield stage


def refused(what: str = "no") -> Forbidden:
    return Forbidden(what)


# --- pods and claims: requests and events -----------------------------------------------------------------------------


async def test_a_pod_is_created_after_its_claims_with_an_event_each(stage: Stage) -> None:
    await stage.do(stage.create(0, "www", "log"))
    assert stage.client.said() == [
        "create PersistentVolumeClaim www-web-0",
        "create PersistentVolumeClaim log-web-0",
        "create Pod web-0",
    ]
    assert await stage.events() == [
        ("Normal", "SuccessfulCreate", "Create Claim www-web-0 Pod web-0 in StatefulSet web success"),
        ("Normal", "SuccessfulCreate", "Create Claim log-web-0 Pod web-0 in StatefulSet web success"),
        ("Normal", "SuccessfulCreate", "Create Pod web-0 in StatefulSet web successful"),
    ]


async def test_a_pod_that_exists_already_fails_the_run_without_an_event(stage: Stage) -> None:
    await stage.born()
    with pytest.raises(AlreadyExists):
        await stage.do(stage.create(0))
    assert await stage.events() == []


async def test_a_pod_that_cannot_be_created_is_reported(stage: Stage) -> None:
    stage.client.fails("create", Pod, refused("quota"))
    with pytest.raises(Forbidden):
        await stage.do(stage.create(0))
    assert await stage.events() == [
        ("Warning", "FailedCreate", "Create Pod web-0 in StatefulSet web failed error: quota")
    ]


async def test_a_claim_that_cannot_be_created_is_reported_for_claim_and_pod_and_the_others_are_tried(
    stage: Stage,
) -> None:
    stage.client.fails("create", PersistentVolumeClaim, refused("quota"), "www-web-0")
    with pytest.raises(Forbidden):
        await stage.do(stage.create(0, "www", "log"))
    assert await stage.pods() == []
    assert await stage.events() == [
        ("Warning", "FailedCreate", "Create Claim www-web-0 for Pod web-0 in StatefulSet web failed error: quota"),
        ("Normal", "SuccessfulCreate", "Create Claim log-web-0 Pod web-0 in StatefulSet web success"),
        ("Warning", "FailedCreate", "Create Pod web-0 in StatefulSet web failed error: quota"),
    ]


async def test_a_claim_that_is_there_unseen_holds_the_pod_back_until_it_is_seen(stage: Stage) -> None:
    await stage.direct.create(stage.new_claim(0))
    with pytest.raises(AlreadyExists):
        await stage.do(stage.create(0, "www"))
    assert await stage.pods() == []


async def test_a_refused_pod_gets_its_other_claims_and_one_event(stage: Stage) -> None:
    with pytest.raises(Conflict, match=r"^pvc www-web-0 is being deleted$"):
        await stage.do(model.RefusePod("web-0", (stage.new_claim(0, "log"),), "pvc www-web-0 is being deleted"))
    assert await stage.events() == [
        ("Normal", "SuccessfulCreate", "Create Claim log-web-0 Pod web-0 in StatefulSet web success"),
        (
            "Warning",
            "FailedCreate",
            "Create Pod web-0 in StatefulSet web failed error: pvc www-web-0 is being deleted",
        ),
    ]


async def test_restored_claims_have_an_event_and_refused_ones_fail_the_run_silently(stage: Stage) -> None:
    restore = model.RestoreClaims("web-0", (stage.new_claim(0),))
    with pytest.raises(Conflict, match="being deleted"):
        await stage.do(restore, model.RefuseClaims("web-0", "pvc log-web-0 is being deleted"))
    assert [reason for _, reason, _ in await stage.events()] == ["SuccessfulCreate"]


async def test_a_deletion_is_for_the_pod_that_was_seen_and_has_an_event(stage: Stage) -> None:
    pod = await stage.born()
    await stage.do(model.DeletePod("web-0", pod.metadata.uid, "scale down"))
    (call,) = stage.client.calls
    assert call.preconditions is not None
    assert call.preconditions.uid == pod.metadata.uid
    assert await stage.pods() == []
    assert await stage.events() == [("Normal", "SuccessfulDelete", "Delete Pod web-0 in StatefulSet web successful")]


async def test_a_pod_that_is_gone_is_as_good_as_deleted(stage: Stage) -> None:
    await stage.do(model.DeletePod("web-0", "some-uid", "update"))
    assert [reason for _, reason, _ in await stage.events()] == ["SuccessfulDelete"]


async def test_a_successor_of_the_same_name_is_not_deleted(stage: Stage) -> None:
    pod = await stage.born()
    with pytest.raises(Conflict):
        await stage.do(model.DeletePod("web-0", "an-earlier-uid", "update"))
    assert (await stage.pod("web-0")).metadata.uid == pod.metadata.uid
    assert await stage.events() == []


async def test_a_deletion_that_fails_is_reported(stage: Stage) -> None:
    pod = await stage.born()
    stage.client.fails("delete", Pod, InternalError("boom"))
    with pytest.raises(InternalError):
        await stage.do(model.DeletePod("web-0", pod.metadata.uid, "failed"))
    assert await stage.events() == [
        ("Warning", "FailedDelete", "Delete Pod web-0 in StatefulSet web failed error: boom")
    ]


async def test_a_repair_is_written_with_an_event(stage: Stage) -> None:
    pod = await stage.born()
    pod.metadata.labels["statefulset.kubernetes.io/pod-name"] = "web-9"
    await stage.do(model.RepairPod(pod, 0))
    assert (await stage.pod("web-0")).metadata.labels["statefulset.kubernetes.io/pod-name"] == "web-9"
    assert await stage.events() == [("Normal", "SuccessfulUpdate", "Update Pod web-0 in StatefulSet web successful")]


async def test_a_repair_is_made_to_what_others_wrote_meanwhile(stage: Stage) -> None:
    seen = await stage.born()
    label = "statefulset.kubernetes.io/pod-name"
    damage = Patch("merge", {"metadata": {"labels": {label: None}, "annotations": {"other": "writer"}}})

    async def write() -> None:
        await stage.direct.patch(Pod, "web-0", "default", damage)

    stage.client.meanwhile("update", Pod, write)
    await stage.do(model.RepairPod(seen, 0))
    meta = (await stage.pod("web-0")).metadata
    assert (meta.labels[label], meta.annotations) == ("web-0", {"other": "writer"})
    assert [reason for _, reason, _ in await stage.events()] == ["SuccessfulUpdate"]


@pytest.mark.parametrize(("conflicts", "success"), [(3, True), (4, False)])
async def test_a_repair_is_tried_four_times(stage: Stage, conflicts: int, success: bool) -> None:
    pod = await stage.born()
    stage.client.fails("update", Pod, Conflict("busy"), times=conflicts)
    if success:
        await stage.do(model.RepairPod(pod, 0))
    else:
        with pytest.raises(Conflict):
            await stage.do(model.RepairPod(pod, 0))
    assert [reason for _, reason, _ in await stage.events()] == ["SuccessfulUpdate" if success else "FailedUpdate"]
    assert len(stage.client.said("update")) == 4


async def test_a_repair_is_not_made_to_a_successor(stage: Stage) -> None:
    seen = await stage.born()

    async def replace() -> None:
        await stage.direct.delete(Pod, "web-0", "default")
        await stage.born()

    stage.client.meanwhile("update", Pod, replace)
    with pytest.raises(Conflict):
        await stage.do(model.RepairPod(seen, 0))
    assert (await stage.pod("web-0")).metadata.uid != seen.metadata.uid


async def test_a_repair_that_the_api_refuses_is_reported(stage: Stage) -> None:
    pod = await stage.born()
    pod.spec.hostname = "elsewhere"
    with pytest.raises(Invalid):
        await stage.do(model.RepairPod(pod, 0))
    ((type_, reason, message),) = await stage.events()
    assert (type_, reason) == ("Warning", "FailedUpdate")
    assert message.startswith('Update Pod web-0 in StatefulSet web failed error: Pod "web-0" is invalid')


async def test_owners_of_claims_are_written_silently_and_a_failure_is_the_pods(stage: Stage) -> None:
    claim = await stage.direct.create(stage.new_claim(0))
    stale = copy(claim)
    claim.metadata.owner_references = [
        OwnerReference(api_version="apps/v1", kind="StatefulSet", name="web", uid=stage.stored.metadata.uid)
    ]
    await stage.do(model.SetClaimOwners("web-0", claim))
    assert await stage.owners("www-web-0") == ["StatefulSet web"]
    assert await stage.events() == []
    with pytest.raises(Conflict):
        await stage.do(model.SetClaimOwners("web-0", stale))
    assert [reason for _, reason, _ in await stage.events()] == ["FailedUpdate"]


async def test_a_foreign_controller_of_a_claim_is_reported(stage: Stage) -> None:
    await stage.do(model.ReportForeignOwner("www-web-0"))
    ((type_, reason, message),) = await stage.events()
    assert (type_, reason) == ("Warning", "ConflictingController")
    assert "www-web-0" in message


# --- claiming ---------------------------------------------------------------------------------------------------------


async def orphan(stage: Stage, ordinal: int) -> Pod:
    pod = stage.new_pod(ordinal)
    pod.metadata.owner_references = []
    return await stage.direct.create(pod)


async def test_adoption_reads_the_set_once_and_patches_with_the_uid_as_precondition(stage: Stage) -> None:
    pods = [await orphan(stage, 0), await orphan(stage, 1)]
    await stage.do(*(model.AdoptPod(pod.metadata.name, pod.metadata.uid) for pod in pods), phase="claiming")
    assert stage.client.said() == ["get StatefulSet web", "patch Pod web-0", "patch Pod web-1"]
    patch = stage.client.calls[1].patch
    assert patch is not None
    assert patch.type == "strategic"
    assert patch.document == {
        "metadata": {
            "uid": pods[0].metadata.uid,
            "ownerReferences": [
                {
                    "apiVersion": "apps/v1",
                    "kind": "StatefulSet",
                    "name": "web",
                    "uid": stage.stored.metadata.uid,
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        }
    }
    (owner,) = (await stage.pod("web-1")).metadata.owner_references
    assert owner.uid == stage.stored.metadata.uid


async def gone(stage: Stage) -> None:
    await stage.direct.delete(StatefulSet, "web", "default")


async def going(stage: Stage) -> None:
    await stage.direct.delete(StatefulSet, "web", "default", DeleteOptions(propagation_policy="Foreground"))


async def made_anew(stage: Stage) -> None:
    await stage.direct.delete(StatefulSet, "web", "default")
    await stage.create_set(3)


@pytest.mark.parametrize("fate", [gone, going, made_anew])
@pytest.mark.parametrize("kind", [Pod, ControllerRevision])
async def test_a_set_that_is_gone_going_or_made_anew_adopts_nothing(
    stage: Stage, fate: object, kind: type[Pod | ControllerRevision]
) -> None:
    assert callable(fate)
    pod = await orphan(stage, 0)
    revision = new_revision(stage.stored, 1, 0)
    revision.metadata.owner_references = []
    revision = await stage.direct.create(revision)
    await fate(stage)
    adopt: model.Action = model.AdoptPod("web-0", pod.metadata.uid)
    if kind is ControllerRevision:
        adopt = model.AdoptRevision(revision.metadata.name, revision.metadata.uid)
    with pytest.raises((NotFound, Conflict)):
        await stage.do(adopt, phase="claiming")
    assert stage.client.said("patch") == []


async def test_a_successor_is_not_adopted_in_the_place_of_the_one_that_was_seen(stage: Stage) -> None:
    await orphan(stage, 0)
    with pytest.raises((Invalid, Conflict)):
        await stage.do(model.AdoptPod("web-0", "an-earlier-uid"), phase="claiming")
    assert (await stage.pod("web-0")).metadata.owner_references == []


async def test_a_release_takes_the_sets_reference_and_no_other(stage: Stage) -> None:
    other = OwnerReference(api_version="v1", kind="ConfigMap", name="friend", uid="friend-uid")
    pod = stage.new_pod(0)
    pod.metadata.owner_references.append(other)
    pod = await stage.direct.create(pod)
    await stage.do(model.ReleasePod("web-0", pod.metadata.uid), phase="claiming")
    assert (await stage.pod("web-0")).metadata.owner_references == [other]


async def test_a_release_of_a_pod_that_is_gone_or_another_by_now_is_done(stage: Stage) -> None:
    await stage.born(1)
    await stage.do(model.ReleasePod("web-0", "gone"), model.ReleasePod("web-1", "an-earlier-uid"), phase="claiming")
    assert len((await stage.pod("web-1")).metadata.owner_references) == 1


# --- revisions --------------------------------------------------------------------------------------------------------


async def test_a_revision_that_is_there_with_the_same_data_is_used(stage: Stage) -> None:
    revision = new_revision(stage.stored, 1, 0)
    await stage.direct.create(revision)
    await stage.do(model.CreateRevision(copy(revision)), stage.create(0), phase="revisions")
    assert await stage.pods() == ["web-0"]


async def test_a_name_that_other_data_has_raises_the_collision_count_and_ends_the_run(stage: Stage) -> None:
    revision = new_revision(stage.stored, 1, 0)
    other = copy(revision)
    other.data = {"spec": {"template": {"$patch": "replace"}}}
    await stage.direct.create(other)
    with pytest.raises(AlreadyExists):
        await stage.do(model.CreateRevision(revision), stage.create(0), phase="revisions")
    assert (await stage.status()).collision_count == 1
    assert await stage.pods() == []


async def test_a_renumbered_revision_keeps_everything_else(stage: Stage) -> None:
    stored = await stage.direct.create(new_revision(stage.stored, 1, 0))
    await stage.do(model.RenumberRevision(stored, 7), phase="revisions")
    renumbered = await stage.direct.get(ControllerRevision, stored.metadata.name, "default")
    assert (renumbered.revision, renumbered.data) == (7, stored.data)
    assert stored.revision == 1, "what was seen is shared and stays as it is"


# --- pace -------------------------------------------------------------------------------------------------------------


def creations(stage: Stage, count: int, pace: model.Pace) -> model.Step:
    return model.Step("replicas", tuple((stage.create(ordinal),) for ordinal in range(count)), pace)


@pytest.mark.parametrize(
    ("pace", "broken", "tried"),
    [
        ("doubling", "web-0", 1),
        ("doubling", "web-1", 3),
        ("doubling", "web-2", 3),
        ("doubling", "web-3", 7),
        ("doubling", "web-11", 12),
        ("one by one", "web-0", 1),
        ("one by one", "web-3", 4),
    ],
)
async def test_a_failure_ends_the_step_after_its_batch(stage: Stage, pace: model.Pace, broken: str, tried: int) -> None:
    stage.client.fails("create", Pod, refused(), broken)
    with pytest.raises(Forbidden):
        await stage.carry_out(creations(stage, 12, pace), status=stage.stored.status)
    assert len(stage.client.said("create")) == tried
    assert len(await stage.pods()) == tried - 1


@pytest.mark.parametrize(("pace", "most"), [("doubling", 8), ("one by one", 1)])
async def test_batches_double_and_are_concurrent(stage: Stage, pace: model.Pace, most: int) -> None:
    await stage.carry_out(creations(stage, 15, pace), status=stage.stored.status)
    assert len(await stage.pods()) == 15
    assert stage.client.most_under_way == most


async def test_a_failure_ends_the_plan_but_not_the_other_actions_of_its_batch(stage: Stage) -> None:
    stage.client.fails("create", Pod, ConnectionLost("cut"), "web-1")
    last = model.Step("condemned", ((stage.create(9),),))
    with pytest.raises(ConnectionLost):
        await stage.carry_out(creations(stage, 3, "doubling"), last, status=stage.stored.status)
    assert await stage.pods() == ["web-0", "web-2"]


# --- status -----------------------------------------------------------------------------------------------------------


NEWS = StatefulSetStatus(replicas=3, current_replicas=3, current_revision="web-1", update_revision="web-2")


@pytest.mark.parametrize(
    ("pod_error", "status_error", "raised"),
    [
        (None, None, None),
        (InternalError("pod"), None, "pod"),
        (None, InternalError("status"), "status"),
        (InternalError("pod"), InternalError("status"), "pod"),
    ],
)
async def test_the_status_is_written_once_whatever_happened_and_the_error_of_the_work_comes_first(
    stage: Stage, pod_error: StatusError | None, status_error: StatusError | None, raised: str | None
) -> None:
    if pod_error is not None:
        stage.client.fails("create", Pod, pod_error)
    if status_error is not None:
        stage.client.fails("update", StatefulSet, status_error)
    work = model.Step("replicas", ((stage.create(0),),))
    if raised is None:
        await stage.carry_out(work, status=NEWS)
    else:
        with pytest.raises(InternalError, match=raised):
            await stage.carry_out(work, status=NEWS)
    assert stage.client.said("update") == ["update StatefulSet web status"]


@pytest.mark.parametrize(
    ("phase", "status_written", "cleaned_up"),
    [
        ("adoption", False, False),
        ("claiming", False, False),
        ("revisions", False, True),
        ("replicas", True, True),
        ("retention", True, True),
        ("condemned", True, True),
        ("update", True, True),
    ],
)
async def test_a_run_that_failed_reports_and_forgets_what_it_knows(
    stage: Stage, phase: model.Phase, status_written: bool, cleaned_up: bool
) -> None:
    revision = await stage.direct.create(new_revision(stage.stored, 1, 0))
    stage.client.fails("create", Pod, refused())
    work, drop = model.Step(phase, ((stage.create(0),),)), model.DropRevision(revision.metadata.name)
    with pytest.raises(Forbidden):
        await stage.carry_out(work, status=NEWS, cleanup=(drop,))
    assert ("update StatefulSet web status" in stage.client.said()) is status_written
    assert (await stage.toy.names(ControllerRevision) == []) is cleaned_up


async def test_a_status_that_says_nothing_new_is_not_written(stage: Stage) -> None:
    await stage.carry_out(status=copy(stage.stored.status))
    assert stage.client.said() == []


async def test_a_conflict_over_the_status_is_settled_with_the_newest_set(stage: Stage) -> None:
    async def relabel() -> None:
        patch = Patch("merge", {"metadata": {"labels": {"another": "writer"}}, "spec": {"replicas": 5}})
        await stage.direct.patch(StatefulSet, "web", "default", patch)

    stage.client.meanwhile("update", StatefulSet, relabel)
    await stage.carry_out(status=NEWS)
    set_ = await stage.set()
    assert (set_.metadata.labels, set_.spec.replicas) == ({"another": "writer"}, 5)
    assert set_.status.replicas == 3


@pytest.mark.parametrize(("conflicts", "success"), [(4, True), (5, False)])
async def test_a_status_is_tried_five_times(stage: Stage, conflicts: int, success: bool) -> None:
    stage.client.fails("update", StatefulSet, Conflict("busy"), times=conflicts)
    if success:
        await stage.carry_out(status=NEWS)
    else:
        with pytest.raises(Conflict):
            await stage.carry_out(status=NEWS)
    assert len(stage.client.said("update")) == 5


async def test_a_set_that_was_made_anew_does_not_get_the_status_of_the_old_one(stage: Stage) -> None:
    await made_anew(stage)
    with pytest.raises(Conflict):
        await stage.carry_out(status=NEWS)
    assert (await stage.status()).replicas == 0


async def test_foreign_conditions_go_with_the_next_write_of_the_status(stage: Stage) -> None:
    patch = Patch("merge", {"status": {"replicas": 0, "conditions": [{"type": "Foreign", "status": "True"}]}})
    stage.stored = await stage.direct.patch(StatefulSet, "web", "default", patch, "status")
    await stage.carry_out(status=StatefulSetStatus())
    assert len((await stage.status()).conditions) == 1, "nothing to write"
    await stage.carry_out(status=NEWS)
    assert (await stage.status()).conditions == []


async def test_only_deletions_that_were_made_lessen_the_current_replicas(stage: Stage) -> None:
    pods = [await stage.born(ordinal) for ordinal in (2, 1, 0)]
    stage.client.fails("delete", Pod, InternalError("boom"), "web-1")
    deletions = tuple(model.DeletePod(pod.metadata.name, pod.metadata.uid, "update") for pod in pods)
    with pytest.raises(InternalError):
        await stage.carry_out(model.Step("update", (deletions,)), status=NEWS)
    assert (await stage.status()).current_replicas == 2


# --- history ----------------------------------------------------------------------------------------------------------


async def test_a_revision_that_is_gone_is_as_good_as_forgotten(stage: Stage) -> None:
    kept = await stage.direct.create(new_revision(stage.stored, 1, 0))
    drops = (model.DropRevision("web-gone"), model.DropRevision(kept.metadata.name))
    await stage.carry_out(status=stage.stored.status, cleanup=drops)
    assert await stage.toy.names(ControllerRevision) == []


async def test_a_revision_that_cannot_be_forgotten_fails_the_run_unless_the_work_failed_before(stage: Stage) -> None:
    stage.client.fails("delete", ControllerRevision, refused("history"), times=2)
    with pytest.raises(Forbidden, match="history"):
        await stage.carry_out(status=stage.stored.status, cleanup=(model.DropRevision("web-1"),))
    stage.client.fails("create", Pod, refused("pod"))
    work: Sequence[model.Step] = (model.Step("replicas", ((stage.create(0),),)),)
    with pytest.raises(Forbidden, match="pod"):
        await stage.carry_out(*work, status=stage.stored.status, cleanup=(model.DropRevision("web-1"),))
