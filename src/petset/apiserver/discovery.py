"""What the server serves: the version, the groups, and the resources of each, in the plain and the aggregated forms.

Everything follows from the catalogue and never changes while the server runs, so each answer is made once.
"""

import base64
import hashlib
import platform
from functools import cached_property
from typing import Any

import msgspec

import petset
from petset.api.resources import Catalogue, Resource, Subresource

KUBERNETES_MINOR = 37


class Discovery:
    """The answers by path. Groups come in the order of the catalogue, versions newest first."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._by_group: dict[str, dict[str, list[Resource[Any]]]] = {}
        for resource in catalogue.resources:
            self._by_group.setdefault(resource.group, {}).setdefault(resource.version, []).append(resource)

    @cached_property
    def plain(self) -> dict[str, bytes]:
        """`/version`, `/apis`, `/apis/<group>`, `/api/v1`, `/apis/<group>/<version>`."""
        trees: dict[str, dict[str, Any]] = {"/version": _version()}
        groups = [_group(name, versions) for name, versions in self._by_group.items() if name]
        trees["/apis"] = {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        for group in groups:
            trees[f"/apis/{group['name']}"] = {"kind": "APIGroup", "apiVersion": "v1", **group}
        for name, versions in self._by_group.items():
            for version, resources in versions.items():
                path = f"/apis/{name}/{version}" if name else f"/api/{version}"
                trees[path] = self._resource_list(resources)
        return {path: msgspec.json.encode(tree) for path, tree in trees.items()}

    def core_versions(self, address: str) -> bytes:
        """`/api`, which says where the server is reached."""
        reached = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        versions = list(self._by_group[""])
        return msgspec.json.encode({"kind": "APIVersions", "versions": versions, "serverAddressByClientCIDRs": reached})

    def _resource_list(self, resources: list[Resource[Any]]) -> dict[str, Any]:
        entries: list[dict[str, Any]] = []
        for resource in resources:
            entry = _entry(resource)
            if "get" in resource.verbs:
                entry["storageVersionHash"] = _hash_of(self._catalogue.stored(resource))
            entries += [entry, *(_subentry(resource, sub) for sub in subresources_of(resource))]
        version = {} if not resources[0].group else {"apiVersion": "v1"}  # as upstream
        return {
            "kind": "APIResourceList",
            **version,
            "groupVersion": resources[0].group_version,
            "resources": entries,
        }

    def is_group(self, path: str) -> bool:
        """Whether a path is that of a group, or below it."""
        _, root, group = (*path.split("/", 3), "")[:3]
        return (root == "api" and path != "/api") or (root == "apis" and bool(group) and group in self._by_group)

    def aggregated(self, path: str, version: str = "v2") -> bytes:
        """`/api` or `/apis` as APIGroupDiscoveryList, in `v2` or `v2beta1`."""
        return self._aggregated[path, version]

    @cached_property
    def _aggregated(self) -> dict[tuple[str, str], bytes]:
        found = {}
        for path, core in (("/api", True), ("/apis", False)):
            items = [_group_discovery(name, vs) for name, vs in self._by_group.items() if (name == "") is core]
            for version in ("v2", "v2beta1"):
                tree = {
                    "kind": "APIGroupDiscoveryList",
                    "apiVersion": f"apidiscovery.k8s.io/{version}",
                    "metadata": {},
                    "items": items,
                }
                found[path, version] = msgspec.json.encode(tree)
        return found


def _version() -> dict[str, Any]:
    return {
        "major": "1",
        "minor": str(KUBERNETES_MINOR),
        "gitVersion": f"v1.{KUBERNETES_MINOR}.0-petset.{petset.__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": platform.python_implementation().lower(),
        "platform": f"{platform.system().lower()}/{_ARCHITECTURES.get(platform.machine(), platform.machine())}",
    }


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def _group(name: str, versions: dict[str, list[Resource[Any]]]) -> dict[str, Any]:
    served = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": served, "preferredVersion": served[0]}


def _entry(resource: Resource[Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return entry


def _hash_of(resource: Resource[Any]) -> str:
    """Tells in which version objects are stored: upstream's `StorageVersionHash`."""
    name = f"{resource.group}/{resource.version}/{resource.kind}"
    return base64.b64encode(hashlib.sha256(name.encode()).digest()[:8]).decode()


def _subentry(resource: Resource[Any], sub: Subresource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
    if sub.group_version:
        group, _, version = sub.group_version.rpartition("/")
        entry |= {"group": group, "version": version}
    return entry


def subresources_of(resource: Resource[Any]) -> list[Subresource]:
    """All subresources of a resource, also those that every kind of its shape has."""
    found = list(resource.subresources)
    if resource.status is not None:
        found.append(Subresource("status", resource.kind, ("get", "patch", "update")))
    if resource.scale is not None:
        found.append(Subresource("scale", "Scale", ("get", "patch", "update"), "autoscaling/v1"))
    return sorted(found, key=lambda sub: sub.name)


def _group_discovery(name: str, versions: dict[str, list[Resource[Any]]]) -> dict[str, Any]:
    served = [
        {"version": version, "resources": [_discovered(r) for r in resources], "freshness": "Current"}
        for version, resources in versions.items()
    ]
    return {"metadata": {"name": name, "creationTimestamp": None}, "versions": served}


def _discovered(resource: Resource[Any]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": resource.plural,
        "responseKind": {"group": resource.group, "version": resource.version, "kind": resource.kind},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    subs = [_discovered_subresource(resource, sub) for sub in subresources_of(resource)]
    if subs:
        entry["subresources"] = subs
    return entry


def _discovered_subresource(resource: Resource[Any], sub: Subresource) -> dict[str, Any]:
    group, _, version = (sub.group_version or resource.group_version).rpartition("/")
    return {
        "subresource": sub.name,
        "responseKind": {"group": group, "version": version, "kind": sub.kind},
        "verbs": list(sub.verbs),
    }
