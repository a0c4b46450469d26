"""The stored objects, typed: how an object becomes a record, and how a record becomes an object again.

A resource may be a view: it shows the stored objects of another resource in its own shape (events.k8s.io over the core
events). Only this module knows the difference.
"""

from collections import deque
from collections.abc import Awaitable, Callable, Container, Generator, Mapping
from typing import Any, TypeVar
from weakref import WeakValueDictionary

import msgspec

from petset.aio.clock import Clock
from petset.api import protobuf
from petset.api.errors import BareFailure, Conflict, InternalError, StatusError
from petset.api.meta import format_time
from petset.api.patch.trees import Tree, split
from petset.api.resources import Catalogue, Resource
from petset.api.types import Object
from petset.apiserver.fields import Fields
from petset.apiserver.fieldsets import FieldSets
from petset.store.interface import Draft, Indexer, Record, Store, StoreFailed, WriteConflict

T = TypeVar("T", bound=Object)
_Decide = Callable[[], Awaitable[Record]]
_Place = tuple[str, str, Callable[[int], Draft]]

encode = msgspec.json.Encoder().encode

RECENT = 512
"""Objects kept, decoded, for those who are about to ask for them: the watchers in this process, and who wrote them."""
LARGEST_OBJECT = 1536 * 1024
"""Bytes that etcd takes (`--max-request-bytes`), to which upstream brings objects in protobuf."""
_DISOWNED = b" "
"""What ends the text of an object that no write begins to track. To whoever reads the JSON it means nothing."""
_LARGEST_MESSAGE = 2 * 1024 * 1024
"""Bytes that upstream's client of etcd sends at all."""


class Registry:
    """What every verb works with: the catalogue, the store, the clock, and the way between objects and bytes."""

    def __init__(self, catalogue: Catalogue, store: Store, clock: Clock) -> None:
        self.catalogue = catalogue
        self.store = store
        self.clock = clock
        self._stored = {resource.type: catalogue.stored(resource) for resource in catalogue.resources}
        self._collections = {kind: resource.collection for kind, resource in self._stored.items()}
        self._field_sets = FieldSets()
        self._alive: WeakValueDictionary[int, Any] = WeakValueDictionary()
        self._recent: deque[Object] = deque(maxlen=RECENT)
        self._decoders: dict[type[Object], msgspec.json.Decoder[Any]] = {
            resource.type: msgspec.json.Decoder(resource.type) for resource in catalogue.resources
        }
        self.field_labels: dict[type[Object], frozenset[str]] = {
            resource.type: frozenset(resource.fields(resource.type())) for resource in catalogue.resources
        }

    def collection(self, resource: Resource[Any]) -> str:
        """Where the objects that `resource` shows are stored."""
        return self._collections[resource.type]

    def time(self) -> str:
        """The present as a `Time` on the wire."""
        return format_time(self.clock.now())

    def decode(self, resource: Resource[T], value: bytes) -> T:
        """The object behind stored bytes, as `resource` serves it: a private copy."""
        view = resource.view
        obj: T = view.from_stored(self._decoders[view.stored].decode(value)) if view else self.parse(resource, value)
        return obj

    def parse(self, resource: Resource[T], value: bytes) -> T:
        """The object behind bytes in the shape of `resource`. Raises msgspec.DecodeError, msgspec.ValidationError."""
        obj: T = self._decoders[resource.type].decode(value)
        return obj

    def shared(self, resource: Resource[T], record: Record) -> T:
        """The object behind a stored record, as `resource` serves it: one for all who ask. Never change it."""
        if resource.view is not None:
            return self.decode(resource, record.value)
        obj: T | None = self._alive.get(record.revision)
        if obj is None:
            obj = self.parse(resource, record.value)
            self._share(resource, record.revision, obj)
        return obj

    def last(self, resource: Resource[T], record: Record) -> T:
        """The same for the last state that a watcher of stored objects sees of one."""
        obj: T | None = self._alive.get(-record.revision)
        return self.parse(resource, record.value) if obj is None else obj

    def _share(self, resource: Resource[Any], revision: int, obj: Object) -> None:
        self._field_sets.share(obj.metadata.managed_fields)
        if resource.share is not None:
            resource.share(obj)
        self._alive[revision] = obj  # of a last state the negative: not every watcher sees it as such
        self._recent.append(obj)

    def tree(self, resource: Resource[Any], value: bytes, names: Container[str] | None = None) -> Tree:
        """The JSON tree behind stored bytes, in the shape of `resource`.

        With `names`, only the fields of the object that have one of them are trees; the others stay raw texts.
        """
        raw = encode(self.decode(resource, value)) if resource.view else value
        if names is None:
            tree: Tree = msgspec.json.decode(raw)
            return tree
        return {name: msgspec.json.decode(text) if name in names else text for name, text in split(raw).items()}

    def shown(self, resource: Resource[Any], record: Record) -> Record:
        """The record as `resource` serves it: itself, unless the resource is a view of what is stored."""
        if resource.view is None:
            return record
        obj = self.decode(resource, record.value)
        return Record(record.name, record.revision, encode(obj), record.labels, resource.fields(obj))

    def newest(self, resource: Resource[Any], namespace: str, name: str) -> Record | None:
        """The state that the next write has to be decided against."""
        key = f"{namespace}/{name}" if resource.namespaced else name
        return self.store.newest(self._collections[resource.type], key)

    def find(self, kind: type[T], namespace: str, name: str) -> T | None:
        """The newest state of an object of another kind, for rules that span kinds. Nobody may change it."""
        resource = self.catalogue.of(kind)
        record = self.newest(resource, namespace, name)
        return self.shared(resource, record) if record else None

    def has(self, kind: type[Object], namespace: str, name: str) -> bool:
        """Whether an object of another kind is there."""
        return self.newest(self.catalogue.of(kind), namespace, name) is not None

    def all(self, kind: type[T], namespace: str = "") -> list[T]:
        """Every object of a kind, decoded; for rules over few objects only."""
        resource = self.catalogue.of(kind)
        prefix = f"{namespace}/" if namespace else ""
        snapshot = self.store.list(self.collection(resource), prefix)
        return [self.decode(resource, record.value) for record in snapshot.records]

    def is_disowned(self, record: Record) -> bool:
        """Whether this is the state of an object that no write begins to track; see `ownership`."""
        return record.value.endswith(_DISOWNED)

    def write(self, resource: Resource[T], obj: T, expected: int | None, *, disowned: bool = False) -> "Acceptance":
        """Makes `obj` the new state; what it returns waits until that is durable. Raises Conflict, InternalError.

        Nothing may change `obj` afterwards: it becomes the `shared` object of the record. `expected` is as in
        `Store.write`, `disowned` is kept with the record.
        """
        place = self._place(resource, obj, disowned=disowned)
        return self._accepted(resource, obj, lambda: self.store.write(*place, expected), sign=1)

    def remove(self, resource: Resource[T], obj: T, expected: int) -> "Acceptance":
        """Ends an object whose last state is `obj`; otherwise as `write`."""
        place = self._place(resource, obj, ends=True)
        return self._accepted(resource, obj, lambda: self.store.delete(*place, expected), sign=-1)

    def _accepted(self, resource: Resource[Any], obj: Object, decide: _Decide, *, sign: int) -> "Acceptance":
        try:
            commit = decide()
        except (WriteConflict, StoreFailed) as error:
            raise _in_words_of_the_api(error, resource, obj) from error
        if resource.view is None:
            self._share(resource, sign * int(obj.metadata.resource_version), obj)
        return Acceptance(self, resource, commit)

    def rehearsed(self, resource: Resource[T], obj: T) -> Record:
        """The record that a dry run answers with: nothing is stored, the resourceVersion stays as it is."""
        name = resource.key(obj.metadata.namespace, obj.metadata.name)
        return Record(name, 0, encode(obj), obj.metadata.labels, resource.fields(obj))

    def _place(self, resource: Resource[Any], obj: Object, *, ends: bool = False, disowned: bool = False) -> _Place:
        held = resource.view.to_stored(obj) if resource.view else obj
        name = resource.key(held.metadata.namespace, held.metadata.name)
        stored = self._stored[resource.type]

        def draft(revision: int) -> Draft:
            held.metadata.resource_version = str(revision)
            value = encode(held)
            if len(value) > LARGEST_OBJECT and not ends:
                _check_size(value)
            if disowned:
                value += _DISOWNED
            return Draft(value, held.metadata.labels, Fields(stored.fields(held)))

        return stored.collection, name, draft


