"""Watches: where they start, what they see, what they share, how they end."""

import msgspec
import pytest

from petset.api.errors import BadRequest, Expired, Invalid, Timeout
from petset.api.types import ConfigMap, Event, EventsV1Event, ObjectMeta, ObjectReference
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import ListOptions, WatchOptions
from petset.apiserver.watch import ChangeFeed, WatchChange, error_frame, frame
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from petset.store.watchcache import History
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, target


async def take(feed: ChangeFeed, count: int) -> list[WatchChange]:
    changes: list[WatchChange] = []
    async for batch in feed:
        changes += batch
        if len(changes) >= count:
            break
    return changes


def placed(name: str) -> ConfigMap:
    return ConfigMap(metadata=ObjectMeta(name=name, namespace="default"))


def seen(changes: list[WatchChange]) -> list[tuple[str, str]]:
    return [(change.type, change.record.name.rpartition("/")[2]) for change in changes]


async def present(server: ApiServer) -> str:
    return str((await server.list(target(ConfigMap), ListOptions())).revision)


@pytest.mark.parametrize("revision", ["", "0"])
async def test_from_nowhere_begins_with_what_is_there(server: ApiServer, revision: str) -> None:
    await create(server, config_map("a"))
    async with server.watch(target(ConfigMap), WatchOptions(resource_version=revision)) as feed:
        await create(server, config_map("b"))
        assert seen(await take(feed, 2)) == [("ADDED", "a"), ("ADDED", "b")]


async def test_from_a_revision_begins_after_it(server: ApiServer) -> None:
    await create(server, config_map("a"))
    revision = await present(server)
    await create(server, config_map("b"))
    async with server.watch(target(ConfigMap), WatchOptions(resource_version=revision)) as feed:
        assert seen(await take(feed, 1)) == [("ADDED", "b")]


async def test_initial_events_can_be_left_out(server: ApiServer) -> None:
    await create(server, config_map("a"))
    options = WatchOptions(send_initial_events=False, resource_version_match="NotOlderThan")
    async with server.watch(target(ConfigMap), options) as feed:
        await create(server, config_map("b"))
        assert seen(await take(feed, 1)) == [("ADDED", "b")]


async def test_the_initial_events_end_with_a_bookmark_of_the_watched_kind(server: ApiServer) -> None:
    await create(server, config_map("a"))
    options = WatchOptions(send_initial_events=True, resource_version_match="NotOlderThan", allow_bookmarks=True)
    async with server.watch(target(ConfigMap), options) as feed:
        _, end = await take(feed, 2)
    assert msgspec.json.decode(frame(end)) == {
        "type": "BOOKMARK",
        "object": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "annotations": {"k8s.io/initial-events-end": "true"},
                "resourceVersion": await present(server),
            },
        },
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (WatchOptions(send_initial_events=True), "sendInitialEvents requires setting resourceVersionMatch to"),
        (WatchOptions(resource_version_match="NotOlderThan"), "forbidden for watch unless sendInitialEvents"),
        (
            WatchOptions(send_initial_events=True, resource_version_match="Exact"),
            'Unsupported value: "Exact": supported values: "NotOlderThan"',
        ),
    ],
)
async def test_options_that_do_not_go_together_are_invalid(
    server: ApiServer, options: WatchOptions, message: str
) -> None:
    with pytest.raises(Invalid, match=message):
        async with server.watch(target(ConfigMap), options):
            pass


async def test_from_a_revision_of_the_future_nothing_is_seen_until_it_comes(server: ApiServer) -> None:
    known = int(await present(server)) + 2
    async with server.watch(target(ConfigMap), WatchOptions(resource_version=str(known))) as feed:
        for name in "abc":
            await create(server, config_map(name))
        assert seen(await take(feed, 1)) == [("ADDED", "c")]


async def test_what_is_there_in_the_future_is_not_known(server: ApiServer) -> None:
    options = WatchOptions(resource_version="1000000", send_initial_events=True, resource_version_match="NotOlderThan")
    async with server.watch(target(ConfigMap), options) as feed:
        with pytest.raises(Timeout, match="Too large resource version: 1000000, current: ") as caught:
            await take(feed, 1)
    assert caught.value.details["causes"][0]["reason"] == "ResourceVersionTooLarge"
    assert caught.value.retry_after_seconds == 1


async def test_a_revision_that_is_none_is_refused(server: ApiServer) -> None:
    with pytest.raises(BadRequest, match="resourceVersion: Invalid value"):
        async with server.watch(target(ConfigMap), WatchOptions(resource_version="yesterday")):
            pass


async def test_forgotten_history_is_expired(clock: VirtualClock) -> None:
    store = MemoryStore(History(events=2))
    server = ApiServer(CATALOGUE, store, clock)
    resource = CATALOGUE.of(ConfigMap)
    for number in range(5):
        await server.registry.write(resource, placed(str(number)), None)
    with pytest.raises(Expired, match="too old resource version: 2"):
        async with server.watch(target(ConfigMap), WatchOptions(resource_version="2")):
            pass


async def test_a_reader_left_behind_is_expired(clock: VirtualClock) -> None:
    store = MemoryStore(History(events=2))
    server = ApiServer(CATALOGUE, store, clock)
    resource = CATALOGUE.of(ConfigMap)
    async with server.watch(target(ConfigMap), WatchOptions(resource_version="1")) as feed:
        for number in range(5):
            await server.registry.write(resource, placed(str(number)), None)
        with pytest.raises(Expired, match="did not keep up"):
            await take(feed, 5)


async def test_selectors_make_additions_and_deletions_of_changes(server: ApiServer) -> None:
    revision = await present(server)
    options = WatchOptions(label_selector="app=web", resource_version=revision)
    async with server.watch(target(ConfigMap), options) as feed:
        current = await create(server, config_map("a", app="db"))
        for app in ("web", "web", "db"):
            current.metadata.labels["app"] = app
            current.data["step"] = current.data.get("step", "") + "."
            answer = await server.update(ME, target(ConfigMap, "a"), current, PLAINLY)
            current = msgspec.json.decode(answer.record.value, type=ConfigMap)
        changes = await take(feed, 3)
    assert seen(changes) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]
    left = msgspec.json.decode(changes[2].record.value, type=ConfigMap)
    assert left.metadata.labels == {"app": "web"}
    assert left.metadata.resource_version == current.metadata.resource_version


async def test_a_view_is_watched_in_its_own_shape(server: ApiServer) -> None:
    async with server.watch(target(EventsV1Event), WatchOptions()) as feed:
        about = ObjectReference(kind="Pod", namespace="default", name="web-0")
        await create(server, Event(metadata=ObjectMeta(name="web-0.1"), involved_object=about, message="it is so"))
        change = (await take(feed, 1))[0]
    shown = msgspec.json.decode(change.record.value, type=EventsV1Event)
    assert (shown.api_version, shown.note, shown.regarding.name) == ("events.k8s.io/v1", "it is so", "web-0")


def test_a_failed_watch_ends_with_its_status() -> None:
    line = error_frame(Expired("too old resource version: 2 (7)").status())
    assert line.endswith(b"\n")
    found = msgspec.json.decode(line)
    assert (found["type"], found["object"]["code"], found["object"]["reason"]) == ("ERROR", 410, "Expired")
