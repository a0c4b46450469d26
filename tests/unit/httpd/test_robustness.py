"""Whatever is sent: a refusal that says why, as a Status; never a 5xx, a hang, or a traceback in the log."""

import base64
import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio

from petset.httpd.bodies import LARGEST_BODY
from petset.httpd.connections import LONGEST_HEADER, LONGEST_LINE
from tests.contract.test_pod_streams import ToyNode
from tests.unit.httpd.wire import Door, Reply, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
PROTOBUF = {"Content-Type": "application/vnd.kubernetes.protobuf"}
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
PATCH = {"Content-Type": "application/json-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}

MAPS = "/api/v1/namespaces/default/configmaps"
MAP = f"{MAPS}/settings"
PODS = "/api/v1/namespaces/default/pods"
POD = f"{PODS}/web-0"
SET = "/apis/apps/v1/namespaces/default/statefulsets/web"
EXEC = f"{POD}/exec?stdout=1&command=exit&command=0"
WATCH = f"{MAPS}?watch=1"

NINES = "9" * 5000
CONTAINERS = {"containers": [{"name": "nginx", "image": "nginx"}]}
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": CONTAINERS}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with opened(tmp_path_factory.mktemp("pki"), ToyNode()) as door:
        await make(door, MAPS, "settings", {"data": {"key": "value"}})
        await make(door, PODS, "web-0", {"spec": {**CONTAINERS, "nodeName": "node-1"}})
        spec = {"serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, "template": TEMPLATE}
        await make(door, SET.rpartition("/")[0], "web", {"spec": spec})
        yield door


async def make(door: Door, collection: str, name: str, content: dict[str, Any]) -> None:
    reply = await door.ask("POST", collection, json.dumps({"metadata": {"name": name}, **content}).encode(), JSON)
    assert reply.status == 201, reply.body


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What clients do wrong is nothing for the server's log."""
    caplog.set_level(logging.INFO)
    yield
    assert [record.getMessage() for record in caplog.get_records("call")] == []


def refused(reply: Reply, status: int, reason: str, message: str = "") -> None:
    assert (reply.status, reply.reason) == (status, reason), reply.body[:300]
    tree = reply.tree
    assert (tree["kind"], tree["apiVersion"], tree["status"], tree["code"]) == ("Status", "v1", "Failure", status)
    assert tree["message"]
    assert message in tree["message"]


# --- places and methods -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        *("/api/v2", "/api/v2/pods", "/apis/apps/v9/statefulsets", "/apis/apps/frog"),
        *("/api/v1/watch", "/api/v1/frogs", "/api/v1/pods/web-0", f"{POD}/frog", f"{POD}/log/x", f"{POD}/x/y/z"),
        *("/api/v1/nodes/n/scale", f"{MAP}/status", "/api/v1/namespaces/default/nodes"),
        *(f"{MAPS}/absent", f"{MAPS}/..", f"{MAPS}/a%2Fb", f"{MAPS}/a%00b", f"{MAPS}/%ff%fe", f"{MAPS}/%zz"),
        *(f"{MAPS}/%F0%9F%90%B8", f"{MAPS}/{'a' * 3000}", "/api/v1/namespaces/%2e%2e/configmaps/settings"),
    ],
)
async def test_places_that_are_none(door: Door, path: str) -> None:
    async with door.open() as wire:
        refused(await wire.ask("GET", path), 404, "NotFound")
        assert (await wire.ask("HEAD", path)).status in (404, 405)
        for method, headers in (("PUT", JSON), ("DELETE", {}), ("PATCH", MERGE)):
            reply = await wire.ask(method, path, b"" if method == "DELETE" else b'{"metadata":{}}', headers)
            assert reply.status in (400, 404, 405), reply.body
            assert reply.tree["kind"] == "Status"


