"""PATCH: the four patch types over the newest state, then the same way as an update.

The patch is applied and the result accepted without an await in between, so a patch conflicts only when it carries a
resourceVersion of its own, or when an apply meets fields of another manager.
"""

from collections.abc import Callable, Container
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from petset.api import documents, field
from petset.api.documents import DocumentError
from petset.api.errors import BadRequest, Conflict, Invalid, NotFound, RequestEntityTooLarge
from petset.api.patch import apply, json_patch, merge, strategic
from petset.api.patch.errors import InapplicablePatch, MalformedPatch
from petset.api.patch.managed_fields import Writer
from petset.api.patch.trees import Tree
from petset.api.schema import schema_of
from petset.api.schema.decode import DecodeError, convert
from petset.api.schema.go_words import go_value, restored, unmarshalled
from petset.api.schema.strict import unknown_fields
from petset.api.types import Object
from petset.apiserver import decoding, metadata
from petset.apiserver.registry import encode
from petset.apiserver.request import Answer, Body, PatchBody
from petset.apiserver.write import Change, begin, check_name, put, refuse_other_name
from petset.store.interface import Record

_ABSENT = object()
_REJECTED = "the server rejected our request due to an error in our request"
"""All that upstream says of a JSON patch that does not apply."""


async def patch(change: Change, body: PatchBody) -> Answer:
    """Changes what the patch names. Raises BadRequest, NotFound, Conflict, Invalid."""
    check_options(change, body)
    document = read_document(body)
    if body.type == "apply":
        return await _apply(change, body, document)
    resource, record = change.resource, change.newest()
    tree = change.registry.tree(resource, record.value, _named(body, document))
    patched = patch_tree(body, document, tree, resource.type)
    touched = _touched(tree, patched)
    _heed_disowning(patched)

    def whole() -> Tree:
        all_fields = change.registry.tree(resource, record.value)
        return {name: value for name, value in all_fields.items() if name not in touched} | patched

    fields = {name: patched[name] for name in touched if name in patched}
    made = read_made(change, body, document, Made(resource.type, fields, whole))
    obj = _left_alone(change, record, tree, touched)
    for name, json_name in zip(obj.__struct_fields__, obj.__struct_encode_fields__, strict=True):
        if json_name in touched:
            setattr(obj, name, getattr(made, name))
    obj.api_version, obj.kind = resource.group_version, resource.kind
    metadata.place(resource, obj, change.target.namespace)
    check_name(change, obj)
    return await put(change, obj, record)


def _left_alone(change: Change, record: Record, tree: Tree, touched: Container[str]) -> Any:
    """A private object with what a patch does not touch of a record, whose fields are in `tree`."""
    resource, registry = change.resource, change.registry
    if not change.strategy.shares_spec or "spec" in touched:
        return registry.decode(resource, record.value)
    rest = {name: value for name, value in tree.items() if name != "spec" and name not in touched}
    return replace(registry.parse(resource, encode(rest)), spec=registry.shared(resource, record).spec)


def _named(body: PatchBody, document: Any) -> Container[str] | None:
    """The fields of an object that a patch may change, and look at; None: all."""
    if body.type == "json" or not isinstance(document, dict) or any(name.startswith("$") for name in document):
        return None
    return {*document, "apiVersion", "kind"}


def _touched(tree: Tree, patched: Tree) -> list[str]:
    """The fields of an object that a patch touches. The others are as they were stored: known, and in their form."""
    touched = [name for name, value in patched.items() if tree.get(name, _ABSENT) is not value]
    return [*touched, *(name for name in tree if name not in patched)]


def _heed_disowning(patched: Tree) -> None:
    """An empty list is the wish that nobody owns the object; in the object, that is one empty entry."""
    described = patched.get("metadata")
    if isinstance(described, dict) and described.get("managedFields") == []:
        patched["metadata"] = {**described, "managedFields": [{}]}


class Made(NamedTuple):
    """What a patch makes: fields of an object of this type. `whole` is all of the object, for a refusal to show."""

    type: type[Object]
    fields: Tree
    whole: Callable[[], Tree]


