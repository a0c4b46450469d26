"""What clients learn about the server before they ask for anything."""

from typing import Any

import msgspec
import pytest

from petset.apiserver.discovery import Discovery
from petset.kinds import CATALOGUE

DISCOVERY = Discovery(CATALOGUE)


def plain(path: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(DISCOVERY.plain[path])
    return found


def aggregated(path: str, version: str = "v2") -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(DISCOVERY.aggregated(path, version))
    return found


def test_the_version_is_one_that_kubectl_reads() -> None:
    version = plain("/version")
    assert (version["major"], version["minor"]) == ("1", "37")
    assert version["gitVersion"].startswith("v1.37.0-petset.")


def test_the_core_group_has_one_version() -> None:
    core = msgspec.json.decode(DISCOVERY.core_versions("127.0.0.1:6443"))
    assert core["versions"] == ["v1"]
    assert core["serverAddressByClientCIDRs"] == [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1:6443"}]


def test_the_form_in_which_objects_are_stored_has_a_name() -> None:
    hashes = {
        (version, entry["name"]): entry.get("storageVersionHash")
        for version in ("/api/v1", "/apis/events.k8s.io/v1", "/apis/authorization.k8s.io/v1")
        for entry in plain(version)["resources"]
    }
    assert hashes["/api/v1", "configmaps"] == "qFsyl6wFWjQ="
    assert hashes["/api/v1", "pods/status"] is None
    assert hashes["/apis/events.k8s.io/v1", "events"] == hashes["/api/v1", "events"] == "r2yiGXH7wu8="
    assert hashes["/apis/authorization.k8s.io/v1", "subjectaccessreviews"] is None


def test_every_group_is_found_on_its_own_and_in_the_list() -> None:
    groups = plain("/apis")["groups"]
    assert {group["name"] for group in groups} == {resource.group for resource in CATALOGUE.resources} - {""}
    for group in groups:
        alone = plain(f"/apis/{group['name']}")
        assert (alone["kind"], alone["preferredVersion"]) == ("APIGroup", group["preferredVersion"])


def test_every_resource_is_listed_where_it_is_served() -> None:
    for resource in CATALOGUE.resources:
        path = f"/apis/{resource.group_version}" if resource.group else f"/api/{resource.version}"
        listed = {entry["name"]: entry for entry in plain(path)["resources"]}
        entry = listed[resource.plural]
        assert (entry["kind"], entry["namespaced"]) == (resource.kind, resource.namespaced)
        assert set(entry["verbs"]) == set(resource.verbs)


def test_a_stateful_set_is_found_by_its_short_name_and_has_its_subresources() -> None:
    listed = {entry["name"]: entry for entry in plain("/apis/apps/v1")["resources"]}
    assert listed["statefulsets"]["shortNames"] == ["sts"]
    assert listed["statefulsets"]["singularName"] == "statefulset"
    assert listed["statefulsets/status"]["kind"] == "StatefulSet"
    scale = listed["statefulsets/scale"]
    assert (scale["group"], scale["version"], scale["kind"]) == ("autoscaling", "v1", "Scale")


@pytest.mark.parametrize("version", ["v2", "v2beta1"])
@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery_fills_in_every_response_kind(path: str, version: str) -> None:
    found = aggregated(path, version)
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", f"apidiscovery.k8s.io/{version}")
    assert found["items"]
    for group in found["items"]:
        for served in group["versions"]:
            assert served["freshness"] == "Current"
            for resource in served["resources"]:
                assert all(resource["responseKind"].get(key) for key in ("kind", "version"))
                for sub in resource.get("subresources", []):
                    assert all(sub["responseKind"].get(key) for key in ("kind", "version"))


def test_both_forms_tell_the_same() -> None:
    items = aggregated("/api")["items"] + aggregated("/apis")["items"]
    seen = {
        (group["metadata"].get("name", ""), served["version"], resource["resource"])
        for group in items
        for served in group["versions"]
        for resource in served["resources"]
    }
    assert seen == {(r.group, r.version, r.plural) for r in CATALOGUE.resources}
