"""Strategic merge patch: each directive, each kind of list, the order of the outcome, and what clients really send."""

import copy
from typing import Any

import pytest

from petset.api import types
from petset.api.patch import strategic
from petset.api.patch.errors import InapplicablePatch, MalformedPatch, PatchError
from petset.api.schema import schema_of

METADATA = schema_of(types.ObjectMeta)
POD_SPEC = schema_of(types.PodSpec)
STATEFUL_SET = schema_of(types.StatefulSet)


def named(*names: str) -> list[Any]:
    return [{"name": name} for name in names]


@pytest.mark.parametrize(
    ("tree", "patch", "result"),
    [
        pytest.param({"labels": {"a": "1"}}, {"labels": {"b": "2"}}, {"labels": {"a": "1", "b": "2"}}, id="maps merge"),
        pytest.param(
            {"labels": {"a": "1", "b": "2"}}, {"labels": {"a": None}}, {"labels": {"b": "2"}}, id="null deletes"
        ),
        pytest.param({"labels": {"a": "1"}}, {"labels": None}, {}, id="null deletes a map"),
        pytest.param({}, {"labels": {"a": None, "b": "1"}}, {"labels": {"b": "1"}}, id="unmatched nulls vanish"),
        pytest.param(
            {"labels": {"a": "1"}},
            {"labels": {"$patch": "replace", "b": "2"}},
            {"labels": {"b": "2"}},
            id="replace a map",
        ),
        pytest.param(
            {"labels": {"a": "1"}}, {"labels": {"$patch": "delete"}}, {"labels": {}}, id="delete empties a map"
        ),
        pytest.param(
            {"labels": {"a": "1"}},
            {"labels": {"$patch": "merge", "b": "2"}},
            {"labels": {"a": "1", "b": "2"}},
            id="merge a map explicitly",
        ),
        pytest.param(
            {"labels": {"a": "1"}}, {"$patch": "replace", "name": "x"}, {"name": "x"}, id="replace the object"
        ),
        pytest.param(
            {"finalizers": ["a", "b", "c"]},
            {"finalizers": ["d", "b"]},
            {"finalizers": ["d", "a", "b", "c"]},
            id="scalars are a set",
        ),
        pytest.param(
            {"finalizers": ["a", "b"]},
            {"$deleteFromPrimitiveList/finalizers": ["a", "x"]},
            {"finalizers": ["b"]},
            id="scalars are deleted by their own list",
        ),
        pytest.param({}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {}, id="deleting scalars from nothing"),
        pytest.param(
            {"finalizers": ["a", "b", "c"]},
            {
                "finalizers": ["d"],
                "$deleteFromPrimitiveList/finalizers": ["b"],
                "$setElementOrder/finalizers": ["d", "c", "a"],
            },
            {"finalizers": ["d", "c", "a"]},
            id="scalars added, deleted and ordered",
        ),
        pytest.param(
            {"unknown": {"a": [1], "b": 1}},
            {"unknown": {"a": [2], "b": None}},
            {"unknown": {"a": [2]}},
            id="unknown fields merge plainly",
        ),
        pytest.param({"name": "a"}, {"name": {"b": 1}}, {"name": {"b": 1}}, id="another type replaces"),
    ],
)
def test_maps_and_scalars(tree: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((tree, patch))
    assert strategic.apply(tree, patch, METADATA) == result
    assert (tree, patch) == before


@pytest.mark.parametrize(
    ("tree", "patch", "result"),
    [
        pytest.param(
            {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]},
            {"containers": [{"name": "b", "image": "2"}]},
            {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]},
            id="elements merge by their key",
        ),
        pytest.param(
            {"containers": named("a")},
            {"containers": [{"name": "b", "image": None, "args": ["x"]}]},
            {"containers": [{"name": "b", "args": ["x"]}, {"name": "a"}]},
            id="new elements stand before those only the server has",
        ),
        pytest.param(
            {"containers": named("a", "b", "c")},
            {"containers": [{"name": "b", "$patch": "delete"}, {"name": "x", "$patch": "delete"}]},
            {"containers": named("a", "c")},
            id="delete an element",
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "1"}]},
            {"containers": [{"$patch": "replace"}, {"name": "b", "image": "2"}]},
            {"containers": [{"name": "b", "image": "2"}]},
            id="replace the list",
        ),
        pytest.param(
            {"containers": [{"name": "a", "image": "1", "args": ["x"]}]},
            {"containers": [{"name": "a", "args": ["y"]}]},
            {"containers": [{"name": "a", "image": "1", "args": ["y"]}]},
            id="atomic lists are replaced",
        ),
        pytest.param(
            {"tolerations": [{"key": "a"}]},
            {"tolerations": [{"key": "b"}]},
            {"tolerations": [{"key": "b"}]},
            id="atomic lists of maps are replaced",
        ),
        pytest.param(
            {"nodeSelector": {"a": "1"}},
            {"nodeSelector": {"b": "2"}},
            {"nodeSelector": {"a": "1", "b": "2"}},
            id="atomic maps still merge here",
        ),
        pytest.param({"containers": named("a")}, {"containers": []}, {"containers": named("a")}, id="nothing to merge"),
        pytest.param({"containers": named("a")}, {"containers": None}, {}, id="null deletes a list"),
        pytest.param(
            {},
            {"containers": [{"name": "a"}, {"name": "b", "$patch": "delete"}]},
            {"containers": named("a")},
            id="a new list keeps no directives",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "emptyDir": {}}]},
            {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/x"}}]},
            {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]},
            id="retainKeys clears what is not listed",
        ),
        pytest.param(
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "web"}]}]},
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}]}]},
            {"containers": [{"name": "a", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}]}]},
            id="lists inside elements",
        ),
    ],
)
def test_lists_of_maps(tree: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((tree, patch))
    assert strategic.apply(tree, patch, POD_SPEC) == result
    assert (tree, patch) == before


@pytest.mark.parametrize(
    ("live", "changes", "order", "result"),
    [
        ("a b c", None, "c b a", "c b a"),
        ("a b c", None, "c a", "b c a"),
        ("s a t b u", None, "b a", "s t b a u"),
        ("a b", "c", "a c b", "a c b"),
        ("a server b", "c", "b a c", "server b a c"),
        ("a b", "c -b", "c a", "c a"),
        ("", "b a", "b a", "b a"),
        ("a b", None, "x b a", "b a"),
    ],
)
def test_set_element_order(live: str, changes: str | None, order: str, result: str) -> None:
    """Elements in the order asked for; those only the server knows keep their place before what follows them."""
    patch: dict[str, Any] = {"$setElementOrder/containers": named(*order.split())}
    if changes is not None:
        patch["containers"] = [
            {"name": name.removeprefix("-"), **({"$patch": "delete"} if name.startswith("-") else {})}
            for name in changes.split()
        ]
    tree = {"containers": named(*live.split())} if live else {}
    assert strategic.apply(tree, patch, POD_SPEC) == {"containers": named(*result.split())}


@pytest.mark.parametrize(
    ("patch", "error", "message"),
    [
        ([], MalformedPatch, "a strategic merge patch is a JSON object"),
        ({"$retainKeys": "a"}, MalformedPatch, "invalid patch format of retainKeys"),
        ({"$retainKeys": ["volumes"], "containers": []}, MalformedPatch, "invalid patch format of retainKeys"),
        ({"$setElementOrder/containers": {}}, MalformedPatch, "invalid patch format of setElementOrder list"),
        ({"$deleteFromPrimitiveList/containers": "a"}, MalformedPatch, "invalid patch format of primitive list"),
        ({"$patch": "x"}, InapplicablePatch, 'unknown patch type: x in map: {"$patch": "x"}'),
        (
            {"containers": [{"$patch": "x"}]},
            InapplicablePatch,
            'unknown patch type: x in map: {"$patch": "x"}',
        ),
        (
            {"containers": [{"image": "x"}]},
            InapplicablePatch,
            "map: map[image:x] does not contain declared merge key: name",
        ),
        ({"containers": ["x"]}, InapplicablePatch, "list element types are not identical"),
        ({"containers": [["x"]]}, InapplicablePatch, "lists of lists are not supported"),
        (
            {"$setElementOrder/containers": named("a", "b"), "containers": named("b", "a")},
            InapplicablePatch,
            "The order in patch list:\n",
        ),
        (
            {"$setElementOrder/containers": named("a"), "containers": "x"},
            InapplicablePatch,
            'expected a list in field containers, but received "x"',
        ),
    ],
)
def test_refusals(patch: Any, error: type[PatchError], message: str) -> None:
    with pytest.raises(error) as raised:
        strategic.apply({"containers": named("a")}, patch, POD_SPEC)
    assert str(raised.value).startswith(message)


LIVE: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "annotations": {"a": "1"}, "resourceVersion": "7"},
    "spec": {
        "replicas": 3,
        "template": {
            "metadata": {"labels": {"app": "nginx"}},
            "spec": {
                "containers": [
                    {"name": "nginx", "image": "nginx:1.7.9", "env": [{"name": "A", "value": "1"}], "args": ["-g"]},
                    {"name": "sidecar", "image": "s:1"},
                ],
                "restartPolicy": "Always",
            },
        },
    },
}


