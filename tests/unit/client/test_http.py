from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from petset.api import errors
from petset.api.types import Binding, DeleteOptions, Node, ObjectMeta, ObjectReference, Pod, StatefulSet
from petset.client.http import HttpClient
from petset.client.interface import ListOptions, Patch, WatchOptions, WriteOptions
from petset.kinds import CATALOGUE
from tests.unit.client.web import Handler, Web, answer, chunks, status

WEB_0 = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-0", "namespace": "default"}}


@asynccontextmanager
async def client_of(*handlers: Handler) -> AsyncIterator[tuple[HttpClient, Web]]:
    async with Web(*handlers).serve() as server:
        client = HttpClient(server.connection, CATALOGUE)
        try:
            yield client, server
        finally:
            await client.close()


PATCH = Patch("strategic", {"metadata": {"labels": {"a": "b"}}})
SET = StatefulSet(metadata=ObjectMeta(name="web", namespace="shop"))
Call = Callable[[HttpClient], Any]

REQUESTS: list[tuple[Call, str, str, list[tuple[str, str]]]] = [
    (lambda c: c.get(Pod, "web-0", "default"), "GET", "/api/v1/namespaces/default/pods/web-0", []),
    (lambda c: c.get(Node, "n1"), "GET", "/api/v1/nodes/n1", []),
    (lambda c: c.get(Pod, "a/../b", "default"), "GET", "/api/v1/namespaces/default/pods/a%2F..%2Fb", []),
    (
        lambda c: c.create(SET, WriteOptions(field_manager="me", dry_run=True, field_validation="Strict")),
        "POST",
        "/apis/apps/v1/namespaces/shop/statefulsets",
        [("fieldManager", "me"), ("dryRun", "All"), ("fieldValidation", "Strict")],
    ),
    (lambda c: c.update(SET), "PUT", "/apis/apps/v1/namespaces/shop/statefulsets/web", []),
    (lambda c: c.update(SET, "status"), "PUT", "/apis/apps/v1/namespaces/shop/statefulsets/web/status", []),
    (
        lambda c: c.patch(StatefulSet, "web", "shop", PATCH, "scale", WriteOptions(force=True)),
        "PATCH",
        "/apis/apps/v1/namespaces/shop/statefulsets/web/scale",
        [("force", "true")],
    ),
    (lambda c: c.delete(Pod, "web-0", "default"), "DELETE", "/api/v1/namespaces/default/pods/web-0", []),
    (
        lambda c: c.delete_collection(Pod, "default", ListOptions(label_selector="a in (b,c)")),
        "DELETE",
        "/api/v1/namespaces/default/pods",
        [("labelSelector", "a in (b,c)")],
    ),
]


@pytest.mark.parametrize(("call", "method", "path", "query"), REQUESTS)
async def test_every_verb_has_its_method_path_and_parameters(
    call: Call, method: str, path: str, query: list[tuple[str, str]]
) -> None:
    async with client_of(answer({"metadata": {"name": "x"}})) as (client, server):
        await call(client)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == (method, path, query)


async def test_objects_come_back_typed_and_nulls_are_unset() -> None:
    tree = {**WEB_0, "spec": {"containers": None}, "status": {"phase": "Running"}}
    async with client_of(answer(tree)) as (client, _):
        pod = await client.get(Pod, "web-0", "default")
    assert (pod.metadata.name, pod.spec.containers, pod.status.phase) == ("web-0", [], "Running")


async def test_what_does_not_fit_the_type_is_an_error_of_the_server() -> None:
    async with client_of(answer({"metadata": {"name": 5}})) as (client, _):
        with pytest.raises(errors.InternalError, match="the server's answer is no Pod"):
            await client.get(Pod, "web-0", "default")


async def test_an_empty_name_never_becomes_a_list() -> None:
    async with client_of(answer({})) as (client, server):
        with pytest.raises(errors.BadRequest, match="may not be empty"):
            await client.delete(Pod, "", "default")
    assert server.seen == []


