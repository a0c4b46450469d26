"""The OpenAPI documents are whole, and tell kubectl that the server validates fields."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from petset.apiserver.openapi import OpenApi
from petset.kinds import CATALOGUE

OPENAPI = OpenApi(CATALOGUE)
PLACES = sorted({f"apis/{r.group_version}" if r.group else f"api/{r.version}" for r in CATALOGUE.resources})


def read(raw: bytes | None) -> dict[str, Any]:
    assert raw is not None
    found: dict[str, Any] = msgspec.json.decode(raw)
    return found


def references(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("$ref"), str):
            yield tree["$ref"]
        for value in tree.values():
            yield from references(value)
    elif isinstance(tree, list):
        for value in tree:
            yield from references(value)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method != "parameters":
                yield path, method, operation


def test_the_index_names_every_document() -> None:
    paths = read(OPENAPI.v3_index)["paths"]
    assert sorted(paths) == PLACES
    assert all(place["serverRelativeURL"].startswith(f"/openapi/v3/{path}?hash=") for path, place in paths.items())


@pytest.mark.parametrize("place", PLACES)
def test_a_document_refers_only_to_what_it_holds(place: str) -> None:
    document = read(OPENAPI.v3(place))
    held = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= held


def test_the_swagger_document_refers_only_to_what_it_holds() -> None:
    document = read(OPENAPI.v2)
    assert set(references(document)) <= {f"#/definitions/{name}" for name in document["definitions"]}


@pytest.mark.parametrize("place", PLACES)
def test_every_kind_says_that_its_fields_are_validated(place: str) -> None:
    """What kubectl looks for before it leaves validation to the server."""
    found = set()
    for _, method, operation in operations(read(OPENAPI.v3(place))):
        if method == "patch" and any(p["name"] == "fieldValidation" for p in operation["parameters"]):
            mark = operation["x-kubernetes-group-version-kind"]
            found.add((mark["group"], mark["version"], mark["kind"]))
    for resource in CATALOGUE.resources:
        path = f"apis/{resource.group_version}" if resource.group else f"api/{resource.version}"
        if path == place:
            assert (resource.group, resource.version, resource.kind) in found


def test_writes_take_the_parameters_that_clients_send() -> None:
    path = "/apis/apps/v1/namespaces/{namespace}/statefulsets/{name}"
    item = read(OPENAPI.v3("apis/apps/v1"))["paths"][path]
    names = {parameter["name"] for parameter in item["patch"]["parameters"]}
    assert names == {"dryRun", "fieldManager", "fieldValidation", "force"}
    assert set(item["patch"]["requestBody"]["content"]) == {
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    }
    assert [parameter["name"] for parameter in item["parameters"]] == ["namespace", "name"]


def test_merge_keys_reach_the_clients() -> None:
    schemas = read(OPENAPI.v3("apis/apps/v1"))["components"]["schemas"]
    containers = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]["containers"]
    assert containers["x-kubernetes-patch-merge-key"] == "name"


def test_a_reference_with_company_is_kept_apart_from_it() -> None:
    for place in PLACES:
        text = OPENAPI.v3(place) or b""
        assert b'{"$ref"' in text
        for schema in read(text)["components"]["schemas"].values():
            for field in schema.get("properties", {}).values():
                assert "$ref" not in field or len(field) == 1


def test_what_is_not_served_has_no_document() -> None:
    assert OPENAPI.v3("apis/batch/v1") is None
