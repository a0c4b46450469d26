"""The forms of an answer: objects and lists as stored, tables, metadata alone."""

import msgspec
import pytest

from petset.api.resources import Resource
from petset.api.table import IncludeObject
from petset.api.types import ConfigMap, Pod, StatefulSet
from petset.apiserver import encodings
from petset.apiserver.encodings import PIECE, Form, ListBody
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.request import Answer, ListOptions, WatchOptions
from petset.apiserver.watch import WatchChange
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import config_map, create, pod, stateful_set, target, tree


def whole(body: ListBody) -> bytes:
    """The pieces of a body put together; its size is right."""
    together = b"".join(body.pieces())
    assert len(together) == body.size
    return together


@pytest.mark.parametrize("count", [0, 1, 2, 7, 100, 1000])
def test_a_body_comes_in_pieces_of_bounded_size(count: int) -> None:
    body = ListBody(b"[", [b'"%s"' % (b"x" * 999)] * count, b"]")
    assert whole(body) == b"[" + b",".join(body.items) + b"]"
    assert max(map(len, body.pieces())) <= PIECE + 10
    assert len([*body.pieces()]) <= body.size // PIECE + 3


async def listed(server: ApiServer, form: Form = encodings.PLAIN, limit: int = 0) -> dict[str, object]:
    listing = await server.list(target(ConfigMap), ListOptions(limit=limit))
    found: dict[str, object] = msgspec.json.decode(whole(encodings.list_body(server.registry, listing, form)))
    return found


async def test_an_object_is_its_stored_bytes(server: ApiServer) -> None:
    await create(server, config_map())
    answer = await server.get(target(ConfigMap, "settings"))
    assert encodings.object_bytes(server.registry, answer) is answer.record.value


def item(answer: Answer) -> dict[str, object]:
    """The list says for all what they are."""
    return {name: value for name, value in tree(answer).items() if name not in {"apiVersion", "kind"}}


async def test_a_list_is_its_objects_in_a_row(server: ApiServer) -> None:
    for name in ("a", "b"):
        await create(server, config_map(name))
    revision = str(server.registry.store.revision)
    assert await listed(server) == {
        "kind": "ConfigMapList",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": revision},
        "items": [item(await server.get(target(ConfigMap, name))) for name in ("a", "b")],
    }


async def test_an_empty_list_has_no_items(server: ApiServer) -> None:
    assert (await listed(server))["items"] == []


async def test_a_page_tells_of_the_next(server: ApiServer) -> None:
    for name in ("a", "b", "c"):
        await create(server, config_map(name))
    meta = (await listed(server, limit=1))["metadata"]
    assert isinstance(meta, dict)
    assert (meta["remainingItemCount"], bool(meta["continue"])) == (2, True)


async def test_metadata_alone_keeps_the_whole_metadata(server: ApiServer) -> None:
    await create(server, config_map(app="web"))
    answer = await server.get(target(ConfigMap, "settings"))
    alone = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": tree(answer)["metadata"]}
    form = Form("PartialObjectMetadata")
    assert msgspec.json.decode(encodings.object_bytes(server.registry, answer, form)) == alone
    found = await listed(server, form)
    assert (found["kind"], found["apiVersion"], found["items"]) == (
        "PartialObjectMetadataList",
        "meta.k8s.io/v1",
        [alone],
    )


class TestTables:
    async def table(self, server: ApiServer, form: Form) -> dict[str, object]:
        listing = await server.list(target(StatefulSet), ListOptions())
        found: dict[str, object] = msgspec.json.decode(whole(encodings.list_body(server.registry, listing, form)))
        return found

    async def test_show_the_columns_of_the_kind(self, server: ApiServer, clock: VirtualClock) -> None:
        await create(server, stateful_set(replicas=3))
        await clock.advance(90)
        found = await self.table(server, Form("Table", include="None"))
        assert (found["kind"], found["apiVersion"]) == ("Table", "meta.k8s.io/v1")
        columns = found["columnDefinitions"]
        assert isinstance(columns, list)
        assert [(column["name"], column["priority"]) for column in columns] == [
            ("Name", 0),
            ("Ready", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
        ]
        assert found["rows"] == [{"cells": ["web", "0/3", "90s", "nginx", "nginx"], "object": None}]

    @pytest.mark.parametrize(("include", "kind"), [("Metadata", "PartialObjectMetadata"), ("Object", "StatefulSet")])
    async def test_carry_as_much_of_the_object_as_asked(
        self, server: ApiServer, include: IncludeObject, kind: str
    ) -> None:
        await create(server, stateful_set())
        rows = (await self.table(server, Form("Table", include=include)))["rows"]
        assert isinstance(rows, list)
        assert rows[0]["object"]["kind"] == kind
        assert rows[0]["object"]["metadata"]["name"] == "web"

    async def test_come_in_the_version_asked_for(self, server: ApiServer) -> None:
        assert (await self.table(server, Form("Table", "v1beta1")))["apiVersion"] == "meta.k8s.io/v1beta1"


async def test_what_is_no_resource_has_only_one_form(server: ApiServer) -> None:
    await create(server, stateful_set())
    answer = await server.get(target(StatefulSet, "web", "scale"))
    assert encodings.object_bytes(server.registry, answer, Form("Table")) is answer.record.value


class TestChanges:
    async def change(self, server: ApiServer) -> WatchChange:
        await create(server, pod())
        async with server.watch(target(Pod), WatchOptions()) as feed:
            return (await anext(aiter(feed)))[0]

    async def test_are_tables_of_one_row(self, server: ApiServer) -> None:
        change = await self.change(server)
        line = encodings.change_bytes(server.registry, change_resource(server), change, Form("Table"))
        found = msgspec.json.decode(line)
        assert line.endswith(b"\n")
        assert (found["type"], found["object"]["kind"]) == ("ADDED", "Table")
        assert len(found["object"]["rows"]) == 1

    async def test_are_computed_once_for_each_form(self, server: ApiServer) -> None:
        change = await self.change(server)
        resource = change_resource(server)
        forms = (Form("Table"), Form("Table", include="Object"), Form("PartialObjectMetadata"))
        first = [encodings.change_bytes(server.registry, resource, change, form) for form in forms]
        second = [encodings.change_bytes(server.registry, resource, change, form) for form in forms]
        assert len(set(first)) == len(forms)
        assert all(one is other for one, other in zip(first, second, strict=True))


def change_resource(server: ApiServer) -> Resource[Pod]:
    return server.catalogue.of(Pod)
