"""A collection as it was at an earlier revision: the present, and what stood in the places that were written since.

The history that watches are served from knows it, for as long as it reaches back; nothing is kept for it besides.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from heapq import merge
from operator import attrgetter
from typing import TypeAlias

from petset.store.interface import Record, Store

Past: TypeAlias = Mapping[str, Record | None]
"""What is different now, as it was, by name; None: it was not there."""

_by_name = attrgetter("name")


def past_of(store: Store, collection: str, prefix: str, revision: int) -> Past:
    """What was written after a revision, as it was then. Raises Compacted when history does not reach back that far."""
    if revision == store.revision:
        return {}
    with closing(store.watch(collection, revision, prefix)) as watch:
        events = watch.take()
    earlier: dict[str, Record | None] = {}
    for event in events:
        earlier.setdefault(event.record.name, event.previous)
    return earlier


def restored(records: Iterable[Record], past: Past, after: str = "") -> Iterator[Record]:
    """Records in key order as they were, from the first name greater than `after` on."""
    if not past:
        return iter(records)
    unchanged = (record for record in records if record.name not in past)
    earlier = (record for record in past.values() if record is not None and record.name > after)
    return merge(unchanged, sorted(earlier, key=_by_name), key=_by_name)


def more_then(store: Store, collection: str, past: Past, after: str) -> int:
    """How many more names greater than `after` there were than there are; fewer when it is negative."""
    names = [name for name in past if name > after]
    return sum((past[name] is not None) - (store.read(collection, name) is not None) for name in names)
