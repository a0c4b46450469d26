"""What the API shows of a pod: phase, conditions, container states."""

import msgspec
import pytest
from msgspec.structs import replace

from petset.api.meta import format_time, get_condition
from petset.api.schema.decode import decode
from petset.api.types import (
    ContainerState,
    ContainerStateTerminated,
    ContainerStatus,
    HostIP,
    Pod,
    PodCondition,
    PodIP,
    PodReadinessGate,
    PodStatus,
)
from petset.node.pods.backoff import BackOff
from petset.node.pods.model import Health, Observed, Waiting
from petset.node.pods.plan import plan
from tests.unit.node.pods.given import NOW, PROBE, ago, container, deleted, init_container, pod, sandbox, seen

INIT = (init_container(),)
SIDECAR = (init_container("proxy", sidecar=True),)
LONG_AGO = "2025-01-01T00:00:00Z"


def status(observed: Observed) -> PodStatus:
    """What is reported; always in the form that the server takes without copying it."""
    result = plan(observed).status
    assert result is not None
    assert decode(msgspec.json.encode(result), PodStatus) == result
    return result


@pytest.mark.parametrize(
    ("observed", "phase"),
    [
        pytest.param(seen(pod(), sandboxes=()), "Pending", id="nothing yet"),
        pytest.param(seen(pod("a", "b"), container("a")), "Pending", id="one of two was never started"),
        pytest.param(seen(pod("a", "b"), container("a"), container("b")), "Running", id="all run"),
        pytest.param(
            seen(pod("a", "b"), container("a", "exited", code=1), container("b")), "Running", id="one comes back"
        ),
        pytest.param(seen(pod(), container(state="exited")), "Running", id="Always: the only one comes back"),
        pytest.param(seen(pod(restart_policy="Never"), container(state="exited")), "Succeeded", id="Never: success"),
        pytest.param(
            seen(pod(restart_policy="Never"), container(state="exited", code=1)), "Failed", id="Never: failure"
        ),
        pytest.param(
            seen(pod(restart_policy="OnFailure"), container(state="exited", code=1)), "Running", id="OnFailure: again"
        ),
        pytest.param(
            seen(pod(restart_policy="OnFailure"), container(state="exited")), "Succeeded", id="OnFailure: success"
        ),
        pytest.param(seen(pod(init=INIT), container("init")), "Pending", id="initialization goes on"),
        pytest.param(seen(pod(init=INIT), container("init", "exited", code=1)), "Pending", id="and is tried again"),
        pytest.param(
            seen(pod(init=INIT, restart_policy="Never"), container("init", "exited", code=1)), "Failed", id="or fails"
        ),
        pytest.param(
            seen(pod(init=SIDECAR, restart_policy="Never"), container("proxy"), container(state="exited")),
            "Running",
            id="a pod has not ended before its sidecars have",
        ),
        pytest.param(
            seen(
                deleted(pod()),
                container(state="exited"),
                sandboxes=(sandbox(ready=False),),
                torn_down=frozenset({"new"}),
            ),
            "Succeeded",
            id="deleted and ended well",
        ),
        pytest.param(
            seen(
                deleted(pod()),
                container(state="exited", code=137),
                sandboxes=(sandbox(ready=False),),
                torn_down=frozenset({"new"}),
            ),
            "Failed",
            id="deleted and killed",
        ),
        pytest.param(seen(deleted(pod()), container()), "Running", id="deleted and still running"),
    ],
)
def test_phase(observed: Observed, phase: str) -> None:
    assert status(observed).phase == phase


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_the_last_phase_is_kept(phase: str) -> None:
    of = pod()
    of.status.phase = phase
    assert status(seen(of, container())).phase == phase


def test_a_pod_past_its_deadline_fails() -> None:
    of = pod(active_deadline_seconds=60)
    of.status.start_time, of.status.phase = format_time(ago(61)), "Running"
    running = status(seen(of, container()))
    assert (running.phase, running.reason) == ("Running", "DeadlineExceeded")
    gone = seen(of, container(state="exited"), sandboxes=(sandbox(ready=False),), torn_down=frozenset({"new"}))
    assert (status(gone).phase, status(gone).reason) == ("Failed", "DeadlineExceeded")


