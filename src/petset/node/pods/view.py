"""What was observed, seen as one pod: which of its containers counts, what it may do next. Pure.

The rules are those of upstream's `pkg/kubelet/kuberuntime/kuberuntime_manager.go` and `container/helpers.go`.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from functools import cached_property

from petset.api.meta import parse_time
from petset.api.types import Container as ContainerSpec
from petset.api.types import ContainerStatus, Pod
from petset.node.pods.model import Health, Observed
from petset.node.runtimes.interface import Container

ENDED = frozenset({"Failed", "Succeeded"})


def is_sidecar(container: ContainerSpec) -> bool:
    """Whether an init container runs beside the others instead of before them."""
    return container.restart_policy == "Always"


class View:
    """One pod of what was observed. Nothing of it may be changed."""

    def __init__(self, seen: Observed, pod: Pod) -> None:
        self.seen = seen
        self.pod = pod
        self.uid = pod.metadata.uid
        self.now = seen.now
        self.sandboxes = seen.sandboxes_of(self.uid)
        """The pod's sandboxes, oldest first."""
        self.sandbox = self.sandboxes[-1] if self.sandboxes else None
        """The newest sandbox, alive or not."""
        self.live_sandbox = self.sandbox if self.sandbox is not None and self.sandbox.ready else None
        """The newest sandbox, when it is alive."""
        self.address = seen.node.host_ip if pod.spec.host_network else seen.address
        """The pod's address: the machine's own with hostNetwork, "" as long as there is none."""
        self._attempts = _by_name(seen, [sandbox.id for sandbox in self.sandboxes])
        self._newest = {name: attempts[-1] for name, attempts in self._attempts.items()}

    # --- containers

    def attempts(self, name: str) -> Sequence[Container]:
        """What the runtime has of one container, oldest first."""
        return self._attempts.get(name, ())

    def newest(self, name: str) -> Container | None:
        """The container's latest attempt, in whatever sandbox."""
        return self._newest.get(name)

    def present(self, name: str) -> Container | None:
        """The container's latest attempt, when it belongs to the live sandbox."""
        newest, sandbox = self._newest.get(name), self.live_sandbox
        return newest if newest and sandbox and newest.sandbox_id == sandbox.id else None

    def reported(self, name: str) -> ContainerStatus | None:
        """What the API shows of a container."""
        status = self.pod.status
        for known in (*status.init_container_statuses, *status.container_statuses):
            if known.name == name:
                return known
        return None

    def next_attempt(self, name: str) -> int:
        """The number of the attempt to come, also when the runtime has lost its memory of the earlier ones."""
        newest = self.newest(name)
        if newest is not None:
            return newest.attempt + 1
        reported = self.reported(name)
        return reported.restart_count + 1 if reported is not None and reported.container_id else 0

    def container_id(self, container: Container) -> str:
        """The id as statuses show it."""
        return f"{self.seen.node.runtime}://{container.id}"

    # --- restarting

    def restarts(self, spec: ContainerSpec, exit_code: int) -> bool:
        """Whether the restart policy wants a container again that ended with this code."""
        policy = spec.restart_policy or self.pod.spec.restart_policy
        return policy == "Always" or (policy == "OnFailure" and exit_code != 0) or policy is None

    def restarts_init(self, spec: ContainerSpec, exit_code: int) -> bool:
        """The same for an init container, which has done its work once it ended with 0."""
        return is_sidecar(spec) or (exit_code != 0 and self.pod.spec.restart_policy != "Never")

    def exit_code(self, name: str) -> int | None:
        """The exit code of a container that has ended, as the runtime knows it, else as the API remembers it."""
        newest = self.newest(name)
        if newest is not None:
            return newest.exit_code if newest.state == "exited" else None
        reported = self.reported(name)
        terminated = reported.state.terminated if reported is not None else None
        return terminated.exit_code if terminated is not None else None

    @property
    def full_name(self) -> str:
        """The pod as messages name it: `web-0_default(uid)`."""
        metadata = self.pod.metadata
        return f"{metadata.name}_{metadata.namespace}({metadata.uid})"

    def back_off_ends(self, container: Container) -> datetime:
        """When a container that has ended may be started again. A wait holds for failures after it was entered only."""
        ended = container.finished_at or container.created_at
        entry = self.seen.back_offs.get(container.name)
        return entry.ends(ended) if entry is not None and ended >= entry.updated else ended

    # --- health

    def health(self, container: Container) -> Health:
        """Probe results; what the API says of this very container stands in for results that a restart has lost."""
        known = self.seen.health.get(container.id, Health())
        reported = self.reported(container.name)
        if reported is None or reported.container_id != self.container_id(container):
            return known
        startup = known.startup if known.startup is not None else (True if reported.started else None)
        readiness = known.readiness if known.readiness is not None else (True if reported.ready else None)
        return Health(startup, readiness, known.liveness)

    def is_started(self, spec: ContainerSpec) -> bool:
        """Whether a container runs, its postStart hook is done and its startup probe, if any, has succeeded."""
        container = self.newest(spec.name)
        if container is None or container.state != "running" or container.id in self.seen.hooks_due:
            return False
        return spec.startup_probe is None or self.health(container).startup is True

    def is_ready(self, spec: ContainerSpec) -> bool:
        """Whether a container is started and its readiness probe, if any, has succeeded."""
        container = self.newest(spec.name)
        if container is None or not self.is_started(spec):
            return False
        return spec.readiness_probe is None or self.health(container).readiness is True

    # --- the pod as a whole

    @cached_property
    def runs(self) -> bool:
        """Whether any container runs, sidecars included."""
        return any(container.state == "running" for container in self._newest.values())

    @property
    def has_run(self) -> bool:
        """Whether any container was ever started, of all that the runtime remembers."""
        return any(container.state != "created" for container in self._newest.values())

    @cached_property
    def has_begun(self) -> bool:
        """Whether any container that is not an init container exists in the live sandbox: initialization is over."""
        return bool(self._newest) and any(self.present(spec.name) is not None for spec in self.pod.spec.containers)

    @property
    def was_rejected(self) -> bool:
        """Whether the pod has failed before anything of it was begun."""
        return self.pod.status.phase == "Failed" and not self.sandboxes and not self.pod.status.container_statuses

    @property
    def init_failed(self) -> bool:
        """Whether an init container has failed for good."""
        inits = self.pod.spec.init_containers
        return bool(inits) and not self.has_begun and any(map(self._has_failed, inits))

    def _has_failed(self, spec: ContainerSpec) -> bool:
        code = self.exit_code(spec.name)
        return not is_sidecar(spec) and code not in {None, 0} and not self.restarts_init(spec, code or 0)

    @property
    def deadline(self) -> datetime | None:
        """When activeDeadlineSeconds are over."""
        seconds, started = self.pod.spec.active_deadline_seconds, self.pod.status.start_time
        return parse_time(started) + timedelta(seconds=seconds) if seconds is not None and started else None

    @property
    def is_overdue(self) -> bool:
        """Whether activeDeadlineSeconds are over, and the pod did not end before."""
        if self.pod.spec.active_deadline_seconds is None or self.pod.status.phase in ENDED:
            return False
        return self.deadline is not None and self.deadline <= self.now

    @cached_property
    def is_over(self) -> bool:
        """Whether the pod has come to its end by itself: nothing of it will be started any more."""
        if self.pod.status.phase in ENDED or self.init_failed or self.is_overdue:
            return True
        for spec in self.pod.spec.containers:
            code = self.exit_code(spec.name)
            if code is None or self.restarts(spec, code):
                return False
        return True


def _by_name(seen: Observed, sandboxes: Collection[str]) -> dict[str, list[Container]]:
    """The containers in these sandboxes by name, each in the order of its attempts."""
    found: dict[str, list[Container]] = {}
    for container in seen.containers:
        if container.sandbox_id in sandboxes:
            found.setdefault(container.name, []).append(container)
    for attempts in found.values():
        if len(attempts) > 1:
            attempts.sort(key=lambda container: container.attempt)
    return found
