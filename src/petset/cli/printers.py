"""Prints what `get` has fetched: tables that the server made, objects in full, or names."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from petset.cli import listing
from petset.cli.references import Reference
from petset.client.paths import collection_path, object_path
from petset.client.transport import JSON

OUTPUTS = ("", "wide", "yaml", "json", "name")
TABLE = f"application/json;as=Table;v=v1;g=meta.k8s.io,{JSON}"

Answer = tuple[Reference, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown and how; no namespace stands for all."""

    references: Sequence[Reference]
    namespace: str
    selector: str
    output: str

    @property
    def as_table(self) -> bool:
        """Whether the server is asked for rows."""
        return self.output in ("", "wide")

    def path(self, reference: Reference) -> str:
        """Where the server has it."""
        if not reference.name:
            return collection_path(reference.resource, self.namespace)
        return object_path(reference.resource, *reversed(listing.key_in(reference, self.namespace)))

    def accept(self) -> str:
        """The form that the server is asked for."""
        return TABLE if self.as_table else JSON


class Printer(Protocol):
    """Prints a first state and then, of a watch, the changes."""

    def print_all(self, answers: Sequence[Answer], *, quiet: bool) -> None:
        """Everything that was found; `quiet` says nothing about nothing."""
        ...

    def print_change(self, shown: dict[str, Any]) -> None:
        """What changed, in the form the server was asked for."""
        ...


def printer_for(wanted: Wanted) -> Printer:
    """The printer of the form that is wanted."""
    return TablePrinter(wanted) if wanted.as_table else ObjectPrinter(wanted)


class TablePrinter:
    """Prints the server's tables, aligned with each other."""

    def __init__(self, wanted: Wanted) -> None:
        self._wide = wanted.output == "wide"
        self._namespaces = not wanted.namespace
        self._wanted = wanted
        self._widths = listing.Widths()
        self._columns: list[dict[str, Any]] = []

    def print_all(self, answers: Sequence[Answer], *, quiet: bool) -> None:
        """The answers as tables, a blank line between kinds."""
        several = len({reference.resource.kind for reference, _ in answers}) > 1
        before = ""
        for reference, table in answers:
            kind = reference.resource.kind
            rows = self._rows(table, f"{reference._replace(name='')}/" if several else "")
            if rows and kind != before:
                self._widths = listing.Widths()
                namespaces = self._namespaces and reference.resource.namespaced
                header = listing.header_of(table, wide=self._wide, namespaces=namespaces)
                rows = [header, *(row if namespaces == self._namespaces else row[1:] for row in rows)]
                if before:
                    print()
                before = kind
            print(*self._widths.lines(rows), sep="\n", end="\n" if rows else "")
        if not before and not quiet:
            print(listing.nothing_found(self._wanted.namespace, self._wanted.references), file=sys.stderr)

    def print_change(self, table: dict[str, Any]) -> None:
        """The rows of one change."""
        print(*self._widths.lines(self._rows(table, "")), sep="\n", flush=True)

    def _rows(self, table: dict[str, Any], prefix: str) -> list[list[str]]:
        self._columns = table.get("columnDefinitions") or self._columns
        return listing.rows_of(table, self._columns, wide=self._wide, namespaces=self._namespaces, prefix=prefix)


class ObjectPrinter:
    """Prints objects in full, or their names."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted

    def print_all(self, answers: Sequence[Answer], *, quiet: bool) -> None:
        """All objects as one document; names a line each."""
        objects = [(reference, obj) for reference, answer in answers for obj in listing.items_of(reference, answer)]
        if self._wanted.output == "name":
            for reference, obj in objects:
                print(listing.name_of(reference, obj))
        else:
            single = len(objects) == 1 and bool(self._wanted.references[0].name)
            print(listing.render([obj for _, obj in objects], self._wanted.output, single=single), flush=True)

    def print_change(self, shown: dict[str, Any]) -> None:
        """One object."""
        if self._wanted.output == "name":
            print(listing.name_of(self._wanted.references[0], shown), flush=True)
            return
        mark = "---\n" if self._wanted.output == "yaml" else ""
        text = listing.render([listing.without_managed_fields(shown)], self._wanted.output, single=True)
        print(mark + text, flush=True)
