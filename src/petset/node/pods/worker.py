"""One key's turn: observe, plan, begin what was planned. Nothing here waits for what takes time; it ends in a new turn.

What a simulated machine does takes none: it is done on the spot, and the turn goes on with another look.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from msgspec.structs import replace

from petset.aio.queue import KeyedQueue
from petset.aio.tasks import Supervisor
from petset.api.errors import Conflict, NotFound, StatusError
from petset.api.meta import Key, key_of
from petset.api.types import Pod
from petset.client.interface import GIVEN, ConnectionLost
from petset.client.recorder import reference_to
from petset.node.network.interface import NetworkError
from petset.node.pods.act import Actor, Tools
from petset.node.pods.admission import rejection, wants_ports
from petset.node.pods.inventory import Inventory
from petset.node.pods.memory import Memory, Operation
from petset.node.pods.model import (
    Action,
    CreateSandbox,
    DeletePodObject,
    KillContainer,
    Observed,
    Plan,
    RunPostStart,
    Slot,
    Task,
    field_path,
)
from petset.node.pods.plan import plan
from petset.node.pods.termination import termination_message
from petset.node.probes.schedule import ProbeSchedule, Subject
from petset.node.runtimes.errors import ContainerRuntimeError
from petset.node.runtimes.interface import Container
from petset.node.volumes import VolumeNotReady

log = logging.getLogger(__name__)

AT_ONCE = 32
"""Pods whose sandboxes are created at the same time."""
LATE_REPORT = 0.5
"""Seconds by which the report of a step of a pod's creation or deletion may be late."""
MOST_STEPS = 20
"""Steps of a turn, after which others have theirs."""
RETRY = 1.0
"""Seconds until an action is tried again that the runtime or the API could not do."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker reads from and reports to, besides the tools of its actor."""

    find: Callable[[Key], Pod | None]
    neighbours: Callable[[], Iterable[Pod]]
    """All pods of the machine."""
    inventory: Inventory
    probes: ProbeSchedule
    queue: KeyedQueue[Key]
    tasks: Supervisor


@dataclass(frozen=True, slots=True)
class LateReport:
    """A report that waits to be overtaken, and when it waits no longer."""

    due: float
    key: Key
    memory: Memory


