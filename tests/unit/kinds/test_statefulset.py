"""StatefulSets: defaults, rules, what may change, and the scale subresource (spec/statefulset.md 1.1 and 1.2)."""

from typing import Any

import msgspec
import pytest

from petset.api.types import StatefulSet
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import (
    STATEFUL_SET,
    Tree,
    create_errors,
    created,
    defaulted,
    found,
    merged,
    update_errors,
    updated,
)

RESOURCE = CATALOGUE.of(StatefulSet)


def of_spec(change: Tree) -> Tree:
    return merged(STATEFUL_SET, {"spec": change})


def tree(obj: StatefulSet) -> Any:
    return msgspec.to_builtins(obj)


def test_fills_in_what_a_set_leaves_out() -> None:
    spec = tree(created(StatefulSet, of_spec({"replicas": None})))["spec"]
    del spec["template"], spec["volumeClaimTemplates"]
    assert spec == {
        "podManagementPolicy": "OrderedReady",
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "selector": {"matchLabels": {"app": "nginx"}},
        "serviceName": "nginx",
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
    }


def test_the_template_gets_the_defaults_of_a_pod_spec_and_not_those_of_pods() -> None:
    limited = of_spec(
        {"template": {"spec": {"containers": [{"name": "a", "image": "a", "resources": {"limits": {"cpu": "1"}}}]}}}
    )
    assert tree(created(StatefulSet, limited))["spec"]["template"]["spec"] == {
        "containers": [
            {
                "name": "a",
                "image": "a",
                "imagePullPolicy": "Always",
                "resources": {"limits": {"cpu": "1"}},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 10,
    }


def test_claim_templates_are_pending_claims() -> None:
    assert tree(created(StatefulSet, STATEFUL_SET))["spec"]["volumeClaimTemplates"] == [
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "www"},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "my-storage-class",
                "volumeMode": "Filesystem",
            },
            "status": {"phase": "Pending"},
        }
    ]


@pytest.mark.parametrize(
    ("given", "filled"),
    [
        ({"type": "RollingUpdate"}, {"type": "RollingUpdate"}),
        ({"type": "OnDelete"}, {"type": "OnDelete"}),
        (
            {"type": "RollingUpdate", "rollingUpdate": {}},
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, "maxUnavailable": 1}},
        ),
        (
            {"rollingUpdate": {"partition": 2}},
            {"type": "RollingUpdate", "rollingUpdate": {"partition": 2, "maxUnavailable": 1}},
        ),
    ],
)
def test_fills_in_the_update_strategy(given: Tree, filled: Tree) -> None:
    assert tree(defaulted(StatefulSet, of_spec({"updateStrategy": given})))["spec"]["updateStrategy"] == filled