@pytest.mark.parametrize(
    "path",
    [
        *("/favicon.ico", "/apis/frogs", "/apis/x.y/v1/z", "/openapi/v3/apis/none/v1", "/healthz/none", "/metrics/x"),
        *("/apix", "/apisx/apps/v1", "/apis//x"),
    ],
)
async def test_places_below_which_nothing_is_have_no_status(door: Door, path: str) -> None:
    async with door.open() as wire:
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            reply = await wire.ask(method, path)
            assert (reply.status, reply.body) == (404, b"404 page not found\n")
        assert (await wire.ask("HEAD", path)).status == 404


@pytest.mark.parametrize(("method", "target"), [("OPTIONS", "*"), ("CONNECT", "127.0.0.1:80")])
async def test_nobody_answers_for_the_whole_server_or_another(door: Door, method: str, target: str) -> None:
    async with door.open() as wire:
        assert (await wire.ask(method, target)).status == 404


async def test_the_root_says_what_there_is(door: Door) -> None:
    paths = (await door.ask("GET", "/")).tree["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/apps", "/apis/apps/v1", "/healthz", "/metrics", "/openapi/v3", "/version"} <= set(paths)
    for path in paths:
        assert (await door.ask("GET", path)).status == 200


async def test_the_core_group_says_where_the_server_is(door: Door) -> None:
    (there,) = (await door.ask("GET", "/api")).tree["serverAddressByClientCIDRs"]
    assert there == {"clientCIDR": "0.0.0.0/0", "serverAddress": f"127.0.0.1:{door.address.port}"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, MAP) for method in ("POST", "OPTIONS", "TRACE")),
        *((method, MAPS) for method in ("PUT", "PATCH", "OPTIONS")),
        *((method, "/version") for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")),
        *((method, "/apis") for method in ("POST", "DELETE")),
        *((method, "/openapi/v2") for method in ("POST", "DELETE")),
        *((method, f"{SET}/scale") for method in ("POST", "DELETE", "OPTIONS")),
        *((method, f"{POD}/binding") for method in ("GET", "DELETE")),
        *((method, f"{POD}/log") for method in ("HEAD", "PUT", "DELETE")),
        *((method, EXEC) for method in ("HEAD", "PUT", "PATCH")),
        ("HEAD", WATCH),
        ("POST", "/api/v1/nodes/node-1/status"),
        ("DELETE", "/api/v1/namespaces"),
    ],
)
async def test_methods_that_a_place_does_not_have(door: Door, method: str, path: str) -> None:
    body, headers = (b'{"metadata":{}}', MERGE if method == "PATCH" else JSON) if method in BODIED else (b"", {})
    reply = await door.ask(method, path, body, headers)
    if method == "HEAD":
        assert reply.status == 405
    else:
        assert (reply.status, reply.reason) in {(405, "MethodNotAllowed"), (404, "NotFound")}, reply.body


BODIED = ("POST", "PUT", "PATCH")


