"""What tests of the plan start from: a pod, and what the runtime has of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from petset.api.meta import format_time
from petset.api.types import Container as ContainerSpec
from petset.api.types import HTTPGetAction, ObjectMeta, Pod, PodSpec, Probe
from petset.node.pods.model import Action, Node, Observed, Slot
from petset.node.pods.plan import plan
from petset.node.runtimes.interface import Container, ContainerState, Sandbox

NOW = datetime(2026, 1, 1, tzinfo=UTC)
NODE = Node("here", "192.0.2.1", "podman")
PROBE = Probe(http_get=HTTPGetAction(port=80))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def pod(*names: str, uid: str = "new", init: tuple[ContainerSpec, ...] = (), **spec: object) -> Pod:
    """`web-0` with containers of these names; the keywords are fields of its spec."""
    result = Pod(metadata=ObjectMeta(name="web-0", namespace="default", uid=uid, generation=1))
    result.spec = PodSpec(node_name="here", restart_policy="Always", termination_grace_period_seconds=10)
    result.spec.containers = [ContainerSpec(name=name, image=f"{name}:1") for name in names or ("nginx",)]
    result.spec.init_containers = list(init)
    for name, value in spec.items():
        setattr(result.spec, name, value)
    return result


def deleted(old: Pod, grace: int = 10) -> Pod:
    """The same pod, with its deletion asked for."""
    old.metadata.deletion_timestamp = format_time(NOW + timedelta(seconds=grace))
    old.metadata.deletion_grace_period_seconds = grace
    return old


def init_container(name: str = "init", *, sidecar: bool = False, **fields: object) -> ContainerSpec:
    spec = ContainerSpec(name=name, image=f"{name}:1", restart_policy="Always" if sidecar else None)
    for field, value in fields.items():
        setattr(spec, field, value)
    return spec


def sandbox(uid: str = "new", attempt: int = 0, *, ready: bool = True) -> Sandbox:
    return Sandbox(f"sandbox-{uid}-{attempt}", "web-0", "default", uid, attempt, ready, 1, {}, ago(100))


def container(
    name: str = "nginx",
    state: ContainerState = "running",
    *,
    attempt: int = 0,
    code: int = 0,
    at: Sandbox | None = None,
    ended: float = 0.0,
) -> Container:
    """A container; `ended` is how many seconds ago."""
    result = Container(
        id=f"{name}-{attempt}",
        sandbox_id=(at or sandbox()).id,
        name=name,
        attempt=attempt,
        state=state,
        image=f"{name}:1",
        image_id="sha256:1",
        labels={},
        created_at=ago(100),
    )
    if state == "created":
        return result
    result = replace(result, started_at=ago(99))
    return replace(result, finished_at=ago(ended), exit_code=code) if state == "exited" else result


def seen(of: Pod | None, *containers: Container, **facts: object) -> Observed:
    """A pod in a live sandbox, with its volumes and images there, unless `facts` say otherwise."""
    names = [c.name for c in (*of.spec.init_containers, *of.spec.containers)] if of is not None else []
    usual: dict[str, object] = {
        "sandboxes": (sandbox(),),
        "address": "10.244.0.5",
        "mounted": True,
        "images": frozenset(names),
    }
    return Observed(pod=of, node=NODE, now=NOW, containers=containers, **(usual | facts))  # type: ignore[arg-type]


def steps(observed: Observed) -> list[str]:
    """What the plan says, in words; actions for other pods carry their uid."""
    own = observed.pod.metadata.uid if observed.pod is not None else ""
    return [str(task) if task.uid in {own, ""} else f"{task.uid}: {task}" for task in plan(observed).tasks]


def going_on(*actions: Action, uid: str = "new") -> Mapping[Slot, Action]:
    return {action.slot(uid): action for action in actions}
