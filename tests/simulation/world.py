"""A toy world for StatefulSet plans: it obeys actions as an API server would, and pods live as the test says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar, assert_never

from petset.api.meta import (
    controller_of,
    copy,
    format_time,
    is_running_and_ready,
    is_terminating,
    owner_reference,
    set_condition,
)
from petset.api.types import (
    Container,
    ControllerRevision,
    LabelSelector,
    Object,
    ObjectMeta,
    PersistentVolumeClaim,
    Pod,
    PodCondition,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetStatus,
)
from petset.controllers.statefulset import act, model, status
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of
from petset.controllers.statefulset.plan import plan
from petset.kinds import statefulset

START = datetime(2026, 1, 1, tzinfo=UTC)

T = TypeVar("T", bound=Object)
Planner = Callable[[model.Observed], model.Plan]


def web(replicas: int = 3, *, policy: str = "OrderedReady", image: str = "nginx:1") -> StatefulSet:
    """The StatefulSet of the source page, defaulted as the API does it."""
    set_ = StatefulSet(metadata=ObjectMeta(name="web", namespace="default", uid="set-uid", generation=1))
    set_.spec.replicas = replicas
    set_.spec.service_name = "nginx"
    set_.spec.pod_management_policy = policy
    set_.spec.selector = LabelSelector(match_labels={"app": "nginx"})
    set_.spec.template.metadata.labels = {"app": "nginx"}
    set_.spec.template.spec.containers = [Container(name="nginx", image=image)]
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name="www"))
    claim.spec.access_modes = ["ReadWriteOnce"]
    claim.spec.resources.requests = {"storage": "1Gi"}
    set_.spec.volume_claim_templates = [claim]
    statefulset.RESOURCE.strategy.default(set_)
    return set_


def retention(when_scaled: str, when_deleted: str) -> StatefulSetPersistentVolumeClaimRetentionPolicy:
    """A retention policy."""
    return StatefulSetPersistentVolumeClaimRetentionPolicy(when_scaled=when_scaled, when_deleted=when_deleted)


class Refused(Exception):
    """The API does not do what an action asks for."""


@dataclass(frozen=True)
class Fate:
    """What goes wrong while a plan is carried out; by default nothing."""

    fails_at: int | None = None
    """The number of the action that fails."""
    answer_lost: bool = False
    """The failing action was done all the same."""
    status_fails: bool = False
    dies: bool = False
    """The process ends at the failing action."""


SMOOTH = Fate()


@dataclass(frozen=True)
class Snapshot:
    """Everything there was at one revision."""

    revision: int
    set: StatefulSet
    pods: Mapping[str, Pod]
    claims: Mapping[str, PersistentVolumeClaim]
    revisions: Mapping[str, ControllerRevision]


@dataclass
class World:
    """Everything there is. `step` plans once and obeys."""

    set: StatefulSet
    pods: dict[str, Pod] = field(default_factory=dict)
    claims: dict[str, PersistentVolumeClaim] = field(default_factory=dict)
    revisions: dict[str, ControllerRevision] = field(default_factory=dict)
    now: datetime = START
    born: int = 0
    last: Snapshot = Snapshot(0, StatefulSet(), {}, {}, {})
    planner: Planner = plan

    # --- seeing -------------------------------------------------------------------------------------------------------

    def observe(self) -> model.Observed:
        """What there is, in private copies."""
        return observed(self.snapshot(), self.now)

    def snapshot(self) -> Snapshot:
        """A copy of everything. What changed since the last one has a new resourceVersion, the rest is shared."""
        last = self.last
        mark = str(last.revision + 1)
        copies = Snapshot(
            last.revision + 1,
            _copies({"web": self.set}, {"web": last.set}, mark)["web"],
            _copies(self.pods, last.pods, mark),
            _copies(self.claims, last.claims, mark),
            _copies(self.revisions, last.revisions, mark),
        )
        self.last = copies
        return copies

    def is_shown_by(self, seen: model.Observed) -> bool:
        """Whether that is what there is."""
        now = self.observe()
        shown = (seen.set, seen.pods, seen.orphans, seen.claims, seen.revisions, seen.orphan_revisions)
        return shown == (now.set, now.pods, now.orphans, now.claims, now.revisions, now.orphan_revisions)

    # --- planning and obeying -----------------------------------------------------------------------------------------

    def plan(self) -> model.Plan:
        """The plan for this moment."""
        return self.planner(self.observe())

    def step(self, fate: Fate = SMOOTH) -> model.Plan:
        """Plans, obeys, stores the status, lets time pass by a second."""
        decided = self.plan()
        self.carry_out(decided, self.set, fate)
        self.now += timedelta(seconds=1)
        return decided

    def carry_out(self, decided: model.Plan, seen: StatefulSet, fate: Fate = SMOOTH) -> list[type[Object]]:
        """Does what `act` does, as far as fate lets it. The kinds of the writes that were answered."""
        failed, written, updated = self._carry_out_steps(decided, fate)
        if failed is not None and fate.dies:
            return written
        new = status.after_deletions(seen, decided.counted, updated)
        if failed not in act.BEFORE_STATUS and status.needs_write(seen, new) and not fate.status_fails:
            self.write_status(new)
            written.append(StatefulSet)
        if failed not in act.CLAIMING:
            for drop in decided.cleanup:
                self.revisions.pop(drop.name, None)
        return written

    def _carry_out_steps(self, decided: model.Plan, fate: Fate) -> tuple[model.Phase | None, list[type[Object]], int]:
        written: list[type[Object]] = []
        updated = 0
        actions = [(step.phase, action) for step in decided.steps for action in step.actions]
        for number, (phase, action) in enumerate(actions):
            fails = number == fate.fails_at
            if fails and not fate.answer_lost:
                return phase, written, updated
            try:
                self.obey(action)
            except Refused:
                return phase, written, updated
            if fails:
                return phase, written, updated
            written += kinds_written(action)
            updated += isinstance(action, model.DeletePod) and action.reason == "update"
        return None, written, updated

    def write_status(self, new: StatefulSetStatus) -> None:
        """Stores a status, which the API must find possible."""
        candidate = copy(self.set)
        candidate.status = new
        assert statefulset.RESOURCE.status is not None
        assert statefulset.RESOURCE.status.validate_update(candidate, self.set) == []
        self.set.status = new

    def obey(self, action: model.Action) -> None:  # noqa: C901, PLR0912 - one branch an action
        """Does what one action says, or raises Refused."""
        match action:
            case model.AdoptRevision(name, uid):
                revision = self._of(self.revisions, name, uid)
                revision.metadata.owner_references.append(owner_reference(self.set))
            case model.CreateRevision(revision):
                if revision.metadata.name not in self.revisions:
                    self.revisions[revision.metadata.name] = self._new(revision)
            case model.RenumberRevision(revision, number):
                self._unchanged(self.revisions, revision).revision = number
            case model.CreatePod(pod, _, claims):
                self.create_claims(claims)
                self.create_pod(pod)
            case model.RefusePod(_, claims, why):
                self.create_claims(claims)
                raise Refused(why)
            case model.RestoreClaims(_, claims):
                self.create_claims(claims)
            case model.RefuseClaims(_, why):
                raise Refused(why)
            case model.SetClaimOwners(_, claim):
                self._unchanged(self.claims, claim)
                self.claims[claim.metadata.name] = copy(claim)
            case model.RepairPod(pod, _):
                self._unchanged(self.pods, pod)
                self.pods[pod.metadata.name] = copy(pod)
            case model.DeletePod(name, uid, _):
                if name in self.pods:
                    self._of(self.pods, name, uid)
                    self.delete(name)
            case model.AdoptPod(name, uid):
                if is_terminating(self.set):
                    raise Refused("the set is being deleted")
                pod = self._of(self.pods, name, uid)
                if controller_of(pod) is not None:
                    raise Refused("two controllers")
                pod.metadata.owner_references.append(owner_reference(self.set))
            case model.ReleasePod(name, uid):
                if name in self.pods and self.pods[name].metadata.uid == uid:
                    self.pods[name].metadata.owner_references = []
            case model.ReportForeignOwner():
                pass
            case _:
                assert_never(action)

    def create_claims(self, claims: tuple[PersistentVolumeClaim, ...]) -> None:
        for claim in claims:
            if claim.metadata.name in self.claims:
                raise Refused(f"{claim.metadata.name} exists")
            self.claims[claim.metadata.name] = self._new(claim)

    def create_pod(self, pod: Pod) -> None:
        if pod.metadata.name in self.pods:
            raise Refused(f"{pod.metadata.name} exists")
        made = self._new(pod)
        made.status.phase = "Pending"
        self.pods[made.metadata.name] = made

    def _new(self, obj: T) -> T:
        made = copy(obj)
        self.born += 1
        made.metadata.uid = f"uid-{self.born}"
        made.metadata.resource_version = ""
        return made

    def _of(self, table: Mapping[str, T], name: str, uid: str) -> T:
        if name not in table or table[name].metadata.uid != uid:
            raise Refused(f"{name} is gone, or another one")
        return table[name]

    def _unchanged(self, table: Mapping[str, T], obj: T) -> T:
        now = self._of(table, obj.metadata.name, obj.metadata.uid)
        if now.metadata.resource_version != obj.metadata.resource_version:
            raise Refused(f"{obj.metadata.name} changed")
        return now

    # --- what pods do by themselves -----------------------------------------------------------------------------------

    def run(self, name: str) -> None:
        """The pod's containers start."""
        self.pods[name].status.phase = "Running"
        self._set_ready(name, "False")

    def can_run(self, name: str) -> bool:
        """Whether the pod has not ended and its claims are there."""
        pod = self.pods[name]
        return pod.status.phase in ("Pending", "Running") and claims_used(pod) <= self.claims.keys()

    def ready(self, name: str) -> None:
        """The pod passes its readiness probe."""
        self.run(name)
        self._set_ready(name, "True")

    def unready(self, name: str) -> None:
        """The pod stops passing its readiness probe."""
        self._set_ready(name, "False")

    def fail(self, name: str, phase: str = "Failed") -> None:
        """The pod ends for good."""
        self.pods[name].status.phase = phase
        self._set_ready(name, "False")

    def delete(self, name: str) -> None:
        """Somebody deletes the pod: an ended one goes at once, a live one terminates first."""
        pod = self.pods[name]
        if pod.status.phase in ("Failed", "Succeeded"):
            del self.pods[name]
        else:
            pod.metadata.deletion_timestamp = pod.metadata.deletion_timestamp or format_time(self.now)

    def gone(self, name: str) -> None:
        """The pod's termination is over."""
        del self.pods[name]

    def _set_ready(self, name: str, value: str) -> None:
        conditions = self.pods[name].status.conditions
        set_condition(conditions, PodCondition(type="Ready", status=value), self.now)

    # --- what happens to claims ---------------------------------------------------------------------------------------

    def delete_claim(self, name: str) -> None:
        """Somebody deletes a claim: one that a pod on a node uses is protected, and terminates."""
        self.claims[name].metadata.deletion_timestamp = format_time(self.now)
        self.finish_claims()

    def finish_claims(self) -> None:
        """Terminating claims go as soon as no pod uses them. One that is Pending is on no node here."""
        used = set().union(*(claims_used(pod) for pod in self.pods.values() if pod.status.phase != "Pending"))
        for name, claim in list(self.claims.items()):
            if is_terminating(claim) and name not in used:
                del self.claims[name]

    def collect_garbage(self) -> list[str]:
        """Deletes claims all of whose owners are gone, and strips dead owners from the others. The deleted ones."""
        alive = {self.set.metadata.uid, *(pod.metadata.uid for pod in self.pods.values())}
        deleted = []
        for name, claim in list(self.claims.items()):
            refs = claim.metadata.owner_references
            kept = [ref for ref in refs if ref.uid in alive]
            if refs and not kept and not is_terminating(claim):
                self.delete_claim(name)
                deleted.append(name)
            elif kept != refs and kept:
                claim.metadata.owner_references = kept
        self.finish_claims()
        return deleted

    # --- until nothing happens any more -------------------------------------------------------------------------------

    def live(self) -> list[str]:
        """Pods get healthy, terminating ones go, and so do claims without an owner left, which are returned."""
        for name, pod in list(self.pods.items()):
            if is_terminating(pod):
                self.gone(name)
            elif not is_running_and_ready(pod) and self.can_run(name):
                self.ready(name)
        return self.collect_garbage()

    def settle(self, limit: int = 400) -> int:
        """Steps with healthy pods until nothing changes any more; the number of steps it took."""
        last = self.snapshot()
        for count in range(limit):
            self.step()
            self.live()
            here = self.snapshot()
            if replace(here, revision=last.revision) == last:
                return count
            last = here
        raise AssertionError(f"no rest after {limit} steps:\n{self.plan()}")

    # --- what a test asks ---------------------------------------------------------------------------------------------

    def set_image(self, image: str) -> None:
        """A new template."""
        self.set.spec.template.spec.containers[0].image = image
        self.changed()

    def scale(self, replicas: int) -> None:
        """Another number of replicas."""
        self.set.spec.replicas = replicas
        self.changed()

    def changed(self) -> None:
        """The user changed the spec."""
        self.set.metadata.generation = (self.set.metadata.generation or 0) + 1

    def images(self) -> dict[int, str | None]:
        """Image by ordinal."""
        return {
            o: pod.spec.containers[0].image
            for name, pod in sorted(self.pods.items())
            if (o := ordinal_of("web", name)) is not None
        }

    def revision_of(self, name: str) -> str:
        """The revision label of a pod."""
        return self.pods[name].metadata.labels[REVISION_LABEL]


