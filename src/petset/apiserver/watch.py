"""watch: the store's events as one client selected them, with the present state first when it asks for that.

An object that begins to match its watcher's selectors is ADDED for it, one that stops is DELETED. Events and records
are shared by all watchers; what has to be made for one event is made once and kept in `Event.frames`.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec

from petset.api import field
from petset.api.errors import Expired, Invalid, StatusError
from petset.api.resources import Resource
from petset.apiserver import read, selection
from petset.apiserver.registry import Registry, encode
from petset.apiserver.request import Target, WatchOptions
from petset.apiserver.selection import Selection
from petset.store.interface import Compacted, Event, EventType, Lagged, Record, Watch

ChangeType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
INITIAL_AT_ONCE = 100
"""Objects that a watch begins with, at a time."""


class WatchChange(msgspec.Struct, frozen=True, gc=False):
    """One change as one watcher sees it. `frames` keeps its encodings; watchers of the same change share it."""

    type: ChangeType
    record: Record
    frames: dict[str, bytes]


def bookmark(resource: Resource[Any], revision: int, *, ends_initial_events: bool = False) -> WatchChange:
    """Progress without a change: an object of the watched kind that has only a resourceVersion."""
    obj = resource.type()
    obj.api_version, obj.kind = resource.group_version, resource.kind
    obj.metadata.resource_version = str(revision)
    if ends_initial_events:
        obj.metadata.annotations = {INITIAL_EVENTS_END: "true"}
    return WatchChange("BOOKMARK", Record("", revision, encode(obj), {}, {}), {})


class ChangeFeed:
    """An open watch: iterate it. `initial` is what its client has to see before anything else, some at a time."""

    def __init__(self, registry: Registry, resource: Resource[Any], wanted: Selection, watch: Watch) -> None:
        self._registry = registry
        self._resource = resource
        self._wanted = wanted
        self._watch = watch
        self.initial: Iterator[list[WatchChange]] = iter(())
        self.silent_until = 0
        """A revision, of the future when it is not 0, up to which nothing is shown."""
        self.failure: StatusError | None = None
        """Why there is nothing to show at all, which a client learns within the answer."""

    @property
    def progress(self) -> int | None:
        """A revision up to which everything was yielded; None as long as its client knows a later one."""
        return self._watch.progress if self._watch.progress >= self.silent_until else None

    async def __aiter__(self) -> AsyncIterator[list[WatchChange]]:
        """What happens, as many changes at a time as are there. Raises Expired when this reader fell behind."""
        if self.failure is not None:
            raise self.failure
        initial, self.initial = self.initial, iter(())
        for changes in initial:
            yield changes
        del initial  # a watch may last for days; what it began with does not
        try:
            async for event in self._watch:
                changes = [*self._seen(event)]
                for further in self._watch.take():
                    changes += self._seen(further)
                if changes:
                    yield changes
        except Lagged as error:
            raise Expired(f"too old resource version: the watch did not keep up: {error}") from error

    def _seen(self, event: Event) -> Iterator[WatchChange]:
        """The event as this watcher has to see it, if at all."""
        if event.record.revision <= self.silent_until:
            return
        if self._resource.view is not None:
            event = self._shown(event)
        if self._wanted.everything:
            yield WatchChange(event.type.value, event.record, event.frames)
            return
        before = event.previous is not None and self._wanted.matches(event.previous)
        if event.type is EventType.DELETED:
            if before or self._wanted.matches(event.record):
                yield WatchChange("DELETED", event.record, event.frames)
        elif self._wanted.matches(event.record):
            yield WatchChange("MODIFIED" if before else "ADDED", event.record, event.frames)
        elif before:
            yield self._left(event)

    def _left(self, event: Event) -> WatchChange:
        """The end of a match: the last matching state, at the revision at which it stopped to match."""
        assert event.previous is not None
        value = event.frames.get("left")
        if value is None:
            obj = self._registry.parse(self._resource, event.previous.value)
            obj.metadata.resource_version = str(event.record.revision)
            value = event.frames["left"] = encode(obj)
        previous = event.previous
        record = Record(previous.name, event.record.revision, value, previous.labels, previous.fields)
        return WatchChange("DELETED", record, event.frames)

    def _shown(self, event: Event) -> Event:
        previous = self._registry.shown(self._resource, event.previous) if event.previous else None
        return Event(event.type, self._registry.shown(self._resource, event.record), previous, {})


@asynccontextmanager
async def open_feed(registry: Registry, target: Target, options: WatchOptions) -> AsyncIterator[ChangeFeed]:
    """Opens a watch; leaving the block closes it. Raises BadRequest, Invalid, Expired.

    From a revision of the future it is silent until that has come; where the present state was asked for, too, it
    fails as soon as it is iterated.
    """
    _check_options(options)
    resource = target.resource
    wanted = selection.parse(registry, resource, options.label_selector, options.field_selector)
    prefix = read.prefix_of(target)
    if wanted.name is not None and (target.namespace or not resource.namespaced):
        prefix = resource.key(target.namespace, wanted.name)
    asked, present = read.parse_revision(options.resource_version), registry.store.revision
    from_now = asked == 0 or bool(options.send_initial_events)
    initial: Iterator[list[WatchChange]] = iter(())
    start, is_future = min(asked, present), asked > present
    if from_now and not is_future:
        snapshot = registry.store.list(registry.collection(resource), prefix, wanted.labels.equal)
        start = snapshot.revision
        records = snapshot.records if options.send_initial_events is not False else ()
        if resource.view is not None:
            records = tuple(registry.shown(resource, record) for record in records)
        if not wanted.everything:
            records = wanted.select(records)
        end = bookmark(resource, start, ends_initial_events=True)
        initial = _initial(records, [end] if options.send_initial_events and options.allow_bookmarks else [])
    watch = _subscribe(registry, registry.collection(resource), start, prefix)
    feed = ChangeFeed(registry, resource, wanted, watch)
    feed.initial = initial
    if is_future and from_now:
        feed.failure = read.future(asked, present)
    elif is_future:
        feed.silent_until = asked
    try:
        yield feed
    finally:
        watch.close()


def _initial(records: Sequence[Record], ends: list[WatchChange]) -> Iterator[list[WatchChange]]:
    """What is there, some at a time, so that a watch of much holds little at once."""
    for first in range(0, len(records), INITIAL_AT_ONCE):
        yield [WatchChange("ADDED", record, {}) for record in records[first : first + INITIAL_AT_ONCE]]
    if ends:
        yield ends


def _subscribe(registry: Registry, collection: str, after: int, prefix: str) -> Watch:
    try:
        return registry.store.watch(collection, after, prefix)
    except Compacted as error:
        raise Expired(f"too old resource version: {after} ({error.oldest})") from error


def frame(change: WatchChange) -> bytes:
    """The change as it goes over the wire: one line of JSON. Made once for all watchers of it."""
    found = change.frames.get(change.type)
    if found is None:
        found = b'{"type":"%b","object":%b}\n' % (change.type.encode(), change.record.value)
        change.frames[change.type] = found
    return found


def error_frame(status: dict[str, Any]) -> bytes:
    """The last line of a watch that fails after it began."""
    return b'{"type":"ERROR","object":%b}\n' % msgspec.json.encode(status)


def _check_options(options: WatchOptions) -> None:
    """Follows apimachinery's `internalversion/validation`."""
    path, match = "resourceVersionMatch", options.resource_version_match
    errors = []
    if options.send_initial_events is not None and match != "NotOlderThan":
        text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        errors.append(field.forbidden(path, text))
    if match and options.send_initial_events is None:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        errors.append(field.forbidden(path, text))
    if match and match != "NotOlderThan":
        errors.append(field.not_supported(path, match, ["NotOlderThan"]))
    if errors:
        raise Invalid.of("meta.k8s.io", "ListOptions", "", errors)
