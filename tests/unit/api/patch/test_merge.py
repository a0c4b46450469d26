"""JSON merge patch: the table of RFC 7386's appendix, on objects."""

import copy
from typing import Any

import pytest

from petset.api.patch import merge
from petset.api.patch.errors import MalformedPatch


@pytest.mark.parametrize(
    ("tree", "patch", "result"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": "b"}, {"a": {"c": None, "d": 1}}, {"a": {"d": 1}}),
    ],
)
def test_merge_patch(tree: Any, patch: Any, result: Any) -> None:
    before = copy.deepcopy((tree, patch))
    assert merge.apply(tree, patch) == result
    assert (tree, patch) == before


@pytest.mark.parametrize("patch", [["c"], "bar", None, 1])
def test_a_patch_of_an_object_is_an_object(patch: Any) -> None:
    with pytest.raises(MalformedPatch):
        merge.apply({"a": "b"}, patch)
