"""How pods start and stay up: volumes, sandbox and image at once, then init containers in order, then the others. Pure.

The rules are those of upstream's `computePodActions` and `SyncPod` (pkg/kubelet/kuberuntime/kuberuntime_manager.go).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from petset.api.types import Container as ContainerSpec
from petset.api.types import Probe
from petset.node.pods.draft import Draft
from petset.node.pods.ending import Ending, ending_of, running_of, stop_container, stop_containers
from petset.node.pods.model import (
    SANDBOX,
    VOLUMES,
    AttachNetwork,
    CreateSandbox,
    MountVolumes,
    Notice,
    PullImage,
    RemoveContainer,
    RemoveSandbox,
    RunPostStart,
    Slot,
    StartContainer,
)
from petset.node.pods.view import View, is_sidecar
from petset.node.runtimes.interface import Container
from petset.node.specs import SPEC_HASH_LABEL, spec_hash


@dataclass(frozen=True, slots=True)
class Turn:
    """A container whose turn it is, and what the runtime has of it in the live sandbox."""

    spec: ContainerSpec
    init: bool
    present: Container | None


def keep_up(view: View, draft: Draft) -> None:
    """Plans what brings a pod that should run closer to running."""
    replace_unhealthy(view, draft)
    turns = list(turns_of(view))
    due = {turn.spec.name for turn in turns if needs_start(view, draft, turn)}
    ready = True
    if due:
        mounted = prepare_volumes(view, draft)
        ready = prepare_sandbox(view, draft) and mounted
    elif view.live_sandbox is not None and not view.address:
        prepare_sandbox(view, draft)
    held = False
    for turn in turns:
        is_due = turn.spec.name in due
        held = proceed(view, draft, turn, may_start=ready and not held and is_due, due=is_due) or held
    forget_old(view, draft)


# --- whose turn it is -------------------------------------------------------------------------------------------------


def turns_of(view: View) -> Iterator[Turn]:
    """The containers that may be started or restarted now: up to the first init container that holds up the rest."""
    for spec in view.pod.spec.init_containers:
        present = view.present(spec.name)
        if is_sidecar(spec):
            yield Turn(spec, True, present)
            if not view.has_begun and not view.is_started(spec):
                return
        elif not view.has_begun and not (present is not None and present.state == "exited" and present.exit_code == 0):
            yield Turn(spec, True, present)
            return
    for spec in view.pod.spec.containers:
        yield Turn(spec, False, view.present(spec.name))


def needs_start(view: View, draft: Draft, turn: Turn) -> bool:
    """Whether a container should be started at this very moment; if only later, that time is noted."""
    present, name = turn.present, turn.spec.name
    if present is not None and present.state == "running":
        return False
    code = view.exit_code(name) if present is None or present.state == "exited" else None
    if code is not None and (present is not None or not turn.init):
        restarts = view.restarts_init(turn.spec, code) if turn.init else view.restarts(turn.spec, code)
        if not restarts:
            return False
    waiting = view.seen.waiting.get(name)
    earliest = [waiting.retry_at] if waiting is not None else []
    if present is not None and present.state == "exited":
        ends = view.back_off_ends(present)
        earliest.append(ends)
        if ends > view.now:
            text = f"Back-off restarting failed container {name} in pod {view.full_name}"
            draft.notices.append(Notice(name, present.id, "Warning", "BackOff", text))
    if any(moment > view.now for moment in earliest):
        draft.again(max(earliest))
        draft.wait(f"the back-off of container {name}")
        return False
    return True


def proceed(view: View, draft: Draft, turn: Turn, *, may_start: bool, due: bool) -> bool:
    """Plans the next step of one container; whether those after it have to wait for it."""
    uid, name = view.uid, turn.spec.name
    ongoing = view.seen.ongoing.get(Slot(uid, "image", name)) or view.seen.ongoing.get(Slot(uid, "container", name))
    if ongoing is not None:
        draft.wait(str(ongoing))
        return True
    if turn.present is not None and turn.present.state == "running":
        return run_hook(view, draft, turn.spec, turn.present)
    if not due:
        return False
    if name not in view.seen.images:
        draft.add(uid, PullImage(name))
        return True
    sandbox = view.live_sandbox
    if not may_start or sandbox is None:
        return True
    draft.add(uid, start_of(view, turn, sandbox.id))
    return True


def start_of(view: View, turn: Turn, sandbox_id: str) -> StartContainer:
    """The start of a container; one that was created and not started is taken as it is."""
    name, present = turn.spec.name, turn.present
    if present is not None and present.state == "created":
        return StartContainer(name, sandbox_id, present.attempt, turn.init, created_id=present.id)
    ended = (present.finished_at or present.created_at) if present is not None else None
    return StartContainer(name, sandbox_id, view.next_attempt(name), turn.init, failed_at=ended)


def run_hook(view: View, draft: Draft, spec: ContainerSpec, container: Container) -> bool:
    """Plans a postStart hook that is due; containers further on wait until it is done."""
    handler = spec.lifecycle.post_start if spec.lifecycle is not None else None
    if handler is None or container.id not in view.seen.hooks_due:
        return False
    draft.add(view.uid, RunPostStart(spec.name, container.id, handler))
    return True


# --- what containers need ---------------------------------------------------------------------------------------------


def prepare_volumes(view: View, draft: Draft) -> bool:
    """Mounts volumes that are not; whether they all are."""
    if view.seen.mounted:
        return True
    if may_try(view, draft, VOLUMES):
        draft.add(view.uid, MountVolumes())
    return False


def prepare_sandbox(view: View, draft: Draft) -> bool:
    """Makes a sandbox with an address, in place of one that has died; whether there is one."""
    sandbox = view.sandbox
    if sandbox is not None and sandbox.ready:
        if not view.address and may_try(view, draft, SANDBOX):
            draft.add(view.uid, AttachNetwork(sandbox.id))
        return bool(view.address)
    running = running_of(view.seen, view.uid)
    if running:
        stop_containers(draft, usual_ending(view), running)
    elif may_try(view, draft, SANDBOX) and not draft.goes_on(view.uid, "sandbox", "container"):
        draft.add(view.uid, CreateSandbox(sandbox.attempt + 1 if sandbox is not None else 0))
    else:
        draft.wait("its sandbox")
    return False


def may_try(view: View, draft: Draft, what: str) -> bool:
    """Whether the last failure of the sandbox or the volumes is long enough ago."""
    waiting = view.seen.waiting.get(what)
    if waiting is None or waiting.retry_at <= view.now:
        return True
    draft.again(waiting.retry_at)
    draft.wait(waiting.message)
    return False


# --- containers that have to go ---------------------------------------------------------------------------------------


def usual_ending(view: View) -> Ending:
    """Hooks and grace as the spec says."""
    return ending_of(view.pod, view.pod.spec.termination_grace_period_seconds or 0)


def replace_unhealthy(view: View, draft: Draft) -> None:
    """Kills containers that have another image now or whose startup or liveness probe has failed.

    They come back by the restart policy.
    """
    for spec in (*view.pod.spec.init_containers, *view.pod.spec.containers):
        container = view.present(spec.name)
        if container is None or container.state != "running":
            continue
        if container.labels.get(SPEC_HASH_LABEL, spec_hash(spec)) != spec_hash(spec):
            message = f"Container {spec.name} definition changed, will be restarted"
            stop_container(draft, usual_ending(view), container, message)
            continue
        failed = failed_probe(view, spec, container)
        if failed is None:
            continue
        kind, probe = failed
        again = ", will be restarted" if is_sidecar(spec) or view.pod.spec.restart_policy != "Never" else ""
        grace = probe.termination_grace_period_seconds or view.pod.spec.termination_grace_period_seconds or 0
        message = f"Container {spec.name} failed {kind} probe{again}"
        stop_container(draft, ending_of(view.pod, grace), container, message)


def failed_probe(view: View, spec: ContainerSpec, container: Container) -> tuple[str, Probe] | None:
    """The probe that condemns a running container."""
    health = view.health(container)
    if spec.liveness_probe is not None and health.liveness is False:
        return "liveness", spec.liveness_probe
    if spec.startup_probe is not None and health.startup is False:
        return "startup", spec.startup_probe
    return None


def forget_old(view: View, draft: Draft) -> None:
    """Removes what is older than the last ended attempt of each container, which `logs --previous` shows."""
    live = view.live_sandbox
    for sandbox in view.sandboxes:
        if live is None or sandbox.id == live.id:
            continue
        if all(view.present(spec.name) is not None for spec in view.pod.spec.containers):
            draft.tidy(view.uid, RemoveSandbox(sandbox.id))
            return
    for spec in (*view.pod.spec.init_containers, *view.pod.spec.containers):
        for old in view.attempts(spec.name)[:-2][:1]:
            draft.tidy(view.uid, RemoveContainer(spec.name, old.id))
