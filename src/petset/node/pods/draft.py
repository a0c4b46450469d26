"""A plan in the making: tasks are added, reasons to wait are noted, the earliest time to look again is kept. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from petset.api.types import PodStatus
from petset.node.pods.model import Action, Notice, Observed, Plan, Probing, Task


@dataclass(slots=True)
class Draft:
    """What has been decided so far."""

    seen: Observed
    tasks: list[Task] = field(default_factory=list)
    probes: list[Probing] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    waiting_for: str | None = None
    look_at: datetime | None = None
    status: PodStatus | None = None
    reported: Task | None = None
    step: bool = False

    def add(self, uid: str, action: Action) -> None:
        """Plans an action that the pod has to wait for, unless its slot is taken."""
        self.tidy(uid, action)
        if not self.waiting_for:
            self.waiting_for = str(action)

    def tidy(self, uid: str, action: Action) -> None:
        """Plans an action that nobody waits for, unless its slot is taken."""
        slot = action.slot(uid)
        if slot not in self.seen.ongoing and slot not in [task.slot for task in self.tasks]:
            self.tasks.append(Task(slot, action))

    def replace(self, uid: str, action: Action) -> None:
        """Plans an action in place of the one that goes on in its slot."""
        self.tasks.append(Task(action.slot(uid), action))

    def once_reported(self, uid: str, action: Action) -> None:
        """Plans an action that follows once the API shows the status."""
        self.reported = Task(action.slot(uid), action)

    def wait(self, reason: str) -> None:
        """Notes what the pod waits for; the first reason counts."""
        if not self.waiting_for:
            self.waiting_for = reason

    def again(self, moment: datetime) -> None:
        """Asks for another look at that time, at the latest."""
        self.look_at = moment if self.look_at is None else min(self.look_at, moment)

    def finished(self) -> Plan:
        """The plan that this has come to."""
        wait = max(0.0, (self.look_at - self.seen.now).total_seconds()) if self.look_at is not None else None
        return Plan(
            tasks=tuple(self.tasks),
            status=self.status,
            reported=self.reported,
            step=self.step,
            probes=tuple(self.probes),
            notices=tuple(self.notices),
            waiting_for=self.waiting_for,
            look_again=wait,
        )

    def goes_on(self, uid: str, *places: str) -> bool:
        """Whether something goes on, or is planned, in any of these places of a pod."""
        slots = (*self.seen.ongoing, *(task.slot for task in self.tasks))
        return any(slot.uid == uid and slot.what in places for slot in slots)
