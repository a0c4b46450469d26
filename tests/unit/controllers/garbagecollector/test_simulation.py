"""Random families under random users: who has a living owner stays, who has none left goes, whenever a process dies."""

import itertools
import random
from contextlib import AsyncExitStack

import pytest

from petset.api.errors import StatusError
from petset.api.meta import is_terminating, owner_reference
from petset.api.types import ConfigMap, DeleteOptions, Namespace, Object, ObjectMeta, OwnerReference, Preconditions
from petset.apiserver.local import LocalClient
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Identity
from petset.client.interface import T, WriteOptions
from petset.controllers.garbagecollector.controller import GarbageCollector
from petset.controllers.garbagecollector.model import FOREGROUND
from tests.unit.controllers.toycluster import ToyCluster, toy_cluster

STEPS = 60
CROWD = 7
"""Objects there are at a time, so that most of them are related."""
HOLD = "example.com/hold"


def waits(obj: Object) -> bool:
    """Whether the object is being deleted in the foreground: its dependents may go before it."""
    return is_terminating(obj) and FOREGROUND in obj.metadata.finalizers


class Witness(LocalClient):
    """Everybody's client. Looks at every deletion by the collector at the moment the server would carry it out."""

    def __init__(self, server: ApiServer, dice: random.Random) -> None:
        super().__init__(server, Identity("somebody"), "somebody")
        self.user = User(self, dice)
        self.wrong: list[str] = []
        self.waited: set[str] = set()
        """Owners that once waited for their dependents; they may stop before all of those have been dealt with."""
        self.spared: set[tuple[str, str]] = set()
        """Dependents and the owners whose end must not be theirs."""

    async def living_owners(self, obj: ConfigMap) -> list[str]:
        """The owners that are there, in the right namespace, and have not given their dependents away."""
        listed = (await self.list(ConfigMap, obj.metadata.namespace)).items
        self.waited.update(other.metadata.uid for other in listed if waits(other))
        there = {other.metadata.uid for other in listed} - self.waited
        return [ref.uid for ref in obj.metadata.owner_references if ref.uid in there]

    async def update(self, obj: T, subresource: str = "", options: WriteOptions = WriteOptions()) -> T:  # noqa: B008
        before = await self.get(type(obj), obj.metadata.name, obj.metadata.namespace)
        if waits(before):
            self.waited.add(before.metadata.uid)
        return await super().update(obj, subresource, options)

    async def delete(self, kind: type[T], name: str, namespace: str = "", options: DeleteOptions | None = None) -> None:
        assert options is not None
        if options.preconditions is not None:
            if self.user.is_awake and self.user.dice.random() < 0.3:
                await self.user.act()
            await self._judge(await self.get(ConfigMap, name, namespace), options.preconditions)
        else:
            await self._note(await self.get(ConfigMap, name, namespace), options.propagation_policy)
        await super().delete(kind, name, namespace, options)

    async def _judge(self, obj: ConfigMap, wanted: Preconditions) -> None:
        """A deletion by the collector that the server will carry out."""
        if wanted.uid != obj.metadata.uid or wanted.resource_version not in (None, obj.metadata.resource_version):
            return
        name = obj.metadata.name
        self.wrong += [f"{name} is owned by {owner}" for owner in await self.living_owners(obj)]
        owners = obj.metadata.owner_references
        self.wrong += [f"{name} was spared by {r.name}" for r in owners if (obj.metadata.uid, r.uid) in self.spared]

    async def _note(self, obj: ConfigMap, policy: str | None) -> None:
        """A deletion by the user."""
        uid = obj.metadata.uid
        if waits(obj):
            self.waited.add(uid)
        if policy == "Orphan" and not is_terminating(obj):
            dependents = (await self.list(ConfigMap, obj.metadata.namespace)).items
            refs = [(child, ref) for child in dependents for ref in child.metadata.owner_references]
            self.spared |= {(child.metadata.uid, uid) for child, ref in refs if ref.uid == uid}
        elif policy is not None:
            self.spared = {(child, owner) for child, owner in self.spared if owner != uid}


