"""Where resources live in a server's URL space."""

from typing import Any
from urllib.parse import quote

from petset.api.resources import Resource


def group_path(group: str, version: str) -> str:
    """The root of an API group version: `/api/v1`, `/apis/apps/v1`."""
    return f"/apis/{quote(group)}/{quote(version)}" if group else f"/api/{quote(version)}"


def collection_path(resource: Resource[Any], namespace: str = "") -> str:
    """All objects of a resource, in one namespace or (namespace empty) everywhere."""
    root = group_path(resource.group, resource.version)
    if resource.namespaced and namespace:
        return f"{root}/namespaces/{quote(namespace, safe='')}/{resource.plural}"
    return f"{root}/{resource.plural}"


def object_path(resource: Resource[Any], name: str, namespace: str = "", subresource: str = "") -> str:
    """One object, or a subresource of it. Names are quoted, so that none can lead elsewhere."""
    path = f"{collection_path(resource, namespace)}/{quote(name, safe='')}"
    return f"{path}/{subresource}" if subresource else path
