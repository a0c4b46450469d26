"""watch: the store's events as one client selected them, with the present state first when it asks for that.

An object that begins to match its watcher's selectors is ADDED for it, one that stops is DELETED. Events and records
are shared by all watchers; what has to be made for one event is made once and kept in `Event.frames`.
"""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import chain, islice
from typing import Any, Literal

import msgspec

from petset.api import field
from petset.api.errors import Expired, Invalid, StatusError
from petset.api.resources import Resource
from petset.apiserver import read, selection
from petset.apiserver.registry import Registry, encode
from petset.apiserver.request import Target, WatchOptions
from petset.store.interface import Compacted, Event, EventType, Lagged, Record, Watch

ChangeType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK"]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
INITIAL_AT_ONCE = 100
"""Objects that a watch begins with, at a time."""


class WatchChange(msgspec.Struct, frozen=True, gc=False):
    """One change as one watcher sees it. `frames` keeps what had to be computed of it, for all who see it."""

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


class Interest:
    """What a watch wants to see: the objects below a name, all or as its selectors choose them."""

    def __init__(self, registry: Registry, target: Target, options: WatchOptions) -> None:
        """Raises BadRequest, Invalid."""
        _check_options(options)
        self.resource = resource = target.resource
        self._registry = registry
        self._wanted = wanted = selection.parse(registry, resource, options.label_selector, options.field_selector)
        self._prefix = read.prefix_of(target)
        if wanted.name is not None and (target.namespace or not resource.namespaced):
            self._prefix = resource.key(target.namespace, wanted.name)

    def begin(self, options: WatchOptions) -> tuple[int, Iterator[WatchChange]]:
        """The revision after which changes are wanted, maybe one of the future, and what has to be seen before them.

        Raises BadRequest. What has to be seen of the future is not there: iterating raises Timeout then.
        """
        registry, resource, wanted = self._registry, self.resource, self._wanted
        asked, present = read.parse_revision(options.resource_version), registry.store.revision
        if asked != 0 and not options.send_initial_events:
            return asked, iter(())
        if asked > present:
            return asked, _fail(read.future(asked, present))
        snapshot = registry.store.list(registry.collection(resource), self._prefix, wanted.labels.equal)
        records = snapshot.records if options.send_initial_events is not False else ()
        if resource.view is not None:
            records = tuple(registry.shown(resource, record) for record in records)
        if not wanted.everything:
            records = wanted.select(records)
        end = bookmark(resource, snapshot.revision, ends_initial_events=True)
        ends = [end] if options.send_initial_events and options.allow_bookmarks else []
        return snapshot.revision, chain((WatchChange("ADDED", record, {}) for record in records), ends)

    def follow(self, after: int) -> Watch:
        """The events after a revision of the past that may matter. Raises Expired."""
        try:
            return self._registry.store.watch(self._registry.collection(self.resource), after, self._prefix)
        except Compacted as error:
            raise Expired(f"too old resource version: {after} ({error.oldest})") from error

    def seen(self, events: Iterable[Event]) -> Iterator[WatchChange]:
        """The events as this watcher has to see them, those that it has to."""
        if self.resource.view is not None:
            events = map(self._shown, events)
        if self._wanted.everything:
            for event in events:
                yield WatchChange(event.type.value, event.record, event.frames)
            return
        for event in events:
            change = self._selected(event)
            if change is not None:
                yield change

    def _selected(self, event: Event) -> WatchChange | None:
        before = event.previous is not None and self._wanted.matches(event.previous)
        after = self._wanted.matches(event.record)
        if event.type is EventType.DELETED:
            return WatchChange("DELETED", event.record, event.frames) if before or after else None
        if after:
            return WatchChange("MODIFIED" if before else "ADDED", event.record, event.frames)
        return self._left(event) if before else None

    def _left(self, event: Event) -> WatchChange:
        """The end of a match: the last matching state, at the revision at which it stopped to match."""
        assert event.previous is not None
        value = event.frames.get("left")
        if value is None:
            obj = self._registry.parse(self.resource, event.previous.value)
            obj.metadata.resource_version = str(event.record.revision)
            value = event.frames["left"] = encode(obj)
        previous = event.previous
        record = Record(previous.name, event.record.revision, value, previous.labels, previous.fields)
        return WatchChange("DELETED", record, event.frames)

    def _shown(self, event: Event) -> Event:
        previous = self._registry.shown(self.resource, event.previous) if event.previous else None
        return Event(event.type, self._registry.shown(self.resource, event.record), previous, {})


class ChangeFeed:
    """An open watch: iterate it. `initial` is what its client has to see before what happens after `start`."""

    def __init__(self, interest: Interest, watch: Watch, start: int, initial: Iterator[WatchChange]) -> None:
        self._interest = interest
        self._watch = watch
        self._start = start
        self._initial = initial

    async def __aiter__(self) -> AsyncIterator[list[WatchChange]]:
        """What happens, as many changes at a time as are there. Raises Expired when this reader fell behind."""
        initial, self._initial = self._initial, iter(())
        while some := list(islice(initial, INITIAL_AT_ONCE)):
            yield some
        del initial  # a watch may last for days; what it began with does not
        try:
            async for event in self._watch:
                seen = self._interest.seen((event, *self._watch.take()))
                changes = [change for change in seen if change.record.revision > self._start]
                if changes:
                    yield changes
        except Lagged as error:
            raise left_behind(error) from error


def _fail(error: StatusError) -> Iterator[WatchChange]:
    raise error
    yield  # not before somebody iterates


def left_behind(error: Lagged) -> Expired:
    """What a watcher is told that does not keep up."""
    return Expired(f"too old resource version: the watch did not keep up: {error}")


@asynccontextmanager
async def open_feed(registry: Registry, target: Target, options: WatchOptions) -> AsyncIterator[ChangeFeed]:
    """Opens a watch; leaving the block closes it. Raises BadRequest, Invalid, Expired.

    From a revision of the future it is silent until that has come; where the present state was asked for, too, it
    fails as soon as it is iterated.
    """
    interest = Interest(registry, target, options)
    start, initial = interest.begin(options)
    watch = interest.follow(min(start, registry.store.revision))
    try:
        yield ChangeFeed(interest, watch, start, initial)
    finally:
        watch.close()


def frame(change: WatchChange) -> bytes:
    """The change as it goes over the wire: one line of JSON. It is not kept: the history would be twice as large."""
    return b'{"type":"%b","object":%b}\n' % (change.type.encode(), change.record.value)


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
