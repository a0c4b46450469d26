"""Takes back the word of an eviction that never came: a pod that says it is a DisruptionTarget and is not deleted."""

from datetime import timedelta

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.errors import NotFound
from petset.api.meta import Key, copy, get_condition, is_terminating, key_of, parse_time, set_condition
from petset.api.types import Pod, PodCondition
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.controllers.runtime import DONE, Controller, Result

NAME = "stale-disruption-controller"
TARGET = "DisruptionTarget"
PATIENCE = timedelta(minutes=2)
_BY_KUBELET = "TerminationByKubelet"


def seconds_until_stale(pod: Pod, clock: Clock) -> float | None:
    """How long the condition may still stand; None when there is nothing to take back."""
    if is_terminating(pod) or pod.status.phase in ("Failed", "Succeeded"):
        return None
    condition = get_condition(pod.status.conditions, TARGET)
    if condition is None or condition.status != "True" or condition.reason == _BY_KUBELET:
        return None
    since = condition.last_transition_time
    if since is None:
        return 0.0
    return max(0.0, (parse_time(since) + PATIENCE - clock.now()).total_seconds())


class StaleDisruptions:
    """Looks after the pods' DisruptionTarget conditions. `run` works until it is cancelled."""

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._pods = informers.informer(Pod)
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._pods.add_handlers(self._seen, lambda _, pod: self._seen(pod))
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=(self._pods,), workers=1)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _seen(self, pod: Pod) -> None:
        left = seconds_until_stale(pod, self._clock)
        if left is not None:
            self._queue.add_after(key_of(pod), left)

    async def _reconcile(self, key: Key) -> Result:
        pod = self._pods.get(key.namespace, key.name)
        left = seconds_until_stale(pod, self._clock) if pod is not None else None
        if pod is None or left is None:
            return DONE
        if left > 0:
            return Result(look_again=left)
        changed = copy(pod)
        set_condition(changed.status.conditions, PodCondition(type=TARGET, status="False"), self._clock.now())
        try:
            await self._client.update(changed, "status")
        except NotFound:
            return DONE
        return DONE
