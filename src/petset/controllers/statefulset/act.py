"""Carries a plan out. The only place where the StatefulSet controller writes.

Requests have upstream's shape, so that the controller needs no more rights on a real cluster than the stock one; only
deletions carry the uid as a precondition, so that a stale view never ends a successor.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, assert_never

from msgspec.structs import replace

from petset.aio.clock import Clock
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
from petset.client.interface import GIVEN, Client, ConnectionLost, Patch
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import SeenWrites
from petset.controllers.statefulset import model, status
from petset.controllers.statefulset.identity import repaired
from petset.controllers.statefulset.revisions import data_bytes

LARGEST_BATCH: Final = 500
STATUS_TRIES: Final = 5
PAUSE: Final = 20.0
"""How long counters may be behind after a write of the status, in times of how long that took."""
LONGEST_PAUSE: Final = 0.05
REPAIR_TRIES: Final = 4
CLAIMING: Final = ("adoption", "claiming")
"""A run that fails here does not know its pods and revisions, and says and forgets nothing."""
BEFORE_STATUS: Final = (*CLAIMING, "revisions")
"""A run that fails here has no revision to report of."""


@dataclass(slots=True)
class Run:
    """One plan being carried out: what it is for, and how far it came."""

    set: StatefulSet
    key: Key
    may_adopt: bool | None = None
    failure: StatusError | ConnectionLost | None = None
    failed_in: model.Phase | None = None
    updated: int = 0
    """Pods deleted for the update so far."""
    come_back: float | None = None
    """Seconds until a status that only counts anew may be written."""


class Actor:
    """Writes through the client, records events, remembers what it wrote."""

    def __init__(self, client: Client, recorder: EventRecorder, writes: SeenWrites[Key], clock: Clock) -> None:
        self._client = client
        self._recorder = recorder
        self._writes = writes
        self._clock = clock
        self._next_count: dict[Key, float] = {}

    async def carry_out(self, set_: StatefulSet, plan: model.Plan) -> float | None:
        """Does the steps up to the first failure, writes the resulting status, cleans up, then raises the failure.

        Returns after how many seconds to come back for a status that was not written because one just was.
        """
        run = Run(set_, key_of(set_))
        for step in plan.steps:
            await self._step(run, step)
            if run.failure is not None:
                run.failed_in = step.phase
                break
        if run.failed_in not in BEFORE_STATUS:
            await self._write_status(run, status_after(plan, run))
        if run.failed_in not in CLAIMING:
            await self._clean_up(run, plan.cleanup)
        if run.failure is not None:
            raise run.failure
        return run.come_back

    def forget(self, key: Key) -> None:
        """For a set that is gone."""
        self._next_count.pop(key, None)

    def pause(self, key: Key) -> float:
        """Seconds for which nobody waits for the counters of a set, because they were just written."""
        return max(0.0, self._next_count.get(key, 0.0) - self._clock.monotonic())

    async def _step(self, run: Run, step: model.Step) -> None:
        groups = step.groups
        size = 1
        while groups and run.failure is None:
            batch, groups = groups[:size], groups[size:]
            if len(batch) == 1:
                await self._group(run, batch[0])
            else:
                async with asyncio.TaskGroup() as tasks:
                    for group in batch:
                        tasks.create_task(self._group(run, group))
            size = min(size * 2, LARGEST_BATCH) if step.pace == "doubling" else 1

    async def _group(self, run: Run, group: Sequence[model.Action]) -> None:
        try:
            for action in group:
                await self._do(run, action)
        except (StatusError, ConnectionLost) as error:
            run.failure = run.failure or error

    async def _do(self, run: Run, action: model.Action) -> None:  # noqa: C901, PLR0912 - one branch an action
        match action:
            case model.AdoptRevision(name, uid):
                await self._adopt(run, ControllerRevision, name, uid)
            case model.CreateRevision(revision):
                await self._create_revision(run, revision)
            case model.RenumberRevision(revision, number):
                renumbered = copy(revision)
                renumbered.revision = number
                self._writes.wrote(run.key, await self._client.update(renumbered))
            case model.AdoptPod(name, uid):
                await self._adopt(run, Pod, name, uid)
            case model.ReleasePod(name, uid):
                await self._release(run, name, uid)
            case model.CreatePod(pod, _, claims):
                await self._create_pod(run, pod, claims)
            case model.RefusePod(name, claims, why):
                await self._refuse_pod(run, name, claims, why)
            case model.RestoreClaims(name, claims):
                await self._create_claims(run, name, claims)
            case model.RefuseClaims(_, why):
                raise Conflict(why)
            case model.SetClaimOwners(name, claim):
                await self._set_owners(run, name, claim)
            case model.ReportForeignOwner(claim):
                why = f"claim {claim} has another controller; persistentVolumeClaimRetentionPolicy is ignored for it"
                self._recorder.event(run.set, "Warning", "ConflictingController", why)
            case model.RepairPod(pod, ordinal):
                await self._repair(run, pod, ordinal)
            case model.DeletePod(name, uid, reason):
                await self._delete_pod(run, name, uid)
                run.updated += reason == "update"
            case _:
                assert_never(action)

    # --- revisions ----------------------------------------------------------------------------------------------------

    async def _create_revision(self, run: Run, revision: ControllerRevision) -> None:
        """A name that is taken by other data raises the collision count, and the next run finds another name."""
        try:
            self._writes.wrote(run.key, await self._client.create(revision))
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
            self._writes.wrote(run.key, await self._client.create(pod, GIVEN))
        except AlreadyExists:
            raise
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Create", name, error)
            raise
        self._report(run, "Create", name)

    async def _create_claims(self, run: Run, pod: str, claims: Sequence[PersistentVolumeClaim]) -> None:
        """Tries all of them, then raises the first failure. One that is there unseen has to be looked at first."""
        failure: StatusError | ConnectionLost | None = None
        for claim in claims:
            name = claim.metadata.name
            try:
                self._writes.wrote(run.key, await self._client.create(claim))
            except (StatusError, ConnectionLost) as error:
                failure = failure or error
                if not isinstance(error, AlreadyExists):
                    text = f"Create Claim {name} for Pod {pod} in StatefulSet {run.key.name} failed error: {error}"
                    self._recorder.event(run.set, "Warning", "FailedCreate", text)
            else:
                text = f"Create Claim {name} Pod {pod} in StatefulSet {run.key.name} success"
                self._recorder.event(run.set, "Normal", "SuccessfulCreate", text)
        if failure is not None:
            raise failure

    async def _refuse_pod(self, run: Run, pod: str, claims: Sequence[PersistentVolumeClaim], why: str) -> None:
        refusal = Conflict(why)
        try:
            await self._create_claims(run, pod, claims)
        finally:
            self._report(run, "Create", pod, refusal)
        raise refusal

    async def _set_owners(self, run: Run, pod: str, claim: PersistentVolumeClaim) -> None:
        try:
            self._writes.wrote(run.key, await self._client.update(claim))
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Update", pod, error)
            raise

    async def _repair(self, run: Run, pod: Pod, ordinal: int) -> None:
        try:
            self._writes.wrote(run.key, await self._update_pod(run, pod, ordinal))
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Update", pod.metadata.name, error)
            raise
        self._report(run, "Update", pod.metadata.name)

    async def _update_pod(self, run: Run, pod: Pod, ordinal: int) -> Pod:
        """Others write to a pod all the time: after a conflict the same repair is made to what they wrote."""
        for _ in range(REPAIR_TRIES - 1):
            try:
                return await self._client.update(pod)
            except Conflict:
                fresh = await self._client.get(Pod, pod.metadata.name, run.key.namespace)
                if fresh.metadata.uid != pod.metadata.uid:
                    raise
                pod = repaired(fresh, run.set, ordinal)
        return await self._client.update(pod)

    async def _delete_pod(self, run: Run, name: str, uid: str) -> None:
        """A pod that is gone is as good as deleted. A conflict means that another one has its name by now."""
        options = DeleteOptions(preconditions=Preconditions(uid=uid))
        try:
            with suppress(NotFound):
                await self._client.delete(Pod, name, run.key.namespace, options)
        except Conflict:
            raise
        except (StatusError, ConnectionLost) as error:
            self._report(run, "Delete", name, error)
            raise
        self._report(run, "Delete", name)

    def _report(self, run: Run, verb: str, pod: str, error: Exception | None = None) -> None:
        """The verb has a capital in the text, too: so upstream's 1.36 writes it, which earlier had it in lower case."""
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
        pause = self.pause(run.key)
        if pause and run.failure is None and status.only_counts(run.set, new) and not status.is_complete(run.set, new):
            run.come_back = pause
            return
        began = self._clock.monotonic()
        try:
            await self._put_status(run, new)
            ended = self._clock.monotonic()
            self._next_count[run.key] = ended + min((ended - began) * PAUSE, LONGEST_PAUSE)
        except (StatusError, ConnectionLost) as error:
            run.failure = run.failure or error

    async def _put_status(self, run: Run, new: StatefulSetStatus) -> None:
        target = run.set
        for tries_left in reversed(range(STATUS_TRIES)):
            given = replace(target, metadata=replace(target.metadata), status=copy(new))
            try:
                self._writes.wrote(run.key, await self._client.update(given, "status", GIVEN))
            except Conflict:
                if not tries_left:
                    raise
                target = await self._client.get(StatefulSet, run.key.name, run.key.namespace)
                if target.metadata.uid != run.set.metadata.uid:
                    raise
            else:
                return

    # --- history ------------------------------------------------------------------------------------------------------

    async def _clean_up(self, run: Run, drops: Sequence[model.DropRevision]) -> None:
        """Forgets revisions, whatever happened before."""
        try:
            for drop in drops:
                with suppress(NotFound):
                    await self._client.delete(ControllerRevision, drop.name, run.key.namespace)
        except (StatusError, ConnectionLost) as error:
            run.failure = run.failure or error


def status_after(plan: model.Plan, run: Run) -> StatefulSetStatus:
    """The status after as many deletions for the update as there were."""
    return status.after_deletions(run.set, plan.counted, run.updated)
