"""Laws of the patches, whatever the objects."""

import copy
from typing import Any

from hypothesis import given, settings
from tests.property.trees import trees

from petset.api import types
from petset.api.patch import json_patch, merge, strategic
from petset.api.schema import Node, schema_of

METADATA = schema_of(types.ObjectMeta)
POD_SPEC = schema_of(types.PodSpec)
STATEFUL_SET = schema_of(types.StatefulSet)


def check_diff(original: Any, modified: Any, schema: Node) -> None:
    before = copy.deepcopy((original, modified))
    patch = strategic.diff(original, modified, schema)
    assert strategic.apply(original, patch, schema) == modified
    assert (original, modified) == before
    assert strategic.diff(modified, modified, schema) == {}


@given(trees(METADATA), trees(METADATA))
def test_a_strategic_diff_leads_from_one_metadata_to_the_other(original: Any, modified: Any) -> None:
    check_diff(original, modified, METADATA)


@given(trees(POD_SPEC), trees(POD_SPEC))
def test_a_strategic_diff_leads_from_one_pod_spec_to_the_other(original: Any, modified: Any) -> None:
    check_diff(original, modified, POD_SPEC)


@settings(max_examples=50)
@given(trees(STATEFUL_SET), trees(STATEFUL_SET), trees(STATEFUL_SET))
def test_a_strategic_patch_applied_twice_is_applied_once(live: Any, original: Any, modified: Any) -> None:
    patch = strategic.diff(original, modified, STATEFUL_SET)
    once = strategic.apply(live, patch, STATEFUL_SET)
    assert strategic.apply(once, patch, STATEFUL_SET) == once


@given(trees(POD_SPEC), trees(POD_SPEC))
def test_a_merge_patch_applied_twice_is_applied_once(tree: Any, patch: Any) -> None:
    before = copy.deepcopy((tree, patch))
    once = merge.apply(tree, patch)
    assert merge.apply(once, patch) == once
    assert merge.apply({}, patch) == patch
    assert (tree, patch) == before


@given(trees(POD_SPEC), trees(POD_SPEC))
def test_a_json_patch_that_sets_every_field_makes_the_other_object(original: Any, modified: Any) -> None:
    before = copy.deepcopy(original)
    removals = [{"op": "remove", "path": f"/{key}"} for key in original]
    additions = [{"op": "add", "path": f"/{key}", "value": value} for key, value in modified.items()]
    assert json_patch.apply(original, removals + additions) == modified
    assert original == before