def observed(snapshot: Snapshot, now: datetime) -> model.Observed:
    """A snapshot as the controller sees it. Upstream's uid, as everywhere, decides what is the set's own."""
    uid = snapshot.set.metadata.uid
    owner = {name: controller_of(pod) for name, pod in snapshot.pods.items()}
    revisions = snapshot.revisions.values()
    return model.Observed(
        set=snapshot.set,
        pods=tuple(pod for name, pod in snapshot.pods.items() if (ref := owner[name]) is not None and ref.uid == uid),
        revisions=tuple(revision for revision in revisions if controller_of(revision) is not None),
        claims=snapshot.claims,
        now=now,
        orphans=tuple(pod for name, pod in snapshot.pods.items() if owner[name] is None),
        orphan_revisions=tuple(revision for revision in revisions if controller_of(revision) is None),
    )


def claims_used(pod: Pod) -> set[str]:
    """The names of the claims that a pod mounts."""
    sources = (volume.persistent_volume_claim for volume in pod.spec.volumes)
    return {source.claim_name for source in sources if source is not None}


def kinds_written(action: model.Action) -> list[type[Object]]:
    """The kinds whose answers the controller remembers."""
    match action:
        case model.CreatePod(_, _, claims):
            return [PersistentVolumeClaim, Pod] if claims else [Pod]
        case model.AdoptPod() | model.ReleasePod() | model.RepairPod():
            return [Pod]
        case model.RestoreClaims() | model.SetClaimOwners():
            return [PersistentVolumeClaim]
        case model.AdoptRevision() | model.CreateRevision() | model.RenumberRevision():
            return [ControllerRevision]
        case _:
            return []


def _copies(table: Mapping[str, T], last: Mapping[str, T], mark: str) -> dict[str, T]:
    copies: dict[str, T] = {}
    for name, obj in table.items():
        old = last.get(name)
        if old is None or old != obj:
            obj.metadata.resource_version = mark
            old = copy(obj)
        copies[name] = old
    return copies


# --- plans as tests read them -----------------------------------------------------------------------------------------


def said(decided: model.Plan) -> list[str]:
    """The pod and claim actions of a plan, as it prints them, without revisions."""
    kinds = (
        model.CreatePod,
        model.DeletePod,
        model.RepairPod,
        model.RestoreClaims,
        model.RefusePod,
        model.RefuseClaims,
        model.SetClaimOwners,
        model.ReportForeignOwner,
    )
    return [str(action).split(" at ")[0] for action in decided.actions() if isinstance(action, kinds)]


def settled(replicas: int = 3, policy: str = "OrderedReady") -> World:
    """A world where nothing is left to do."""
    world = World(web(replicas, policy=policy))
    world.settle()
    return world
