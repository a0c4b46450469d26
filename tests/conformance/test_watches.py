"""Watches: from where they start, what they show, and how."""

import json
from typing import Any

import pytest
from aiohttp import WSMsgType

from tests.conformance.api import PARTIAL, TABLE, Api, config_map, refused

MINE = "labelSelector=mine"


def mine(name: str = "c", **data: str) -> dict[str, Any]:
    return config_map(name, {"mine": "1"}, **data)


async def revision(api: Api) -> str:
    return str((await api.get("configmaps")).tree["metadata"]["resourceVersion"])


async def test_from_a_revision_shows_what_came_after_it(api: Api) -> None:
    (await api.post("configmaps", mine("before"))).done(201)
    start = await revision(api)
    (await api.post("configmaps", mine("after"))).done(201)
    async with api.watch("configmaps", f"{MINE}&resourceVersion={start}") as watch:
        assert await watch.take(1) == [("ADDED", "after")]


@pytest.mark.parametrize("query", ["", "resourceVersion=0"])
async def test_from_now_begins_with_what_is_there(api: Api, query: str) -> None:
    (await api.post("configmaps", mine("a"))).done(201)
    (await api.post("configmaps", mine("b"))).done(201)
    async with api.watch("configmaps", f"{MINE}&{query}") as watch:
        assert sorted(await watch.take(2)) == [("ADDED", "a"), ("ADDED", "b")]
        (await api.post("configmaps", mine("c"))).done(201)
        assert await watch.take(1) == [("ADDED", "c")]


