"""A namespace of one test, and what tests say about it: apply, wait for, watch, run a command in a pod."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from petset.aio.clock import SystemClock
from petset.api.errors import NotFound, StatusError
from petset.api.meta import is_pod_ready, is_running_and_ready
from petset.api.types import DeleteOptions, Event, Object, PersistentVolume, PersistentVolumeClaim, Pod, StatefulSet
from petset.client.http import HttpClient
from petset.client.interface import (
    ConnectionLost,
    ExecOptions,
    ListOptions,
    LogOptions,
    Patch,
    WatchEvent,
    WatchOptions,
    WriteOptions,
)
from petset.client.kubeconfig import read_kubeconfig
from petset.client.pod_streams import HttpPodStreams
from petset.kinds import CATALOGUE

T = TypeVar("T", bound=Object)
Tree = dict[str, Any]
CLOCK = SystemClock()
TIMEOUT = 45.0
POLL = 0.05
FORCED = WriteOptions(field_manager="e2e", force=True)
KINDS = {resource.type.__name__: resource.type for resource in CATALOGUE.resources}


@asynccontextmanager
async def administrator(kubeconfig: Path) -> AsyncIterator[HttpClient]:
    """A client with the rights of a kubeconfig's user."""
    client = HttpClient(read_kubeconfig([kubeconfig]).connection(), CATALOGUE, field_manager="e2e")
    try:
        yield client
    finally:
        await client.close()


@dataclass(frozen=True)
class Outcome:
    """How a command in a container ended."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Namespace:
    """One namespace of the server under test."""

    client: HttpClient
    name: str

    async def apply(self, manifest: str | Tree) -> None:
        """Server-side apply of a tree, or of one or more YAML documents."""
        for tree in yaml.safe_load_all(manifest) if isinstance(manifest, str) else [manifest]:
            kind = KINDS[tree["kind"]]
            namespace = self.name if CATALOGUE.of(kind).namespaced else ""
            await self.client.patch(kind, tree["metadata"]["name"], namespace, Patch("apply", tree), options=FORCED)

    async def get(self, kind: type[T], name: str) -> T:
        return await self.client.get(kind, name, self.name)

    async def objects(self, kind: type[T], selector: str = "") -> list[T]:
        return (await self.client.list(kind, self.name, ListOptions(label_selector=selector))).items

    async def patch(self, kind: type[T], name: str, document: Tree) -> T:
        """A strategic merge patch."""
        return await self.client.patch(kind, name, self.name, Patch("strategic", document))

    async def delete(self, kind: type[T], name: str, options: DeleteOptions | None = None) -> None:
        await self.client.delete(kind, name, self.name, options)

    async def scale(self, replicas: int, name: str = "web") -> None:
        await self.patch(StatefulSet, name, {"spec": {"replicas": replicas}})

    async def set_image(self, image: str, container: str = "nginx") -> None:
        containers = [{"name": container, "image": image}]
        await self.patch(StatefulSet, "web", {"spec": {"template": {"spec": {"containers": containers}}}})

    async def until(self, kind: type[T], name: str, holds: Callable[[T], bool], within: float = TIMEOUT) -> T:
        """Waits until something is true of an object, and returns it so."""
        last: T | None = None
        try:
            async with asyncio.timeout(within):
                while True:
                    try:
                        last = await self.get(kind, name)
                        if holds(last):
                            return last
                    except NotFound:
                        last = None
                    await CLOCK.sleep(POLL)
        except TimeoutError:
            raise AssertionError(f"{kind.__name__} {name}: not within {within:.0f} s; last seen: {last}") from None

    async def until_gone(self, kind: type[Object], name: str, within: float = TIMEOUT) -> None:
        """Waits for the end of an object."""
        try:
            async with asyncio.timeout(within):
                while True:
                    last = await self.get(kind, name)
                    await CLOCK.sleep(POLL)
        except NotFound:
            return
        except TimeoutError:
            raise AssertionError(f"{kind.__name__} {name} is still there: {last}") from None

    async def until_ready(self, replicas: int, name: str = "web", within: float = TIMEOUT) -> StatefulSet:
        """Waits until a set has exactly so many pods, all of them current, ready and seen by its controller."""

        def settled(set_: StatefulSet) -> bool:
            status = set_.status
            seen = status.observed_generation == set_.metadata.generation
            return seen and set_.spec.replicas == replicas == status.replicas == (status.ready_replicas or 0)

        return await self.until(StatefulSet, name, settled, within)

    async def until_rolled_out(self, replicas: int, name: str = "web") -> StatefulSet:
        """Waits until all pods of a set are of its newest revision and ready."""

        def rolled_out(set_: StatefulSet) -> bool:
            status = set_.status
            current = status.current_revision == status.update_revision and (status.updated_replicas or 0) == replicas
            seen = status.observed_generation == set_.metadata.generation
            return seen and current and (status.ready_replicas or 0) == replicas

        return await self.until(StatefulSet, name, rolled_out)

    async def until_told(self, reason: str, about: str) -> str:
        """Waits for an event about an object; its message."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                for event in await self.objects(Event):
                    if event.reason == reason and event.involved_object.name == about:
                        return event.message or ""
                await CLOCK.sleep(POLL)

    async def directory_behind(self, claim: str) -> Path:
        """The directory of this machine that a claim is bound to."""
        bound = await self.until(PersistentVolumeClaim, claim, lambda claim: claim.status.phase == "Bound")
        volume = await self.client.get(PersistentVolume, bound.spec.volume_name or "")
        source = volume.spec.host_path or volume.spec.local
        assert source is not None
        return Path(source.path)

    async def now(self, kind: type[Object] = Pod) -> str:
        """The resourceVersion of this moment, to look back at from later."""
        return (await self.client.list(kind, self.name)).resource_version

    async def history(self, since: str, complete: Callable[[list[WatchEvent[Pod]]], bool]) -> list[WatchEvent[Pod]]:
        """What happened to the namespace's pods since a moment, up to the change that completes it."""
        events: list[WatchEvent[Pod]] = []
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self.client.watch(Pod, self.name, WatchOptions(resource_version=since)) as watch,
            ):
                async for event in watch:
                    if event.type != "BOOKMARK":
                        events.append(event)
                    if complete(events):
                        return events
        except TimeoutError:
            pass
        raise AssertionError(f"incomplete: {story(events)}")

    async def exec(self, pod: str, *command: str, container: str = "") -> Outcome:
        """Runs a command to its end."""
        options = ExecOptions(container=container, command=command)
        output = {1: b"", 2: b""}
        async with (
            asyncio.timeout(TIMEOUT),
            HttpPodStreams(self.client.transport).exec(self.name, pod, options) as session,
        ):
            async for stream, data in session:
                output[stream] += data
            return Outcome(await session.exit_code(), output[1].decode(), output[2].decode())

    async def sh(self, pod: str, script: str, container: str = "") -> str:
        """Output of a shell script that has to succeed."""
        outcome = await self.exec(pod, "sh", "-c", script, container=container)
        assert outcome.code == 0, f"{script}: {outcome}"
        return outcome.stdout

    async def until_sh(self, pod: str, script: str, wanted: Callable[[str], bool]) -> str:
        """Runs a script again and again until its output is as wanted."""
        async with asyncio.timeout(TIMEOUT):
            while True:
                try:
                    outcome = await self.exec(pod, "sh", "-c", script)
                except (StatusError, ConnectionLost):
                    outcome = Outcome(-1, "", "")
                if outcome.code == 0 and wanted(outcome.stdout):
                    return outcome.stdout
                await CLOCK.sleep(POLL)

    async def logs(self, pod: str, container: str = "", *, previous: bool = False) -> str:
        options = LogOptions(container=container, previous=previous)
        async with HttpPodStreams(self.client.transport).logs(self.name, pod, options) as chunks:
            return b"".join([chunk async for chunk in chunks]).decode()


