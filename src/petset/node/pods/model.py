"""What one decision about a pod looks at, and what it says. Values only; a Plan prints as a list of actions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from petset.api.types import LifecycleHandler, Pod, PodStatus
from petset.node.pods.backoff import BackOff
from petset.node.runtimes.interface import Container, Sandbox

MINIMUM_GRACE = 1.0
"""Seconds that even a pod deleted by force gets between TERM and KILL, as from the kubelet."""

SANDBOX = "/sandbox"
VOLUMES = "/volumes"
"""What can fail of a pod as a whole; no container has such a name."""

ProbeKind = Literal["startup", "readiness", "liveness"]


def field_path(pod: Pod, container: str) -> str:
    """What events call a container of a pod."""
    is_init = any(spec.name == container for spec in pod.spec.init_containers)
    return f"spec.{'initContainers' if is_init else 'containers'}{{{container}}}"


# --- what is seen -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """What statuses say about the machine. `runtime` is the scheme of container ids: `podman`."""

    name: str
    host_ip: str
    runtime: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Why something could not be done, as a container's waiting state says it, and when to try again."""

    reason: str
    message: str
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """What the probes of one running container have come to; None: not known yet."""

    startup: bool | None = None
    readiness: bool | None = None
    liveness: bool | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a pod that is bound to this machine is never begun here, in the kubelet's words."""

    reason: str
    message: str


class Slot(NamedTuple):
    """A place for one operation at a time: of one pod, on its sandbox, volumes or object, or on one container."""

    uid: str
    what: Literal["sandbox", "volumes", "object", "image", "container", "hook"]
    name: str = ""


class Observed(msgspec.Struct, frozen=True):
    """Everything a decision about the pods of one name may look at, read at one moment.

    `pod` is the object of that name, None when there is none. `sandboxes` and `containers` are those of every pod that
    had the name; `holding` and `torn_down` the uids of those that have volumes or an address, and of those whose
    volumes and address have been freed.

    All else is about `pod`: its address, whether its volumes are mounted, the containers whose images are known to be
    there, why something waits (by container, or SANDBOX, or VOLUMES), probe results and termination messages (by
    container id), containers whose postStart hook is still due (by id), whether the deletion of its object was asked,
    why it is rejected, and whether the report of a mere step of its creation or deletion may wait.
    """

    pod: Pod | None
    node: Node
    now: datetime
    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()
    ongoing: "Mapping[Slot, Action]" = msgspec.field(default_factory=dict)
    holding: frozenset[str] = frozenset()
    torn_down: frozenset[str] = frozenset()
    address: str = ""
    mounted: bool = False
    images: frozenset[str] = frozenset()
    waiting: Mapping[str, Waiting] = msgspec.field(default_factory=dict)
    back_offs: Mapping[str, BackOff] = msgspec.field(default_factory=dict)
    health: Mapping[str, Health] = msgspec.field(default_factory=dict)
    messages: Mapping[str, str] = msgspec.field(default_factory=dict)
    hooks_due: frozenset[str] = frozenset()
    deleted: bool = False
    rejection: Rejection | None = None
    steps_can_wait: bool = False

    def sandboxes_of(self, uid: str) -> list[Sandbox]:
        """The sandboxes of one pod, oldest first."""
        found = [sandbox for sandbox in self.sandboxes if sandbox.pod_uid == uid]
        return found if len(found) < 2 else sorted(found, key=lambda sandbox: sandbox.attempt)

    def containers_in(self, sandbox_id: str) -> list[Container]:
        """The containers of one sandbox."""
        return [container for container in self.containers if container.sandbox_id == sandbox_id]


# --- what is to be done -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    """Creates the pod's sandbox and gives it its address."""

    attempt: int

    def slot(self, uid: str) -> Slot:
        """The sandbox."""
        return Slot(uid, "sandbox")

    def __str__(self) -> str:
        return f"create sandbox (attempt {self.attempt})"


@dataclass(frozen=True, slots=True)
class AttachNetwork:
    """Gives a sandbox that has none its address: a crash came between."""

    sandbox_id: str

    def slot(self, uid: str) -> Slot:
        """The sandbox."""
        return Slot(uid, "sandbox")

    def __str__(self) -> str:
        return "attach network"


@dataclass(frozen=True, slots=True)
class MountVolumes:
    """Puts the pod's volumes in their places."""

    def slot(self, uid: str) -> Slot:
        """The volumes."""
        return Slot(uid, "volumes")

    def __str__(self) -> str:
        return "mount volumes"