async def test_a_list_is_a_page() -> None:
    tree = {"metadata": {"resourceVersion": "9", "continue": "next"}, "items": [{"metadata": {"name": "a"}}]}
    empty = {"metadata": {"resourceVersion": "9"}, "items": None}
    async with client_of(answer(tree), answer(empty)) as (client, server):
        page = await client.list(Pod, options=ListOptions(field_selector="spec.nodeName=n", limit=1, continue_="c"))
        assert await client.list(Pod, "default") is not None
    assert [(p.metadata.name, p.kind) for p in page.items] == [("a", "Pod")]
    assert (page.resource_version, page.continue_) == ("9", "next")
    assert [s.path for s in server.seen] == ["/api/v1/pods", "/api/v1/namespaces/default/pods"]
    assert server.seen[0].query == [("fieldSelector", "spec.nodeName=n"), ("limit", "1"), ("continue", "c")]


@pytest.mark.parametrize(
    ("patch_type", "content_type"),
    [
        ("json", "application/json-patch+json"),
        ("merge", "application/merge-patch+json"),
        ("strategic", "application/strategic-merge-patch+json"),
        ("apply", "application/apply-patch+yaml"),
    ],
)
async def test_each_patch_type_has_its_content_type(patch_type: Any, content_type: str) -> None:
    async with client_of(answer(WEB_0)) as (client, server):
        await client.patch(Pod, "web-0", "default", Patch(patch_type, {"a": None}))
    (seen,) = server.seen
    assert seen.headers["Content-Type"] == content_type
    assert seen.body == {"a": None}


async def test_delete_options_are_the_body() -> None:
    async with client_of(answer({"kind": "Status"})) as (client, server):
        await client.delete(Pod, "web-0", "default", DeleteOptions(grace_period_seconds=0))
    assert server.seen[0].body == {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0}


async def test_a_binding_is_answered_by_a_status() -> None:
    binding = Binding(metadata=ObjectMeta(name="web-0"), target=ObjectReference(kind="Node", name="n1"))
    success = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
    async with client_of(answer(success, 201)) as (client, server):
        assert await client.create_subresource(Pod, "web-0", "default", "binding", binding) is binding
    assert server.seen[0].path == "/api/v1/namespaces/default/pods/web-0/binding"


async def test_a_watch_yields_typed_events_of_any_size_across_chunks() -> None:
    big = b'{"type":"MODIFIED","object":{"metadata":{"name":"big","annotations":{"a":"' + b"x" * 300_000 + b'"}}}}\n'
    parts = (
        b'{"type":"ADDED","object":{"metadata":{"name":"a"}}}\n{"type":"DELE',
        b'TED","object":{"metadata":{"name":"a"}}}\n',
        big,
        b'{"type":"BOOKMARK","object":{"metadata":{"annotations":{"k8s.io/initial-events-end":"true"}}}}\n',
    )
    async with client_of(chunks(*parts)) as (client, server):
        options = WatchOptions(send_initial_events=True, label_selector="a=b", timeout_seconds=300)
        async with client.watch(Pod, "default", options) as events:
            seen = [event async for event in events]
    assert [(e.type, e.object.metadata.name) for e in seen] == [
        ("ADDED", "a"),
        ("DELETED", "a"),
        ("MODIFIED", "big"),
        ("BOOKMARK", ""),
    ]
    assert seen[3].ends_initial_events
    assert server.seen[0].query == [
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("labelSelector", "a=b"),
        ("sendInitialEvents", "true"),
        ("resourceVersionMatch", "NotOlderThan"),
        ("timeoutSeconds", "300"),
    ]


@pytest.mark.parametrize("where", ["answer", "event"])
async def test_an_expired_revision_is_expired_wherever_the_server_says_so(where: str) -> None:
    gone = status("Expired", 410, "too old resource version: 1 (5)")
    late = chunks(b'{"type":"ERROR","object":{"kind":"Status","reason":"Expired","code":410,"message":"too old"}}\n')
    async with client_of(answer(gone, 410) if where == "answer" else late) as (client, _):
        with pytest.raises(errors.Expired, match="too old"):
            await _first_event(client)


async def _first_event(client: HttpClient) -> None:
    async with client.watch(Pod, options=WatchOptions(resource_version="1")) as events:
        await anext(events)
