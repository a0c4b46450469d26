"""Carries actions out: the runtime, the network, the volumes, the object in the API; notes what came of it.

An action that fails in a way that a person can do something about leaves a `Waiting` behind and an event; what a
runtime or the API cannot do just now is raised, and tried again after a while.
"""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Protocol, assert_never

from petset.aio.clock import Clock
from petset.api.errors import Conflict, NotFound
from petset.api.meta import key_of
from petset.api.types import Container, DeleteOptions, LifecycleHandler, Pod, Preconditions
from petset.client.interface import Client
from petset.client.recorder import EventRecorder, reference_to
from petset.node.directories import Directories
from petset.node.images import ImageFailed, Images
from petset.node.network.interface import NetworkError, PodNetwork
from petset.node.pods import model
from petset.node.pods.backoff import after_failure
from petset.node.pods.inventory import Inventory
from petset.node.pods.memory import Memory
from petset.node.pods.model import SANDBOX, VOLUMES, Waiting
from petset.node.runtimes.errors import (
    ContainerNotFound,
    CreateFailed,
    ImageNotFound,
    StartFailed,
)
from petset.node.runtimes.interface import ContainerSpec, Image, Runtime, Sandbox, SandboxSpec
from petset.node.specs import ConfigError, PodContext
from petset.node.volumes import VolumeNotReady

CONFIG_RETRY = 10.0
"""Seconds between tries to start a container that its configuration keeps from starting, as the kubelet's sync."""
LEAST_AFTER_HOOK = 2.0
"""Seconds between TERM and KILL that a preStop hook cannot use up."""
_IMAGE_REASONS = frozenset({"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"})


class PodSpecs(Protocol):
    """Describes sandboxes and containers to the runtime (`petset.node.specs.Specs`)."""

    async def sandbox(self, pod: Pod, attempt: int = 0) -> SandboxSpec:
        """Raises ConfigError."""
        ...

    async def container(self, context: PodContext, container: Container, attempt: int, init: bool) -> ContainerSpec:  # noqa: FBT001
        """Raises ConfigError."""
        ...

    async def write_etc(self, pod: Pod, pod_ip: str) -> None:
        """Raises ConfigError."""
        ...

    def termination_log(self, pod_uid: str, container: str, attempt: int) -> Path | None:
        """The file that the container's terminationMessagePath is; None when there is none."""
        ...


class PodVolumes(Protocol):
    """Mounts and unmounts (`petset.node.volumes.Volumes`)."""

    async def mount(self, pod: Pod) -> Mapping[str, Path]:
        """Raises VolumeNotReady."""
        ...

    async def unmount(self, pod_uid: str) -> None:
        """Undoes everything."""
        ...


