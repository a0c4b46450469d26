"""Brings a pod's volumes up, keeps their content current, and takes them down."""

import asyncio
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from weakref import WeakValueDictionary

from petset.aio.clock import Clock
from petset.api.quantity import parse
from petset.api.types import EmptyDirVolumeSource, Pod, Volume
from petset.client.interface import Client
from petset.node.directories import Directories
from petset.node.downward import FieldError, Placement
from petset.node.mounts import mount_points_below, unmount
from petset.node.sources import SourceNotFound, Sources, SourceUnavailable
from petset.node.tokens import PodTokens
from petset.node.volumes import (
    atomic_writer,
    claim,
    config_map,
    downward_api,
    empty_dir,
    host_path,
    projected,
    secret,
)
from petset.node.volumes.errors import SetUpFailed, VolumeNotReady
from petset.node.volumes.ownership import GroupAccess, give_to_group
from petset.node.volumes.payload import Defaults, Payload, require_inside

log = logging.getLogger(__name__)

_FAILURES = (SetUpFailed, SourceNotFound, SourceUnavailable, FieldError, OSError)


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """`allocatable` is the Node's, as quantities. `root`: whether this process may mount and give files away."""

    allocatable: Mapping[str, str] = field(default_factory=dict)
    root: bool = True


class Volumes:
    """The volumes of this node's pods. Calls for one pod take effect one after the other."""

    def __init__(
        self, client: Client, sources: Sources, directories: Directories, clock: Clock, settings: VolumeSettings
    ) -> None:
        self._client = client
        self._sources = sources
        self._directories = directories
        self._clock = clock
        self._settings = settings
        self._placement = Placement(allocatable=settings.allocatable)
        self.tokens = PodTokens(client, clock)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def mount(self, pod: Pod) -> Mapping[str, Path]:
        """Brings up every volume that a container mounts and returns where it is, by name. May be repeated.

        Raises VolumeNotReady.
        """
        async with self._lock(pod.metadata.uid):
            used = mounted_names(pod)
            return {volume.name: await self._mount(pod, volume) for volume in pod.spec.volumes if volume.name in used}

    async def refresh(self, pod: Pod) -> None:
        """Brings the content of mounted configMap, secret, downwardAPI and projected volumes up to date.

        What cannot be read leaves its volume as it is.
        """
        async with self._lock(pod.metadata.uid):
            for volume in pod.spec.volumes:
                path = self._directories.volume(pod.metadata.uid, volume.name)
                if not is_from_api(volume) or not path.exists():
                    continue
                try:
                    await self._write(pod, volume, path)
                except _FAILURES as error:
                    log.info("volume %s of pod %s stays as it is: %s", volume.name, pod.metadata.name, error)

    async def unmount(self, pod_uid: str) -> None:
        """Takes everything down and removes the pod's directory. Its containers must be gone. May be repeated.

        PersistentVolumes and hostPaths keep their content. Raises VolumeNotReady when something stays mounted; then
        nothing is removed.
        """
        async with self._lock(pod_uid):
            self.tokens.forget(pod_uid)
            if self._directories.has_pod(pod_uid):
                await asyncio.to_thread(remove_pod_directory, self._directories.pod(pod_uid))

    def _lock(self, pod_uid: str) -> asyncio.Lock:
        lock = self._locks.get(pod_uid)
        if lock is None:
            lock = self._locks[pod_uid] = asyncio.Lock()
        return lock

    # --- one volume ---------------------------------------------------------------------------------------------------

    async def _mount(self, pod: Pod, volume: Volume) -> Path:
        use = claim.claim_of(pod, volume)
        if use is not None:
            return await self._mount_claim(pod, volume, use)
        try:
            return await self._set_up(pod, volume)
        except _FAILURES as error:
            raise VolumeNotReady(f'MountVolume.SetUp failed for volume "{volume.name}" : {error}') from error

    async def _set_up(self, pod: Pod, volume: Volume) -> Path:
        path = self._directories.volume(pod.metadata.uid, volume.name)
        if is_from_api(volume):
            await self._write(pod, volume, path)
        elif volume.host_path is not None:
            return await asyncio.to_thread(host_path.set_up, volume.host_path)
        elif volume.empty_dir is not None or not source_names(volume):
            await asyncio.to_thread(self._make_empty_dir, pod, volume, path)
        else:
            raise SetUpFailed(f"no volume plugin matched: source {source_names(volume)[0]} is not supported here")
        return path

    def _make_empty_dir(self, pod: Pod, volume: Volume, path: Path) -> None:
        memory = empty_dir.Memory(self._memory(), self._settings.root)
        empty_dir.set_up(path, pod, volume.empty_dir or EmptyDirVolumeSource(), memory)
        self._give(pod, path, writable=True, on_root_mismatch=True)

    def _memory(self) -> int:
        amount = self._settings.allocatable.get("memory")
        return parse(amount).value() if amount else 0

    async def _write(self, pod: Pod, volume: Volume, path: Path) -> None:
        payload = await self._payload(pod, volume)
        require_inside(payload)
        prepare = partial(self._give, pod, writable=False)
        await asyncio.to_thread(atomic_writer.write, path, payload, self._clock.now(), prepare)

    async def _payload(self, pod: Pod, volume: Volume) -> Payload:
        namespace, sources = pod.metadata.namespace, self._sources
        if (of_config := volume.config_map) is not None:
            defaults = Defaults.of(of_config.default_mode, of_config.default_user)
            return await config_map.collect(sources, namespace, of_config, defaults)
        if (of_secret := volume.secret) is not None:
            defaults = Defaults.of(of_secret.default_mode, of_secret.default_user)
            return await secret.collect(sources, namespace, of_secret, defaults)
        if (of_pod := volume.downward_api) is not None:
            defaults = Defaults.of(of_pod.default_mode, of_pod.default_user)
            return downward_api.collect(pod, of_pod, self._placement, defaults)
        assert volume.projected is not None
        origins = projected.Origins(sources, self.tokens, self._placement, self._settings.root)
        return await projected.collect(origins, pod, volume.projected)

    # --- claims -------------------------------------------------------------------------------------------------------

    async def _mount_claim(self, pod: Pod, volume: Volume, use: claim.ClaimUse) -> Path:
        """The PersistentVolume's own directory. A link below the pod's directory records that the pod has it."""
        link = self._directories.volume(pod.metadata.uid, volume.name)
        try:
            found = await claim.bound_volume(self._client, pod, use, in_use=link.is_symlink())
        except SetUpFailed as error:
            raise VolumeNotReady(
                f"Unable to attach or mount volumes: unmounted volumes=[{volume.name}], unattached volumes=[], "
                f"failed to process volumes=[{volume.name}]: {error}"
            ) from error
        try:
            path = await asyncio.to_thread(claim.directory_of, found)
            if not link.is_symlink():
                if claim.takes_group(found) and not use.read_only:
                    await asyncio.to_thread(self._give_claimed, pod, path)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(path)
        except _FAILURES as error:
            name = found.metadata.name
            raise VolumeNotReady(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error
        return path

    def _give_claimed(self, pod: Pod, path: Path) -> None:
        security = pod.spec.security_context
        policy = security.fs_group_change_policy if security is not None else None
        self._give(pod, path, writable=True, on_root_mismatch=policy == "OnRootMismatch")

    def _give(self, pod: Pod, path: Path, *, writable: bool, on_root_mismatch: bool = False) -> None:
        security = pod.spec.security_context
        if security is not None and security.fs_group is not None and self._settings.root:
            give_to_group(path, GroupAccess(security.fs_group, writable, on_root_mismatch))


# --- rules -----------------------------------------------------------------------------------------------------------


def mounted_names(pod: Pod) -> set[str]:
    """The volumes that some container mounts; the others are never brought up."""
    spec = pod.spec
    containers = (*spec.init_containers, *spec.containers)
    names = {mount.name for container in containers for mount in container.volume_mounts}
    names.update(mount.name for container in spec.ephemeral_containers for mount in container.volume_mounts)
    names.update(device.name for container in containers for device in container.volume_devices)
    return names


def is_from_api(volume: Volume) -> bool:
    """Whether the content of a volume is made of API objects."""
    sources = (volume.config_map, volume.secret, volume.downward_api, volume.projected)
    return any(source is not None for source in sources)


def source_names(volume: Volume) -> list[str]:
    """The sources that a volume names; there is one, or none for an emptyDir written as nothing."""
    return [name for name in volume.__struct_fields__ if name != "name" and getattr(volume, name) is not None]


def remove_pod_directory(directory: Path) -> None:
    """Unmounts what is mounted below a pod's directory, then removes it. Blocking. Raises VolumeNotReady.

    Mounts are looked up in the kernel's own list: a bind mount within one file system looks like any directory.
    """
    try:
        mounted = mount_points_below(directory)
        for point in mounted:
            unmount(point)
    except OSError as error:
        raise VolumeNotReady(f"cannot unmount {error.filename}: {error.strerror}") from error
    if mounted and (left := mount_points_below(directory)):
        raise VolumeNotReady(f"cannot remove {directory}: {left[0]} is still mounted")
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as error:
        raise VolumeNotReady(f"cannot remove {directory}: {error}") from error
