"""The collector of reference cycles leaves what is loaded alone."""

import gc
from collections.abc import Iterator

import pytest

from petset.aio.memory import NEW_OBJECTS, search_no_more, search_rarely


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
