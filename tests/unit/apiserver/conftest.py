"""An API server over the memory store, in virtual time."""

from collections.abc import AsyncIterator

import pytest

from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.kinds import CATALOGUE
from petset.store.memory import MemoryStore
from petset.testing.clock import VirtualClock


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
async def server(clock: VirtualClock) -> AsyncIterator[ApiServer]:
    store = MemoryStore()
    server = ApiServer(CATALOGUE, store, clock)
    await create_system_objects(server, 6443)
    yield server
    await store.close()
