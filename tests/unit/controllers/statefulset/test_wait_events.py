"""Why a set does not come further is told in Events: which pod, why, since when; once, and only when it lasts."""

from collections.abc import AsyncIterator, Callable

import pytest

from petset.api.types import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    Pod,
    PodCondition,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
)
from petset.controllers.statefulset.events import PATIENCE, REMEMBERED
from tests.simulation.world import retention
from tests.unit.controllers.statefulset.cluster import SetCluster, set_cluster

Change = Callable[[Pod], None]


@pytest.fixture
async def cluster() -> AsyncIterator[SetCluster]:
    async with set_cluster() as cluster:
        cluster.start()
        yield cluster


async def told(cluster: SetCluster) -> list[tuple[str, str, str]]:
    return [event for event in await cluster.events() if event[1].startswith("Rollout")]


async def pass_time(cluster: SetCluster, seconds: float = PATIENCE + 1) -> None:
    await cluster.clock.advance(seconds)
    await cluster.settle()


async def report(cluster: SetCluster, name: str, change: Change) -> None:
    await cluster._bind(await cluster.pod(name))
    await cluster.toy.change_status(Pod, name, "default", change)


def waiting(reason: str, message: str = "") -> Change:
    def change(pod: Pod) -> None:
        state = ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message or None))
        pod.status.container_statuses = [ContainerStatus(name="nginx", state=state)]

    return change


def unscheduled(pod: Pod) -> None:
    condition = PodCondition(type="PodScheduled", status="False", reason="Unschedulable", message="0/1 nodes: no room")
    condition.last_transition_time = "2026-01-01T07:00:00Z"
    pod.status.conditions = [condition]


def probed(pod: Pod) -> None:
    pod.status.phase = "Running"
    running = ContainerState(running=ContainerStateRunning(started_at="2026-01-01T08:00:00Z"))
    pod.status.container_statuses = [ContainerStatus(name="nginx", state=running)]
    ready = PodCondition(type="Ready", status="False", last_transition_time="2026-01-01T08:00:00Z")
    pod.status.conditions = [ready]


def ended(pod: Pod) -> None:
    state = ContainerState(terminated=ContainerStateTerminated(exit_code=3))
    pod.status.container_statuses = [ContainerStatus(name="nginx", state=state)]


STATES: list[tuple[Change, str, str]] = [
    (
        waiting("ErrImagePull", "no such image"),
        "Warning",
        "Running and Ready (container nginx is waiting, ErrImagePull: no such image), since ",
    ),
    (waiting("CrashLoopBackOff"), "Warning", "Ready (container nginx is waiting, CrashLoopBackOff), since "),
    (ended, "Warning", "Ready (container nginx ended with exit code 3), since "),
    (unscheduled, "Warning", "Ready (not scheduled: 0/1 nodes: no room), since 2026-01-01T07:00:00Z"),
    (probed, "Normal", "Ready (container nginx runs but is not ready), since 2026-01-01T08:00:00Z"),
    (waiting("ContainerCreating"), "Normal", "Ready (container nginx is waiting, ContainerCreating), since "),
]


@pytest.mark.parametrize(("change", "type_", "text"), STATES)
async def test_a_pod_that_does_not_get_ready(cluster: SetCluster, change: Change, type_: str, text: str) -> None:
    await cluster.create_set(2)
    await cluster.settle()
    await report(cluster, "web-0", change)
    assert await told(cluster) == [], "a start that takes its time is no news"
    await pass_time(cluster)
    ((kind, reason, message),) = await told(cluster)
    assert (kind, reason) == (type_, "RolloutWaiting")
    assert message.startswith("Waiting for web-0 to be Running and ")
    assert text in message
    await pass_time(cluster, 1000)
    assert len(await told(cluster)) == 1, "once"


async def test_another_trouble_of_the_same_pod_is_told_at_once_and_flapping_is_not(cluster: SetCluster) -> None:
    await cluster.create_set(2)
    await cluster.settle()
    await pass_time(cluster)
    for change in (waiting("ErrImagePull"), waiting("ImagePullBackOff"), waiting("CrashLoopBackOff"), ended) * 3:
        await report(cluster, "web-0", change)
    assert [(kind, message.split("(")[1].split(")")[0]) for kind, _, message in await told(cluster)] == [
        ("Normal", "phase Pending"),
        ("Warning", "container nginx is waiting, ErrImagePull"),
        ("Warning", "container nginx is waiting, CrashLoopBackOff"),
    ]


async def test_a_pod_that_is_ready_in_time_is_no_news_and_a_later_wait_is_another(cluster: SetCluster) -> None:
    await cluster.create_set(1)
    await cluster.settle()
    await pass_time(cluster, PATIENCE - 1)
    await cluster.ready("web-0")
    await pass_time(cluster)
    assert await told(cluster) == []
    for _ in range(2):
        await cluster.become("web-0", "Running", ready=False)
        await cluster.settle()
        await pass_time(cluster)
        await cluster.ready("web-0")
    assert [reason for _, reason, _ in await told(cluster)] == ["RolloutWaiting"] * 2
    assert len({message for _, _, message in await told(cluster)}) == 2, "each says since when"