class Worker:
    """Brings the pods of one name one step closer to what the API says, a name at a time."""

    def __init__(self, tools: Tools, around: Surroundings) -> None:
        self._tools = tools
        self._around = around
        self._actor = Actor(tools, around.inventory)
        self._memories: dict[Key, dict[str, Memory]] = {}
        self._beginning = 0
        self._waiting: dict[Key, None] = {}
        self._late: deque[LateReport] = deque()

    def adopt_address(self, key: Key, uid: str, address: str) -> None:
        """Remembers the address that a pod was given by an earlier process."""
        self._memory(key, uid).address = address

    def knows(self, pod: Pod) -> bool:
        """Whether this state of a pod is what this process wrote last: then it is no news."""
        memory = self._memories.get(key_of(pod), {}).get(pod.metadata.uid)
        if memory is None or not (memory.own_revision == pod.metadata.resource_version or memory.is_writing(pod)):
            return False
        memory.take(pod)  # the shared copy instead of one of its own
        return True

    async def reconcile(self, key: Key) -> None:
        """One turn. Raises nothing that the runtime or the API can bring about."""
        for _ in range(MOST_STEPS):
            if not await self._step(key):
                return
        self._around.queue.add(key)

    async def _step(self, key: Key) -> bool:
        """One look and what follows from it. Whether something was done at once: then there is more to see."""
        seen = await self._observe(key)
        decision = plan(seen)
        log.debug("%s: %s", key, decision)
        if self._has_to_wait(key, decision):
            return False
        done = False
        for task in decision.tasks:
            done = await self._carry_out(key, task) or done
        if seen.pod is not None:
            memory = self._memory(key, seen.pod.metadata.uid)
            self._probe(memory, decision, seen)
            self._tell(memory, decision)
            if not decision.step:
                self._report(key, memory, seen.pod, decision)
            elif not done:
                self._report_later(key, memory)
        self._forget(key, seen)
        if decision.look_again is not None and not done:
            self._around.queue.add_after(key, decision.look_again)
        return done and key in self._memories

    # --- observing ----------------------------------------------------------------------------------------------------

    async def _observe(self, key: Key) -> Observed:
        inventory = self._around.inventory
        pod = self._around.find(key)
        sandboxes, containers = inventory.sandboxes(key), inventory.containers(key)
        memory = self._memory(key, pod.metadata.uid) if pod is not None else Memory("")
        if pod is not None:
            pod = memory.take(pod)
        for sandbox in sandboxes:
            if sandbox.pod_uid != memory.uid:
                self._memory(key, sandbox.pod_uid)
        await self._hear_last_words(memory, containers)
        if pod is not None and not sandboxes and not memory.admitted:
            self._admit(pod, memory)
        health = self._around.probes.health
        memories = self._memories.get(key, {})
        return Observed(
            pod=pod,
            node=self._tools.node,
            now=self._tools.clock.now(),
            sandboxes=sandboxes,
            containers=containers,
            ongoing={slot: op.action for each in memories.values() for slot, op in each.ongoing.items()},
            holding=frozenset([uid for uid, each in memories.items() if each.holds_something]),
            torn_down=frozenset([uid for uid, each in memories.items() if each.torn_down]),
            address=memory.address,
            mounted=memory.volumes is not None,
            images=frozenset(memory.images),
            waiting=memory.waiting,
            back_offs=memory.back_offs,
            health={c.id: health(c.id) for c in containers if c.state == "running"},
            messages=memory.messages,
            hooks_due=frozenset(memory.hooks_due),
            deleted=memory.deleted,
            rejection=memory.rejection,
            steps_can_wait=memory.report_due is None or self._tools.clock.monotonic() < memory.report_due,
        )

    def _admit(self, pod: Pod, memory: Memory) -> None:
        """Decides, once, whether the machine takes a pod of which nothing was begun."""
        if pod.status.start_time is not None or not wants_ports(pod):
            memory.admitted = True
        elif memory.rejection is None:
            memory.rejection = why = rejection(pod, self._admitted())
            memory.admitted = why is None
            if why is not None:
                self._tools.recorder.event(reference_to(pod), "Warning", why.reason, why.message)

    def _admitted(self) -> Iterator[Pod]:
        for pod in self._around.neighbours():
            memory = self._memories.get(key_of(pod), {}).get(pod.metadata.uid)
            if pod.status.start_time is not None or (memory is not None and memory.admitted):
                yield pod if memory is None or memory.pod is None else memory.pod

    async def _hear_last_words(self, memory: Memory, containers: tuple[Container, ...]) -> None:
        for container in containers:
            if container.state != "exited" or container.id in memory.messages:
                continue
            spec = memory.container(container.name)
            if spec is None:
                continue
            path = self._tools.specs.termination_log(memory.uid, container.name, container.attempt)
            message = await termination_message(container, spec, path, self._tools.clock)
            memory.messages[container.id] = message
            self._around.probes.forget(container.id)

    def _memory(self, key: Key, uid: str) -> Memory:
        memories = self._memories.setdefault(key, {})
        memory = memories.get(uid)
        if memory is None:
            memory = memories[uid] = Memory(uid)
        return memory

    def _forget(self, key: Key, seen: Observed) -> None:
        """Drops the memories of pods that are neither in the API nor in the runtime and of which nothing goes on."""
        memories = self._memories.get(key, {})
        if seen.pod is not None and len(memories) == 1:
            return  # its own
        alive = {sandbox.pod_uid for sandbox in self._around.inventory.sandboxes(key)}
        if seen.pod is not None:
            alive.add(seen.pod.metadata.uid)
        for uid in memories.keys() - alive:
            memory = memories[uid]
            if memory.holds_something or any(slot.what != "image" for slot in memory.ongoing):
                continue
            for operation in memory.ongoing.values():
                operation.task.cancel()
            self._probe_nothing(memory)
            del memories[uid]
        if not memories:
            self._memories.pop(key, None)

    # --- acting -------------------------------------------------------------------------------------------------------

    def _has_to_wait(self, key: Key, decision: Plan) -> bool:
        """Whether a new pod has to wait until others are further on: a few pods at a time get through sooner.

        Thousands at once would go step by step all together, and the first would be as late as the last.
        """
        if self._beginning < AT_ONCE or not any(isinstance(action, CreateSandbox) for action in decision.actions()):
            self._waiting.pop(key, None)
            return False
        self._waiting[key] = None
        return True

    def _next_may_begin(self) -> None:
        if self._waiting:
            key = next(iter(self._waiting))
            del self._waiting[key]
            self._around.queue.add(key)

    async def _carry_out(self, key: Key, task: Task) -> bool:
        """Does at once what can be, and begins all else. Whether something was done."""
        memory = self._memory(key, task.uid)
        if not self._tools.runtime.is_prompt or task.slot in memory.ongoing or takes_time(task.action):
            self._begin(key, memory, task)
            return False
        done = await self._attempt(key, memory, task.action)
        if not done:
            self._around.queue.add_after(key, RETRY)
        return done

    def _begin(self, key: Key, memory: Memory, task: Task) -> None:
        if isinstance(task.action, CreateSandbox):
            self._beginning += 1
        slot = task.slot
        replaced = memory.ongoing.get(slot)
        if replaced is not None:
            replaced.task.cancel()
        work = self._around.tasks.background(str(task), self._go_on(key, memory, slot, task.action))
        memory.ongoing[slot] = Operation(task.action, work)

    async def _go_on(self, key: Key, memory: Memory, slot: Slot, action: Action) -> None:
        done = False
        try:
            done = await self._attempt(key, memory, action)
        finally:
            if isinstance(action, CreateSandbox):
                self._beginning -= 1
                self._next_may_begin()
            operation = memory.ongoing.get(slot)
            if operation is not None and operation.action is action:
                del memory.ongoing[slot]
            if not done:
                self._around.queue.add_after(key, RETRY)
            elif not (isinstance(action, DeletePodObject) and self._is_there(key, memory)):
                self._around.queue.add(key)

    async def _attempt(self, key: Key, memory: Memory, action: Action) -> bool:
        """Whether an action could be done."""
        try:
            await self._actor.perform(memory, action)
        except (ContainerRuntimeError, NetworkError, VolumeNotReady, StatusError, ConnectionLost, OSError) as error:
            log.warning("%s: cannot %s: %s", key, action, error)
            return False
        return True

    def _is_there(self, key: Key, memory: Memory) -> bool:
        """Whether the informer has yet to say that a pod is gone, which is another turn."""
        pod = self._around.find(key)
        return pod is not None and pod.metadata.uid == memory.uid

    def _probe(self, memory: Memory, decision: Plan, seen: Observed) -> None:
        if not decision.probes and not memory.probes:
            return
        pod = memory.pod
        assert pod is not None
        started = {c.id: c.started_at or c.created_at for c in seen.containers}
        address = seen.node.host_ip if pod.spec.host_network else memory.address
        subject = Subject(pod, address, started)
        self._around.probes.want(subject, decision.probes, memory.probes)
        memory.probes = decision.probes

    def _tell(self, memory: Memory, decision: Plan) -> None:
        for notice in decision.notices:
            if memory.pod is not None and memory.noticed.get(notice.container) != notice.container_id:
                memory.noticed[notice.container] = notice.container_id
                about = reference_to(memory.pod, field_path(memory.pod, notice.container))
                self._tools.recorder.event(about, notice.type, notice.reason, notice.message)

    def _probe_nothing(self, memory: Memory) -> None:
        self._around.probes.drop(memory.probes)
        memory.probes = ()

    # --- reporting ----------------------------------------------------------------------------------------------------

    def _report(self, key: Key, memory: Memory, pod: Pod, decision: Plan) -> None:
        """Begins to write the status if there is one to tell; while one write goes on the next waits for its end."""
        memory.report_due = None
        if memory.sent is not None:
            memory.overtaken = True
        elif decision.status is not None:
            memory.sent = replace(pod, metadata=replace(pod.metadata), status=decision.status)
            self._around.tasks.background("status", self._write(key, memory, memory.sent, decision.reported))

    def _report_later(self, key: Key, memory: Memory) -> None:
        """The report of a step may wait a little, to be overtaken by what the step leads to."""
        if memory.report_due is not None:
            return
        memory.report_due = self._tools.clock.monotonic() + LATE_REPORT
        self._late.append(LateReport(memory.report_due, key, memory))
        if len(self._late) == 1:
            self._around.tasks.background("late reports", self._look_at_late_reports())

    async def _look_at_late_reports(self) -> None:
        """Gives a turn to those whose time comes and who have not reported meanwhile, which few do not."""
        while self._late:
            late = self._late[0]
            await self._tools.clock.sleep(late.due - self._tools.clock.monotonic())
            if late.memory.report_due == late.due:
                self._around.queue.add(late.key)
            self._late.popleft()

    async def _write(self, key: Key, memory: Memory, pod: Pod, then: Task | None) -> None:
        again: float | None = None
        try:
            written = await self._tools.client.update(pod, "status", GIVEN)
            memory.take_answer(written)
            memory.own_revision = written.metadata.resource_version
            if then is not None:
                self._begin(key, memory, then)
        except Conflict:
            await self._read_again(key, memory)
            again = 0.0
        except NotFound:
            pass  # the informer will say so
        except (StatusError, ConnectionLost) as error:
            log.warning("%s: cannot write the status: %s", key, error)
            again = RETRY
        finally:
            if memory.overtaken:
                again = again or 0.0
            memory.sent, memory.overtaken = None, False
            if again is not None:
                self._around.queue.add_after(key, again)

    async def _read_again(self, key: Key, memory: Memory) -> None:
        """Somebody else wrote: the next turn decides anew from what is there now."""
        try:
            pod = await self._tools.client.get(Pod, key.name, key.namespace)
        except (StatusError, ConnectionLost) as error:
            log.debug("%s: %s", key, error)
            return
        if pod.metadata.uid == memory.uid:
            memory.take(pod)


def takes_time(action: Action) -> bool:
    """Whether an action waits for something else than the runtime: for a hook, or the API."""
    match action:
        case DeletePodObject() | RunPostStart():
            return True
        case KillContainer(pre_stop=hook):
            return hook is not None
        case _:
            return False
