"""What `get` prints: rows of the server's tables, or objects in full. Pure."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from petset.api.meta import Key
from petset.cli.references import Reference
from petset.cli.tables import aligned

Tree = dict[str, Any]


def header_of(table: Tree, *, wide: bool, namespaces: bool) -> list[str]:
    """The names of the columns that are shown, in capitals."""
    names = [str(column["name"]).upper() for column in table.get("columnDefinitions") or () if _shown(column, wide)]
    return ["NAMESPACE", *names] if namespaces else names


def rows_of(table: Tree, columns: Sequence[Tree], *, wide: bool, namespaces: bool, prefix: str = "") -> list[list[str]]:
    """The cells of the columns that are shown; `prefix` goes before the name, which is the first."""
    rows = []
    for row in table.get("rows") or ():
        cells = [_text(cell) for cell, column in zip(row["cells"], columns, strict=False) if _shown(column, wide)]
        cells[0] = prefix + cells[0]
        rows.append([_metadata(row).get("namespace", ""), *cells] if namespaces else cells)
    return rows


def _shown(column: Tree, wide: bool) -> bool:
    return wide or not column.get("priority")


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)


def _metadata(row: Tree) -> Tree:
    return (row.get("object") or {}).get("metadata") or {}


class Widths:
    """Aligns rows that come one after the other: columns grow, they never shrink."""

    def __init__(self) -> None:
        self._widest: list[str] = []

    def lines(self, rows: Sequence[Sequence[str]]) -> list[str]:
        """The rows, aligned with all that came before."""
        if not rows:
            return []
        rulers = [self._widest] if len(self._widest) == len(rows[0]) else []
        self._widest = [max(cells, key=len) for cells in zip(*rulers, *rows, strict=True)]
        return aligned([self._widest, *rows])[1:]


def without_managed_fields(tree: Tree) -> Tree:
    """An object as people read it."""
    metadata = {key: value for key, value in (tree.get("metadata") or {}).items() if key != "managedFields"}
    return {**tree, "metadata": metadata}


def items_of(reference: Reference, tree: Tree) -> list[Tree]:
    """The objects of an answer; items of lists get the kind that lists leave out."""
    if reference.name:
        return [without_managed_fields(tree)]
    kind = {"apiVersion": reference.resource.group_version, "kind": reference.resource.kind}
    return [without_managed_fields({**kind, **item}) for item in tree.get("items") or ()]


def render(objects: Sequence[Tree], output: str, *, single: bool) -> str:
    """Objects as `yaml` or `json`: one as it is, several as a List."""
    document: Tree = (
        objects[0] if single else {"apiVersion": "v1", "items": list(objects), "kind": "List", "metadata": {}}
    )
    if output == "json":
        return json.dumps(document, indent=4, ensure_ascii=False)
    return yaml.safe_dump(document, sort_keys=True, allow_unicode=True, default_flow_style=False).rstrip("\n")


def name_of(reference: Reference, obj: Tree) -> str:
    """`pod/web-0`: what `-o name` prints."""
    return str(Reference(reference.resource, obj["metadata"]["name"]))


def nothing_found(namespace: str, references: Sequence[Reference]) -> str:
    """What is said instead of an empty table."""
    if namespace and any(reference.resource.namespaced for reference in references):
        return f"No resources found in {namespace} namespace."
    return "No resources found"


def key_in(reference: Reference, namespace: str) -> Key:
    """Where a named object is."""
    return Key(namespace if reference.resource.namespaced else "", reference.name)