class Hooks(Protocol):
    """Runs lifecycle handlers."""

    async def run(self, pod: Pod, container_id: str, address: str, container: Container, hook: LifecycleHandler) -> str:
        """Returns why it failed, "" when it did not."""
        ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What actions are carried out with. `starts` bounds how many sandboxes and containers start at once."""

    client: Client
    runtime: Runtime
    network: PodNetwork
    volumes: PodVolumes
    specs: PodSpecs
    images: Images
    hooks: Hooks
    recorder: EventRecorder
    directories: Directories
    clock: Clock
    node: model.Node
    starts: AbstractAsyncContextManager[None]


class Actor:
    """Does one action of one pod at a time; what it learns goes into the pod's memory and the inventory."""

    def __init__(self, tools: Tools, inventory: Inventory) -> None:
        self._tools = tools
        self._inventory = inventory

    async def perform(self, memory: Memory, action: model.Action) -> None:  # noqa: C901 - one branch an action
        """Raises ContainerRuntimeError, NetworkError, OSError, StatusError and ConnectionLost for another try."""
        match action:
            case model.CreateSandbox(attempt):
                await self._create_sandbox(memory, attempt)
            case model.AttachNetwork(sandbox_id):
                await self._attach(memory, sandbox_id)
            case model.MountVolumes():
                await self._mount(memory)
            case model.PullImage(container):
                await self._ensure_image(memory, container)
            case model.StartContainer():
                await self._start_container(memory, action)
            case model.RunPostStart():
                await self._run_post_start(memory, action)
            case model.KillContainer():
                await self._kill_container(memory, action)
            case model.RemoveContainer(_, container_id):
                await self._tools.runtime.remove_container(container_id)
                self._inventory.drop_container(container_id)
            case model.RemoveSandbox(sandbox_id):
                async with self._tools.starts:
                    await self._tools.runtime.remove_sandbox(sandbox_id)
                self._inventory.drop_sandbox(sandbox_id)
            case model.TearDown(sandbox_ids):
                await self._tear_down(memory, sandbox_ids)
            case model.DeletePodObject():
                await self._delete_object(memory)
            case _:
                assert_never(action)

    # --- sandbox, network, volumes, image -----------------------------------------------------------------------------

    async def _create_sandbox(self, memory: Memory, attempt: int) -> None:
        pod = _pod(memory)
        if attempt:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._tools.recorder.event(pod, "Normal", "SandboxChanged", text)
        try:
            spec = await self._tools.specs.sandbox(pod, attempt)
            async with self._tools.starts:
                sandbox_id = await self._tools.runtime.create_sandbox(spec)
        except (CreateFailed, ConfigError) as error:
            await self._inventory.refresh()
            if any(s.attempt == attempt and s.pod_uid == memory.uid for s in self._sandboxes_of(pod)):
                return  # it was there already: a process that was killed had asked for it
            text = f"Failed to create pod sandbox: {error}"
            self._failed(memory, SANDBOX, "FailedCreatePodSandBox", text)
            return
        self._inventory.put_sandbox(
            Sandbox(
                id=sandbox_id,
                pod_name=spec.pod_name,
                pod_namespace=spec.pod_namespace,
                pod_uid=spec.pod_uid,
                attempt=attempt,
                ready=True,
                pid=0,
                labels=spec.labels,
                created_at=self._tools.clock.now(),
            )
        )
        await self._attach(memory, sandbox_id)

    def _sandboxes_of(self, pod: Pod) -> tuple[Sandbox, ...]:
        return self._inventory.sandboxes(key_of(pod))

    async def _attach(self, memory: Memory, sandbox_id: str) -> None:
        pod = _pod(memory)
        try:
            if not pod.spec.host_network:
                netns = await self._tools.runtime.sandbox_netns(sandbox_id)
                address = (await self._tools.network.attach(str(netns), memory.uid)).ip
                memory.etc_written = memory.etc_written and address == memory.address
                memory.address = address
        except ContainerNotFound:
            self._inventory.stopped_sandbox(sandbox_id)
        except NetworkError as error:
            text = f"Failed to create pod sandbox: failed to set up network for sandbox {sandbox_id[:12]}: {error}"
            self._failed(memory, SANDBOX, "FailedCreatePodSandBox", text)
        else:
            self._succeeded(memory, SANDBOX)

    async def _mount(self, memory: Memory) -> None:
        try:
            memory.volumes = await self._tools.volumes.mount(_pod(memory))
        except VolumeNotReady as error:
            self._failed(memory, VOLUMES, "FailedMount", str(error))
        else:
            self._succeeded(memory, VOLUMES)

    def _failed(self, memory: Memory, what: str, reason: str, message: str) -> None:
        """Sandbox and volumes are tried again after 0.5 s, doubled up to 30 s."""
        tries = memory.tries.get(what, 0)
        memory.tries[what] = tries + 1
        retry_at = self._tools.clock.now() + timedelta(seconds=min(0.5 * 2 ** min(tries, 10), 30.0))
        memory.waiting[what] = Waiting(reason, message, retry_at)
        if memory.pod is not None:
            self._tools.recorder.event(memory.pod, "Warning", reason, message)

    def _succeeded(self, memory: Memory, what: str) -> None:
        memory.tries.pop(what, None)
        memory.waiting.pop(what, None)

    async def _ensure_image(self, memory: Memory, name: str) -> None:
        pod, container = _pod(memory), _container(memory, name)
        try:
            memory.images[name] = await self._tools.images.ensure(pod, container, model.field_path(pod, name))
        except ImageFailed as failure:
            memory.waiting[name] = Waiting(failure.reason, failure.message, failure.retry_at)
            return
        waiting = memory.waiting.get(name)
        if waiting is not None and waiting.reason in _IMAGE_REASONS:
            del memory.waiting[name]

    async def _tear_down(self, memory: Memory, sandbox_ids: Collection[str]) -> None:
        async with self._tools.starts:
            for sandbox_id in sandbox_ids:
                await self._tools.runtime.stop_sandbox(sandbox_id)
        await self._tools.network.detach(memory.uid)
        memory.address = ""
        for sandbox_id in sandbox_ids:
            self._inventory.stopped_sandbox(sandbox_id)
        await self._tools.volumes.unmount(memory.uid)
        self._tools.images.forget(memory.uid)
        memory.volumes = None
        memory.torn_down = True

    async def _delete_object(self, memory: Memory) -> None:
        meta = _pod(memory).metadata
        options = DeleteOptions(grace_period_seconds=0, preconditions=Preconditions(uid=meta.uid))
        with suppress(NotFound, Conflict):  # somebody else did, or the name belongs to a successor
            await self._tools.client.delete(Pod, meta.name, meta.namespace, options)
        memory.deleted = True

    # --- containers ---------------------------------------------------------------------------------------------------

    async def _start_container(self, memory: Memory, action: model.StartContainer) -> None:
        name = action.container
        if action.failed_at is not None:
            entry = memory.back_offs.get(name)
            memory.back_offs[name] = after_failure(entry, action.failed_at, self._tools.clock.now())
        image = memory.images.pop(name, None)
        container_id = action.created_id
        if not container_id and image is not None:
            container_id = await self._create_container(memory, action, image)
        if not container_id:
            return
        lifecycle = _container(memory, name).lifecycle
        if lifecycle is not None and lifecycle.post_start is not None:
            memory.hooks_due.add(container_id)
        try:
            async with self._tools.starts:
                await self._tools.runtime.start_container(container_id)
        except StartFailed as error:
            memory.hooks_due.discard(container_id)
            await self._inventory.look_at(container_id)
            memory.waiting[name] = Waiting("RunContainerError", str(error), self._tools.clock.now())
            self._container_event(memory, name, "Warning", "Failed", f"Error: {error}")
            return
        memory.waiting.pop(name, None)
        await self._inventory.look_at(container_id)
        self._container_event(memory, name, "Normal", "Started", f"Started container {name}")

    async def _create_container(self, memory: Memory, action: model.StartContainer, image: Image) -> str:
        """The id of the new container, "" when there is none; then the reason is noted."""
        pod, name = _pod(memory), action.container
        address = self._tools.node.host_ip if pod.spec.host_network else memory.address
        volumes, directories = memory.volumes or {}, self._tools.directories
        node = self._tools.node
        context = PodContext(pod, address, node.host_ip, node.name, volumes, directories, image)
        try:
            if not memory.etc_written:
                await self._tools.specs.write_etc(pod, address)
                memory.etc_written = True
            spec = await self._tools.specs.container(context, _container(memory, name), action.attempt, action.init)
            async with self._tools.starts:
                container_id = await self._tools.runtime.create_container(action.sandbox_id, spec)
        except ConfigError as error:
            self._not_created(memory, name, "CreateContainerConfigError", str(error))
        except (CreateFailed, ImageNotFound, ContainerNotFound) as error:
            await self._inventory.refresh()
            there = self._inventory.containers(key_of(pod))
            if not any(c.name == name and c.attempt == action.attempt for c in there):
                self._not_created(memory, name, "CreateContainerError", str(error))
        else:
            self._container_event(memory, name, "Normal", "Created", f"Created container: {name}")
            return container_id
        return ""

    def _not_created(self, memory: Memory, name: str, reason: str, message: str) -> None:
        retry_at = self._tools.clock.now() + timedelta(seconds=CONFIG_RETRY)
        memory.waiting[name] = Waiting(reason, message, retry_at)
        self._container_event(memory, name, "Warning", "Failed", f"Error: {message}")

    async def _run_post_start(self, memory: Memory, action: model.RunPostStart) -> None:
        pod, name = _pod(memory), action.container
        failure = await self._run_hook(memory, action.container_id, name, action.handler)
        if failure:
            self._container_event(memory, name, "Warning", "FailedPostStartHook", f"PostStartHook failed: {failure}")
            grace = max(pod.spec.termination_grace_period_seconds or 0, model.MINIMUM_GRACE)
            kill = model.KillContainer(name, action.container_id, grace, "FailedPostStartHook")
            await self._kill_container(memory, kill)
        memory.hooks_due.discard(action.container_id)

    async def _kill_container(self, memory: Memory, action: model.KillContainer) -> None:
        name, container_id = action.container, action.container_id
        if action.message:
            self._container_event(memory, name, "Normal", "Killing", action.message)
        grace = action.grace
        if action.pre_stop is not None:
            began = self._tools.clock.monotonic()
            await self._run_pre_stop(memory, action, action.pre_stop)
            grace = max(grace - (self._tools.clock.monotonic() - began), LEAST_AFTER_HOOK)
        await self._tools.runtime.stop_container(container_id, grace)
        memory.hooks_due.discard(container_id)
        await self._inventory.look_at(container_id)

    async def _run_pre_stop(self, memory: Memory, action: model.KillContainer, handler: LifecycleHandler) -> None:
        async with asyncio.TaskGroup() as group:
            hook = group.create_task(self._run_hook(memory, action.container_id, action.container, handler))
            timer = group.create_task(self._tools.clock.sleep(action.grace))
            await asyncio.wait({hook, timer}, return_when=asyncio.FIRST_COMPLETED)
            late = not hook.done()
            (hook if late else timer).cancel()
        failure = f"it took longer than the grace period of {action.grace:g} s" if late else hook.result()
        if failure:
            text = f"PreStopHook failed: {failure}"
            self._container_event(memory, action.container, "Warning", "FailedPreStopHook", text)

    async def _run_hook(self, memory: Memory, container_id: str, name: str, handler: LifecycleHandler) -> str:
        pod, container = _pod(memory), _container(memory, name)
        address = self._tools.node.host_ip if pod.spec.host_network else memory.address
        return await self._tools.hooks.run(pod, container_id, address, container, handler)

    def _container_event(self, memory: Memory, name: str, type_: str, reason: str, message: str) -> None:
        if memory.pod is not None:
            about = reference_to(memory.pod, model.field_path(memory.pod, name))
            self._tools.recorder.event(about, type_, reason, message)


def _pod(memory: Memory) -> Pod:
    assert memory.pod is not None, "planned for a pod without an object"
    return memory.pod


def _container(memory: Memory, name: str) -> Container:
    container = memory.container(name)
    assert container is not None, "planned for a container that the pod does not have"
    return container
