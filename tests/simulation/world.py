"""A toy world for StatefulSet plans: it obeys every action at once, and pods live as the test says."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import assert_never

from petset.api.meta import copy, format_time, is_running_and_ready, is_terminating, set_condition
from petset.api.types import (
    Container,
    ControllerRevision,
    LabelSelector,
    ObjectMeta,
    OwnerReference,
    PersistentVolumeClaim,
    Pod,
    PodCondition,
    StatefulSet,
)
from petset.controllers.statefulset import model
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of
from petset.controllers.statefulset.plan import plan
from petset.kinds import statefulset

START = datetime(2026, 1, 1, tzinfo=UTC)


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


@dataclass
class World:
    """Everything there is. `step` plans once and obeys."""

    set: StatefulSet
    pods: dict[str, Pod] = field(default_factory=dict)
    claims: dict[str, PersistentVolumeClaim] = field(default_factory=dict)
    revisions: dict[str, ControllerRevision] = field(default_factory=dict)
    now: datetime = START
    born: int = 0

    def observe(self) -> model.Observed:
        """What the controller sees: private copies."""
        mine = [pod for pod in self.pods.values() if pod.metadata.owner_references]
        orphans = [pod for pod in self.pods.values() if not pod.metadata.owner_references]
        return model.Observed(
            set=copy(self.set),
            pods=tuple(copy(pod) for pod in mine),
            revisions=tuple(copy(revision) for revision in self.revisions.values()),
            claims={name: copy(claim) for name, claim in self.claims.items()},
            now=self.now,
            orphans=tuple(copy(pod) for pod in orphans),
        )

    def plan(self) -> model.Plan:
        """The plan for this moment."""
        return plan(self.observe())

    def step(self) -> model.Plan:
        """Plans, obeys, stores the status, lets time pass by a second."""
        decided = self.plan()
        for action in decided.actions():
            self.obey(action)
        for drop in decided.cleanup:
            del self.revisions[drop.name]
        self.set.status = decided.status
        self.now += timedelta(seconds=1)
        return decided

    def obey(self, action: model.Action) -> None:  # noqa: C901 - one branch an action
        """Does what one action says."""
        match action:
            case model.CreateRevision(revision):
                revision.metadata.uid = self.new_uid()
                self.revisions[revision.metadata.name] = revision
            case model.RenumberRevision(revision, number):
                self.revisions[revision.metadata.name].revision = number
            case model.CreatePod(pod, _, claims):
                self.create_claims(claims)
                assert pod.metadata.name not in self.pods, f"second pod with the identity {pod.metadata.name}"
                pod.metadata.uid = self.new_uid()
                pod.status.phase = "Pending"
                self.pods[pod.metadata.name] = pod
            case model.RestoreClaims(_, claims):
                self.create_claims(claims)
            case model.SetClaimOwners(_, claim):
                self.claims[claim.metadata.name] = claim
            case model.RepairPod(pod, _):
                self.pods[pod.metadata.name] = pod
            case model.DeletePod(name, uid, _):
                assert self.pods[name].metadata.uid == uid
                self.delete(name)
            case model.AdoptPod(name, _):
                ref = OwnerReference(
                    api_version="apps/v1", kind="StatefulSet", name="web", uid="set-uid", controller=True
                )
                self.pods[name].metadata.owner_references.append(ref)
            case model.ReleasePod(name, _):
                self.pods[name].metadata.owner_references = []
            case model.RefusePod() | model.RefuseClaims() | model.ReportForeignOwner() | model.AdoptRevision():
                pass
            case _:
                assert_never(action)

    def create_claims(self, claims: tuple[PersistentVolumeClaim, ...]) -> None:
        for claim in claims:
            assert claim.metadata.name not in self.claims, f"claim {claim.metadata.name} created twice"
            claim.metadata.uid = self.new_uid()
            self.claims[claim.metadata.name] = claim

    def new_uid(self) -> str:
        self.born += 1
        return f"uid-{self.born}"

    # --- what pods do by themselves -----------------------------------------------------------------------------------

    def run(self, name: str) -> None:
        """The pod's containers start."""
        self.pods[name].status.phase = "Running"
        self._set_ready(name, "False")

    def ready(self, name: str) -> None:
        """The pod passes its readiness probe."""
        self.run(name)
        self._set_ready(name, "True")

    def unready(self, name: str) -> None:
        """The pod stops passing its readiness probe."""
        self._set_ready(name, "False")

    def fail(self, name: str) -> None:
        """The pod ends for good."""
        self.pods[name].status.phase = "Failed"
        self._set_ready(name, "False")

    def delete(self, name: str) -> None:
        """Somebody deletes the pod: an ended one goes at once, a live one terminates first."""
        pod = self.pods[name]
        if pod.status.phase in ("Failed", "Succeeded"):
            del self.pods[name]
        else:
            pod.metadata.deletion_timestamp = format_time(self.now)

    def gone(self, name: str) -> None:
        """The pod's termination is over."""
        del self.pods[name]

    def _set_ready(self, name: str, value: str) -> None:
        conditions = self.pods[name].status.conditions
        set_condition(conditions, PodCondition(type="Ready", status=value), self.now)

    def settle(self, limit: int = 400) -> int:
        """Steps with healthy pods until nothing changes any more; the number of steps it took."""
        for count in range(limit):
            before = (copy(self.set), {n: copy(p) for n, p in self.pods.items()}, set(self.claims), set(self.revisions))
            self.step()
            for name, pod in list(self.pods.items()):
                if is_terminating(pod):
                    self.gone(name)
                elif not is_running_and_ready(pod) and pod.status.phase in ("Pending", "Running"):
                    self.ready(name)
            if before == (self.set, self.pods, set(self.claims), set(self.revisions)):
                return count
        raise AssertionError(f"no rest after {limit} steps:\n{self.plan()}")

    # --- what a test asks ---------------------------------------------------------------------------------------------

    def set_image(self, image: str) -> None:
        """A new template."""
        self.set.spec.template.spec.containers[0].image = image
        self.set.metadata.generation = (self.set.metadata.generation or 0) + 1

    def scale(self, replicas: int) -> None:
        """Another number of replicas."""
        self.set.spec.replicas = replicas
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
