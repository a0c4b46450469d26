"""Who owns whom; what one decision looks at, and what it says. Values, and a graph of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import msgspec

from petset.api.meta import Key, is_terminating, key_of
from petset.api.types import Object, OwnerReference

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"
_OURS = frozenset({ORPHAN, FOREGROUND})

Policy = Literal["Background", "Foreground", "Orphan"]

OwnerState = Literal["living", "waiting", "absent", "unresolvable"]
"""An owner is there; is being deleted and waits for its dependents; is gone; or cannot be such an object's owner."""


class Node(msgspec.Struct, frozen=True):
    """What matters of an object: where it is, who owns it, and how far its deletion is."""

    uid: str
    kind: type[Object]
    key: Key
    owners: tuple[OwnerReference, ...] = ()
    is_terminating: bool = False
    finalizers: frozenset[str] = frozenset()
    """Of `orphan` and `foregroundDeletion` those it has."""

    @property
    def waits_for_dependents(self) -> bool:
        """Whether it goes away once its dependents have."""
        return self.is_terminating and FOREGROUND in self.finalizers

    @property
    def leaves_dependents(self) -> bool:
        """Whether it goes away once its dependents no longer refer to it."""
        return self.is_terminating and ORPHAN in self.finalizers

    def is_held_back_by(self, dependent: "Node") -> bool:
        """Whether the dependent has to be gone before this object may go."""
        return any(ref.uid == self.uid and ref.block_owner_deletion for ref in dependent.owners)


def node_of(obj: Object) -> Node:
    """An object as the graph sees it."""
    return Node(
        uid=obj.metadata.uid,
        kind=type(obj),
        key=key_of(obj),
        owners=tuple(obj.metadata.owner_references),
        is_terminating=is_terminating(obj),
        finalizers=_OURS.intersection(obj.metadata.finalizers),
    )


def equally_placed(one: Object, other: Object) -> bool:
    """Whether two states of an object have the same node, compared without making it."""
    old, new = one.metadata, other.metadata
    return (
        old.owner_references == new.owner_references
        and old.finalizers == new.finalizers
        and is_terminating(one) == is_terminating(other)
    )


class Graph:
    """All objects by uid, and the dependents of every uid, whether its object is known or not."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, uid: str) -> Node | None:
        """The object of a uid."""
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> Iterator[Node]:
        """The objects that refer to a uid as their owner."""
        return (self._nodes[dependent] for dependent in self._dependents.get(uid, ()))

    def has_dependents(self, uid: str) -> bool:
        """Whether any object refers to a uid as its owner."""
        return uid in self._dependents

    def is_blocked(self, node: Node) -> bool:
        """Whether some dependent has to be gone before a waiting object may go."""
        return any(map(node.is_held_back_by, self.dependents(node.uid)))

    def waits_for_itself(self, node: Node) -> bool:
        """Whether a waiting object is in a circle of objects of which each waits for the next.

        Looks towards the owners: they are few, dependents may be many.
        """
        seen: set[str] = set()
        ahead = [node]
        while ahead:
            for owner in self._held_back_by(ahead.pop()):
                if owner.uid == node.uid:
                    return True
                if owner.uid not in seen:
                    seen.add(owner.uid)
                    ahead.append(owner)
        return False

    def _held_back_by(self, dependent: Node) -> Iterator[Node]:
        for ref in dependent.owners:
            owner = self._nodes.get(ref.uid)
            if owner is not None and ref.block_owner_deletion and owner.waits_for_dependents:
                yield owner

    def put(self, node: Node) -> list[str]:
        """Enters an object; the uids of the objects that have to be looked at because of it."""
        old = self._nodes.get(node.uid)
        if old == node:
            return []
        self._nodes[node.uid] = node
        before = {ref.uid for ref in old.owners} if old is not None else set()
        after = {ref.uid for ref in node.owners}
        for owner in before - after:
            self._unlink(owner, node.uid)
        for owner in after - before:
            self._dependents.setdefault(owner, {})[node.uid] = None
        return [*self._because_of_itself(old, node), *self._waiting_owners(old)]

    def remove(self, uid: str) -> list[str]:
        """Takes an object out; the uids of the objects that have to be looked at because of it."""
        old = self._nodes.pop(uid, None)
        if old is None:
            return []
        for ref in old.owners:
            self._unlink(ref.uid, uid)
        return [*self._dependents.get(uid, ()), *self._waiting_owners(old)]

    def _because_of_itself(self, old: Node | None, node: Node) -> Iterator[str]:
        if node.waits_for_dependents or node.leaves_dependents or not self._has_only_well_owners(node):
            yield node.uid
        if node.waits_for_dependents and not (old is not None and old.waits_for_dependents):
            yield from self._dependents.get(node.uid, ())

    def _has_only_well_owners(self, node: Node) -> bool:
        """Whether the object's references leave nothing to do; in doubt they are looked at."""
        return all(self._is_well(ref, node) for ref in node.owners)

    def _is_well(self, ref: OwnerReference, node: Node) -> bool:
        owner = self._nodes.get(ref.uid)
        if owner is None or owner.waits_for_dependents:
            return False
        right_place = owner.key.name == ref.name and owner.key.namespace in ("", node.key.namespace)
        return right_place and owner.kind.__name__ == ref.kind

    def _waiting_owners(self, old: Node | None) -> Iterator[str]:
        for ref in old.owners if old is not None else ():
            owner = self._nodes.get(ref.uid)
            if owner is not None and owner.waits_for_dependents:
                yield owner.uid

    def _unlink(self, owner: str, dependent: str) -> None:
        dependents = self._dependents.get(owner, {})
        dependents.pop(dependent, None)
        if not dependents:
            self._dependents.pop(owner, None)


@dataclass(frozen=True, slots=True)
class Observed:
    """One object, the state of each of its owners, and what its dependents mean for it."""

    node: Node
    owners: tuple[tuple[OwnerReference, OwnerState], ...] = ()
    has_dependents: bool = False
    is_blocked: bool = False
    """Some dependent has to be gone before this object may go."""
    waits_for_itself: bool = False
    """Those it waits for wait for it in turn."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes the object."""

    policy: Policy

    def __str__(self) -> str:
        return f"delete ({self.policy})"


@dataclass(frozen=True, slots=True)
class DropOwners:
    """Takes owners out of the object's references, so that the remaining ones alone decide."""

    uids: tuple[str, ...]

    def __str__(self) -> str:
        return f"drop owners {', '.join(self.uids)}"


@dataclass(frozen=True, slots=True)
class OrphanDependents:
    """Takes the object out of its dependents' references, then lets it go."""

    def __str__(self) -> str:
        return "orphan dependents"


@dataclass(frozen=True, slots=True)
class LetGo:
    """Lets the object go: it waits for no dependent any more."""

    def __str__(self) -> str:
        return "let go"


Action = Delete | DropOwners | OrphanDependents | LetGo
