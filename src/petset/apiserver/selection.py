"""Which records a request means: its label and field selectors as one predicate over records."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from petset.api.errors import BadRequest
from petset.api.resources import Resource
from petset.api.selectors import (
    FieldSelector,
    Selector,
    SelectorError,
    parse_field_selector,
    parse_label_selector,
)
from petset.apiserver.registry import Registry
from petset.store.interface import Record

_METADATA_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True, slots=True)
class Selection:
    """A label and a field selector together."""

    labels: Selector
    fields: FieldSelector

    @property
    def everything(self) -> bool:
        """Whether every record matches."""
        return self.labels.empty and self.fields.empty

    @property
    def name(self) -> str | None:
        """The only name that can match; None when the selectors leave it open."""
        return self.fields.required("metadata.name")

    def select(self, records: Iterable[Record]) -> tuple[Record, ...]:
        """Those of the records that match, in order. Faster than asking `matches` of each."""
        for key, value in self.labels.equal:
            records = [record for record in records if record.labels.get(key) == value]
        if self.labels.only_equal and self.fields.empty:
            return tuple(records)
        return tuple(filter(self.matches, records))

    def matches(self, record: Record) -> bool:
        """Whether the record is selected; nothing is decoded for it."""
        if not self.labels.matches(record.labels):
            return False
        if self.fields.empty:
            return True
        namespace, _, name = record.name.rpartition("/")
        return self.fields.matches({"metadata.name": name, "metadata.namespace": namespace, **record.fields})


def parse(registry: Registry, resource: Resource[Any], label_selector: str, field_selector: str) -> Selection:
    """The selection of a request. Raises BadRequest, in the stock server's words."""
    try:
        labels = parse_label_selector(label_selector)
        fields = parse_field_selector(field_selector)
    except SelectorError as error:
        raise BadRequest(str(error)) from error
    _check_fields(registry.field_labels[resource.type], fields)
    return Selection(labels, fields)


def _check_fields(known: frozenset[str], fields: FieldSelector) -> None:
    """A kind with fields of its own answers in other words than one that has only its name and namespace."""
    for label in sorted(fields.fields - known - _METADATA_FIELDS):
        if known:
            raise BadRequest(f"field label not supported: {label}")
        only = '"metadata.name", "metadata.namespace"'
        raise BadRequest(f'"{label}" is not a known field selector: only {only}')
