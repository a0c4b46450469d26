"""JSON patch (RFC 6902): `application/json-patch+json`."""

import re
from typing import Any

import jsonpatch
import msgspec

from petset.api.documents import LARGEST, DocumentError, check_tree
from petset.api.patch import trees
from petset.api.patch.errors import InapplicablePatch, MalformedPatch
from petset.api.patch.trees import Tree
from petset.api.schema import strict
from petset.api.schema.go_words import go_kind

MOST_OPERATIONS = 10_000
"""As upstream's `maxJSONPatchOperations`."""


_MEMBERS = frozenset({"op", "path", "from", "value"})
_GO_OPERATION = "handlers.jsonPatchOp"


class TooManyOperations(MalformedPatch):
    """The patch is longer than the server takes (413)."""


def apply(tree: Tree, operations: Any) -> Tree:
    """The tree after all operations, in order; `tree` stays as it is.

    Raises MalformedPatch when `operations` is no list of operations, InapplicablePatch when one does not fit the tree.
    """
    result: Any = trees.copy(tree)
    copied = 0
    for patch in [_single(operation) for operation in _listed(operations)]:
        copied += _copied_size(result, patch.patch[0])
        if copied > LARGEST:
            raise InapplicablePatch(f"the copies of the patch are larger than {LARGEST} bytes")
        result = _applied(result, patch)
    if not isinstance(result, dict):
        raise InapplicablePatch("the patch leaves no JSON object")
    try:
        check_tree(result)
    except DocumentError as error:
        raise InapplicablePatch(f"the patch leaves no document that can be stored: {error}") from error
    return result


def problems(raw: bytes, operations: list[Tree]) -> list[str]:
    """What strict field validation says of operations that apply: members that nobody knows or that are there twice."""
    repeated = strict.problems(raw, operations, None)
    found: list[str] = []
    for index, operation in enumerate(operations):
        unknown = [name for name in operation if name not in _MEMBERS]
        found += [f'unknown field "[{index}].{name}"' for name in unknown]
        found += [text for text in repeated if text.startswith(f'duplicate field "[{index}].')]
    return found


def _listed(operations: Any) -> list[Any]:
    if not isinstance(operations, list):
        raise MalformedPatch(f"json: cannot unmarshal {go_kind(operations)} into Go value of type []{_GO_OPERATION}")
    if len(operations) > MOST_OPERATIONS:
        found = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise TooManyOperations(found)
    return operations


def _copied_size(tree: Any, operation: dict[str, Any]) -> int:
    """Copies of copies grow without end, as upstream's `AccumulatedCopySizeLimit` knows."""
    if operation["op"] != "copy":
        return 0
    try:
        return len(msgspec.json.encode(jsonpatch.JsonPointer(operation["from"]).resolve(tree, None)))
    except (jsonpatch.JsonPointerException, KeyError, TypeError):
        return 0  # there is nothing to copy, which applying it tells
    except RecursionError as error:
        raise InapplicablePatch("the patch nests too deep") from error


def _single(operation: Any) -> jsonpatch.JsonPatch:
    """One operation as a patch of its own, so that an error can name it."""
    if not isinstance(operation, dict):
        raise MalformedPatch(f"json: cannot unmarshal {go_kind(operation)} into Go value of type {_GO_OPERATION}")
    if not all(isinstance(operation.get(member, ""), str) for member in ("op", "path", "from")):
        raise MalformedPatch(f"no JSON patch operation: {operation}")
    try:
        return jsonpatch.JsonPatch([trees.copy(operation)])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise InapplicablePatch(f"invalid JSON patch operation {operation}: {_reason(error)}") from error


def _replaces_member(tree: Any, operation: dict[str, Any]) -> bool:
    """Whether an operation replaces a member of an object, which need not be there: upstream's library sets it."""
    if operation["op"] != "replace" or not operation["path"]:
        return False
    return isinstance(jsonpatch.JsonPointer(operation["path"]).to_last(tree)[0], dict)


def _applied(tree: Any, patch: jsonpatch.JsonPatch) -> Any:
    operation = patch.patch[0]
    try:
        if _replaces_member(tree, operation):
            patch = jsonpatch.JsonPatch([{**operation, "op": "add"}])
        return patch.apply(tree, in_place=True)
    except jsonpatch.JsonPatchTestFailed as error:
        raise InapplicablePatch(f"testing value {operation['path']} failed: test failed") from error
    except jsonpatch.InvalidJsonPatch as error:
        raise InapplicablePatch(f"invalid JSON patch operation {operation}: {_reason(error)}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        reason = f"{operation['op']} operation does not apply: {operation['path']}: {_reason(error)}"
        raise InapplicablePatch(reason) from error


def _reason(error: Exception) -> str:
    """What went wrong, without the document that it went wrong with."""
    text = str(error.args[0]) if error.args else type(error).__name__
    return re.sub(r" in [\[{].*", "", text, flags=re.DOTALL)
