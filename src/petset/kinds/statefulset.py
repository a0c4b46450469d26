"""StatefulSet: pods with names, order and storage that outlive them."""

from collections.abc import Iterator
from datetime import datetime

import msgspec

from petset.api.field import FieldError, forbidden, invalid, not_supported, required
from petset.api.meta import copy, semantically_equal
from petset.api.names import dns1123_label_errors
from petset.api.resources import Resource, Scale, Strategy
from petset.api.selectors import SelectorError, selector_of
from petset.api.table import Column
from petset.api.types import (
    PersistentVolumeClaimVolumeSource,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
    StatefulSetSpec,
    StatefulSetStatus,
    Volume,
)
from petset.kinds.checks import count_or_percent, label_selector, not_negative, one_of, optional_errors
from petset.kinds.columns import AGE, CONTAINERS, IMAGES, NAME
from petset.kinds.persistentvolumeclaim import claim_spec_errors, default_claim
from petset.kinds.podspec.defaults import default_pod_spec
from petset.kinds.podspec.validation import pod_template_errors
from petset.kinds.podspec.warnings import claim_warnings, pod_warnings

_MUTABLE = (
    "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', "
    "'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'"
)


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

    def validate_create(self, obj: StatefulSet) -> list[FieldError]:
        """The whole spec, with what is checked only once: the governing Service's name and the claim templates."""
        return [*_spec_errors(obj.spec, is_new=True), *template_errors(obj.spec)]

    def prepare_update(self, obj: StatefulSet, old: StatefulSet) -> None:
        """A new generation when the spec means something else; labels and annotations do not count."""
        obj.status = old.status
        generation = old.metadata.generation or 0
        obj.metadata.generation = generation if semantically_equal(obj.spec, old.spec) else generation + 1

    def validate_update(self, obj: StatefulSet, old: StatefulSet) -> list[FieldError]:
        """What may change, may only change into something valid; a template that was invalid before is left alone."""
        errors = list(_spec_errors(obj.spec))
        if not _same_pods(obj.spec, old.spec) and not list(template_errors(old.spec)):
            errors += template_errors(obj.spec)
        errors += _change_errors(obj.spec, old.spec)
        return errors

    def warnings(self, obj: StatefulSet) -> list[str]:
        """What is hardly meant."""
        return pod_warnings("spec.template.", obj.spec.template.spec) + self._own_warnings(obj)

    def update_warnings(self, obj: StatefulSet, old: StatefulSet) -> list[str]:
        """Nothing about the template when nothing of the spec changed."""
        same = obj.metadata.generation == old.metadata.generation
        return self._own_warnings(obj) if same else self.warnings(obj)

    def _own_warnings(self, obj: StatefulSet) -> list[str]:
        """What a claim or the history is hardly meant to be; a negative limit keeps every revision."""
        told: list[str] = []
        for index, claim in enumerate(obj.spec.volume_claim_templates):
            told += claim_warnings(f"spec.volumeClaimTemplates[{index}]", claim.spec)
        limit = obj.spec.revision_history_limit
        if limit is not None and limit < 0:
            kept = "a negative value retains all historical revisions; a value >= 0 is recommended"
            told.append(f"spec.revisionHistoryLimit: {kept}")
        return told


class StatefulSetStatusStrategy(Strategy[StatefulSet]):
    """`/status`: the spec stays, labels and annotations may change with the status."""

    def prepare_update(self, obj: StatefulSet, old: StatefulSet) -> None:
        """Keeps the spec."""
        obj.spec = old.spec
        obj.metadata.generation = old.metadata.generation

    def validate_update(self, obj: StatefulSet, old: StatefulSet) -> list[FieldError]:
        """Counters that can be true together."""
        return list(_status_errors(obj.status, old.status))


def _spec_errors(spec: StatefulSetSpec, *, is_new: bool = False) -> Iterator[FieldError]:
    yield from _policies_errors(spec)
    if is_new:
        for index, claim in enumerate(spec.volume_claim_templates):
            yield from claim_spec_errors(f"spec.volumeClaimTemplates[{index}].spec", claim.spec)
    yield from not_negative("spec.replicas", spec.replicas)
    yield from not_negative("spec.minReadySeconds", spec.min_ready_seconds)
    if spec.ordinals is not None:
        yield from not_negative("spec.ordinals.start", spec.ordinals.start)
    if is_new:
        yield from optional_errors("spec.serviceName", spec.service_name, dns1123_label_errors)
    if not spec.selector.match_labels and not spec.selector.match_expressions:
        yield required("spec.selector")
    wrong = list(label_selector("spec.selector", spec.selector))
    yield from wrong
    if wrong:
        shown = msgspec.to_builtins(spec.selector)
        yield invalid("spec.selector", dict(sorted(shown.items(), reverse=True)), "")  # as upstream's own stands


def _policies_errors(spec: StatefulSetSpec) -> Iterator[FieldError]:
    path, management = "spec.podManagementPolicy", spec.pod_management_policy
    if not management:
        yield required(path)
    elif management not in {"OrderedReady", "Parallel"}:
        yield invalid(path, management, "must be 'OrderedReady' or 'Parallel'")
    yield from _update_strategy_errors("spec.updateStrategy", spec)
    policy = spec.persistent_volume_claim_retention_policy
    if policy is not None:
        place = "spec.persistentVolumeClaimRetentionPolicy"
        for name, value in (("whenDeleted", policy.when_deleted), ("whenScaled", policy.when_scaled)):
            yield from one_of(f"{place}.{name}", value, ("Retain", "Delete"))


