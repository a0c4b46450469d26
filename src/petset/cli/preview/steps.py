"""One thing that is done or waited for: in words and as data. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, assert_never

from petset.api.types import PersistentVolumeClaim, Pod
from petset.controllers.statefulset import model
from petset.controllers.statefulset.names import REVISION_LABEL

Verb = Literal["adopt", "release", "create", "update", "delete", "wait"]

SHOWN: Final = 5
"""How many names a line lists before it only counts."""

_WORDS = {"Pod": "pod", "PersistentVolumeClaim": "claim", "ControllerRevision": "revision"}


@dataclass(frozen=True, slots=True)
class Step:
    """`revision` is that of a pod; `detail` is why, or of a wait, what for."""

    verb: Verb
    kind: str
    names: tuple[str, ...]
    revision: str = ""
    detail: str = ""

    def __str__(self) -> str:
        if self.verb == "wait":
            return f"for {listed(self.names)} {self.detail}"
        at = f" at {self.revision}" if self.revision else ""
        return f"{_WORDS[self.kind]} {listed(self.names)}{at}" + (f" ({self.detail})" if self.detail else "")

    def data(self) -> dict[str, Any]:
        """For programs; what is empty is left out."""
        fields = {"action": self.verb, "kind": self.kind, "names": list(self.names)}
        return fields | {k: v for k, v in (("revision", self.revision), ("detail", self.detail)) if v}


def listed(names: tuple[str, ...] | list[str]) -> str:
    """`web-0, web-1`; of many, the first ones and how many there are."""
    if len(names) <= SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[: SHOWN - 2])}, ... {names[-1]} ({len(names)})"


def steps_of(action: model.Action, pods: dict[str, Pod]) -> Iterator[Step]:  # noqa: C901 - a branch an action
    """What an action of the planner does, one step an object."""
    match action:
        case model.AdoptRevision(name, _):
            yield Step("adopt", "ControllerRevision", (name,))
        case model.CreateRevision(revision):
            yield Step("create", "ControllerRevision", (revision.metadata.name,), detail=f"number {revision.revision}")
        case model.RenumberRevision(revision, number):
            why = f"number {revision.revision} becomes {number}: this template was in use before"
            yield Step("update", "ControllerRevision", (revision.metadata.name,), detail=why)
        case model.AdoptPod(name, _):
            yield Step("adopt", "Pod", (name,), _revision(pods, name))
        case model.ReleasePod(name, _):
            yield Step("release", "Pod", (name,), _revision(pods, name), "the selector no longer matches")
        case model.CreatePod(pod, revision, claims):
            yield from _creations(claims)
            yield Step("create", "Pod", (pod.metadata.name,), revision, _kept_claims(pod, claims))
        case model.RefusePod(_, claims, _) | model.RestoreClaims(_, claims):
            yield from _creations(claims)
        case model.SetClaimOwners(_, claim):
            owners = ", ".join(f"{ref.kind} {ref.name}" for ref in claim.metadata.owner_references)
            fate = f"goes when {owners} goes" if owners else "stays when its set or pod goes"
            yield Step("update", "PersistentVolumeClaim", (claim.metadata.name,), detail=fate)
        case model.RepairPod(pod, _):
            yield Step("update", "Pod", (pod.metadata.name,), detail="labels, volumes or claims are not its own")
        case model.DeletePod(name, _, reason):
            yield Step("delete", "Pod", (name,), _revision(pods, name), reason)
        case model.RefuseClaims() | model.ReportForeignOwner():
            return
        case _:
            assert_never(action)


def _revision(pods: dict[str, Pod], name: str) -> str:
    return pods[name].metadata.labels.get(REVISION_LABEL, "") if name in pods else ""


def _creations(claims: tuple[PersistentVolumeClaim, ...]) -> Iterator[Step]:
    for claim in claims:
        yield Step("create", "PersistentVolumeClaim", (claim.metadata.name,))


def _kept_claims(pod: Pod, made: tuple[PersistentVolumeClaim, ...]) -> str:
    """Which claims of a new pod are there already. Volumes of the template itself are none of the set's."""
    new = {claim.metadata.name for claim in made}
    end = f"-{pod.metadata.name}"
    sources = (volume.persistent_volume_claim for volume in pod.spec.volumes)
    names = [source.claim_name for source in sources if source is not None and source.claim_name.endswith(end)]
    kept = [name for name in names if name not in new]
    return f"with the existing claim {', '.join(kept)}" if kept else ""