# --- bodies -----------------------------------------------------------------------------------------------------------


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        *((body, 400, "BadRequest") for body in (b"{", b"true", b"1", b'"x"', b"[]", b"\xff\xfe", b"\0")),
        (b"", 400, "BadRequest"),
        (b'{"metadata":{"name":"x"}} more', 400, "BadRequest"),
        (b'{"metadata":{"name":"\xff"}}', 422, "Invalid"),
        (b'{"metadata":{"name":"."},"\xff":1,"\xfe":2}', 422, "Invalid"),
        (b'{"metadata":{"name":"\\ud800"}}', 422, "Invalid"),
        (b'{"metadata":{"name":"."},"\\ud800":1,"\\ud800":2,"\xff":3}', 422, "Invalid"),
        (b'{"data":{"a":NaN}}', 400, "BadRequest"),
        (b'{"data":{"a":1e999}}', 400, "BadRequest"),
        (b'{"other":1e999}', 400, "BadRequest"),
        (b'{"metadata":{"name":1}}', 400, "BadRequest"),
        (b'{"metadata":[]}', 400, "BadRequest"),
        (b'{"metadata":{"generation":%s}}' % NINES.encode(), 400, "BadRequest"),
        (b'{"metadata":{"deletionGracePeriodSeconds":-9223372036854775809}}', 400, "BadRequest"),
        (b'{"metadata":{"name":"x","creationTimestamp":"yesterday"}}', 400, "BadRequest"),
        (b'{"metadata":{"name":"x","resourceVersion":"1"}}', 400, "BadRequest"),
        (b'{"metadata":{"name":"x","namespace":"other"}}', 400, "BadRequest"),
        (b'{"kind":"Pod","apiVersion":"v1"}', 400, "BadRequest"),
        (b'{"kind":"ConfigMap","apiVersion":"v2"}', 400, "BadRequest"),
        (b'{"kind":["ConfigMap"]}', 400, "BadRequest"),
        (deep(100_000), 400, "BadRequest"),
        (b'{"data":' + deep(300) + b"}", 400, "BadRequest"),
        (b'{"metadata":' * 50_000, 400, "BadRequest"),
        (b"null", 422, "Invalid"),
        (b'{"metadata":null}', 422, "Invalid"),
        (b'{"metadata":{"name":null,"labels":{"a":null}}}', 422, "Invalid"),
        (b'{"metadata":{"name":"a/b"}}', 422, "Invalid"),
        (b'{"metadata":{"name":".."}}', 422, "Invalid"),
        (b'{"metadata":{"name":"x","labels":{"":"","/":"/"}}}', 422, "Invalid"),
        (b'{"metadata":{"name":"x","finalizers":["",null]}}', 422, "Invalid"),
        (b'{"metadata":{"name":"x","ownerReferences":[null,{}]}}', 422, "Invalid"),
        (b'{"metadata":{"name":"settings"}}', 409, "AlreadyExists"),
    ],
)
async def test_json_that_is_no_object(door: Door, body: bytes, status: int, reason: str) -> None:
    refused(await door.ask("POST", MAPS, body, JSON), status, reason)


async def test_fields_given_twice_are_refused_by_those_who_ask(door: Door) -> None:
    body = b'{"metadata":{"name":"twice"},"data":{"a":"1","a":"2"}}'
    reply = await door.ask("POST", f"{MAPS}?fieldValidation=Strict&dryRun=All", body, JSON)
    refused(reply, 400, "BadRequest", 'strict decoding error: duplicate field "data.a"')
    reply = await door.ask("POST", f"{MAPS}?dryRun=All", body, JSON)
    assert (reply.status, reply.headers["warning"]) == (201, r'299 - "duplicate field \"data.a\""')


async def test_many_errors_and_warnings_are_summed_up(door: Door) -> None:
    many = b",".join(b'"k%d/":"v"' % number for number in range(1000))
    reply = await door.ask("POST", MAPS, b'{"metadata":{"name":"x","annotations":{' + many + b"}}}", JSON)
    refused(reply, 422, "Invalid", "and 1900 more errors")
    reply = await door.ask("POST", f"{MAPS}?dryRun=All", b'{"metadata":{"name":"x"},"a\\r\\nb":1,' + many + b"}", JSON)
    assert (reply.status, reply.headers["warning"]) == (201, r'299 - "unknown field \"k198/\""')


@pytest.mark.parametrize(
    "body",
    [
        *(b"a: [", b"\t", b"\0", b"a: *nobody", b"&a [*a]", b"[]\n---\n{}", b"~: a", b"a: .nan", b"[]", b"text"),
        *(b"- " * 100_000, b"[" * 100_000, b"a: !!timestamp 1", b"a: !!python/object:os.system {}", b"? [a]\n: b"),
    ],
)
async def test_yaml_that_is_no_object(door: Door, body: bytes) -> None:
    refused(await door.ask("POST", MAPS, body, YAML), 400, "BadRequest")
    refused(await door.ask("PATCH", f"{MAP}?fieldManager=me", body, APPLY), 400, "BadRequest")


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"k8s\0", b"k8s\0" + b"\xff" * 40, b"k8s\0\x0a\x7fshort", b"k8s\0\x08\x01"),
        b"k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap\x12\x05\x0a\x03\x0a\x01\xff",
        b"k8s\0\x0a\x09\x0a\x02v1\x12\x03Pod\x12\x02\x08\x01",
    ],
)
async def test_protobuf_that_is_no_object(door: Door, body: bytes) -> None:
    refused(await door.ask("POST", MAPS, body, PROTOBUF), 400, "BadRequest")


