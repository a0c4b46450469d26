"""What a set waits for, in words: which pod, what it shows, which kind of trouble that is, since when, until when."""

from datetime import datetime, timedelta, timezone

import pytest

from petset.api.types import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    ObjectMeta,
    Pod,
    PodCondition,
)
from petset.controllers.statefulset.waiting import (
    TROUBLE,
    Wait,
    moment,
    pod_cause,
    pod_since,
    pod_state,
    until,
    until_ready_for,
)

CREATED, SCHEDULED, READY = "2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z", "2026-01-01T03:00:00Z"


def a_pod(phase: str = "Pending") -> Pod:
    pod = Pod(metadata=ObjectMeta(name="web-1", uid="uid-1", creation_timestamp=CREATED))
    pod.status.phase = phase
    return pod


def with_container(state: ContainerState, *, ready: bool = False, init: bool = False) -> Pod:
    pod = a_pod("Running")
    statuses = [ContainerStatus(name="c", state=state, ready=ready)]
    if init:
        pod.status.init_container_statuses = statuses
    else:
        pod.status.container_statuses = statuses
    return pod


def waiting(reason: str | None, message: str | None = None, *, init: bool = False) -> Pod:
    return with_container(ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message)), init=init)


def conditions(*conditions: PodCondition) -> Pod:
    pod = a_pod()
    pod.status.conditions = list(conditions)
    return pod


def unscheduled(message: str | None = None, reason: str | None = None, status: str = "False") -> Pod:
    scheduled = PodCondition(
        type="PodScheduled", status=status, reason=reason, message=message, last_transition_time=SCHEDULED
    )
    return conditions(scheduled)


def terminating(grace: int | None) -> Pod:
    pod = waiting("CrashLoopBackOff")
    pod.metadata.deletion_timestamp, pod.metadata.deletion_grace_period_seconds = "2026-01-01T00:00:30Z", grace
    return pod


RUNNING = ContainerState(running=ContainerStateRunning())
ENDED = ContainerState(terminated=ContainerStateTerminated(exit_code=3))

STATES = [
    (a_pod(), "phase Pending", "Starting"),
    (a_pod(""), "phase not yet known", "Starting"),
    (terminating(30), "terminating", "Terminating"),
    (unscheduled("no room", "Unschedulable"), "not scheduled: no room", "Unschedulable"),
    (unscheduled(reason="Unschedulable"), "not scheduled: Unschedulable", "Unschedulable"),
    (unscheduled(), "not scheduled: no node fits", "Unschedulable"),
    (unscheduled(status="True"), "phase Pending", "Starting"),
    (waiting("ErrImagePull", "no such"), "container c is waiting, ErrImagePull: no such", "ImagePull"),
    (waiting("ImagePullBackOff"), "container c is waiting, ImagePullBackOff", "ImagePull"),
    (waiting("ErrImageNeverPull"), "container c is waiting, ErrImageNeverPull", "ImagePull"),
    (waiting("InvalidImageName"), "container c is waiting, InvalidImageName", "ImagePull"),
    (waiting("CrashLoopBackOff", init=True), "container c is waiting, CrashLoopBackOff", "Crash"),
    (waiting("RunContainerError"), "container c is waiting, RunContainerError", "Crash"),
    (waiting("CreateContainerConfigError"), "container c is waiting, CreateContainerConfigError", "Config"),
    (waiting("CreateContainerError"), "container c is waiting, CreateContainerError", "Config"),
    (waiting("ContainerCreating"), "container c is waiting, ContainerCreating", "Starting"),
    (waiting("PodInitializing"), "container c is waiting, PodInitializing", "Starting"),
    (waiting("Something"), "container c is waiting, Something", "Other"),
    (waiting(None), "phase Running", "Starting"),
    (with_container(ENDED), "container c ended with exit code 3", "Crash"),
    (with_container(RUNNING), "container c runs but is not ready", "NotReady"),
    (with_container(RUNNING, ready=True), "phase Running", "Starting"),
]


