"""How pods are started and kept up: what was seen, and what is done next."""

import pytest
from msgspec.structs import replace

from petset.api.types import ExecAction, Lifecycle, LifecycleHandler, Pod
from petset.node.pods.backoff import BackOff
from petset.node.pods.model import (
    SANDBOX,
    CreateSandbox,
    Health,
    KillContainer,
    MountVolumes,
    Observed,
    Probing,
    PullImage,
    RunPostStart,
    StartContainer,
    Waiting,
)
from petset.node.pods.plan import plan
from petset.node.specs import SPEC_HASH_LABEL
from tests.unit.node.pods.given import (
    NOW,
    PROBE,
    ago,
    container,
    going_on,
    init_container,
    pod,
    sandbox,
    seen,
    steps,
)

NOTHING = {"sandboxes": (), "address": "", "mounted": False, "images": frozenset[str]()}
DEAD = sandbox(ready=False)
AGAIN = sandbox(attempt=1)
HOOK = LifecycleHandler(exec=ExecAction(command=["true"]))


def hooked() -> Pod:
    result = pod("first", "second")
    result.spec.containers[0].lifecycle = Lifecycle(post_start=HOOK)
    return result


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(
            seen(pod(), **NOTHING),
            ["mount volumes", "create sandbox (attempt 0)", "make sure of the image of nginx"],
            id="volumes, sandbox and image at once",
        ),
        pytest.param(
            seen(pod(), **NOTHING, ongoing=going_on(MountVolumes(), CreateSandbox(0), PullImage("nginx"))),
            [],
            id="nothing twice",
        ),
        pytest.param(seen(pod(), address=""), ["attach network"], id="an address when a crash came before it"),
        pytest.param(seen(pod(), container(), address=""), ["attach network"], id="an address when it was lost"),
        pytest.param(
            seen(pod(host_network=True), address=""),
            ["start container nginx (attempt 0)"],
            id="no address of its own with hostNetwork",
        ),
        pytest.param(seen(pod()), ["start container nginx (attempt 0)"], id="start"),
        pytest.param(seen(pod(), mounted=False), ["mount volumes"], id="no start without volumes"),
        pytest.param(seen(pod(), images=frozenset()), ["make sure of the image of nginx"], id="no start without image"),
        pytest.param(seen(pod("a", "b")), ["start container a (attempt 0)"], id="containers start in order"),
        pytest.param(
            seen(pod("a", "b"), container("a")), ["start container b (attempt 0)"], id="the second after the first"
        ),
        pytest.param(
            seen(pod("a", "b"), images=frozenset({"b"})),
            ["make sure of the image of a"],
            id="the second waits for the image of the first",
        ),
        pytest.param(
            seen(pod("a", "b"), images=frozenset({"b"}), waiting={"a": Waiting("ErrImagePull", "no", ago(-5))}),
            ["start container b (attempt 0)"],
            id="the second does not wait for a first that cannot start",
        ),
        pytest.param(seen(pod(), container()), [], id="nothing to do for one that runs"),
        pytest.param(
            seen(pod(), container(state="created")),
            ["start container nginx (attempt 0)"],
            id="a created container is started as it is",
        ),
        pytest.param(
            seen(hooked(), container("first"), hooks_due=frozenset({"first-0"})),
            ["run postStart of first"],
            id="postStart before the next container",
        ),
        pytest.param(
            seen(
                hooked(),
                container("first"),
                hooks_due=frozenset({"first-0"}),
                ongoing=going_on(RunPostStart("first", "first-0", HOOK)),
            ),
            [],
            id="the next container waits for postStart",
        ),
        pytest.param(
            seen(hooked(), container("first")), ["start container second (attempt 0)"], id="postStart is not run again"
        ),
    ],
)
def test_start(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected


INIT = (init_container("one"), init_container("two"))
SIDECAR = (init_container("proxy", sidecar=True),)
PROBED_SIDECAR = (init_container("proxy", sidecar=True, startup_probe=PROBE),)


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(seen(pod(init=INIT)), ["start container one (attempt 0)"], id="the first init container"),
        pytest.param(seen(pod(init=INIT), container("one")), [], id="which runs to its end"),
        pytest.param(
            seen(pod(init=INIT), container("one", "exited")), ["start container two (attempt 0)"], id="then the second"
        ),
        pytest.param(
            seen(pod(init=INIT), container("one", "exited", code=1)),
            ["start container one (attempt 1)"],
            id="a failed one again",
        ),
        pytest.param(
            seen(pod(init=INIT, restart_policy="Never"), container("one", "exited", code=1)),
            ["stop sandbox, free address and volumes"],
            id="with Never a failed one fails the pod",
        ),
        pytest.param(
            seen(pod(init=INIT), container("one", "exited"), container("two", "exited")),
            ["start container nginx (attempt 0)"],
            id="then the others",
        ),
        pytest.param(
            seen(pod(init=INIT), container("nginx", "exited", code=1)),
            ["start container nginx (attempt 1)"],
            id="not again once the others have begun",
        ),
        pytest.param(
            seen(
                pod(init=INIT),
                container("one", "exited"),
                container("two", "exited"),
                container("nginx", "exited"),
                sandboxes=(DEAD, AGAIN),
            ),
            ["start container one (attempt 1)"],
            id="again in a new sandbox",
        ),
        pytest.param(seen(pod(init=SIDECAR)), ["start container proxy (attempt 0)"], id="a sidecar"),
        pytest.param(
            seen(pod(init=SIDECAR), container("proxy")),
            ["start container nginx (attempt 0)"],
            id="the others as soon as it runs",
        ),
        pytest.param(seen(pod(init=PROBED_SIDECAR), container("proxy")), [], id="or its startup probe has succeeded"),
        pytest.param(
            seen(pod(init=PROBED_SIDECAR), container("proxy"), health={"proxy-0": Health(startup=True)}),
            ["start container nginx (attempt 0)"],
            id="as soon as its startup probe has succeeded",
        ),
        pytest.param(
            seen(pod(init=SIDECAR, restart_policy="Never"), container("proxy", "exited"), container("nginx")),
            ["start container proxy (attempt 1)"],
            id="a sidecar always comes back",
        ),
    ],
)
def test_init_containers(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected


TEN = {"nginx": BackOff(10, ago(5))}


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(
            seen(pod(), container(state="exited")), ["start container nginx (attempt 1)"], id="Always: after success"
        ),
        pytest.param(
            seen(pod(restart_policy="OnFailure"), container(state="exited", code=1)),
            ["start container nginx (attempt 1)"],
            id="OnFailure: after failure",
        ),
        pytest.param(
            seen(pod(restart_policy="OnFailure"), container(state="exited")),
            ["stop sandbox, free address and volumes"],
            id="OnFailure: not after success",
        ),
        pytest.param(
            seen(pod(restart_policy="Never"), container(state="exited", code=1)),
            ["stop sandbox, free address and volumes"],
            id="Never",
        ),
        pytest.param(
            seen(pod("a", "b", restart_policy="Never"), container("a", "exited"), container("b")),
            [],
            id="Never: the other goes on",
        ),
        pytest.param(seen(pod(), container(state="exited", ended=5), back_offs=TEN), [], id="within the back-off"),
        pytest.param(
            seen(pod(), container(state="exited", ended=11), back_offs=TEN),
            ["start container nginx (attempt 1)"],
            id="after the back-off",
        ),
        pytest.param(
            seen(pod(), container(state="exited", ended=5), back_offs={"nginx": BackOff(300, ago(700))}),
            ["start container nginx (attempt 1)"],
            id="a back-off is over after ten minutes of running",
        ),
        pytest.param(
            seen(pod(), waiting={"nginx": Waiting("CreateContainerConfigError", "no", ago(-3))}),
            [],
            id="not before the time to try again",
        ),
        pytest.param(
            seen(
                pod(),
                container(attempt=3),
                *(container(state="exited", attempt=n) for n in range(3)),
                sandboxes=(sandbox(),),
            ),
            ["remove an old container nginx"],
            id="only the last ended attempt is kept",
        ),
    ],
)
def test_restart(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(
            seen(pod(), container(), sandboxes=(DEAD,)),
            ["stop container nginx within 10 s"],
            id="what runs in a dead sandbox is stopped",
        ),
        pytest.param(
            seen(pod(), container(state="exited"), sandboxes=(DEAD,)),
            ["create sandbox (attempt 1)"],
            id="a new sandbox",
        ),
        pytest.param(
            seen(pod(restart_policy="Never"), container(state="exited"), sandboxes=(DEAD,), mounted=False),
            ["free address and volumes"],
            id="no new sandbox for a pod that has ended",
        ),
        pytest.param(
            seen(pod(), container(state="exited"), sandboxes=(DEAD, AGAIN)),
            ["start container nginx (attempt 1)"],
            id="numbers go on",
        ),
        pytest.param(
            seen(
                pod(),
                container(state="exited"),
                container(attempt=1, at=AGAIN),
                sandboxes=(DEAD, AGAIN),
            ),
            ["remove sandbox"],
            id="the old sandbox goes at last",
        ),
        pytest.param(
            seen(pod(), sandboxes=(), waiting={SANDBOX: Waiting("FailedCreatePodSandBox", "no", ago(-3))}),
            [],
            id="not before the time to try again",
        ),
    ],
)
def test_dead_sandbox(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected


def probed(**fields: object) -> Pod:
    result = pod()
    for name, value in fields.items():
        setattr(result.spec.containers[0], name, value)
    return result


def test_a_failed_liveness_probe_kills_within_the_probes_own_grace() -> None:
    probe = replace_grace(3)
    observed = seen(probed(liveness_probe=probe), container(), health={"nginx-0": Health(liveness=False)})
    (action,) = plan(observed).actions()
    message = "Container nginx failed liveness probe, will be restarted"
    assert action == KillContainer("nginx", "nginx-0", 3, message, None)


def replace_grace(seconds: int) -> object:
    return type(PROBE)(http_get=PROBE.http_get, termination_grace_period_seconds=seconds)


def test_a_failed_startup_probe_kills_within_the_pods_grace() -> None:
    observed = seen(probed(startup_probe=PROBE), container(), health={"nginx-0": Health(startup=False)})
    (action,) = plan(observed).actions()
    assert action == KillContainer("nginx", "nginx-0", 10, "Container nginx failed startup probe, will be restarted")


def test_another_image_replaces_the_container() -> None:
    running = replace(container(), labels={SPEC_HASH_LABEL: "of another image"})
    (action,) = plan(seen(pod(), running)).actions()
    assert action == KillContainer("nginx", "nginx-0", 10, "Container nginx definition changed, will be restarted")


@pytest.mark.parametrize(
    ("of", "health", "expected"),
    [
        (probed(readiness_probe=PROBE), Health(), ["readiness"]),
        (probed(readiness_probe=PROBE, liveness_probe=PROBE), Health(), ["liveness", "readiness"]),
        (probed(startup_probe=PROBE, liveness_probe=PROBE), Health(), ["startup"]),
        (probed(startup_probe=PROBE, liveness_probe=PROBE), Health(startup=True), ["liveness"]),
    ],
)
def test_probes_that_go_on(of: Pod, health: Health, expected: list[str]) -> None:
    probes = plan(seen(of, container(), health={"nginx-0": health})).probes
    assert probes == tuple(Probing("nginx-0", kind, "nginx") for kind in expected)  # type: ignore[arg-type]


def test_the_time_to_look_again_is_that_of_the_earliest_retry() -> None:
    observed = seen(pod(), container(state="exited", ended=4), back_offs={"nginx": BackOff(10, ago(4))})
    decision = plan(observed)
    assert decision.look_again == 6
    assert decision.waiting_for == "the back-off of container nginx"
    (notice,) = decision.notices
    assert (notice.reason, notice.message) == (
        "BackOff",
        "Back-off restarting failed container nginx in pod web-0_default(new)",
    )


def test_a_restart_counts_the_back_off_from_the_end_of_the_failed_attempt() -> None:
    (action,) = plan(seen(pod(), container(state="exited", ended=7))).actions()
    assert isinstance(action, StartContainer)
    assert action.failed_at == ago(7)
    assert action.failed_at < NOW
