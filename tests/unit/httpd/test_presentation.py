"""Answers that people read, and YAML."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml

from petset.api.types import ConfigMap, ObjectMeta
from tests.unit.apiserver.calls import create
from tests.unit.httpd.wire import Door, opened

MAPS = "/api/v1/namespaces/default/configmaps"
MAP = f"{MAPS}/settings"
CURL = {"User-Agent": "curl/8.5.0"}
YAML = {"Accept": "application/yaml"}


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with opened(tmp_path) as door:
        settings = ConfigMap(metadata=ObjectMeta(name="settings"), data={"a": "yes", "b": "1e3", "c": "é: <&>"})
        await create(door.server, settings)
        yield door


@pytest.mark.parametrize(
    ("query", "headers", "indented"),
    [
        ("", {}, False),
        ("", {"User-Agent": "kubectl/v1.37.0"}, False),
        ("", CURL, True),
        ("", {"User-Agent": "Wget/1.21"}, True),
        ("", {"User-Agent": "Mozilla/5.0 (X11)", "Accept": "text/html,*/*;q=0.8"}, True),
        ("?pretty=true", {}, True),
        ("?pretty=1", {}, True),
        ("?pretty=false", CURL, False),
        ("?pretty=nonsense", CURL, False),
        ("?pretty=", CURL, True),
    ],
)
async def test_who_reads_gets_it_indented(door: Door, query: str, headers: dict[str, str], indented: bool) -> None:
    for place in (MAP, MAPS, f"{MAPS}/absent", "/apis/apps"):
        plain, reply = await door.ask("GET", place), await door.ask("GET", place + query, headers=headers)
        assert (reply.status, reply.tree) == (plain.status, plain.tree)
        assert reply.body.startswith(b'{\n  "' if indented else b'{"')
        assert int(reply.headers["content-length"]) == len(reply.body)


async def test_long_lists_are_indented_and_longer_ones_are_not(door: Door) -> None:
    for number in range(30):
        await create(door.server, ConfigMap(metadata=ObjectMeta(name=f"map-{number}"), data={"a": "x" * 1000}))
    reply = await door.ask("GET", MAPS, headers={**CURL, "Accept-Encoding": "gzip"})
    assert (len(reply.tree["items"]), reply.body[:4]) == (31, b"{\n  ")
    for number in range(10):
        await create(door.server, ConfigMap(metadata=ObjectMeta(name=f"large-{number}"), data={"a": "x" * 500_000}))
    reply = await door.ask("GET", MAPS, headers=CURL)
    assert (len(reply.tree["items"]), reply.body[:2]) == (41, b'{"')
    reply = await door.ask("GET", MAPS, headers=YAML)
    assert (reply.status, yaml.safe_load(reply.body)["reason"]) == (406, "NotAcceptable")


@pytest.mark.parametrize("place", [MAP, MAPS, f"{MAPS}/absent", "/apis/apps", "/api"])
async def test_who_asks_for_yaml_gets_it(door: Door, place: str) -> None:
    plain, reply = await door.ask("GET", place), await door.ask("GET", place, headers=YAML)
    assert (reply.status, reply.headers["content-type"]) == (plain.status, "application/yaml")
    assert yaml.safe_load(reply.body) == plain.tree


async def test_what_is_said_first_counts(door: Door) -> None:
    reply = await door.ask("GET", MAP, headers={"Accept": "application/json,application/yaml"})
    assert reply.headers["content-type"] == "application/json"
    table = await door.ask("GET", MAPS, headers={"Accept": "application/yaml;as=Table;g=meta.k8s.io;v=v1"})
    assert yaml.safe_load(table.body)["kind"] == "Table"


async def test_what_is_written_is_answered_the_same_way(door: Door) -> None:
    made = json.dumps({"metadata": {"name": "made"}}).encode()
    reply = await door.ask("POST", MAPS, made, {**YAML, "Content-Type": "application/json"})
    assert (reply.status, yaml.safe_load(reply.body)["metadata"]["name"]) == (201, "made")


async def test_a_watch_is_no_yaml(door: Door) -> None:
    reply = await door.ask("GET", f"{MAPS}?watch=1", headers=YAML)
    assert (reply.status, yaml.safe_load(reply.body)["reason"]) == (406, "NotAcceptable")


async def test_schemas_stay_as_they_are(door: Door) -> None:
    assert (await door.ask("GET", "/openapi/v3", headers=CURL)).body[:2] == b'{"'
