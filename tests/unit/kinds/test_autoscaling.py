"""HorizontalPodAutoscaler: defaults, rules, the warning, and the line kubectl prints."""

from datetime import UTC, datetime

import pytest

from petset.api.types import HorizontalPodAutoscaler, HPAScalingPolicy
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import Tree, create_errors, created, defaulted, found, merged, updated

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
AUTOSCALER: Tree = {
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "web"},
        "maxReplicas": 5,
    },
}
UTILIZATION: Tree = {"type": "Utilization", "averageUtilization": 80}
NAMED: Tree = {"metric": {"name": "m"}, "target": {"type": "AverageValue", "averageValue": "10"}}


def autoscaler(change: Tree) -> Tree:
    return merged(AUTOSCALER, {"spec": change})


def measuring(metric: Tree) -> Tree:
    return autoscaler({"metrics": [metric]})


def resource(change: Tree, target: Tree = UTILIZATION) -> Tree:
    return measuring({"type": "Resource", "resource": merged({"name": "cpu", "target": target}, change)})


def scaling(rules: Tree) -> Tree:
    return autoscaler({"behavior": {"scaleDown": rules}})


def test_it_watches_cpu_and_keeps_one_replica_unless_it_says_otherwise() -> None:
    spec = created(HorizontalPodAutoscaler, AUTOSCALER).spec
    (metric,) = spec.metrics
    assert spec.min_replicas == 1
    assert metric.resource is not None
    assert (metric.resource.name, metric.resource.target.average_utilization) == ("cpu", 80)
    assert spec.behavior is None


def test_rules_are_complete_when_there_are_any() -> None:
    behavior = created(HorizontalPodAutoscaler, scaling({"selectPolicy": "Min"})).spec.behavior
    assert behavior is not None
    up, down = behavior.scale_up, behavior.scale_down
    assert up is not None
    assert down is not None
    assert (up.stabilization_window_seconds, up.select_policy, len(up.policies)) == (0, "Max", 2)
    assert (down.stabilization_window_seconds, down.select_policy) == (None, "Min")
    assert down.policies == [HPAScalingPolicy(type="Percent", value=100, period_seconds=15)]


TARGET = "spec.scaleTargetRef"
METRIC = "spec.metrics[0]"
DOWN = "spec.behavior.scaleDown"