@pytest.mark.parametrize("type_", ["text/plain", "application/cbor", "multipart/form-data", "a/b;c", "\xff", ";;;"])
async def test_types_of_bodies(door: Door, type_: str) -> None:
    headers = {"Content-Type": type_}
    async with door.open() as wire:
        for method, path in (("POST", MAPS), ("PUT", f"{MAPS}/absent"), ("PATCH", MAP), ("DELETE", f"{MAPS}/absent")):
            reply = await wire.ask(method, path, b'{"metadata":{"name":"settings"}}', headers)
            if type_ == ";;;" and method != "PATCH":
                assert reply.status in (400, 404, 409)  # no type at all is JSON
            else:
                why = "415: Unsupported Media Type" if method == "PATCH" else "accepted media types include"
                refused(reply, 415, "UnsupportedMediaType", why)


@pytest.mark.parametrize("type_", ["Application/JSON", "APPLICATION/YAML ; charset=UTF-8"])
async def test_types_of_bodies_in_capitals(door: Door, type_: str) -> None:
    reply = await door.ask("POST", f"{MAPS}?dryRun=All", b'{"metadata":{"name":"loud"}}', {"Content-Type": type_})
    assert reply.status == 201, reply.body


async def test_types_of_answers(door: Door) -> None:
    async with door.open() as wire:
        for accept in ("text/html", "x", "application/cbor", "application/json;as=Table;g=meta.k8s.io;v=v9", ";,;"):
            refused(await wire.ask("GET", MAP, headers={"Accept": accept}), 406, "NotAcceptable")


