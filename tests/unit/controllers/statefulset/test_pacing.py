"""How often a set's status is written while its pods change all the time."""

from collections.abc import AsyncIterator

import pytest

from petset.api.types import StatefulSet
from petset.controllers.statefulset.act import LONGEST_PAUSE, PAUSE
from petset.controllers.statefulset.events import PATIENCE
from tests.unit.controllers.statefulset.cluster import SetCluster, set_cluster

A_WRITE = LONGEST_PAUSE / PAUSE / 2


@pytest.fixture
async def cluster() -> AsyncIterator[SetCluster]:
    async with set_cluster() as cluster:

        async def takes_time() -> None:
            cluster.clock._elapsed += A_WRITE

        cluster.client.meanwhile("update", StatefulSet, takes_time, times=1000)
        await cluster.start_watching()
        await cluster.create_set(3, policy="Parallel")
        await cluster.sync()
        await cluster.sync()
        await cluster.clock.advance(1)
        yield cluster


async def test_numbers_that_change_right_after_a_write_wait_a_little(cluster: SetCluster) -> None:
    await cluster.become("web-0", "Running", ready=True)
    await cluster.sync()
    assert (await cluster.status()).ready_replicas == 1
    await cluster.become("web-1", "Running", ready=True)
    result = await cluster.sync()
    assert (await cluster.status()).ready_replicas == 1
    assert result.look_again == pytest.approx(A_WRITE * PAUSE)
    await cluster.clock.advance(A_WRITE * PAUSE)
    await cluster.sync()
    assert (await cluster.status()).ready_replicas == 2


async def test_that_a_set_is_complete_is_reported_at_once(cluster: SetCluster) -> None:
    for name in ("web-0", "web-1", "web-2"):
        await cluster.become(name, "Running", ready=True)
        assert (await cluster.sync()).look_again is None or name != "web-2"
    assert (await cluster.status()).ready_replicas == 3


async def test_a_new_generation_or_revision_is_reported_at_once(cluster: SetCluster) -> None:
    await cluster.become("web-0", "Running", ready=True)
    await cluster.sync()
    await cluster.set_image("nginx:2")
    await cluster.sync()
    status = await cluster.status()
    assert status.observed_generation == 2
    assert status.update_revision != status.current_revision


async def test_no_number_waits_that_decides_which_revision_a_pod_gets(cluster: SetCluster) -> None:
    def without_block(set_: StatefulSet) -> None:
        set_.spec.update_strategy.rolling_update = None

    await cluster.change(without_block)
    await cluster.sync()
    await cluster.become("web-0", "Running", ready=True)
    assert (await cluster.sync()).look_again == PATIENCE, "not for the number's sake"
    assert (await cluster.status()).ready_replicas == 1
