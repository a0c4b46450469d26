"""Fixtures of the tests that talk to the server over sockets."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest
import uvloop


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """How clients talk and leave is nothing for the server's log."""
    caplog.set_level(logging.INFO)
    yield
    assert [record.getMessage() for record in caplog.get_records("call")] == []


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What is close to the sockets is tested on the loop that serves and on Python's own."""
    loops = {"asyncio": asyncio.new_event_loop}
    if item.path.stem in ("test_connections", "test_tls"):
        return loops | {"uvloop": uvloop.new_event_loop}
    return loops