async def test_bodies_that_are_too_large(door: Door) -> None:
    large = b'{"data":{"a":"' + b"x" * LARGEST_BODY + b'"}}'
    for method, path, headers in (("POST", MAPS, JSON), ("PATCH", MAP, MERGE), ("DELETE", MAP, JSON)):
        refused(await door.ask(method, path, large, headers), 413, "RequestEntityTooLarge", "limit is 3145728")
    async with door.open() as wire:
        await wire.send(f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(4):
            await wire.send(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
        refused(await wire.reply(), 413, "RequestEntityTooLarge")


async def test_delete_options_that_are_none(door: Door) -> None:
    async with door.open() as wire:
        for body in (b"[]", b"{", b'{"gracePeriodSeconds":"x"}', b'{"preconditions":[]}', deep(1000)):
            refused(await wire.ask("DELETE", MAP, body, JSON), 400, "BadRequest")
        for query in ("gracePeriodSeconds=x", f"gracePeriodSeconds={NINES}"):
            refused(await wire.ask("DELETE", f"{MAP}?{query}"), 400, "BadRequest")
        refused(await wire.ask("DELETE", f"{MAP}?dryRun=x"), 422, "Invalid")
        refused(
            await wire.ask("DELETE", MAP, b'{"kind":"Pod"}', JSON), 400, "BadRequest", 'no kind "Pod" is registered'
        )
        for body in (b'{"propagationPolicy":"x"}', b'{"propagationPolicy":"Orphan","orphanDependents":true}'):
            refused(await wire.ask("DELETE", MAP, body, JSON), 422, "Invalid")
        refused(await wire.ask("DELETE", MAP, b'{"preconditions":{"uid":"other"}}', JSON), 409, "Conflict")


# --- parameters -------------------------------------------------------------------------------------------------------


def token(content: str) -> str:
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


TOKENS = [token(text) for text in ("null", '{"v":"petset/v1","rv":"x","after":5}', "[" * 50_000, '{"x":' * 10_000)]


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        *(
            (query, 400, "BadRequest")
            for query in (
                *("labelSelector=,,", "labelSelector=a%20in", "labelSelector=a%20in%20(", "labelSelector=!"),
                *("labelSelector=a=b=c", "labelSelector=%00", "labelSelector=%F0%9F%90%B8", "labelSelector=a>b"),
                *("fieldSelector=x", "fieldSelector=metadata.name", "fieldSelector=%5C", "fieldSelector=status.x=1"),
                *("limit=x", "limit=1.5", "limit=1_000", "limit=%D9%A3", f"limit={NINES}", "limit=9223372036854775808"),
                *("continue=x", "continue=%00", f"continue={'A' * 4000}", "continue=e30", "continue=%C3%A9"),
                *(f"continue={text}" for text in TOKENS),
                *("resourceVersion=x", "resourceVersion=-1", "resourceVersion=1.5", "resourceVersion=%D9%A3"),
                f"resourceVersion={NINES}",
                *(
                    "watch=x&resourceVersion=x",
                    "watch=1&resourceVersion=x",
                    "watch=1&resourceVersion=-1",
                    "watch=1&timeoutSeconds=x",
                ),
                f"watch=1&timeoutSeconds={NINES}",
                *("watch=1&labelSelector=!!", "watch=1&fieldSelector=x"),
            )
        ),
        ("resourceVersionMatch=Exact", 422, "Invalid"),
        ("resourceVersionMatch=x&resourceVersion=1", 422, "Invalid"),
        ("resourceVersion=0&resourceVersionMatch=Exact", 422, "Invalid"),
        ("watch=1&sendInitialEvents=true", 422, "Invalid"),
        ("sendInitialEvents=true", 422, "Invalid"),
        ("watch=1&resourceVersionMatch=Exact", 422, "Invalid"),
        ("watch=1&resourceVersion=1&resourceVersionMatch=NotOlderThan", 422, "Invalid"),
        pytest.param("resourceVersion=999999", 504, "Timeout", id="the future is a timeout, as upstream has it"),
    ],
)
async def test_lists_and_watches(door: Door, query: str, status: int, reason: str) -> None:
    async with door.open() as wire:
        for path in (MAPS, "/api/v1/pods", "/apis/events.k8s.io/v1/events"):
            refused(await wire.ask("GET", f"{path}?{query}"), status, reason)


@pytest.mark.parametrize("query", ["dryRun=x", "fieldValidation=x"])
async def test_writes(door: Door, query: str) -> None:
    async with door.open() as wire:
        refused(await wire.ask("POST", f"{MAPS}?{query}", b'{"metadata":{"name":"x"}}', JSON), 422, "Invalid")
        refused(await wire.ask("PUT", f"{MAP}?{query}", b'{"metadata":{"name":"settings"}}', JSON), 422, "Invalid")
        refused(await wire.ask("PATCH", f"{MAP}?{query}", b"{}", MERGE), 422, "Invalid")


@pytest.mark.parametrize(
    ("query", "status", "reason"),
    [
        *((f"{name}=x", 400, "BadRequest") for name in ("tailLines", "limitBytes", "sinceSeconds")),
        ("container=other", 400, "BadRequest"),
        ("tailLines=-1", 422, "Invalid"),
        ("limitBytes=0", 422, "Invalid"),
        ("sinceSeconds=-5", 422, "Invalid"),
        ("sinceSeconds=5&sinceTime=2026-11-23T00:00:00Z", 422, "Invalid"),
    ],
)
async def test_logs(door: Door, query: str, status: int, reason: str) -> None:
    refused(await door.ask("GET", f"{POD}/log?{query}"), status, reason)


