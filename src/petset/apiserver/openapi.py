"""The OpenAPI documents: the official definitions of what is served, and paths that follow from the catalogue.

kubectl reads them to learn that the server validates fields itself (the `fieldValidation` parameter of a PATCH marked
with the kind), for `explain`, and for the merge keys of an apply. They are built when first asked for. The index names
each document with its hash, so that clients keep it until it changes.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import resources as package_files
from typing import Any, NamedTuple

import msgspec

from petset.api.resources import Catalogue, Resource, Subresource
from petset.apiserver.descriptions import described
from petset.apiserver.discovery import KUBERNETES_MINOR, subresources_of
from petset.apiserver.openapi_protobuf import to_protobuf

Tree = dict[str, Any]


class Kind(NamedTuple):
    """A kind, as the documents mark operations with it."""

    group: str
    version: str
    kind: str


_STATUS = Kind("", "v1", "Status")
_DELETE_OPTIONS = Kind("", "v1", "DeleteOptions")

_MARK = "x-kubernetes-group-version-kind"
_V2_REF = "#/definitions/"
_V3_REF = "#/components/schemas/"
_WRITE_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")
_LIST_PARAMETERS = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_DELETE_PARAMETERS = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")
_PARAMETER_TYPES = {
    "allowWatchBookmarks": "boolean",
    "force": "boolean",
    "gracePeriodSeconds": "integer",
    "limit": "integer",
    "orphanDependents": "boolean",
    "sendInitialEvents": "boolean",
    "timeoutSeconds": "integer",
    "watch": "boolean",
}
_PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_BODY = ("application/json",)
_STREAMED = frozenset({"attach", "exec", "log", "portforward"})


@dataclass(frozen=True)
class Document:
    """An encoded document, and what changes exactly when it does."""

    body: bytes

    @cached_property
    def hash(self) -> str:
        """SHA-512 in upper-case hexadecimal digits, as upstream."""
        return hashlib.sha512(self.body).hexdigest().upper()


class OpenApi:
    """The documents of one catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._documents: dict[str, Document] = {}

    @cached_property
    def v2(self) -> Document:
        """`/openapi/v2`: everything in one Swagger 2.0 document."""
        paths: Tree = {}
        for resource in self._catalogue.resources:
            paths |= _paths(_Dialect(self._names, v3=False), resource)
        document = {"swagger": "2.0", "info": _info(), "paths": paths, "definitions": self._definitions}
        return Document(msgspec.json.encode(document))

    @cached_property
    def v2_in_protobuf(self) -> Document:
        """The v2 document in the form in which kubectl asks for it."""
        return Document(to_protobuf(self.v2.body))

    @cached_property
    def v3_index(self) -> Document:
        """`/openapi/v3`: where the document of each group and version is."""
        documents = {path: self.v3(path) for path in sorted(self._by_path)}
        places = {path: {"serverRelativeURL": place(path, found)} for path, found in documents.items() if found}
        return Document(msgspec.json.encode({"paths": places}))

    def v3(self, path: str) -> Document | None:
        """The OpenAPI 3.0 document of `api/v1` or `apis/<group>/<version>`; None when that is not served."""
        if path not in self._by_path:
            return None
        found = self._documents.get(path)
        if found is None:
            found = self._documents[path] = self._v3_document(self._by_path[path])
        return found

    def _v3_document(self, served: list[Resource[Any]]) -> Document:
        paths: Tree = {}
        for resource in served:
            paths |= _paths(_Dialect(self._names, v3=True), resource)
        wanted = {name for resource in served for name in self._kinds_of(resource)}
        schemas = {name: _allow_siblings(tree) for name, tree in self._closure(wanted).items()}
        document = {"openapi": "3.0.0", "info": _info(), "paths": paths, "components": {"schemas": schemas}}
        return Document(msgspec.json.encode(document).replace(_V2_REF.encode(), _V3_REF.encode()))

    @cached_property
    def _definitions(self) -> dict[str, Tree]:
        source = (package_files.files("petset.apiserver") / "openapi_definitions.json").read_bytes()
        return described(msgspec.json.decode(source))

    @cached_property
    def _names(self) -> dict[Kind, str]:
        """Definitions by group, version and kind."""
        marked = ((name, tree.get(_MARK, [])) for name, tree in self._definitions.items())
        return {Kind(mark["group"], mark["version"], mark["kind"]): name for name, marks in marked for mark in marks}

    @cached_property
    def _by_path(self) -> dict[str, list[Resource[Any]]]:
        found: dict[str, list[Resource[Any]]] = {}
        for resource in self._catalogue.resources:
            found.setdefault(_root(resource), []).append(resource)
        return found

    def _kinds_of(self, resource: Resource[Any]) -> Iterable[str]:
        """The definitions that the paths of a resource name."""
        kinds = [_kind(resource), _list_kind(resource), _STATUS, _DELETE_OPTIONS]
        kinds += [_sub_kind(resource, sub) for sub in subresources_of(resource)]
        return [self._names[kind] for kind in kinds if kind in self._names]

    def _closure(self, names: Iterable[str]) -> dict[str, Tree]:
        """The definitions with those names, and all that they refer to."""
        found: dict[str, Tree] = {}
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found and name in self._definitions:
                found[name] = self._definitions[name]
                waiting += _references(found[name])
        return dict(sorted(found.items()))


