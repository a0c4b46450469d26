"""HorizontalPodAutoscaler: how many replicas a workload gets for which load. Stored and checked; nobody scales here."""

from collections.abc import Iterator

from petset.api.field import FieldError, forbidden, invalid, required
from petset.api.meta import copy
from petset.api.names import path_segment_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column
from petset.api.types import (
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus,
    HPAScalingPolicy,
    HPAScalingRules,
    MetricSpec,
    MetricTarget,
    ResourceMetricSource,
)
from petset.kinds.autoscaling.columns import format_metrics
from petset.kinds.autoscaling.metrics import metrics_errors
from petset.kinds.autoscaling.rules import rules_errors
from petset.kinds.checks import not_negative, required_errors
from petset.kinds.columns import AGE, NAME, UNSET

NOT_ENFORCED = "HorizontalPodAutoscaler is stored but has no effect: petset collects no metrics and scales nothing"
DEFAULT_UTILIZATION = 80
_UP = HPAScalingRules(
    stabilization_window_seconds=0,
    select_policy="Max",
    policies=[
        HPAScalingPolicy(type="Pods", value=4, period_seconds=15),
        HPAScalingPolicy(type="Percent", value=100, period_seconds=15),
    ],
)
_DOWN = HPAScalingRules(select_policy="Max", policies=[HPAScalingPolicy(type="Percent", value=100, period_seconds=15)])


class HorizontalPodAutoscalerStrategy(Strategy[HorizontalPodAutoscaler]):
    """Everything may change."""

    def default(self, obj: HorizontalPodAutoscaler) -> None:
        """At least one replica, by the use of cpu, and rules that are complete when there are any."""
        spec = obj.spec
        if spec.min_replicas is None:
            spec.min_replicas = 1
        if not spec.metrics:
            target = MetricTarget(type="Utilization", average_utilization=DEFAULT_UTILIZATION)
            spec.metrics = [MetricSpec(type="Resource", resource=ResourceMetricSource(name="cpu", target=target))]
        if spec.behavior is not None:
            spec.behavior.scale_up = _completed(spec.behavior.scale_up, _UP)
            spec.behavior.scale_down = _completed(spec.behavior.scale_down, _DOWN)

    def prepare_create(self, obj: HorizontalPodAutoscaler) -> None:
        """Nothing is measured yet."""
        obj.status = HorizontalPodAutoscalerStatus()

    def validate_create(self, obj: HorizontalPodAutoscaler) -> list[FieldError]:
        """A target that can be scaled, bounds, metrics and rules."""
        return [*_bounds_errors(obj.spec), *_target_errors(obj.spec.scale_target_ref), *_load_errors(obj.spec)]

    def prepare_update(self, obj: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler) -> None:
        """The status has an endpoint of its own."""
        obj.status = old.status

    def validate_update(self, obj: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler) -> list[FieldError]:
        """As on creation; the version of a target that stays is not judged again."""
        new, before = obj.spec.scale_target_ref, old.spec.scale_target_ref
        same = (new.kind, new.api_version) == (before.kind, before.api_version)
        target = _reference_errors(new) if same else _target_errors(new)
        return [*_bounds_errors(obj.spec), *target, *_load_errors(obj.spec)]

    def warnings(self, obj: HorizontalPodAutoscaler) -> list[str]:
        """Nobody acts on it."""
        return [NOT_ENFORCED]


class HorizontalPodAutoscalerStatusStrategy(Strategy[HorizontalPodAutoscaler]):
    """`/status`: only the status changes."""

    def prepare_update(self, obj: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler) -> None:
        """Keeps the spec."""
        obj.spec = old.spec

    def validate_update(self, obj: HorizontalPodAutoscaler, old: HorizontalPodAutoscaler) -> list[FieldError]:
        """Counters count."""
        return [
            *not_negative("status.currentReplicas", obj.status.current_replicas),
            *not_negative("status.desiredReplicas", obj.status.desired_replicas),
        ]


def _completed(rules: HPAScalingRules | None, usual: HPAScalingRules) -> HPAScalingRules:
    if rules is None:
        return copy(usual)
    if rules.stabilization_window_seconds is None:
        rules.stabilization_window_seconds = usual.stabilization_window_seconds
    rules.select_policy = usual.select_policy if rules.select_policy is None else rules.select_policy
    rules.policies = rules.policies or copy(usual).policies
    return rules


def _bounds_errors(spec: HorizontalPodAutoscalerSpec) -> Iterator[FieldError]:
    least, most = spec.min_replicas, spec.max_replicas
    if least is not None and least < 1:
        yield invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most == 0:
        yield required("spec.maxReplicas", "must be set and greater than 0")
    elif most < 0:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to 1")
    if least is not None and most < least:
        yield invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")


def _target_errors(target: CrossVersionObjectReference) -> Iterator[FieldError]:
    yield from _reference_errors(target)
    path, version = "spec.scaleTargetRef.apiVersion", target.api_version or ""
    if version.count("/") > 1:
        yield invalid(path, version, f"unexpected GroupVersion string: {version}")
    elif not version.rpartition("/")[0] and target.kind != "ReplicationController":
        yield invalid(path, version, "apiVersion must specify API group")


def _reference_errors(target: CrossVersionObjectReference) -> Iterator[FieldError]:
    yield from required_errors("spec.scaleTargetRef.kind", target.kind, path_segment_name_errors)
    yield from required_errors("spec.scaleTargetRef.name", target.name, path_segment_name_errors)


def _load_errors(spec: HorizontalPodAutoscalerSpec) -> Iterator[FieldError]:
    yield from metrics_errors("spec.metrics", spec.metrics)
    kinds = {metric.type for metric in spec.metrics}
    if spec.min_replicas == 0 and not kinds & {"Object", "External"}:
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield forbidden("spec.metrics", text)
    if spec.behavior is not None:
        yield from rules_errors("spec.behavior.scaleUp", spec.behavior.scale_up)
        yield from rules_errors("spec.behavior.scaleDown", spec.behavior.scale_down)


RESOURCE = Resource(
    group="autoscaling",
    version="v2",
    kind="HorizontalPodAutoscaler",
    plural="horizontalpodautoscalers",
    type=HorizontalPodAutoscaler,
    namespaced=True,
    strategy=HorizontalPodAutoscalerStrategy(),
    status=HorizontalPodAutoscalerStatusStrategy(),
    short_names=("hpa",),
    categories=("all",),
    columns=(
        NAME,
        Column("Reference", lambda obj, _: f"{obj.spec.scale_target_ref.kind}/{obj.spec.scale_target_ref.name}"),
        Column("Targets", lambda obj, _: format_metrics(obj.spec.metrics, obj.status.current_metrics or ())),
        Column("MinPods", lambda obj, _: UNSET if obj.spec.min_replicas is None else str(obj.spec.min_replicas)),
        Column("MaxPods", lambda obj, _: obj.spec.max_replicas),
        Column("Replicas", lambda obj, _: obj.status.current_replicas or 0),
        AGE,
    ),
)
