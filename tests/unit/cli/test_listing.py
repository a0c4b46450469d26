import json
from typing import Any

import yaml

from petset.api.meta import Key
from petset.cli import listing
from petset.cli.references import Reference, resource_named
from petset.cli.tables import aligned

PODS = Reference(resource_named("pods"))
TABLE: dict[str, Any] = {
    "columnDefinitions": [
        {"name": "Name", "priority": 0},
        {"name": "Restarts", "priority": 0},
        {"name": "Node", "priority": 1},
    ],
    "rows": [
        {"cells": ["web-0", 0, "vm"], "object": {"metadata": {"name": "web-0", "namespace": "default"}}},
        {"cells": ["web-1", None, "vm"], "object": {"metadata": {"name": "web-1", "namespace": "prod"}}},
    ],
}
COLUMNS = TABLE["columnDefinitions"]
POD: dict[str, Any] = {"metadata": {"name": "web-0", "managedFields": [{"manager": "x"}]}, "spec": {"a": "é"}}


def test_columns_of_priority_are_for_wide_output() -> None:
    assert listing.header_of(TABLE, wide=False, namespaces=False) == ["NAME", "RESTARTS"]
    assert listing.header_of(TABLE, wide=True, namespaces=True) == ["NAMESPACE", "NAME", "RESTARTS", "NODE"]
    assert listing.rows_of(TABLE, COLUMNS, wide=False, namespaces=False) == [["web-0", "0"], ["web-1", ""]]


def test_rows_of_several_namespaces_and_kinds_say_so() -> None:
    rows = listing.rows_of(TABLE, COLUMNS, wide=False, namespaces=True, prefix="pod/")
    assert rows == [["default", "pod/web-0", "0"], ["prod", "pod/web-1", ""]]


def test_columns_stand_below_each_other() -> None:
    assert aligned([["NAME", "AGE"], ["web-0", "5s"]]) == ["NAME    AGE", "web-0   5s"]


def test_a_cell_may_have_several_lines() -> None:
    assert aligned([["a\nb", "x"], ["c", "y"]]) == ["a   x", "b", "c   y"]


def test_rows_that_come_later_keep_the_width_of_earlier_ones() -> None:
    widths = listing.Widths()
    assert widths.lines([["NAME", "AGE"], ["web-0", "5s"]]) == ["NAME    AGE", "web-0   5s"]
    assert widths.lines([["w", "6s"]]) == ["w       6s"]
    assert widths.lines([]) == []


def test_objects_are_shown_without_managed_fields() -> None:
    (shown,) = listing.items_of(Reference(PODS.resource, "web-0"), POD)
    assert shown == {"metadata": {"name": "web-0"}, "spec": {"a": "é"}}


def test_items_of_a_list_get_their_kind() -> None:
    (shown,) = listing.items_of(PODS, {"items": [POD]})
    assert (shown["apiVersion"], shown["kind"]) == ("v1", "Pod")


def test_one_object_is_shown_as_it_is_and_several_as_a_list() -> None:
    assert yaml.safe_load(listing.render([POD], "yaml", single=True)) == POD
    assert json.loads(listing.render([POD, POD], "json", single=False)) == {
        "apiVersion": "v1",
        "items": [POD, POD],
        "kind": "List",
        "metadata": {},
    }
    assert "é" in listing.render([POD], "json", single=True)


def test_what_is_said_when_there_is_nothing() -> None:
    assert listing.nothing_found("default", [PODS]) == "No resources found in default namespace."
    assert listing.nothing_found("", [PODS]) == "No resources found"
    assert listing.nothing_found("default", [Reference(resource_named("pv"))]) == "No resources found"


def test_objects_of_the_cluster_are_in_no_namespace() -> None:
    assert listing.key_in(Reference(resource_named("pv"), "disk"), "default") == Key("", "disk")
    assert listing.key_in(Reference(PODS.resource, "web-0"), "prod") == Key("prod", "web-0")
