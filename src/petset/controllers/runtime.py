"""The one loop of every controller: watch -> key -> observe -> plan -> act -> look again.

A controller names its sources (`enqueue_from`), and gives a `reconcile` that brings one key's part of the world one
step closer to what its spec says. Runs of one key never overlap. Errors of the API are ordinary: the key waits, longer
each time, and is tried again (soon, when it is the server that cannot); anything else is a bug and lands in the log
with its traceback.
"""

import logging
from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from petset.aio.queue import LONGEST_RETRY, KeyedQueue, Retry
from petset.api.errors import AlreadyExists, Conflict, NotFound, StatusError
from petset.api.meta import revision_of
from petset.api.types import Object
from petset.client.informer import Informer
from petset.client.interface import ConnectionLost

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
T = TypeVar("T", bound=Object)

WORKERS = 5
SERVER_TROUBLE = 10.0
"""The longest back-off, in seconds, while the server itself is in trouble (its disk is full, it restarts): that passes
without any change that would wake the key."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a reconciliation ended well: it is done until something changes, or also looks again after some seconds."""

    look_again: float | None = None


DONE = Result()


class SeenWrites(Generic[K]):
    """Keeps a key from being reconciled on the strength of a cache that does not show the key's own last writes yet.

    Deletes need no remembering: deleting twice does no harm. Follows upstream's `pkg/controller/util/consistency`.
    """

    def __init__(self, *informers: Informer[Any]) -> None:
        self._informers: dict[type[Object], Informer[Any]] = {i.selection.kind: i for i in informers}
        self._newest: dict[K, dict[type[Object], int]] = {}

    def wrote(self, key: K, obj: Object) -> None:
        """Remembers what the server answered to a create, update or patch. Kinds without an informer are ignored."""
        kind = type(obj)
        if kind in self._informers:
            newest = self._newest.setdefault(key, {})
            newest[kind] = max(newest.get(kind, 0), revision_of(obj))

    async def settled(self, key: K) -> None:
        """Waits until the informers show every write of `key`."""
        for kind, number in self._newest.get(key, {}).items():
            await self._informers[kind].until_seen(str(number))
        self._newest.pop(key, None)

    def forget(self, key: K) -> None:
        """For a key that is gone."""
        self._newest.pop(key, None)


class Controller(Generic[K]):
    """Reconciles keys, several at a time, each serially, once the informers it reads from are synced."""

    def __init__(
        self,
        name: str,
        queue: KeyedQueue[K],
        reconcile: Callable[[K], Awaitable[Result]],
        *,
        reads: Sequence[Informer[Any]] = (),
        workers: int = WORKERS,
    ) -> None:
        self.name = name
        self.queue = queue
        self._reconcile = reconcile
        self._reads = reads
        self._workers = workers

    async def run(self) -> None:
        """Works until cancelled or the queue is shut down."""
        for informer in self._reads:
            await informer.synced()
        await self.queue.run(self._workers, self._handle)

    async def _handle(self, key: K) -> None:
        try:
            result = await self._reconcile(key)
        except (StatusError, ConnectionLost) as error:
            log.log(_level(error), "%s: %s: %s", self.name, key, error)
            longest = LONGEST_RETRY if _is_refusal(error) else SERVER_TROUBLE
            raise Retry(str(error), longest) from error
        if result.look_again is not None:
            self.queue.add_after(key, result.look_again)


def _is_refusal(error: StatusError | ConnectionLost) -> bool:
    """Whether the server is well, and what was asked of it is the matter."""
    return isinstance(error, StatusError) and error.code < 500


def _level(error: StatusError | ConnectionLost) -> int:
    """Races with other writers are everyday, so is a server that restarts; a refusal is worth a look."""
    if isinstance(error, AlreadyExists | Conflict | NotFound):
        return logging.DEBUG
    return logging.INFO if isinstance(error, ConnectionLost) else logging.WARNING


def enqueue_from(informer: Informer[T], queue: KeyedQueue[K], keys: Callable[[T], Iterable[K]]) -> None:
    """Adds to `queue` the keys that every change concerns; for an update those of the old state, too."""

    def changed(obj: T) -> None:
        for key in keys(obj):
            queue.add(key)

    def updated(old: T, new: T) -> None:
        changed(old)
        changed(new)

    informer.add_handlers(changed, updated, changed)
