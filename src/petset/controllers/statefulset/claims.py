"""The claims of one ordinal: what is missing, what is going away, who shall own what is there. Pure."""

from collections.abc import Iterator

from petset.api.meta import is_terminating
from petset.api.types import PersistentVolumeClaim, Pod
from petset.controllers.statefulset import identity, retention
from petset.controllers.statefulset.model import (
    Action,
    Observed,
    RefuseClaims,
    ReportForeignOwner,
    RestoreClaims,
    SetClaimOwners,
)
from petset.controllers.statefulset.names import claim_name


def existing(seen: Observed, ordinal: int) -> Iterator[PersistentVolumeClaim]:
    """The claims that are there; each is taken as it is."""
    for name in identity.claim_names(seen.set, ordinal):
        claim = seen.claims.get(name)
        if claim is not None:
            yield claim


def missing(seen: Observed, ordinal: int) -> tuple[PersistentVolumeClaim, ...]:
    """The claims to create."""
    set_ = seen.set
    templates = {claim_name(t.metadata.name, set_.metadata.name, ordinal): t for t in set_.spec.volume_claim_templates}
    absent = (template for name, template in templates.items() if name not in seen.claims)
    return tuple(identity.new_claim(set_, template, ordinal) for template in absent)


def deleting(seen: Observed, ordinal: int) -> str:
    """Which claims are going away, so that nothing can be done with them: the reason as an event says it, if any."""
    names = [claim.metadata.name for claim in existing(seen, ordinal) if is_terminating(claim)]
    return ", ".join(f"pvc {name} is being deleted" for name in names)


def stale(seen: Observed, ordinal: int, pod: Pod) -> str | None:
    """The claim, if any, that the policy deletes together with an earlier pod of the name."""
    blocking = (claim for claim in existing(seen, ordinal) if retention.blocks_creation(claim, seen.set, pod))
    return next((claim.metadata.name for claim in blocking), None)


def restore(seen: Observed, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """Gives a live pod back what is gone, and fails while something is still going away."""
    absent, why = missing(seen, ordinal), deleting(seen, ordinal)
    create = (RestoreClaims(pod.metadata.name, absent),) if absent else ()
    refuse = (RefuseClaims(pod.metadata.name, why),) if why else ()
    return (*create, *refuse)


def owners_match(seen: Observed, ordinal: int, pod: Pod) -> bool:
    """Whether every claim that is there is owned as the policy wants it."""
    return all(_owners_match(seen, ordinal, pod, claim) for claim in existing(seen, ordinal))


def give_owners(seen: Observed, ordinal: int, pod: Pod) -> tuple[Action, ...]:
    """Makes the claims that are there owned as the policy wants it, and reports those that another one controls."""
    actions: list[Action] = []
    in_range = ordinal in identity.ordinals(seen.set)
    for claim in existing(seen, ordinal):
        if retention.has_foreign_controller(claim, seen.set, pod):
            actions.append(ReportForeignOwner(claim.metadata.name))
        if not _owners_match(seen, ordinal, pod, claim):
            owned = retention.with_owners(claim, seen.set, pod, in_range=in_range)
            actions.append(SetClaimOwners(pod.metadata.name, owned))
    return tuple(actions)


def _owners_match(seen: Observed, ordinal: int, pod: Pod, claim: PersistentVolumeClaim) -> bool:
    return retention.owners_match(claim, seen.set, pod, in_range=ordinal in identity.ordinals(seen.set))
