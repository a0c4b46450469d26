"""What is counted of requests, and how it is shown."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families

from petset.aio.queue import KeyedQueue
from petset.api.types import Pod, StatefulSet
from petset.apiserver.request import Target
from petset.httpd.metrics import InFlight, Labels, labels_of
from petset.httpd.routes import Route
from petset.kinds import CATALOGUE
from petset.testing.clock import VirtualClock
from tests.unit.httpd.wire import Door, opened

JSON = {"Content-Type": "application/json"}
MAPS = "/api/v1/namespaces/default/configmaps"
SET = {
    "metadata": {"name": "web"},
    "spec": {
        "serviceName": "web",
        "replicas": 8,
        "updateStrategy": {"rollingUpdate": {"maxUnavailable": "25%"}},
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "nginx", "image": "nginx"}]},
        },
    },
}


@pytest.fixture
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with opened(tmp_path_factory.mktemp("pki")) as door:
        yield door


async def shown(door: Door) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample by its name and labels."""
    reply = await door.ask("GET", "/metrics")
    assert reply.headers["content-type"].startswith("text/plain; version=")
    families = text_string_to_metric_families(reply.body.decode())
    return {(s.name, frozenset(s.labels.items())): s.value for family in families for s in family.samples}


async def value(door: Door, name: str, /, **labels: str) -> float:
    """The only sample of that name with those labels among its own."""
    wanted = set(labels.items())
    found = [number for (known, has), number in (await shown(door)).items() if known == name and wanted <= has]
    assert len(found) == 1, (name, labels, found)
    return found[0]


async def test_requests_are_counted_by_what_they_did(door: Door) -> None:
    for name in ("a", "b", "a"):
        await door.ask("POST", MAPS, json.dumps({"metadata": {"name": name}}).encode(), JSON)
    await door.ask("GET", MAPS)
    created = {"verb": "POST", "resource": "configmaps", "scope": "resource", "component": "apiserver"}
    assert await value(door, "apiserver_request_total", code="201", **created) == 2
    assert await value(door, "apiserver_request_total", code="409", **created) == 1
    assert await value(door, "apiserver_request_duration_seconds_count", **created) == 3
    assert await value(door, "apiserver_request_duration_seconds_bucket", le="+Inf", **created) == 3
    listed = {"verb": "LIST", "resource": "configmaps", "scope": "namespace", "group": "", "version": "v1"}
    assert await value(door, "apiserver_request_total", **listed) == 1
    assert await value(door, "apiserver_response_sizes_count", **listed) == 1
    assert await value(door, "apiserver_storage_objects", resource="configmaps") == 2


