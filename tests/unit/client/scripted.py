"""A client that answers lists and watches from a script, and notes what it was asked."""

from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from petset.aio.fanout import Fanout
from petset.api.errors import StatusError
from petset.api.types import Object, ObjectMeta, Pod
from petset.client.interface import ConnectionLost, ListOptions, ObjectList, WatchEvent, WatchEventType, WatchOptions

Failure = StatusError | ConnectionLost
EVERYTHING = ListOptions()
FROM_NOW = WatchOptions()


class Stream:
    """One answer to a watch: what was sent before it opened is delivered, too."""

    def __init__(self, *events: WatchEvent[Any]) -> None:
        self._fanout: Fanout[WatchEvent[Any] | Failure] = Fanout()
        self._subscription = self._fanout.subscribe(1_000_000, events)

    def send(self, *events: WatchEvent[Any]) -> "Stream":
        for event in events:
            self._fanout.publish(event)
        return self

    def fail(self, error: Failure) -> "Stream":
        self._fanout.publish(error)
        return self

    def end(self) -> "Stream":
        self._fanout.close()
        return self

    async def events(self) -> AsyncIterator[WatchEvent[Any]]:
        async for item in self._subscription:
            if isinstance(item, Failure):
                raise item
            yield item


class ScriptedClient:
    """Answers each request with the next of `answers`; when there is none, the request stays open without an answer."""

    def __init__(self, *answers: Stream | ObjectList[Any] | Failure) -> None:
        self.answers = deque(answers)
        self.requests: list[WatchOptions | ListOptions] = []

    async def list(self, kind: type[Object], namespace: str = "", options: ListOptions = EVERYTHING) -> ObjectList[Any]:
        self.requests.append(options)
        answer = self.answers.popleft()
        if isinstance(answer, Failure):
            raise answer
        assert isinstance(answer, ObjectList)
        return answer

    @asynccontextmanager
    async def watch(
        self, kind: type[Object], namespace: str = "", options: WatchOptions = FROM_NOW
    ) -> AsyncIterator[AsyncIterator[WatchEvent[Any]]]:
        self.requests.append(options)
        answer = self.answers.popleft() if self.answers else Stream()
        if isinstance(answer, Failure):
            raise answer
        assert isinstance(answer, Stream)
        yield answer.events()


def pod(name: str, revision: int, *, node: str | None = None, uid: str = "", namespace: str = "default") -> Pod:
    metadata = ObjectMeta(name=name, namespace=namespace, uid=uid or f"uid-{name}", resource_version=str(revision))
    result = Pod(metadata=metadata)
    result.spec.node_name = node
    return result


def by_node(pod: Pod) -> Iterable[str]:
    """Index function: the node a pod is bound to."""
    return (pod.spec.node_name,) if pod.spec.node_name else ()


def event(kind: WatchEventType, obj: Pod) -> WatchEvent[Pod]:
    return WatchEvent(kind, obj)


def bookmark(revision: int, *, ends_initial_events: bool = False) -> WatchEvent[Pod]:
    metadata = ObjectMeta(resource_version=str(revision))
    if ends_initial_events:
        metadata.annotations["k8s.io/initial-events-end"] = "true"
    return WatchEvent("BOOKMARK", Pod(metadata=metadata))
