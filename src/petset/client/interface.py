"""The port through which everybody but the server reads and writes the cluster.

Two implementations pass one contract suite: `petset.apiserver.local.LocalClient` (a direct call of the pipeline) and
`petset.client.http.HttpClient` (any Kubernetes). Kinds are named by their type:
`await client.get(Pod, "web-0", "default")`.
Every failure is a `petset.api.errors.StatusError`; a broken connection is `ConnectionLost`.
Objects handed out are private copies: the caller may change them. What a watch shows, and an informer holds, is shared:
copy first.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar

from petset.api.errors import StatusError
from petset.api.types import DeleteOptions, Object

T = TypeVar("T", bound=Object)
B = TypeVar("B", bound=Object)
R = TypeVar("R")

PatchType = Literal["json", "merge", "strategic", "apply"]
FieldValidation = Literal["", "Ignore", "Warn", "Strict"]
WatchEventType = Literal["ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"]


class ConnectionLost(Exception):
    """The server could not be reached, or went away in the middle of an answer."""


async def result_or_error(request: Awaitable[R]) -> R | StatusError | ConnectionLost:
    """What a request came to, its failure included, for those who make many at once."""
    try:
        return await request
    except (StatusError, ConnectionLost) as error:
        return error


@dataclass(frozen=True, slots=True)
class ListOptions:
    """What a list or watch selects, in the words of the API's query parameters."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    limit: int = 0
    continue_: str = ""


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """Where a watch starts. `send_initial_events` streams the present state first, then a bookmark, then changes."""

    label_selector: str = ""
    field_selector: str = ""
    resource_version: str = ""
    send_initial_events: bool = False
    timeout_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """How a write is carried out. `force` belongs to apply patches only.

    `given` belongs to creations and updates: the caller gives the object and its metadata away, in canonical form, and
    never changes the rest of it; in this process it is then not copied, and the answer is shared like what a watch
    shows.
    """

    field_manager: str = ""
    dry_run: bool = False
    force: bool = False
    field_validation: FieldValidation = ""
    given: bool = False


GIVEN = WriteOptions(given=True)
"""For the write of an object that its maker has no further use for."""


@dataclass(frozen=True, slots=True)
class ObjectList(Generic[T]):
    """One answer to a list: items in key order, the revision they show, and the token for the next page."""

    items: list[T]
    resource_version: str
    continue_: str = ""


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """One change. BOOKMARK carries only a resourceVersion (and the initial-events-end annotation)."""

    type: WatchEventType
    object: T

    @property
    def ends_initial_events(self) -> bool:
        """True for the bookmark that closes the initial state of a streaming list."""
        annotations = self.object.metadata.annotations
        return self.type == "BOOKMARK" and annotations.get("k8s.io/initial-events-end") == "true"


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch document: a list of operations for `json`, a tree for the other types."""

    type: PatchType
    document: Any


class Client(Protocol):
    """The verbs of the API. `namespace` is required for namespaced kinds and must be empty for cluster-wide ones."""

    async def get(self, kind: type[T], name: str, namespace: str = "") -> T:
        """One object. Raises NotFound."""
        ...

    async def list(self, kind: type[T], namespace: str = "", options: ListOptions = ListOptions()) -> ObjectList[T]:
        """All objects of a kind, in one namespace or (namespace empty) in all."""
        ...

    def watch(
        self, kind: type[T], namespace: str = "", options: WatchOptions = WatchOptions()
    ) -> AbstractAsyncContextManager[AsyncIterator[WatchEvent[T]]]:
        """Changes as they become durable. Raises Expired (410), at once or later, when the revision is too old."""
        ...

    async def create(self, obj: T, options: WriteOptions = WriteOptions()) -> T:
        """Creates; the namespace is in the metadata. Raises AlreadyExists, Invalid, NotFound (no such namespace)."""
        ...

    async def create_all(self, objects: Sequence[T]) -> Sequence[T | StatusError | ConnectionLost]:
        """Creates objects of one kind that are given away, all at once: of each the new object, or why it failed."""
        ...

    async def create_subresource(self, kind: type[Object], name: str, namespace: str, subresource: str, body: B) -> B:
        """POSTs `body` to a subresource of one object of `kind`: `binding`, `eviction`, `token`."""
        ...

    async def update(self, obj: T, subresource: str = "", options: WriteOptions = WriteOptions()) -> T:
        """Replaces; a resourceVersion in the metadata is the precondition. Raises Conflict, Invalid, NotFound."""
        ...

    async def patch(
        self,
        kind: type[T],
        name: str,
        namespace: str,
        patch: Patch,
        subresource: str = "",
        options: WriteOptions = WriteOptions(),
    ) -> T:
        """Changes what the patch names. An apply patch creates what is not there."""
        ...

    async def delete(self, kind: type[T], name: str, namespace: str = "", options: DeleteOptions | None = None) -> None:
        """Deletes, gracefully where the kind has grace. Raises NotFound, Conflict (preconditions)."""
        ...

    async def delete_collection(
        self, kind: type[T], namespace: str, options: ListOptions, delete: DeleteOptions | None = None
    ) -> None:
        """Deletes everything selected."""
        ...

    async def close(self) -> None:
        """Ends watches and connections."""
        ...


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a container's log is wanted; the words are those of the API's query parameters."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_seconds: int | None = None
    since_time: str = ""
    tail_lines: int | None = None
    limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """A command to run in a container, and which of its streams are wanted."""

    container: str = ""
    command: Sequence[str] = field(default_factory=tuple)
    stdin: bool = False
    stdout: bool = True
    stderr: bool = True
    tty: bool = False


class StreamSession(Protocol):
    """A running exec or attach. Streams: 1 = stdout, 2 = stderr."""

    def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        """Output as it comes; ends when the command has ended and everything was read."""
        ...

    async def write(self, data: bytes) -> None:
        """Feeds stdin."""
        ...

    async def close_stdin(self) -> None:
        """Half-closes: the command sees end of file, its output still arrives."""
        ...

    async def resize(self, width: int, height: int) -> None:
        """Sets the terminal's size in characters."""
        ...

    async def exit_code(self) -> int:
        """Waits for the end; the command's exit code."""
        ...


class PortConnection(Protocol):
    """A connection to a port inside a pod: one reader, one writer, which may be different tasks."""

    async def read(self) -> bytes:
        """What came; empty once the pod has ended its half. Raises ServiceUnavailable when there was no connection."""
        ...

    async def write(self, data: bytes) -> None:
        """Sends. Quietly does nothing once the pod no longer reads."""
        ...

    async def close_write(self) -> None:
        """Ends our half, where the way there can say so; what the pod still sends arrives."""
        ...


class PodStreams(Protocol):
    """What only the node that runs a pod can give. The node implements it; the API server hands requests through.

    Errors: NotFound for an unknown pod or container, BadRequest when the container is not running or a name is missing.
    """

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """Log bytes, line-wise, already with timestamps when asked."""
        ...

    def exec(self, namespace: str, pod: str, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        """Starts a command in a container."""
        ...

    def attach(self, namespace: str, pod: str, options: ExecOptions) -> AbstractAsyncContextManager[StreamSession]:
        """Joins the main process's streams. The exit code is 0: that of the container is told by the pod's status."""
        ...

    def port_forward(self, namespace: str, pod: str, port: int) -> AbstractAsyncContextManager[PortConnection]:
        """Connects to a port on the pod's own loopback. Entering, or reading, raises ServiceUnavailable."""
        ...
