"""The collector of reference cycles leaves what is loaded alone; what is free is given back."""

import gc
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from petset.aio.memory import NEW_OBJECTS, give_back, search_no_more, search_rarely


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.enable()
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
def test_what_is_loaded_is_not_searched_again() -> None:
    search_rarely()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold()[0] == NEW_OBJECTS


@pytest.mark.usefixtures("collector")
def test_a_process_that_ends_searches_nothing_once_more() -> None:
    search_no_more()
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 0


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_memory_that_is_free_between_what_is_not_is_given_back() -> None:
    blocks = [bytearray(40_000) for _ in range(2000)]
    kept = blocks[::100]
    del blocks
    before = resident()
    give_back()
    assert resident() < before - 40_000_000
    assert len(kept) == 20