def shown(observed: Observed, name: str = "nginx") -> ContainerStatus:
    found = status(observed)
    return next(s for s in (*found.init_container_statuses, *found.container_statuses) if s.name == name)


def waiting(observed: Observed, name: str = "nginx") -> tuple[str | None, str | None]:
    state = shown(observed, name).state.waiting
    assert state is not None
    return state.reason, state.message


def test_states_of_containers_that_were_never_started() -> None:
    assert waiting(seen(pod())) == ("ContainerCreating", None)
    assert waiting(seen(pod(init=INIT), container("init"))) == ("PodInitializing", None)
    why = {"nginx": Waiting("ErrImagePull", "no such image", ago(-10))}
    assert waiting(seen(pod(), waiting=why)) == ("ErrImagePull", "no such image")


def test_a_running_container() -> None:
    found = shown(seen(pod(), container()))
    assert found.state.running is not None
    assert found.state.running.started_at == format_time(ago(99))
    assert (found.ready, found.started, found.restart_count) == (True, True, 0)
    assert found.container_id == "podman://nginx-0"
    assert (found.image, found.image_id) == ("nginx:1", "sha256:1")
    assert found.last_state == ContainerState()


def test_a_restarted_container_remembers_how_its_predecessor_ended() -> None:
    before = container(state="exited", code=2, ended=30)
    found = shown(seen(pod(), before, container(attempt=1), messages={before.id: "the end"}))
    assert found.restart_count == 1
    assert found.last_state.terminated == ContainerStateTerminated(
        exit_code=2,
        reason="Error",
        message="the end",
        started_at=format_time(ago(99)),
        finished_at=format_time(ago(30)),
        container_id="podman://nginx-0",
    )


def test_what_the_runtime_has_forgotten_is_taken_from_the_api() -> None:
    of = pod()
    end = ContainerState(terminated=ContainerStateTerminated(exit_code=2, reason="Error", container_id="podman://x"))
    of.status.container_statuses = [
        ContainerStatus(name="nginx", restart_count=1, container_id="podman://nginx-1", last_state=end)
    ]
    assert shown(seen(of, container(attempt=1))).last_state == end
    assert shown(seen(of, sandboxes=())).restart_count == 1
    (first, *_) = plan(seen(of)).actions()
    assert str(first) == "start container nginx (attempt 2)"


def test_crash_loop() -> None:
    facts = {"back_offs": {"nginx": BackOff(80, ago(20))}}
    found = seen(pod(), container(state="exited", code=1, ended=20), **facts)
    message = "back-off 1m20s restarting failed container=nginx pod=web-0_default(new)"
    assert waiting(found) == ("CrashLoopBackOff", message)
    assert shown(found).last_state.terminated is not None
    assert status(found).phase == "Running"


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        (container(state="exited"), "Completed"),
        (container(state="exited", code=1), "Error"),
        (replace(container(state="exited", code=137), oom_killed=True), "OOMKilled"),
        (replace(container(state="exited", code=128), reason="StartError", message="no such file"), "StartError"),
    ],
)
def test_why_a_container_ended(how: object, reason: str) -> None:
    found = shown(seen(pod(restart_policy="Never"), how))  # type: ignore[arg-type]
    assert found.state.terminated is not None
    assert found.state.terminated.reason == reason


def probed(kind: str) -> Pod:
    of = pod()
    setattr(of.spec.containers[0], f"{kind}_probe", PROBE)
    return of