def place(path: str, document: Document) -> str:
    """Where a document of version 3 is read, with the hash that makes it good for ever."""
    return f"/openapi/v3/{path}?hash={document.hash}"


def _root(resource: Resource[Any]) -> str:
    return f"apis/{resource.group}/{resource.version}" if resource.group else f"api/{resource.version}"


def _kind(resource: Resource[Any]) -> Kind:
    return Kind(resource.group, resource.version, resource.kind)


def _list_kind(resource: Resource[Any]) -> Kind:
    return Kind(resource.group, resource.version, f"{resource.kind}List")


def _sub_kind(resource: Resource[Any], sub: Subresource) -> Kind:
    group, _, version = (sub.group_version or resource.group_version).rpartition("/")
    return Kind(group, version, sub.kind)


def _info() -> Tree:
    return {"title": "Kubernetes", "version": f"v1.{KUBERNETES_MINOR}.0"}


def _references(tree: Any) -> list[str]:
    if isinstance(tree, dict):
        own = [tree["$ref"].removeprefix(_V2_REF)] if isinstance(tree.get("$ref"), str) else []
        return own + [name for value in tree.values() for name in _references(value)]
    if isinstance(tree, list):
        return [name for value in tree for name in _references(value)]
    return []


def _allow_siblings(tree: Any) -> Any:
    """OpenAPI 3.0 ignores what stands beside a `$ref`, unless the reference is put into an `allOf`."""
    if isinstance(tree, list):
        return [_allow_siblings(value) for value in tree]
    if not isinstance(tree, dict):
        return tree
    copied = {key: _allow_siblings(value) for key, value in tree.items()}
    if isinstance(copied.get("$ref"), str) and len(copied) > 1:
        return {"allOf": [{"$ref": copied.pop("$ref")}], **copied}
    return copied


