"""StatefulSet: pods with names, order and storage that outlive them."""

from datetime import datetime

from petset.api.meta import semantically_equal
from petset.api.names import dns1123_label_errors
from petset.api.resources import Resource, Scale, Strategy
from petset.api.selectors import selector_of
from petset.api.table import Column
from petset.api.types import (
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetStatus,
)
from petset.kinds.columns import AGE, CONTAINERS, IMAGES, NAME
from petset.kinds.persistentvolumeclaim import default_claim
from petset.kinds.podspec.defaults import default_pod_spec


class StatefulSetStrategy(Strategy[StatefulSet]):
    """Identity and claims are fixed; template, size and policies may change."""

    def name_errors(self, name: str) -> list[str]:
        """The name becomes part of host names."""
        return dns1123_label_errors(name)

    def default(self, obj: StatefulSet) -> None:
        """The set's own defaults, those of its template and of its claim templates."""
        spec = obj.spec
        spec.pod_management_policy = spec.pod_management_policy or "OrderedReady"
        _default_update_strategy(spec)
        _default_retention(spec)
        if spec.replicas is None:
            spec.replicas = 1
        if spec.revision_history_limit is None:
            spec.revision_history_limit = 10
        default_pod_spec(spec.template.spec)
        for claim in spec.volume_claim_templates:
            claim.api_version, claim.kind = "v1", "PersistentVolumeClaim"
            default_claim(claim)

    def prepare_create(self, obj: StatefulSet) -> None:
        """The first generation of a set that nobody has looked at."""
        obj.status = StatefulSetStatus()
        obj.metadata.generation = 1

    def prepare_update(self, obj: StatefulSet, old: StatefulSet) -> None:
        """A new generation when the spec means something else; labels and annotations do not count."""
        obj.status = old.status
        generation = old.metadata.generation or 0
        obj.metadata.generation = generation if semantically_equal(obj.spec, old.spec) else generation + 1


class StatefulSetStatusStrategy(Strategy[StatefulSet]):
    """`/status`: the spec stays, labels and annotations may change with the status."""

    def prepare_update(self, obj: StatefulSet, old: StatefulSet) -> None:
        """Keeps the spec."""
        obj.spec = old.spec
        obj.metadata.generation = old.metadata.generation


def _default_update_strategy(spec: StatefulSetSpec) -> None:
    strategy = spec.update_strategy
    if not strategy.type:
        strategy.type = "RollingUpdate"
        strategy.rolling_update = strategy.rolling_update or RollingUpdateStatefulSetStrategy()
    rolling = strategy.rolling_update
    if strategy.type == "RollingUpdate" and rolling is not None:
        if rolling.partition is None:
            rolling.partition = 0
        if rolling.max_unavailable is None:
            rolling.max_unavailable = 1


def _default_retention(spec: StatefulSetSpec) -> None:
    policy = spec.persistent_volume_claim_retention_policy or StatefulSetPersistentVolumeClaimRetentionPolicy()
    policy.when_deleted = policy.when_deleted or "Retain"
    policy.when_scaled = policy.when_scaled or "Retain"
    spec.persistent_volume_claim_retention_policy = policy


def _read_scale(obj: StatefulSet) -> tuple[int, int, str]:
    return obj.spec.replicas or 0, obj.status.replicas, str(selector_of(obj.spec.selector))


def _write_scale(obj: StatefulSet, replicas: int) -> None:
    obj.spec.replicas = replicas


def _ready(obj: StatefulSet, _: datetime) -> str:
    return f"{obj.status.ready_replicas or 0}/{obj.spec.replicas or 0}"


RESOURCE = Resource(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    type=StatefulSet,
    namespaced=True,
    strategy=StatefulSetStrategy(),
    status=StatefulSetStatusStrategy(),
    scale=Scale(_read_scale, _write_scale),
    short_names=("sts",),
    categories=("all",),
    columns=(NAME, Column("Ready", _ready), AGE, CONTAINERS, IMAGES),
)
