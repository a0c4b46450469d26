"""The read cache of an informer: objects by namespace and name, and by index."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from petset.api.meta import Key, controller_of, key_of
from petset.api.types import Object

T = TypeVar("T", bound=Object)

IndexFunction = Callable[[T], Iterable[str]]
"""The keys under which an index shows an object; none when it does not belong there."""


def by_controller_uid(obj: Object) -> Iterable[str]:
    """Index function: the uid of the managing controller."""
    reference = controller_of(obj)
    return (reference.uid,) if reference is not None else ()


class Cache(Generic[T]):
    """Objects in no particular order. Reads cost what they return; a change costs the number of its index keys."""

    def __init__(self) -> None:
        self._namespaces: dict[str, dict[str, T]] = {}
        self._functions: dict[str, IndexFunction[T]] = {}
        self._indexes: dict[str, dict[str, dict[Key, T]]] = {}

    def add_indexes(self, indexes: Mapping[str, IndexFunction[T]]) -> None:
        """Adds indexes over what is there and what comes. Raises ValueError when a name means another function."""
        for name, function in indexes.items():
            known = self._functions.get(name)
            if known is function:
                continue
            if known is not None:
                raise ValueError(f"index {name!r} exists with another function")
            self._functions[name] = function
            self._indexes[name] = {}
            for obj in self.list():
                self._enter(name, key_of(obj), obj, function(obj))

    def get(self, namespace: str, name: str) -> T | None:
        """One object; None when it is not there."""
        return self._namespaces.get(namespace, {}).get(name)

    def list(self, namespace: str | None = None) -> Sequence[T]:
        """All objects, or those of one namespace."""
        if namespace is not None:
            return [*self._namespaces.get(namespace, {}).values()]
        return [obj for objects in self._namespaces.values() for obj in objects.values()]

    def by_index(self, index: str, key: str) -> Sequence[T]:
        """The objects an index shows under `key`. Raises KeyError for an unknown index."""
        return [*self._indexes[index].get(key, {}).values()]

    def put(self, obj: T) -> T | None:
        """Enters an object; returns the one it replaces."""
        key = key_of(obj)
        objects = self._namespaces.setdefault(key.namespace, {})
        old = objects.get(key.name)
        objects[key.name] = obj
        for index, function in self._functions.items():
            keys = tuple(function(obj))
            if old is not None:
                self._leave(index, key, old, keys)
            if keys:
                self._enter(index, key, obj, keys)
        return old

    def remove(self, key: Key) -> T | None:
        """Takes an object out; returns it."""
        objects = self._namespaces.get(key.namespace, {})
        old = objects.pop(key.name, None)
        if old is None:
            return None
        if not objects:
            del self._namespaces[key.namespace]
        for index in self._functions:
            self._leave(index, key, old)
        return old

    def __len__(self) -> int:
        return sum(len(objects) for objects in self._namespaces.values())

    def _enter(self, index: str, key: Key, obj: T, keys: Iterable[str]) -> None:
        buckets = self._indexes[index]
        for index_key in keys:
            bucket = buckets.get(index_key)
            if bucket is None:
                bucket = buckets[index_key] = {}
            bucket[key] = obj

    def _leave(self, index: str, key: Key, obj: T, kept: Collection[str] = ()) -> None:
        """Takes an object from under its index keys, but for those that are kept."""
        buckets = self._indexes[index]
        for index_key in self._functions[index](obj):
            if index_key in kept:
                continue
            bucket = buckets.get(index_key, {})
            bucket.pop(key, None)
            if not bucket:
                buckets.pop(index_key, None)
