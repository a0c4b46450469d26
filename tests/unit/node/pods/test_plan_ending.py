"""How pods end: deletion, force deletion, predecessors of the same name, pods that end by themselves."""

import pytest

from petset.api.types import ExecAction, Lifecycle, LifecycleHandler, Pod
from petset.node.pods.model import CreateSandbox, KillContainer, Observed, RemoveSandbox, StartContainer
from petset.node.pods.plan import plan
from tests.unit.node.pods.given import container, deleted, going_on, init_container, pod, sandbox, seen, steps

STOPPED = sandbox(ready=False)
TORN = frozenset({"new"})
HOOK = LifecycleHandler(exec=ExecAction(command=["true"]))
OLD = sandbox("old")
OLD_STOPPED = sandbox("old", ready=False)


def hooked() -> Pod:
    result = pod()
    result.spec.containers[0].lifecycle = Lifecycle(pre_stop=HOOK)
    return result


def reported(of: Pod, *containers: object, **facts: object) -> Observed:
    """The same observation, with the status that its own plan wants already in the API."""
    observed = seen(of, *containers, **facts)  # type: ignore[arg-type]
    status = plan(observed).status
    assert status is not None
    of.status = status
    return observed


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(seen(deleted(pod()), container()), ["stop container nginx within 10 s"], id="containers first"),
        pytest.param(
            seen(deleted(pod(), grace=0), container()), ["stop container nginx within 1 s"], id="never less than 1 s"
        ),
        pytest.param(
            seen(deleted(hooked()), container()), ["run preStop of container nginx within 10 s"], id="with preStop"
        ),
        pytest.param(
            seen(deleted(pod("a", "b")), container("a"), container("b")),
            ["stop container a within 10 s", "stop container b within 10 s"],
            id="all at once",
        ),
        pytest.param(
            seen(
                deleted(pod(init=(init_container("p", sidecar=True), init_container("q", sidecar=True)))),
                container("p"),
                container("q"),
                container(),
            ),
            ["stop container nginx within 10 s"],
            id="sidecars later",
        ),
        pytest.param(
            seen(
                deleted(pod(init=(init_container("p", sidecar=True), init_container("q", sidecar=True)))),
                container("p"),
                container("q"),
            ),
            ["stop container q within 10 s"],
            id="the last sidecar first",
        ),
        pytest.param(
            seen(deleted(pod()), container(), ongoing=going_on(KillContainer("nginx", "nginx-0", 10))),
            [],
            id="once",
        ),
        pytest.param(
            seen(deleted(pod(), grace=2), container(), ongoing=going_on(KillContainer("nginx", "nginx-0", 10))),
            ["stop container nginx within 2 s"],
            id="sooner when less time is left",
        ),
        pytest.param(
            seen(deleted(pod()), ongoing=going_on(StartContainer("nginx", "sandbox-new-0", 0))),
            [],
            id="a start that goes on is waited for",
        ),
        pytest.param(
            seen(deleted(pod()), container(state="exited")),
            ["stop sandbox, free address and volumes"],
            id="then the sandbox",
        ),
        pytest.param(
            seen(deleted(pod()), container(state="exited"), sandboxes=(STOPPED,)),
            ["free address and volumes"],
            id="then address and volumes",
        ),
        pytest.param(
            seen(deleted(pod()), container(state="exited"), sandboxes=(STOPPED,), torn_down=TORN),
            [],
            id="then the final status",
        ),
        pytest.param(
            reported(deleted(pod()), container(state="exited"), sandboxes=(STOPPED,), torn_down=TORN),
            ["delete the pod's object"],
            id="at last the object",
        ),
        pytest.param(
            reported(deleted(pod()), container(state="exited"), sandboxes=(STOPPED,), torn_down=TORN, deleted=True),
            [],
            id="once, though finalizers keep it",
        ),
        pytest.param(
            seen(deleted(pod()), sandboxes=(), address=""),
            ["free address and volumes"],
            id="a pod that never began",
        ),
    ],
)
def test_deletion(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(
            seen(None, container(at=OLD), sandboxes=(OLD,)),
            ["old: stop container nginx within 1 s"],
            id="a pod whose object is gone",
        ),
        pytest.param(
            seen(
                None,
                container(at=OLD),
                sandboxes=(OLD,),
                ongoing=going_on(KillContainer("nginx", "nginx-0", 30), uid="old"),
            ),
            ["old: stop container nginx within 1 s"],
            id="deleted by force while it was being stopped",
        ),
        pytest.param(
            seen(None, container(state="exited", at=OLD), sandboxes=(OLD,)),
            ["old: stop sandbox, free address and volumes"],
            id="its sandbox",
        ),
        pytest.param(seen(None, sandboxes=(OLD_STOPPED,)), ["old: free address and volumes"], id="its volumes"),
        pytest.param(
            seen(None, sandboxes=(OLD_STOPPED,), torn_down=frozenset({"old"})), ["old: remove sandbox"], id="its rest"
        ),
        pytest.param(
            seen(None, sandboxes=(), holding=frozenset({"old"})),
            ["old: free address and volumes"],
            id="volumes that were mounted before there was a sandbox",
        ),
        pytest.param(
            seen(pod(), container(at=OLD), sandboxes=(OLD,)),
            ["old: stop container nginx within 1 s"],
            id="a successor waits for its containers",
        ),
        pytest.param(
            seen(pod(), sandboxes=(OLD,)),
            ["old: stop sandbox, free address and volumes"],
            id="a successor waits for its sandbox",
        ),
        pytest.param(
            seen(pod(), sandboxes=(), ongoing=going_on(CreateSandbox(0), uid="old")),
            [],
            id="a successor waits for what was begun before it",
        ),
        pytest.param(
            seen(pod(), sandboxes=(OLD_STOPPED,), torn_down=frozenset({"old"})),
            ["old: remove sandbox", "create sandbox (attempt 0)"],
            id="a successor does not wait for the cleaning up",
        ),
        pytest.param(
            seen(
                pod(),
                sandboxes=(OLD_STOPPED,),
                torn_down=frozenset({"old"}),
                ongoing=going_on(RemoveSandbox(OLD.id), uid="old"),
            ),
            ["create sandbox (attempt 0)"],
            id="nor while it goes on",
        ),
    ],
)
def test_predecessors(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected


def ended(phase: str, **spec: object) -> Pod:
    result = pod(**spec)  # type: ignore[arg-type]
    result.status.phase = phase
    return result


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        pytest.param(seen(ended("Failed"), sandboxes=()), ["free address and volumes"], id="Failed"),
        pytest.param(seen(ended("Succeeded"), sandboxes=(), torn_down=TORN), [], id="Succeeded"),
        pytest.param(
            seen(ended("Failed"), container()),
            ["stop container nginx within 10 s"],
            id="what should not run is stopped",
        ),
        pytest.param(
            seen(
                pod(restart_policy="Never", init=(init_container("proxy", sidecar=True),)),
                container(state="exited"),
                container("proxy"),
            ),
            ["stop container proxy within 10 s"],
            id="sidecars end with the others",
        ),
    ],
)
def test_a_pod_that_has_ended_is_never_started_again(observed: Observed, expected: list[str]) -> None:
    assert steps(observed) == expected
