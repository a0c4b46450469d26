"""JSON merge patch (RFC 7386): `application/merge-patch+json`."""

from typing import Any

from petset.api.patch.errors import MalformedPatch
from petset.api.patch.trees import Tree


def apply(tree: Tree, patch: Any) -> Tree:
    """The tree with the patch's fields in place of its own: null removes, objects merge, everything else replaces.

    `tree` stays as it is; the result shares its unchanged parts. Raises MalformedPatch when the patch is no object.
    """
    if not isinstance(patch, dict):
        raise MalformedPatch("a merge patch is a JSON object")
    return _merged(tree, patch)


def _merged(original: Any, patch: Tree) -> Tree:
    result = dict(original) if isinstance(original, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            result[key] = _merged(result.get(key), value)
        else:
            result[key] = value
    return result