def test_defaulting_twice_changes_nothing() -> None:
    once = tree(created(StatefulSet, STATEFUL_SET))
    assert tree(created(StatefulSet, once)) == once


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"replicas": 0},
        {"serviceName": None},
        {"podManagementPolicy": "Parallel"},
        {"revisionHistoryLimit": -1},
        {"ordinals": {"start": 5}},
        {"updateStrategy": {"type": "OnDelete"}},
        {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 99, "maxUnavailable": "50%"}}},
        {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}},
        {"template": {"spec": {"hostname": "Not.Valid", "subdomain": "Not.Valid"}}},
    ],
)
def test_accepts(change: Tree) -> None:
    assert create_errors(StatefulSet, of_spec(change)) == []


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        ({"replicas": -1}, "spec.replicas", "Invalid value: -1: must be greater than or equal to 0"),
        ({"minReadySeconds": -1}, "spec.minReadySeconds", "Invalid value: -1"),
        ({"ordinals": {"start": -1}}, "spec.ordinals.start", "Invalid value: -1"),
        ({"serviceName": "a.b"}, "spec.serviceName", 'Invalid value: "a.b": must not contain dots'),
        (
            {"podManagementPolicy": "Random"},
            "spec.podManagementPolicy",
            "Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
        ),
        ({"updateStrategy": {"type": "Recreate"}}, "spec.updateStrategy", "Invalid value: "),
        (
            {"updateStrategy": {"type": "OnDelete", "rollingUpdate": {"partition": 1}}},
            "spec.updateStrategy.rollingUpdate",
            "Invalid value: ",
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"partition": -1}}},
            "spec.updateStrategy.rollingUpdate.partition",
            "Invalid value: -1",
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": 0}}},
            "spec.updateStrategy.rollingUpdate.maxUnavailable",
            "Invalid value: 0: cannot be 0",
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "0%"}}},
            "spec.updateStrategy.rollingUpdate.maxUnavailable",
            'Invalid value: "0%": cannot be 0',
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "101%"}}},
            "spec.updateStrategy.rollingUpdate.maxUnavailable",
            'Invalid value: "101%": must not be greater than 100%',
        ),
        (
            {"updateStrategy": {"rollingUpdate": {"maxUnavailable": "two"}}},
            "spec.updateStrategy.rollingUpdate.maxUnavailable",
            'Invalid value: "two": a valid percent string',
        ),
        (
            {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Keep"}},
            "spec.persistentVolumeClaimRetentionPolicy.whenScaled",
            'Unsupported value: "Keep": supported values: "Retain", "Delete"',
        ),
        ({"selector": None}, "spec.selector", "Required value"),
        (
            {"selector": None},
            "spec.template.metadata.labels",
            'Invalid value: {"app":"nginx"}: `selector` does not match template `labels`',
        ),
        ({"selector": {"matchLabels": {"app": "apache"}}}, "spec.template.metadata.labels", "Invalid value: "),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "In"}]}},
            "spec.selector.matchExpressions[0].values",
            "Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "Is"}]}},
            "spec.selector.matchExpressions[0].operator",
            'Invalid value: "Is": not a valid selector operator',
        ),
        ({"template": {"metadata": {"labels": {"a": "-"}}}}, "spec.template.labels", 'Invalid value: "-"'),
        (
            {"template": {"spec": {"restartPolicy": "Never"}}},
            "spec.template.spec.restartPolicy",
            'Unsupported value: "Never": supported values: "Always"',
        ),
        (
            {"template": {"spec": {"activeDeadlineSeconds": 1}}},
            "spec.template.spec.activeDeadlineSeconds",
            "Forbidden: activeDeadlineSeconds in StatefulSet",
        ),
        (
            {"template": {"spec": {"ephemeralContainers": [{"name": "x", "image": "x"}]}}},
            "spec.template.spec.ephemeralContainers",
            "Forbidden: ephemeral containers not allowed in pod template",
        ),
        ({"template": {"spec": {"containers": []}}}, "spec.template.spec.containers", "Required value"),
        (
            {"template": {"spec": {"containers": [{"name": "a"}]}}},
            "spec.template.spec.containers[0].image",
            "Required value",
        ),
        ({"volumeClaimTemplates": []}, "spec.template.spec.containers[0].volumeMounts[0].name", 'Not found: "www"'),
        (
            {"volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": {}}]},
            "spec.volumeClaimTemplates[0].spec.accessModes",
            "Required value",
        ),
        (
            {"volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": {}}]},
            "spec.volumeClaimTemplates[0].spec.resources[storage]",
            "Required value",
        ),
        ({"volumeClaimTemplates": [{}]}, "spec.template.spec.volumes[0].name", "Required value"),
    ],
)
def test_refuses(change: Tree, path: str, message: str) -> None:
    errors = create_errors(StatefulSet, of_spec(change))
    assert found(errors, path, message), errors


@pytest.mark.parametrize(
    "change",
    [
        {"replicas": 5},
        {"template": {"metadata": {"annotations": {"a": "b"}}}},
        {"updateStrategy": {"type": "OnDelete"}},
        {"minReadySeconds": 5},
        {"ordinals": {"start": 1}},
        {"revisionHistoryLimit": 2},
        {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"}},
    ],
)
def test_mutable_fields(change: Tree) -> None:
    assert update_errors(StatefulSet, STATEFUL_SET, of_spec(change)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"serviceName": "other"},
        {"podManagementPolicy": "Parallel"},
        {"volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": {"accessModes": ["ReadWriteMany"]}}]},
        {"selector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]}},
    ],
)
def test_all_other_fields_are_fixed_and_named_in_one_error(change: Tree) -> None:
    errors = update_errors(StatefulSet, STATEFUL_SET, of_spec(change))
    expected = (
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
        "are forbidden"
    )
    assert [str(error) for error in errors] == [expected]


