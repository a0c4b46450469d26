"""The `Client` port in process: a direct call of the pipeline, no HTTP in between."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias, TypeVar

import msgspec

from petset.api.errors import StatusError
from petset.api.resources import Resource
from petset.api.types import DeleteOptions, Object
from petset.apiserver import request
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import Registry
from petset.apiserver.request import Answer, Gift, Identity, PatchBody, Target
from petset.apiserver.watch import WatchChange
from petset.client.interface import (
    ConnectionLost,
    ListOptions,
    ObjectList,
    Patch,
    WatchEvent,
    WatchOptions,
    WriteOptions,
)

T = TypeVar("T", bound=Object)
B = TypeVar("B", bound=Object)

_Batches: TypeAlias = AsyncIterable[Iterable[WatchChange]]


class _Kind(msgspec.Struct):
    kind: str = ""


_read_kind = msgspec.json.Decoder(_Kind).decode
_LIST = ListOptions()
_WATCH = WatchOptions()
_WRITE = WriteOptions()


class LocalClient:
    """One caller of the pipeline. `field_manager` stands for its writes, unless the options of one say otherwise."""

    def __init__(self, server: ApiServer, identity: Identity, field_manager: str = "") -> None:
        self._server = server
        self._identity = identity
        self._field_manager = field_manager

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T:
        """One object. Raises NotFound."""
        answer = await self._server.get(self._target(kind, namespace, name))
        return self._decode(kind, answer.record.value)

    async def list(self, kind: type[T], namespace: str = "", options: ListOptions = _LIST) -> ObjectList[T]:
        """All objects of a kind, in one namespace or (namespace empty) in all."""
        listing = await self._server.list(self._target(kind, namespace), _list_options(options))
        items = [self._decode(kind, record.value) for record in listing.records]
        return ObjectList(items, str(listing.revision), listing.continue_)

    @asynccontextmanager
    async def watch(
        self, kind: type[T], namespace: str = "", options: WatchOptions = _WATCH
    ) -> AsyncIterator[AsyncIterator[WatchEvent[T]]]:
        """Changes as they become durable. Raises Expired (410), at once or later, when the revision is too old."""
        initial = options.send_initial_events
        wanted = request.WatchOptions(
            options.label_selector,
            options.field_selector,
            options.resource_version,
            resource_version_match="NotOlderThan" if initial else "",
            send_initial_events=True if initial else None,
            allow_bookmarks=True,
            timeout_seconds=options.timeout_seconds,
        )
        target = self._target(kind, namespace)
        timed = options.timeout_seconds is not None
        opening: AbstractAsyncContextManager[_Batches]
        opening = self._server.stream(target, wanted) if timed else self._server.watch(target, wanted)
        async with opening as batches:
            events = _events(batches, target.resource, self._server.registry)
            try:
                yield events
            finally:
                await events.aclose()

    async def create(self, obj: T, options: WriteOptions = _WRITE) -> T:
        """Creates; the namespace is in the metadata. Raises AlreadyExists, Invalid, NotFound (no such namespace)."""
        kind = type(obj)
        target = self._target(kind, obj.metadata.namespace)
        content = Gift(obj) if options.given else obj
        answer = await self._server.create(self._identity, target, content, self._write_options(options))
        return self._answered(kind, answer, options)

    async def create_all(self, objects: Sequence[T]) -> Sequence[T | StatusError | ConnectionLost]:
        """Creates objects that are given away, all at once: of each the new object, or why it failed."""
        outcomes = await self._server.create_all(self._identity, objects, self._write_options(_WRITE))
        return [
            outcome if isinstance(outcome, StatusError) else self._server.registry.shared(self._resource(obj), outcome)
            for obj, outcome in zip(objects, outcomes, strict=True)
        ]

    async def update(self, obj: T, subresource: str = "", options: WriteOptions = _WRITE) -> T:
        """Replaces; a resourceVersion in the metadata is the precondition. Raises Conflict, Invalid, NotFound."""
        kind = type(obj)
        target = self._target(kind, obj.metadata.namespace, obj.metadata.name, subresource)
        content = Gift(obj) if options.given else obj
        answer = await self._server.update(self._identity, target, content, self._write_options(options))
        return self._answered(kind, answer, options)

    async def patch(
        self,
        kind: type[T],
        name: str,
        namespace: str,
        patch: Patch,
        subresource: str = "",
        options: WriteOptions = _WRITE,
    ) -> T:
        """Changes what the patch names. An apply patch creates what is not there."""
        target = self._target(kind, namespace, name, subresource)
        body = PatchBody(patch.type, patch.document)
        answer = await self._server.patch(self._identity, target, body, self._write_options(options))
        return self._decode(kind, answer.record.value)

    async def create_subresource(self, kind: type[Object], name: str, namespace: str, subresource: str, body: B) -> B:
        """POSTs `body` to a subresource; what comes back is `body` again when the server answers with a Status."""
        target = self._target(kind, namespace, name, subresource)
        answer = await self._server.create(self._identity, target, body, self._write_options(_WRITE))
        raw = answer.record.value
        return body if _read_kind(raw).kind == "Status" else msgspec.json.decode(raw, type=type(body))

    async def delete(self, kind: type[T], name: str, namespace: str = "", options: DeleteOptions | None = None) -> None:
        """Deletes, gracefully where the kind has grace. Raises NotFound, Conflict (preconditions)."""
        await self._server.delete(self._identity, self._target(kind, namespace, name), options or DeleteOptions())

    async def delete_collection(
        self, kind: type[T], namespace: str, options: ListOptions, delete: DeleteOptions | None = None
    ) -> None:
        """Deletes everything selected."""
        target = self._target(kind, namespace)
        wanted = _list_options(options)
        await self._server.delete_collection(self._identity, target, wanted, delete or DeleteOptions())

    async def close(self) -> None:
        """Nothing is held between calls."""

    def _resource(self, obj: T) -> Resource[T]:
        return self._server.catalogue.of(type(obj))

    def _target(self, kind: type[Object], namespace: str, name: str = "", subresource: str = "") -> Target:
        return Target(self._server.catalogue.of(kind), namespace, name, subresource)

    def _answered(self, kind: type[T], answer: Answer, options: WriteOptions) -> T:
        if options.given and not options.dry_run:
            return self._server.registry.shared(self._server.catalogue.of(kind), answer.record)
        return self._decode(kind, answer.record.value)

    def _decode(self, kind: type[T], value: bytes) -> T:
        return self._server.registry.parse(self._server.catalogue.of(kind), value)

    def _write_options(self, options: WriteOptions) -> request.WriteOptions:
        manager = options.field_manager or self._field_manager
        # what a typed object cannot hold needs no warning
        validation = options.field_validation or "Ignore"
        return request.WriteOptions(manager, options.dry_run, options.force or None, validation, begins_tracking=False)


async def _events(batches: _Batches, resource: Resource[T], registry: Registry) -> AsyncGenerator[WatchEvent[T], None]:
    async for batch in batches:
        for change in batch:
            yield WatchEvent(change.type, _object_of(change, resource, registry))


def _object_of(change: WatchChange, resource: Resource[T], registry: Registry) -> T:
    """What changed. A bookmark, and the end of what was selected, have the revision of a record they are not."""
    if resource.view is None:
        if change.type in ("ADDED", "MODIFIED"):
            return registry.shared(resource, change.record)
        if change.type == "DELETED":
            return registry.last(resource, change.record)
    return registry.parse(resource, change.record.value)


def _list_options(options: ListOptions) -> request.ListOptions:
    return request.ListOptions(
        options.label_selector,
        options.field_selector,
        options.resource_version,
        limit=options.limit,
        continue_=options.continue_,
    )