def story(events: Sequence[WatchEvent[Pod]]) -> list[str]:
    """The order of things: `+web-0` created, `web-0!` became ready, `-web-0` began to end, `web-0.` gone."""
    told: list[str] = []
    ready: set[str] = set()
    ending: set[str] = set()
    for event in events:
        pod, uid, name = event.object, event.object.metadata.uid, event.object.metadata.name
        if event.type == "ADDED":
            told.append(f"+{name}")
        elif event.type == "DELETED":
            told.append(f"{name}.")
        if pod.metadata.deletion_timestamp and uid not in ending:
            ending.add(uid)
            told.insert(len(told) - (event.type == "DELETED"), f"-{name}")
        if is_running_and_ready(pod) and uid not in ready and uid not in ending:
            ready.add(uid)
            told.append(f"{name}!")
    return told


def tells(*words: str) -> Callable[[list[WatchEvent[Pod]]], bool]:
    """Whether the story has come to contain all of these words."""
    return lambda events: set(words) <= set(story(events))


def waiting_reason(pod: Pod, container: int = 0) -> str:
    """Why a container waits; empty when it does not."""
    statuses = pod.status.container_statuses
    waiting = statuses[container].state.waiting if len(statuses) > container else None
    return (waiting.reason or "") if waiting is not None else ""


def waits_for(reason: str) -> Callable[[Pod], bool]:
    return lambda pod: waiting_reason(pod) == reason


def has_phase(phase: str) -> Callable[[Pod], bool]:
    return lambda pod: pod.status.phase == phase


def ready(pod: Pod) -> bool:
    return is_pod_ready(pod) and pod.metadata.deletion_timestamp is None


def replaces(old: Pod) -> Callable[[Pod], bool]:
    """Whether a pod is ready and another one than the old of its name."""
    return lambda pod: pod.metadata.uid != old.metadata.uid and ready(pod)
