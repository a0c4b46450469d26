"""Laws of the patches, whatever the objects."""

import copy
from typing import Any

import msgspec
from hypothesis import assume, given, settings

from petset.api import fieldpath, types
from petset.api.patch import json_patch, merge, strategic
from petset.api.patch.apply import apply
from petset.api.patch.fields import compare
from petset.api.patch.managed_fields import Writer, track_create, track_update, tracked
from petset.api.schema import Node, schema_of
from tests.property.trees import trees

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


WRITERS = [Writer("a", "apps/v1", "1"), Writer("b", "apps/v1", "2")]
configurations = trees(STATEFUL_SET).map(lambda tree: {key: tree[key] for key in tree if key != "status"})


def owners(tree: Any) -> dict[str, Any]:
    entries = tree.get("metadata", {}).get("managedFields", [])
    return {f"{entry['operation']} {entry['manager']}": entry["fieldsV1"] for entry in entries}


@settings(max_examples=60)
@given(trees(STATEFUL_SET), configurations)
def test_applying_twice_is_applying_once(live: Any, config: Any) -> None:
    once = apply(live, config, STATEFUL_SET, WRITERS[0], force=True)
    assume(owners(once))  # lists of nothing are nobody's, and here they are still there
    assert apply(once, config, STATEFUL_SET, WRITERS[0]) == once


@settings(max_examples=60)
@given(configurations, configurations)
def test_a_sole_applier_gets_what_it_applied_last(first: Any, second: Any) -> None:
    before = apply(None, first, STATEFUL_SET, WRITERS[0])
    assume(owners(before))  # who named nothing is nobody's applier; what is there then is older than any apply
    live = apply(before, second, STATEFUL_SET, WRITERS[0])
    anew = apply(None, second, STATEFUL_SET, WRITERS[0])
    assert owners(live) == owners(anew)
    assert filled(live.get("spec")) == filled(anew.get("spec"))


def filled(value: Any) -> Any:
    """Without lists and maps of nothing, which mean nothing in an object."""
    if isinstance(value, dict):
        kept = {key: filled(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    return [filled(item) for item in value] if isinstance(value, list) else value


@settings(max_examples=60)
@given(configurations, configurations)
def test_after_force_nobody_else_owns_what_was_changed(first: Any, second: Any) -> None:
    before = apply(None, first, STATEFUL_SET, WRITERS[0])
    after = apply(before, second, STATEFUL_SET, WRITERS[1], force=True)
    changed, removed = compare(before, after, STATEFUL_SET)
    kept = owners(after).get("Apply a", {})
    assert fieldpath.difference(kept, owners(before).get("Apply a", {})) == {}
    assert fieldpath.intersection(kept, tracked(changed)) == {}
    assert fieldpath.difference(kept, removed) == kept


@settings(max_examples=60)
@given(trees(STATEFUL_SET), trees(STATEFUL_SET))
def test_an_updater_owns_what_it_changed_and_nobody_else_does(old: Any, new: Any) -> None:
    old = {
        **old,
        "metadata": {**old.get("metadata", {}), "managedFields": track_update(None, old, STATEFUL_SET, WRITERS[0])},
    }
    entries = track_update(old, new, STATEFUL_SET, WRITERS[1])
    changed, removed = compare(old, new, STATEFUL_SET)
    owned = owners({"metadata": {"managedFields": entries}})
    assert owned.get("Update b", {}) == tracked(changed)
    assert fieldpath.intersection(owned.get("Update a", {}), changed) == {}
    assert fieldpath.difference(owned.get("Update a", {}), removed) == owned.get("Update a", {})


@settings(max_examples=60)
@given(trees(STATEFUL_SET))
def test_a_creator_owns_what_an_updater_of_nothing_would(new: Any) -> None:
    new.get("metadata", {}).pop("managedFields", None)
    created = track_create(msgspec.json.encode(new), STATEFUL_SET, WRITERS[0])
    assert msgspec.json.encode(created) == msgspec.json.encode(track_update(None, new, STATEFUL_SET, WRITERS[0]))


@given(trees(POD_SPEC), trees(POD_SPEC))
def test_comparing_finds_something_exactly_when_items_differ(old: Any, new: Any) -> None:
    assert compare(old, old, POD_SPEC) == ({}, {})
    changed, removed = compare(old, new, POD_SPEC)
    back_changed, back_removed = compare(new, old, POD_SPEC)
    assert bool(changed or removed) == bool(back_changed or back_removed)
