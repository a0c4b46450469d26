"""What is allowed in a pod or a claim and hardly meant."""

from typing import Any

import pytest

from petset.api.types import PersistentVolumeClaim, Pod, StatefulSet
from petset.kinds import CATALOGUE
from tests.unit.kinds.samples import CLAIM, POD, STATEFUL_SET, defaulted, merged

HIDES = 'hides previous definition of "a", which may be dropped when using apply'
NO_SELECTOR = "a null labelSelector results in matching no pod"


def warnings(kind: type[Any], tree: dict[str, Any]) -> list[str]:
    return CATALOGUE.of(kind).strategy.warnings(defaulted(kind, tree))


def container(**change: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "c", "image": "nginx", **change}]}}


def ports(*changes: dict[str, Any]) -> dict[str, Any]:
    return container(ports=[{"containerPort": 80, **change} for change in changes])


TERM = {"topologyKey": "zone"}
CASES = [
    ({}, []),
    (
        container(env=[{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]),
        [f"spec.containers[0].env[1]: {HIDES}"],
    ),
    (
        container(env=[{"name": "a", "value": "1"}, {"name": "a", "value": "$(a)"}]),
        [f"spec.containers[0].env[1]: {HIDES}"],
    ),
    (container(env=[{"name": "a", "value": "1"}, {"name": "a", "value": "x$(a)"}]), []),
    (
        container(resources={"requests": {"memory": "1.5"}}),
        ['spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer'],
    ),
    (ports({}, {}), ["spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]"]),
    (
        ports({"hostPort": 1}, {}),
        ["spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]"],
    ),
    (
        ports({"hostPort": 1, "hostIP": "10.0.0.1"}, {"hostPort": 1}),
        ["spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]"],
    ),
    (ports({"protocol": "UDP"}, {}), []),
    (
        {"spec": {"hostAliases": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}]}},
        ['spec.hostAliases[1].ip: duplicate ip "10.0.0.1"'],
    ),
    (
        {"spec": {"imagePullSecrets": [{"name": "a"}, {"name": "a"}, {"name": ""}]}},
        [
            'spec.imagePullSecrets[1].name: duplicate name "a"',
            'spec.imagePullSecrets[2].name: invalid empty name ""',
        ],
    ),
    (
        {
            "spec": {
                "affinity": {
                    "podAntiAffinity": {
                        "requiredDuringSchedulingIgnoredDuringExecution": [TERM],
                        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "podAffinityTerm": TERM}],
                    }
                }
            }
        },
        [
            (
                "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]"
                f".labelSelector: {NO_SELECTOR}"
            ),
            (
                "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0]"
                f".podAffinityTerm.labelSelector: {NO_SELECTOR}"
            ),
        ],
    ),
]


@pytest.mark.parametrize(("change", "told"), CASES)
def test_of_a_pod(change: dict[str, Any], told: list[str]) -> None:
    assert warnings(Pod, merged(POD, change)) == told


def test_two_containers_with_one_port_name() -> None:
    named = [
        {"name": name, "image": "x", "ports": [{"name": "http", "containerPort": port}]}
        for name, port in (("a", 1), ("b", 2))
    ]
    first = "spec.containers[0].ports[0]"
    chosen = f"services and probes that select ports by name will use {first}"
    assert warnings(Pod, merged(POD, {"spec": {"containers": named}})) == [
        f'spec.containers[1].ports[0]: duplicate port name "http" with {first}, {chosen}'
    ]


def test_of_a_claim() -> None:
    told = 'spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
    assert warnings(
        PersistentVolumeClaim, merged(CLAIM, {"spec": {"resources": {"requests": {"storage": "1.5"}}}})
    ) == [told]


def test_of_a_template() -> None:
    """A template may ask for an end before its beginning; a pod gets a second instead."""
    change = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": -1}}}}
    told = "must be >= 0; negative values are invalid and will be treated as 1"
    assert warnings(StatefulSet, merged(STATEFUL_SET, change)) == [
        f"spec.template.spec.terminationGracePeriodSeconds: {told}"
    ]
    assert warnings(Pod, merged(POD, {"spec": {"terminationGracePeriodSeconds": -1}})) == []