# --- patches ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        *((patch, 400) for patch in (b"", b"{", b"{}", b"1", b"[1]", b"[null]")),
        *((patch, 422) for patch in (b"[{}]", b'[{"op":"x","path":"/a"}]')),
        *((patch, 400) for patch in (b'[{"op":["add"],"path":"/a"}]', b'[{"op":"add","path":1,"value":1}]', deep(500))),
        (b'[{"op":"add","path":"/a"}]', 422),
        (b'[{"op":"remove","path":"/data/absent"}]', 422),
        (b'[{"op":"add","path":"/data/key/a/b","value":"x"}]', 422),
        (b'[{"op":"move","from":"/absent","path":"/data/x"}]', 422),
        (b'[{"op":"test","path":"/kind","value":"Pod"}]', 422),
        (b'[{"op":"add","path":"","value":1}]', 422),
        (b'[{"op":"add","path":"/metadata/managedFields/99999999999999999999","value":{}}]', 422),
        (b'[{"op":"replace","path":"/metadata","value":[]}]', 422),
        (b'[{"op":"replace","path":"/metadata/name","value":"y"}]', 400),
        (b'[{"op":"replace","path":"/data","value":[]}]', 422),
        (b"[" + b",".join([b'{"op":"copy","from":"","path":"/x"}'] * 400) + b"]", 422),
    ],
)
async def test_json_patches_that_do_not_fit(door: Door, patch: bytes, status: int) -> None:
    refused(await door.ask("PATCH", MAP, patch, PATCH), status, {400: "BadRequest", 422: "Invalid"}[status])


@pytest.mark.parametrize(
    ("patch", "status"),
    [
        *((patch, 400) for patch in (b"", b"{", b"[]", b"1", b'"x"', b"\xff", b'{"data":' + deep(300) + b"}")),
        *(
            (patch, 422)
            for patch in (b'{"data":[]}', b'{"data":{"a":{"b":1}}}', b'{"metadata":{"labels":5}}', b'{"metadata":"x"}')
        ),
        (b'{"metadata":{"name":"y"}}', 400),
        (b'{"metadata":{"uid":"other"}}', 422),
        (b'{"metadata":{"resourceVersion":"1"}}', 409),
        (b'{"metadata":{"labels":{"/":"x"}}}', 422),
    ],
)
async def test_merge_patches_that_do_not_fit(door: Door, patch: bytes, status: int) -> None:
    reason = {400: "BadRequest", 409: "Conflict", 422: "Invalid"}[status]
    refused(await door.ask("PATCH", MAP, patch, MERGE), status, reason)
    refused(await door.ask("PATCH", MAP, patch, STRATEGIC), status, reason)


@pytest.mark.parametrize(
    "patch",
    [
        *(
            b'{"spec":[]}',
            b'{"spec":{"replicas":"3"}}',
            b'{"spec":{"replicas":1.5}}',
            b'{"spec":{"replicas":2147483648}}',
        ),
        *(
            b'{"spec":{"replicas":-1}}',
            b'{"spec":{"selector":null}}',
            b'{"spec":{"template":null}}',
            b'{"$patch":"bad"}',
        ),
        *(b'{"spec":{"template":{"spec":{"containers":%s}}}}' % c for c in (b"5", b"[5]", b"{}", b'[{"name":["a"]}]')),
        b'{"spec":{"template":{"spec":{"$setElementOrder/containers":5}}}}',
        b'{"spec":{"template":{"spec":{"$retainKeys":5}}}}',
    ],
)
async def test_patches_of_sets_that_do_not_fit(door: Door, patch: bytes) -> None:
    reply = await door.ask("PATCH", SET, patch, STRATEGIC)
    assert (reply.status, reply.reason) in {(400, "BadRequest"), (422, "Invalid")}, reply.body
    assert reply.message


