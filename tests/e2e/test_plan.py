"""`petset plan` as its users call it: what it says is what then happens. Pods are simulated."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_cli import WEB, Petset, happened

PAGE = Path(WEB).read_text()
NEWER = PAGE.replace("nginx:1.7.9", "nginx:1.9.1")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Petset]:
    """A server with the pods of the example."""
    made = Petset(tmp_path_factory.mktemp("plan") / "data")
    made.up("-f", WEB)
    yield made
    made.kill()


def plan(petset: Petset, manifest: str, *words: str) -> dict[str, Any]:
    (found,) = json.loads(petset.run("plan", "-f", "-", "-o", "json", *words, stdin=manifest))["sets"]
    assert isinstance(found, dict)
    return found


def state(petset: Petset) -> Any:
    """What the server keeps of sets, pods and claims."""
    items = json.loads(petset.run("get", "sts,pods,pvc,controllerrevisions", "-o", "json"))["items"]
    return [(item["kind"], item["metadata"]["name"], item["metadata"]["resourceVersion"]) for item in items]


def test_an_update_is_told_in_order_and_nothing_is_done(running: Petset) -> None:
    before = state(running)
    said = running.run("plan", "-f", "-", stdin=NEWER)
    for number in (2, 1, 0):
        happened(said, rf"delete  pod web-{number} at web-\w+ \(update\)", f"wait    for web-{number} to be gone")
        happened(said, rf"create  pod web-{number} at web-\w+ \(with the existing claim www-web-{number}\)")
        happened(said, f"wait    for web-{number} to be Running and Ready")
    happened(said, "delete  pod web-2", "delete  pod web-1", "delete  pod web-0")
    assert state(running) == before


def test_a_kubeconfig_and_a_context_are_as_good_as_the_data_directory(running: Petset) -> None:
    here = plan(running, NEWER)
    config = ("--kubeconfig", str(running.data / "kubeconfig"))
    assert plan(running, NEWER, *config) == here
    assert plan(running, NEWER, *config, "--context", "petset", "-n", "default", "web") == here


def test_a_refused_change_is_told_with_its_way_around(running: Petset) -> None:
    told = plan(running, PAGE.replace('serviceName: "nginx"', 'serviceName: "other"'))
    assert told["outcome"] == "refused"
    assert [trap["name"] for trap in told["traps"]] == ["immutable-field", "missing-service"]
    assert [step["names"][0] for step in told["steps"] if step["action"] == "adopt"][1:] == ["web-0", "web-1", "web-2"]


def test_the_sets_as_they_are(running: Petset) -> None:
    assert "nothing to do" in running.run("plan")
    assert "nothing to do" in running.run("plan", "web")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nobody",), 1, 'statefulsets.apps "nobody" not found'),
        (("-f", WEB, "nobody"), 1, "the manifests have no StatefulSet nobody"),
        (("-o", "yaml"), 2, "unknown output 'yaml'"),
        (("--kubeconfig", "/nowhere/at/all"), 1, "'/nowhere/at/all' does not exist"),
        (("--kubeconfig", "CONFIG", "--context", "nobody"), 1, "the kubeconfig has no contexts 'nobody'|nobody"),
    ],
)
def test_what_goes_wrong_is_said_in_one_sentence(running: Petset, words: tuple[str, ...], code: int, says: str) -> None:
    given = (str(running.data / "kubeconfig") if word == "CONFIG" else word for word in words)
    happened(running.run("plan", *given, code=code), says)


def test_what_was_told_is_what_happens(running: Petset) -> None:
    manifest = NEWER.replace("replicas: 3", "replicas: 4")
    told = plan(running, manifest)
    assert told["outcome"] == "completes"
    running.run("apply", "-f", "-", stdin=manifest)
    running.run("rollout", "status", "sts/web", "--timeout", "30s")
    pods = json.loads(running.run("get", "pods", "-o", "json"))["items"]
    assert {pod["metadata"]["labels"]["controller-revision-hash"] for pod in pods} == {told["revision"]}
    assert len(pods) == 4
    assert plan(running, manifest)["steps"] == []
