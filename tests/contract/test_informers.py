"""What an informer promises, whatever client it follows: it shows what a list shows, and handlers hear how it came."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api import meta
from petset.api.types import ConfigMap, ObjectMeta
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.client.informer import Informer, InformerFactory
from petset.client.interface import Client
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from tests.contract.clients import CLIENTS


@pytest.fixture(params=CLIENTS)
async def client(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Client]:
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, SystemClock())
    await create_system_objects(server, 6443)
    async with CLIENTS[request.param](server, tmp_path) as client:
        yield client
    await store.close()


@pytest.fixture
async def informers(client: Client) -> AsyncIterator[InformerFactory]:
    async with Supervisor("test") as supervisor:
        factory = InformerFactory(client)
        factory.start(supervisor)
        yield factory


def config_map(name: str, app: str = "web") -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default", labels={"app": app}))


async def write_at_random(client: Client, dice: random.Random) -> str:
    """One create, update or delete; the revision it got, as far as the answer tells."""
    name = f"settings-{dice.randrange(8)}"
    present = {obj.metadata.name: obj for obj in (await client.list(ConfigMap, "default")).items}
    found = present.get(name)
    if found is None:
        written = await client.create(config_map(name, dice.choice(["web", "db"])))
    elif dice.random() < 0.3:
        await client.delete(ConfigMap, name, "default")
        return (await client.list(ConfigMap, "default")).resource_version
    else:
        found.metadata.labels["app"] = dice.choice(["web", "db"])
        found.data["roll"] = str(dice.random())
        written = await client.update(found)
    return written.metadata.resource_version


class Mirror:
    """Rebuilds the state of an informer from what its handlers hear."""

    def __init__(self, informer: Informer[ConfigMap]) -> None:
        self.objects: dict[str, ConfigMap] = {}
        informer.add_handlers(self.add, self.update, self.delete)

    def add(self, new: ConfigMap) -> None:
        assert new.metadata.name not in self.objects
        self.objects[new.metadata.name] = new

    def update(self, old: ConfigMap, new: ConfigMap) -> None:
        assert self.objects[new.metadata.name] is old
        self.objects[new.metadata.name] = new

    def delete(self, old: ConfigMap) -> None:
        del self.objects[old.metadata.name]


@pytest.mark.parametrize("seed", range(5))
async def test_after_every_write_it_shows_what_a_list_shows(
    client: Client, informers: InformerFactory, seed: int
) -> None:
    dice = random.Random(seed)
    for _ in range(5):
        await write_at_random(client, dice)
    informer = informers.informer(ConfigMap, "default", indexes={"app": lambda obj: [obj.metadata.labels["app"]]})
    mirror = Mirror(informer)
    await informer.synced()
    for _ in range(40):
        await informer.until_seen(await write_at_random(client, dice))
        listed = {obj.metadata.name: obj for obj in (await client.list(ConfigMap, "default")).items}
        assert {obj.metadata.name: obj for obj in informer.list()} == listed == mirror.objects
        for app in ("web", "db"):
            named = {name for name, obj in listed.items() if obj.metadata.labels["app"] == app}
            assert {obj.metadata.name for obj in informer.by_index("app", app)} == named


async def test_a_selection_shows_what_begins_and_drops_what_ceases_to_match(
    client: Client, informers: InformerFactory
) -> None:
    everything = informers.informer(ConfigMap, "default")
    selected = informers.informer(ConfigMap, "default", label_selector="app=web")
    await informers.synced()
    created = await client.create(config_map("settings", "db"))
    await everything.until_seen(created.metadata.resource_version)
    assert selected.get("default", "settings") is None
    created.metadata.labels["app"] = "web"
    begun = await client.update(created)
    await selected.until_seen(begun.metadata.resource_version)
    assert selected.get("default", "settings") == begun
    begun.metadata.labels["app"] = "db"
    ceased = await client.update(begun)
    await selected.until_seen(ceased.metadata.resource_version)
    assert selected.get("default", "settings") is None


async def test_thousands_of_objects_are_no_special_case(client: Client, informers: InformerFactory) -> None:
    for number in range(2_000):
        await client.create(config_map(f"settings-{number}"))
    informer = informers.informer(ConfigMap)
    await informer.synced()
    assert len(informer.list("default")) == 2_000
    changed = meta.copy(informer.list("default")[-1])
    changed.data["key"] = "value"
    written = await client.update(changed)
    await informer.until_seen(written.metadata.resource_version)
    assert informer.get("default", written.metadata.name) == written