def read_made(change: Change, body: PatchBody, document: Any, made: Made) -> Any:
    """An object with the fields that a patch makes, as they are in its type. Raises Invalid, BadRequest."""
    strategic_ = body.type == "strategic"
    version, kind = decoding.name_of(made.type)
    found = made.fields.get("apiVersion", version), made.fields.get("kind", kind)
    if found != (version, kind) and not strategic_:
        raise _unfit(made, decoding.unregistered(found[1], found[0]))
    try:
        obj = convert(made.fields, made.type, restored if strategic_ else unmarshalled)
    except DecodeError as error:
        if strategic_:
            raise _refusal(go_value(read_document(body)), error.message) from error
        raise _unfit(made, error.message) from error
    validation = change.options.field_validation
    if validation != "Ignore":
        problems = _problems_of(body, document) + decoding.unknown_problems(made.fields, made.type)
        if problems and validation == "Strict":
            raise _unfit(made, decoding.strict_error(problems))
        change.warnings.extend(problems)
    return obj


def _problems_of(body: PatchBody, document: Any) -> tuple[str, ...]:
    """What field validation says of the patch itself."""
    text = body.document
    if not isinstance(text, bytes):
        return ()
    if body.type == "json":
        return tuple(f"json patch {problem}" for problem in json_patch.problems(text, document))
    return decoding.repeated_fields(text, document)


def _unfit(made: Made, why: str) -> Invalid:
    """The refusal of a patch for what it makes."""
    return _refusal(msgspec.json.encode(made.whole()).decode(), why)


def _refusal(shown: str, why: str) -> Invalid:
    """The refusal of a patch, in the stock server's words, which name no object."""
    return Invalid.of("", "", "", [field.invalid("patch", shown, why)])


def check_options(change: Change, body: PatchBody) -> None:
    """Raises Invalid for options that do not go with the patch type."""
    errors = []
    if body.type == "apply" and not change.options.field_manager:
        errors.append(field.required("fieldManager", "is required for apply patch"))
    if body.type != "apply" and change.options.force is not None:
        errors.append(field.forbidden("force", "may not be specified for non-apply patch"))
    if errors:
        raise Invalid.of("meta.k8s.io", "PatchOptions", "", errors)


def read_document(body: PatchBody) -> Any:
    """The document of a patch. Raises BadRequest."""
    if not isinstance(body.document, bytes):
        return body.document
    if body.type == "apply":
        try:
            return documents.read_yaml(body.document)
        except DocumentError as error:
            raise BadRequest(f"error decoding YAML: error converting YAML to JSON: {error}") from error
    try:
        return documents.read_json(body.document)
    except DocumentError as error:
        raise BadRequest(f"error decoding patch: {decoding.go_words(error)}") from error


def patch_tree(body: PatchBody, document: Any, tree: Tree, kind: type[Object]) -> Tree:
    """The tree after a patch that is no apply. Raises BadRequest, Invalid."""
    try:
        if body.type == "json":
            return json_patch.apply(tree, document)
        if body.type == "merge":
            return merge.apply(tree, document)
        return strategic.apply(tree, document, schema_of(kind))
    except json_patch.TooManyOperations as error:
        raise RequestEntityTooLarge(f"Request entity too large: {error}", {}) from error
    except MalformedPatch as error:
        raise BadRequest(f"error decoding patch: {error}") from error
    except InapplicablePatch as error:
        head = f"{_REJECTED}: " if body.type == "json" else ""
        raise Invalid(f"{head}{error}", {}) from error


async def _apply(change: Change, body: PatchBody, document: Any) -> Answer:
    resource, target = change.resource, change.target
    config = checked_config(change, document, resource.group_version, resource.kind)
    check_typed(config, resource.type)
    record = change.registry.newest(resource, target.namespace, target.name)
    if record is None and target.subresource:
        raise NotFound.of(resource.group, resource.plural, target.name)
    live = change.registry.tree(resource, record.value) if record else None
    merged = merge_applied(change, config, live, change.writer())
    obj = _converted(change, merged)
    check_repeated(change, body)
    if record is None:
        _refuse_other(change, config.get("metadata") or {})
        obj.metadata.resource_version = ""  # of what is not there any more
        return await begin(change, obj, owned=True)
    return await put(change, obj, record, owned=True)


