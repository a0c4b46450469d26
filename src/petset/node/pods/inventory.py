"""What the runtime has, by pod: a copy kept by events, corrected by a slow listing, and corrected at once by own acts.

A state only ever grows older (created, running, exited), and what changed while a list was being read is newer than
that list: so neither a late event nor a slow list ever brings the past back.
"""

import asyncio

from msgspec.structs import replace

from petset.api.meta import Key
from petset.node.runtimes.errors import ContainerNotFound
from petset.node.runtimes.interface import Container, Runtime, RuntimeEvent, Sandbox

_AGE = {"created": 0, "running": 1, "exited": 2}


class Inventory:
    """Sandboxes and containers by the namespace and name of their pods. Every change is told as the key it concerns."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._sandboxes: dict[str, Sandbox] = {}
        self._containers: dict[str, Container] = {}
        self._members: dict[str, dict[str, None]] = {}
        self._pods: dict[Key, dict[str, None]] = {}
        self._touched: set[str] = set()
        self._listing = asyncio.Lock()

    # --- reading

    def sandboxes(self, key: Key) -> tuple[Sandbox, ...]:
        """The sandboxes of every pod that has or had this name."""
        return tuple([self._sandboxes[sandbox_id] for sandbox_id in self._pods.get(key, ())])

    def containers(self, key: Key) -> tuple[Container, ...]:
        """The containers in these sandboxes."""
        sandboxes = self._pods.get(key, ())
        return tuple([self._containers[c] for sandbox_id in sandboxes for c in self._members.get(sandbox_id, ())])

    def keys(self) -> list[Key]:
        """Every pod name of which there is something."""
        return list(self._pods)

    def uids(self) -> set[str]:
        """Every pod of which there is a sandbox."""
        return {sandbox.pod_uid for sandbox in self._sandboxes.values()}

    def key_of(self, sandbox_id: str) -> Key | None:
        """The pod name of a sandbox."""
        sandbox = self._sandboxes.get(sandbox_id)
        return Key(sandbox.pod_namespace, sandbox.pod_name) if sandbox is not None else None

    # --- changing

    def put_sandbox(self, sandbox: Sandbox) -> Key | None:
        """Enters a sandbox; the key if that was news: all that matters is whether it is there, and ready."""
        known = self._sandboxes.get(sandbox.id)
        if known is not None and not known.ready:
            return None
        self._touched.add(sandbox.id)
        self._sandboxes[sandbox.id] = sandbox
        if known is not None and sandbox.ready:
            return None
        key = Key(sandbox.pod_namespace, sandbox.pod_name)
        self._pods.setdefault(key, {})[sandbox.id] = None
        return key

    def put_container(self, container: Container) -> Key | None:
        """Enters a container as it is now, unless it is known to be further on; the key if that changed anything."""
        known = self._containers.get(container.id)
        if known is not None and (known == container or _AGE[container.state] < _AGE[known.state]):
            return None
        self._touched.add(container.id)
        self._containers[container.id] = container
        self._members.setdefault(container.sandbox_id, {})[container.id] = None
        return self.key_of(container.sandbox_id)

    def stopped_sandbox(self, sandbox_id: str) -> Key | None:
        """Notes that a sandbox has ended."""
        known = self._sandboxes.get(sandbox_id)
        return self.put_sandbox(replace(known, ready=False, pid=0)) if known is not None else None

    def drop_container(self, container_id: str) -> Key | None:
        """Forgets a container."""
        self._touched.add(container_id)
        container = self._containers.pop(container_id, None)
        if container is None:
            return None
        self._members.get(container.sandbox_id, {}).pop(container_id, None)
        return self.key_of(container.sandbox_id)

    def drop_sandbox(self, sandbox_id: str) -> Key | None:
        """Forgets a sandbox and its containers."""
        self._touched.add(sandbox_id)
        key = self.key_of(sandbox_id)
        for container_id in list(self._members.get(sandbox_id, ())):
            self.drop_container(container_id)
        self._members.pop(sandbox_id, None)
        if self._sandboxes.pop(sandbox_id, None) is None or key is None:
            return None
        names = self._pods[key]
        names.pop(sandbox_id, None)
        if not names:
            del self._pods[key]
        return key

    # --- from the runtime

    async def look_at(self, container_id: str) -> Container | None:
        """Reads one container; None, and forgotten, when there is none. Raises ContainerRuntimeError."""
        try:
            container = await self._runtime.inspect(container_id)
        except ContainerNotFound:
            self.drop_container(container_id)
            return None
        self.put_container(container)
        return self._containers.get(container_id, container)

    async def take(self, event: RuntimeEvent) -> Key | None:
        """Follows an event; the key it concerns if it brought news. Raises ContainerRuntimeError."""
        key = self.key_of(event.sandbox_id)
        if event.container_id == event.sandbox_id:
            if event.kind == "removed":
                return self.drop_sandbox(event.sandbox_id)
            return self.stopped_sandbox(event.sandbox_id) if event.kind == "exited" else None
        if event.kind == "removed":
            return self.drop_container(event.container_id)
        known = self._containers.get(event.container_id)
        if event.kind == "started" and known is not None and known.state != "created":
            return None
        await self.look_at(event.container_id)
        return key if self._containers.get(event.container_id) != known else None

    async def refresh(self) -> set[Key]:
        """Lists everything anew; the keys where that brought news. Raises ContainerRuntimeError."""
        async with self._listing:
            return await self._refresh()

    async def _refresh(self) -> set[Key]:
        self._touched.clear()
        sandboxes = {sandbox.id: sandbox for sandbox in await self._runtime.list_sandboxes()}
        containers = {container.id: container for container in await self._runtime.list_containers()}
        changed: list[Key | None] = []
        touched = set(self._touched)
        changed += [self.put_sandbox(s) for s in sandboxes.values() if s.id not in touched]
        changed += [self.put_container(c) for c in containers.values() if c.id not in touched]
        changed += [self.drop_container(c) for c in set(self._containers) - set(containers) - touched]
        changed += [self.drop_sandbox(s) for s in set(self._sandboxes) - set(sandboxes) - touched]
        return {key for key in changed if key is not None}
