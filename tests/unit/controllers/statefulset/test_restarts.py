"""The controller's process may end between any two writes: the next one finishes the work."""

from collections.abc import Callable

import pytest

from petset.aio.tasks import Supervisor
from petset.api.types import (
    ControllerRevision,
    PersistentVolumeClaim,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
)
from petset.controllers.statefulset.names import REVISION_LABEL
from tests.unit.controllers.statefulset.cluster import SetCluster, set_cluster
from tests.unit.controllers.toycluster import ToyCluster

Change = Callable[[StatefulSet], None]


def to_three(set_: StatefulSet) -> None:
    set_.spec.replicas = 3


def to_another_template(set_: StatefulSet) -> None:
    set_.spec.template.spec.containers[0].image = "nginx:2"


def to_the_first_template(set_: StatefulSet) -> None:
    set_.spec.template.spec.containers[0].image = "nginx:1"


def to_one_with_claims_deleted(set_: StatefulSet) -> None:
    set_.spec.replicas = 1
    set_.spec.persistent_volume_claim_retention_policy = StatefulSetPersistentVolumeClaimRetentionPolicy(
        when_scaled="Delete", when_deleted="Delete"
    )


def to_two_at_a_time(set_: StatefulSet) -> None:
    set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(max_unavailable=2)


LIFE: tuple[Change, ...] = (
    to_three,
    to_another_template,
    to_two_at_a_time,
    to_the_first_template,
    to_one_with_claims_deleted,
)
"""What the user wants, one change after the other; the set comes to rest in between."""


class Successor(SetCluster):
    """The next process over the same server."""

    def __init__(self, toy: ToyCluster, supervisor: Supervisor) -> None:
        super().__init__(ToyCluster(toy.server, toy.store, supervisor, toy.clock))


async def live_through(policy: str, dies_after: int | None) -> int:
    """The whole life; the first process ends after so many writes. How many writes it made."""
    async with set_cluster() as cluster, Supervisor("first", cluster.clock) as first:
        mortal = Successor(cluster.toy, first)
        mortal.client.dies_after = dies_after
        mortal.start()
        await mortal.create_set(0, policy=policy)
        now: SetCluster = mortal
        async with Supervisor("second", cluster.clock) as second:
            for change in LIFE:
                await now.change(change)
                await now.live()
                if now is mortal and mortal.client.died.is_set():
                    await first.stop()
                    now = Successor(cluster.toy, second)
                    now.start()
                    await now.live()
            await check_end(now)
            return mortal.client.writes


async def check_end(cluster: SetCluster) -> None:
    """Whatever happened on the way: one pod at the first template, its claim and those that are to be deleted."""
    status = await cluster.status()
    assert await cluster.pods() == ["web-0"]
    assert (status.replicas, status.ready_replicas, status.current_replicas, status.updated_replicas) == (1, 1, 1, 1)
    assert status.current_revision == status.update_revision
    pod = await cluster.pod("web-0")
    assert pod.spec.containers[0].image == "nginx:1"
    assert pod.metadata.labels[REVISION_LABEL] == status.update_revision
    revisions = (await cluster.direct.list(ControllerRevision)).items
    assert sorted(revision.revision for revision in revisions) == [2, 3], "two templates, and a rollback to the first"
    assert await cluster.toy.names(PersistentVolumeClaim) == ["www-web-0", "www-web-1", "www-web-2"]
    owners = [await cluster.owners(f"www-web-{ordinal}") for ordinal in range(3)]
    assert owners == [["StatefulSet web"], ["Pod web-1"], ["Pod web-2"]]


@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
async def test_a_process_that_ends_after_any_write_has_a_successor_that_finishes(policy: str) -> None:
    writes = await live_through(policy, None)
    assert writes > 30
    for dies_after in range(1, writes + 1):
        assert await live_through(policy, dies_after) == dies_after
