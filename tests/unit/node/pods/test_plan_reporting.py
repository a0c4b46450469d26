"""What a plan tells the API, and what it does not: news only, steps late, the final status before the object goes."""

import pytest

from petset.api.types import ContainerState, ContainerStateTerminated, ContainerStatus, Pod
from petset.node.pods.model import SANDBOX, Observed, Waiting
from petset.node.pods.plan import plan
from tests.unit.node.pods.given import ago, container, deleted, pod, sandbox, seen

STOPPED = sandbox(ready=False)
ENDED = {"sandboxes": (STOPPED,), "torn_down": frozenset({"new"})}


def crashed(*, before: bool = False) -> Pod:
    """A pod of which the runtime knows nothing any more and the API remembers an end."""
    result = pod()
    end = ContainerState(terminated=ContainerStateTerminated(exit_code=1))
    status = ContainerStatus(name="nginx", last_state=end) if before else ContainerStatus(name="nginx", state=end)
    result.status.container_statuses = [status]
    return result


def running(phase: str) -> Pod:
    result = pod()
    result.status.phase = phase
    return result


def test_what_the_api_shows_already_is_not_told_again() -> None:
    of = pod()
    status = plan(seen(of, container())).status
    assert status is not None
    of.status = status
    assert plan(seen(of, container())).status is None


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(seen(pod(), sandboxes=(), steps_can_wait=True), True, id="nothing yet"),
        pytest.param(seen(pod(), container(state="created"), steps_can_wait=True), True, id="created, not started"),
        pytest.param(
            seen(pod(), waiting={SANDBOX: Waiting("FailedCreatePodSandBox", "", ago(1))}, steps_can_wait=True),
            True,
            id="a sandbox that failed, of which the status says nothing",
        ),
        pytest.param(seen(deleted(pod()), container(), steps_can_wait=True), True, id="being stopped"),
        pytest.param(
            seen(pod(), waiting={"nginx": Waiting("ErrImagePull", "", ago(1))}, steps_can_wait=True),
            False,
            id="an image that failed",
        ),
        pytest.param(seen(pod(), container(), steps_can_wait=True), False, id="it runs"),
        pytest.param(seen(pod(), container(state="exited"), steps_can_wait=True), False, id="it has run"),
        pytest.param(seen(crashed(), sandboxes=(), steps_can_wait=True), False, id="it had run before a reboot"),
        pytest.param(seen(crashed(before=True), sandboxes=(), steps_can_wait=True), False, id="and before that"),
        pytest.param(
            seen(running("Running"), sandboxes=(), steps_can_wait=True), False, id="the API says that it runs"
        ),
        pytest.param(seen(deleted(pod()), steps_can_wait=True, **ENDED), False, id="the end"),
        pytest.param(seen(pod(), sandboxes=()), False, id="a step that has waited long enough"),
        pytest.param(seen(deleted(pod()), container()), False, id="the same of a deletion"),
    ],
)
def test_mere_steps_are_told_late(observed: Observed, expected: bool) -> None:
    decision = plan(observed)
    assert (decision.step, decision.status is None) == (expected, expected)


def test_the_object_goes_once_the_final_status_is_told() -> None:
    decision = plan(seen(deleted(pod()), container(state="exited"), **ENDED))
    assert decision.status is not None
    assert decision.status.phase == "Succeeded"
    assert str(decision) == "report, then delete the pod's object"