@dataclass(frozen=True, slots=True)
class PullImage:
    """Makes sure that a container's image is there, by its pull policy."""

    container: str

    def slot(self, uid: str) -> Slot:
        """The container's image."""
        return Slot(uid, "image", self.container)

    def __str__(self) -> str:
        return f"make sure of the image of {self.container}"


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Creates a container, or takes one that was created and never started, and starts it.

    `failed_at` is when its predecessor ended: from then on the back-off counts.
    """

    container: str
    sandbox_id: str
    attempt: int
    init: bool = False
    created_id: str = ""
    failed_at: datetime | None = None

    def slot(self, uid: str) -> Slot:
        """The container."""
        return Slot(uid, "container", self.container)

    def __str__(self) -> str:
        return f"start container {self.container} (attempt {self.attempt})"


@dataclass(frozen=True, slots=True)
class RunPostStart:
    """Runs a container's postStart hook; when it fails the container is killed."""

    container: str
    container_id: str
    handler: LifecycleHandler

    def slot(self, uid: str) -> Slot:
        """The container's hook."""
        return Slot(uid, "hook", self.container)

    def __str__(self) -> str:
        return f"run postStart of {self.container}"


@dataclass(frozen=True, slots=True)
class KillContainer:
    """Runs the preStop hook if there is one, then sends TERM, and KILL once `grace` seconds have passed altogether.

    Without a message no event is recorded.
    """

    container: str
    container_id: str
    grace: float
    message: str = ""
    pre_stop: LifecycleHandler | None = None

    def slot(self, uid: str) -> Slot:
        """The container."""
        return Slot(uid, "container", self.container)

    def __str__(self) -> str:
        hook = "run preStop of" if self.pre_stop is not None else "stop"
        return f"{hook} container {self.container} within {self.grace:g} s"


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Forgets an ended container that nobody asks about any more."""

    container: str
    container_id: str

    def slot(self, uid: str) -> Slot:
        """The container."""
        return Slot(uid, "container", self.container)

    def __str__(self) -> str:
        return f"remove an old container {self.container}"


@dataclass(frozen=True, slots=True)
class RemoveSandbox:
    """Forgets a stopped sandbox and its containers, logs included."""

    sandbox_id: str

    def slot(self, uid: str) -> Slot:
        """The sandbox."""
        return Slot(uid, "sandbox")

    def __str__(self) -> str:
        return "remove sandbox"


@dataclass(frozen=True, slots=True)
class TearDown:
    """Ends these sandboxes, in which nothing runs any more, then frees the pod's address and unmounts its volumes."""

    sandbox_ids: tuple[str, ...] = ()

    def slot(self, uid: str) -> Slot:
        """The volumes."""
        return Slot(uid, "volumes")

    def __str__(self) -> str:
        return f"{'stop sandbox, ' if self.sandbox_ids else ''}free address and volumes"


@dataclass(frozen=True, slots=True)
class DeletePodObject:
    """Tells the API that nothing of the pod is left: deletes the object with grace 0, this very uid only."""

    def slot(self, uid: str) -> Slot:
        """The object."""
        return Slot(uid, "object")

    def __str__(self) -> str:
        return "delete the pod's object"


Action = (
    CreateSandbox
    | AttachNetwork
    | MountVolumes
    | PullImage
    | StartContainer
    | RunPostStart
    | KillContainer
    | RemoveContainer
    | RemoveSandbox
    | TearDown
    | DeletePodObject
)


class Task(NamedTuple):
    """An action, and where it takes place."""

    slot: Slot
    action: Action

    @property
    def uid(self) -> str:
        """Whose it is."""
        return self.slot.uid

    def __str__(self) -> str:
        return str(self.action)


class Notice(NamedTuple):
    """An event about a container, worth telling once for each `container_id`."""

    container: str
    container_id: str
    type: str
    reason: str
    message: str


class Probing(NamedTuple):
    """A probe that should be going on now."""

    container_id: str
    kind: ProbeKind
    container: str


class Plan(msgspec.Struct, frozen=True):
    """The decision. The tasks may all go on at once; a task in a slot that is taken replaces what goes on there.

    `status` is what the API should show and does not, None when there is nothing to tell; `reported` is the task that
    is to follow once the API shows it. `step` says that what there is to tell is a mere step on the way to another
    status that matters, and was not worked out. `waiting_for` says in words what keeps the pod from its goal.
    `look_again` is in seconds: something will have changed by then without any event.
    """

    tasks: tuple[Task, ...] = ()
    status: PodStatus | None = None
    reported: Task | None = None
    step: bool = False
    probes: tuple[Probing, ...] = ()
    notices: tuple[Notice, ...] = ()
    waiting_for: str | None = None
    look_again: float | None = None

    def actions(self) -> Iterator[Action]:
        """The actions of all tasks."""
        return (task.action for task in self.tasks)

    def __str__(self) -> str:
        steps = [str(task) for task in self.tasks]
        if self.reported is not None:
            steps.append(f"report, then {self.reported}")
        return "; ".join(steps) or (f"wait for {self.waiting_for}" if self.waiting_for else "")