@dataclass(frozen=True, slots=True)
class _Dialect:
    """How an operation is written down in one of the two versions of OpenAPI."""

    names: dict[Kind, str]
    v3: bool

    def operation(self, kind: Kind, action: str, parameters: Iterable[str], body: tuple[str, ...]) -> Tree:
        """One operation; `body` is the media types it takes, none for no body."""
        tree: Tree = {
            "responses": {"200": self._response(kind)},
            "x-kubernetes-action": action,
            _MARK: kind._asdict(),
        }
        named = [self._parameter(name, "query") for name in parameters]
        if body and self.v3:
            tree["requestBody"] = {"content": {media_type: {"schema": self._schema(kind)} for media_type in body}}
        elif body:
            tree["consumes"] = list(body)
            named.append({"name": "body", "in": "body", "required": True, "schema": self._schema(kind)})
        return {"parameters": named, **tree} if named else tree

    def path_parameters(self, path: str) -> list[Tree]:
        """The parameters that stand in a path."""
        return [self._parameter(name, "path") for name in ("namespace", "name") if f"{{{name}}}" in path]

    def _parameter(self, name: str, place: str) -> Tree:
        tree: Tree = {"name": name, "in": place}
        if place == "path":
            tree["required"] = True
        type_ = _PARAMETER_TYPES.get(name, "string")
        return tree | ({"schema": {"type": type_}} if self.v3 else {"type": type_, "uniqueItems": True})

    def _response(self, kind: Kind) -> Tree:
        schema = self._schema(kind)
        if not self.v3:
            return {"description": "OK", "schema": schema}
        return {"description": "OK", "content": {"application/json": {"schema": schema}}}

    def _schema(self, kind: Kind) -> Tree:
        name = self.names.get(kind)
        return {"$ref": f"{_V2_REF}{name}"} if name else {"type": "object"}


def _paths(dialect: _Dialect, resource: Resource[Any]) -> Tree:
    """All paths of one resource with their operations."""
    root = f"/{_root(resource)}"
    base = f"{root}/namespaces/{{namespace}}/{resource.plural}" if resource.namespaced else f"{root}/{resource.plural}"
    paths: Tree = {
        base: _collection(dialect, resource),
        f"{base}/{{name}}": _item(dialect, resource.verbs, _kind(resource)),
    }
    if resource.namespaced and "list" in resource.verbs:
        paths[f"{root}/{resource.plural}"] = {"get": _listing(dialect, resource)}
    for sub in subresources_of(resource):
        if sub.name not in _STREAMED:
            paths[f"{base}/{{name}}/{sub.name}"] = _item(dialect, sub.verbs, _sub_kind(resource, sub))
    for path, operations in paths.items():
        if parameters := dialect.path_parameters(path):  # Go programs that read and write a document keep no empty list
            operations["parameters"] = parameters
    return paths


def _listing(dialect: _Dialect, resource: Resource[Any]) -> Tree:
    """A list is marked with the kind of its items."""
    operation = dialect.operation(_list_kind(resource), "list", _LIST_PARAMETERS, ())
    return operation | {_MARK: _kind(resource)._asdict()}


def _collection(dialect: _Dialect, resource: Resource[Any]) -> Tree:
    operations: Tree = {}
    if "list" in resource.verbs:
        operations["get"] = _listing(dialect, resource)
    if "create" in resource.verbs:
        operations["post"] = dialect.operation(_kind(resource), "post", _WRITE_PARAMETERS, _BODY)
    if "deletecollection" in resource.verbs:
        parameters = _LIST_PARAMETERS + _DELETE_PARAMETERS
        operations["delete"] = dialect.operation(_STATUS, "deletecollection", parameters, ())
        operations["delete"][_MARK] = _kind(resource)._asdict()
    return operations


def _item(dialect: _Dialect, verbs: tuple[str, ...], kind: Kind) -> Tree:
    operations: Tree = {}
    if "get" in verbs:
        operations["get"] = dialect.operation(kind, "get", (), ())
    if "create" in verbs and "get" not in verbs:
        operations["post"] = dialect.operation(kind, "post", _WRITE_PARAMETERS, _BODY)
    if "update" in verbs:
        operations["put"] = dialect.operation(kind, "put", _WRITE_PARAMETERS, _BODY)
    if "patch" in verbs:
        operations["patch"] = dialect.operation(kind, "patch", (*_WRITE_PARAMETERS, "force"), _PATCH_TYPES)
    if "delete" in verbs:
        operations["delete"] = dialect.operation(kind, "delete", _DELETE_PARAMETERS, ())
    return operations
