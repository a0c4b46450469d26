"""What is said of sets that are not ready."""

import pytest

from petset.api.meta import Key
from petset.cli.progress.missing import all_ready, missing
from petset.cli.progress.snapshot import Snapshot
from tests.unit.cli.progress_samples import IMAGE, a_claim, a_node, a_pod, a_set, an_event

WEB = Key("default", "web")


def lines(**seen: object) -> list[str]:
    return missing(Snapshot(**{"sets": [a_set()], "nodes": [a_node()], **seen}), [WEB])  # type: ignore[arg-type]


def test_nothing_is_missing_of_a_set_that_is_ready() -> None:
    pods = [a_pod(f"web-{number}", state="ready") for number in range(3)]
    snapshot = Snapshot(sets=[a_set(ready=3)], pods=pods)
    assert all_ready(snapshot, [WEB])
    assert missing(snapshot, [WEB]) == []


def test_a_status_from_before_all_pods_were_ended_does_not_count() -> None:
    snapshot = Snapshot(sets=[a_set(ready=3)], pods=[a_pod(state="ready")], nodes=[a_node()])
    assert not all_ready(snapshot, [WEB])
    assert missing(snapshot, [WEB])[0] == "statefulset web: 1 of 3 pods ready"


def test_a_set_that_is_not_there_is_not_ready() -> None:
    assert not all_ready(Snapshot(), [WEB])
    assert lines(sets=[]) == ["statefulset web is not there"]


def test_pods_say_what_they_wait_for() -> None:
    pods = [a_pod("web-0", state="ready"), a_pod("web-1", state="waiting")]
    assert lines(sets=[a_set(ready=1)], pods=pods, claims=[a_claim("www-web-1")]) == [
        "statefulset web: 1 of 3 pods ready",
        f'  web-1: container nginx is waiting, ImagePullBackOff: Back-off pulling image "{IMAGE}"',
    ]


def test_the_latest_warning_explains_when_it_says_something_new() -> None:
    pod = a_pod(state="running")
    events = [
        an_event(pod, "Unhealthy", "Readiness probe failed: 503", type_="Warning", at="2026-01-01T00:00:02Z"),
        an_event(pod, "Failed", "an older one", type_="Warning", at="2026-01-01T00:00:01Z"),
        an_event(pod, "Started", "no warning", at="2026-01-01T00:00:03Z"),
    ]
    assert lines(pods=[pod], claims=[a_claim()], events=events) == [
        "statefulset web: 0 of 3 pods ready",
        "  web-0: container nginx runs but is not ready",
        "    Unhealthy: Readiness probe failed: 503",
    ]


def test_a_warning_that_only_repeats_the_reason_is_left_out() -> None:
    pod = a_pod(state="waiting")
    events = [an_event(pod, "Failed", "Error: ImagePullBackOff", type_="Warning")]
    assert len(lines(pods=[pod], claims=[a_claim()], events=events)) == 2


def test_claims_that_are_not_bound_say_why() -> None:
    claim = a_claim(phase="Pending")
    events = [an_event(claim, "ProvisioningFailed", 'storageclass "fast" not found', type_="Warning")]
    assert lines(pods=[a_pod()], claims=[claim], events=events) == [
        "statefulset web: 0 of 3 pods ready",
        "  web-0: phase Pending",
        '    claim www-web-0 is Pending: storageclass "fast" not found',
    ]
    assert "    claim www-web-0 is not there" in lines(pods=[a_pod()])


def test_without_pods_the_set_itself_explains() -> None:
    assert lines() == ["statefulset web: 0 of 3 pods ready", "  the next pod has not been created yet"]
    events = [an_event(a_set(), "FailedCreate", "quota exceeded", type_="Warning")]
    assert lines(events=events)[1:] == ["  FailedCreate: quota exceeded"]


def test_of_many_pods_the_first_few_are_shown_in_the_order_of_their_ordinals() -> None:
    pods = [a_pod(f"web-{n}", state="waiting") for n in (10, 2, 1, 0)]
    told = lines(sets=[a_set(replicas=4)], pods=pods, claims=[a_claim(f"www-web-{n}") for n in (0, 1, 2, 10)])
    assert [line.strip().split(":")[0] for line in told[1:]] == ["web-0", "web-1", "web-2", "and 1 more"]


def test_a_terminating_pod_is_in_the_way() -> None:
    told = lines(pods=[a_pod(state="terminating")], claims=[a_claim()])
    assert told == ["statefulset web: 0 of 3 pods ready", "  web-0: terminating"]


@pytest.mark.parametrize(
    ("nodes", "line"),
    [
        ([], "no node has registered: nothing runs pods yet"),
        (
            [a_node(ready=False, message="container engine: no Docker engine answers")],
            "node vm is not ready: container engine: no Docker engine answers",
        ),
        ([a_node(ready=False, reason="KubeletNotReady")], "node vm is not ready: KubeletNotReady"),
    ],
)
def test_a_node_that_cannot_run_pods_is_named(nodes: list[object], line: str) -> None:
    assert lines(nodes=nodes)[-1] == line


def test_a_cordoned_node_is_named() -> None:
    node = a_node()
    node.spec.unschedulable = True
    assert lines(nodes=[node])[-1] == "node vm is cordoned"
