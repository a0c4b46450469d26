"""The three patch types over an object: what is there afterwards."""

from typing import Any

import pytest

from tests.conformance.api import MERGE, PATCH, STRATEGIC, TRY, Api, Tree, config_map, pod


def containers(*changes: Tree) -> Tree:
    return {"spec": {"template": {"spec": {"containers": list(changes)}}}}


def template(**spec: Any) -> Tree:
    return {"spec": {"template": {"spec": spec}}}


def at(tree: Any, path: str) -> Any:
    for part in path.split("."):
        tree = dict(enumerate(tree)).get(int(part)) if isinstance(tree, list) else tree.get(part)
        if tree is None:
            return None
    return tree


POD = "spec.template.spec"
FIRST = f"{POD}.containers.0"
CASES: list[tuple[str, str, Any, str, Any]] = [
    # rule, type, patch, path, what is there
    ("a value", MERGE, {"spec": {"minReadySeconds": 5}}, "spec.minReadySeconds", 5),
    ("null removes", MERGE, {"metadata": {"labels": {"a": None}}}, "metadata.labels", {"b": "2"}),
    ("null removes a map", MERGE, {"metadata": {"labels": None}}, "metadata.labels", None),
    ("null brings a default back", MERGE, {"spec": {"replicas": None}}, "spec.replicas", 1),
    (
        "lists are replaced",
        MERGE,
        template(tolerations=[{"key": "b", "operator": "Exists"}]),
        f"{POD}.tolerations",
        [{"key": "b", "operator": "Exists"}],
    ),
    (
        "also those with keys",
        MERGE,
        containers({"name": "x", "image": "x:1"}),
        FIRST,
        {
            "name": "x",
            "image": "x:1",
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        },
    ),
    ("the status is passed over", MERGE, {"status": {"replicas": 7}}, "status.replicas", 0),
    ("the generation is not the client's", MERGE, {"metadata": {"generation": 7}}, "metadata.generation", 1),
    (
        "add",
        PATCH,
        [{"op": "add", "path": "/metadata/labels/c", "value": "3"}],
        "metadata.labels",
        {"a": "1", "b": "2", "c": "3"},
    ),
    (
        "add escaped",
        PATCH,
        [{"op": "add", "path": "/metadata/labels/x.y~1z", "value": "3"}],
        "metadata.labels",
        {"a": "1", "b": "2", "x.y/z": "3"},
    ),
    (
        "add to the end",
        PATCH,
        [{"op": "add", "path": "/metadata/finalizers/-", "value": "example.com/c"}],
        "metadata.finalizers",
        ["example.com/a", "example.com/b", "example.com/c"],
    ),
    (
        "add in between",
        PATCH,
        [{"op": "add", "path": "/metadata/finalizers/1", "value": "example.com/c"}],
        "metadata.finalizers",
        ["example.com/a", "example.com/c", "example.com/b"],
    ),
    ("remove", PATCH, [{"op": "remove", "path": "/metadata/labels/a"}], "metadata.labels", {"b": "2"}),
    (
        "replace",
        PATCH,
        [
            {"op": "replace", "path": "/spec/replicas", "value": 0},
            {"op": "replace", "path": "/metadata/labels/a", "value": "9"},
        ],
        "metadata.labels.a",
        "9",
    ),
    (
        "replace what is not there",
        PATCH,
        [{"op": "replace", "path": "/metadata/labels/z", "value": "9"}],
        "metadata.labels.z",
        "9",
    ),
    (
        "move",
        PATCH,
        [{"op": "move", "from": "/metadata/labels/a", "path": "/metadata/labels/z"}],
        "metadata.labels",
        {"b": "2", "z": "1"},
    ),
    (
        "copy",
        PATCH,
        [{"op": "copy", "from": "/metadata/labels/a", "path": "/metadata/labels/z"}],
        "metadata.labels",
        {"a": "1", "b": "2", "z": "1"},
    ),
    (
        "test",
        PATCH,
        [{"op": "test", "path": "/metadata/labels/a", "value": "1"}, {"op": "remove", "path": "/metadata/labels/a"}],
        "metadata.labels",
        {"b": "2"},
    ),
    (
        "an item is found by its key",
        STRATEGIC,
        containers({"name": "nginx", "image": "nginx:2"}),
        f"{FIRST}.image",
        "nginx:2",
    ),
    (
        "the others stay",
        STRATEGIC,
        containers({"name": "nginx", "image": "nginx:2"}),
        f"{POD}.containers.1.image",
        "side:1",
    ),
    (
        "a new item comes before those that stay",
        STRATEGIC,
        containers({"name": "new", "image": "new:1"}),
        f"{FIRST}.name",
        "new",
    ),
    (
        "an item is deleted by its key",
        STRATEGIC,
        containers({"$patch": "delete", "name": "side"}),
        f"{POD}.containers.1",
        None,
    ),
    (
        "a list is replaced",
        STRATEGIC,
        containers({"$patch": "replace"}, {"name": "only", "image": "only:1"}),
        f"{POD}.containers.1",
        None,
    ),
    (
        "a map is replaced",
        STRATEGIC,
        {"metadata": {"labels": {"$patch": "replace", "z": "1"}}},
        "metadata.labels",
        {"z": "1"},
    ),
    ("a map is deleted", STRATEGIC, {"metadata": {"labels": {"$patch": "delete"}}}, "metadata.labels", None),
    (
        "null removes an item's field",
        STRATEGIC,
        containers({"name": "nginx", "command": None}),
        f"{FIRST}.command",
        None,
    ),
    (
        "lists without key are replaced",
        STRATEGIC,
        containers({"name": "nginx", "command": ["z"]}),
        f"{FIRST}.command",
        ["z"],
    ),
    (
        "also those of maps",
        STRATEGIC,
        template(tolerations=[{"key": "b", "operator": "Exists"}]),
        f"{POD}.tolerations",
        [{"key": "b", "operator": "Exists"}],
    ),
    (
        "one port is found by its number",
        STRATEGIC,
        containers({"name": "nginx", "ports": [{"containerPort": 80, "name": "web"}]}),
        f"{FIRST}.ports.0",
        {"containerPort": 80, "name": "web", "protocol": "TCP"},
    ),
    (
        "an order puts items in order",
        STRATEGIC,
        {"spec": {"template": {"spec": {"$setElementOrder/containers": [{"name": "side"}, {"name": "nginx"}]}}}},
        f"{FIRST}.name",
        "side",
    ),
    (
        "an order places a new item",
        STRATEGIC,
        containers(
            {
                "name": "nginx",
                "$setElementOrder/env": [{"name": "A"}, {"name": "N"}, {"name": "B"}, {"name": "C"}],
                "env": [{"name": "N", "value": "0"}],
            }
        ),
        f"{FIRST}.env.1.name",
        "N",
    ),
    (
        "an item of a list with an order is deleted",
        STRATEGIC,
        containers(
            {
                "name": "nginx",
                "$setElementOrder/env": [{"name": "A"}, {"name": "C"}],
                "env": [{"$patch": "delete", "name": "B"}],
            }
        ),
        f"{FIRST}.env",
        [{"name": "A", "value": "1"}, {"name": "C", "value": "3"}],
    ),
    (
        "words are added to a set",
        STRATEGIC,
        {"metadata": {"finalizers": ["example.com/c"]}},
        "metadata.finalizers",
        ["example.com/c", "example.com/a", "example.com/b"],
    ),
    (
        "words are taken from a set",
        STRATEGIC,
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}},
        "metadata.finalizers",
        ["example.com/b"],
    ),
    (
        "words of a set have an order",
        STRATEGIC,
        {
            "metadata": {
                "$setElementOrder/finalizers": ["example.com/b", "example.com/c", "example.com/a"],
                "finalizers": ["example.com/c"],
            }
        },
        "metadata.finalizers",
        ["example.com/b", "example.com/c", "example.com/a"],
    ),
    (
        "only named keys of a union are kept",
        STRATEGIC,
        {"spec": {"updateStrategy": {"$retainKeys": ["type"], "type": "OnDelete"}}},
        "spec.updateStrategy",
        {"type": "OnDelete"},
    ),
    (
        "also of an item",
        STRATEGIC,
        template(volumes=[{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]),
        f"{POD}.volumes",
        [{"name": "v", "hostPath": {"path": "/x", "type": ""}}],
    ),
    (
        "a new secret goes first",
        STRATEGIC,
        template(imagePullSecrets=[{"name": "two"}]),
        f"{POD}.imagePullSecrets",
        [{"name": "two"}, {"name": "one"}],
    ),
]


