"""Documents are known again by their hash, and large answers are compressed for those who can read them."""

import gzip
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from petset.httpd.compression import SMALLEST
from tests.unit.httpd.wire import Door, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"Content-Type": "application/json"}
GZIP = {"Accept-Encoding": "br, gzip"}
MAPS = "/api/v1/namespaces/default/configmaps"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Door]:
    async with opened(tmp_path_factory.mktemp("pki")) as door:
        yield door


@pytest.mark.parametrize("path", ["/openapi/v2", "/openapi/v3", "/openapi/v3/apis/apps/v1"])
async def test_a_document_that_is_known_is_not_sent_again(door: Door, path: str) -> None:
    first = await door.ask("GET", path)
    tag = first.headers["etag"]
    assert (first.status, tag[0], tag[-1]) == (200, '"', '"')
    for known in (tag, f'"other", W/{tag}', "*"):
        again = await door.ask("GET", path, headers={"If-None-Match": known})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert (await door.ask("GET", path, headers={"If-None-Match": '"other"'})).status == 200


async def test_a_place_with_a_hash_is_good_for_ever(door: Door) -> None:
    place = (await door.ask("GET", "/openapi/v3")).tree["paths"]["api/v1"]["serverRelativeURL"]
    reply = await door.ask("GET", place)
    assert (reply.status, reply.headers["cache-control"]) == (200, "public, immutable")
    assert reply.headers["expires"].endswith("GMT")
    old = await door.ask("GET", "/openapi/v3/api/v1?hash=OLD")
    assert (old.status, old.headers["location"]) == (301, place)


async def test_documents_are_compressed_for_those_who_ask(door: Door) -> None:
    plain = await door.ask("GET", "/openapi/v2")
    small = await door.ask("GET", "/openapi/v2", headers=GZIP)
    assert small.headers["content-encoding"] == "gzip"
    assert gzip.decompress(small.body) == plain.body
    assert small.headers["etag"] == plain.headers["etag"]
    assert len(small.body) < len(plain.body) / 4


async def test_kubectl_learns_that_there_are_no_further_kinds(door: Door) -> None:
    place = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    reply = await door.ask("GET", place)
    assert (reply.status, reply.tree["kind"], reply.tree["items"]) == (200, "CustomResourceDefinitionList", [])
    assert (await door.ask("GET", f"{place}?watch=true")).status == 404
    assert (await door.ask("POST", place, b"{}", JSON)).status == 404


@pytest.mark.parametrize("mark", ["@", "."])
async def test_one_document_is_there_in_protobuf_too(door: Door, mark: str) -> None:
    protobuf = f"application/com.github.proto-openapi.spec.v2{mark}v1.0+protobuf"
    reply = await door.ask("GET", "/openapi/v2", headers={"Accept": protobuf})
    assert reply.headers["content-type"] == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert reply.body.startswith(b"\x0a\x032.0")
    preferred = await door.ask("GET", "/openapi/v2", headers={"Accept": f"{protobuf}, application/json"})
    assert preferred.body == reply.body
    other = await door.ask("GET", "/openapi/v2", headers={"Accept": f"application/json, {protobuf}"})
    assert other.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("accept", ["application/vnd.kubernetes.protobuf", "text/html"])
async def test_documents_are_json(door: Door, accept: str) -> None:
    reply = await door.ask("GET", "/openapi/v2", headers={"Accept": accept})
    assert (reply.status, reply.reason) == (406, "NotAcceptable")
    both = await door.ask("GET", "/openapi/v2", headers={"Accept": f"{accept}, application/json"})
    assert both.status == 200


@pytest.mark.parametrize("size", [SMALLEST, 3 * SMALLEST])
async def test_large_answers_are_compressed_for_those_who_ask(door: Door, size: int) -> None:
    name = f"map-{size}"
    body = {"metadata": {"name": name}, "data": {"key": "x" * size}}
    assert (await door.ask("POST", MAPS, json.dumps(body).encode(), JSON)).status == 201
    small = await door.ask("GET", f"{MAPS}/{name}", headers=GZIP)
    assert (small.headers["content-encoding"], small.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert len(small.body) < size / 10
    plain = await door.ask("GET", f"{MAPS}/{name}")
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(small.body) == plain.body


async def test_small_answers_are_sent_as_they_are(door: Door) -> None:
    body = {"metadata": {"name": "small"}, "data": {"key": "x" * (SMALLEST // 2)}}
    reply = await door.ask("POST", MAPS, json.dumps(body).encode(), JSON | GZIP)
    assert reply.status == 201
    assert "content-encoding" not in (await door.ask("GET", f"{MAPS}/small", headers=GZIP)).headers


async def test_a_watch_is_never_compressed(door: Door) -> None:
    async with door.open() as wire:
        await wire.send(f"GET {MAPS}?watch=1 HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        _, headers = await wire.head()
        assert "content-encoding" not in headers
