"""Evictions: whom a budget protects, in which words, and what an eviction leaves behind."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from petset.api.errors import BadRequest, BareFailure, Conflict, Forbidden, Invalid, NotFound, TooManyRequests
from petset.api.types import (
    Condition,
    DeleteOptions,
    Eviction,
    LabelSelector,
    ObjectMeta,
    Pod,
    PodCondition,
    PodDisruptionBudget,
    PodDisruptionBudgetSpec,
    PodDisruptionBudgetStatus,
    Preconditions,
)
from petset.apiserver.bootstrap import create_system_objects
from petset.apiserver.pipeline import ApiServer
from petset.apiserver.registry import encode
from petset.apiserver.request import Answer, WriteOptions
from petset.kinds import CATALOGUE
from petset.store.commit import Commit
from petset.store.interface import Draft
from petset.store.memory import MemoryStore
from petset.testing.clock import VirtualClock
from tests.unit.apiserver.calls import ME, PLAINLY, create, decoded, fetch, pod, target

TRIED = WriteOptions("tester", dry_run=True)
REFUSAL = "Cannot evict pod as it would violate the pod's disruption budget."


async def running(server: ApiServer, name: str = "web-0", *, ready: bool = True) -> Pod:
    given = pod(name)
    given.metadata.labels = {"app": "web"}
    given.metadata.finalizers = ["example.com/keep"]
    made = await create(server, given)
    made.status.phase = "Running"
    made.status.conditions = [PodCondition(type="Ready", status=str(ready))]
    return decoded(await server.update(ME, target(Pod, name, "status"), made, PLAINLY), Pod)


async def budget(server: ApiServer, name: str = "web", policy: str | None = None, **status: Any) -> None:
    spec = PodDisruptionBudgetSpec(
        min_available=1, selector=LabelSelector(match_labels={"app": "web"}), unhealthy_pod_eviction_policy=policy
    )
    made = await create(server, PodDisruptionBudget(metadata=ObjectMeta(name=name), spec=spec))
    made.status = PodDisruptionBudgetStatus(**{"observed_generation": 1, **status})
    await server.update(ME, target(PodDisruptionBudget, name, "status"), made, PLAINLY)


async def evict(server: ApiServer, name: str = "web-0", options: WriteOptions = PLAINLY, **deletion: Any) -> Answer:
    wanted = DeleteOptions(**deletion) if deletion else None
    eviction = Eviction(metadata=ObjectMeta(name=name), delete_options=wanted)
    return await server.create(ME, target(Pod, name, "eviction"), eviction, options)


async def is_going(server: ApiServer, name: str = "web-0") -> bool:
    return (await fetch(server, Pod, name)).metadata.deletion_timestamp is not None


async def test_without_a_budget_the_pod_goes_and_says_why(server: ApiServer) -> None:
    await running(server)
    assert (await evict(server)).code == 201
    gone = await fetch(server, Pod, "web-0")
    (said,) = [c for c in gone.status.conditions if c.type == "DisruptionTarget"]
    assert gone.metadata.deletion_timestamp is not None
    assert (said.status, said.reason, said.message) == ("True", "EvictionByEvictionAPI", "Eviction API: evicting")


async def test_a_budget_pays_for_it_and_notes_the_pod(server: ApiServer, clock: VirtualClock) -> None:
    await running(server)
    await budget(server, current_healthy=2, desired_healthy=1, expected_pods=2, disruptions_allowed=1)
    await evict(server)
    status = (await fetch(server, PodDisruptionBudget, "web")).status
    assert status.disruptions_allowed == 0
    assert list(status.disrupted_pods) == ["web-0"]
    (condition,) = status.conditions
    assert (condition.type, condition.status, condition.reason) == ("DisruptionAllowed", "False", "InsufficientPods")
    managers = {
        (m.manager, m.subresource) for m in (await fetch(server, PodDisruptionBudget, "web")).metadata.managed_fields
    }
    assert ("kube-apiserver", "status") in managers


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        (
            {"current_healthy": 1, "desired_healthy": 1},
            "The disruption budget web needs 1 healthy pods and has 1 currently",
        ),
        (
            {
                "current_healthy": 9,
                "conditions": [
                    Condition(
                        type="DisruptionAllowed",
                        status="False",
                        reason="SyncFailed",
                        message="no idea",
                        last_transition_time="2026-11-23T06:00:00Z",
                    )
                ],
            },
            "The disruption budget web does not allow evicting pods currently because it failed sync: no idea",
        ),
        (
            {
                "current_healthy": 9,
                "conditions": [
                    Condition(
                        type="DisruptionAllowed",
                        status="False",
                        reason="Holiday",
                        message="come back later",
                        last_transition_time="2026-11-23T06:00:00Z",
                    )
                ],
            },
            "The disruption budget web does not allow evicting pods currently (Holiday): come back later",
        ),
        ({"current_healthy": 9}, "The disruption budget web does not allow evicting pods currently"),
    ],
)
async def test_a_budget_that_is_used_up_says_why(server: ApiServer, status: dict[str, Any], cause: str) -> None:
    await running(server)
    await budget(server, **status)
    for options in (PLAINLY, TRIED):
        with pytest.raises(TooManyRequests) as caught:
            await evict(server, options=options)
        assert caught.value.message == REFUSAL
        assert caught.value.details == {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
        assert caught.value.retry_after_seconds == 0
    assert not await is_going(server)


async def test_a_budget_nobody_has_worked_out_asks_for_patience(server: ApiServer) -> None:
    await running(server)
    await budget(server, observed_generation=0, disruptions_allowed=1)
    with pytest.raises(TooManyRequests) as caught:
        await evict(server)
    cause = {
        "reason": "DisruptionBudget",
        "message": "The disruption budget web is still being processed by the server.",
    }
    assert caught.value.details == {"causes": [cause], "retryAfterSeconds": 10}


async def test_too_many_pods_on_their_way_are_refused(server: ApiServer) -> None:
    await running(server)
    noted = {f"web-{number}": "2026-11-23T06:00:00Z" for number in range(2001)}
    await budget(server, disruptions_allowed=5, disrupted_pods=noted)
    with pytest.raises(Forbidden, match="DisruptedPods map too big"):
        await evict(server)


@pytest.mark.parametrize("phase", ["Pending", "Failed", "Succeeded"])
async def test_what_is_not_up_needs_no_budget(server: ApiServer, phase: str) -> None:
    made = await running(server)
    made.status.phase = phase
    await server.update(ME, target(Pod, "web-0", "status"), made, PLAINLY)
    await budget(server)
    await evict(server)
    assert await is_going(server)


async def test_what_goes_already_needs_no_budget(server: ApiServer) -> None:
    await running(server)
    await server.delete(ME, target(Pod, "web-0"), DeleteOptions())
    await budget(server)
    assert (await evict(server)).code == 201


@pytest.mark.parametrize(
    ("policy", "status", "goes"),
    [
        ("AlwaysAllow", {}, True),
        ("IfHealthyBudget", {"current_healthy": 2, "desired_healthy": 2}, True),
        (None, {"current_healthy": 2, "desired_healthy": 2}, True),
        (None, {"current_healthy": 1, "desired_healthy": 2}, False),
        (None, {}, False),
    ],
)
async def test_a_pod_that_is_not_ready_goes_when_the_others_are(
    server: ApiServer, policy: str | None, status: dict[str, Any], goes: bool
) -> None:
    await running(server, ready=False)
    await budget(server, "web", policy, **status)
    if goes:
        await evict(server)
    else:
        with pytest.raises(TooManyRequests):
            await evict(server)
    assert await is_going(server) is goes
    assert (await fetch(server, PodDisruptionBudget, "web")).status.disrupted_pods == {}


async def test_two_budgets_are_one_too_many(server: ApiServer) -> None:
    await running(server)
    await budget(server, disruptions_allowed=1)
    await budget(server, "other", disruptions_allowed=1)
    with pytest.raises(BareFailure, match="This pod has more than one PodDisruptionBudget") as caught:
        await evict(server)
    assert caught.value.status()["code"] == 500
    assert "reason" not in caught.value.status()


async def test_tried_only_it_changes_nothing(server: ApiServer) -> None:
    before = await running(server)
    await budget(server, disruptions_allowed=1)
    await evict(server, options=TRIED)
    await evict(server, dry_run=["All"])
    assert await fetch(server, Pod, "web-0") == before
    assert (await fetch(server, PodDisruptionBudget, "web")).status.disruptions_allowed == 1


async def test_the_deletion_has_its_own_options(server: ApiServer) -> None:
    made = await running(server)
    with pytest.raises(Conflict, match="the UID in the precondition"):
        await evict(server, preconditions=Preconditions(uid="another"))
    with pytest.raises(Conflict, match="the ResourceVersion in the precondition"):
        await evict(server, preconditions=Preconditions(resource_version="1"))
    mine = Preconditions(uid=made.metadata.uid, resource_version=made.metadata.resource_version)
    await evict(server, preconditions=mine, grace_period_seconds=3)
    assert (await fetch(server, Pod, "web-0")).metadata.deletion_grace_period_seconds == 3


async def test_it_names_the_pod_twice(server: ApiServer) -> None:
    await running(server)
    other = Eviction(metadata=ObjectMeta(name="web-1"))
    with pytest.raises(BadRequest, match="name in URL does not match name in Eviction object"):
        await server.create(ME, target(Pod, "web-0", "eviction"), other, PLAINLY)


async def test_it_needs_a_pod_and_options_that_fit(server: ApiServer) -> None:
    with pytest.raises(NotFound, match='pods "web-0" not found'):
        await evict(server)
    await running(server)
    with pytest.raises(Invalid, match="can not be set for pod eviction"):
        await evict(server, ignore_store_read_error_with_cluster_breaking_potential=True)


@pytest.mark.parametrize("wrong", [{"propagation_policy": "Sideways"}, {"dry_run": ["Some"]}])
async def test_a_deletion_that_makes_no_sense_costs_no_budget(server: ApiServer, wrong: dict[str, Any]) -> None:
    await running(server)
    await budget(server, current_healthy=2, desired_healthy=1, expected_pods=2, disruptions_allowed=1)
    with pytest.raises(Invalid, match="DeleteOptions"):
        await evict(server, **wrong)
    assert (await fetch(server, PodDisruptionBudget, "web")).status.disruptions_allowed == 1


class Interrupted(MemoryStore):
    """A store in which somebody else writes right after each of the first `times` times that a pod is announced."""

    def __init__(self) -> None:
        super().__init__()
        self.times = 0
        self.meanwhile: Callable[[Pod], Pod] = lambda pod: pod

    def write(self, collection: str, name: str, draft: Callable[[int], Draft], expected: int | None) -> Commit:
        commit = super().write(collection, name, draft, expected)
        written = self.newest(collection, name)
        if self.times and written is not None and b"EvictionByEvictionAPI" in written.value:
            self.times -= 1
            other = self.meanwhile(msgspec.json.decode(written.value, type=Pod))
            super().write(collection, name, lambda revision: drafted(other, revision), written.revision)
        return commit


def drafted(pod: Pod, revision: int) -> Draft:
    pod.metadata.resource_version = str(revision)
    return Draft(encode(pod), pod.metadata.labels, {})


def recreated(pod: Pod) -> Pod:
    """As the StatefulSet's next pod of that name would be."""
    pod.metadata.uid += "-next"
    pod.status.conditions = [c for c in pod.status.conditions if c.type != "DisruptionTarget"]
    return pod


