"""Specs of which validation and warnings have nothing to say, without being asked each time."""

import pytest

from petset.api.types import Pod
from petset.kinds import CATALOGUE
from petset.kinds.podspec.plain import is_plain
from petset.kinds.podspec.validation import pod_spec_errors
from petset.kinds.podspec.warnings import pod_warnings
from tests.unit.kinds.samples import CONTAINER, POD, Tree, defaulted, merged

CLAIM = {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}}


def of_spec(change: Tree) -> Pod:
    return defaulted(Pod, merged(POD, {"spec": change}))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"hostname": "web-1"},
        {"hostname": "web-2", "subdomain": "web"},
        {"volumes": [CLAIM]},
        {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-web-1", "readOnly": True}}]},
    ],
)
def test_plain(change: Tree) -> None:
    pod = of_spec(change)
    assert is_plain(pod.spec)
    assert not list(pod_spec_errors("spec", pod.spec))
    assert not pod_warnings("", pod.spec)


@pytest.mark.parametrize(
    "change",
    [
        {"hostname": "Web"},
        {"hostname": "a.b"},
        {"restartPolicy": "Sometimes"},
        {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": ""}}]},
        {"volumes": [CLAIM, CLAIM]},
        {"volumes": [{**CLAIM, "emptyDir": {}}]},
        {"containers": [{**CONTAINER, "volumeMounts": [{"name": "absent", "mountPath": "/data"}]}]},
        {"containers": [{**CONTAINER, "resources": {"requests": {"memory": "100m"}}}]},
        {"hostAliases": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}]},
    ],
)
def test_not_plain(change: Tree) -> None:
    pod = of_spec(change)
    assert not is_plain(pod.spec)
    assert list(pod_spec_errors("spec", pod.spec)) or pod_warnings("", pod.spec)


def test_what_is_too_long_to_be_remembered_is_looked_at_each_time() -> None:
    pod = of_spec({"containers": [{**CONTAINER, "args": ["x" * 20_000]}]})
    assert not is_plain(pod.spec)
    assert not list(pod_spec_errors("spec", pod.spec))


def test_nobody_is_warned_of_a_pod_that_is_there() -> None:
    strategy = CATALOGUE.of(Pod).strategy
    pod = of_spec({"hostAliases": [{"ip": "10.0.0.1"}, {"ip": "10.0.0.1"}]})
    assert strategy.warnings(pod)
    assert not strategy.update_warnings(pod, pod)


def test_an_image_of_nothing_is_not_plain() -> None:
    """A template may have one, a pod may not."""
    assert not is_plain(of_spec({"volumes": [{"name": "data", "image": {}}]}).spec)
