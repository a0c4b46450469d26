"""The generated types: names, and what is written when nothing is set. That they are up to date: test_project.py."""

import json
from typing import Any

import msgspec
import pytest

from petset.api import types
from petset.api.schema import schema_of
from petset.api.types import (
    ConfigMap,
    Container,
    ContainerStatus,
    ControllerRevision,
    DaemonEndpoint,
    DeleteOptions,
    EndpointSlice,
    Event,
    Lease,
    ListMeta,
    Object,
    ObjectMeta,
    PersistentVolumeClaim,
    Pod,
    PodTemplateSpec,
    ResourceFieldSelector,
    Service,
    ServiceSpec,
    StatefulSet,
    Status,
    StorageClass,
    Struct,
    TypeMeta,
)

STATEFUL_SET: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "namespace": "default", "generation": 1, "labels": {"app": "nginx"}},
    "spec": {
        "podManagementPolicy": "OrderedReady",
        "replicas": 3,
        "selector": {"matchLabels": {"app": "nginx"}},
        "serviceName": "nginx",
        "template": {
            "metadata": {"labels": {"app": "nginx"}},
            "spec": {
                "containers": [
                    {
                        "image": "nginx:1.7.9",
                        "name": "nginx",
                        "ports": [{"containerPort": 80, "name": "web", "protocol": "TCP"}],
                        "readinessProbe": {"httpGet": {"path": "/", "port": "web", "scheme": "HTTP"}},
                        "resources": {"limits": {"cpu": "500m", "memory": "128Mi"}},
                        "volumeMounts": [{"mountPath": "/usr/share/nginx/html", "name": "www"}],
                    }
                ],
                "securityContext": {},
                "terminationGracePeriodSeconds": 10,
            },
        },
        "updateStrategy": {"rollingUpdate": {"partition": 0}, "type": "RollingUpdate"},
        "volumeClaimTemplates": [
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {"name": "www"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                    "storageClassName": "my-storage-class",
                },
                "status": {"phase": "Pending"},
            }
        ],
    },
    "status": {"availableReplicas": 0, "collisionCount": 0, "replicas": 0},
}

POD: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "creationTimestamp": "2026-11-23T05:12:00Z",
        "name": "web-0",
        "ownerReferences": [
            {"apiVersion": "apps/v1", "controller": True, "kind": "StatefulSet", "name": "web", "uid": "1"}
        ],
        "resourceVersion": "42",
    },
    "spec": {
        "containers": [{"env": [{"name": "EMPTY"}], "image": "nginx", "name": "nginx", "resources": {}}],
        "hostIPC": True,
        "setHostnameAsFQDN": False,
        "volumes": [
            {"emptyDir": {}, "name": "cache"},
            {"name": "info", "projected": {"sources": [{"downwardAPI": {"items": [{"path": "labels"}]}}]}},
        ],
    },
    "status": {
        "containerStatuses": [
            {
                "containerID": "podman://1",
                "image": "nginx",
                "imageID": "",
                "lastState": {},
                "name": "nginx",
                "ready": False,
                "restartCount": 0,
                "state": {"waiting": {"reason": "ContainerCreating"}},
            }
        ],
        "hostIP": "192.0.2.1",
        "podIP": "10.244.0.5",
        "podIPs": [{"ip": "10.244.0.5"}],
    },
}


def all_types() -> list[type[Struct]]:
    shared = {Struct, TypeMeta, Object}
    found = [item for item in vars(types).values() if isinstance(item, type) and issubclass(item, Struct)]
    return [item for item in found if item not in shared]


def tree(obj: Struct) -> Any:
    return json.loads(msgspec.json.encode(obj))


@pytest.mark.parametrize("type_", all_types(), ids=lambda type_: type_.__name__)
def test_attributes_carry_the_json_names_of_the_schema(type_: type[Struct]) -> None:
    assert set(type_.__struct_encode_fields__) == set(schema_of(type_).fields)


