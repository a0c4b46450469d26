"""Pods: defaults, quality of service, what may change, grace periods, and the line kubectl prints."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from petset.api.table import Column
from petset.api.types import Pod
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import CONTAINER, POD, Tree, created, defaulted, found, merged, update_errors, updated

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
RESOURCE = CATALOGUE.of(Pod)


def of_spec(change: Tree) -> Tree:
    return merged(POD, {"spec": change})


def tree(obj: Pod) -> Any:
    return msgspec.to_builtins(obj)


def test_fills_in_what_a_pod_leaves_out() -> None:
    assert tree(created(Pod, POD)) == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web-0", "namespace": "default", "generation": 1},
        "spec": {
            "containers": [
                {
                    **CONTAINER,
                    "imagePullPolicy": "IfNotPresent",
                    "resources": {},
                    "terminationMessagePath": "/dev/termination-log",
                    "terminationMessagePolicy": "File",
                }
            ],
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": True,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        },
        "status": {"phase": "Pending", "qosClass": "BestEffort"},
    }


@pytest.mark.parametrize(
    ("change", "filled"),
    [
        ({"image": "nginx"}, {"imagePullPolicy": "Always"}),
        ({"image": "nginx:latest"}, {"imagePullPolicy": "Always"}),
        ({"image": "registry.local:5000/nginx"}, {"imagePullPolicy": "Always"}),
        ({"image": "registry.local:5000/nginx:1"}, {"imagePullPolicy": "IfNotPresent"}),
        ({"image": "nginx@sha256:00"}, {"imagePullPolicy": "IfNotPresent"}),
        ({"ports": [{"containerPort": 80}]}, {"ports": [{"containerPort": 80, "protocol": "TCP"}]}),
        (
            {"resources": {"limits": {"cpu": "0.5"}}},
            {"resources": {"limits": {"cpu": "500m"}, "requests": {"cpu": "500m"}}},
        ),
        ({"resources": {"requests": {"cpu": "0.0001"}}}, {"resources": {"requests": {"cpu": "1m"}}}),
        (
            {"livenessProbe": {"httpGet": {"port": 80}}},
            {
                "livenessProbe": {
                    "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
                    "timeoutSeconds": 1,
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "failureThreshold": 3,
                }
            },
        ),
        (
            {"lifecycle": {"preStop": {"httpGet": {"port": "web"}}}},
            {"lifecycle": {"preStop": {"httpGet": {"port": "web", "path": "/", "scheme": "HTTP"}}}},
        ),
        (
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
            {"env": [{"name": "A", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}}]},
        ),
    ],
)
def test_fills_in_what_a_container_leaves_out(change: Tree, filled: Tree) -> None:
    container = tree(defaulted(Pod, of_spec({"containers": [merged(CONTAINER, change)]})))["spec"]["containers"][0]
    assert {name: container[name] for name in filled} == filled


@pytest.mark.parametrize(
    ("volume", "filled"),
    [
        ({}, {"emptyDir": {}}),
        ({"hostPath": {"path": "/a"}}, {"hostPath": {"path": "/a", "type": ""}}),
        ({"configMap": {"name": "c"}}, {"configMap": {"name": "c", "defaultMode": 0o644}}),
        ({"secret": {"secretName": "s", "defaultMode": 0}}, {"secret": {"secretName": "s", "defaultMode": 0}}),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.uid"}}]}},
            {
                "downwardAPI": {
                    "defaultMode": 0o644,
                    "items": [{"path": "p", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.uid"}}],
                }
            },
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "projected": {
                    "defaultMode": 0o644,
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                }
            },
        ),
    ],
)
def test_fills_in_what_a_volume_leaves_out(volume: Tree, filled: Tree) -> None:
    assert tree(defaulted(Pod, of_spec({"volumes": [{"name": "v", **volume}]})))["spec"]["volumes"] == [
        {"name": "v", **filled}
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"serviceAccountName": "a"}, "a"),
        ({"serviceAccount": "a"}, "a"),
        ({"serviceAccountName": "a", "serviceAccount": "b"}, "a"),
    ],
)
def test_mirrors_the_service_account_under_its_old_name(given: Tree, expected: str) -> None:
    spec = defaulted(Pod, of_spec(given)).spec
    assert (spec.service_account_name, spec.service_account) == (expected, expected)


@pytest.mark.parametrize("names", [("cpu", "memory"), ("memory", "cpu")])
def test_a_pod_as_a_whole_requests_what_its_containers_do_in_their_order(names: tuple[str, str]) -> None:
    amounts = dict.fromkeys(names, "1")
    containers = [{**CONTAINER, "resources": {"requests": amounts}}]
    spec = defaulted(Pod, of_spec({"containers": containers, "resources": {"limits": {"cpu": "2"}}})).spec
    assert spec.resources is not None
    assert list(spec.resources.requests) == list(names)


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1000m", "memory": "1024Mi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}}], "Guaranteed"),
    ],
)
def test_quality_of_service_follows_requests_and_limits(resources: list[Tree], expected: str) -> None:
    containers = [{**CONTAINER, "name": f"c{i}", "resources": r} for i, r in enumerate(resources)]
    assert created(Pod, of_spec({"containers": containers})).status.qos_class == expected


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({}, {"containers": [{**CONTAINER, "image": "nginx:1.9.1"}]}),
        ({}, {"activeDeadlineSeconds": 5}),
        ({"activeDeadlineSeconds": 5}, {"activeDeadlineSeconds": 4}),
        ({}, {"tolerations": [{"key": "a", "operator": "Exists"}]}),
        (
            {"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}]},
            {"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 9}]},
        ),
        ({"terminationGracePeriodSeconds": -1}, {"terminationGracePeriodSeconds": 1}),
    ],
)
def test_permits_the_few_changes_of_a_running_pod(before: Tree, after: Tree) -> None:
    assert update_errors(Pod, of_spec(before), of_spec(after)) == []


@pytest.mark.parametrize(
    ("before", "after", "path", "message"),
    [
        (
            {},
            {"nodeName": "n"},
            "spec",
            "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,",
        ),
        ({}, {"terminationGracePeriodSeconds": 1}, "spec", "Forbidden: pod updates may not change fields other than"),
        (
            {},
            {"containers": [{**CONTAINER, "command": ["sh"]}]},
            "spec",
            "Forbidden: pod updates may not change fields other than",
        ),
        (
            {},
            {"containers": [CONTAINER, {**CONTAINER, "name": "b"}]},
            "spec.containers",
            "Forbidden: pod updates may not add or remove containers",
        ),
        ({}, {"containers": [{**CONTAINER, "image": ""}]}, "spec.containers[0].image", "Required value"),
        (
            {"activeDeadlineSeconds": 5},
            {"activeDeadlineSeconds": 6},
            "spec.activeDeadlineSeconds",
            "Invalid value: 6: must be less than or equal to previous",
        ),
        (
            {"activeDeadlineSeconds": 5},
            {},
            "spec.activeDeadlineSeconds",
            "Invalid value: null: must not update from a positive integer to nil",
        ),
        (
            {"tolerations": [{"key": "a", "operator": "Exists"}]},
            {},
            "spec.tolerations",
            "Forbidden: existing toleration can not be modified",
        ),
    ],
)
def test_refuses_other_changes(before: Tree, after: Tree, path: str, message: str) -> None:
    errors = update_errors(Pod, of_spec(before), of_spec(after))
    assert found(errors, path, message), errors


def test_names_the_fields_that_changed() -> None:
    errors = update_errors(Pod, POD, of_spec({"nodeName": "n", "dnsPolicy": "Default"}))
    lines = errors[0].body.splitlines()[1:]
    assert lines == ['- spec.dnsPolicy: "ClusterFirst"', '+ spec.dnsPolicy: "Default"', '+ spec.nodeName: "n"']


def test_a_new_spec_is_a_new_generation_and_labels_are_not() -> None:
    old = created(Pod, POD)
    assert updated(Pod, old, merged(POD, {"metadata": {"labels": {"a": "b"}}})).metadata.generation == 1
    assert updated(Pod, old, of_spec({"activeDeadlineSeconds": 5})).metadata.generation == 2


def test_a_status_update_changes_nothing_else() -> None:
    old = created(Pod, merged(POD, {"metadata": {"ownerReferences": [{"name": "web", "uid": "1"}]}}))
    new = defaulted(Pod, merged(of_spec({"nodeName": "n"}), {"status": {"phase": "Running"}}))
    assert RESOURCE.status is not None
    RESOURCE.status.prepare_update(new, old)
    assert (new.spec, new.metadata.owner_references) == (old.spec, old.metadata.owner_references)
    assert (new.status.phase, new.status.qos_class) == ("Running", "BestEffort")
    new.status.qos_class = "Guaranteed"
    assert found(RESOURCE.status.validate_update(new, old), "status.qosClass", 'Invalid value: "Guaranteed"')


@pytest.mark.parametrize(
    ("spec", "phase", "requested", "expected"),
    [
        ({"nodeName": "n"}, "Running", None, 30),
        ({"nodeName": "n", "terminationGracePeriodSeconds": 10}, "Running", None, 10),
        ({"nodeName": "n"}, "Running", 5, 5),
        ({"nodeName": "n"}, "Running", 0, 0),
        ({"nodeName": "n"}, "Running", -3, 1),
        ({}, "Pending", 5, 0),
        ({"nodeName": "n"}, "Failed", 5, 0),
        ({"nodeName": "n"}, "Succeeded", None, 0),
    ],
)
def test_grace_period(spec: Tree, phase: str, requested: int | None, expected: int) -> None:
    pod = created(Pod, of_spec(spec))
    pod.status.phase = phase
    assert RESOURCE.grace is not None
    assert RESOURCE.grace(pod, requested) == expected


def state(**given: Any) -> Tree:
    status = {"name": "nginx", "image": "", "imageID": "", "ready": False, "restartCount": 0}
    return {**status, **given}


WAITING = {"waiting": {"reason": "ContainerCreating"}}
RUNNING = {"running": {"startedAt": "2026-11-23T05:00:00Z"}}
READY = state(ready=True, state=RUNNING)


def exited(code: int, reason: str = "", **more: Any) -> Tree:
    return {"terminated": {"exitCode": code, "reason": reason, "finishedAt": "2026-11-23T05:55:00Z", **more}}


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"status": {"phase": "Pending"}}, ["0/1", "Pending", "0"]),
        (
            {"status": {"phase": "Pending", "containerStatuses": [state(state=WAITING)]}},
            ["0/1", "ContainerCreating", "0"],
        ),
        ({"status": {"phase": "Running", "containerStatuses": [READY]}}, ["1/1", "Running", "0"]),
        ({"status": {"phase": "Running", "containerStatuses": [state(state=RUNNING)]}}, ["0/1", "Running", "0"]),
        (
            {
                "status": {
                    "phase": "Running",
                    "containerStatuses": [
                        state(
                            state={"waiting": {"reason": "CrashLoopBackOff"}},
                            restartCount=3,
                            lastState=exited(1, "Error"),
                        )
                    ],
                }
            },
            ["0/1", "CrashLoopBackOff", "3 (5m ago)"],
        ),
        (
            {"status": {"phase": "Running", "containerStatuses": [state(state=RUNNING, restartCount=2)]}},
            ["0/1", "Running", "2"],
        ),
        (
            {"status": {"phase": "Succeeded", "containerStatuses": [state(state=exited(0, "Completed"))]}},
            ["0/1", "Completed", "0"],
        ),
        (
            {"status": {"phase": "Failed", "containerStatuses": [state(state=exited(1, "Error"))]}},
            ["0/1", "Error", "0"],
        ),
        ({"status": {"phase": "Failed", "containerStatuses": [state(state=exited(3))]}}, ["0/1", "ExitCode:3", "0"]),
        (
            {"status": {"phase": "Failed", "containerStatuses": [state(state=exited(137, signal=9))]}},
            ["0/1", "Signal:9", "0"],
        ),
        ({"status": {"phase": "Failed", "reason": "Evicted"}}, ["0/1", "Evicted", "0"]),
        (
            {
                "status": {"phase": "Running", "containerStatuses": [READY]},
                "metadata": {"deletionTimestamp": "2026-11-23T05:59:00Z"},
            },
            ["1/1", "Terminating", "0"],
        ),
        (
            {"status": {"phase": "Failed"}, "metadata": {"deletionTimestamp": "2026-11-23T05:59:00Z"}},
            ["0/1", "Failed", "0"],
        ),
        (
            {
                "status": {"phase": "Running", "reason": "NodeLost"},
                "metadata": {"deletionTimestamp": "2026-11-23T05:59:00Z"},
            },
            ["0/1", "Unknown", "0"],
        ),
        (
            {
                "status": {
                    "phase": "Pending",
                    "conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
                }
            },
            ["0/1", "SchedulingGated", "0"],
        ),
        (
            {
                "spec": {"initContainers": [{"name": "i"}, {"name": "j"}]},
                "status": {
                    "phase": "Pending",
                    "initContainerStatuses": [state(name="i", state=exited(0)), state(name="j", state=RUNNING)],
                },
            },
            ["0/1", "Init:1/2", "0"],
        ),
        (
            {
                "spec": {"initContainers": [{"name": "i"}]},
                "status": {
                    "phase": "Pending",
                    "initContainerStatuses": [state(name="i", state={"waiting": {"reason": "ImagePullBackOff"}})],
                },
            },
            ["0/1", "Init:ImagePullBackOff", "0"],
        ),
        (
            {
                "spec": {"initContainers": [{"name": "i"}]},
                "status": {
                    "phase": "Pending",
                    "initContainerStatuses": [state(name="i", state={"waiting": {"reason": "PodInitializing"}})],
                },
            },
            ["0/1", "Init:0/1", "0"],
        ),
        (
            {
                "spec": {"initContainers": [{"name": "i"}]},
                "status": {
                    "phase": "Pending",
                    "initContainerStatuses": [state(name="i", state=exited(2), restartCount=1)],
                },
            },
            ["0/1", "Init:ExitCode:2", "1"],
        ),
        (
            {
                "spec": {"initContainers": [{"name": "i", "restartPolicy": "Always"}]},
                "status": {
                    "phase": "Running",
                    "initContainerStatuses": [state(name="i", started=True, ready=True, state=RUNNING, restartCount=1)],
                    "containerStatuses": [READY],
                },
            },
            ["2/2", "Running", "1"],
        ),
    ],
)
def test_ready_status_and_restarts(change: Tree, shown: list[str]) -> None:
    pod = defaulted(Pod, merged(POD, change))
    assert [column.cell(pod, NOW) for column in RESOURCE.columns[1:4]] == shown


def test_wide_columns() -> None:
    shown: dict[str, Column[Pod]] = {column.name: column for column in RESOURCE.columns if column.priority}
    running: Tree = {
        "spec": {"nodeName": "n", "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]},
        "status": {"podIPs": [{"ip": "10.1.0.2"}], "conditions": [{"type": "a", "status": "True"}]},
    }
    pods = [defaulted(Pod, POD), defaulted(Pod, merged(POD, running))]
    assert [{name: column.cell(pod, NOW) for name, column in shown.items()} for pod in pods] == [
        {"IP": "<none>", "Node": "<none>", "Nominated Node": "<none>", "Readiness Gates": "<none>"},
        {"IP": "10.1.0.2", "Node": "n", "Nominated Node": "<none>", "Readiness Gates": "1/2"},
    ]


def test_selectable_fields() -> None:
    pod = created(Pod, of_spec({"nodeName": "n", "serviceAccountName": "default"}))
    assert RESOURCE.fields(pod) == {
        "spec.nodeName": "n",
        "spec.restartPolicy": "Always",
        "spec.schedulerName": "default-scheduler",
        "spec.serviceAccountName": "default",
        "spec.hostNetwork": "false",
        "status.phase": "Pending",
        "status.podIP": "",
        "status.nominatedNodeName": "",
    }
