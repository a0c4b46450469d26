"""Event of events.k8s.io: the same events as in the core group, under newer names."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from petset.api.field import FieldError, invalid, required
from petset.api.meta import semantically_equal
from petset.api.resources import Resource, Strategy, View
from petset.api.table import Cell, Column
from petset.api.types import Event, EventSeries, EventSource, EventsV1Event, EventsV1EventSeries, ObjectReference
from petset.kinds import event


def from_stored(stored: Event) -> EventsV1Event:
    """A core Event in the shape of events.k8s.io."""
    series = stored.series
    return EventsV1Event(
        metadata=stored.metadata,
        action=stored.action,
        deprecated_count=stored.count,
        deprecated_first_timestamp=stored.first_timestamp,
        deprecated_last_timestamp=stored.last_timestamp,
        deprecated_source=stored.source,
        event_time=stored.event_time,
        note=stored.message,
        reason=stored.reason,
        regarding=stored.involved_object,
        related=stored.related,
        reporting_controller=stored.reporting_component or None,
        reporting_instance=stored.reporting_instance or None,
        series=EventsV1EventSeries(count=series.count or 0, last_observed_time=series.last_observed_time)
        if series
        else None,
        type=stored.type,
    )


def to_stored(shown: EventsV1Event) -> Event:
    """The core Event that is stored for one of events.k8s.io."""
    series = shown.series
    return Event(
        metadata=shown.metadata,
        action=shown.action,
        count=shown.deprecated_count,
        event_time=shown.event_time,
        first_timestamp=shown.deprecated_first_timestamp,
        involved_object=shown.regarding,
        last_timestamp=shown.deprecated_last_timestamp,
        message=shown.note,
        reason=shown.reason,
        related=shown.related,
        reporting_component=shown.reporting_controller or "",
        reporting_instance=shown.reporting_instance or "",
        series=EventSeries(count=series.count, last_observed_time=series.last_observed_time) if series else None,
        source=shown.deprecated_source,
        type=shown.type,
    )


class EventsV1Strategy(Strategy[EventsV1Event]):
    """The newer group asks for more of what a reporter has to say."""

    allow_create_on_update = True

    def validate_create(self, obj: EventsV1Event) -> list[FieldError]:
        """Who reports what, when."""
        return [*event.errors(to_stored(obj), "reportingController"), *_errors(obj)]

    def validate_update(self, obj: EventsV1Event, old: EventsV1Event) -> list[FieldError]:
        """What happened stays as it was told; that it recurs may be told later."""
        errors = list(event.errors(to_stored(obj), "reportingController"))
        if obj.series is not None and obj.series != old.series:
            errors += _series_errors(obj.series)
        for path, name in _FIXED.items():
            new, before = getattr(obj, name), getattr(old, name)
            if not semantically_equal(new, before):
                errors.append(invalid(path, _as_go_has_it(new), "field is immutable"))
        return errors


_FIXED = {
    "involvedObject": "regarding",
    "reason": "reason",
    "message": "note",
    "source": "deprecated_source",
    "firstTimestamp": "deprecated_first_timestamp",
    "lastTimestamp": "deprecated_last_timestamp",
    "count": "deprecated_count",
    "type": "type",
    "eventTime": "event_time",
    "action": "action",
    "related": "related",
    "reportingController": "reporting_controller",
    "reportingInstance": "reporting_instance",
}
"""What an update may not change, under the names of the core group, as upstream tells it."""


def _as_go_has_it(value: Any) -> Any:
    """Upstream shows its own structs, with all their fields."""
    if isinstance(value, ObjectReference):
        names = ("Kind", "Namespace", "Name", "UID", "APIVersion", "ResourceVersion", "FieldPath")
        fields = (value.kind, value.namespace, value.name, value.uid, value.api_version)
        return dict(
            zip(names, [text or "" for text in (*fields, value.resource_version, value.field_path)], strict=True)
        )
    if isinstance(value, EventSource):
        return {"Component": value.component or "", "Host": value.host or ""}
    return value


def _errors(obj: EventsV1Event) -> Iterator[FieldError]:
    if obj.series is not None:
        yield from _series_errors(obj.series)
    if not obj.event_time:
        yield required("eventTime")
    if obj.type not in {"Normal", "Warning"}:
        yield invalid("type", "", f"has invalid value: {obj.type or ''}")
    yield from _deprecated_errors(obj)


def _series_errors(series: EventsV1EventSeries) -> Iterator[FieldError]:
    if series.count < 2:
        yield invalid("series.count", "", "should be at least 2")
    if not series.last_observed_time:
        yield required("series.lastObservedTime")


def _deprecated_errors(obj: EventsV1Event) -> Iterator[FieldError]:
    """What only events of the core group tell, under the names that it has there."""
    for path, value in (
        ("firstTimestamp", obj.deprecated_first_timestamp),
        ("lastTimestamp", obj.deprecated_last_timestamp),
        ("count", obj.deprecated_count),
        ("source", obj.deprecated_source.component or obj.deprecated_source.host),
    ):
        if value:
            yield invalid(path, "", "needs to be unset")


def _shown(column: Column[Event]) -> Column[EventsV1Event]:
    def cell(obj: EventsV1Event, now: datetime) -> Cell:
        return column.cell(to_stored(obj), now)

    return Column(column.name, cell, column.type, column.format, column.priority)


def _fields(obj: EventsV1Event) -> Mapping[str, str]:
    fields = event.event_fields(to_stored(obj))
    renamed = {key.replace("involvedObject.", "regarding."): value for key, value in fields.items()}
    renamed["reportingController"] = renamed.pop("reportingComponent")
    renamed.pop("source")
    return renamed


RESOURCE = Resource(
    group="events.k8s.io",
    version="v1",
    kind="Event",
    plural="events",
    type=EventsV1Event,
    namespaced=True,
    strategy=EventsV1Strategy(),
    short_names=("ev",),
    columns=tuple(_shown(column) for column in event.COLUMNS),
    fields=_fields,
    view=View(stored=Event, from_stored=from_stored, to_stored=to_stored),
)