def becomes_ready(pod: Pod) -> Pod:
    pod.status.phase = "Running"
    pod.status.conditions = [PodCondition(type="Ready", status="True")]
    return pod


def reports(pod: Pod) -> Pod:
    pod.status.host_ip = "192.0.2.1"
    return pod


class TestMeanwhile:
    """What somebody else writes between a decision and the deletion."""

    @pytest.fixture
    async def server(self, clock: VirtualClock) -> AsyncIterator[ApiServer]:
        self.store = Interrupted()
        server = ApiServer(CATALOGUE, self.store, clock)
        await create_system_objects(server, 6443)
        yield server
        await self.store.close()

    def interrupt(self, meanwhile: Callable[[Pod], Pod], times: int = 1) -> None:
        self.store.meanwhile, self.store.times = meanwhile, times

    async def test_another_pod_of_that_name_does_not_go_at_the_old_ones_expense(self, server: ApiServer) -> None:
        await running(server)
        await budget(server, current_healthy=2, desired_healthy=1, expected_pods=2, disruptions_allowed=1)
        self.interrupt(recreated)
        with pytest.raises(TooManyRequests) as caught:
            await evict(server)
        assert caught.value.details is not None
        assert caught.value.details["retryAfterSeconds"] == 10
        assert not await is_going(server)

    async def test_a_pod_that_turned_ready_is_no_longer_spared(self, server: ApiServer) -> None:
        await running(server, ready=False)
        await budget(server, "web", "AlwaysAllow")
        self.interrupt(becomes_ready)
        with pytest.raises(TooManyRequests, match="Cannot evict pod"):
            await evict(server)
        assert not await is_going(server)

    async def test_a_pending_pod_that_turned_ready_needs_the_budget(self, server: ApiServer) -> None:
        made = await running(server)
        made.status.phase = "Pending"
        await server.update(ME, target(Pod, "web-0", "status"), made, PLAINLY)
        await budget(server)
        self.interrupt(becomes_ready)
        with pytest.raises(TooManyRequests, match="Cannot evict pod"):
            await evict(server)
        assert not await is_going(server)

    async def test_a_report_about_a_healthy_pod_hinders_nothing(self, server: ApiServer) -> None:
        await running(server)
        await budget(server, current_healthy=2, desired_healthy=1, expected_pods=2, disruptions_allowed=1)
        self.interrupt(reports)
        await evict(server)
        assert await is_going(server)

    async def test_without_a_budget_it_is_decided_anew(self, server: ApiServer) -> None:
        await running(server)
        self.interrupt(recreated, times=3)
        await evict(server)
        assert await is_going(server)
        assert (await fetch(server, Pod, "web-0")).metadata.uid.endswith("-next-next-next")

    async def test_not_for_ever(self, server: ApiServer) -> None:
        await running(server)
        self.interrupt(recreated, times=1000)
        with pytest.raises(Conflict, match="the UID in the precondition"):
            await evict(server)
        assert not await is_going(server)

    @pytest.mark.parametrize("named", ["uid", "resource_version"])
    async def test_who_names_a_pod_or_its_state_is_told_of_another(self, server: ApiServer, named: str) -> None:
        made = await running(server)
        self.interrupt(recreated)
        with pytest.raises(Conflict, match="in the precondition"):
            await evict(server, preconditions=Preconditions(**{named: getattr(made.metadata, named)}))
        assert not await is_going(server)


async def test_a_deletion_of_another_pod_costs_no_budget(server: ApiServer) -> None:
    await running(server)
    await budget(server, current_healthy=2, desired_healthy=1, expected_pods=2, disruptions_allowed=1)
    with pytest.raises(Conflict, match="the UID in the precondition"):
        await evict(server, preconditions=Preconditions(uid="another"))
    assert (await fetch(server, PodDisruptionBudget, "web")).status.disruptions_allowed == 1
