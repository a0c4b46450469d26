"""The OpenAPI documents are whole, and tell kubectl that the server validates fields."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from petset.apiserver.descriptions import described, short_name, texts
from petset.apiserver.openapi import Document, OpenApi
from petset.kinds import CATALOGUE

OPENAPI = OpenApi(CATALOGUE)
PLACES = sorted({f"apis/{r.group_version}" if r.group else f"api/{r.version}" for r in CATALOGUE.resources})


def read(document: Document | None) -> dict[str, Any]:
    assert document is not None
    found: dict[str, Any] = msgspec.json.decode(document.body)
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
    for path, place in paths.items():
        document = OPENAPI.v3(path)
        assert document is not None
        assert place["serverRelativeURL"] == f"/openapi/v3/{path}?hash={document.hash}"


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
        if path == place and "patch" in resource.verbs:
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


def test_lists_that_are_maps_name_their_keys() -> None:
    schemas = read(OPENAPI.v3("api/v1"))["components"]["schemas"]
    ports = schemas["io.k8s.api.core.v1.ServiceSpec"]["properties"]["ports"]
    assert ports["x-kubernetes-list-type"] == "map"
    assert ports["x-kubernetes-list-map-keys"] == ["port", "protocol"]
    assert (ports["x-kubernetes-patch-merge-key"], ports["x-kubernetes-patch-strategy"]) == ("port", "merge")


@pytest.mark.parametrize("place", PLACES)
def test_kinds_are_found_by_their_mark(place: str) -> None:
    """How kubectl's explain and apply find the schema of an object."""
    marks = {
        (mark["group"], mark["version"], mark["kind"])
        for schema in read(OPENAPI.v3(place))["components"]["schemas"].values()
        for mark in schema.get("x-kubernetes-group-version-kind", ())
    }
    for resource in CATALOGUE.resources:
        if place == (f"apis/{resource.group_version}" if resource.group else f"api/{resource.version}"):
            assert (resource.group, resource.version, resource.kind) in marks


def test_no_operation_and_no_path_has_an_empty_list_of_parameters() -> None:
    """Go programs that read a document and write it keep none, and compare the two."""
    paths = [read(OPENAPI.v3(place))["paths"] for place in PLACES]
    trees = [tree for found in paths for path in found.values() for tree in (path, *path.values())]
    assert [tree for tree in trees if isinstance(tree, dict) and tree.get("parameters") == []] == []


def test_operations_are_marked_with_the_kind_of_what_they_are_about() -> None:
    found = operations(read(OPENAPI.v3("apis/apps/v1")))
    marked = {op["x-kubernetes-group-version-kind"]["kind"] for path, _, op in found if "controllerrevisions" in path}
    assert marked == {"ControllerRevision"}


def test_every_field_is_described() -> None:
    for name, schema in read(OPENAPI.v2)["definitions"].items():
        for field, tree in schema.get("properties", {}).items():
            assert tree["description"].endswith("."), f"{name}.{field}"


def test_every_kind_is_described() -> None:
    words = texts()
    assert [resource.kind for resource in CATALOGUE.resources if resource.kind not in words] == []


def test_words_are_about_what_is_there() -> None:
    definitions = read(OPENAPI.v2)["definitions"]
    fields: dict[str, set[str]] = {}
    for name, schema in definitions.items():
        fields.setdefault(short_name(name), set()).update(schema.get("properties", ()))
    for where in texts():
        type_, _, field = where.partition(".")
        if type_ == "*":
            assert any(field in names for names in fields.values()), where
        else:
            assert type_ in fields, where
            assert not field or field in fields[type_], where


def test_the_words_are_our_own() -> None:
    """No text of more than a few words is a sentence of the official descriptions."""
    package = pytest.importorskip("kubernetes_validate")
    source = max(Path(package.__file__).parent.glob("kubernetes-json-schema/v*-local/_definitions.json"))
    theirs = {
        sentence for text in descriptions(msgspec.json.decode(source.read_bytes())) for sentence in sentences(text)
    }
    assert len(theirs) > 1000
    ours = {sentence for text in texts().values() for sentence in sentences(text) if len(sentence.split()) > 4}
    assert ours & theirs == set()


def descriptions(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict):
        if isinstance(tree.get("description"), str):
            yield tree["description"]
        tree = list(tree.values())
    if isinstance(tree, list):
        for value in tree:
            yield from descriptions(value)


def sentences(text: str) -> list[str]:
    return [sentence.strip(" .").lower() for sentence in text.replace("\n", " ").split(". ")]


def test_a_description_names_the_default() -> None:
    ports = read(OPENAPI.v2)["definitions"]["io.k8s.api.core.v1.ContainerPort"]["properties"]
    assert ports["protocol"]["description"] == 'TCP, UDP or SCTP. Default: "TCP".'


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "integer"}, "Of type integer."),
        ({"$ref": "#/definitions/io.k8s.X"}, "Of type X."),
        ({"type": "array", "items": {"$ref": "#/definitions/a.B"}}, "List: of type B."),
        ({"type": "object", "additionalProperties": {"type": "string"}}, "By key: of type string."),
    ],
)
def test_what_has_no_words_is_described_by_its_type(schema: dict[str, Any], text: str) -> None:
    found = described({"a.Strange": {"properties": {"field": schema}}})
    assert found["a.Strange"]["properties"]["field"]["description"] == text


def test_a_reference_with_company_is_kept_apart_from_it() -> None:
    for place in PLACES:
        document = OPENAPI.v3(place)
        assert document is not None
        assert b'{"$ref"' in document.body
        for schema in read(document)["components"]["schemas"].values():
            for field in schema.get("properties", {}).values():
                assert "$ref" not in field or len(field) == 1


def test_what_is_not_served_has_no_document() -> None:
    assert OPENAPI.v3("apis/batch/v1") is None