def test_a_template_that_was_invalid_before_blocks_no_other_change() -> None:
    broken = of_spec({"template": {"spec": {"containers": [{"name": "a"}]}}})
    assert update_errors(StatefulSet, broken, merged(broken, {"spec": {"replicas": 1}})) == []


@pytest.mark.parametrize(
    ("change", "generation"),
    [
        ({}, 1),
        ({"metadata": {"labels": {"a": "b"}}}, 1),
        ({"status": {"replicas": 3}}, 1),
        ({"spec": {"replicas": 2}}, 2),
        ({"spec": {"template": {"metadata": {"annotations": {"a": "b"}}}}}, 2),
    ],
)
def test_only_a_new_spec_is_a_new_generation(change: Tree, generation: int) -> None:
    new = updated(StatefulSet, created(StatefulSet, STATEFUL_SET), merged(STATEFUL_SET, change))
    assert new.metadata.generation == generation
    assert new.status.replicas == 0


@pytest.mark.parametrize(
    ("status", "path", "message"),
    [
        ({"replicas": -1}, "status.replicas", "Invalid value: -1"),
        (
            {"replicas": 1, "readyReplicas": 2},
            "status.readyReplicas",
            "Invalid value: 2: cannot be greater than status.replicas",
        ),
        (
            {"replicas": 2, "readyReplicas": 1, "availableReplicas": 2},
            "status.availableReplicas",
            "Invalid value: 2: cannot be greater than status.readyReplicas",
        ),
        ({"replicas": 2, "collisionCount": 0}, "status.collisionCount", "Invalid value: "),
    ],
)
def test_refuses_impossible_status(status: Tree, path: str, message: str) -> None:
    old = defaulted(StatefulSet, merged(STATEFUL_SET, {"status": {"collisionCount": 1}}))
    new = defaulted(
        StatefulSet, merged(STATEFUL_SET, {"status": {"collisionCount": 1, **status}, "spec": {"replicas": 9}})
    )
    assert RESOURCE.status is not None
    RESOURCE.status.prepare_update(new, old)
    assert new.spec == old.spec
    assert found(RESOURCE.status.validate_update(new, old), path, message)


def test_scale() -> None:
    scale = RESOURCE.scale
    assert scale is not None
    obj = created(StatefulSet, of_spec({"selector": {"matchLabels": {"b": "c", "app": "nginx"}}}))
    assert scale.read(obj) == (3, 0, "app=nginx,b=c")
    scale.write(obj, 7)
    assert obj.spec.replicas == 7


def test_warns_of_a_history_without_limit() -> None:
    kept = defaulted(StatefulSet, of_spec({"revisionHistoryLimit": -1}))
    assert RESOURCE.strategy.warnings(kept)
    assert not RESOURCE.strategy.warnings(defaulted(StatefulSet, STATEFUL_SET))


def test_warns_of_a_template_that_changes_and_not_again() -> None:
    fraction = {"name": "nginx", "image": "nginx:1", "resources": {"requests": {"memory": "100m"}}}
    doubtful = merged(STATEFUL_SET, {"spec": {"template": {"spec": {"containers": [fraction]}}}})
    new = defaulted(StatefulSet, doubtful)
    same, scaled = (defaulted(StatefulSet, merged(doubtful, change)) for change in ({}, {"spec": {"replicas": 7}}))
    scaled.metadata.generation = 2
    assert RESOURCE.strategy.warnings(new)
    assert not RESOURCE.strategy.update_warnings(same, new)
    assert RESOURCE.strategy.update_warnings(scaled, new) == RESOURCE.strategy.warnings(new)