def check_repeated(change: Change, body: PatchBody) -> None:
    """Tells the keys that an applied configuration has twice. Raises BadRequest where field validation is strict."""
    text, validation = body.document, change.options.field_validation
    if validation == "Ignore" or not isinstance(text, bytes):
        return
    repeated = decoding.repeated_keys(Body(text, decoding.YAML))
    if repeated and validation == "Strict":
        why = decoding.in_yaml(repeated)[0]
        raise BadRequest(f"error strict decoding YAML: error converting YAML to JSON: {why}")
    change.warnings.extend(repeated)


def _refuse_other(change: Change, metadata: Tree) -> None:
    """Raises Conflict or BadRequest when what is applied, and is not there, means something else than the URL."""
    resource, target, uid = change.resource, change.target, metadata.get("uid")
    if uid:
        why = f"uid mismatch: the provided object specified uid {uid}, and no existing object was found"
        raise Conflict.of(resource.group, resource.plural, target.name, why)
    refuse_other_name(target, metadata.get("name"))


def check_typed(config: Tree, kind: type[Object]) -> None:
    """An applied configuration has only fields of its kind, whatever the field validation; BadRequest when not."""
    unknown = unknown_fields(config, schema_of(kind))
    if unknown:
        told = [f".{path}: field not declared in schema" for path in unknown]
        raise BadRequest(_untyped(config, told[0] if len(told) == 1 else "errors:\n  " + "\n  ".join(told)))
    try:
        convert(config, kind)  # what cannot be of the kind conflicts with nobody
    except DecodeError as error:
        raise BadRequest(_untyped(config, error.message)) from error


def _untyped(config: Tree, why: str) -> str:
    metadata = config.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    named = f"{metadata.get('namespace') or ''}/{metadata.get('name') or ''}"
    return f"failed to create typed patch object ({named}; {_type_of(config)}): {why}"


def _type_of(config: Tree) -> str:
    """The kind that a configuration says it is, as Go writes it."""
    version = str(config.get("apiVersion") or "/")
    return f"{version if '/' in version else f'/{version}'}, Kind={config.get('kind') or ''}"


def merge_applied(change: Change, config: Tree, live: Tree | None, writer: Writer) -> Tree:
    """The object after the configuration was applied to `live`. Raises Conflict, BadRequest, Invalid."""
    force = bool(change.options.force)
    try:
        return apply.apply(live, config, schema_of(change.resource.type), writer, force=force)
    except apply.ApplyConflict as error:
        causes = [
            {
                "reason": "FieldManagerConflict",
                "message": f"conflict with {conflict.manager}",
                "field": conflict.path,
            }
            for conflict in error.conflicts
        ]
        raise Conflict(str(error), {"causes": causes}) from error
    except MalformedPatch as error:
        raise BadRequest(str(error)) from error
    except InapplicablePatch as error:
        raise Invalid(_untyped(config, str(error)), {}) from error


def checked_config(change: Change, document: Any, group_version: str, kind: str) -> Tree:
    """The configuration to apply, when it is of that kind and of no name but the URL's. Raises BadRequest."""
    if document is None:
        document = {}
    if not isinstance(document, dict):
        raise BadRequest("error decoding YAML: an applied configuration is an object")
    if (document.get("apiVersion"), document.get("kind")) != (group_version, kind):
        raise BadRequest(f"invalid object type: {_type_of(document)}")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
    if metadata.get("name"):
        refuse_other_name(change.target, metadata["name"])
    namespace = metadata.get("namespace")
    if namespace and namespace != change.target.namespace:
        raise BadRequest("the namespace of the provided object does not match the namespace sent on the request")
    return document


def _converted(change: Change, tree: Tree) -> Any:
    resource = change.resource
    obj: Any = decoding.decode_or_refuse(lambda: convert(tree, resource.type), resource.kind, resource.group_version)
    obj.api_version, obj.kind = resource.group_version, resource.kind
    return obj
