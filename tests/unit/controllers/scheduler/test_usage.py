"""Totals kept pod by pod are what adding everything up would give, whatever happens in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from petset.api.quantity import parse
from petset.api.types import Container, ContainerPort, ObjectMeta, Pod, PodSpec
from petset.controllers.scheduler.usage import NOTHING, Totals, Usage, counts, increased, needs_of

AMOUNTS = st.dictionaries(
    st.sampled_from(["cpu", "memory", "x/y"]), st.sampled_from(["0", "1", "100m", "1.5", "1Gi", "0.1", "3k"])
)
NODES = st.sampled_from(["one", "two"])
UIDS = st.integers(0, 5)


def pod(amounts: dict[str, str], port: int) -> Pod:
    container = Container(name="c", image="i")
    container.resources.requests = amounts
    container.ports = [ContainerPort(container_port=80, host_port=port or None)]
    return Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(containers=[container]))


PODS = st.builds(pod, AMOUNTS, st.integers(0, 2))
STEPS = st.lists(st.tuples(UIDS, st.none() | st.tuples(NODES, PODS)), max_size=40)


@given(STEPS)
def test_totals_are_the_plain_sum(steps: list[tuple[int, tuple[str, Pod] | None]]) -> None:
    totals = Totals()
    there: dict[int, tuple[str, Pod]] = {}
    for uid, step in steps:
        if step is None:
            totals.remove(str(uid))
            there.pop(uid, None)
        else:
            totals.put(str(uid), step[0], needs_of(step[1]))
            there[uid] = step
        for node in ("one", "two"):
            assert totals.on(node) == added_up([pod for at, pod in there.values() if at == node])
        assert [uid for uid in range(6) if str(uid) in totals] == sorted(there)


def added_up(pods: list[Pod]) -> Usage:
    usage = NOTHING
    for each in pods:
        usage = increased(usage, needs_of(each))
    return usage


def test_sums_are_exact() -> None:
    usage = added_up([pod({"cpu": "0.1"}, 0)] * 10)
    assert usage.amounts["cpu"] == parse("1")


def test_pods_of_one_template_share_what_they_need() -> None:
    assert needs_of(pod({"cpu": "1"}, 80)) is needs_of(pod({"cpu": "1"}, 80))


def test_who_counts() -> None:
    found = pod({}, 0)
    assert not counts(found), "a pod without a node"
    found.spec.node_name = "one"
    assert counts(found)
    for phase in ("Failed", "Succeeded"):
        found.status.phase = phase
        assert not counts(found), "a pod that has ended"
