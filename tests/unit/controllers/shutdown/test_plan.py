"""Which pods end next, when all have to."""

from petset.api.meta import owner_reference
from petset.api.types import ObjectMeta, Pod, StatefulSet
from petset.controllers.shutdown.plan import plan


def a_set(name: str, policy: str = "OrderedReady") -> StatefulSet:
    set_ = StatefulSet(metadata=ObjectMeta(name=name, namespace="default", uid=f"uid-{name}"))
    set_.spec.pod_management_policy = policy
    return set_


def a_pod(name: str, owner: StatefulSet | None = None, *, terminating: bool = False) -> Pod:
    pod = Pod(metadata=ObjectMeta(name=name, namespace="default"))
    if owner is not None:
        pod.metadata.owner_references = [owner_reference(owner)]
    if terminating:
        pod.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return pod


def names(pods: tuple[Pod, ...]) -> list[str]:
    return sorted(pod.metadata.name for pod in pods)


def test_of_an_ordered_set_only_the_highest_ordinal_ends() -> None:
    web = a_set("web")
    assert names(plan([a_pod(f"web-{n}", web) for n in (2, 10, 9)], [web])) == ["web-10"]


def test_the_next_one_waits_until_the_highest_is_gone() -> None:
    web = a_set("web")
    pods = [a_pod("web-0", web), a_pod("web-1", web), a_pod("web-2", web, terminating=True)]
    assert names(plan(pods, [web])) == []
    assert names(plan(pods[:2], [web])) == ["web-1"]


def test_a_lower_pod_that_ends_by_itself_does_not_hold_up_the_order() -> None:
    web = a_set("web")
    pods = [a_pod("web-0", web, terminating=True), a_pod("web-1", web)]
    assert names(plan(pods, [web])) == ["web-1"]


def test_sets_do_not_wait_for_each_other() -> None:
    web, db = a_set("web"), a_set("db")
    pods = [a_pod("web-0", web), a_pod("web-1", web), a_pod("db-0", db), a_pod("db-1", db)]
    assert names(plan(pods, [web, db])) == ["db-1", "web-1"]


def test_pods_of_parallel_sets_and_of_no_set_end_at_once() -> None:
    web = a_set("web", "Parallel")
    gone = a_set("gone")
    pods = [a_pod("web-0", web), a_pod("web-1", web), a_pod("alone"), a_pod("gone-0", gone), a_pod("gone-1", gone)]
    assert names(plan(pods, [web])) == ["alone", "gone-0", "gone-1", "web-0", "web-1"]


def test_what_is_terminating_is_left_to_it() -> None:
    assert plan([a_pod("alone", terminating=True)], []) == ()
