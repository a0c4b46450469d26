"""What a LimitRange does to pods and claims: amounts it gives, and the words for what it refuses."""

import pytest

from petset.api.types import LimitRange, PersistentVolumeClaim, Pod
from petset.kinds.limits import claim_violations, give_usual_amounts, pod_violations
from tests.unit.kinds.samples import CLAIM, Tree, created, defaulted, merged


def limits(*items: Tree) -> LimitRange:
    tree = {"metadata": {"name": "limits", "namespace": "default"}, "spec": {"limits": list(items)}}
    return created(LimitRange, tree)


def pod(*resources: Tree, init: tuple[Tree, ...] = (), spec: Tree | None = None) -> Pod:
    containers = [{"name": f"c{i}", "image": "i", "resources": given} for i, given in enumerate(resources)]
    inits = [{"name": f"i{i}", "image": "i", **given} for i, given in enumerate(init)]
    tree = {"metadata": {"name": "web-0"}, "spec": {"containers": containers, "initContainers": inits, **(spec or {})}}
    return defaulted(Pod, tree)


def test_containers_that_say_nothing_get_what_is_usual_and_the_pod_says_so() -> None:
    usual = limits({"type": "Container", "default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "100m"}})
    obj = pod({}, {"limits": {"cpu": "2"}}, init=({},))
    give_usual_amounts(usual, obj)
    first, second = obj.spec.containers
    assert (first.resources.limits, first.resources.requests) == (
        {"cpu": "1", "memory": "1Gi"},
        {"cpu": "100m", "memory": "1Gi"},
    )
    assert (second.resources.limits, second.resources.requests) == (
        {"cpu": "2", "memory": "1Gi"},
        {"cpu": "2", "memory": "1Gi"},
    )
    assert obj.metadata.annotations == {
        "kubernetes.io/limit-ranger": (
            "LimitRanger plugin set: cpu, memory request for container c0; cpu, memory limit for container c0; "
            "memory request for container c1; memory limit for container c1; "
            "cpu, memory request for init container i0; cpu, memory limit for init container i0"
        )
    }


def test_a_pod_that_says_everything_is_left_alone() -> None:
    obj = pod({"limits": {"cpu": "1"}})
    give_usual_amounts(limits({"type": "Container", "default": {"cpu": "2"}}), obj)
    assert obj.metadata.annotations == {}


@pytest.mark.parametrize(
    ("item", "resources", "violations"),
    [
        ({"min": {"cpu": "1"}}, {}, ["minimum cpu usage per Container is 1.  No request is specified"]),
        (
            {"min": {"cpu": "1"}},
            {"requests": {"cpu": "500m"}},
            ["minimum cpu usage per Container is 1, but request is 500m"],
        ),
        ({"min": {"cpu": "1"}}, {"requests": {"cpu": "1"}}, []),
        ({"max": {"cpu": "1"}}, {}, ["maximum cpu usage per Container is 1.  No limit is specified"]),
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "2"}}, ["maximum cpu usage per Container is 1, but limit is 2"]),
        ({"max": {"cpu": "1"}}, {"limits": {"cpu": "1"}}, []),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {},
            ["cpu max limit to request ratio per Container is 2, but no request is specified or request is 0"],
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}},
            ["cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0"],
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "1"}, "limits": {"cpu": "2500m"}},
            ["cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000"],
        ),
        ({"maxLimitRequestRatio": {"cpu": "2.5"}}, {"requests": {"cpu": "1"}, "limits": {"cpu": "2500m"}}, []),
    ],
)
def test_every_container_stays_within_bounds(item: Tree, resources: Tree, violations: list[str]) -> None:
    assert pod_violations(limits({"type": "Container", **item}), pod(resources)) == violations


ONE: Tree = {"requests": {"memory": "1Gi"}, "limits": {"memory": "1Gi"}}


@pytest.mark.parametrize(
    ("obj", "shown"),
    [
        (pod(ONE, ONE), "2Gi"),
        (pod(ONE, init=({"resources": {"limits": {"memory": "3Gi"}}},)), "3Gi"),
        (pod(ONE, init=({"resources": ONE, "restartPolicy": "Always"},)), "2Gi"),
        (
            pod(
                ONE, init=({"resources": ONE, "restartPolicy": "Always"}, {"resources": {"limits": {"memory": "2Gi"}}})
            ),
            "3Gi",
        ),
        (pod(ONE, ONE, spec={"resources": {"limits": {"memory": "5Gi"}}}), "5Gi"),
    ],
)
def test_a_pod_is_measured_as_a_whole(obj: Pod, shown: str) -> None:
    assert pod_violations(limits({"type": "Pod", "max": {"memory": "1536Mi"}}), obj) == [
        f"maximum memory usage per Pod is 1536Mi, but limit is {shown}"
    ]


@pytest.mark.parametrize(
    ("storage", "violations"),
    [
        ("512Mi", ["minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi"]),
        ("1Gi", []),
        ("3Gi", ["maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"]),
        (
            None,
            [
                "minimum storage usage per PersistentVolumeClaim is 1Gi.  No request is specified",
                "maximum storage usage per PersistentVolumeClaim is 2Gi.  No request is specified",
            ],
        ),
    ],
)
def test_a_claim_stays_within_bounds(storage: str | None, violations: list[str]) -> None:
    bounds = limits({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}})
    claim = created(PersistentVolumeClaim, merged(CLAIM, {"spec": {"resources": {"requests": {"storage": storage}}}}))
    assert claim_violations(bounds, claim) == violations


def test_what_a_limit_range_does_not_speak_of_is_free() -> None:
    nothing = limits({"type": "PersistentVolumeClaim", "max": {"storage": "1"}})
    assert pod_violations(nothing, pod({})) == []
    assert claim_violations(limits({"type": "Pod"}), created(PersistentVolumeClaim, CLAIM)) == []