def _update_strategy_errors(path: str, spec: StatefulSetSpec) -> Iterator[FieldError]:
    strategy = spec.update_strategy
    if not strategy.type:
        yield required(path)
    elif strategy.type == "OnDelete":
        if strategy.rolling_update is not None:
            rule = "only allowed for updateStrategy 'RollingUpdate'"
            yield invalid(f"{path}.rollingUpdate", _shown_rolling(strategy.rolling_update), rule)
    elif strategy.type != "RollingUpdate":
        rolling = strategy.rolling_update
        shown = {"Type": strategy.type, "RollingUpdate": _shown_rolling(rolling) if rolling is not None else None}
        yield invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")
    elif strategy.rolling_update is not None:
        yield from not_negative(f"{path}.rollingUpdate.partition", strategy.rolling_update.partition)
        yield from _max_unavailable_errors(
            f"{path}.rollingUpdate.maxUnavailable", strategy.rolling_update.max_unavailable
        )


def _shown_rolling(rolling: RollingUpdateStatefulSetStrategy) -> dict[str, int | str | None]:
    """As upstream's refusals show its own struct."""
    return {"Partition": rolling.partition or 0, "MaxUnavailable": rolling.max_unavailable}


def _max_unavailable_errors(path: str, value: int | str | None) -> Iterator[FieldError]:
    errors = list(count_or_percent(path, value))
    yield from errors
    if value is not None and not errors and not int(str(value).removesuffix("%")):
        yield invalid(path, value, "cannot be 0")


def _same_pods(new: StatefulSetSpec, old: StatefulSetSpec) -> bool:
    """Whether everything that the validity of a template depends on is as it was; scaling is by far the most common."""
    return (new.template, new.selector, new.volume_claim_templates) == (
        old.template,
        old.selector,
        old.volume_claim_templates,
    )


def template_errors(spec: StatefulSetSpec) -> Iterator[FieldError]:
    """Everything wrong with the pod template of a set: as a template, and as one of this set."""
    path = "spec.template"
    try:
        matches = selector_of(spec.selector).matches(spec.template.metadata.labels) and _has_terms(spec)
    except SelectorError:
        matches = True
    if not matches:
        labels = spec.template.metadata.labels
        yield invalid(f"{path}.metadata.labels", labels or None, "`selector` does not match template `labels`")
    template = copy(spec.template)
    # The controller gives each pod its own host name, the set's subdomain and the volumes of its claims.
    template.spec.hostname = template.spec.subdomain = None
    template.spec.volumes = _volumes_with_claims(spec)
    yield from pod_template_errors(path, template)
    if template.spec.restart_policy != "Always":
        yield not_supported(f"{path}.spec.restartPolicy", template.spec.restart_policy or "", ["Always"])
    if template.spec.active_deadline_seconds is not None:
        detail = "activeDeadlineSeconds in StatefulSet is not Supported"
        yield forbidden(f"{path}.spec.activeDeadlineSeconds", detail)


def _has_terms(spec: StatefulSetSpec) -> bool:
    return bool(spec.selector.match_labels or spec.selector.match_expressions)


def _volumes_with_claims(spec: StatefulSetSpec) -> list[Volume]:
    """Those of the claims come first; the name of a claim is judged as that of its volume."""
    claims = dict.fromkeys(claim.metadata.name for claim in spec.volume_claim_templates)
    sources = {name: PersistentVolumeClaimVolumeSource(claim_name=name) for name in claims}
    volumes = [Volume(name=name, persistent_volume_claim=source) for name, source in sources.items()]
    return volumes + [volume for volume in spec.template.spec.volumes if volume.name not in claims]


def _change_errors(new: StatefulSetSpec, old: StatefulSetSpec) -> Iterator[FieldError]:
    permitted = copy(old)
    permitted.replicas = new.replicas
    permitted.template = new.template
    permitted.update_strategy = new.update_strategy
    permitted.min_ready_seconds = new.min_ready_seconds
    permitted.ordinals = new.ordinals
    permitted.revision_history_limit = new.revision_history_limit
    permitted.persistent_volume_claim_retention_policy = new.persistent_volume_claim_retention_policy
    if not semantically_equal(permitted, new):
        yield forbidden("spec", f"updates to statefulset spec for fields other than {_MUTABLE} are forbidden")


def _status_errors(status: StatefulSetStatus, old: StatefulSetStatus) -> Iterator[FieldError]:
    counters = {
        "readyReplicas": status.ready_replicas or 0,
        "currentReplicas": status.current_replicas or 0,
        "updatedReplicas": status.updated_replicas or 0,
        "availableReplicas": status.available_replicas,
    }
    yield from not_negative("status.replicas", status.replicas)
    for name, count in counters.items():
        yield from not_negative(f"status.{name}", count)
        if count > status.replicas:
            yield invalid(f"status.{name}", count, "cannot be greater than status.replicas")
    if status.available_replicas > counters["readyReplicas"]:
        rule = "cannot be greater than status.readyReplicas"
        yield invalid("status.availableReplicas", status.available_replicas, rule)
    yield from not_negative("status.observedGeneration", status.observed_generation)
    yield from not_negative("status.collisionCount", status.collision_count)
    before, after = old.collision_count, status.collision_count
    if before is not None and (after is None or after < before):
        yield invalid("status.collisionCount", after or 0, "cannot be decremented")


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