def template(changes: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": changes}}


@pytest.mark.parametrize(
    ("patch", "path", "result"),
    [
        pytest.param(
            template(
                {
                    "spec": {
                        "$setElementOrder/containers": named("nginx", "sidecar"),
                        "containers": [{"name": "nginx", "image": "nginx:1.8"}],
                    }
                }
            ),
            "spec template spec containers 0",
            {"name": "nginx", "image": "nginx:1.8", "env": [{"name": "A", "value": "1"}], "args": ["-g"]},
            id="kubectl set image",
        ),
        pytest.param(
            template(
                {
                    "spec": {
                        "$setElementOrder/containers": named("nginx"),
                        "containers": [
                            {
                                "$setElementOrder/env": [{"name": "B"}],
                                "env": [{"name": "B", "value": "2"}, {"$patch": "delete", "name": "A"}],
                                "name": "nginx",
                            }
                        ],
                    }
                }
            ),
            "spec template spec containers 0 env",
            [{"name": "B", "value": "2"}],
            id="kubectl set env",
        ),
        pytest.param(
            template({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T05:12:00Z"}}}),
            "spec template metadata",
            {
                "labels": {"app": "nginx"},
                "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-23T05:12:00Z"},
            },
            id="kubectl rollout restart",
        ),
        pytest.param(
            {"metadata": {"annotations": {"a": None, "b": "2"}}, "spec": {"replicas": 5}},
            "metadata",
            {"name": "web", "annotations": {"b": "2"}, "resourceVersion": "7"},
            id="kubectl apply",
        ),
        pytest.param(
            template({"$patch": "replace", "metadata": {"labels": {"x": "y"}}, "spec": {"containers": named("c")}}),
            "spec template",
            {"metadata": {"labels": {"x": "y"}}, "spec": {"containers": named("c")}},
            id="kubectl rollout undo",
        ),
    ],
)
def test_patches_that_clients_send(patch: Any, path: str, result: Any) -> None:
    outcome: Any = strategic.apply(LIVE, patch, STATEFUL_SET)
    for part in path.split():
        outcome = outcome[int(part)] if isinstance(outcome, list) else outcome[part]
    assert outcome == result


@pytest.mark.parametrize(
    ("original", "modified", "patch"),
    [
        ({"labels": {"a": "1"}}, {"labels": {"a": "1"}}, {}),
        ({"labels": {"a": "1", "b": "2"}}, {"labels": {"a": "2"}}, {"labels": {"a": "2", "b": None}}),
        ({"labels": {"a": "1"}}, {}, {"labels": None}),
        (
            {"finalizers": ["a", "b"]},
            {"finalizers": ["c", "b"]},
            {
                "$setElementOrder/finalizers": ["c", "b"],
                "$deleteFromPrimitiveList/finalizers": ["a"],
                "finalizers": ["c"],
            },
        ),
        (
            {"ownerReferences": [{"uid": "1", "name": "x"}, {"uid": "2"}]},
            {"ownerReferences": [{"uid": "3"}, {"uid": "1", "name": "y"}]},
            {
                "$setElementOrder/ownerReferences": [{"uid": "3"}, {"uid": "1"}],
                "ownerReferences": [{"uid": "3"}, {"uid": "1", "name": "y"}, {"uid": "2", "$patch": "delete"}],
            },
        ),
        (
            {"ownerReferences": [{"uid": "1"}]},
            {"ownerReferences": []},
            {"ownerReferences": [{"uid": "1", "$patch": "delete"}]},
        ),
        (
            {"ownerReferences": [{"uid": "1"}]},
            {"ownerReferences": [{"uid": "2"}, {"uid": "2"}]},
            {"ownerReferences": [{"$patch": "replace"}, {"uid": "2"}, {"uid": "2"}]},
        ),
    ],
)
def test_diff_is_what_kubectl_would_send(original: Any, modified: Any, patch: Any) -> None:
    assert strategic.diff(original, modified, METADATA) == patch
    assert strategic.apply(original, patch, METADATA) == modified


def test_diff_retains_keys_where_the_schema_says_so() -> None:
    original = {"volumes": [{"name": "v", "emptyDir": {}}]}
    modified = {"volumes": [{"name": "v", "hostPath": {"path": "/x"}}]}
    patch = strategic.diff(original, modified, POD_SPEC)
    assert patch["volumes"] == [
        {"name": "v", "emptyDir": None, "hostPath": {"path": "/x"}, "$retainKeys": ["hostPath", "name"]}
    ]
    assert strategic.apply(original, patch, POD_SPEC) == modified
