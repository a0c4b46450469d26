"""Validation of what an autoscaler measures: exactly one source, of the type it says, with a target."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from petset.api.field import FieldError, forbidden, invalid, not_supported, required
from petset.api.names import dns1123_label_errors, path_segment_name_errors
from petset.api.quantity import parse
from petset.api.types import (
    ContainerResourceMetricSource,
    CrossVersionObjectReference,
    ExternalMetricSource,
    MetricIdentifier,
    MetricSpec,
    MetricTarget,
    ObjectMetricSource,
    PodsMetricSource,
    ResourceMetricSource,
)
from petset.kinds.checks import format_errors, required_errors
from petset.kinds.resourcenames import container_resource_errors

_TARGET_TYPES = ("AverageValue", "Utilization", "Value")
_FIELDS = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}


def metrics_errors(path: str, metrics: Sequence[MetricSpec]) -> Iterator[FieldError]:
    """Everything wrong with the metrics of an autoscaler."""
    for index, metric in enumerate(metrics):
        yield from _metric_errors(f"{path}[{index}]", metric)


def _metric_errors(path: str, metric: MetricSpec) -> Iterator[FieldError]:
    if not metric.type:
        yield required(f"{path}.type", "must specify a metric source type")
    if metric.type not in _FIELDS:
        # upstream looks twice, and says so twice
        yield not_supported(f"{path}.type", metric.type, _FIELDS)
    present = _present(metric)
    if present:
        name, source, check = present[0]
        yield from check(f"{path}.{name}", source)
    expected = _FIELDS.get(metric.type)
    names = [name for name, _, _ in present]
    if expected is not None and expected not in names:
        yield required(f"{path}.{expected}", "must populate information for the given metric source")
    if expected is None:
        yield not_supported(f"{path}.type", metric.type, _FIELDS)
    if len(names) != 1:
        for name in names:
            if name != expected:
                yield forbidden(f"{path}.{name}", "must populate the given metric source only")


Check = Callable[[str, Any], Iterator[FieldError]]


def _present(metric: MetricSpec) -> list[tuple[str, Any, Check]]:
    """The sources that are there, in the order in which upstream looks; only the first is judged."""
    sources: list[tuple[str, Any, Check]] = [
        ("object", metric.object, _object_errors),
        ("external", metric.external, _external_errors),
        ("pods", metric.pods, _pods_errors),
        ("resource", metric.resource, _resource_errors),
        ("containerResource", metric.container_resource, _container_resource_errors),
    ]
    return [entry for entry in sources if entry[1] is not None]


def _object_errors(path: str, source: ObjectMetricSource) -> Iterator[FieldError]:
    yield from _described_errors(f"{path}.describedObject", source.described_object)
    yield from _identifier_errors(f"{path}.metric", source.metric)
    yield from _target_errors(f"{path}.target", source.target)
    if source.target.value is None and source.target.average_value is None:
        yield required(f"{path}.target.averageValue", "must set either a target value or averageValue")


def _described_errors(path: str, described: CrossVersionObjectReference) -> Iterator[FieldError]:
    yield from required_errors(f"{path}.kind", described.kind, path_segment_name_errors)
    yield from required_errors(f"{path}.name", described.name, path_segment_name_errors)
    version = described.api_version or ""
    if version.count("/") > 1:
        yield invalid(f"{path}.apiVersion", version, f"unexpected GroupVersion string: {version}")


def _external_errors(path: str, source: ExternalMetricSource) -> Iterator[FieldError]:
    yield from _identifier_errors(f"{path}.metric", source.metric)
    yield from _target_errors(f"{path}.target", source.target)
    value, average = source.target.value, source.target.average_value
    if value is None and average is None:
        text = "must set either a target value for metric or a per-pod target"
        yield required(f"{path}.target.averageValue", text)
    if value is not None and average is not None:
        yield forbidden(f"{path}.target.value", "may not set both a target value for metric and a per-pod target")


def _pods_errors(path: str, source: PodsMetricSource) -> Iterator[FieldError]:
    yield from _identifier_errors(f"{path}.metric", source.metric)
    yield from _target_errors(f"{path}.target", source.target)
    if source.target.average_value is None:
        yield required(f"{path}.target.averageValue", "must specify a positive target averageValue")


def _resource_errors(path: str, source: ResourceMetricSource) -> Iterator[FieldError]:
    if not source.name:
        yield required(f"{path}.name", "must specify a resource name")
    yield from _use_errors(f"{path}.target", source.target)


def _container_resource_errors(path: str, source: ContainerResourceMetricSource) -> Iterator[FieldError]:
    if not source.name:
        yield required(f"{path}.name", "must specify a resource name")
    else:
        yield from container_resource_errors(f"{path}.name", source.name)
    if not source.container:
        yield required(f"{path}.container", "must specify a container")
    else:
        yield from format_errors(f"{path}.container", source.container, dns1123_label_errors)
    yield from _use_errors(f"{path}.target", source.target)


def _use_errors(path: str, target: MetricTarget) -> Iterator[FieldError]:
    """The target of cpu or memory: a share of what was requested, or an amount, not both."""
    yield from _target_errors(path, target)
    if target.average_utilization is None and target.average_value is None:
        text = "must set either a target raw value or a target utilization"
        yield required(f"{path}.averageUtilization", text)
    if target.average_utilization is not None and target.average_value is not None:
        yield forbidden(f"{path}.averageValue", "may not set both a target raw value and a target utilization")


def _target_errors(path: str, target: MetricTarget) -> Iterator[FieldError]:
    if not target.type:
        yield required(f"{path}.type", "must specify a metric target type")
    if target.type not in _TARGET_TYPES:
        yield invalid(f"{path}.type", target.type, "must be either Utilization, Value, or AverageValue")
    yield from _positive(f"{path}.value", target.value)
    yield from _positive(f"{path}.averageValue", target.average_value)
    share = target.average_utilization
    if share is not None and share < 1:
        yield invalid(f"{path}.averageUtilization", share, "must be greater than 0")


def _positive(path: str, amount: str | None) -> Iterator[FieldError]:
    if amount is not None and parse(amount).amount <= 0:
        yield invalid(path, amount, "must be positive")


def _identifier_errors(path: str, metric: MetricIdentifier) -> Iterator[FieldError]:
    if not metric.name:
        yield required(f"{path}.name", "must specify a metric name")
    else:
        yield from format_errors(f"{path}.name", metric.name, path_segment_name_errors)
