"""JSON patch (RFC 6902): `application/json-patch+json`."""

from typing import Any

import jsonpatch

from petset.api.patch import trees
from petset.api.patch.errors import InapplicablePatch, MalformedPatch
from petset.api.patch.trees import Tree


def apply(tree: Tree, operations: Any) -> Tree:
    """The tree after all operations, in order; `tree` stays as it is.

    Raises MalformedPatch when `operations` is no list of operations, InapplicablePatch when one does not fit the tree.
    """
    result: Any = trees.copy(tree)
    for patch in [_single(operation) for operation in _listed(operations)]:
        result = _applied(result, patch)
    if not isinstance(result, dict):
        raise InapplicablePatch("the patch leaves no JSON object")
    return result


def _listed(operations: Any) -> list[Any]:
    if not isinstance(operations, list):
        raise MalformedPatch("a JSON patch is a list of operations")
    return operations


def _single(operation: Any) -> jsonpatch.JsonPatch:
    """One operation as a patch of its own, so that an error can name it."""
    try:
        return jsonpatch.JsonPatch([trees.copy(operation)])
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        raise MalformedPatch(f"invalid JSON patch operation {operation}: {_reason(error)}") from error


def _applied(tree: Any, patch: jsonpatch.JsonPatch) -> Any:
    operation = patch.patch[0]
    try:
        return patch.apply(tree, in_place=True)
    except jsonpatch.JsonPatchTestFailed as error:
        raise InapplicablePatch(f"testing value {operation['path']} failed: test failed") from error
    except jsonpatch.InvalidJsonPatch as error:
        raise MalformedPatch(f"invalid JSON patch operation {operation}: {_reason(error)}") from error
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as error:
        reason = f"{operation['op']} operation does not apply: {operation['path']}: {_reason(error)}"
        raise InapplicablePatch(reason) from error


def _reason(error: Exception) -> str:
    return str(error.args[0]) if error.args else type(error).__name__
