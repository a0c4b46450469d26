"""get and list: revisions, pages, selectors, views."""

import msgspec
import pytest
from msgspec.structs import replace

from petset.api.errors import BadRequest, Expired, Invalid, NotFound, Timeout
from petset.api.types import ConfigMap, DeleteOptions, Event, EventsV1Event, Node, ObjectMeta, ObjectReference, Pod
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Listing, ListOptions
from petset.store.memory import MemoryStore
from petset.store.watchcache import History
from tests.unit.apiserver.calls import ME, PLAINLY, config_map, create, pod, target, tree


def names(listing: Listing) -> list[str]:
    return [record.name.rpartition("/")[2] for record in listing.records]


async def test_get_hands_out_the_stored_bytes(server: ApiServer) -> None:
    await create(server, config_map())
    one, other = [await server.get(target(ConfigMap, "settings")) for _ in range(2)]
    assert one.record.value is other.record.value


async def test_get_of_nothing_names_what_is_missing(server: ApiServer) -> None:
    with pytest.raises(NotFound, match=r'^pods "web-0" not found$') as caught:
        await server.get(target(Pod, "web-0"))
    assert caught.value.details == {"name": "web-0", "kind": "pods"}


async def test_a_name_like_the_beginning_of_another_is_not_it(server: ApiServer) -> None:
    for name in ("web-1", "web-10"):
        await create(server, config_map(name))
    listing = await server.list(target(ConfigMap), ListOptions(field_selector="metadata.name=web-1"))
    assert names(listing) == ["web-1"]


class TestPages:
    async def test_say_how_much_is_left(self, server: ApiServer) -> None:
        for name in "abcde":
            await create(server, config_map(name))
        page = await server.list(target(ConfigMap), ListOptions(limit=2))
        assert (names(page), page.remaining) == (["a", "b"], 3)

    async def test_say_nothing_of_what_is_left_when_they_select(self, server: ApiServer) -> None:
        for name in "abc":
            await create(server, config_map(name, app="web"))
        page = await server.list(target(ConfigMap), ListOptions(limit=2, label_selector="app=web"))
        assert (names(page), page.remaining) == (["a", "b"], None)

    @pytest.mark.parametrize("selector", ["", "app=web", "app,x!=y"])
    async def test_are_of_one_moment_whatever_happens_between_them(self, server: ApiServer, selector: str) -> None:
        made = {name: await create(server, config_map(name, app="web")) for name in "abcdef"}
        for name in "ce":
            await server.delete(ME, target(ConfigMap, name), DeleteOptions())
        options = ListOptions(limit=1, label_selector=selector)
        first = await server.list(target(ConfigMap), options)
        await server.delete(ME, target(ConfigMap, "b"), DeleteOptions())
        await create(server, config_map("c", app="web"))
        await server.update(ME, target(ConfigMap, "d"), config_map("d", app="other"), PLAINLY)
        await create(server, config_map("g", app="web"))
        pages = [first]
        while pages[-1].continue_:
            pages.append(await server.list(target(ConfigMap), replace(options, continue_=pages[-1].continue_)))
        read = [msgspec.json.decode(record.value, type=ConfigMap) for page in pages for record in page.records]
        assert read == [made[name] for name in "abdf"]
        assert {page.revision for page in pages} == {first.revision}
        counted = [3, 2, 1, None] if not selector else [None] * 4
        assert [page.remaining for page in pages] == counted

    async def test_that_history_does_not_show_any_more_lead_on_as_things_are_now(self, server: ApiServer) -> None:
        store = MemoryStore(history=History(events=2))
        short = ApiServer(server.catalogue, store, server.registry.clock)
        await create_system_objects(short, 6443)
        for name in "abc":
            await create(short, config_map(name))
        options = ListOptions(limit=1)
        first = await short.list(target(ConfigMap), options)
        for name in "defg":
            await create(short, config_map(name))
        with pytest.raises(Expired, match="continue parameter is too old") as refused:
            await short.list(target(ConfigMap), replace(options, continue_=first.continue_))
        token = refused.value.status()["metadata"]["continue"]
        rest = await short.list(target(ConfigMap), ListOptions(continue_=token))
        assert (names(rest), rest.revision) == (list("bcdefg"), store.revision)

    async def test_of_another_history_are_expired(self, server: ApiServer) -> None:
        for name in "abc":
            await create(server, config_map(name))
        token = (await server.list(target(ConfigMap), ListOptions(limit=2))).continue_
        elsewhere = ApiServer(server.catalogue, type(server.registry.store)(), server.registry.clock)
        with pytest.raises(Expired, match="continue parameter is too old"):
            await elsewhere.list(target(ConfigMap), ListOptions(continue_=token))

    @pytest.mark.parametrize("token", ["%%%", "bm90IGpzb24", "e30"])
    async def test_need_a_token_of_ours(self, server: ApiServer, token: str) -> None:
        with pytest.raises(BadRequest, match="continue key is not valid"):
            await server.list(target(ConfigMap), ListOptions(continue_=token))


