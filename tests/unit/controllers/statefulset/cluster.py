"""A cluster with one StatefulSet controller, a node that the test plays, and a client to which mishaps can happen."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from petset.aio.clock import SystemClock
from petset.api.errors import StatusError
from petset.api.meta import Key, copy, is_running_and_ready, is_terminating, set_condition
from petset.api.types import (
    Binding,
    DeleteOptions,
    Object,
    ObjectMeta,
    ObjectReference,
    OwnerReference,
    PersistentVolumeClaim,
    Pod,
    PodCondition,
    Preconditions,
    StatefulSet,
    StatefulSetStatus,
)
from petset.client.informer import InformerFactory
from petset.client.interface import (
    Client,
    ConnectionLost,
    ListOptions,
    ObjectList,
    Patch,
    WatchEvent,
    WatchOptions,
    WriteOptions,
    result_or_error,
)
from petset.controllers.runtime import Result
from petset.controllers.statefulset.controller import StatefulSetController
from tests.simulation.world import web
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

T = TypeVar("T", bound=Object)
B = TypeVar("B", bound=Object)

LIST, WATCH, WRITE = ListOptions(), WatchOptions(), WriteOptions()


@dataclass(frozen=True)
class Call:
    """One request of the controller."""

    verb: str
    kind: type[Object]
    name: str
    subresource: str = ""
    patch: Patch | None = None
    preconditions: Preconditions | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (self.verb, self.kind.__name__, self.name, self.subresource) if part)


Happening = Callable[[], Awaitable[None]]


@dataclass
class Mishap:
    """What happens instead of, or just before, the next requests that fit."""

    verb: str
    kind: type[Object]
    what: Exception | Happening
    name: str = ""
    times: int = 1
    done: bool = False
    """The request is done, and only its answer is lost."""

    def fits(self, call: Call) -> bool:
        return (self.verb, self.kind) == (call.verb, call.kind) and self.name in ("", call.name) and self.times > 0


class FaultyClient:
    """A client that writes down every request, and to which mishaps happen.

    Watches can be held back, kind by kind, so that informers show old news. After `dies_after` writes the next answer
    never comes, as if the process had ended there.
    """

    def __init__(self, inner: Client) -> None:
        self.inner = inner
        self.calls: list[Call] = []
        self.mishaps: list[Mishap] = []
        self.under_way = 0
        self.most_under_way = 0
        self.writes = 0
        self.dies_after: int | None = None
        self.died = asyncio.Event()
        self._gates: dict[type[Object], asyncio.Event] = {}

    def _gate(self, kind: type[Object]) -> asyncio.Event:
        if kind not in self._gates:
            self._gates[kind] = asyncio.Event()
            self._gates[kind].set()
        return self._gates[kind]

    def hold(self, kind: type[Object]) -> None:
        """From now on watches of this kind tell nothing."""
        self._gate(kind).clear()

    def let_go(self, kind: type[Object]) -> None:
        """Watches of this kind tell what they held back, and go on."""
        self._gate(kind).set()

    def fails(self, verb: str, kind: type[Object], error: Exception, name: str = "", times: int = 1) -> None:
        """The next fitting requests fail and do nothing."""
        self.mishaps.append(Mishap(verb, kind, error, name, times))

    def loses_answer(self, verb: str, kind: type[Object]) -> None:
        """The next fitting request is done, but nobody says so."""
        self.mishaps.append(Mishap(verb, kind, ConnectionLost("no answer"), done=True))

    def meanwhile(self, verb: str, kind: type[Object], happening: Happening, name: str = "", times: int = 1) -> None:
        """Something happens just before the next fitting requests."""
        self.mishaps.append(Mishap(verb, kind, happening, name, times))

    def said(self, *verbs: str) -> list[str]:
        """The requests so far, with these verbs only if any are named."""
        return [str(call) for call in self.calls if not verbs or call.verb in verbs]

    async def _note(self, call: Call) -> None:
        if self.died.is_set():
            await asyncio.Event().wait()
        self.calls.append(call)
        self.mishaps = [mishap for mishap in self.mishaps if mishap.times > 0]
        for mishap in self.mishaps:
            if mishap.fits(call) and not mishap.done:
                mishap.times -= 1
                if isinstance(mishap.what, Exception):
                    raise mishap.what
                await mishap.what()

    async def _wrote(self, call: Call, answer: T) -> T:
        self.writes += 1
        for mishap in self.mishaps:
            if mishap.fits(call) and mishap.done and isinstance(mishap.what, Exception):
                mishap.times -= 1
                raise mishap.what
        if self.writes == self.dies_after:
            self.died.set()
            await asyncio.Event().wait()
        return answer

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T:
        await self._note(Call("get", kind, name))
        return await self.inner.get(kind, name, namespace)

    async def list(self, kind: type[T], namespace: str = "", options: ListOptions = LIST) -> ObjectList[T]:
        return await self.inner.list(kind, namespace, options)

    @asynccontextmanager
    async def watch(
        self, kind: type[T], namespace: str = "", options: WatchOptions = WATCH
    ) -> AsyncIterator[AsyncIterator[WatchEvent[T]]]:
        async with self.inner.watch(kind, namespace, options) as events:
            yield self._held_back(kind, events)

    async def _held_back(self, kind: type[T], events: AsyncIterator[WatchEvent[T]]) -> AsyncIterator[WatchEvent[T]]:
        async for event in events:
            await self._gate(kind).wait()
            yield event

    async def create(self, obj: T, options: WriteOptions = WRITE) -> T:
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await SystemClock().sleep(0)
            call = Call("create", type(obj), obj.metadata.name)
            await self._note(call)
            return await self._wrote(call, await self.inner.create(obj, options))
        finally:
            self.under_way -= 1

    async def create_all(self, objects: Sequence[T]) -> Sequence[T | StatusError | ConnectionLost]:
        return await asyncio.gather(*(result_or_error(self.create(obj)) for obj in objects))

    async def create_subresource(self, kind: type[Object], name: str, namespace: str, subresource: str, body: B) -> B:
        await self._note(Call("create", kind, name, subresource))
        return await self.inner.create_subresource(kind, name, namespace, subresource, body)

    async def update(self, obj: T, subresource: str = "", options: WriteOptions = WRITE) -> T:
        call = Call("update", type(obj), obj.metadata.name, subresource)
        await self._note(call)
        return await self._wrote(call, await self.inner.update(obj, subresource, options))

    async def patch(
        self,
        kind: type[T],
        name: str,
        namespace: str,
        patch: Patch,
        subresource: str = "",
        options: WriteOptions = WRITE,
    ) -> T:
        call = Call("patch", kind, name, subresource, patch)
        await self._note(call)
        return await self._wrote(call, await self.inner.patch(kind, name, namespace, patch, subresource, options))

    async def delete(self, kind: type[T], name: str, namespace: str = "", options: DeleteOptions | None = None) -> None:
        preconditions = options.preconditions if options is not None else None
        call = Call("delete", kind, name, preconditions=preconditions)
        await self._note(call)
        await self.inner.delete(kind, name, namespace, options)
        await self._wrote(call, kind())

    async def delete_collection(
        self, kind: type[T], namespace: str, options: ListOptions, delete: DeleteOptions | None = None
    ) -> None:
        await self.inner.delete_collection(kind, namespace, options, delete)

    async def close(self) -> None:
        await self.inner.close()


def unborn(set_: StatefulSet) -> StatefulSet:
    """The set as a user sends it."""
    set_.metadata.uid = ""
    set_.metadata.generation = None
    return set_


def a_pod(name: str, *, owner: OwnerReference | None = None, app: str = "nginx") -> Pod:
    """A pod as somebody else might make it."""
    pod = Pod(metadata=ObjectMeta(name=name, namespace="default", labels={"app": app}))
    pod.metadata.owner_references = [owner] if owner is not None else []
    pod.spec = copy(web().spec.template.spec)
    return pod


async def patch_pod(cluster: "SetCluster", name: str, metadata: dict[str, object]) -> None:
    await cluster.direct.patch(Pod, name, "default", Patch("merge", {"metadata": metadata}))


class SetCluster:
    """The toy cluster, and what a test asks of sets and pods in it."""

    def __init__(self, toy: ToyCluster) -> None:
        self.toy = toy
        self.clock = toy.clock
        self.direct = toy.client
        self.client = FaultyClient(toy.client)
        self.informers = InformerFactory(self.client, toy.clock)
        self.controller = StatefulSetController(self.client, self.informers, toy.recorder, toy.clock)

    def start(self) -> None:
        """Runs informers, recorder and controller."""
        self.informers.start(self.toy.supervisor)
        self.toy.start(self.controller)

    async def start_watching(self) -> None:
        """Runs informers and recorder; the controller's queue fills and nobody works on it."""
        self.informers.start(self.toy.supervisor)
        self.toy.start()
        await self.informers.synced()

    async def sync(self, name: str = "web") -> Result:
        """One run for one set, by hand, on what the informers show by now."""
        await self.clock.settle()
        return await self.controller._reconcile(Key("default", name))

    async def enqueued(self) -> list[str]:
        """The sets that were enqueued since the last time somebody asked."""
        await self.clock.settle()
        queue = self.controller._queue
        keys = [await queue.get() for _ in range(len(queue))]
        for key in keys:
            queue.done(key)
        return sorted(key.name for key in keys)

    async def settle(self) -> None:
        """Until nobody writes any more."""
        await self.toy.settle()

    async def create_set(self, replicas: int = 3, *, policy: str = "OrderedReady", name: str = "web") -> StatefulSet:
        """Creates a set as the source page has it, without waiting for anything."""
        set_ = unborn(web(replicas, policy=policy))
        set_.metadata.name = name
        return await self.direct.create(set_)

    async def set(self, name: str = "web") -> StatefulSet:
        return await self.direct.get(StatefulSet, name, "default")

    async def status(self) -> StatefulSetStatus:
        return (await self.set()).status

    async def change(self, change: Callable[[StatefulSet], None], name: str = "web") -> None:
        """A user changes the set; settles."""
        await self.toy.change(StatefulSet, name, "default", change)

    async def scale(self, replicas: int) -> None:
        def to(set_: StatefulSet) -> None:
            set_.spec.replicas = replicas

        await self.change(to)

    async def set_image(self, image: str) -> None:
        def to(set_: StatefulSet) -> None:
            set_.spec.template.spec.containers[0].image = image

        await self.change(to)

    async def pod(self, name: str) -> Pod:
        return await self.direct.get(Pod, name, "default")

    async def pods(self) -> list[str]:
        return sorted(await self.toy.names(Pod))

    async def claim(self, name: str) -> PersistentVolumeClaim:
        return await self.direct.get(PersistentVolumeClaim, name, "default")

    async def owners(self, claim: str) -> list[str]:
        """`Kind name` of each owner of a claim."""
        return [f"{ref.kind} {ref.name}" for ref in (await self.claim(claim)).metadata.owner_references]

    async def events(self, name: str = "web") -> list[tuple[str, str, str]]:
        """The events about the set so far."""
        await self.toy.recorder.flush()
        return await self.toy.events(name)

    # --- the node -----------------------------------------------------------------------------------------------------

    async def become(self, name: str, phase: str, *, ready: bool) -> None:
        """The node reports the state of a pod."""
        await self._bind(await self.pod(name))
        pod = await self.pod(name)
        pod.status.phase = phase
        condition = PodCondition(type="Ready", status="True" if ready else "False")
        set_condition(pod.status.conditions, condition, self.clock.now())
        await self.direct.update(pod, "status")

    async def ready(self, *names: str) -> None:
        """The node says that pods are Running and Ready; settles."""
        for name in names:
            await self.become(name, "Running", ready=True)
        await self.settle()

    async def delete_pod(self, name: str) -> None:
        """A user deletes a pod, which then terminates; settles."""
        await self.direct.delete(Pod, name, "default")
        await self.settle()

    async def gone(self, name: str) -> None:
        """The node is done with a terminating pod; settles."""
        await self.direct.delete(Pod, name, "default", DeleteOptions(grace_period_seconds=0))
        await self.settle()

    async def _bind(self, pod: Pod) -> None:
        """The scheduler gives the pod a node; from then on its deletion takes time."""
        name = pod.metadata.name
        if not pod.spec.node_name:
            target = ObjectReference(kind="Node", name="one")
            binding = Binding(metadata=ObjectMeta(name=name, namespace="default"), target=target)
            await self.direct.create_subresource(Pod, name, "default", "binding", binding)

    async def live(self, rounds: int = 60) -> None:
        """The node does its work, and all pods are healthy, until nothing changes any more."""
        for _ in range(rounds):
            await self.settle()
            pods = (await self.direct.list(Pod)).items
            waiting = [p for p in pods if is_terminating(p) or not is_running_and_ready(p)]
            if not waiting:
                return
            for pod in waiting:
                if is_terminating(pod):
                    options = DeleteOptions(grace_period_seconds=0)
                    await self.direct.delete(Pod, pod.metadata.name, "default", options)
                else:
                    await self.become(pod.metadata.name, "Running", ready=True)
        raise AssertionError("the set does not come to rest")


@asynccontextmanager
async def set_cluster() -> AsyncIterator[SetCluster]:
    """A cluster whose controller is not started yet."""
    async with toy_cluster() as toy:
        yield SetCluster(toy)
