"""JSON patch: RFC 6902 on objects, and what is said when it does not fit."""

import copy
from typing import Any

import pytest

from petset.api.patch import json_patch
from petset.api.patch.errors import InapplicablePatch, MalformedPatch
from petset.api.patch.json_patch import TooManyOperations

TREE = {"metadata": {"labels": {"app": "web", "a/b": "c"}}, "spec": {"containers": [{"name": "a"}, {"name": "b"}]}}


@pytest.mark.parametrize(
    ("operations", "path", "value"),
    [
        ([], "", TREE),
        ([{"op": "add", "path": "/metadata/labels/tier", "value": "x"}], "metadata labels tier", "x"),
        ([{"op": "replace", "path": "/spec/containers/0/name", "value": "c"}], "spec containers 0 name", "c"),
        ([{"op": "remove", "path": "/spec/containers/0"}], "spec containers", [{"name": "b"}]),
        ([{"op": "add", "path": "/spec/containers/-", "value": {"name": "c"}}], "spec containers 2 name", "c"),
        ([{"op": "move", "from": "/spec/containers/1", "path": "/spec/containers/0"}], "spec containers 0 name", "b"),
        ([{"op": "copy", "from": "/metadata/labels", "path": "/spec/x"}], "spec x app", "web"),
        ([{"op": "remove", "path": "/metadata/labels/a~1b"}], "metadata labels", {"app": "web"}),
        (
            [
                {"op": "test", "path": "/metadata/labels/app", "value": "web"},
                {"op": "replace", "path": "/metadata/labels/app", "value": "db"},
            ],
            "metadata labels app",
            "db",
        ),
    ],
)
def test_operations_apply_in_order(operations: list[Any], path: str, value: Any) -> None:
    before = copy.deepcopy(TREE)
    result: Any = json_patch.apply(TREE, operations)
    for part in path.split():
        result = result[int(part)] if isinstance(result, list) else result[part]
    assert result == value
    assert before == TREE


def test_the_result_shares_nothing_with_the_operations() -> None:
    operations: list[Any] = [
        {"op": "add", "path": "/x", "value": {"y": 1}},
        {"op": "replace", "path": "/x/y", "value": 2},
    ]
    assert json_patch.apply({}, operations) == {"x": {"y": 2}}
    assert operations[0]["value"] == {"y": 1}


@pytest.mark.parametrize(
    "operations",
    [{"op": "add"}, "x", [1], [None], [{"op": ["add"], "path": "/a"}], [{"op": "add", "path": 1, "value": 1}]],
)
def test_what_is_no_list_of_operations_is_malformed(operations: Any) -> None:
    with pytest.raises(MalformedPatch):
        json_patch.apply(TREE, operations)


@pytest.mark.parametrize("operation", [{"op": "add"}, {"op": "jump", "path": "/a"}, {"op": "add", "path": "/a"}, {}])
def test_an_operation_that_lacks_something_does_not_apply(operation: Any) -> None:
    with pytest.raises(InapplicablePatch):
        json_patch.apply(TREE, [operation])


def test_a_member_that_is_replaced_need_not_be_there() -> None:
    """As upstream's library has it; in a list it has to."""
    assert json_patch.apply({}, [{"op": "replace", "path": "/a", "value": 1}]) == {"a": 1}
    with pytest.raises(InapplicablePatch):
        json_patch.apply({"a": []}, [{"op": "replace", "path": "/a/0", "value": 1}])


def test_too_many_operations_are_too_much() -> None:
    with pytest.raises(TooManyOperations, match="got 10001"):
        json_patch.apply({}, [{"op": "test", "path": "/a", "value": 1}] * 10_001)


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        (
            {"op": "test", "path": "/metadata/labels/app", "value": "db"},
            "testing value /metadata/labels/app failed: test failed",
        ),
        ({"op": "remove", "path": "/spec/x"}, "remove operation does not apply: /spec/x: "),
        (
            {"op": "replace", "path": "/spec/containers/7", "value": 1},
            "replace operation does not apply: /spec/containers/7: ",
        ),
        ({"op": "add", "path": "/no/where", "value": 1}, "add operation does not apply: /no/where: "),
        ({"op": "replace", "path": "", "value": 1}, "the patch leaves no JSON object"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_path(operation: Any, message: str) -> None:
    with pytest.raises(InapplicablePatch) as raised:
        json_patch.apply(TREE, [operation])
    assert str(raised.value).startswith(message)


def test_copies_of_copies_are_bounded() -> None:
    doubling = {"op": "copy", "from": "", "path": "/copy"}
    with pytest.raises(InapplicablePatch, match="copies of the patch are larger than"):
        json_patch.apply({"text": "x" * 1000}, [doubling] * 100)


def test_nesting_is_bounded() -> None:
    deeper = [{"op": "add", "path": "/a" * level, "value": {}} for level in range(1, 300)]
    with pytest.raises(InapplicablePatch, match="max depth"):
        json_patch.apply({}, deeper)
    with pytest.raises(InapplicablePatch, match=r"nests too deep|max depth"):
        json_patch.apply({}, [*deeper, {"op": "copy", "from": "/a", "path": "/b"}])


def test_operations_are_counted() -> None:
    with pytest.raises(MalformedPatch, match="maximum operations in a JSON patch is 10000, got 10001"):
        json_patch.apply(TREE, [{"op": "test", "path": "/spec"}] * 10_001)
