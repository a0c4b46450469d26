"""When each probe asks. One timer for all; a task exists only while a container is being asked.

The rules are those of upstream's `pkg/kubelet/prober`: initialDelaySeconds count from the container's start, a probe
asks every periodSeconds, startup and liveness probes stop once they have condemned their container.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue, QueueShutDown
from petset.aio.tasks import Supervisor
from petset.api.meta import Key, key_of
from petset.api.types import Container, Pod, Probe
from petset.client.recorder import EventRecorder, reference_to
from petset.node.pods.model import Health, ProbeKind, Probing, field_path
from petset.node.probes.handlers import Prober, target_of
from petset.node.probes.results import Outcome, Verdict, early_pause, judge


@dataclass(slots=True)
class Watch:
    """One probe of one container. `early` counts the extra questions of its first period, None when that is over."""

    pod: Pod
    container: Container
    field_path: str
    address: str
    probe: Probe
    due: float = 0.0
    early: int | None = None
    verdict: Verdict = field(default_factory=Verdict)


@dataclass(frozen=True, slots=True)
class Subject:
    """A pod whose containers are asked; `started` is by container id."""

    pod: Pod
    address: str
    started: Mapping[str, datetime]


class ProbeSchedule:
    """Asks what it is told to ask, and remembers the verdicts until it is told to forget the container."""

    def __init__(
        self,
        prober: Prober,
        recorder: EventRecorder,
        tasks: Supervisor,
        clock: Clock,
        changed: Callable[[Key], None],
    ) -> None:
        self._prober = prober
        self._recorder = recorder
        self._tasks = tasks
        self._clock = clock
        self._changed = changed
        self._queue: KeyedQueue[Probing] = KeyedQueue("probes", clock)
        self._watches: dict[Probing, Watch] = {}
        self._verdicts: dict[str, dict[ProbeKind, bool]] = {}

    def health(self, container_id: str) -> Health:
        """What the probes of a container have come to."""
        verdicts = self._verdicts.get(container_id, {})
        return Health(verdicts.get("startup"), verdicts.get("readiness"), verdicts.get("liveness"))

    def want(self, subject: Subject, wanted: Iterable[Probing], known: Iterable[Probing]) -> None:
        """Makes exactly `wanted` the probes of a pod that go on, where `known` went on before."""
        wanted = set(wanted)
        self.drop(set(known) - wanted)
        for probing in wanted:
            watch = self._watches.get(probing)
            if watch is None:
                self._begin(subject, probing)
            else:
                watch.pod, watch.address = subject.pod, subject.address

    def drop(self, probes: Iterable[Probing]) -> None:
        """Ends probes."""
        for probing in probes:
            self._watches.pop(probing, None)

    def forget(self, container_id: str) -> None:
        """Drops the verdicts on a container that has ended."""
        self._verdicts.pop(container_id, None)

    async def run(self) -> None:
        """Asks until cancelled."""
        while True:
            try:
                probing = await self._queue.get()
            except QueueShutDown:
                return
            self._tasks.background(f"{probing.kind} probe of {probing.container}", self._ask(probing))

    def _begin(self, subject: Subject, probing: Probing) -> None:
        spec = subject.pod.spec
        container = next(c for c in (*spec.init_containers, *spec.containers) if c.name == probing.container)
        probe = _probe_of(container, probing.kind)
        if probe is None:
            return
        path = field_path(subject.pod, probing.container)
        watch = self._watches[probing] = Watch(subject.pod, container, path, subject.address, probe)
        waited = (self._clock.now() - subject.started[probing.container_id]).total_seconds()
        delay = max(0.0, (probe.initial_delay_seconds or 0) - waited)
        watch.due = self._clock.monotonic() + delay
        watch.early = 0 if probing.kind != "liveness" and probe.exec is None else None
        self._queue.add_after(probing, delay)

    async def _ask(self, probing: Probing) -> None:
        try:
            watch = self._watches.get(probing)
            if watch is None:
                return
            target = target_of(watch.container, probing.container_id, watch.address)
            outcome = await self._prober.probe(target, watch.probe)
            if self._watches.get(probing) is not watch:
                return
            self._note(probing, watch, outcome)
        finally:
            self._queue.done(probing)
        if watch.verdict.healthy is False and probing.kind != "readiness":
            return  # condemned: the container is being replaced
        self._queue.add_after(probing, self._pause(probing, watch))

    def _pause(self, probing: Probing, watch: Watch) -> float:
        period = float(watch.probe.period_seconds or 10)
        now = self._clock.monotonic()
        if watch.early is not None:
            pause = early_pause(watch.early, now - watch.due, period)
            watch.early = watch.early + 1 if pause is not None else None
            if pause is not None:
                return pause
        watch.due = max(watch.due + period, now)
        return watch.due - now

    def _note(self, probing: Probing, watch: Watch, outcome: Outcome) -> None:
        if watch.early is not None:
            if not outcome.success and not outcome.errored:
                return
            watch.early = None
        if not outcome.success or outcome.warning:
            self._report(probing, watch, outcome)
        before = watch.verdict.healthy
        watch.verdict = judge(watch.verdict, watch.probe, outcome)
        if watch.verdict.healthy is None or watch.verdict.healthy == before:
            return
        self._verdicts.setdefault(probing.container_id, {})[probing.kind] = watch.verdict.healthy
        self._changed(key_of(watch.pod))

    def _report(self, probing: Probing, watch: Watch, outcome: Outcome) -> None:
        about = reference_to(watch.pod, watch.field_path)
        verb = "warning" if outcome.warning else "errored" if outcome.errored else "failed"
        reason = "ProbeWarning" if outcome.warning else "Unhealthy"
        text = f"{probing.kind.capitalize()} probe {verb}: {outcome.message}"
        self._recorder.event(about, "Warning", reason, text)


def _probe_of(container: Container, kind: ProbeKind) -> Probe | None:
    match kind:
        case "startup":
            return container.startup_probe
        case "readiness":
            return container.readiness_probe
        case "liveness":
            return container.liveness_probe
