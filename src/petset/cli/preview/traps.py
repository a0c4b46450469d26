"""What surprises people about a change of a StatefulSet: a function each, in one table. Pure.

A trap says what would happen and, where there is one, a way out.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from petset.api.meta import is_terminating
from petset.api.quantity import canonical
from petset.api.types import PersistentVolumeClaim, Pod
from petset.cli.preview.situation import Situation
from petset.cli.preview.steps import listed
from petset.cli.preview.world import LONGEST_LABEL
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of, pod_name
from petset.controllers.statefulset.plan import max_unavailable, partition, revision_for
from petset.controllers.statefulset.ranks import View
from petset.controllers.statefulset.waiting import pod_state

Weight = Literal["refused", "stuck", "data loss", "note"]

LONGEST_HASH: Final = 10
MANY: Final = 1000
"""Replicas that nobody asks for by the way."""


@dataclass(frozen=True, slots=True)
class Trap:
    """`name` is for programs and stays the same from version to version."""

    name: str
    weight: Weight
    says: str
    way_out: str = ""


# --- what the API or the controller cannot do -------------------------------------------------------------------------


def immutable_field(it: Situation) -> Iterator[Trap]:
    """A set's identity and its claim templates cannot be changed."""
    if not it.fixed:
        return
    where = f"-n {it.set.metadata.namespace}"
    way = (
        f"kubectl delete statefulset {it.name} {where} --cascade=orphan, then apply again. The pods live on and the "
        "new set adopts those that its selector matches; claims and their data stay, and are taken as they are. The "
        "steps are those after that"
    )
    if "spec.volumeClaimTemplates" in it.fixed:
        way += ". A claim that has to grow is patched by itself: kubectl patch pvc"
    if "spec.selector" in it.fixed:
        way += ". Pods that the new selector does not match keep their names, so they have to be deleted by hand"
    yield Trap("immutable-field", "refused", f"{', '.join(it.fixed)} cannot be changed; the API refuses it all", way)


def name_too_long(it: Situation) -> Iterator[Trap]:
    """The API takes names of 63 characters, but pods carry the revision's name, which is longer, in a label."""
    longest = pod_name(it.name, max(ordinals(it.set).stop - 1, 0))
    revision = it.history.update.metadata.name
    way = f"a name of at most {LONGEST_LABEL - LONGEST_HASH - 1} characters"
    if max(len(revision), len(longest)) > LONGEST_LABEL:
        says = (
            f"no pod can be created: label {REVISION_LABEL}={revision} has {len(revision)} characters, 63 are allowed"
        )
        if len(revision) <= LONGEST_LABEL:
            says = f"pod {longest} cannot be created: its name, which is a label too, has {len(longest)} characters"
        yield Trap("name-too-long", "stuck", says, way)
    elif len(it.name) + 1 + LONGEST_HASH > LONGEST_LABEL:
        says = "the name leaves no room for longer revision hashes: after some later change no pod could be created"
        yield Trap("name-too-long", "note", says, way)


def being_deleted(it: Situation) -> Iterator[Trap]:
    """A set that goes is left alone."""
    if it.live is not None and is_terminating(it.live):
        yield Trap("being-deleted", "stuck", "the set is being deleted: the controller does nothing for it any more")


# --- updates ----------------------------------------------------------------------------------------------------------


def broken_pod(it: Situation) -> Iterator[Trap]:
    """An ordered set waits for its lowest unready pod before anything else, so a fix does not reach it (67250)."""
    if it.set.spec.pod_management_policy == "Parallel" or it.forecast.stops is None:
        return
    broken = [pod for pod in it.members if pod.metadata.name in it.forecast.broken]
    in_range = [pod for pod in broken if it.ordinal(pod) in ordinals(it.set)]
    if broken:
        pod = in_range[0] if in_range else broken[-1]
        yield _waited_for(it, pod, in_range=bool(in_range))


def _waited_for(it: Situation, pod: Pod, *, in_range: bool) -> Trap:
    name = pod.metadata.name
    says = f"pod {name} is not Ready ({pod_state(pod)}), and an OrderedReady set does nothing beyond it until it is"
    delete = f"kubectl delete pod {name} -n {it.set.metadata.namespace}"
    back = revision_for(View(it.admitted, it.history), it.ordinal(pod))
    if is_terminating(pod):
        says = f"pod {name} does not end, and an OrderedReady set does nothing beyond it until it is gone"
        way = f"once nothing runs on its node any more: {delete} --force"
    elif not in_range:
        way = f"{delete}; it has to go anyway"
    elif back == pod.metadata.labels.get(REVISION_LABEL):
        way = f"repair what it waits for; deleted, it would come back at the same revision {back}"
    else:
        says += "; an applied fix does not reach it either (kubernetes/kubernetes#67250)"
        way = f"after applying: {delete}; it comes back at revision {back}"
    return Trap("ordered-ready-broken-pod", "stuck", says, way)