@pytest.mark.parametrize(
    ("tree", "path", "message"),
    [
        (autoscaler({"maxReplicas": None}), "spec.maxReplicas", "Required value: must be set and greater than 0"),
        (autoscaler({"maxReplicas": -1}), "spec.maxReplicas", "Invalid value: -1: must be greater than or equal to 1"),
        (autoscaler({"minReplicas": 0}), "spec.minReplicas", "Invalid value: 0: must be greater than or equal to 1"),
        (autoscaler({"minReplicas": 0}), "spec.metrics", "Forbidden: must specify at least one Object or External"),
        (
            autoscaler({"minReplicas": 6}),
            "spec.maxReplicas",
            "Invalid value: 5: must be greater than or equal to `minReplicas`",
        ),
        (autoscaler({"scaleTargetRef": {"kind": None}}), f"{TARGET}.kind", "Required value"),
        (
            autoscaler({"scaleTargetRef": {"name": "a/b"}}),
            f"{TARGET}.name",
            "Invalid value: \"a/b\": may not contain '/'",
        ),
        (
            autoscaler({"scaleTargetRef": {"apiVersion": "v1"}}),
            f"{TARGET}.apiVersion",
            'Invalid value: "v1": apiVersion must specify API group',
        ),
        (
            autoscaler({"scaleTargetRef": {"apiVersion": "a/b/c"}}),
            f"{TARGET}.apiVersion",
            'Invalid value: "a/b/c": unexpected GroupVersion string: a/b/c',
        ),
        (measuring({}), f"{METRIC}.type", "Required value: must specify a metric source type"),
        (measuring({"type": "Disk"}), f"{METRIC}.type", 'Unsupported value: "Disk": supported values: "ContainerResou'),
        (
            measuring({"type": "Resource"}),
            f"{METRIC}.resource",
            "Required value: must populate information for the given metric source",
        ),
        (
            measuring({"type": "Pods", "pods": NAMED, "external": NAMED}),
            f"{METRIC}.external",
            "Forbidden: must populate the given metric source only",
        ),
        (resource({"name": None}), f"{METRIC}.resource.name", "Required value: must specify a resource name"),
        (
            resource({}, {"type": "Utilization"}),
            f"{METRIC}.resource.target.averageUtilization",
            "Required value: must set either a target raw value or a target utilization",
        ),
        (
            resource({}, {**UTILIZATION, "averageValue": "1"}),
            f"{METRIC}.resource.target.averageValue",
            "Forbidden: may not set both a target raw value and a target utilization",
        ),
        (
            resource({}, {**UTILIZATION, "averageUtilization": 0}),
            f"{METRIC}.resource.target.averageUtilization",
            "Invalid value: 0: must be greater than 0",
        ),
        (
            resource({}, {"type": "Share", "averageValue": "0"}),
            f"{METRIC}.resource.target.averageValue",
            'Invalid value: "0": must be positive',
        ),
        (
            resource({}, {"type": "Share", "averageValue": "1"}),
            f"{METRIC}.resource.target.type",
            'Invalid value: "Share": must be either Utilization, Value, or AverageValue',
        ),
        (
            measuring({"type": "ContainerResource", "containerResource": {"name": "disk", "target": UTILIZATION}}),
            f"{METRIC}.containerResource.container",
            "Required value: must specify a container",
        ),
        (
            measuring(
                {"type": "ContainerResource", "containerResource": {"name": "disk", "container": "A", "target": {}}}
            ),
            f"{METRIC}.containerResource.name",
            'Invalid value: "disk": must be a standard resource type or fully qualified',
        ),
        (
            measuring({"type": "Pods", "pods": {"metric": {"name": "m"}, "target": {"type": "Value", "value": "1"}}}),
            f"{METRIC}.pods.target.averageValue",
            "Required value: must specify a positive target averageValue",
        ),
        (
            measuring({"type": "External", "external": merged(NAMED, {"target": {"value": "1"}})}),
            f"{METRIC}.external.target.value",
            "Forbidden: may not set both a target value for metric and a per-pod target",
        ),
        (
            measuring({"type": "External", "external": {"metric": {}, "target": {"type": "Value"}}}),
            f"{METRIC}.external.metric.name",
            "Required value: must specify a metric name",
        ),
        (
            measuring({"type": "Object", "object": {**NAMED, "describedObject": {"kind": "Service"}}}),
            f"{METRIC}.object.describedObject.name",
            "Required value",
        ),
        (
            measuring({"type": "Object", "object": merged(NAMED, {"target": {"averageValue": None}})}),
            f"{METRIC}.object.target.averageValue",
            "Required value: must set either a target value or averageValue",
        ),
        (
            scaling({"stabilizationWindowSeconds": -1}),
            f"{DOWN}.stabilizationWindowSeconds",
            "Invalid value: -1: must be greater than or equal to zero",
        ),
        (
            scaling({"stabilizationWindowSeconds": 3601}),
            f"{DOWN}.stabilizationWindowSeconds",
            "Invalid value: 3601: must be less than or equal to 3600",
        ),
        (scaling({"selectPolicy": "All"}), f"{DOWN}.selectPolicy", 'Unsupported value: "All": supported values: "Dis'),
        (scaling({"tolerance": "-1"}), f"{DOWN}.tolerance", 'Invalid value: "-1": must be greater than or equal to 0'),
        (
            scaling({"policies": [{"type": "Nodes", "value": 0, "periodSeconds": 1801}]}),
            f"{DOWN}.policies[0].type",
            'Unsupported value: "Nodes": supported values: "Percent", "Pods"',
        ),
        (
            scaling({"policies": [{"type": "Pods", "value": 0, "periodSeconds": 1801}]}),
            f"{DOWN}.policies[0].value",
            "Invalid value: 0: must be greater than zero",
        ),
        (
            scaling({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 1801}]}),
            f"{DOWN}.policies[0].periodSeconds",
            "Invalid value: 1801: must be less than or equal to 1800",
        ),
        (
            scaling({"policies": [{"type": "Pods", "value": 1, "periodSeconds": 0}]}),
            f"{DOWN}.policies[0].periodSeconds",
            "Invalid value: 0: must be greater than zero",
        ),
    ],
)
def test_refuses_autoscaler(tree: Tree, path: str, message: str) -> None:
    errors = create_errors(HorizontalPodAutoscaler, tree)
    assert found(errors, path, message), errors


