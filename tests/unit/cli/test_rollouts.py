"""What is said of a StatefulSet on its way; the sentences are kubectl's."""

import pytest

from petset.api.types import RollingUpdateStatefulSetStrategy, StatefulSet
from petset.cli.rollouts import is_ready, rollout_status
from tests.simulation.world import web


def a_set(
    *,
    ready: int = 3,
    updated: int = 3,
    replicas: int = 3,
    observed: int = 1,
    current: str = "web-new",
    partition: int = 0,
    strategy: str = "RollingUpdate",
) -> StatefulSet:
    set_ = web(3)
    set_.spec.update_strategy.type = strategy
    set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(partition=partition)
    status = set_.status
    status.observed_generation = observed
    status.replicas, status.ready_replicas, status.updated_replicas = replicas, ready, updated
    status.current_replicas, status.current_revision, status.update_revision = 3, current, "web-new"
    return set_


@pytest.mark.parametrize(
    ("set_", "message", "done"),
    [
        (a_set(observed=0), "Waiting for statefulset spec update to be observed...", False),
        (a_set(ready=1), "Waiting for 2 pods to be ready...", False),
        (
            a_set(updated=1, partition=1),
            "Waiting for partitioned roll out to finish: 1 out of 2 new pods have been updated...",
            False,
        ),
        (a_set(updated=2, partition=1), "partitioned roll out complete: 2 new pods have been updated...", True),
        (
            a_set(updated=1, current="web-old"),
            "waiting for statefulset rolling update to complete 1 pods at revision web-new...",
            False,
        ),
        (a_set(), "statefulset rolling update complete 3 pods at revision web-new...", True),
    ],
)
def test_rollout_status(set_: StatefulSet, message: str, done: bool) -> None:
    assert rollout_status(set_) == (message, done)


@pytest.mark.parametrize(
    ("set_", "ready"),
    [
        (a_set(), True),
        (a_set(observed=0), False),
        (a_set(ready=2), False),
        (a_set(replicas=4), False),
        (a_set(updated=1), False),
        (a_set(updated=1, strategy="OnDelete"), True),
        (a_set(updated=2, partition=1), True),
        (a_set(updated=0, partition=5), True),
    ],
)
def test_a_set_is_ready_when_nothing_is_to_be_waited_for(set_: StatefulSet, ready: bool) -> None:
    assert is_ready(set_) is ready
