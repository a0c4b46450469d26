"""Requests that few clients send, and that mean something all the same, or nothing."""

import pytest

from tests.conformance.api import JSON, MERGE, TRY, Api, config_map, refused
from tests.conformance.cases import option


@pytest.mark.parametrize(
    ("method", "kind"), [("POST", "CreateOptions"), ("PATCH", "PatchOptions"), ("PUT", "UpdateOptions")]
)
async def test_an_empty_dry_run_is_none(api: Api, method: str, kind: str) -> None:
    made = (await api.post("configmaps", config_map(a="1"))).done(201)
    place, body = ("configmaps", config_map("d")) if method == "POST" else ("configmaps/c", config_map(a="2"))
    reply = await api.ask(method, place, body, type_=MERGE if method == "PATCH" else JSON, query="dryRun=")
    refused(reply, 422, "Invalid", option(kind, 'dryRun: Unsupported value: [""]: supported values: "All"'))
    assert (await api.get("configmaps/c")).done() == made


@pytest.mark.parametrize("place", ["configmaps/c", "configmaps"])
async def test_an_empty_dry_run_deletes_nothing(api: Api, place: str) -> None:
    made = (await api.post("configmaps", config_map(a="1"))).done(201)
    reply = await api.delete(place, query="dryRun=")
    refused(reply, 422, "Invalid", option("DeleteOptions", 'dryRun: Unsupported value: [""]: supported values: "All"'))
    assert (await api.get("configmaps/c")).done() == made


async def test_an_empty_limit_is_no_number(there: Api) -> None:
    refused(await there.get("configmaps", "limit="), 400, "BadRequest", 'strconv.ParseInt: parsing "": invalid syntax')


@pytest.mark.parametrize(
    ("accept", "taken"),
    [
        ("application/json;q=0.5, application/yaml;q=0.9", "application/yaml"),
        ("application/yaml;q=0.5, application/json;q=0.9", JSON),
        ("application/yaml;q=0.9, */*;q=0.9", "application/yaml"),
        ("*/*, application/yaml", "application/yaml"),
        ("application/*, application/yaml", "application/yaml"),
        ("*/*;q=0.8, application/yaml;q=0.1", "application/yaml"),
        ("application/yaml;q=x, application/json;q=0.5", JSON),
    ],
)
async def test_what_is_preferred_is_given(there: Api, accept: str, taken: str) -> None:
    reply = await there.get("statefulsets/web", accept=accept)
    assert (reply.status, reply.headers["Content-Type"]) == (200, taken)


@pytest.mark.parametrize("place", ["statefulsets", "statefulsets/web", "/version", "/api", "/apis/apps/v1"])
async def test_nothing_is_only_looked_up(there: Api, place: str) -> None:
    assert (await there.ask("HEAD", place)).status == 405


async def test_no_namespace_is_all_of_them(there: Api) -> None:
    assert {
        item["metadata"]["namespace"]
        for item in (await there.get("/apis/apps/v1/namespaces//statefulsets")).done()["items"]
    } >= {there.namespace}


async def test_a_list_is_no_object(there: Api) -> None:
    reply = await there.post("configmaps", {"apiVersion": "v1", "kind": "List", "items": []}, TRY)
    why = "converting (v1.List) to (core.ConfigMap): unknown conversion"
    refused(reply, 400, "BadRequest", f'List in version "v1" cannot be handled as a ConfigMap: {why}')


async def test_patches_are_of_known_types(there: Api) -> None:
    for type_ in (JSON, "text/plain", "application/apply-patch+json", None):
        reply = await there.ask("PATCH", "statefulsets/web", {}, type_=type_, query=TRY)
        refused(reply, 415, "UnsupportedMediaType", "415: Unsupported Media Type")
