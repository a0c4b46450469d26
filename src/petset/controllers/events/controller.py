"""When an event is looked at, and how it is deleted."""

import logging

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.aio.tasks import Supervisor
from petset.api.errors import NotFound, StatusError
from petset.api.meta import Key, key_of
from petset.api.types import DeleteOptions, Event, Preconditions
from petset.client.interface import Client, ConnectionLost, WatchOptions
from petset.controllers.events.plan import seconds_left
from petset.controllers.runtime import DONE, Controller, Result

log = logging.getLogger(__name__)

NAME = "event-ttl-controller"
WATCH_AGAIN = 1.0
"""Seconds after which a watch that ended is opened again."""
EVENTS_PER_TURN = 100


class EventExpiry:
    """Deletes events when their time is over. `run` works until it is cancelled.

    An event that occurs again keeps the time it was first to be looked at; only then its new time counts. So the
    timer is set once an hour for each event, however often it occurs.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._queue: KeyedQueue[Key] = KeyedQueue(NAME, clock)
        self._loop = Controller(NAME, self._queue, self._reconcile)

    async def run(self) -> None:
        """Works until cancelled."""
        async with Supervisor(NAME, self._clock) as tasks:
            tasks.start("watch", self._keep_watching)
            await self._loop.run()

    async def _keep_watching(self) -> None:
        while True:
            try:
                await self._watch()
            except (StatusError, ConnectionLost) as error:
                log.info("watching events: %s", error)
            await self._clock.sleep(WATCH_AGAIN)

    async def _watch(self) -> None:
        """Notes the time of every event that is there and of every one that comes."""
        seen = 0
        async with self._client.watch(Event, options=WatchOptions(send_initial_events=True)) as changes:
            async for change in changes:
                if change.type in ("ADDED", "MODIFIED"):
                    self._queue.add_after(key_of(change.object), seconds_left(change.object, self._clock.now()))
                seen += 1
                if seen % EVENTS_PER_TURN == 0:
                    await self._clock.sleep(0)

    async def _reconcile(self, key: Key) -> Result:
        try:
            event = await self._client.get(Event, key.name, key.namespace)
            left = seconds_left(event, self._clock.now())
            if left > 0:
                return Result(look_again=left)
            await self._client.delete(Event, key.name, key.namespace, _only(event))
        except NotFound:
            return DONE
        return DONE


def _only(event: Event) -> DeleteOptions:
    """Deletes the event in the state it was seen in: it may occur again at this very moment."""
    meta = event.metadata
    return DeleteOptions(preconditions=Preconditions(uid=meta.uid, resource_version=meta.resource_version))
