"""How pods end: containers first, sidecars after them, then the sandbox, the address and the volumes. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from petset.api.types import LifecycleHandler, Pod
from petset.node.pods.draft import Draft
from petset.node.pods.model import (
    MINIMUM_GRACE,
    KillContainer,
    Observed,
    RemoveSandbox,
    Slot,
    TearDown,
)
from petset.node.pods.view import is_sidecar
from petset.node.runtimes.interface import Container


@dataclass(frozen=True, slots=True)
class Ending:
    """How much time the containers of a pod get, their preStop hooks, and which of them go last, in which order."""

    uid: str
    grace: float = MINIMUM_GRACE
    pre_stop: Mapping[str, LifecycleHandler] = field(default_factory=dict)
    last: tuple[str, ...] = ()


def ending_of(pod: Pod, grace: float) -> Ending:
    """The end of a pod whose object is there."""
    containers = [*pod.spec.init_containers, *pod.spec.containers]
    hooks = {c.name: c.lifecycle.pre_stop for c in containers if c.lifecycle and c.lifecycle.pre_stop}
    sidecars = tuple(c.name for c in reversed(pod.spec.init_containers) if is_sidecar(c))
    return Ending(pod.metadata.uid, max(grace, MINIMUM_GRACE), hooks, sidecars)


def running_of(seen: Observed, uid: str) -> list[Container]:
    """The running containers of a pod, in whichever of its sandboxes."""
    ids = {sandbox.id for sandbox in seen.sandboxes if sandbox.pod_uid == uid}
    return [c for c in seen.containers if c.state == "running" and c.sandbox_id in ids]


def stop_containers(draft: Draft, ending: Ending, running: Collection[Container]) -> None:
    """Stops all that are not sidecars at once; then the sidecars, one after the other."""
    first = [container for container in running if container.name not in ending.last]
    sidecars = sorted((c for c in running if c.name in ending.last), key=lambda c: ending.last.index(c.name))
    for container in first or sidecars[:1]:
        stop_container(draft, ending, container)


def stop_container(draft: Draft, ending: Ending, container: Container, message: str = "") -> None:
    """Stops one container; one that is being stopped already is given less time when less is left."""
    ongoing = draft.seen.ongoing.get(Slot(ending.uid, "container", container.name))
    message = message or f"Stopping container {container.name}"
    hook = ending.pre_stop.get(container.name)
    if isinstance(ongoing, KillContainer) and ongoing.container_id == container.id:
        if ending.grace < ongoing.grace:
            draft.replace(ending.uid, KillContainer(container.name, container.id, ending.grace))
        draft.wait(f"container {container.name} to stop")
        return
    draft.add(ending.uid, KillContainer(container.name, container.id, ending.grace, message, hook))


def end(draft: Draft, ending: Ending) -> bool:
    """Plans the next steps towards a pod of which nothing runs; whether that is so and nothing is left to do."""
    seen, uid = draft.seen, ending.uid
    running = running_of(seen, uid)
    if running:
        stop_containers(draft, ending, running)
        return False
    if draft.goes_on(uid, "container", "sandbox"):
        draft.wait("what goes on to finish")
        return False
    alive = tuple(sandbox.id for sandbox in seen.sandboxes_of(uid) if sandbox.ready)
    if alive or uid not in seen.torn_down:
        draft.add(uid, TearDown(alive))
        return False
    return not draft.goes_on(uid, "volumes")


def end_predecessors(draft: Draft, uid: str) -> bool:
    """Ends every pod that had the name but is not `uid`; whether none of them can still be running."""
    others = ({sandbox.pod_uid for sandbox in draft.seen.sandboxes} | draft.seen.holding) - {uid}
    if not others and all(slot.uid == uid for slot in draft.seen.ongoing):
        return True
    for other in sorted(others):
        if end(draft, Ending(other)):
            for sandbox in draft.seen.sandboxes_of(other)[:1]:
                draft.add(other, RemoveSandbox(sandbox.id))
    alive = any(sandbox.ready and sandbox.pod_uid in others for sandbox in draft.seen.sandboxes)
    busy = any(slot.uid != uid and slot.what in {"sandbox", "container"} for slot in draft.seen.ongoing)
    removing = all(isinstance(a, RemoveSandbox) for s, a in draft.seen.ongoing.items() if s.uid != uid)
    running = any(running_of(draft.seen, other) for other in others)
    return not (alive or running or (busy and not removing))