class User:
    """Creates, adopts, releases and deletes at random."""

    def __init__(self, client: "Witness", dice: random.Random) -> None:
        self.is_awake = True
        self.numbers = itertools.count()
        self.client = client
        self.dice = dice
        self.known: list[ConfigMap] = []

    async def act(self) -> None:
        """One change; the server may refuse it."""
        crowded = len((await self.client.list(ConfigMap, "default")).items) > CROWD
        likely = self.delete if crowded else self.create
        action = self.dice.choice([likely, likely, self.adopt, self.adopt, self.release, self.delete])
        if len(self.known) < 2:
            action = self.create
        try:
            await action()
        except StatusError:
            return

    async def create(self) -> None:
        """A new object, with owners that may be dead, elsewhere or being deleted."""
        meta = ObjectMeta(name=f"thing-{next(self.numbers)}", namespace=self.dice.choice(["default"] * 5 + ["other"]))
        meta.owner_references = [self._own(owner) for owner in await self._some(self.dice.choice([0, 0, 1, 1, 2, 3]))]
        if self.dice.random() < 0.2:
            meta.finalizers = [HOLD]
        self.known.append(await self.client.create(ConfigMap(metadata=meta)))

    async def adopt(self) -> None:
        """One more owner, which may make a circle."""
        child, owner = await self._some(2)
        child.metadata.owner_references.append(self._own(owner))
        self.client.spared.discard((child.metadata.uid, owner.metadata.uid))
        await self.client.update(child)

    async def release(self) -> None:
        """One owner less."""
        (child,) = await self._some(1)
        child.metadata.owner_references = child.metadata.owner_references[1:]
        await self.client.update(child)

    async def delete(self) -> None:
        """By any policy."""
        (obj,) = await self._some(1)
        policy = self.dice.choice(["Background", "Foreground", "Foreground", "Orphan"])
        options = DeleteOptions(propagation_policy=policy)
        await self.client.delete(ConfigMap, obj.metadata.name, obj.metadata.namespace, options)

    def _own(self, owner: ConfigMap) -> OwnerReference:
        reference = owner_reference(owner, controller=False)
        reference.block_owner_deletion = self.dice.random() < 0.8
        return reference

    async def _some(self, count: int) -> list[ConfigMap]:
        """Objects that are there, now and then one that was."""
        there = (await self.client.list(ConfigMap, "default")).items + self.dice.sample(
            self.known, min(len(self.known), 2)
        )
        return self.dice.sample(there, min(len(there), count))


async def release_all(cluster: ToyCluster) -> None:
    """Whoever held an object back lets it go."""

    def release(obj: ConfigMap) -> None:
        obj.metadata.finalizers = [name for name in obj.metadata.finalizers if name != HOLD]

    for obj in (await cluster.client.list(ConfigMap)).items:
        if await cluster.find(ConfigMap, obj.metadata.name, obj.metadata.namespace):
            await cluster.change(ConfigMap, obj.metadata.name, obj.metadata.namespace, release)


@pytest.mark.parametrize("seed", range(30))
async def test_families(seed: int) -> None:
    dice = random.Random(seed)
    kinds: list[type[Object]] = [ConfigMap, Namespace]
    async with toy_cluster() as base, AsyncExitStack() as stack:
        await base.client.create(Namespace(metadata=ObjectMeta(name="other")))
        witness = Witness(base.server, dice)
        cluster = base
        for _ in range(3):
            cluster = await stack.enter_async_context(base.restarted())
            gc = GarbageCollector(witness, cluster.informers, cluster.recorder, cluster.clock, kinds)
            cluster.start(gc)
            for _ in range(STEPS // 3):
                await witness.user.act()
                await cluster.clock.advance(dice.choice([0, 0, 0.001, 0.1]))
            if dice.random() < 0.7:
                await cluster.supervisor.stop()
        if not len(cluster.supervisor):
            cluster = await stack.enter_async_context(base.restarted())
            gc = GarbageCollector(witness, cluster.informers, cluster.recorder, cluster.clock, kinds)
            cluster.start(gc)
        witness.user.is_awake = False
        await cluster.settle()
        await release_all(cluster)
        assert witness.wrong == []
        remaining = (await cluster.client.list(ConfigMap)).items
        assert [obj.metadata.name for obj in remaining if is_terminating(obj)] == []
        for obj in remaining:
            owners = [ref.uid for ref in obj.metadata.owner_references]
            assert owners == await witness.living_owners(obj), obj.metadata.name