@pytest.mark.parametrize(
    ("config", "query", "status"),
    [
        (b'{"kind":"ConfigMap","apiVersion":"v1"}', "", 422),
        (b"{}", "fieldManager=me", 400),
        (b"[]", "fieldManager=me", 400),
        (b'{"kind":"Pod","apiVersion":"v1"}', "fieldManager=me", 400),
        (b'{"kind":1,"apiVersion":["v1"]}', "fieldManager=me", 400),
        (b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"other"}}', "fieldManager=me", 400),
        (b'{"kind":"ConfigMap","apiVersion":"v1","data":[]}', "fieldManager=me", 400),
        (b'{"kind":"ConfigMap","apiVersion":"v1","metadata":"settings"}', "fieldManager=me", 400),
        (b'{"kind":"ConfigMap","apiVersion":"v1","metadata":["a"],"data":5}', "fieldManager=me", 400),
        (b'{"kind":"ConfigMap","apiVersion":"v1","metadata":{"managedFields":[{}]}}', "fieldManager=me", 400),
        (b'{"kind":"ConfigMap","apiVersion":"v1"}', f"fieldManager={'x' * 200}", 422),
    ],
)
async def test_applied_configurations_that_do_not_fit(door: Door, config: bytes, query: str, status: int) -> None:
    refused(
        await door.ask("PATCH", f"{MAP}?{query}", config, APPLY), status, {400: "BadRequest", 422: "Invalid"}[status]
    )


async def test_scales_that_do_not_fit(door: Door) -> None:
    async with door.open() as wire:
        for body in (b"[]", b'{"spec":{"replicas":"x"}}', b'{"metadata":{"name":"other"}}', b'{"kind":"Pod"}'):
            refused(await wire.ask("PUT", f"{SET}/scale", body, JSON), 400, "BadRequest")
        body = b'{"metadata":{"name":"web"},"spec":{"replicas":-1}}'
        refused(await wire.ask("PUT", f"{SET}/scale", body, JSON), 422, "Invalid")
        refused(await wire.ask("PATCH", f"{SET}/scale?fieldManager=f", b"{}", APPLY), 400, "BadRequest")


# --- who asks ---------------------------------------------------------------------------------------------------------


async def test_strangers_may_read_version_and_health_only(door: Door) -> None:
    async with door.open(anonymous=True) as wire:
        for path in ("/version", "/healthz", "/livez", "/readyz"):
            assert (await wire.ask("GET", path)).status == 200
        for path in (
            "/",
            "/api",
            "/apis",
            "/api/v1",
            "/openapi/v2",
            "/livez/ping",
            "/favicon.ico",
            "//version",
            MAPS,
            WATCH,
            EXEC,
        ):
            for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
                refused(await wire.ask(method, path), 403, "Forbidden")
        refused(await wire.ask("POST", "/version"), 403, "Forbidden")


async def test_what_a_stranger_sends_is_not_read(door: Door) -> None:
    async with door.open(anonymous=True) as wire:
        await wire.send(f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n".encode())
        refused(await wire.reply(), 403, "Forbidden")


# --- exec -------------------------------------------------------------------------------------------------------------

HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
    "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"Upgrade": ""}, "Upgrade request required"),
        ({"Sec-WebSocket-Protocol": "frog"}, "client supports [frog], server accepts [v5.channel.k8s.io"),
        ({"Sec-WebSocket-Version": "99"}, "no handshake"),
        ({"Sec-WebSocket-Key": "short"}, "no handshake"),
        ({"Connection": "close"}, "Upgrade request required"),
    ],
)
async def test_handshakes_that_are_none(door: Door, changed: dict[str, str], message: str) -> None:
    for path in (EXEC, f"{POD}/attach?stdout=1"):
        refused(await door.ask("GET", path, headers=HANDSHAKE | changed), 400, "BadRequest", message)


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        (f"{PODS}/absent/exec?stdout=1&command=x", 404, "NotFound"),
        (f"{POD}/exec?stdout=1", 400, "BadRequest"),
        (f"{POD}/exec?command=x", 400, "BadRequest"),
        (f"{POD}/exec?stdout=1&command=x&container=other", 400, "BadRequest"),
        (f"{POD}/attach?stdout=1&container=other", 400, "BadRequest"),
    ],
)
async def test_execs_that_do_not_begin(door: Door, path: str, status: int, reason: str) -> None:
    refused(await door.ask("GET", path, headers=HANDSHAKE), status, reason)