def test_the_version_of_a_target_that_stays_is_not_judged_again() -> None:
    strategy = CATALOGUE.of(HorizontalPodAutoscaler).strategy
    old = created(HorizontalPodAutoscaler, autoscaler({"scaleTargetRef": {"apiVersion": "v1"}}))
    same = updated(HorizontalPodAutoscaler, old, autoscaler({"scaleTargetRef": {"apiVersion": "v1"}, "maxReplicas": 9}))
    assert strategy.validate_update(same, old) == []
    other = updated(HorizontalPodAutoscaler, old, autoscaler({"scaleTargetRef": {"apiVersion": "v2"}}))
    assert found(strategy.validate_update(other, old), f"{TARGET}.apiVersion", 'Invalid value: "v2"')


def test_refuses_counters_that_do_not_count() -> None:
    strategy = CATALOGUE.of(HorizontalPodAutoscaler).status
    assert strategy is not None
    old = created(HorizontalPodAutoscaler, AUTOSCALER)
    new = defaulted(
        HorizontalPodAutoscaler, merged(AUTOSCALER, {"status": {"currentReplicas": -1, "desiredReplicas": -2}})
    )
    strategy.prepare_update(new, old)
    assert [error.path for error in strategy.validate_update(new, old)] == [
        "status.currentReplicas",
        "status.desiredReplicas",
    ]


def test_it_says_that_nobody_scales() -> None:
    said = CATALOGUE.of(HorizontalPodAutoscaler).strategy.warnings(created(HorizontalPodAutoscaler, AUTOSCALER))
    assert said == [
        "HorizontalPodAutoscaler is stored but has no effect: petset collects no metrics and scales nothing"
    ]


@pytest.mark.parametrize(
    ("metrics", "status", "cell"),
    [
        ([], [], "cpu: <unknown>/80%"),
        (
            [{"type": "Resource", "resource": {"name": "memory", "target": {"averageValue": "1Gi"}}}],
            [{"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "512Mi"}}}],
            "memory: 512Mi/1Gi",
        ),
        (
            [{"type": "ContainerResource", "containerResource": {"name": "cpu", "target": UTILIZATION}}],
            [{"type": "ContainerResource", "containerResource": {"current": {"averageUtilization": 7}}}],
            "cpu: 7%/80%",
        ),
        ([{"type": "Pods", "pods": NAMED}], [{"pods": {"current": {"averageValue": "3"}}}], "3/10"),
        ([{"type": "External", "external": NAMED}], [], "<unknown>/10 (avg)"),
        (
            [{"type": "Object", "object": {"target": {"value": "4"}}}],
            [{"object": {"current": {"value": "2"}}}],
            "2/4",
        ),
        ([{"type": "Pods", "pods": NAMED}] * 3, [], "<unknown>/10, <unknown>/10 + 1 more..."),
        ([{"type": "Disk"}], [], "<unknown type>"),
    ],
)
def test_line_of_kubectl(metrics: list[Tree], status: list[Tree], cell: str) -> None:
    tree = merged(autoscaler({"metrics": metrics}), {"status": {"currentMetrics": status}})
    obj = defaulted(HorizontalPodAutoscaler, tree)
    cells = [column.cell(obj, NOW) for column in CATALOGUE.of(HorizontalPodAutoscaler).columns]
    assert cells[:6] == ["web", "StatefulSet/web", cell, "1", 5, 0]