@pytest.mark.parametrize(
    ("type_", "attribute", "name"),
    [
        (ServiceSpec, "cluster_ip", "clusterIP"),
        (ServiceSpec, "cluster_ips", "clusterIPs"),
        (ServiceSpec, "external_ips", "externalIPs"),
        (ServiceSpec, "ip_families", "ipFamilies"),
        (ServiceSpec, "publish_not_ready_addresses", "publishNotReadyAddresses"),
        (types.PodStatus, "pod_ips", "podIPs"),
        (types.PodStatus, "host_ip", "hostIP"),
        (types.PodStatus, "qos_class", "qosClass"),
        (ContainerStatus, "container_id", "containerID"),
        (types.ManagedFieldsEntry, "fields_v1", "fieldsV1"),
        (ListMeta, "continue_", "continue"),
        (DaemonEndpoint, "port", "Port"),
    ],
)
def test_attribute_names_are_readable(type_: type[Struct], attribute: str, name: str) -> None:
    assert dict(zip(type_.__struct_fields__, type_.__struct_encode_fields__, strict=True))[attribute] == name


@pytest.mark.parametrize(
    ("obj", "expected"),
    [
        (Pod(), {"apiVersion": "v1", "kind": "Pod", "metadata": {}, "spec": {"containers": []}, "status": {}}),
        (
            StatefulSet(),
            {
                "apiVersion": "apps/v1",
                "kind": "StatefulSet",
                "metadata": {},
                "spec": {
                    "selector": {},
                    "serviceName": "",
                    "template": {"metadata": {}, "spec": {"containers": []}},
                    "updateStrategy": {},
                },
                "status": {"availableReplicas": 0, "replicas": 0},
            },
        ),
        (
            Service(),
            {"apiVersion": "v1", "kind": "Service", "metadata": {}, "spec": {}, "status": {"loadBalancer": {}}},
        ),
        (
            PersistentVolumeClaim(),
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {},
                "spec": {"resources": {}},
                "status": {},
            },
        ),
        (ConfigMap(), {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}),
        (Lease(), {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {}, "spec": {}}),
        (
            StorageClass(),
            {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {}, "provisioner": ""},
        ),
        (ControllerRevision(), {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {}, "revision": 0}),
        (
            EndpointSlice(),
            {
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {},
                "addressType": "",
                "endpoints": [],
                "ports": [],
            },
        ),
        (
            Event(),
            {
                "apiVersion": "v1",
                "kind": "Event",
                "metadata": {},
                "eventTime": None,
                "firstTimestamp": None,
                "involvedObject": {},
                "lastTimestamp": None,
                "reportingComponent": "",
                "reportingInstance": "",
                "source": {},
            },
        ),
        (Status(), {"apiVersion": "v1", "kind": "Status", "metadata": {}}),
        (DeleteOptions(), {"apiVersion": "v1", "kind": "DeleteOptions"}),
        (Container(), {"name": "", "resources": {}}),
        (ContainerStatus(name="c"), {
            "image": "", "imageID": "", "lastState": {}, "name": "c", "ready": False, "restartCount": 0, "state": {},
        }),
        (PodTemplateSpec(), {"metadata": {}, "spec": {"containers": []}}),
        (ResourceFieldSelector(resource="cpu"), {"divisor": "0", "resource": "cpu"}),
        (ObjectMeta(), {}),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Struct) else "",
)  # fmt: skip
def test_what_is_written_when_nothing_is_set(obj: Struct, expected: dict[str, Any]) -> None:
    assert tree(obj) == expected


@pytest.mark.parametrize("kind", [item for item in all_types() if issubclass(item, TypeMeta)])
def test_type_meta_comes_first(kind: type[TypeMeta]) -> None:
    assert list(tree(kind()))[:2] == ["apiVersion", "kind"]


@pytest.mark.parametrize(("document", "type_"), [(STATEFUL_SET, StatefulSet), (POD, Pod)])
def test_an_object_survives_decoding_and_encoding(document: dict[str, Any], type_: type[Object]) -> None:
    obj = msgspec.json.decode(json.dumps(document), type=type_)
    assert tree(obj) == document


def test_no_value_is_shared_between_instances() -> None:
    one, other = Pod(), Pod()
    one.metadata.labels["a"] = "b"
    one.spec.containers.append(Container())
    assert other == Pod()


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1])
def test_int32_is_bounded(number: int) -> None:
    with pytest.raises(msgspec.ValidationError, match="replicas"):
        msgspec.json.decode(json.dumps({"spec": {"replicas": number}}), type=StatefulSet)
