"""The catalogue: every kind is complete, and is found by the names people type."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from petset.api.resources import Resource
from petset.kinds import CATALOGUE

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "plural"),
    [
        ("pods", "pods"),
        ("pod", "pods"),
        ("po", "pods"),
        ("Pod", "pods"),
        ("sts", "statefulsets"),
        ("statefulset.apps", "statefulsets"),
        ("statefulsets.v1.apps", "statefulsets"),
        ("pvc", "persistentvolumeclaims"),
        ("pv", "persistentvolumes"),
        ("sc", "storageclasses"),
        ("svc", "services"),
        ("ep", "endpoints"),
        ("no", "nodes"),
        ("ns", "namespaces"),
        ("cm", "configmaps"),
        ("sa", "serviceaccounts"),
        ("limits", "limitranges"),
        ("quota", "resourcequotas"),
        ("pdb", "poddisruptionbudgets"),
        ("pc", "priorityclasses"),
        ("netpol", "networkpolicies"),
        ("ing", "ingresses"),
        ("hpa", "horizontalpodautoscalers"),
        ("ingressclass", "ingressclasses"),
    ],
)
def test_finds_by_name(text: str, plural: str) -> None:
    resource = CATALOGUE.find(text)
    assert resource is not None
    assert resource.plural == plural


def test_finds_events_in_either_group() -> None:
    assert [resource.group for text in ("ev", "events.events.k8s.io") if (resource := CATALOGUE.find(text))] == [
        "",
        "events.k8s.io",
    ]


@pytest.mark.parametrize("text", ["", "deployments", "pods.apps", "statefulsets.v2.apps"])
def test_does_not_find_what_is_not_served(text: str) -> None:
    assert CATALOGUE.find(text) is None


def test_all_stands_for_the_workload() -> None:
    assert [resource.plural for resource in CATALOGUE.in_category("all")] == [
        "pods",
        "services",
        "statefulsets",
        "horizontalpodautoscalers",
    ]


@pytest.mark.parametrize("resource", CATALOGUE.resources, ids=lambda resource: resource.collection)
def test_every_kind_copes_with_an_empty_object(resource: Resource[Any]) -> None:
    obj, old = resource.type(), resource.type()
    for each in (obj, old):
        resource.strategy.default(each)
        resource.strategy.prepare_create(each)
    once = msgspec.json.encode(obj)
    resource.strategy.default(obj)
    assert msgspec.json.encode(obj) == once
    resource.strategy.prepare_update(obj, old)
    assert resource.strategy.validate_update(obj, old) == resource.strategy.validate_update(old, old)
    assert all(isinstance(column.cell(obj, NOW), str | int | None) for column in resource.columns)
    assert all(isinstance(value, str) for value in resource.fields(obj).values())


@pytest.mark.parametrize("resource", CATALOGUE.resources, ids=lambda resource: resource.collection)
def test_every_kind_is_found_by_type_url_and_manifest(resource: Resource[Any]) -> None:
    assert CATALOGUE.of(resource.type) is resource
    assert CATALOGUE.at(resource.group, resource.version, resource.plural) is resource
    assert CATALOGUE.named(resource.group_version, resource.kind) is resource
    shown = resource.type()
    assert (shown.api_version, shown.kind) == (resource.group_version, resource.kind)
