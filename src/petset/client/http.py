"""The client port over HTTP: any Kubernetes, and petset's own server from another process."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from petset.aio.clock import Clock
from petset.api.errors import BadRequest, InternalError, StatusError, from_status
from petset.api.resources import Catalogue, Resource
from petset.api.schema.decode import DecodeError, decode
from petset.api.types import DeleteOptions, ListMeta, Object
from petset.client.connection import Connection
from petset.client.interface import (
    ConnectionLost,
    ListOptions,
    ObjectList,
    Patch,
    WatchEvent,
    WatchEventType,
    WatchOptions,
    WriteOptions,
    result_or_error,
)
from petset.client.paths import collection_path, object_path
from petset.client.transport import USER_AGENT, Body, Params, Transport

T = TypeVar("T", bound=Object)
B = TypeVar("B", bound=Object)

_EVERYTHING = ListOptions()
_FROM_NOW = WatchOptions()
_PLAINLY = WriteOptions()

PATCH_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}

_encode = msgspec.json.Encoder().encode


class _List(msgspec.Struct):
    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class _Frame(msgspec.Struct):
    type: WatchEventType
    object: msgspec.Raw


_decode_list = msgspec.json.Decoder(_List).decode
_decode_frame = msgspec.json.Decoder(_Frame).decode


class HttpClient:
    """Implements `petset.client.interface.Client`. The catalogue says where the kinds live.

    `field_manager` stands for the client's writes, unless the options of one say otherwise; without it the server takes
    the user agent, and refuses apply patches.
    """

    def __init__(
        self,
        connection: Connection,
        catalogue: Catalogue,
        *,
        field_manager: str = "",
        user_agent: str = USER_AGENT,
        clock: Clock | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        self.transport = Transport(connection, user_agent=user_agent, clock=clock, on_warning=on_warning)
        """For requests the port has no verb for: tables, discovery, other kinds."""
        self._catalogue = catalogue
        self._field_manager = field_manager

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T:
        """One object. Raises NotFound."""
        return _decoded(await self.transport.request("GET", self._path(kind, name, namespace)), kind)

    async def list(self, kind: type[T], namespace: str = "", options: ListOptions = _EVERYTHING) -> ObjectList[T]:
        """One page of the objects of a kind, in one namespace or (namespace empty) in all."""
        path = collection_path(self._catalogue.of(kind), namespace)
        raw = await self.transport.request("GET", path, _list_params(options))
        try:
            page = _decode_list(raw)
        except msgspec.DecodeError as error:
            raise _not_understood(kind, error) from error
        items = [_decoded(bytes(item), kind) for item in page.items or ()]
        return ObjectList(items, page.metadata.resource_version or "", page.metadata.continue_ or "")

    @asynccontextmanager
    async def watch(
        self, kind: type[T], namespace: str = "", options: WatchOptions = _FROM_NOW
    ) -> AsyncIterator[AsyncIterator[WatchEvent[T]]]:
        """Changes as they become durable. Raises Expired (410) when the revision is too old."""
        path = collection_path(self._catalogue.of(kind), namespace)
        async with (
            self.transport.lines(path, _watch_params(options)) as lines,
            contextlib.aclosing(_events(lines, kind)) as events,
        ):
            yield events

    async def create(self, obj: T, options: WriteOptions = _PLAINLY) -> T:
        """Creates; the namespace is in the metadata."""
        path = collection_path(self._catalogue.of(type(obj)), obj.metadata.namespace)
        raw = await self.transport.request("POST", path, self._write_params(options), Body(_encode(obj)))
        return _decoded(raw, type(obj))

    async def create_all(self, objects: Sequence[T]) -> Sequence[T | StatusError | ConnectionLost]:
        """Creates objects, all at once: of each the new object, or why it failed."""
        return await asyncio.gather(*(result_or_error(self.create(obj)) for obj in objects))

    async def create_subresource(self, kind: type[Object], name: str, namespace: str, subresource: str, body: B) -> B:
        """POSTs `body` to a subresource; what comes back is `body` again when the server answers with a Status."""
        path = self._path(kind, name, namespace, subresource)
        raw = await self.transport.request("POST", path, (), Body(_encode(body)))
        return body if _is_status(raw) else _decoded(raw, type(body))

    async def update(self, obj: T, subresource: str = "", options: WriteOptions = _PLAINLY) -> T:
        """Replaces; a resourceVersion in the metadata is the precondition."""
        path = self._path(type(obj), obj.metadata.name, obj.metadata.namespace, subresource)
        raw = await self.transport.request("PUT", path, self._write_params(options), Body(_encode(obj)))
        return _decoded(raw, type(obj))

    async def patch(
        self,
        kind: type[T],
        name: str,
        namespace: str,
        patch: Patch,
        subresource: str = "",
        options: WriteOptions = _PLAINLY,
    ) -> T:
        """Changes what the patch names. An apply patch creates what is not there."""
        path = self._path(kind, name, namespace, subresource)
        body = Body(_encode(patch.document), PATCH_TYPES[patch.type])
        return _decoded(await self.transport.request("PATCH", path, self._write_params(options), body), kind)

    async def delete(self, kind: type[T], name: str, namespace: str = "", options: DeleteOptions | None = None) -> None:
        """Deletes, gracefully where the kind has grace. Raises NotFound, Conflict (preconditions)."""
        body = Body(_encode(options)) if options is not None else None
        await self.transport.request("DELETE", self._path(kind, name, namespace), (), body)

    async def delete_collection(
        self, kind: type[T], namespace: str, options: ListOptions, delete: DeleteOptions | None = None
    ) -> None:
        """Deletes everything selected."""
        path = collection_path(self._catalogue.of(kind), namespace)
        body = Body(_encode(delete)) if delete is not None else None
        await self.transport.request("DELETE", path, _list_params(options), body)

    async def close(self) -> None:
        """Ends watches and connections."""
        await self.transport.close()

    def _path(self, kind: type[Object], name: str, namespace: str, subresource: str = "") -> str:
        if not name:
            raise BadRequest("resource name may not be empty")
        resource: Resource[Any] = self._catalogue.of(kind)
        return object_path(resource, name, namespace, subresource)

    def _write_params(self, options: WriteOptions) -> Params:
        return _given(
            ("fieldManager", options.field_manager or self._field_manager),
            ("dryRun", "All" if options.dry_run else ""),
            ("force", "true" if options.force else ""),
            ("fieldValidation", options.field_validation),
        )


def _list_params(options: ListOptions) -> Params:
    return _given(
        ("labelSelector", options.label_selector),
        ("fieldSelector", options.field_selector),
        ("resourceVersion", options.resource_version),
        ("limit", str(options.limit or "")),
        ("continue", options.continue_),
    )


def _watch_params(options: WatchOptions) -> Params:
    initial = options.send_initial_events
    return _given(
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("labelSelector", options.label_selector),
        ("fieldSelector", options.field_selector),
        ("resourceVersion", options.resource_version),
        ("sendInitialEvents", "true" if initial else ""),
        ("resourceVersionMatch", "NotOlderThan" if initial else ""),
        ("timeoutSeconds", str(options.timeout_seconds or "")),
    )


def _given(*params: tuple[str, str]) -> Params:
    return [(name, value) for name, value in params if value]


async def _events(lines: AsyncIterator[bytes], kind: type[T]) -> AsyncGenerator[WatchEvent[T], None]:
    async for line in lines:
        try:
            frame = _decode_frame(line)
        except msgspec.DecodeError as error:
            raise _not_understood(kind, error) from error
        if frame.type == "ERROR":
            status = msgspec.json.decode(frame.object)
            raise from_status(status, int(status.get("code") or 500))
        yield WatchEvent(frame.type, _decoded(bytes(frame.object), kind))


def _decoded(raw: bytes, kind: type[T]) -> T:
    try:
        return decode(raw, kind)
    except DecodeError as error:
        raise _not_understood(kind, error) from error


def _not_understood(kind: type[Object], error: Exception) -> InternalError:
    return InternalError(f"the server's answer is no {kind.__name__}: {error}")


def _is_status(raw: bytes) -> bool:
    return b'"kind":"Status"' in raw[:200].replace(b" ", b"")
