"""What is told when something happens."""

import pytest

from petset.api.types import ContainerState, ContainerStateTerminated, Event, Pod
from petset.cli.progress.narration import Narrator
from tests.unit.cli.progress_samples import IMAGE, a_claim, a_pod, a_volume, an_event

PULL_FAILED = f'Failed to pull image "{IMAGE}": no route to host'


def failed(pod: Pod) -> Pod:
    pod.status.phase, pod.status.reason = "Failed", "Evicted"
    return pod


def restarted() -> Pod:
    pod = a_pod(state="running", restarts=1)
    pod.status.container_statuses[0].last_state = ContainerState(terminated=ContainerStateTerminated(exit_code=3))
    return pod


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        (a_pod(), a_pod(), []),
        (a_pod(), a_pod(state="waiting"), []),
        (a_pod(), a_pod(state="running"), ["web-0 running"]),
        (a_pod(), a_pod(state="ready"), ["web-0 running", "web-0 ready"]),
        (a_pod(state="running"), a_pod(state="ready"), ["web-0 ready"]),
        (
            a_pod(state="ready"),
            a_pod(state="running"),
            ["web-0 is no longer ready: container nginx runs but is not ready"],
        ),
        (a_pod(state="ready"), a_pod(state="terminating"), ["web-0 terminating"]),
        (a_pod(state="terminating"), a_pod(state="terminating"), []),
        (a_pod(), failed(a_pod()), ["web-0 failed: Evicted"]),
        (
            a_pod(state="running"),
            restarted(),
            ["web-0 restarted container nginx (number 1, it ended with exit code 3)"],
        ),
        (a_pod(namespace="prod"), a_pod(namespace="prod", state="running"), ["prod/web-0 running"]),
    ],
)
def test_changes_of_a_pod(old: Pod, new: Pod, lines: list[str]) -> None:
    assert list(Narrator().pod_changed(old, new, 0.0)) == lines


def test_readiness_is_told_with_the_time_since_the_pods_creation() -> None:
    narrator = Narrator()
    assert list(narrator.pod_created(a_pod(), 10.0)) == ["web-0 created"]
    assert list(narrator.pod_changed(a_pod(state="running"), a_pod(state="ready"), 12.5)) == ["web-0 ready (2.50 s)"]
    assert list(narrator.pod_gone(a_pod())) == ["web-0 gone"]


def test_a_pod_that_is_ready_when_it_is_first_seen_has_gone_through_everything() -> None:
    lines = list(Narrator().pod_created(a_pod(state="ready"), 0.0))
    assert lines == ["web-0 created", "web-0 running", "web-0 ready (0.00 s)"]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (an_event(a_pod(), "Pulling", f'Pulling image "{IMAGE}"'), [f"web-0 pulling {IMAGE}"]),
        (
            an_event(a_pod(), "Pulled", f'Successfully pulled image "{IMAGE}" in 3.2s (3.2s including waiting).'),
            [f"web-0 pulled {IMAGE} in 3.2s"],
        ),
        (an_event(a_pod(), "Pulled", f'Container image "{IMAGE}" already present on machine'), []),
        (an_event(a_pod(), "Started", "Started container nginx"), []),
        (an_event(a_pod(), "Failed", PULL_FAILED, type_="Warning"), [f"web-0 warning, Failed: {PULL_FAILED}"]),
        (an_event(a_pod(), "Failed", "Error: ImagePullBackOff", type_="Warning"), []),
        (an_event(a_pod(), "FailedScheduling", "0/1 nodes are available", type_="Warning"), []),
    ],
)
def test_events(event: Event, lines: list[str]) -> None:
    assert list(Narrator().event(event)) == lines


def test_a_warning_is_told_once() -> None:
    narrator = Narrator()
    event = an_event(a_pod(), "BackOff", "Back-off", type_="Warning")
    assert [len(list(narrator.event(event))) for _ in range(3)] == [1, 0, 0]


def test_a_claim_is_told_of_with_the_directory_behind_it() -> None:
    narrator = Narrator()
    assert list(narrator.volume(a_volume())) == []
    lines = list(narrator.claim_changed(a_claim(phase="Pending"), a_claim()))
    assert lines == ["claim www-web-0 bound to /volumes/www-web-0"]
    assert list(narrator.claim_changed(a_claim(), a_claim())) == []


def test_a_claim_that_is_bound_before_its_volume_is_known_is_told_of_later() -> None:
    narrator = Narrator()
    assert list(narrator.claim_changed(None, a_claim())) == []
    assert list(narrator.volume(a_volume())) == ["claim www-web-0 bound to /volumes/www-web-0"]
    assert list(narrator.volume(a_volume())) == []
