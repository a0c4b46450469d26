"""Event: what happened to an object, told by the component that saw it."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from petset.api.field import FieldError, invalid, required
from petset.api.names import qualified_name_errors
from petset.api.resources import Resource, Strategy
from petset.api.table import Column, age
from petset.api.types import Event
from petset.kinds.checks import format_errors

LONGEST, LONGEST_MESSAGE = 128, 1024
"""Bytes of what a reporter says."""


class EventStrategy(Strategy[Event]):
    """Events are written once, and again when they recur."""

    allow_create_on_update = True

    def validate_create(self, obj: Event) -> list[FieldError]:
        """An event lives beside its object. One that says when it was says who saw what, too."""
        return list(errors(obj, "reportingComponent"))

    def validate_update(self, obj: Event, old: Event) -> list[FieldError]:
        """As on creation."""
        return self.validate_create(obj)


def errors(obj: Event, reporter: str) -> Iterator[FieldError]:
    """What is wrong with an event; `reporter` is the name that its group has for who reports it."""
    yield from _namespace_errors(obj)
    if obj.event_time:
        yield from _report_errors(obj, reporter)


def _namespace_errors(obj: Event) -> Iterator[FieldError]:
    """An event of an object without a namespace lives in `default`, or, of the newer kind, in `kube-system`."""
    involved, namespace = obj.involved_object.namespace or "", obj.metadata.namespace
    if obj.event_time:
        fits = bool(involved) or namespace in {"default", "kube-system"}
    else:
        fits = namespace == (involved or "default")
    if not fits:
        yield invalid("involvedObject.namespace", involved, "does not match event.namespace")


def _report_errors(obj: Event, reporter: str) -> Iterator[FieldError]:
    if not obj.reporting_component:
        yield required(reporter)
    yield from format_errors(reporter, obj.reporting_component, qualified_name_errors)
    texts = {"reportingInstance": obj.reporting_instance, "action": obj.action, "reason": obj.reason}
    for path, text in texts.items():
        if not text:
            yield required(path)
        elif len(text.encode()) > LONGEST:
            yield invalid(path, "", f"can have at most {LONGEST} characters")
    if len((obj.message or "").encode()) > LONGEST_MESSAGE:
        yield invalid("message", "", f"can have at most {LONGEST_MESSAGE} characters")


def _first_seen(obj: Event, now: datetime) -> str:
    return age(obj.first_timestamp or obj.event_time, now)


def _last_seen(obj: Event, now: datetime) -> str:
    if obj.series:
        return age(obj.series.last_observed_time, now)
    return age(obj.last_timestamp, now) if obj.last_timestamp else _first_seen(obj, now)


def _count(obj: Event, _: datetime) -> int:
    if obj.series:
        return obj.series.count or 0
    return obj.count or 1


def _object(obj: Event, _: datetime) -> str:
    kind, name = (obj.involved_object.kind or "").lower(), obj.involved_object.name
    return f"{kind}/{name}" if name else kind


def _source(obj: Event, _: datetime) -> str:
    component = obj.source.component or obj.reporting_component
    host = obj.source.host or obj.reporting_instance
    return f"{component}, {host}" if host else component


def event_fields(obj: Event) -> Mapping[str, str]:
    """What lists of events can be selected by."""
    involved = obj.involved_object
    values = {
        "involvedObject.kind": involved.kind,
        "involvedObject.namespace": involved.namespace,
        "involvedObject.name": involved.name,
        "involvedObject.uid": involved.uid,
        "involvedObject.apiVersion": involved.api_version,
        "involvedObject.resourceVersion": involved.resource_version,
        "involvedObject.fieldPath": involved.field_path,
        "reason": obj.reason,
        "reportingComponent": obj.reporting_component,
        "source": obj.source.component or obj.reporting_component,
        "type": obj.type,
    }
    return {key: value or "" for key, value in values.items()}


COLUMNS: tuple[Column[Event], ...] = (
    Column("Last Seen", _last_seen),
    Column("Type", lambda obj, _: obj.type or ""),
    Column("Reason", lambda obj, _: obj.reason or ""),
    Column("Object", _object),
    Column("Subobject", lambda obj, _: obj.involved_object.field_path or "", priority=1),
    Column("Source", _source, priority=1),
    Column("Message", lambda obj, _: (obj.message or "").strip()),
    Column("First Seen", _first_seen, priority=1),
    Column("Count", _count, priority=1),
    Column("Name", lambda obj, _: obj.metadata.name, format="name", priority=1),
)

RESOURCE = Resource(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    type=Event,
    namespaced=True,
    strategy=EventStrategy(),
    short_names=("ev",),
    columns=COLUMNS,
    fields=event_fields,
)