def on_delete(it: Situation) -> Iterator[Trap]:
    """Nothing is replaced by itself."""
    if it.set.spec.update_strategy.type == "OnDelete" and it.outdated:
        names = [pod.metadata.name for pod in reversed(it.outdated)]
        says = f"OnDelete: no pod is replaced by itself; {listed(names)} keep their revision"
        way = f"kubectl delete pod {names[0]} -n {it.set.metadata.namespace}, and so on, one after the other is Ready"
        yield Trap("on-delete", "note", says, way)


def held_by_partition(it: Situation) -> Iterator[Trap]:
    """Pods below the partition keep, and when re-created get, the current revision."""
    if it.set.spec.update_strategy.type == "OnDelete" or not it.held_back:
        return
    names = [pod.metadata.name for pod in it.held_back]
    all_of_them = len(names) == len(it.outdated)
    held = "everything" if all_of_them else "a part"
    says = f"partition {partition(it.set)} holds {held} back: {listed(names)} stay as they are"
    way = "lower spec.updateStrategy.rollingUpdate.partition to go on"
    yield Trap("partition", "note", says, way)


def parallel_update(it: Situation) -> Iterator[Trap]:
    """Parallel is about updates too: what is broken is replaced at once, and nobody waits for a predecessor."""
    strategy = it.set.spec.update_strategy.type
    if it.set.spec.pod_management_policy == "Parallel" and strategy != "OnDelete" and it.to_replace:
        budget = max_unavailable(it.set)
        says = (
            f"Parallel: up to {budget} available pod{'s are' if budget > 1 else ' is'} replaced at a time, all that "
            "are unavailable at once, and a pod that fails to start does not hold others of them back. A cluster "
            "without MaxUnavailableStatefulSet replaces one at a time"
        )
        yield Trap("parallel-update", "note", says)


def parallel_circle(it: Situation) -> Iterator[Trap]:
    """How far a rollout has come decides at which revision pods come back, and Parallel does not go in that order."""
    strategy = it.set.spec.update_strategy
    plain = strategy.type == "RollingUpdate" and strategy.rolling_update is None
    if it.set.spec.pod_management_policy == "Parallel" and plain and it.to_replace:
        says = (
            "updateStrategy has a type and no rollingUpdate block: an outdated pod that is unavailable is replaced "
            "and comes back at its old revision when it is below status.currentReplicas; that has no end while it is "
            "unavailable, and nothing else is updated (as in Kubernetes 1.37)"
        )
        weight: Weight = "stuck" if it.forecast.circles else "note"
        yield Trap("parallel-circle", weight, says, "spec.updateStrategy.rollingUpdate: {partition: 0}")


def many_replicas(it: Situation) -> Iterator[Trap]:
    """A typing error, perhaps."""
    before, after = (it.live.spec.replicas or 0) if it.live is not None else 0, it.set.spec.replicas or 0
    if after > MANY and after >= 10 * before:
        says = (
            f"{after:,} replicas, and there are {before:,}: the controller would go on creating pods until told not to"
        )
        yield Trap("many-replicas", "note", says, "spec.replicas, if that is a typing error")


def all_down(it: Situation) -> Iterator[Trap]:
    """A budget as large as the set."""
    replaced = len(it.to_replace)
    enough = max_unavailable(it.set) >= len(ordinals(it.set)) > 1
    if enough and replaced == len(ordinals(it.set)) and it.set.spec.update_strategy.type != "OnDelete":
        says = (
            f"maxUnavailable {max_unavailable(it.set)} of {replaced} replicas: the update takes all pods down at once"
        )
        yield Trap("all-down", "note", says, "a lower spec.updateStrategy.rollingUpdate.maxUnavailable")


def no_undo(it: Situation) -> Iterator[Trap]:
    """Without history there is nothing to go back to."""
    if it.set.spec.revision_history_limit == 0:
        says = "revisionHistoryLimit 0: once a rollout is complete, rollout undo has nothing to go back to"
        yield Trap("no-undo", "note", says, "spec.revisionHistoryLimit: 10, the default")


# --- storage ----------------------------------------------------------------------------------------------------------


