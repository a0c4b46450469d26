"""The agent: runs the pods that are bound to this node, and ends what is left of pods that are no more.

News comes from the informer, the runtime's events and the probes; a slow listing of the runtime catches what they miss.
"""

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import dataclass

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.aio.tasks import Supervisor
from petset.api.meta import Key, key_of
from petset.api.types import Pod
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.node.directories import Directories
from petset.node.images import Images
from petset.node.network.interface import NetworkError, PodNetwork
from petset.node.pods.act import Hooks, PodSpecs, PodVolumes, Tools
from petset.node.pods.inventory import Inventory
from petset.node.pods.model import Node
from petset.node.pods.worker import Surroundings, Worker
from petset.node.probes.handlers import Prober
from petset.node.probes.schedule import ProbeSchedule
from petset.node.pull_secrets import PullSecrets
from petset.node.runtimes.errors import ContainerRuntimeError
from petset.node.runtimes.interface import EventStream, Runtime
from petset.node.sources import ClientSources
from petset.node.volumes import VolumeNotReady

log = logging.getLogger(__name__)

WORKERS = 4
RESYNC = 60.0
"""Seconds between listings of the runtime."""
RETRY = 1.0
SECOND_LOOK = 5.0
"""Seconds after the start until the runtime is listed again: what a killed process had asked for may come that late."""


@dataclass(frozen=True, slots=True)
class AgentDependencies:
    """What the agent works with. `starts_at_once` bounds the sandboxes and containers that start concurrently."""

    client: Client
    informers: InformerFactory
    runtime: Runtime
    network: PodNetwork
    volumes: PodVolumes
    specs: PodSpecs
    prober: Prober
    hooks: Hooks
    recorder: EventRecorder
    clock: Clock
    directories: Directories
    node_name: str
    host_ip: str
    starts_at_once: int = 8


class Agent:
    """Runs pods. Runtime, network and recorder have been started by whoever made them."""

    def __init__(self, deps: AgentDependencies) -> None:
        self._deps = deps
        self._queue: KeyedQueue[Key] = KeyedQueue("pods", deps.clock)
        self._pods = deps.informers.informer(Pod)
        self._pods.add_handlers(self._changed, lambda _, new: self._changed(new), self._gone)
        self._inventory = Inventory(deps.runtime)
        self._worker: Worker | None = None

    async def run(self) -> None:
        """Works until cancelled. The pods live on; the next run takes them over."""
        deps = self._deps
        async with Supervisor("agent", deps.clock) as tasks:
            secrets = PullSecrets(ClientSources(deps.client), deps.recorder)
            images = Images(deps.runtime, deps.recorder, tasks, deps.clock, secrets.find)
            probes = ProbeSchedule(deps.prober, deps.recorder, tasks, deps.clock, self._queue.add)
            around = Surroundings(self._find, self._mine, self._inventory, probes, self._queue, tasks)
            worker = self._worker = Worker(self._tools(images), around)
            events = deps.runtime.events()
            try:
                await self._until_taken_over(worker)
                tasks.background("events", self._follow_events(events))
                tasks.start("probes", probes.run)
                tasks.background("resync", self._resync())
                await self._queue.run(WORKERS, worker.reconcile)
            finally:
                events.close()

    def _tools(self, images: Images) -> Tools:
        deps = self._deps
        return Tools(
            client=deps.client,
            runtime=deps.runtime,
            network=deps.network,
            volumes=deps.volumes,
            specs=deps.specs,
            images=images,
            hooks=deps.hooks,
            recorder=deps.recorder,
            directories=deps.directories,
            clock=deps.clock,
            node=Node(deps.node_name, deps.host_ip, deps.runtime.name),
            starts=nullcontext() if deps.runtime.is_prompt else asyncio.Semaphore(deps.starts_at_once),
        )

    def _changed(self, pod: Pod) -> None:
        if pod.spec.node_name == self._deps.node_name and not (self._worker and self._worker.knows(pod)):
            self._queue.add(key_of(pod))

    def _gone(self, pod: Pod) -> None:
        if pod.spec.node_name == self._deps.node_name:
            self._queue.add(key_of(pod))

    def _find(self, key: Key) -> Pod | None:
        """The pod of this name, if it is this node's: one that is not has nothing running here."""
        pod = self._pods.get(key.namespace, key.name)
        return pod if pod is not None and pod.spec.node_name == self._deps.node_name else None

    def _mine(self) -> list[Pod]:
        return [pod for pod in self._pods.list() if pod.spec.node_name == self._deps.node_name]

    # --- taking over --------------------------------------------------------------------------------------------------

    async def _until_taken_over(self, worker: Worker) -> None:
        await self._pods.synced()
        while True:
            try:
                await self._take_over(worker)
            except (ContainerRuntimeError, NetworkError, VolumeNotReady, OSError) as error:
                log.warning("cannot take over what runs: %s", error)
                await self._deps.clock.sleep(RETRY)
            else:
                return

    async def _take_over(self, worker: Worker) -> None:
        """Finds what an earlier process left: what belongs to pods is adopted, the rest is cleaned away."""
        await self._inventory.refresh()
        pods = {pod.metadata.uid: key_of(pod) for pod in self._mine()}
        for uid, attachment in (await self._deps.network.attachments()).items():
            if uid in pods:
                worker.adopt_address(pods[uid], uid, attachment.ip)
            elif uid not in self._inventory.uids():
                await self._deps.network.detach(uid)
        for uid in self._deps.directories.pod_uids():
            if uid not in pods and uid not in self._inventory.uids():
                await self._deps.volumes.unmount(uid)
        for key in (*pods.values(), *self._inventory.keys()):
            self._queue.add(key)

    # --- news from the runtime ----------------------------------------------------------------------------------------

    async def _follow_events(self, events: EventStream) -> None:
        async for event in events:
            try:
                key = await self._inventory.take(event)
            except ContainerRuntimeError as error:
                log.info("cannot follow event %s of %s: %s", event.kind, event.container_id[:12], error)
                continue  # the next listing tells
            if key is not None:
                self._queue.add(key)

    async def _resync(self) -> None:
        pause = SECOND_LOOK
        while True:
            await self._deps.clock.sleep(pause)
            pause = RESYNC
            try:
                changed = await self._inventory.refresh()
            except ContainerRuntimeError as error:
                log.warning("cannot list what runs: %s", error)
                continue
            for key in changed:
                self._queue.add(key)
