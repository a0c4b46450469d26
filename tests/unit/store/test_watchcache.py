"""The watch cache: what the contract of the stores does not show."""

import pytest

from petset.store.interface import Compacted, Event, EventType, Record
from petset.store.watchcache import History, WatchCache


def event(name: str, revision: int, size: int = 1) -> tuple[str, Event]:
    return "pods", Event(EventType.ADDED, Record(name, revision, b"x" * size, {}, {}), None, {})


def fill(cache: WatchCache, *events: tuple[str, Event]) -> None:
    for collection, made in events:
        cache.publish([(collection, made)], made.record.revision)


def test_history_is_bounded_by_bytes_too_but_the_newest_event_stays() -> None:
    cache = WatchCache(1, History(events=100, size=1000))
    fill(cache, event("a", 2, 400), event("b", 3, 400))
    assert len(cache.watch("pods", 1).take()) == 2
    fill(cache, event("c", 4, 400))
    with pytest.raises(Compacted):
        cache.watch("pods", 1)
    assert len(cache.watch("pods", 2).take()) == 2
    fill(cache, event("d", 5, 5000))
    assert len(cache.watch("pods", 4).take()) == 1


def test_a_watch_may_have_its_whole_backlog_waiting_and_the_capacity_besides() -> None:
    cache = WatchCache(1, History(events=3))
    fill(cache, event("a", 2), event("a", 3), event("a", 4))
    watch = cache.watch("pods", 1)
    fill(cache, event("a", 5), event("a", 6), event("a", 7))
    assert [made.record.revision for made in watch.take()] == [2, 3, 4, 5, 6, 7]


class Name(str):
    """Counts how often its beginning is looked at, which is what a write costs."""

    __slots__ = ()
    slices = 0

    def __getitem__(self, key: object) -> str:
        Name.slices += 1
        return super().__getitem__(key)  # type: ignore[index]


def test_a_write_costs_nothing_for_watches_of_other_names() -> None:
    cache = WatchCache(1)
    watches = [cache.watch("pods", 1, f"default/web-{number:04}") for number in range(1000)]
    everything = cache.watch("pods", 1)
    Name.slices = 0
    fill(cache, event(Name("default/web-0007"), 2))
    assert Name.slices == 2, "one look for each length of prefix, however many watches"
    assert [number for number, watch in enumerate(watches) if watch.take()] == [7]
    assert len(everything.take()) == 1
    for watch in watches:
        watch.close()
    Name.slices = 0
    fill(cache, event(Name("default/web-0008"), 3))
    assert Name.slices == 1, "closed watches leave nothing behind"


async def test_a_lagging_watch_leaves_nothing_behind() -> None:
    cache = WatchCache(1, History(events=2))
    watch = cache.watch("pods", 1, "default/")
    fill(cache, *(event("default/a", revision) for revision in range(2, 6)))
    Name.slices = 0
    fill(cache, event(Name("default/a"), 6))
    assert Name.slices == 0
    watch.close()