def claims_deleted(it: Situation) -> Iterator[Trap]:
    """The policy Delete deletes data."""
    policy = it.set.spec.persistent_volume_claim_retention_policy
    if policy is None or not it.set.spec.volume_claim_templates:
        return
    if policy.when_scaled == "Delete":
        claims = [claim for pod in it.condemned for claim in it.claims_of(pod)]
        says = "whenScaled Delete: the next scale-down deletes the claims of the pods that go, with their data"
        if claims:
            says = f"whenScaled Delete: {listed(claims)} would be deleted, with their data"
        yield Trap("when-scaled-delete", "data loss", says, "persistentVolumeClaimRetentionPolicy.whenScaled: Retain")
    if policy.when_deleted == "Delete":
        says = "whenDeleted Delete: deleting the set deletes all its claims, with their data"
        yield Trap("when-deleted-delete", "data loss", says, "persistentVolumeClaimRetentionPolicy.whenDeleted: Retain")


def claims_left_over(it: Situation) -> Iterator[Trap]:
    """The policy Retain keeps claims that nobody uses, and a later pod of the name takes them as they are."""
    policy = it.set.spec.persistent_volume_claim_retention_policy
    claims = [claim for pod in it.condemned for claim in it.claims_of(pod)]
    if claims and (policy is None or policy.when_scaled != "Delete"):
        says = f"left over, with their data: {listed(claims)}; scaled up again, the pods find the old data there"
        yield Trap("claims-left-over", "note", says, "kubectl delete pvc, when the data may go")


def claims_as_they_are(it: Situation) -> Iterator[Trap]:
    """A claim that exists is used, whatever the template says by now."""
    for template in it.set.spec.volume_claim_templates:
        stem, wanted = f"{template.metadata.name}-{it.name}", ordinals(it.set)
        places = ((ordinal_of(stem, name), claim) for name, claim in it.observed.claims.items())
        existing = {ordinal: claim for ordinal, claim in places if ordinal is not None and ordinal in wanted}
        differing = [claim for _, claim in sorted(existing.items()) if _differences(claim, template)]
        if differing:
            first = differing[0]
            says = (
                f"what exists is taken as it is, not as claim template {template.metadata.name} has it: "
                f"{listed([claim.metadata.name for claim in differing])} ({', '.join(_differences(first, template))})"
            )
            way = "a claim grows by kubectl patch pvc, where its class allows it; nothing else of it can change"
            yield Trap("claims-as-they-are", "note", says, way)


def _differences(claim: PersistentVolumeClaim, template: PersistentVolumeClaim) -> list[str]:
    found = []
    has, wants = claim.spec.resources.requests.get("storage"), template.spec.resources.requests.get("storage")
    if has is not None and wants is not None and canonical(has) != canonical(wants):
        found.append(f"{has}, not {wants}")
    class_, wanted = claim.spec.storage_class_name, template.spec.storage_class_name
    if wanted is not None and class_ != wanted:
        found.append(f"class {class_ or 'none'}, not {wanted or 'none'}")
    if sorted(claim.spec.access_modes) != sorted(template.spec.access_modes):
        found.append(f"{', '.join(claim.spec.access_modes)}, not {', '.join(template.spec.access_modes)}")
    return found


def storage_class(it: Situation) -> Iterator[Trap]:
    """A claim that nobody makes a volume for keeps its pod Pending."""
    steps = [step for step in it.forecast.steps if (step.verb, step.kind) == ("create", "PersistentVolumeClaim")]
    for template, why in it.unserved.items():
        if any(step.names[0].startswith(f"{template}-{it.name}-") for step in steps):
            says = f"claim template {template}: {why}, so new claims and their pods stay Pending"
            yield Trap("storage-class", "stuck", says, "a class that exists and is served, or volumes made by hand")


# --- network ----------------------------------------------------------------------------------------------------------


def missing_service(it: Situation) -> Iterator[Trap]:
    """Nobody checks serviceName, and without the Service the pods' names do not resolve."""
    name, services = it.set.spec.service_name, it.neighbours.services
    if name and services is not None and name not in services:
        says = f"there is no Service {name}: the pods start, but {it.name}-0.{name} and its like do not resolve"
        yield Trap("missing-service", "note", says, f"a headless Service {name} (clusterIP: None)")


TRAPS: Final[tuple[Callable[[Situation], Iterator[Trap]], ...]] = (
    immutable_field,
    name_too_long,
    being_deleted,
    broken_pod,
    storage_class,
    claims_deleted,
    claims_left_over,
    claims_as_they_are,
    on_delete,
    held_by_partition,
    parallel_update,
    parallel_circle,
    all_down,
    many_replicas,
    missing_service,
    no_undo,
)


def traps(it: Situation) -> tuple[Trap, ...]:
    """All traps of a change, in the order of the table."""
    return tuple(trap for find in TRAPS for trap in find(it))
