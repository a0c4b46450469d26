"""autoscaling/v1 over v2: a target for cpu has a field there, every other metric and the rules an annotation.

Follows upstream's `pkg/apis/autoscaling/v1/conversion.go`; what a status measures beyond cpu is not shown in v1.
"""

from typing import Any

import msgspec

from petset.api.schema.decode import DecodeError, convert
from petset.api.types import (
    AutoscalingV1CrossVersionObjectReference,
    AutoscalingV1HorizontalPodAutoscaler,
    AutoscalingV1HorizontalPodAutoscalerSpec,
    AutoscalingV1HorizontalPodAutoscalerStatus,
    CrossVersionObjectReference,
    HorizontalPodAutoscaler,
    HorizontalPodAutoscalerBehavior,
    HorizontalPodAutoscalerSpec,
    HorizontalPodAutoscalerStatus,
    MetricSpec,
    MetricTarget,
    ObjectMeta,
    ResourceMetricSource,
)

METRICS = "autoscaling.alpha.kubernetes.io/metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"

Tree = dict[str, Any]


def to_v1(stored: HorizontalPodAutoscaler) -> AutoscalingV1HorizontalPodAutoscaler:
    """How v1 shows an autoscaler."""
    spec, status, target = stored.spec, stored.status, stored.spec.scale_target_ref
    others = [_in_words_of_v1(metric) for metric in spec.metrics if _cpu_share(metric) is None]
    annotations = {METRICS: msgspec.json.encode(others).decode()} if others else {}
    if spec.behavior is not None:
        annotations[BEHAVIOR] = msgspec.json.encode(spec.behavior).decode()
    shares = [share for metric in spec.metrics if (share := _cpu_share(metric)) is not None]
    measured = [m.resource for m in status.current_metrics or () if m.resource is not None and m.resource.name == "cpu"]
    return AutoscalingV1HorizontalPodAutoscaler(
        metadata=_annotated(stored.metadata, annotations),
        spec=AutoscalingV1HorizontalPodAutoscalerSpec(
            max_replicas=spec.max_replicas,
            min_replicas=spec.min_replicas,
            scale_target_ref=AutoscalingV1CrossVersionObjectReference(
                api_version=target.api_version, kind=target.kind, name=target.name
            ),
            target_cpu_utilization_percentage=shares[0] if shares else None,
        ),
        status=AutoscalingV1HorizontalPodAutoscalerStatus(
            current_cpu_utilization_percentage=measured[0].current.average_utilization if measured else None,
            current_replicas=status.current_replicas or 0,
            desired_replicas=status.desired_replicas,
            last_scale_time=status.last_scale_time,
            observed_generation=status.observed_generation,
        ),
    )


def from_v1(shown: AutoscalingV1HorizontalPodAutoscaler) -> HorizontalPodAutoscaler:
    """What v1 means in v2; an annotation that cannot be read means nothing. Defaults are for the caller to fill in."""
    spec, status, target = shown.spec, shown.status, shown.spec.scale_target_ref
    metrics, share = [], spec.target_cpu_utilization_percentage
    if share is not None:
        wanted = MetricTarget(type="Utilization", average_utilization=share)
        metrics.append(MetricSpec(type="Resource", resource=ResourceMetricSource(name="cpu", target=wanted)))
    annotations = shown.metadata.annotations
    metrics += [metric for tree in _list(annotations.get(METRICS)) if (metric := _metric(tree)) is not None]
    return HorizontalPodAutoscaler(
        metadata=_annotated(shown.metadata, {}),
        spec=HorizontalPodAutoscalerSpec(
            behavior=_behavior(annotations.get(BEHAVIOR)),
            max_replicas=spec.max_replicas,
            metrics=metrics,
            min_replicas=spec.min_replicas,
            scale_target_ref=CrossVersionObjectReference(
                api_version=target.api_version, kind=target.kind, name=target.name
            ),
        ),
        status=HorizontalPodAutoscalerStatus(
            current_replicas=status.current_replicas or None,
            desired_replicas=status.desired_replicas,
            last_scale_time=status.last_scale_time,
            observed_generation=status.observed_generation,
        ),
    )


def _annotated(meta: ObjectMeta, more: dict[str, str]) -> ObjectMeta:
    """The metadata with these annotations of the conversion, and no others."""
    kept = {key: text for key, text in meta.annotations.items() if key not in (METRICS, BEHAVIOR)}
    return msgspec.structs.replace(meta, annotations=kept | more)


def _cpu_share(metric: MetricSpec) -> int | None:
    """The share of cpu that a metric aims at, which v1 has a field for."""
    if metric.type != "Resource" or metric.resource is None or metric.resource.name != "cpu":
        return None
    return metric.resource.target.average_utilization


# --- metrics in an annotation -----------------------------------------------------------------------------------------


def _in_words_of_v1(metric: MetricSpec) -> Tree:
    """Names, selector and targets side by side, as v1 has them."""
    tree: Tree = msgspec.to_builtins(metric)
    kind = metric.type[:1].lower() + metric.type[1:]
    source: Tree | None = tree.get(kind)
    if source is None:
        return tree
    target, named = source.pop("target"), source.pop("metric", None)
    if "describedObject" in source:
        source["target"] = source.pop("describedObject")
    if named is not None:
        source["metricName"] = named["name"]
        if "selector" in named:
            source["metricSelector" if kind == "external" else "selector"] = named["selector"]
    names = _TARGETS.get(kind, {})
    return {**tree, kind: {**source, **{names[key]: target[key] for key in names if key in target}}}


_SHARES = {"averageUtilization": "targetAverageUtilization", "averageValue": "targetAverageValue"}
_TARGETS: dict[str, dict[str, str]] = {
    "containerResource": _SHARES,
    "external": {"value": "targetValue", "averageValue": "targetAverageValue"},
    "object": {"value": "targetValue", "averageValue": "averageValue"},
    "pods": {"averageValue": "targetAverageValue"},
    "resource": _SHARES,
}
"""What v1 calls the parts of a target."""


def _metric(tree: Any) -> MetricSpec | None:
    """The metric that the words of v1 mean; None when they mean none."""
    try:
        kind = tree["type"][:1].lower() + tree["type"][1:]
        old = dict(tree[kind])
        names = {word: key for key, word in _TARGETS[kind].items()}
        target = {names[word]: old.pop(word) for word in list(old) if word in names}
        source: Tree = {"target": {"type": _target_type(target), **target}}
        if "target" in old:
            source["describedObject"] = old.pop("target")
        if "metricName" in old:
            source["metric"] = {"name": old.pop("metricName")}
            selector = old.pop("metricSelector", old.pop("selector", None))
            source["metric"] |= {"selector": selector} if selector is not None else {}
        return convert({"type": tree["type"], kind: {**old, **source}}, MetricSpec)
    except (AttributeError, DecodeError, KeyError, TypeError, ValueError):
        return None


def _target_type(target: Tree) -> str:
    if "averageUtilization" in target:
        return "Utilization"
    return "AverageValue" if "averageValue" in target else "Value"


def _list(text: str | None) -> list[Any]:
    found = _read(text)
    return found if isinstance(found, list) else []


def _behavior(text: str | None) -> HorizontalPodAutoscalerBehavior | None:
    found = _read(text)
    try:
        return convert(found, HorizontalPodAutoscalerBehavior) if isinstance(found, dict) else None
    except DecodeError:
        return None


def _read(text: str | None) -> Any:
    try:
        return msgspec.json.decode(text) if text else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
