"""Sets of fields: algebra on FieldsV1, and paths as people read them."""

import copy

import pytest

from petset.api import fieldpath
from petset.api.fieldpath import Fields

A: Fields = {}
WITH_B: Fields = {".": {}, "f:b": {}}
ONLY_B: Fields = {"f:b": {}}


@pytest.mark.parametrize(
    ("left", "right", "union", "difference", "intersection"),
    [
        ({}, {}, {}, {}, {}),
        ({"f:a": A}, {}, {"f:a": A}, {"f:a": A}, {}),
        ({}, {"f:a": A}, {"f:a": A}, {}, {}),
        ({"f:a": A}, {"f:a": A}, {"f:a": A}, {}, {"f:a": A}),
        ({"f:a": A}, {"f:c": A}, {"f:a": A, "f:c": A}, {"f:a": A}, {}),
        ({"f:a": A}, {"f:a": ONLY_B}, {"f:a": WITH_B}, {"f:a": A}, {}),
        ({"f:a": ONLY_B}, {"f:a": A}, {"f:a": WITH_B}, {}, {}),
        ({"f:a": WITH_B}, {"f:a": ONLY_B}, {"f:a": WITH_B}, {"f:a": A}, {"f:a": ONLY_B}),
        ({"f:a": A}, {"f:a": WITH_B}, {"f:a": WITH_B}, {}, {"f:a": A}),
        ({"f:a": WITH_B}, {"f:a": WITH_B}, {"f:a": WITH_B}, {}, {"f:a": WITH_B}),
        (
            {"f:a": {"f:b": A, "f:c": A}},
            {"f:a": ONLY_B},
            {"f:a": {"f:b": A, "f:c": A}},
            {"f:a": {"f:c": A}},
            {"f:a": ONLY_B},
        ),
    ],
)
def test_algebra(left: Fields, right: Fields, union: Fields, difference: Fields, intersection: Fields) -> None:
    before = copy.deepcopy((left, right))
    assert fieldpath.union(left, right) == union
    assert fieldpath.difference(left, right) == difference
    assert fieldpath.intersection(left, right) == intersection
    assert (left, right) == before


def test_what_changes_nothing_costs_nothing() -> None:
    fields: Fields = {"f:a": {"f:b": {}, "f:c": {}}}
    assert fieldpath.union(fields, {"f:a": {"f:b": {}}}) is fields
    assert fieldpath.difference(fields, {"f:a": {"f:x": {}}, "f:y": {}}) is fields


def test_paths_are_readable_and_name_members_before_what_is_below() -> None:
    fields: Fields = {
        "f:spec": {
            "f:template": {
                'k:{"name":"web","z":1}': {".": {}, "f:image": {}},
                'k:{"z":true,"a":"x"}': {},
            },
            "f:replicas": {},
        },
        "f:metadata": {'v:"a/b"': {}, "v:1": {}, "i:3": {}},
    }
    assert list(fieldpath.paths(fields)) == [
        ".metadata[=1]",
        '.metadata[="a/b"]',
        ".metadata[3]",
        ".spec.replicas",
        '.spec.template[a="x",z=true]',
        '.spec.template[name="web",z=1]',
        '.spec.template[name="web",z=1].image',
    ]


def test_elements_stand_in_upstreams_order() -> None:
    ordered = [
        ".",
        "f:B",
        "f:a",
        'k:{"containerPort":80,"protocol":"TCP"}',
        'k:{"containerPort":443,"protocol":"TCP"}',
        'k:{"containerPort":443,"protocol":"UDP"}',
        'k:{"name":"a"}',
        "v:9",
        "v:10",
        'v:"a"',
        "v:true",
        "i:2",
        "i:10",
    ]
    left = dict.fromkeys(ordered[::-2], A)
    joined = fieldpath.union(left, dict.fromkeys(ordered[-2::-2], A))
    assert list(joined) == ordered


def test_what_a_client_made_up_stands_somewhere() -> None:
    made_up = ["", "kv:a", "k:made up", f"v:{'[' * 5000}", "vi:1", "x"]
    ordered = fieldpath.in_order(dict.fromkeys([*made_up, 'k:{"name":"a"}', "v:1", "i:1"], A))
    assert list(ordered)[-1] == "i:1"
    assert len(ordered) == len(made_up) + 3


@pytest.mark.parametrize(
    ("tree", "readable"),
    [
        ({}, True),
        ({"f:spec": {".": {}, 'k:{"name":"a"}': {"v:1": {}, "i:1": {}}}}, True),
        ([], False),
        ({"f:spec": None}, False),
        ({"f:spec": {"x:y": {}}}, False),
        ({"kv:1": {}}, False),
        ({"": {}}, False),
        ({"k:1": {}}, False),
        ({"v:": {}}, False),
        ({f"v:{'[' * 5000}": {}}, False),
    ],
)
def test_what_a_client_sends_is_a_set_or_is_not(tree: object, readable: bool) -> None:
    assert fieldpath.is_readable(tree) is readable


def test_elements_of_items_are_written_in_one_way() -> None:
    assert fieldpath.key_element({"protocol": "TCP", "containerPort": 80}) == 'k:{"containerPort":80,"protocol":"TCP"}'
    assert fieldpath.value_element("x") == 'v:"x"'
