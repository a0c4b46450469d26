import io
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from petset.cli.failure import Failure
from petset.cli.manifests import files_of, objects_in, read_manifests

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n"

LIST = """
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: a}}
- {apiVersion: v1, kind: Pod, metadata: {name: b}}
"""


def names(text: str) -> list[str]:
    return [found.tree["metadata"]["name"] for found in objects_in("test", text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (POD, ["web"]),
        (f"---\n{POD}---\n# only a comment\n---\n{POD}", ["web", "web"]),
        ("", []),
        ('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "json"}}', ["json"]),
        (
            LIST,
            ["a", "b"],
        ),
        ("apiVersion: v1\nkind: PodList\nitems: []\n", []),
    ],
)
def test_a_text_is_taken_apart_into_objects(text: str, found: list[str]) -> None:
    assert names(text) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "test is not valid YAML"),
        ("just text", "test: no object but str"),
        ("- a\n- b\n", "test: no object but list"),
        ("kind: Pod\nmetadata: {name: web}\n", "lacks apiVersion or kind"),
        (f"{POD}---\n---\nkind: Pod\n", "test, document 3: an object lacks apiVersion or kind"),
        ("{apiVersion: v1, kind: List, items: [3]}", "test, item 1: no object but int"),
        ("apiVersion: v1\nkind: Pod\n", "a Pod lacks metadata.name"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: 5}\n", "a Pod lacks metadata.name"),
    ],
)
def test_what_is_no_object_is_refused(text: str, message: str) -> None:
    with pytest.raises(Failure, match=message):
        names(text)


def test_an_object_knows_its_file_document_and_item() -> None:
    assert [found.origin for found in objects_in("web.yaml", POD)] == ["web.yaml"]
    origins = [found.origin for found in objects_in("web.yaml", f"{POD}---\n{LIST}")]
    assert origins == ["web.yaml, document 1", "web.yaml, document 2, item 1", "web.yaml, document 2, item 2"]


def test_times_and_dates_stay_the_text_they_are() -> None:
    text = POD + "spec: {since: 2026-01-01, at: 2026-01-01T00:00:00Z}\n"
    (found,) = objects_in("test", text)
    assert found.tree["spec"] == {"since": "2026-01-01", "at": "2026-01-01T00:00:00Z"}


def test_keys_that_yaml_takes_for_other_things_become_text() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {no: x, 2: y, on: z}}\n"
    [found] = objects_in("a.yaml", text)
    assert found.tree["metadata"]["labels"] == {"false": "x", "2": "y", "true": "z"}


def test_of_a_directory_the_manifests_are_read_sorted_by_name(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.json", "notes.md"):
        (tmp_path / name).touch()
    (tmp_path / "d.yaml").mkdir()
    assert [file.name for file in files_of(tmp_path)] == ["a.yml", "b.yaml", "c.json"]


async def test_sources_are_read_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.yaml").write_text(POD.replace("web", "one"))
    monkeypatch.setattr(sys, "stdin", io.StringIO(POD.replace("web", "two")))
    found = await read_manifests(["-", str(tmp_path)])
    assert [manifest.tree["metadata"]["name"] for manifest in found] == ["two", "one"]


@pytest.mark.parametrize("source", ["nowhere.yaml", "http://127.0.0.1:1/web.yaml"])
async def test_a_source_that_cannot_be_read_is_a_failure(source: str) -> None:
    with pytest.raises(Failure, match=source):
        await read_manifests([source])


async def test_a_url_is_a_source() -> None:
    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(text=POD)

    async with RawTestServer(answer) as server:
        (found,) = await read_manifests([str(server.make_url("/web.yaml"))])
    assert found.tree["metadata"]["name"] == "web"


async def test_an_empty_directory_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="has no"):
        await read_manifests([str(tmp_path)])
