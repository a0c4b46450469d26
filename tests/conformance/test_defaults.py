"""What is left out is filled in; what is hardly meant is told."""

from typing import Any

import pytest

from tests.conformance.api import TRY, Api, Tree, pod
from tests.conformance.objects import FIRST, claim, container, service, volume_of

FILLED: list[tuple[str, str, Tree, Tree]] = [
    # rule, place, body, what is in the answer
    (
        "a pod",
        "pods",
        pod(),
        {
            "spec": {
                "dnsPolicy": "ClusterFirst",
                "enableServiceLinks": True,
                "preemptionPolicy": "PreemptLowerPriority",
                "priority": 0,
                "restartPolicy": "Always",
                "schedulerName": "nobody",
                "securityContext": {},
                "serviceAccount": "default",
                "serviceAccountName": "default",
                "terminationGracePeriodSeconds": 30,
                "tolerations": [
                    {
                        "effect": "NoExecute",
                        "key": f"node.kubernetes.io/{what}",
                        "operator": "Exists",
                        "tolerationSeconds": 300,
                    }
                    for what in ("not-ready", "unreachable")
                ],
            },
            "status": {"phase": "Pending", "qosClass": "BestEffort"},
            "metadata": {"generation": 1},
        },
    ),
    (
        "probes",
        "pods",
        container(livenessProbe={"httpGet": {"port": 80}}),
        {
            "spec": {
                "containers": [
                    {
                        "livenessProbe": {
                            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
                            "timeoutSeconds": 1,
                            "periodSeconds": 10,
                            "successThreshold": 1,
                            "failureThreshold": 3,
                        }
                    }
                ]
            }
        },
    ),
    (
        "amounts in their usual form, requests after limits",
        "pods",
        container(resources={"limits": {"cpu": "0.5", "memory": "1024Mi"}}),
        {
            "spec": {
                "containers": [
                    {
                        "resources": {
                            "limits": {"cpu": "500m", "memory": "1Gi"},
                            "requests": {"cpu": "500m", "memory": "1Gi"},
                        }
                    }
                ]
            },
            "status": {"qosClass": "Guaranteed"},
        },
    ),
    (
        "a pod asks for as much as its containers",
        "pods",
        pod(
            resources={"limits": {"cpu": "4", "memory": "1Gi"}},
            containers=[{"name": "c", "image": "x", "resources": {"limits": {"cpu": "500m"}}}],
        ),
        {"spec": {"resources": {"requests": {"cpu": "500m", "memory": "1Gi"}}}},
    ),
    (
        "who lets others in says how",
        "services",
        service(externalIPs=["192.0.2.1"]),
        {"spec": {"externalTrafficPolicy": "Cluster"}},
    ),
    (
        "the latest image is pulled always",
        "pods",
        container(image="nginx"),
        {"spec": {"containers": [{"imagePullPolicy": "Always"}]}},
    ),
    (
        "an image of a version is pulled once",
        "pods",
        container(image="nginx:1.2"),
        {"spec": {"containers": [{"imagePullPolicy": "IfNotPresent"}]}},
    ),
    (
        "ports of the node",
        "pods",
        pod(hostNetwork=True, containers=[{"name": "c", "image": "x", "ports": [{"containerPort": 80}]}]),
        {"spec": {"containers": [{"ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}]}]}},
    ),
    (
        "a pod that is to end before its beginning has a second",
        "pods",
        pod(terminationGracePeriodSeconds=-1),
        {"spec": {"terminationGracePeriodSeconds": 1}},
    ),
    (
        "volumes",
        "pods",
        pod(
            volumes=[
                {"name": "a", "configMap": {"name": "x"}},
                {"name": "b", "secret": {"secretName": "x"}},
                {"name": "c", "hostPath": {"path": "/x"}},
                {"name": "d", "downwardAPI": {"items": [{"path": "a", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            ]
        ),
        {
            "spec": {
                "volumes": [
                    {"configMap": {"name": "x", "defaultMode": 420}},
                    {"secret": {"secretName": "x", "defaultMode": 420}},
                    {"hostPath": {"path": "/x", "type": ""}},
                    {
                        "downwardAPI": {
                            "defaultMode": 420,
                            "items": [{"path": "a", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}],
                        }
                    },
                ]
            }
        },
    ),
    (
        "a Service",
        "services",
        service(selector={"a": "b"}),
        {
            "spec": {
                "type": "ClusterIP",
                "sessionAffinity": "None",
                "internalTrafficPolicy": "Cluster",
                "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
            },
            "status": {"loadBalancer": {}},
        },
    ),
    (
        "a headless Service",
        "services",
        service(clusterIP="None", selector={"a": "b"}),
        {"spec": {"clusterIP": "None", "clusterIPs": ["None"], "type": "ClusterIP"}},
    ),
    (
        "a Service that leads anywhere",
        "services",
        {"metadata": {"name": "s"}, "spec": {"clusterIP": "None"}},
        {"spec": {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}},
    ),
    (
        "another name",
        "services",
        {"metadata": {"name": "s"}, "spec": {"type": "ExternalName", "externalName": "a.example"}},
        {"spec": {"type": "ExternalName", "externalName": "a.example", "sessionAffinity": "None"}},
    ),
    (
        "a client that stays",
        "services",
        service(sessionAffinity="ClientIP"),
        {"spec": {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}}},
    ),
    (
        "a claim",
        "persistentvolumeclaims",
        claim(storageClassName="none"),
        {"spec": {"volumeMode": "Filesystem"}, "status": {"phase": "Pending"}},
    ),
    (
        "a claim that copies another",
        "persistentvolumeclaims",
        claim(storageClassName="none", dataSource={"kind": "PersistentVolumeClaim", "name": "q"}),
        {"spec": {"dataSourceRef": {"kind": "PersistentVolumeClaim", "name": "q"}}},
    ),
    (
        "a volume",
        "persistentvolumes",
        volume_of(hostPath={"path": "/x"}),
        {
            "spec": {"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"},
            "status": {"phase": "Pending"},
        },
    ),
    ("a secret", "secrets", {"metadata": {"name": "s"}}, {"type": "Opaque"}),
    (
        "the words of a secret",
        "secrets",
        {"metadata": {"name": "s"}, "data": {"a": "Yw==", "c": "Yw=="}, "stringData": {"a": "b"}},
        {"data": {"a": "Yg==", "c": "Yw=="}},
    ),
    (
        "a class of storage",
        "storageclasses",
        {"metadata": {"name": "conformance"}, "provisioner": "example.com/p"},
        {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    ),
]


def holds(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted is there; lists as far as they are given."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(holds(found.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and all(holds(*pair) for pair in zip(found, wanted, strict=False))
    return bool(found == wanted)


@pytest.mark.parametrize(("place", "body", "wanted"), [case[1:] for case in FILLED], ids=[case[0] for case in FILLED])
async def test_what_is_left_out_is_filled_in(there: Api, place: str, body: Tree, wanted: Tree) -> None:
    made = (await there.post(place, body, TRY)).done(201)
    assert holds(made, wanted), made


TOLD: list[tuple[str, str, Tree, list[str]]] = [
    (
        "a port twice",
        "pods",
        container(ports=[{"containerPort": 80}, {"containerPort": 80}]),
        [f"{FIRST}.ports[1]: duplicate port definition with {FIRST}.ports[0]"],
    ),
    (
        "a part of a byte",
        "pods",
        container(resources={"requests": {"memory": "1.5"}}),
        [f'{FIRST}.resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer'],
    ),
    (
        "a part of a byte of storage",
        "persistentvolumeclaims",
        claim(resources={"requests": {"storage": "1.5"}}),
        ['spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'],
    ),
    (
        "an older word",
        "services",
        service(trafficDistribution="PreferClose"),
        ['spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'],
    ),
    (
        "what a headless Service does not have",
        "services",
        service(clusterIP="None", externalIPs=["192.0.2.1"], sessionAffinity="ClientIP"),
        ["spec.externalIPs is ignored for headless services", "spec.SessionAffinity is ignored for headless services"],
    ),
    ("nothing", "pods", pod(), []),
]


@pytest.mark.parametrize(("place", "body", "told"), [case[1:] for case in TOLD], ids=[case[0] for case in TOLD])
async def test_what_is_hardly_meant_is_told(there: Api, place: str, body: Tree, told: list[str]) -> None:
    reply = await there.post(place, body, TRY)
    assert (reply.status, list(reply.warnings)) == (201, told)


EVENTS = "/apis/events.k8s.io/v1/namespaces/{ns}/events"


def body_of_news(there: Api) -> Tree:
    return {
        "metadata": {"name": "e"},
        "eventTime": "2026-11-23T05:12:00.000000Z",
        "regarding": {"kind": "Pod", "name": "p", "namespace": there.namespace},
        "reason": "r",
        "type": "Normal",
        "action": "a",
        "reportingController": "example.com/c",
        "reportingInstance": "i",
    }


async def test_times_that_are_not_known_are_written(there: Api) -> None:
    """Go has no other word for no time than null, where it is no pointer."""
    body = {"metadata": {"name": "e"}, "involvedObject": {"kind": "Pod", "name": "p", "namespace": there.namespace}}
    made = (await there.post("events", body, TRY)).done(201)
    for name in ("eventTime", "firstTimestamp", "lastTimestamp"):
        assert made[name] is None
    made = (await there.ask("POST", EVENTS, body_of_news(there), query=TRY)).done(201)
    for name in ("deprecatedFirstTimestamp", "deprecatedLastTimestamp"):
        assert made[name] is None