def frame(payload: bytes, opcode: int = 2) -> bytes:
    """A masked WebSocket frame, masked with nothing."""
    assert len(payload) < 126
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + b"\0\0\0\0" + payload


async def test_what_makes_no_sense_in_a_session_is_passed_over(door: Door) -> None:
    async with door.open() as wire:
        assert (await wire.ask("GET", f"{EXEC}&stdin=1&stderr=1", headers=HANDSHAKE)).status == 101
        for nonsense in (
            b"",
            b"\x04",
            b"\x04{",
            b"\x04[]",
            b'\x04{"Width":-1}',
            b'\x04{"Height":1e9}',
            b"\x09x",
            b"\xff",
        ):
            await wire.send(frame(nonsense))
        await wire.send(frame(b"text", opcode=1) + frame(b'\x04{"Width":80,"Height":24}') + frame(b"\xff\x00"))
        said = b""
        while b"Success" not in said:
            said += await wire.reader.read(4096)
        assert b"\x0280x24" in said


async def test_frames_that_are_none_end_a_session(door: Door) -> None:
    async with door.open() as wire:
        assert (await wire.ask("GET", EXEC, headers=HANDSHAKE)).status == 101
        await wire.send(b"\xff" * 20)
        assert await wire.closed()


# --- HTTP itself ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        *(b"\r\n\r\n\r\n", b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"BREW / HTTP/1.1\r\n\r\n"),
        *(b"get / HTTP/1.1\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n", b"GET * HTTP/1.1\r\n\r\n", b"\x16\x03\x01" * 9),
        *(b"GET / HTTP/1.1\r\n: x\r\n\r\n", b"GET / HTTP/1.1\r\nA B: c\r\n\r\n", b"GET / HTTP/1.1\r\nA: \0\r\n\r\n"),
        b"GET / HTTP/1.1\r\nContent-Length: -5\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_told_so(door: Door, said: bytes) -> None:
    async with door.open() as wire:
        await wire.send(said)
        if said.strip():
            reply = await wire.reply()
            refused(reply, 400, "BadRequest", "the request is no HTTP")
            assert "\n" not in reply.message
        else:
            wire.writer.write_eof() if wire.writer.can_write_eof() else wire.writer.close()
        assert await wire.closed()


async def test_heads_that_are_too_long(door: Door) -> None:
    for path, headers in ((f"/api?x={'a' * LONGEST_LINE}", {}), ("/api", {"A": "a" * 2 * LONGEST_HEADER})):
        async with door.open() as wire:
            refused(await wire.ask("GET", path, headers=headers), 413, "RequestEntityTooLarge")


async def test_long_selectors_are_fine(door: Door) -> None:
    names = ",".join(f"name-{number}" for number in range(10_000))
    reply = await door.ask("GET", f"{MAPS}?labelSelector=a%20in%20({names})")
    assert (reply.status, reply.tree["items"]) == (200, [])


@pytest.mark.parametrize(
    ("encoding", "body"),
    [("Content-Encoding: gzip", b"5\r\nhello\r\n0\r\n\r\n"), ("A: b", b"zz\r\n"), ("A: b", b"5\r\nhelloXX")],
)
async def test_bodies_that_break(door: Door, encoding: str, body: bytes) -> None:
    async with door.open() as wire:
        head = f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{encoding}\r\n\r\n"
        await wire.send(head.encode() + body)
        refused(await wire.reply(), 400, "BadRequest")


async def test_large_bodies_may_be_announced(door: Door) -> None:
    body = b'{"metadata":{"name":"announced"}}'
    async with door.open() as wire:
        head = f"POST {MAPS} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
        await wire.send(head.encode())
        assert (await wire.head())[0] == 100
        await wire.send(body)
        assert (await wire.reply()).status == 201


async def test_requests_may_follow_one_another_at_once(door: Door) -> None:
    async with door.open() as wire:
        await wire.send(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        assert [(await wire.reply()).status for _ in range(50)] == [200] * 50
