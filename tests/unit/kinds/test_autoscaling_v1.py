"""autoscaling/v1 shows the autoscalers of v2: nothing is lost on the way there and back."""

import json
from datetime import UTC, datetime

import pytest

from petset.api.types import AutoscalingV1HorizontalPodAutoscaler, HorizontalPodAutoscaler
from petset.kinds import CATALOGUE
from petset.kinds.autoscaling.conversion import METRICS, from_v1, to_v1
from petset.kinds.horizontalpodautoscaler_v1 import to_stored
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TARGET: Tree = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"}
PLAIN: Tree = {
    "metadata": {"name": "web", "annotations": {"mine": "kept"}},
    "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5},
}
SHARE: Tree = {"type": "Utilization", "averageUtilization": 60}
AMOUNT: Tree = {"type": "AverageValue", "averageValue": "10"}
SELECTOR: Tree = {"matchLabels": {"a": "b"}}
METRIC = [
    {"type": "Resource", "resource": {"name": "memory", "target": SHARE}},
    {"type": "Resource", "resource": {"name": "cpu", "target": AMOUNT}},
    {"type": "ContainerResource", "containerResource": {"name": "cpu", "container": "c", "target": SHARE}},
    {"type": "Pods", "pods": {"metric": {"name": "m", "selector": SELECTOR}, "target": AMOUNT}},
    {
        "type": "Object",
        "object": {"describedObject": TARGET, "metric": {"name": "m"}, "target": {"type": "Value", "value": "3"}},
    },
    {"type": "External", "external": {"metric": {"name": "m", "selector": SELECTOR}, "target": AMOUNT}},
]


def shown(change: Tree) -> AutoscalingV1HorizontalPodAutoscaler:
    return defaulted(AutoscalingV1HorizontalPodAutoscaler, merged(PLAIN, {"spec": change}))


def test_one_field_is_the_share_of_cpu() -> None:
    stored = to_stored(shown({"targetCPUUtilizationPercentage": 60}))
    (metric,) = stored.spec.metrics
    assert metric.resource is not None
    assert (metric.resource.name, metric.resource.target.average_utilization) == ("cpu", 60)
    assert to_v1(stored).spec.target_cpu_utilization_percentage == 60


def test_without_one_it_is_the_usual_share() -> None:
    assert to_v1(to_stored(shown({}))).spec.target_cpu_utilization_percentage == 80


@pytest.mark.parametrize("metric", METRIC, ids=lambda metric: metric["type"])
@pytest.mark.parametrize("share", [None, 60])
def test_every_other_metric_goes_there_and_back(metric: Tree, share: int | None) -> None:
    cpu = [{"type": "Resource", "resource": {"name": "cpu", "target": SHARE}}] if share else []
    behavior: Tree = {"scaleDown": {"selectPolicy": "Disabled"}}
    tree = merged(PLAIN, {"spec": {"metrics": [*cpu, metric], "behavior": behavior}})
    stored = created(HorizontalPodAutoscaler, tree)
    in_v1 = to_v1(stored)
    assert in_v1.spec.target_cpu_utilization_percentage == share
    assert from_v1(in_v1) == stored
    assert stored.metadata.annotations == {"mine": "kept"}


def test_a_metric_is_written_in_the_words_of_v1() -> None:
    stored = created(HorizontalPodAutoscaler, merged(PLAIN, {"spec": {"metrics": [METRIC[5]]}}))
    (metric,) = json.loads(to_v1(stored).metadata.annotations[METRICS])
    assert metric == {
        "type": "External",
        "external": {"metricName": "m", "metricSelector": SELECTOR, "targetAverageValue": "10"},
    }


@pytest.mark.parametrize(
    "text",
    ["{", "{}", "[1]", '[{"type":"Disk"}]', '[{"type":"Pods"}]', '[{"type":"Pods","pods":{"targetAverageValue":"x"}}]'],
)
def test_an_annotation_that_cannot_be_read_means_nothing(text: str) -> None:
    obj = shown({})
    obj.metadata.annotations[METRICS] = text
    obj.spec.target_cpu_utilization_percentage = None
    assert from_v1(obj).spec.metrics == []


def test_it_is_judged_as_v2_is() -> None:
    errors = create_errors(AutoscalingV1HorizontalPodAutoscaler, merged(PLAIN, {"spec": {"maxReplicas": 0}}))
    assert found(errors, "spec.maxReplicas", "Required value: must be set and greater than 0")
    strategy = CATALOGUE.of(AutoscalingV1HorizontalPodAutoscaler).status
    assert strategy is not None
    old = created(AutoscalingV1HorizontalPodAutoscaler, PLAIN)
    new = defaulted(AutoscalingV1HorizontalPodAutoscaler, merged(PLAIN, {"status": {"desiredReplicas": -1}}))
    strategy.prepare_update(new, old)
    assert [error.path for error in strategy.validate_update(new, old)] == ["status.desiredReplicas"]


def test_the_line_of_kubectl_is_that_of_v2() -> None:
    resource = CATALOGUE.of(AutoscalingV1HorizontalPodAutoscaler)
    cells = [column.cell(shown({"targetCPUUtilizationPercentage": 7}), NOW) for column in resource.columns]
    assert cells[:6] == ["web", "StatefulSet/web", "cpu: <unknown>/7%", "1", 5, 0]
    (warning,) = resource.strategy.warnings(shown({}))
    assert warning.startswith("HorizontalPodAutoscaler is stored but has no effect")