class TestRevisions:
    @pytest.mark.parametrize("revision", ["", "0", "1"])
    async def test_of_the_past_show_the_present(self, server: ApiServer, revision: str) -> None:
        await create(server, config_map())
        listing = await server.list(target(ConfigMap), ListOptions(resource_version=revision))
        assert (names(listing), listing.revision) == (["settings"], server.registry.store.revision)

    async def test_of_the_future_are_refused(self, server: ApiServer) -> None:
        with pytest.raises(Timeout, match="Too large resource version"):
            await server.list(target(ConfigMap), ListOptions(resource_version="99999"))

    async def test_asked_for_exactly_are_as_they_were(self, server: ApiServer) -> None:
        await create(server, config_map("a"))
        past = server.registry.store.revision
        await create(server, config_map("b"))
        exactly = ListOptions(resource_version=str(past), resource_version_match="Exact")
        listing = await server.list(target(ConfigMap), exactly)
        assert (names(listing), listing.revision) == (["a"], past)
        assert names(await server.list(target(ConfigMap), replace(exactly, resource_version=str(past + 1)))) == [
            "a",
            "b",
        ]

    @pytest.mark.parametrize(("match", "seen"), [("", ["a"]), ("NotOlderThan", ["a", "b"])])
    async def test_that_pages_begin_with_are_as_they_were(self, server: ApiServer, match: str, seen: list[str]) -> None:
        await create(server, config_map("a"))
        past = str(server.registry.store.revision)
        await create(server, config_map("b"))
        options = ListOptions(limit=9, resource_version=past, resource_version_match=match)
        assert names(await server.list(target(ConfigMap), options)) == seen

    @pytest.mark.parametrize("revision", ["1", "2"])
    async def test_do_not_go_with_a_token(self, server: ApiServer, revision: str) -> None:
        for name in "ab":
            await create(server, config_map(name))
        token = (await server.list(target(ConfigMap), ListOptions(limit=1))).continue_
        with pytest.raises(BadRequest, match="not allowed when using continue"):
            await server.list(target(ConfigMap), ListOptions(continue_=token, resource_version=revision))
        whole = await server.list(target(ConfigMap), ListOptions(continue_=token, resource_version="0"))
        assert names(whole) == ["b"]

    async def test_that_history_does_not_know_are_refused(self, server: ApiServer) -> None:
        short = ApiServer(server.catalogue, MemoryStore(history=History(events=1)), server.registry.clock)
        await create_system_objects(short, 6443)
        for name in "abc":
            await create(short, config_map(name))
        with pytest.raises(Expired, match="is too old"):
            await short.list(target(ConfigMap), ListOptions(resource_version="1", resource_version_match="Exact"))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (ListOptions(resource_version_match="Exact"), "forbidden unless resourceVersion is provided"),
            (
                ListOptions(resource_version="1", resource_version_match="NotOlderThan", continue_="x"),
                "forbidden when continue is provided",
            ),
            (ListOptions(resource_version="1", resource_version_match="About"), 'Unsupported value: "About"'),
            (ListOptions(resource_version="0", resource_version_match="Exact"), 'forbidden for resourceVersion "0"'),
        ],
    )
    async def test_need_options_that_go_together(self, server: ApiServer, options: ListOptions, message: str) -> None:
        with pytest.raises(Invalid, match=message):
            await server.list(target(ConfigMap), options)


class TestSelectors:
    @pytest.mark.parametrize(
        ("selector", "expected"),
        [
            ("spec.nodeName=node-1", ["web-0"]),
            ("spec.nodeName=", ["web-1"]),
            ("status.phase=Pending,metadata.name!=web-0", ["web-1"]),
            ("metadata.namespace=other", []),
        ],
    )
    async def test_know_the_fields_of_a_kind(self, server: ApiServer, selector: str, expected: list[str]) -> None:
        await create(server, pod("web-0"))
        await create(server, pod("web-1", node=None))
        listing = await server.list(target(Pod, namespace=""), ListOptions(field_selector=selector))
        assert names(listing) == expected

    @pytest.mark.parametrize(
        ("kind", "selector", "message"),
        [
            (Pod, "spec.colour=red", "^field label not supported: spec[.]colour$"),
            (Node, "metadata.uid=1", "^field label not supported: metadata[.]uid$"),
            (
                ConfigMap,
                "data.key=value",
                '^"data[.]key" is not a known field selector: only "metadata[.]name", "metadata[.]namespace"$',
            ),
        ],
    )
    async def test_refuse_other_fields(
        self, server: ApiServer, kind: type[Pod | Node | ConfigMap], selector: str, message: str
    ) -> None:
        with pytest.raises(BadRequest, match=message):
            await server.list(target(kind), ListOptions(field_selector=selector))

    async def test_refuse_labels_that_cannot_be(self, server: ApiServer) -> None:
        with pytest.raises(BadRequest, match="found '=', expected: identifier"):
            await server.list(target(ConfigMap), ListOptions(label_selector="app==,=x"))


async def test_events_are_the_same_in_both_groups(server: ApiServer) -> None:
    about = ObjectReference(kind="Pod", namespace="default", name="web-0")
    await create(server, Event(metadata=ObjectMeta(name="web-0.1"), involved_object=about, message="it is so"))
    shown = tree(await server.get(target(EventsV1Event, "web-0.1")))
    assert (shown["apiVersion"], shown["kind"], shown["note"]) == ("events.k8s.io/v1", "Event", "it is so")
    listing = await server.list(target(EventsV1Event), ListOptions(field_selector="regarding.name=web-0"))
    assert names(listing) == ["web-0.1"]