async def test_a_watch_is_shown_while_it_runs(door: Door) -> None:
    name = "apiserver_longrunning_requests"
    async with door.open() as wire:
        await wire.send(f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await wire.head()
        assert await value(door, name, verb="WATCH", resource="configmaps") == 1
        await door.ask("POST", MAPS, b'{"metadata":{"name":"a"}}', JSON)
        await wire.chunk()
        assert await value(door, "apiserver_watch_events_total", resource="configmaps") == 1
    async with asyncio.timeout(30):
        while await value(door, name, verb="WATCH", resource="configmaps") == 1:
            pass
    assert await value(door, "apiserver_request_total", verb="WATCH", resource="configmaps", code="200") == 1


async def test_who_is_refused_is_counted_apart(door: Door) -> None:
    async with door.open(anonymous=True) as wire:
        assert (await wire.ask("GET", MAPS)).status == 403
        assert (await wire.ask("GET", MAPS, headers={"Authorization": "Bearer nonsense"})).status == 401
    assert (await door.ask("GET", "/api/v1/nosuch")).status == 404
    assert await value(door, "authentication_attempts", result="error") == 1
    assert await value(door, "authorization_attempts_total", result="no-opinion") == 1
    assert await value(door, "authorization_attempts_total", result="allowed") >= 3
    assert await value(door, "authentication_attempts", result="success") >= 4
    codes = {dict(labels).get("code") for name, labels in await shown(door) if name == "apiserver_request_total"}
    assert codes == {"200"}


async def test_a_request_lasts_until_its_answer_is_taken(door: Door) -> None:
    for number in range(30):
        large = {"metadata": {"name": f"large-{number}"}, "data": {"a": "x" * 500_000}}
        assert (await door.ask("POST", MAPS, json.dumps(large).encode(), JSON)).status == 201
    listed = {"verb": "LIST", "resource": "configmaps", "group": ""}
    async with door.open() as wire:
        await wire.send(f"GET {MAPS} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await wire.head()
        wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
        assert await value(door, "apiserver_current_inflight_requests", request_kind="readOnly") >= 1
        assert not [key for key in await shown(door) if set(listed.items()) <= key[1] and key[0].endswith("_total")]
    async with asyncio.timeout(30):
        while not [key for key in await shown(door) if set(listed.items()) <= key[1] and key[0].endswith("_total")]:
            pass


async def test_requests_under_way_are_counted(door: Door) -> None:
    await door.ask("GET", MAPS)
    assert await value(door, "apiserver_current_inflight_requests", request_kind="mutating") == 0
    assert await value(door, "apiserver_current_inflight_requests", request_kind="readOnly") >= 0


async def test_stateful_sets_show_what_they_lack(door: Door) -> None:
    path = "/apis/apps/v1/namespaces/default/statefulsets"
    assert (await door.ask("POST", path, json.dumps(SET).encode(), JSON)).status == 201
    labels = {"statefulset_name": "web", "pod_management_policy": "OrderedReady"}
    assert await value(door, "statefulset_controller_statefulset_unavailable_replicas", **labels) == 8
    assert await value(door, "statefulset_controller_statefulset_max_unavailable", **labels) == 2


async def test_queues_show_what_they_do(door: Door) -> None:
    queue: KeyedQueue[str] = KeyedQueue("test-of-metrics")
    for key in ("a", "b", "b"):
        queue.add(key)
    await queue.get()
    labels = {"name": "test-of-metrics"}
    assert await value(door, "workqueue_adds_total", **labels) == 2
    assert await value(door, "workqueue_depth", **labels) == 1
    assert await value(door, "workqueue_queue_duration_seconds_count", **labels) == 1
    assert await value(door, "workqueue_work_duration_seconds_count", **labels) == 0
    assert await value(door, "workqueue_unfinished_work_seconds", **labels) > 0
    queue.done("a")
    assert await value(door, "workqueue_work_duration_seconds_count", **labels) == 1


async def test_the_process_is_shown(door: Door) -> None:
    names = {name for name, _ in await shown(door)}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "kubernetes_build_info"} <= names


async def test_metrics_are_only_read(door: Door) -> None:
    assert (await door.ask("POST", "/metrics", b"{}", JSON)).status == 405


PODS, SETS = CATALOGUE.of(Pod), CATALOGUE.of(StatefulSet)


@pytest.mark.parametrize(
    ("method", "target", "query", "verb", "scope"),
    [
        ("GET", Target(PODS, "a", "b"), {}, "GET", "resource"),
        ("HEAD", Target(PODS, "a", "b"), {}, "GET", "resource"),
        ("GET", Target(PODS, "a"), {}, "LIST", "namespace"),
        ("GET", Target(PODS), {}, "LIST", "cluster"),
        ("GET", Target(PODS), {"watch": "true"}, "WATCH", "cluster"),
        ("GET", Target(PODS), {"watch": "0"}, "LIST", "cluster"),
        ("GET", Target(PODS, "a", "b", "log"), {}, "CONNECT", "resource"),
        ("POST", Target(PODS, "a", "b", "exec"), {}, "CONNECT", "resource"),
        ("POST", Target(PODS, "a"), {}, "POST", "resource"),
        ("PUT", Target(SETS, "a", "b", "scale"), {}, "PUT", "resource"),
        ("PATCH", Target(PODS, "a", "b"), {}, "PATCH", "resource"),
        ("DELETE", Target(PODS, "a", "b"), {}, "DELETE", "resource"),
        ("DELETE", Target(PODS, "a"), {}, "DELETECOLLECTION", "namespace"),
        ("BREW", Target(PODS, "a", "b"), {}, "other", "resource"),
    ],
)
def test_verbs_are_those_of_upstream(
    method: str, target: Target, query: Mapping[str, str], verb: str, scope: str
) -> None:
    labels = labels_of(method, Route(target), query, "application/json")
    assert (labels.verb, labels.scope, labels.subresource) == (verb, scope, target.subresource)


def test_applies_and_dry_runs_are_told_apart() -> None:
    route = Route(Target(SETS, "a", "b"))
    labels = labels_of("PATCH", route, {"dryRun": "All"}, "application/apply-patch+yaml")
    assert labels == Labels("APPLY", "All", "apps", "v1", "statefulsets", "", "resource")
    assert labels_of("GET", Route(Target(PODS), watches=True), {}, "").verb == "WATCH"


async def test_the_most_of_the_last_second_is_shown() -> None:
    in_flight = InFlight()
    in_flight.begin(1.0)
    in_flight.begin(1.1)
    in_flight.end(1.2)
    assert in_flight.most(1.9) == 2
    assert in_flight.most(2.1) == 2
    assert in_flight.most(3.1) == 1
    in_flight.end(3.2)
    assert in_flight.most(9.0) == 0


async def test_a_queue_knows_how_long_its_keys_wait_and_run() -> None:
    clock = VirtualClock()
    queue: KeyedQueue[str] = KeyedQueue("q", clock)
    queue.add("a")
    queue.add_rate_limited("a")
    assert (queue.adds, queue.retries, queue.waits.count) == (1, 1, 0)
    assert await queue.get() == "a"
    assert queue.running() == [0.0]
    queue.done("a")
    assert (queue.waits.count, queue.runs.count, queue.runs.total) == (1, 1, 0.0)
    queue.shut_down()
