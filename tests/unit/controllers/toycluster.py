"""A cluster for controller tests: the real API server over the memory store, under a clock that the test moves."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, TypeVar

from petset.aio.tasks import Supervisor
from petset.api.errors import NotFound
from petset.api.types import (
    DeleteOptions,
    Event,
    HostPathVolumeSource,
    Object,
    ObjectMeta,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from petset.testing.clock import VirtualClock

T = TypeVar("T", bound=Object)

LONGEST = 2000
"""Rounds after which a cluster that does not come to rest is a failure."""


class Runs(Protocol):
    """A controller."""

    async def run(self) -> None: ...


class ToyCluster:
    """A server and what runs against it."""

    def __init__(self, server: ApiServer, store: MemoryStore, supervisor: Supervisor, clock: VirtualClock) -> None:
        self.server = server
        self.store = store
        self.client: Client = LocalClient(server, Identity("tester"), "tester")
        self.supervisor = supervisor
        self.clock = clock
        self.informers = InformerFactory(self.client, clock)
        self.recorder = EventRecorder(self.client, "test", clock=clock)

    def start(self, *controllers: Runs) -> None:
        """Runs the informers, the recorder and these controllers."""
        self.informers.start(self.supervisor)
        self.supervisor.start("recorder", self.recorder.run)
        for controller in controllers:
            self.supervisor.start(type(controller).__name__, controller.run)

    @asynccontextmanager
    async def restarted(self) -> AsyncIterator["ToyCluster"]:
        """The same server with nothing running against it, as a new process finds it."""
        async with Supervisor("restarted", self.clock) as supervisor:
            yield ToyCluster(self.server, self.store, supervisor, self.clock)

    async def settle(self) -> None:
        """Lets the controllers work, retries included, until nothing is written any more."""
        quiet = 0
        for _ in range(LONGEST):
            before = self.store.revision
            await self.clock.advance(0.02)
            quiet = quiet + 1 if self.store.revision == before else 0
            if quiet == 4:
                return
        raise AssertionError("the cluster does not come to rest")

    async def create(self, obj: T) -> T:
        """Creates, then settles; the object as it is after that, or as it was created when it is gone already."""
        created = await self.client.create(obj)
        await self.settle()
        return await self.find(type(obj), created.metadata.name, created.metadata.namespace) or created

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T:
        """One object."""
        return await self.client.get(kind, name, namespace)

    async def find(self, kind: type[T], name: str, namespace: str = "") -> T | None:
        """One object, or None."""
        try:
            return await self.client.get(kind, name, namespace)
        except NotFound:
            return None

    async def names(self, kind: type[Object]) -> list[str]:
        """The names of everything of a kind."""
        return [obj.metadata.name for obj in (await self.client.list(kind)).items]

    async def change(self, kind: type[T], name: str, namespace: str, change: Callable[[T], None]) -> None:
        """Reads, changes, writes, settles."""
        obj = await self.client.get(kind, name, namespace)
        change(obj)
        await self.client.update(obj)
        await self.settle()

    async def change_status(self, kind: type[T], name: str, namespace: str, change: Callable[[T], None]) -> None:
        """The same with the status."""
        obj = await self.client.get(kind, name, namespace)
        change(obj)
        await self.client.update(obj, "status")
        await self.settle()

    async def delete(self, kind: type[Object], name: str, namespace: str = "", policy: str | None = None) -> None:
        """Deletes, at once for pods, then settles."""
        options = DeleteOptions(propagation_policy=policy, grace_period_seconds=0)
        await self.client.delete(kind, name, namespace, options)
        await self.settle()

    async def events(self, name: str) -> list[tuple[str, str, str]]:
        """Type, reason and message of the events about objects of a name, in order."""
        found = [e for e in (await self.client.list(Event)).items if e.involved_object.name == name]
        found.sort(key=lambda event: event.metadata.name)
        return [(event.type or "", event.reason or "", event.message or "") for event in found]


@asynccontextmanager
async def toy_cluster() -> AsyncIterator[ToyCluster]:
    """A cluster with its system namespaces, at rest, without controllers."""
    clock = VirtualClock()
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, clock)
    await create_system_objects(server, 6443)
    async with Supervisor("toy", clock) as supervisor:
        yield ToyCluster(server, store, supervisor, clock)
    await store.close()


def claim(name: str = "www", size: str = "1Gi", class_: str | None = "standard") -> PersistentVolumeClaim:
    """A claim for one node's use."""
    claim = PersistentVolumeClaim(metadata=ObjectMeta(name=name, namespace="default"))
    claim.spec.access_modes = ["ReadWriteOnce"]
    claim.spec.resources.requests = {"storage": size}
    claim.spec.storage_class_name = class_
    return claim


def storage_class(
    name: str = "standard",
    *,
    provisioner: str = "petset.io/directory",
    mode: str = "Immediate",
    reclaim: str = "Delete",
    grows: bool = True,
) -> StorageClass:
    """A class, by default of the project's own provisioner."""
    return StorageClass(
        metadata=ObjectMeta(name=name),
        provisioner=provisioner,
        volume_binding_mode=mode,
        reclaim_policy=reclaim,
        allow_volume_expansion=grows,
    )


def volume(name: str = "disk", size: str = "1Gi", class_: str = "", policy: str = "Retain") -> PersistentVolume:
    """A volume made by hand."""
    volume = PersistentVolume(metadata=ObjectMeta(name=name))
    volume.spec.access_modes = ["ReadWriteOnce"]
    volume.spec.capacity = {"storage": size}
    volume.spec.storage_class_name = class_
    volume.spec.persistent_volume_reclaim_policy = policy
    volume.spec.host_path = HostPathVolumeSource(path=f"/srv/{name}")
    return volume
