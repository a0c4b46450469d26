"""What `kubectl get hpa` says of metrics: current over target, the first two of them."""

from collections.abc import Sequence
from typing import Any

from petset.api.types import MetricSpec, MetricStatus, MetricValueStatus
from petset.kinds.columns import NONE

UNKNOWN = "<unknown>"
_SHOWN = 2


def format_metrics(metrics: Sequence[MetricSpec], statuses: Sequence[MetricStatus]) -> str:
    """`cpu: <unknown>/80%, 3/10 + 1 more...`."""
    if not metrics:
        return NONE
    cells = []
    for index, metric in enumerate(metrics):
        cells.append(_cell(metric, statuses[index] if index < len(statuses) else MetricStatus()))
    shown = ", ".join(cells[:_SHOWN])
    return f"{shown} + {len(cells) - _SHOWN} more..." if len(cells) > _SHOWN else shown


def _cell(metric: MetricSpec, status: MetricStatus) -> str:
    for source, now in (
        (metric.resource, status.resource),
        (metric.container_resource, status.container_resource),
    ):
        if source is not None and metric.type in ("Resource", "ContainerResource"):
            return f"{source.name}: {_use(source.target, _current(now))}"
    if metric.type == "Pods" and metric.pods is not None:
        return f"{_current(status.pods).average_value or UNKNOWN}/{metric.pods.target.average_value or ''}"
    named = {"External": (metric.external, status.external), "Object": (metric.object, status.object)}
    found, now_ = named.get(metric.type, (None, None))
    if found is None:
        return "<unknown type>"
    current = _current(now_)
    if found.target.average_value is not None:
        return f"{current.average_value or UNKNOWN}/{found.target.average_value} (avg)"
    return f"{current.value or UNKNOWN}/{found.target.value or ''}"


def _current(status: Any) -> MetricValueStatus:
    current: MetricValueStatus = MetricValueStatus() if status is None else status.current
    return current


def _use(target: Any, current: MetricValueStatus) -> str:
    if target.average_value is not None:
        return f"{current.average_value or UNKNOWN}/{target.average_value}"
    now = UNKNOWN if current.average_utilization is None else f"{current.average_utilization}%"
    wanted = "<auto>" if target.average_utilization is None else f"{target.average_utilization}%"
    return f"{now}/{wanted}"