async def test_a_pod_that_does_not_end(cluster: SetCluster) -> None:
    await cluster.create_set(1)
    await cluster.live()
    began = cluster.clock.now()
    await cluster.delete_pod("web-0")
    await pass_time(cluster)
    ((kind, _, message),) = await told(cluster)
    assert kind == "Normal"
    assert message.startswith("Waiting for web-0 to be gone (terminating), since ")
    since = (await cluster.pod("web-0")).metadata.deletion_timestamp
    assert since is not None
    assert since > message.rsplit(" ", 1)[1] >= began.strftime("%Y-%m-%dT%H:%M:%SZ"), "since it was asked to go"


async def test_a_pod_that_has_to_stay_ready_for_some_time(cluster: SetCluster) -> None:
    def change(set_: StatefulSet) -> None:
        set_.spec.min_ready_seconds = 60

    await cluster.create_set(2)
    await cluster.change(change)
    await cluster.ready("web-0")
    await pass_time(cluster)
    ((kind, _, message),) = await told(cluster)
    ready = (await cluster.pod("web-0")).status.conditions[0].last_transition_time or ""
    assert kind == "Normal"
    assert message.startswith("Waiting for web-0 to be Ready for 60 s, until ")
    assert message.rsplit(" ", 1)[1] > ready


async def test_an_update_without_room_for_one_more(cluster: SetCluster) -> None:
    await cluster.create_set(3, policy="Parallel")
    await cluster.live()
    await cluster.set_image("nginx:2")
    await cluster.gone("web-2")
    await pass_time(cluster)
    ((_, _, message),) = await told(cluster)
    assert message.startswith("Waiting for web-2 to be Running and Ready (phase Pending); ")
    assert "; maxUnavailable 1 leaves no room to update web-1 before, since " in message


async def test_a_claim_that_still_goes_with_an_earlier_pod(cluster: SetCluster) -> None:
    def delete_claims(set_: StatefulSet) -> None:
        set_.spec.persistent_volume_claim_retention_policy = retention("Delete", "Retain")

    await cluster.create_set(2)
    await cluster.live()
    await cluster.change(delete_claims)
    await cluster.scale(1)
    await cluster.gone("web-1")
    await cluster.scale(2)
    await pass_time(cluster)
    ((_, _, message),) = await told(cluster)
    assert message == "Waiting for claim www-web-1 of an earlier web-1 to be deleted"


def at_partition(partition: int) -> Callable[[StatefulSet], None]:
    def change(set_: StatefulSet) -> None:
        rolling = RollingUpdateStatefulSetStrategy(partition=partition, max_unavailable=1)
        set_.spec.update_strategy.rolling_update = rolling

    return change


def on_delete(set_: StatefulSet) -> None:
    set_.spec.update_strategy.type, set_.spec.update_strategy.rolling_update = "OnDelete", None


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (at_partition(2), "partition 2 keeps web-1 and 1 more from revision "),
        (at_partition(1), "partition 1 keeps web-0 from revision "),
        (on_delete, "updateStrategy OnDelete keeps web-2 and 2 more from revision "),
    ],
)
@pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
async def test_what_an_update_leaves_as_it_is(
    cluster: SetCluster, change: Callable[[StatefulSet], None], says: str, policy: str
) -> None:
    await cluster.create_set(3, policy=policy)
    await cluster.live()
    await cluster.change(change)
    assert await told(cluster) == []
    await cluster.set_image("nginx:2")
    await cluster.live()
    ((kind, reason, message),) = await told(cluster)
    assert (kind, reason) == ("Normal", "RolloutHeld")
    assert message == f"Rollout is held: {says}{(await cluster.status()).update_revision}"
    await cluster.become("web-0", "Running", ready=False)
    await cluster.live()
    assert len(await told(cluster)) == 1, "once"


async def test_what_was_held_back_before_the_process_began_is_no_news() -> None:
    async with set_cluster() as cluster:
        async with cluster.toy.restarted() as toy:
            first = SetCluster(toy)
            first.start()
            await first.create_set(2)
            await first.live()
            await first.change(on_delete)
            await first.set_image("nginx:2")
            assert len(await told(first)) == 1
        cluster.start()
        await cluster.settle()
        await pass_time(cluster)
        assert len(await told(cluster)) == 1


async def test_the_events_of_upstream_are_as_they_were(cluster: SetCluster) -> None:
    await cluster.create_set(2)
    await cluster.settle()
    await pass_time(cluster)
    await cluster.live()
    others = [event for event in await cluster.events() if event not in await told(cluster)]
    assert [(reason, message) for _, reason, message in others] == [
        ("SuccessfulCreate", "Create Claim www-web-0 Pod web-0 in StatefulSet web success"),
        ("SuccessfulCreate", "Create Pod web-0 in StatefulSet web successful"),
        ("SuccessfulCreate", "Create Claim www-web-1 Pod web-1 in StatefulSet web success"),
        ("SuccessfulCreate", "Create Pod web-1 in StatefulSet web successful"),
    ]


async def test_a_set_remembers_a_few_waits_and_a_set_that_is_gone_none(cluster: SetCluster) -> None:
    count = REMEMBERED + 4
    await cluster.create_set(count, policy="Parallel")
    await cluster.live()
    for ordinal in reversed(range(count)):
        await cluster.become(f"web-{ordinal}", "Running", ready=False)
        await cluster.settle()
        await pass_time(cluster)
    assert len(await told(cluster)) == count
    watched = cluster.controller._wait_events._sets
    assert [len(each.told) for each in watched.values()] == [REMEMBERED]
    await cluster.direct.delete(StatefulSet, "web", "default")
    await cluster.settle()
    assert watched == {}
