"""What one object counts for, by the names quotas use, and the scopes it is in."""

from typing import Any

import pytest

from petset.api.types import (
    ConfigMap,
    Object,
    PersistentVolumeClaim,
    Pod,
    ScopedResourceSelectorRequirement,
    Service,
    StatefulSet,
)
from petset.kinds import CATALOGUE
from petset.kinds.quota.scopes import is_in
from petset.kinds.quota.usage import Charge, charge_of, concerns
from tests.unit.kinds.samples import CLAIM, POD, SERVICE, STATEFUL_SET, Tree, defaulted, merged


def charge(kind: type[Object], tree: Tree) -> Charge:
    return charge_of(CATALOGUE.of(kind), defaulted(kind, tree))


def amounts(kind: type[Object], tree: Tree) -> dict[str, str]:
    return {name: str(amount) for name, amount in charge(kind, tree).amounts if amount}


def pod(spec: Tree, **rest: Any) -> Tree:
    return merged(merged(POD, {"spec": spec}), rest)


def asking(resources: Tree) -> Tree:
    return pod({"containers": [{"name": "c", "image": "i", "resources": resources}]})


COUNTED = {"count/pods": "1", "pods": "1"}


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        (asking({}), COUNTED),
        (
            asking({"requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "1Gi"}}),
            {
                **COUNTED,
                "cpu": "100m",
                "requests.cpu": "100m",
                "limits.cpu": "1",
                "memory": "1Gi",
                "requests.memory": "1Gi",
                "limits.memory": "1Gi",
            },
        ),
        (
            asking({"requests": {"ephemeral-storage": "1Gi"}}),
            {**COUNTED, "ephemeral-storage": "1Gi", "requests.ephemeral-storage": "1Gi"},
        ),
        (
            asking({"limits": {"hugepages-2Mi": "4Mi", "example.com/gpu": "2"}}),
            {
                **COUNTED,
                "hugepages-2Mi": "4Mi",
                "requests.hugepages-2Mi": "4Mi",
                "requests.example.com/gpu": "2",
            },
        ),
        (
            merged(asking({"limits": {"cpu": "1"}}), {"spec": {"overhead": {"cpu": "250m", "memory": "1Mi"}}}),
            {
                **COUNTED,
                "cpu": "1250m",
                "requests.cpu": "1250m",
                "limits.cpu": "1250m",
                "memory": "1Mi",
                "requests.memory": "1Mi",
            },
        ),
        (merged(asking({"limits": {"cpu": "1"}}), {"status": {"phase": "Succeeded"}}), {"count/pods": "1"}),
        (merged(asking({"limits": {"cpu": "1"}}), {"status": {"phase": "Failed"}}), {"count/pods": "1"}),
    ],
)
def test_a_pod_counts_for_what_it_asks_until_it_has_ended(tree: Tree, expected: dict[str, str]) -> None:
    assert amounts(Pod, tree) == expected


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        (
            {},
            {},
            {"persistentvolumeclaims": "1", "count/persistentvolumeclaims": "1", "requests.storage": "1Gi"},
        ),
        (
            {"storageClassName": "fast"},
            {"allocatedResources": {"storage": "2Gi"}},
            {
                "persistentvolumeclaims": "1",
                "count/persistentvolumeclaims": "1",
                "requests.storage": "2Gi",
                "fast.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
                "fast.storageclass.storage.k8s.io/requests.storage": "2Gi",
            },
        ),
        (
            {"resources": {"requests": {"storage": "1500m"}}},
            {},
            {"persistentvolumeclaims": "1", "count/persistentvolumeclaims": "1", "requests.storage": "2"},
        ),
    ],
)
def test_a_claim_counts_by_size_and_by_class(spec: Tree, status: Tree, expected: dict[str, str]) -> None:
    assert amounts(PersistentVolumeClaim, merged(CLAIM, {"spec": spec, "status": status})) == expected


TWO_PORTS: Tree = {
    "clusterIP": None,
    "ports": [{"name": "a", "port": 80}, {"name": "b", "port": 81, "nodePort": 30001}],
}


@pytest.mark.parametrize(
    ("spec", "more"),
    [
        ({}, {}),
        ({**TWO_PORTS, "type": "NodePort"}, {"services.nodeports": "2"}),
        ({**TWO_PORTS, "type": "LoadBalancer"}, {"services.nodeports": "2", "services.loadbalancers": "1"}),
        (
            {**TWO_PORTS, "type": "LoadBalancer", "allocateLoadBalancerNodePorts": False},
            {"services.nodeports": "1", "services.loadbalancers": "1"},
        ),
    ],
)
def test_a_service_counts_by_its_type(spec: Tree, more: dict[str, str]) -> None:
    expected = {"services": "1", "count/services": "1", **more}
    assert amounts(Service, merged(SERVICE, {"spec": spec})) == expected


