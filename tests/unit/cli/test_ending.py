"""What the end of all pods waits for."""

from datetime import UTC, datetime

import pytest

from petset.api.types import Pod
from petset.cli.progress.ending import remaining
from petset.cli.progress.snapshot import Snapshot
from petset.cli.shutdown import ASK_AGAIN, TROUBLE_SECONDS, GivenUp, Patience
from petset.testing.clock import VirtualClock
from tests.unit.cli.progress_samples import a_pod, a_set

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ending(*pods: Pod, trouble: str = "") -> list[str]:
    return remaining(Snapshot(sets=[a_set()], pods=pods, now=NOW), trouble)


def terminating(name: str, end: str, *finalizers: str) -> Pod:
    pod = a_pod(name, state="terminating")
    pod.metadata.deletion_timestamp, pod.metadata.finalizers = end, [*finalizers]
    return pod


def test_without_pods_nothing_is_waited_for() -> None:
    assert ending() == []


def test_what_ends_is_told_before_what_waits_for_it() -> None:
    assert ending(a_pod("web-0"), a_pod("web-1"), terminating("web-2", "2026-01-01T00:00:10Z")) == [
        "pods that have to end: 3",
        "  web-2: terminating, is killed at 00:00:10 at the latest",
        "  web-0: ends after the pods of higher ordinals of its set",
        "  web-1: ends after the pods of higher ordinals of its set",
    ]


@pytest.mark.parametrize(
    ("pod", "state"),
    [
        (terminating("web-0", "2025-12-31T23:59:00Z"), "terminating, over its grace period since 23:59:00"),
        (terminating("web-0", "2025-12-31T23:59:00Z", "a/b", "c"), "terminating, held by finalizers: a/b, c"),
        (a_pod("web-0"), "is told to end next"),
    ],
)
def test_each_pod_says_why_it_is_still_there(pod: Pod, state: str) -> None:
    assert ending(pod)[1:] == [f"  web-0: {state}"]


def test_trouble_of_the_server_is_told_first_and_of_many_pods_some_are_shown() -> None:
    lines = ending(*(a_pod(f"web-{number}") for number in range(9)), trouble="the disk is full")
    assert lines[1] == "  the server cannot go on: the disk is full"
    assert lines[-1] == "  and 4 more"


class Server:
    """Answers what its trouble is, and counts how often it is asked."""

    def __init__(self, trouble: str = "") -> None:
        self.trouble = trouble
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        return self.trouble


async def test_a_server_in_trouble_is_waited_for_only_so_long() -> None:
    clock, server = VirtualClock(), Server()
    patience = Patience(clock, None)
    await clock.advance(1000)
    assert await patience.trouble(server) == ""
    server.trouble = "the disk is full"
    await clock.advance(TROUBLE_SECONDS - ASK_AGAIN)
    assert await patience.trouble(server) == "the disk is full"
    await clock.advance(ASK_AGAIN)
    with pytest.raises(GivenUp, match="the server cannot end its pods: the disk is full"):
        await patience.trouble(server)


async def test_a_server_that_is_well_again_is_waited_for() -> None:
    clock, server = VirtualClock(), Server("the disk is full")
    patience = Patience(clock, None)
    for trouble in ("the disk is full", "", "the disk is full"):
        server.trouble = trouble
        assert await patience.trouble(server) == trouble
        await clock.advance(TROUBLE_SECONDS - ASK_AGAIN)


async def test_the_server_is_asked_now_and_then() -> None:
    clock, server = VirtualClock(), Server()
    patience = Patience(clock, None)
    for _ in range(100):
        await patience.trouble(server)
        await clock.advance(ASK_AGAIN / 10)
    assert server.asked in range(9, 12)


async def test_nobody_waits_longer_than_was_said() -> None:
    clock = VirtualClock()
    patience = Patience(clock, 60)
    await clock.advance(59)
    assert await patience.trouble(Server()) == ""
    await clock.advance(1)
    with pytest.raises(GivenUp, match="not ended after 1m00s"):
        await patience.trouble(Server())
