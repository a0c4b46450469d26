"""How the volume controllers write: objects, their status, events."""

from collections.abc import Hashable
from typing import Generic, TypeVar

from petset.aio.clock import Clock
from petset.api.meta import copy, format_time
from petset.api.types import PersistentVolume
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import SeenWrites
from petset.controllers.volumes.model import Tell, Write

K = TypeVar("K", bound=Hashable)


class Actor(Generic[K]):
    """Carries out writes and events on behalf of a key, and remembers the writes."""

    def __init__(self, client: Client, recorder: EventRecorder, clock: Clock, writes: SeenWrites[K]) -> None:
        self._client = client
        self._recorder = recorder
        self._clock = clock
        self._writes = writes

    async def do(self, key: K, action: Write | Tell) -> None:
        """Does one action. Raises StatusError, above all Conflict when the object has changed."""
        match action:
            case Write(obj, subresource):
                if isinstance(obj, PersistentVolume) and subresource == "status":
                    obj = copy(obj)
                    obj.status.last_phase_transition_time = format_time(self._clock.now())
                self._writes.wrote(key, await self._client.update(obj, subresource))
            case Tell(about, type_, reason, message):
                self._recorder.event(about, type_, reason, message)