@pytest.mark.parametrize(
    ("of", "health", "started", "ready"),
    [
        (pod(), Health(), True, True),
        (probed("readiness"), Health(), True, False),
        (probed("readiness"), Health(readiness=True), True, True),
        (probed("readiness"), Health(readiness=False), True, False),
        (probed("startup"), Health(), False, False),
        (probed("startup"), Health(startup=True), True, True),
        (probed("liveness"), Health(), True, True),
    ],
)
def test_probes_and_readiness(of: Pod, health: Health, *, started: bool, ready: bool) -> None:
    found = seen(of, container(), health={"nginx-0": health})
    assert (shown(found).started, shown(found).ready) == (started, ready)
    condition = get_condition(status(found).conditions, "Ready")
    assert condition is not None
    assert condition.status == str(ready)


def test_a_container_taken_over_from_an_earlier_process_stays_ready() -> None:
    of = probed("readiness")
    of.status.container_statuses = [ContainerStatus(name="nginx", ready=True, container_id="podman://nginx-0")]
    assert shown(seen(of, container())).ready
    assert not shown(seen(of, container(attempt=1))).ready


def conditions(observed: Observed) -> dict[str, tuple[str, str | None, str | None]]:
    return {c.type: (c.status, c.reason, c.message) for c in status(observed).conditions}


def test_conditions_of_a_pod_that_is_being_created() -> None:
    assert conditions(seen(pod(init=INIT), sandboxes=(), address="")) == {
        "PodReadyToStartContainers": ("False", None, None),
        "Initialized": ("False", "ContainersNotInitialized", "containers with incomplete status: [init]"),
        "Ready": ("False", "ContainersNotReady", "containers with unready status: [nginx]"),
        "ContainersReady": ("False", "ContainersNotReady", "containers with unready status: [nginx]"),
        "PodScheduled": ("True", None, None),
    }


def test_conditions_of_a_pod_that_is_up() -> None:
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    assert conditions(seen(pod(), container())) == dict.fromkeys(kinds, ("True", None, None))


def test_conditions_of_a_pod_that_has_ended() -> None:
    ended = seen(pod(restart_policy="Never"), container(state="exited"), sandboxes=(sandbox(ready=False),))
    assert conditions(ended) == {
        "PodReadyToStartContainers": ("False", None, None),
        "Initialized": ("True", "PodCompleted", None),
        "Ready": ("False", "PodCompleted", None),
        "ContainersReady": ("False", "PodCompleted", None),
        "PodScheduled": ("True", None, None),
    }


def test_readiness_gates() -> None:
    of = pod(readiness_gates=[PodReadinessGate(condition_type="ours")])
    missing = 'corresponding condition of pod readiness gate "ours" does not exist.'
    assert conditions(seen(of, container()))["Ready"] == ("False", "ReadinessGatesNotReady", missing)
    of.status.conditions = [PodCondition(type="ours", status="True")]
    found = conditions(seen(of, container()))
    assert found["Ready"] == ("True", None, None)
    assert found["ours"] == ("True", None, None)


def test_transition_times_move_only_with_the_status() -> None:
    of = pod()
    of.status.conditions = [
        PodCondition(type="Ready", status="True", last_transition_time=LONG_AGO),
        PodCondition(type="Initialized", status="False", last_transition_time=LONG_AGO),
    ]
    found = {c.type: c.last_transition_time for c in status(seen(of, container())).conditions}
    assert found["Ready"] == LONG_AGO
    assert found["Initialized"] == format_time(NOW)


def test_what_belongs_to_others_is_kept() -> None:
    of = pod()
    of.status = PodStatus(qos_class="Burstable", start_time=LONG_AGO, nominated_node_name="there")
    found = status(seen(of, container()))
    assert (found.qos_class, found.start_time, found.nominated_node_name) == ("Burstable", LONG_AGO, "there")
    assert (found.host_ip, found.pod_ip, found.observed_generation) == ("192.0.2.1", "10.244.0.5", 1)
    assert (found.host_ips, found.pod_ips) == ([HostIP(ip="192.0.2.1")], [PodIP(ip="10.244.0.5")])


def test_the_address_is_kept_when_the_pod_has_ended() -> None:
    of = pod(restart_policy="Never")
    of.status.pod_ip = "10.244.0.9"
    assert status(seen(of, container(state="exited"), address="")).pod_ip == "10.244.0.9"