@pytest.mark.parametrize(("pod", "state", "cause"), STATES, ids=[row[1] for row in STATES])
def test_what_holds_a_pod_up(pod: Pod, state: str, cause: str) -> None:
    assert (pod_state(pod), pod_cause(pod)) == (state, cause)


def test_the_first_container_that_is_not_well_is_named() -> None:
    pod = waiting("PodInitializing")
    pod.status.init_container_statuses = [
        ContainerStatus(name="first", state=ENDED),
        *waiting("Late").status.container_statuses,
    ]
    assert (pod_state(pod), pod_cause(pod)) == ("container c is waiting, Late", "Other")
    pod = with_container(RUNNING, ready=True)
    pod.status.container_statuses.append(ContainerStatus(name="second", state=ENDED))
    assert (pod_state(pod), pod_cause(pod)) == ("container second ended with exit code 3", "Crash")


def test_only_what_does_not_pass_by_itself_is_trouble() -> None:
    assert {cause for _, _, cause in STATES if cause in TROUBLE} == {"Unschedulable", "ImagePull", "Crash", "Config"}


SINCE = [
    (a_pod(), CREATED),
    (conditions(PodCondition(type="Ready", status="False", last_transition_time=READY)), READY),
    (conditions(PodCondition(type="Ready", status="False")), CREATED),
    (unscheduled(), SCHEDULED),
    (unscheduled(status="True"), CREATED),
    (conditions(PodCondition(type="PodScheduled", status="False")), CREATED),
    (terminating(30), "2026-01-01T00:00:00Z"),
    (terminating(None), "2026-01-01T00:00:30Z"),
]


@pytest.mark.parametrize(("pod", "since"), SINCE)
def test_since_when_a_pod_is_as_it_is(pod: Pod, since: str) -> None:
    assert pod_since(pod) == since


def test_a_wait_for_a_pod_says_what_the_pod_shows() -> None:
    wait = until(waiting("ErrImagePull"), "be Running and Ready")
    assert str(wait) == "web-1 to be Running and Ready (container c is waiting, ErrImagePull)"
    assert wait.without_state() == "web-1 to be Running and Ready"
    assert (wait.about, wait.uid, wait.cause, wait.since, wait.until) == ("web-1", "uid-1", "ImagePull", CREATED, None)


def test_a_wait_says_why_it_matters() -> None:
    wait = until(a_pod(), "be available", "no room")
    assert str(wait) == "web-1 to be available (phase Pending); no room"
    assert wait.without_state() == "web-1 to be available; no room"


def test_a_wait_for_time_to_pass_says_until_when() -> None:
    wait = until_ready_for(conditions(PodCondition(type="Ready", status="True", last_transition_time=READY)), 90)
    assert str(wait) == "web-1 to be Ready for 90 s"
    assert (wait.cause, wait.since, wait.until) == ("MinReadySeconds", READY, "2026-01-01T03:01:30Z")


@pytest.mark.parametrize("pod", [None, Pod()])
def test_nobody_knows_how_long_a_pod_has_to_stay_ready_that_is_so_since_nobody_knows_when(pod: Pod | None) -> None:
    assert Wait("web-1", "to be Ready for 90 s", pod, 90).until is None


@pytest.mark.parametrize(
    ("time", "hours_east", "said"),
    [
        ("2026-01-01T03:00:07Z", 0, "03:00:07"),
        ("2026-01-01T23:30:00Z", 0, "23:30:00"),
        ("2025-12-31T23:30:00Z", 0, "2025-12-31 23:30:00"),
        ("2025-12-31T23:30:00Z", 1, "00:30:00"),
        ("2026-01-01T03:00:07Z", -5, "2025-12-31 22:00:07"),
    ],
)
def test_a_moment_of_today_needs_no_date_where_the_reader_is(time: str, hours_east: int, said: str) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=timezone(timedelta(hours=hours_east)))
    assert moment(time, now) == said


def test_a_wait_for_something_else_has_no_time() -> None:
    wait = Wait("claim www-web-1", "to be deleted")
    assert str(wait) == "claim www-web-1 to be deleted"
    assert (wait.uid, wait.cause, wait.since, wait.until) == ("", "Other", None, None)