async def test_what_is_there_ends_with_a_bookmark_for_who_asks(api: Api) -> None:
    (await api.post("configmaps", mine("a"))).done(201)
    initial = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.watch("configmaps", f"{MINE}&{initial}") as watch:
        assert await watch.take(1) == [("ADDED", "a")]
        type_, bookmark = await watch.next()
        assert (type_, bookmark["kind"], bookmark["apiVersion"]) == ("BOOKMARK", "ConfigMap", "v1")
        assert bookmark["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert int(bookmark["metadata"]["resourceVersion"]) > 0
        (await api.post("configmaps", mine("b"))).done(201)
        assert await watch.take(1) == [("ADDED", "b")]


async def test_objects_come_and_go_with_their_labels(api: Api) -> None:
    start = await revision(api)
    (await api.post("configmaps", config_map())).done(201)
    async with api.watch("configmaps", f"{MINE}&resourceVersion={start}") as watch:
        (await api.patch("configmaps/c", {"metadata": {"labels": {"mine": "1"}}})).done()
        (await api.patch("configmaps/c", {"data": {"a": "1"}})).done()
        left = (await api.patch("configmaps/c", {"data": {"a": "2"}, "metadata": {"labels": None}})).done()
        assert await watch.take(2) == [("ADDED", "c"), ("MODIFIED", "c")]
        type_, last = await watch.next()
        assert (type_, last["data"], last["metadata"]["labels"]) == ("DELETED", {"a": "1"}, {"mine": "1"})
        assert last["metadata"]["resourceVersion"] == left["metadata"]["resourceVersion"]


async def test_a_deletion_has_a_revision_of_its_own(api: Api) -> None:
    made = (await api.post("configmaps", mine())).done(201)
    async with api.watch("configmaps", f"{MINE}&resourceVersion={made['metadata']['resourceVersion']}") as watch:
        (await api.delete("configmaps/c")).done()
        type_, last = await watch.next()
        assert (type_, last["metadata"]["uid"]) == ("DELETED", made["metadata"]["uid"])
        assert int(last["metadata"]["resourceVersion"]) > int(made["metadata"]["resourceVersion"])


async def test_one_name_is_watched_by_a_field(api: Api) -> None:
    start = await revision(api)
    (await api.post("configmaps", mine("a"))).done(201)
    (await api.post("configmaps", mine("b"))).done(201)
    async with api.watch("configmaps", f"resourceVersion={start}&fieldSelector=metadata.name%3Db") as watch:
        assert await watch.take(1) == [("ADDED", "b")]


async def test_events_tell_the_kind_of_their_objects(api: Api) -> None:
    (await api.post("configmaps", mine())).done(201)
    async with api.watch("configmaps", MINE) as watch:
        _, obj = await watch.next()
        assert (obj["kind"], obj["apiVersion"]) == ("ConfigMap", "v1")


async def test_metadata_alone_can_be_watched(api: Api) -> None:
    (await api.post("configmaps", mine(a="1"))).done(201)
    async with api.watch("configmaps", MINE, accept=PARTIAL) as watch:
        _, obj = await watch.next()
        assert (obj["kind"], obj["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
        assert set(obj) == {"kind", "apiVersion", "metadata"}


async def test_rows_can_be_watched(api: Api) -> None:
    """As `kubectl get --watch` does; the columns come with the first."""
    (await api.post("configmaps", mine("a", x="1"))).done(201)
    async with api.watch("configmaps", MINE, accept=TABLE) as watch:
        type_, table = await watch.next()
        assert (type_, table["kind"]) == ("ADDED", "Table")
        assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Data", "Age"]
        assert table["rows"][0]["cells"][:2] == ["a", 1]
        assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        for name in ("b", "c"):
            (await api.post("configmaps", mine(name))).done(201)
            type_, table = await watch.next()
            assert (type_, table["rows"][0]["cells"][0], table["columnDefinitions"]) == ("ADDED", name, None)


async def test_of_the_rows_that_are_there_the_first_tells_the_columns(api: Api) -> None:
    for name in ("a", "b"):
        (await api.post("configmaps", mine(name))).done(201)
    async with api.watch("configmaps", f"{MINE}&{INITIAL}", accept=TABLE) as watch:
        tables = [await watch.next() for _ in range(3)]
    assert [(type_, table["columnDefinitions"] is None) for type_, table in tables] == [
        ("ADDED", False),
        ("ADDED", True),
        ("BOOKMARK", True),
    ]
    annotations = tables[2][1]["rows"][0]["object"]["metadata"]["annotations"]
    assert annotations == {"k8s.io/initial-events-end": "true"}


async def test_a_watch_ends_in_time(api: Api) -> None:
    reply = await api.get("configmaps", f"{MINE}&watch=1&timeoutSeconds=1")
    assert (reply.status, reply.body) == (200, b"")


FUTURE = "resourceVersion=9000000000000000000"
INITIAL = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"


async def test_a_watch_from_the_future_is_silent(api: Api) -> None:
    (await api.post("configmaps", mine())).done(201)
    reply = await api.get("configmaps", f"{FUTURE}&watch=1&timeoutSeconds=1&allowWatchBookmarks=true")
    assert (reply.status, reply.body) == (200, b"")


async def test_what_will_be_there_is_told_within_the_watch_not_to_be_known(api: Api) -> None:
    event = (await api.get("configmaps", f"{FUTURE}&{INITIAL}&watch=1&timeoutSeconds=10")).done()
    assert (event["type"], event["object"]["reason"], event["object"]["code"]) == ("ERROR", "Timeout", 504)
    assert event["object"]["message"].startswith("Timeout: Too large resource version: 9000000000000000000, current: ")


async def test_the_older_paths_of_watches_work(api: Api) -> None:
    (await api.post("configmaps", mine())).done(201)
    reply = await api.get("/api/v1/watch/namespaces/{ns}/configmaps/c", "timeoutSeconds=1")
    assert reply.tree["type"] == "ADDED"


@pytest.mark.parametrize("protocol", ["", "base64.binary.k8s.io", "example.com"])
async def test_over_a_websocket_each_change_is_a_message(api: Api, protocol: str) -> None:
    query = f"{MINE}&resourceVersion={await revision(api)}"
    async with api.watch_messages("configmaps", query, protocol) as socket:
        for name in ("a", "b"):
            (await api.post("configmaps", mine(name))).done(201)
            line = await socket.receive_str()
            event = json.loads(line)
            assert (event["type"], event["object"]["metadata"]["name"], line[-1]) == ("ADDED", name, "\n")


async def test_a_websocket_closes_in_time(api: Api) -> None:
    async with api.watch_messages("configmaps", f"resourceVersion={await revision(api)}&timeoutSeconds=1") as socket:
        end = await socket.receive()
        assert (end.type, end.data) == (WSMsgType.CLOSE, 1000)


async def test_a_websocket_has_the_form_that_its_client_accepts(api: Api) -> None:
    (await api.post("configmaps", mine())).done(201)
    async with api.watch_messages("configmaps", MINE, accept=TABLE) as socket:
        event = await socket.receive_json()
    assert (event["type"], event["object"]["kind"]) == ("ADDED", "Table")


async def test_history_has_an_end(api: Api) -> None:
    """A client that comes with a revision of long ago is told to list again, before or within the watch."""
    reply = await api.get("configmaps", f"{MINE}&watch=1&timeoutSeconds=2&resourceVersion=1")
    if reply.status != 200:
        refused(reply, 410, "Expired", "too old resource version: 1 (…")
    elif reply.body:
        event = reply.tree
        assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
