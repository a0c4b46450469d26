"""When the provisioner looks at a claim or volume, and how it carries its plans out."""

from collections.abc import Iterable

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue, Retry
from petset.api.errors import AlreadyExists, NotFound
from petset.api.meta import Key, key_of
from petset.api.types import DeleteOptions, PersistentVolume, PersistentVolumeClaim, Preconditions, StorageClass
from petset.client.informer import InformerFactory
from petset.client.interface import Client
from petset.client.recorder import EventRecorder
from petset.controllers.runtime import DONE, Controller, Result, SeenWrites
from petset.controllers.volumes.act import Actor
from petset.controllers.volumes.binder import UNBOUND_INDEX, Subject, unbound_class
from petset.controllers.volumes.directories import Directories
from petset.controllers.volumes.model import (
    Action,
    DeleteVolume,
    EraseDirectory,
    MakeVolume,
    Plan,
    Tell,
    Write,
)
from petset.controllers.volumes.provisioning import Demand, failed, plan_demand, plan_reclaim, root_of, volume_name
from petset.kinds import persistentvolume
from petset.kinds.persistentvolumeclaim import storage_class_name

NAME = "petset-directory-provisioner"


class DirectoryProvisioner:
    """Makes directories for claims that ask for them. `run` works until it is cancelled."""

    def __init__(
        self,
        client: Client,
        informers: InformerFactory,
        recorder: EventRecorder,
        clock: Clock,
        directories: Directories,
    ) -> None:
        self._client = client
        self._directories = directories
        self._claims = informers.informer(PersistentVolumeClaim, indexes={UNBOUND_INDEX: unbound_class})
        self._volumes = informers.informer(PersistentVolume)
        self._classes = informers.informer(StorageClass)
        self._writes: SeenWrites[Subject] = SeenWrites(self._claims, self._volumes)
        self._actor = Actor(client, recorder, clock, self._writes)
        self._queue: KeyedQueue[Subject] = KeyedQueue(NAME, clock)
        self._claims.add_handlers(self._claim, lambda _, new: self._claim(new))
        self._volumes.add_handlers(self._volume, lambda _, new: self._volume(new))
        self._classes.add_handlers(self._class, lambda _, new: self._class(new))
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=(self._claims, self._volumes, self._classes))

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _claim(self, claim: PersistentVolumeClaim) -> None:
        self._queue.add(Subject("claim", key_of(claim)))

    def _volume(self, volume: PersistentVolume) -> None:
        self._queue.add(Subject("volume", key_of(volume)))
        ref = volume.spec.claim_ref
        if ref is not None and volume.status.phase == "Bound":
            self._queue.add(Subject("claim", Key(ref.namespace or "", ref.name or "")))

    def _class(self, class_: StorageClass) -> None:
        for claim in self._claims.by_index(UNBOUND_INDEX, class_.metadata.name):
            self._claim(claim)

    # --- runs ---------------------------------------------------------------------------------------------------------

    async def _reconcile(self, subject: Subject) -> Result:
        await self._writes.settled(subject)
        decided = self._decide_claim(subject.key) if subject.what == "claim" else self._decide_volume(subject.key)
        if decided is None:
            self._writes.forget(subject)
            return DONE
        await self._carry_out(subject, decided.actions)
        return DONE

    def _decide_claim(self, key: Key) -> Plan | None:
        claim = self._claims.get(key.namespace, key.name)
        if claim is None:
            return None
        class_ = self._classes.get("", storage_class_name(claim))
        volume = self._volumes.get("", claim.spec.volume_name or volume_name(claim))
        return plan_demand(Demand(claim, class_, volume, self._directories.root))

    def _decide_volume(self, key: Key) -> Plan | None:
        volume = self._volumes.get("", key.name)
        if volume is None:
            return None
        class_ = self._classes.get("", persistentvolume.storage_class_name(volume))
        root = self._directories.root
        return plan_reclaim(volume, (root, root_of(class_, root)))

    async def _carry_out(self, subject: Subject, actions: Iterable[Action]) -> None:
        for action in actions:
            match action:
                case Write() | Tell():
                    await self._actor.do(subject, action)
                case MakeVolume():
                    await self._make(subject, action)
                case EraseDirectory():
                    await self._erase(subject, action)
                case DeleteVolume(volume):
                    await self._delete(volume)

    async def _make(self, subject: Subject, action: MakeVolume) -> None:
        root = action.path.parent.parent
        try:
            await self._directories.create(action.path, root)
        except OSError as error:
            class_ = action.volume.spec.storage_class_name
            text = f'failed to provision volume with StorageClass "{class_}": {error}'
            claim = self._claims.get(subject.key.namespace, subject.key.name)
            if claim is not None:
                await self._actor.do(subject, Tell(claim, "Warning", "ProvisioningFailed", text))
            raise Retry(text) from error
        try:
            self._writes.wrote(subject, await self._client.create(action.volume))
        except AlreadyExists:
            # Made by an earlier run whose answer was lost: the name carries the claim's uid.
            return

    async def _erase(self, subject: Subject, action: EraseDirectory) -> None:
        try:
            await self._directories.delete(action.path, action.root)
        except OSError as error:
            for step in failed(action.volume, str(error)).actions:
                if isinstance(step, Write | Tell):
                    await self._actor.do(subject, step)
            raise Retry(str(error)) from error

    async def _delete(self, volume: PersistentVolume) -> None:
        options = DeleteOptions(preconditions=Preconditions(uid=volume.metadata.uid))
        try:
            await self._client.delete(PersistentVolume, volume.metadata.name, "", options)
        except NotFound:
            return
