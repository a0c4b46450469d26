"""Everything a preview looks at, read at one moment. Values, and what follows from them. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import msgspec

from petset.api.meta import is_terminating, semantically_equal
from petset.api.types import Pod, StatefulSet, StatefulSetSpec, StorageClass
from petset.cli.preview.forecast import Forecast, forecast
from petset.cli.preview.world import Limits, as_orphans
from petset.controllers.statefulset.identity import ordinals
from petset.controllers.statefulset.model import Observed
from petset.controllers.statefulset.names import REVISION_LABEL, ordinal_of
from petset.controllers.statefulset.plan import claim_pods, partition
from petset.controllers.statefulset.revisions import History, choose_revisions
from petset.controllers.volumes.model import PROVISIONER
from petset.kinds.storageclass import is_default

MUTABLE: Final = frozenset(
    {
        "replicas",
        "template",
        "update_strategy",
        "min_ready_seconds",
        "ordinals",
        "revision_history_limit",
        "persistent_volume_claim_retention_policy",
    }
)
NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
UID_TO_COME: Final = "the uid that the set would have"


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What of the cluster a set refers to; None stands for what may not be read. `petset` says whose cluster it is."""

    services: frozenset[str] | None = None
    classes: Mapping[str, StorageClass] | None = None
    taken: frozenset[str] = frozenset()
    """Names of pods in the namespace that others control."""
    petset: bool = False

    def why_unserved(self, name: str | None) -> str:
        """Why nobody makes volumes for claims of a class, empty when somebody does or nobody can tell."""
        if self.classes is None:
            return ""
        if name is None:
            default = any(is_default(class_) for class_ in self.classes.values())
            return "" if default else "it names no StorageClass, and there is no default one"
        if name == "":
            return "it asks for no StorageClass, so only volumes made by hand fit"
        if name not in self.classes:
            return f"StorageClass {name} does not exist"
        provisioner = self.classes[name].provisioner
        if provisioner == NO_PROVISIONER:
            return f"StorageClass {name} has no provisioner, so only volumes made by hand fit"
        if self.petset and provisioner != PROVISIONER:
            return f"StorageClass {name} is served by {provisioner}, which petset does not run"
        return ""


@dataclass(frozen=True)
class Situation:
    """`observed` has the set as it would be, next to the pods, claims and revisions as they are.

    `live` is the set as it is, None when it would be created.
    """

    observed: Observed
    live: StatefulSet | None = None
    neighbours: Neighbours = Neighbours()

    @property
    def set(self) -> StatefulSet:
        """The set as it would be."""
        return self.observed.set

    @property
    def name(self) -> str:
        """Of the set."""
        return self.set.metadata.name

    @cached_property
    def fixed(self) -> tuple[str, ...]:
        """Fields that would change and may not: the API refuses the manifest because of them."""
        return fixed_fields(self.live, self.set) if self.live is not None else ()

    @cached_property
    def admitted(self) -> Observed:
        """What the controller would see. When the API refuses the change: as after the way around.

        That is to delete the set without its pods and to create it anew.
        """
        return as_orphans(self.observed, UID_TO_COME) if self.fixed else self.observed

    @cached_property
    def forecast(self) -> Forecast:
        """What the controller would do then."""
        return forecast(self.admitted, Limits(self.neighbours.taken, frozenset(self.unserved)))

    @cached_property
    def unserved(self) -> dict[str, str]:
        """Claim templates that nobody makes volumes for, and why."""
        templates = self.set.spec.volume_claim_templates
        reasons = {t.metadata.name: self.neighbours.why_unserved(t.spec.storage_class_name) for t in templates}
        return {name: why for name, why in reasons.items() if why}

    @cached_property
    def history(self) -> History:
        """The revisions that the controller would choose."""
        return choose_revisions(self.admitted)

    @property
    def members(self) -> tuple[Pod, ...]:
        """The pods that are the set's, or would be adopted, by their ordinals."""
        _, pods = claim_pods(self.admitted)
        return tuple(sorted(pods, key=self.ordinal))

    def ordinal(self, pod: Pod) -> int:
        """Of one of the members; -1 for one without."""
        found = ordinal_of(self.name, pod.metadata.name)
        return -1 if found is None else found

    @cached_property
    def outdated(self) -> tuple[Pod, ...]:
        """Members in range that are not at the update revision, wherever the partition is."""
        update = self.history.update.metadata.name
        return tuple(
            pod
            for pod in self.members
            if self.ordinal(pod) in ordinals(self.set) and pod.metadata.labels.get(REVISION_LABEL) != update
        )

    @property
    def held_back(self) -> tuple[Pod, ...]:
        """Outdated pods below the partition."""
        first = ordinals(self.set).start + partition(self.set)
        return tuple(pod for pod in self.outdated if self.ordinal(pod) < first)

    @property
    def to_replace(self) -> tuple[Pod, ...]:
        """Outdated pods that the update would come to, unless the strategy is OnDelete."""
        held = {pod.metadata.name for pod in self.held_back}
        return tuple(pod for pod in self.outdated if pod.metadata.name not in held)

    @property
    def condemned(self) -> tuple[Pod, ...]:
        """Members out of range that are there to stay otherwise."""
        places = ordinals(self.set)
        return tuple(pod for pod in self.members if self.ordinal(pod) not in places and not is_terminating(pod))

    def claims_of(self, pod: Pod) -> Iterator[str]:
        """The claims of a pod's ordinal that are there."""
        for template in self.set.spec.volume_claim_templates:
            name = f"{template.metadata.name}-{pod.metadata.name}"
            if name in self.observed.claims:
                yield name


def fixed_fields(old: StatefulSet, new: StatefulSet) -> tuple[str, ...]:
    """The fields, as paths, that differ although they may not change."""
    fields = [field for field in msgspec.structs.fields(StatefulSetSpec) if field.name not in MUTABLE]
    changed = (f for f in fields if not semantically_equal(getattr(old.spec, f.name), getattr(new.spec, f.name)))
    return tuple(f"spec.{field.encode_name}" for field in changed)
