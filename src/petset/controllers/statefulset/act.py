"""Carries a plan out. The only place where the StatefulSet controller writes.

Requests have upstream's shape, so that the controller needs no more rights on a real cluster than the stock one; only
deletions carry the uid as a precondition, so that a stale view never ends a successor.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import assert_never

from petset.api.errors import AlreadyExists, Conflict, Invalid, NotFound, StatusError
from petset.api.meta import Key, copy, is_terminating, key_of
from petset.api.types import (
    ControllerRevision,
    DeleteOptions,
    PersistentVolumeClaim,
    Pod,
    Preconditions,
    StatefulSet,
    StatefulSetStatus,
)
from petset.client.interface import Client, ConnectionLost, Patch
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import SeenWrites
from petset.controllers.statefulset import model, status
from petset.controllers.statefulset.revisions import data_bytes

LARGEST_BATCH = 500
STATUS_TRIES = 5


@dataclass(slots=True)
class Run:
    """One plan being carried out: what it is for, and how far it came."""

    set: StatefulSet
    key: Key
    may_adopt: bool | None = None
    failure: StatusError | ConnectionLost | None = None
    done: list[model.Action] = field(default_factory=list)


class Actor:
    """Writes through the client, records events, remembers what it wrote."""

    def __init__(self, client: Client, recorder: EventRecorder, writes: SeenWrites[Key]) -> None:
        self._client = client
        self._recorder = recorder
        self._writes = writes

    async def carry_out(self, set_: StatefulSet, plan: model.Plan) -> None:
        """Does the steps up to the first failure, writes the resulting status, cleans up, then raises the failure."""
        run = Run(set_, key_of(set_))
        for step in plan.steps:
            await self._step(run, step)
            if run.failure is not None:
                break
        await self._write_status(run, status_after(plan, run))
        for drop in plan.cleanup:
            await self._delete(ControllerRevision, drop.name, run.key.namespace)
        if run.failure is not None:
            raise run.failure

    async def _step(self, run: Run, step: model.Step) -> None:
        groups = step.groups
        size = 1
        while groups and run.failure is None:
            batch, groups = groups[:size], groups[size:]
            await asyncio.gather(*(self._group(run, group) for group in batch))
            size = min(size * 2, LARGEST_BATCH) if step.pace == "doubling" else 1

    async def _group(self, run: Run, group: Sequence[model.Action]) -> None:
        try:
            for action in group:
                await self._do(run, action)
                run.done.append(action)
        except (StatusError, ConnectionLost) as error:
            run.failure = run.failure or error

    async def _do(self, run: Run, action: model.Action) -> None:  # noqa: C901, PLR0912 - one branch an action
        match action:
            case model.AdoptRevision(name, uid):
                await self._adopt(run, ControllerRevision, name, uid)
            case model.CreateRevision(revision):
                await self._create_revision(run, revision)
            case model.RenumberRevision(revision, number):
                revision = copy(revision)
                revision.revision = number
                await self._client.update(revision)
            case model.DropRevision(name):
                await self._delete(ControllerRevision, name, run.key.namespace)
            case model.AdoptPod(name, uid):
                await self._adopt(run, Pod, name, uid)
            case model.ReleasePod(name, uid):
                await self._release(run, name, uid)
            case model.CreatePod(pod, _, claims):
                await self._create_pod(run, pod, claims)
            case model.RefusePod(pod_name, claim, why):
                self._refuse(run, pod_name, claim, why)
            case model.RestoreClaims(pod_name, claims):
                await self._create_claims(run, pod_name, claims)
            case model.SetClaimOwners(claim):
                self._writes.wrote(run.key, await self._client.update(claim))
            case model.ReportForeignOwner(claim):
                why = f"claim {claim} has another controller; persistentVolumeClaimRetentionPolicy is ignored for it"
                self._recorder.event(run.set, "Warning", "ConflictingController", why)
            case model.RepairPod(pod):
                await self._repair(run, pod)
            case model.DeletePod(name, uid, _):
                await self._delete_pod(run, name, uid)
            case _:
                assert_never(action)

    # --- revisions ----------------------------------------------------------------------------------------------------

    async def _create_revision(self, run: Run, revision: ControllerRevision) -> None:
        """A name that is taken by other data raises the collision count, and the next run finds another name."""
        try:
            await self._client.create(revision)
        except AlreadyExists:
            meta = revision.metadata
            existing = await self._client.get(ControllerRevision, meta.name, meta.namespace)
            if data_bytes(existing.data) == data_bytes(revision.data):
                return
            bumped = copy(run.set.status)
            bumped.collision_count = (bumped.collision_count or 0) + 1
            await self._put_status(run, bumped)
            raise

    # --- claiming -----------------------------------------------------------------------------------------------------

    async def _adopt(self, run: Run, kind: type[Pod] | type[ControllerRevision], name: str, uid: str) -> None:
        if run.may_adopt is None:
            fresh = await self._client.get(StatefulSet, run.key.name, run.key.namespace)
            run.may_adopt = fresh.metadata.uid == run.set.metadata.uid and not is_terminating(fresh)
        if not run.may_adopt:
            raise Conflict.of("apps", "statefulsets", run.key.name, "it is being deleted or was created anew")
        owner = {
            "apiVersion": "apps/v1",
            "kind": "StatefulSet",
            "name": run.set.metadata.name,
            "uid": run.set.metadata.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
        patch = Patch("strategic", {"metadata": {"uid": uid, "ownerReferences": [owner]}})
        self._writes.wrote(run.key, await self._client.patch(kind, name, run.key.namespace, patch))

    async def _release(self, run: Run, name: str, uid: str) -> None:
        """A pod that is gone, or is another one by now, needs no release."""
        owner = {"$patch": "delete", "uid": run.set.metadata.uid}
        patch = Patch("strategic", {"metadata": {"uid": uid, "ownerReferences": [owner]}})
        try:
            self._writes.wrote(run.key, await self._client.patch(Pod, name, run.key.namespace, patch))
        except (NotFound, Invalid):
            return

    # --- pods and claims ----------------------------------------------------------------------------------------------

    async def _create_pod(self, run: Run, pod: Pod, claims: Sequence[PersistentVolumeClaim]) -> None:
        name = pod.metadata.name
        try:
            await self._create_claims(run, name, claims)
            self._writes.wrote(run.key, await self._client.create(pod))
        except AlreadyExists:
            raise
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Create", name, error)
            raise
        self._report(run, "Create", name)

    async def _create_claims(self, run: Run, pod: str, claims: Sequence[PersistentVolumeClaim]) -> None:
        for claim in claims:
            name = claim.metadata.name
            try:
                self._writes.wrote(run.key, await self._client.create(claim))
            except AlreadyExists:
                continue
            except (StatusError, ConnectionLost) as error:
                text = f"Create Claim {name} for Pod {pod} in StatefulSet {run.key.name} failed error: {error}"
                self._recorder.event(run.set, "Warning", "FailedCreate", text)
                raise
            text = f"Create Claim {name} Pod {pod} in StatefulSet {run.key.name} success"
            self._recorder.event(run.set, "Normal", "SuccessfulCreate", text)

    def _refuse(self, run: Run, pod: str, claim: str, why: str) -> None:
        error = Conflict.of("", "persistentvolumeclaims", claim, why)
        text = f"Create Claim {claim} for Pod {pod} in StatefulSet {run.key.name} failed error: {why}"
        self._recorder.event(run.set, "Warning", "FailedCreate", text)
        self._report(run, "Create", pod, error)
        raise error

    async def _repair(self, run: Run, pod: Pod) -> None:
        try:
            self._writes.wrote(run.key, await self._client.update(pod))
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Update", pod.metadata.name, error)
            raise
        self._report(run, "Update", pod.metadata.name)

    async def _delete_pod(self, run: Run, name: str, uid: str) -> None:
        options = DeleteOptions(preconditions=Preconditions(uid=uid))
        try:
            await self._client.delete(Pod, name, run.key.namespace, options)
        except (NotFound, Conflict):
            return
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Delete", name, error)
            raise
        self._report(run, "Delete", name)

    async def _delete(self, kind: type[ControllerRevision], name: str, namespace: str) -> None:
        try:
            await self._client.delete(kind, name, namespace)
        except NotFound:
            return

    def _report(self, run: Run, verb: str, pod: str, error: Exception | None = None) -> None:
        text = f"{verb} Pod {pod} in StatefulSet {run.key.name}"
        if error is None:
            self._recorder.event(run.set, "Normal", f"Successful{verb}", f"{text} successful")
        else:
            self._recorder.event(run.set, "Warning", f"Failed{verb}", f"{text} failed error: {error}")

    # --- status -------------------------------------------------------------------------------------------------------

    async def _write_status(self, run: Run, new: StatefulSetStatus) -> None:
        """Writes what changed. The failure of the work, if any, is reported in preference to that of the status."""
        if not status.needs_write(run.set, new):
            return
        try:
            await self._put_status(run, new)
        except (StatusError, ConnectionLost) as error:
            run.failure = run.failure or error

    async def _put_status(self, run: Run, new: StatefulSetStatus) -> None:
        target = copy(run.set)
        for tries_left in reversed(range(STATUS_TRIES)):
            target.status = new
            try:
                self._writes.wrote(run.key, await self._client.update(target, "status"))
            except Conflict:
                if not tries_left:
                    raise
                target = await self._client.get(StatefulSet, run.key.name, run.key.namespace)
            else:
                return


def status_after(plan: model.Plan, run: Run) -> StatefulSetStatus:
    """The plan's status, corrected for deletions that were planned for the update and not reached."""
    deletions = [a for a in plan.actions() if isinstance(a, model.DeletePod) and a.reason == "update"]
    missed = len([a for a in deletions if a not in run.done])
    if not missed:
        return plan.status
    corrected = copy(plan.status)
    corrected.current_replicas = (corrected.current_replicas or 0) + missed
    return corrected
