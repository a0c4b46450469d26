"""Keeps aggregating ClusterRoles up to date with the roles that they gather."""

from petset.aio.clock import Clock
from petset.aio.queue import KeyedQueue
from petset.api.types import ClusterRole
from petset.client.informer import InformerFactory
from petset.client.interface import Client, Patch, WriteOptions
from petset.controllers.aggregation.plan import change
from petset.controllers.runtime import DONE, Controller, Result

NAME = "clusterrole-aggregation-controller"
"""Also its field manager, as upstream's, and the ServiceAccount whose role lets it write what it does not have."""


class ClusterRoleAggregation:
    """A key is an aggregating role. There are few roles: every change is a reason to look at all that aggregate."""

    def __init__(self, client: Client, informers: InformerFactory, clock: Clock) -> None:
        self._client = client
        self._roles = informers.informer(ClusterRole)
        self._queue: KeyedQueue[str] = KeyedQueue(NAME, clock)
        self._roles.add_handlers(self._changed, lambda _, new: self._changed(new), self._changed)
        self._loop = Controller(NAME, self._queue, self._reconcile, reads=(self._roles,), workers=1)

    async def run(self) -> None:
        """Works until cancelled."""
        await self._loop.run()

    def _changed(self, _: ClusterRole) -> None:
        for role in self._roles.list():
            if role.aggregation_rule is not None:
                self._queue.add(role.metadata.name)

    async def _reconcile(self, name: str) -> Result:
        role = self._roles.get("", name)
        wanted = change(role, self._roles.list()) if role is not None else None
        if wanted is not None:
            options = WriteOptions(field_manager=NAME, force=True)
            await self._client.patch(ClusterRole, name, "", Patch("apply", wanted), options=options)
        return DONE