def test_everything_else_is_counted() -> None:
    assert amounts(StatefulSet, STATEFUL_SET) == {"count/statefulsets.apps": "1"}
    assert amounts(ConfigMap, {"metadata": {"name": "c"}}) == {"count/configmaps": "1", "configmaps": "1"}


@pytest.mark.parametrize(
    ("kind", "name", "does"),
    [
        (Pod, "pods", True),
        (Pod, "requests.example.com/gpu", True),
        (Pod, "example.com/gpu", False),
        (Pod, "requests.hugepages-2Mi", True),
        (Pod, "requests.deviceclass.resource.kubernetes.io/gpu", True),
        (Pod, "requests.storage", False),
        (PersistentVolumeClaim, "requests.storage", True),
        (PersistentVolumeClaim, "fast.storageclass.storage.k8s.io/requests.storage", True),
        (PersistentVolumeClaim, "fast.storageclass.storage.k8s.io/pods", False),
        (PersistentVolumeClaim, ".storageclass.storage.k8s.io/requests.storage", False),
        (Service, "services.nodeports", True),
        (Service, "count/pods", False),
        (StatefulSet, "count/statefulsets.apps", True),
        (StatefulSet, "statefulsets", False),
        (ConfigMap, "configmaps", True),
    ],
)
def test_a_name_concerns_objects_of_some_kinds(kind: type[Object], name: str, does: bool) -> None:
    assert concerns(CATALOGUE.of(kind), name) is does


def term(scope: str, operator: str = "Exists", *values: str) -> ScopedResourceSelectorRequirement:
    return ScopedResourceSelectorRequirement(scope_name=scope, operator=operator, values=list(values))


AFFINITY: Tree = {
    "podAntiAffinity": {
        "preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": 1, "podAffinityTerm": {"topologyKey": "zone", "namespaces": ["other"]}}
        ]
    }
}


@pytest.mark.parametrize(
    ("tree", "wanted", "matches"),
    [
        (POD, term("BestEffort"), True),
        (POD, term("NotBestEffort"), False),
        (asking({"requests": {"cpu": "1"}}), term("NotBestEffort"), True),
        (POD, term("NotTerminating"), True),
        (pod({"activeDeadlineSeconds": 9}), term("Terminating"), True),
        (POD, term("PriorityClass"), False),
        (pod({"priorityClassName": "high"}), term("PriorityClass"), True),
        (pod({"priorityClassName": "high"}), term("PriorityClass", "In", "high"), True),
        (pod({"priorityClassName": "high"}), term("PriorityClass", "In", "low"), False),
        (pod({"priorityClassName": "high"}), term("PriorityClass", "NotIn", "low"), True),
        (pod({"priorityClassName": "high"}), term("PriorityClass", "NotIn", "high"), False),
        (POD, term("PriorityClass", "NotIn", "high"), True),
        (POD, term("PriorityClass", "DoesNotExist"), True),
        (POD, term("CrossNamespacePodAffinity"), False),
        (pod({"affinity": AFFINITY}), term("CrossNamespacePodAffinity"), True),
        (POD, term("VolumeAttributesClass", "NotIn", "a"), False),
        (POD, term("Unheard"), False),
    ],
)
def test_a_pod_is_in_scopes(tree: Tree, wanted: ScopedResourceSelectorRequirement, matches: bool) -> None:
    assert is_in(charge(Pod, tree), [wanted]) is matches


@pytest.mark.parametrize(
    ("spec", "status", "wanted", "matches"),
    [
        ({}, {}, term("VolumeAttributesClass"), False),
        ({"volumeAttributesClassName": "gold"}, {}, term("VolumeAttributesClass"), True),
        ({"volumeAttributesClassName": "gold"}, {}, term("VolumeAttributesClass", "In", "gold"), True),
        (
            {"volumeAttributesClassName": "gold"},
            {"currentVolumeAttributesClassName": "silver"},
            term("VolumeAttributesClass", "In", "silver"),
            True,
        ),
        (
            {},
            {"modifyVolumeStatus": {"status": "InProgress", "targetVolumeAttributesClassName": "tin"}},
            term("VolumeAttributesClass", "In", "tin"),
            True,
        ),
        ({}, {}, term("BestEffort"), False),
    ],
)
def test_a_claim_is_in_scopes(
    spec: Tree, status: Tree, wanted: ScopedResourceSelectorRequirement, matches: bool
) -> None:
    claim = merged(CLAIM, {"spec": spec, "status": status})
    assert is_in(charge(PersistentVolumeClaim, claim), [wanted]) is matches


def test_other_kinds_are_in_no_scope_but_fall_under_quotas_without_any() -> None:
    assert is_in(charge(StatefulSet, STATEFUL_SET), [])
    assert not is_in(charge(StatefulSet, STATEFUL_SET), [term("BestEffort")])