@pytest.mark.parametrize(
    ("type_", "patch", "path", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
async def test_a_patch_changes_what_it_names(there: Api, type_: str, patch: Any, path: str, expected: Any) -> None:
    answer = (await there.patch("statefulsets/web", patch, type_, TRY)).done()
    assert at(answer, path) == expected


@pytest.mark.parametrize("type_", [MERGE, STRATEGIC])
async def test_a_patch_that_changes_nothing_writes_nothing(api: Api, type_: str) -> None:
    made = (await api.post("configmaps", config_map(a="1"))).done(201)
    assert (await api.patch("configmaps/c", {"data": {"a": "1"}}, type_)).done() == made


async def test_a_status_is_patched_where_it_is(api: Api) -> None:
    (await api.post("pods", pod())).done(201)
    first = {"status": {"conditions": [{"type": "A", "status": "True"}]}}
    answer = (await api.patch("pods/p/status", {**first, "spec": {"nodeName": "x"}}, STRATEGIC)).done()
    assert [condition["type"] for condition in answer["status"]["conditions"]] == ["A"]
    assert "nodeName" not in answer["spec"]
    further = {"status": {"conditions": [{"type": "B", "status": "False"}]}}
    answer = (await api.patch("pods/p/status", further, STRATEGIC)).done()
    assert [condition["type"] for condition in answer["status"]["conditions"]] == ["B", "A"]