class Acceptance:
    """A write that has its place in the order. Await it for the durable record, in the shape of the resource."""

    __slots__ = ("_commit", "_registry", "_resource")

    def __init__(self, registry: Registry, resource: Resource[Any], commit: Awaitable[Record]) -> None:
        self._registry = registry
        self._resource = resource
        self._commit = commit

    def __await__(self) -> Generator[Any, None, Record]:
        """Raises InternalError when the disk refuses the write."""
        try:
            record = yield from self._commit.__await__()
        except StoreFailed as error:
            raise _not_stored(error) from error
        return self._registry.shown(self._resource, record)


def _check_size(value: bytes) -> None:
    """Raises BareFailure, in the words of etcd or of its client, for an object that etcd would not take."""
    size = protobuf.size_of(msgspec.json.decode(value))
    if size > _LARGEST_MESSAGE:
        limit = f"trying to send message larger than max ({size} vs. {_LARGEST_MESSAGE})"
        raise BareFailure(f"rpc error: code = ResourceExhausted desc = {limit}")
    if size > LARGEST_OBJECT:
        raise BareFailure("etcdserver: request is too large")


def _in_words_of_the_api(error: WriteConflict | StoreFailed, resource: Resource[Any], obj: Object) -> StatusError:
    """What stands for the store's refusal of a write."""
    if isinstance(error, WriteConflict):
        return modified(resource, obj.metadata.name)
    return _not_stored(error)


def _not_stored(error: StoreFailed) -> InternalError:
    return InternalError(f"the write was not stored: {error}")


def modified(resource: Resource[Any], name: str) -> Conflict:
    """The refusal of a write that was decided against an old state."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return Conflict.of(resource.group, resource.plural, name, why)


def indexer(catalogue: Catalogue) -> Indexer:
    """What a store driver calls when it loads: the selectable parts of stored bytes."""
    by_collection = {resource.collection: resource for resource in catalogue.resources if resource.view is None}
    decoders = {name: msgspec.json.Decoder(resource.type) for name, resource in by_collection.items()}

    def index(collection: str, value: bytes) -> tuple[Mapping[str, str], Mapping[str, str]]:
        obj = decoders[collection].decode(value)
        return obj.metadata.labels, Fields(by_collection[collection].fields(obj))

    return index
