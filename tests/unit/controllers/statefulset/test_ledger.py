"""The answers of the summary are those of a look at all pods, however the pods came to be as they are."""

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from petset.api.meta import owner_reference
from petset.api.types import Pod, StatefulSetOrdinals
from petset.controllers.statefulset.identity import new_claim, new_pod
from petset.controllers.statefulset.ledger import Ledger
from petset.controllers.statefulset.names import POD_NAME_LABEL, REVISION_LABEL
from petset.controllers.statefulset.plan import replica_verdict
from petset.controllers.statefulset.ranks import AllPods, View
from petset.controllers.statefulset.revisions import choose_revisions
from tests.simulation.world import World, retention, web

BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
START, WANTED, ALL = 2, 4, 9
"""The set wants web-2 to web-5; there may be web-0 to web-8."""
LEAST = 30
State = Callable[[World, str], None]


def pending(world: World, name: str) -> None:
    assert world.pods[name].status.phase == "Pending"


def missing(world: World, name: str) -> None:
    world.gone(name)


def unseen(world: World, name: str) -> None:
    world.pods[name].status.phase = ""


def young(world: World, name: str) -> None:
    world.ready(name)


def almost_available(world: World, name: str) -> None:
    world.ready(name)
    since = world.now - timedelta(seconds=LEAST - 0.5)
    world.pods[name].status.conditions[0].last_transition_time = since.isoformat()


def ready(world: World, name: str) -> None:
    world.now -= timedelta(seconds=LEAST)
    world.ready(name)
    world.now += timedelta(seconds=LEAST)


def ready_since_nobody_knows_when(world: World, name: str) -> None:
    world.ready(name)
    world.pods[name].status.conditions[0].last_transition_time = None


def old(world: World, name: str) -> None:
    ready(world, name)
    world.pods[name].metadata.labels[REVISION_LABEL] = "web-old"


def old_and_unready(world: World, name: str) -> None:
    old(world, name)
    world.unready(name)


def without_revision(world: World, name: str) -> None:
    ready(world, name)
    del world.pods[name].metadata.labels[REVISION_LABEL]


def terminating(world: World, name: str) -> None:
    ready(world, name)
    world.delete(name)


def damaged(world: World, name: str) -> None:
    ready(world, name)
    del world.pods[name].metadata.labels[POD_NAME_LABEL]


def misowned(world: World, name: str) -> None:
    ready(world, name)
    world.claims[f"www-{name}"].metadata.owner_references = []


def failed(world: World, name: str) -> None:
    world.fail(name)


STATES: list[State] = [
    pending,
    missing,
    unseen,
    young,
    almost_available,
    ready,
    ready_since_nobody_knows_when,
    old,
    old_and_unready,
    without_revision,
    terminating,
    damaged,
    misowned,
    failed,
]


class Book:
    """A world, and a ledger that is told of every pod that changed."""

    def __init__(self, policy: str) -> None:
        self.world = world = World(web(WANTED, policy=policy))
        world.set.spec.persistent_volume_claim_retention_policy = retention("Delete", "Delete")
        world.set.spec.min_ready_seconds = LEAST
        world.set.spec.ordinals = StatefulSetOrdinals(start=START)
        self.ledger = Ledger(self.view())

    def view(self) -> View:
        seen = self.world.observe()
        return View(replace(seen, pods=()), choose_revisions(seen))

    def put(self, name: str, state: State) -> None:
        """A pod, made anew, gets there."""
        world, ordinal = self.world, int(name.removeprefix("web-"))
        world.pods.pop(name, None)
        world.claims.pop(f"www-{name}", None)
        world.create_claims((new_claim(world.set, world.set.spec.volume_claim_templates[0], ordinal),))
        revision = self.ledger.view.history.update.metadata.name
        world.create_pod(new_pod(world.set, world.set.spec.template, revision, ordinal))
        in_range = ordinal in range(START, START + WANTED)
        owner = owner_reference(world.set if in_range else world.pods[name])
        world.claims[f"www-{name}"].metadata.owner_references = [owner]
        state(world, name)

    def tell(self, *names: str) -> None:
        """The ledger hears what became of these."""
        self.ledger.update(self.view(), {name: self.world.pods.get(name) for name in names})

    def check(self) -> None:
        """Every answer, against a look at all pods."""
        ledger, plain = self.ledger, AllPods(self.ledger.view, self.world.observe().pods)
        assert [replica.ordinal for replica in ledger.replicas()] == busy(plain)
        assert all(replica.pod == self.world.pods.get(f"web-{replica.ordinal}") for replica in ledger.replicas())
        everybody = list(plain.condemned())
        assert list(ledger.condemned()) == [
            condemned
            for place, condemned in enumerate(everybody)
            if place == 0 or not condemned.pod.metadata.deletion_timestamp
        ]
        assert list(ledger.misowned()) == list(plain.misowned())
        assert ledger.first_unavailable() == plain.first_unavailable()
        assert ledger.unavailable() == plain.unavailable()
        for partition in range(WANTED + 1):
            for available in (False, True):
                told = ledger.outdated(partition, available=available)
                assert list(told) == list(plain.outdated(partition, available=available))
        assert ledger.census() == plain.census()
        assert set(ledger.revisions()) == set(plain.revisions())
        assert ledger.seconds_until_next_available() == plain.seconds_until_next_available()


def busy(plain: AllPods) -> list[int]:
    """The ordinals in range that need something, those without a pod, and the first pod that is waited for."""
    verdicts = {replica.ordinal: replica_verdict(plain.view, replica) for replica in plain.replicas()}
    pods = {replica.ordinal: replica.pod for replica in plain.replicas()}
    waits = [ordinal for ordinal, verdict in verdicts.items() if verdict.wait is not None and pods[ordinal] is not None]
    needs = [ordinal for ordinal, verdict in verdicts.items() if verdict.actions or pods[ordinal] is None]
    return sorted({*needs, *waits[:1]})


@BOTH
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("ordinal", [START, START + WANTED - 1, 0, ALL - 1])
def test_a_pod_counts_where_it_has_to(policy: str, state: State, ordinal: int) -> None:
    """One pod in each state among healthy ones, and nothing of it is left when it is healthy again, or gone."""
    book = Book(policy)
    names = [f"web-{each}" for each in range(ALL)]
    for name in names:
        book.put(name, ready)
    book.tell(*names)
    book.check()
    name = f"web-{ordinal}"
    for then in (state, ready, state, missing, state):
        book.put(name, then)
        book.tell(name)
        book.check()


@BOTH
@pytest.mark.parametrize("seed", range(20))
def test_the_answers_are_those_of_a_look_at_all_pods(policy: str, seed: int) -> None:
    book, dice = Book(policy), random.Random(seed)
    for _ in range(40):
        names = dice.sample([f"web-{ordinal}" for ordinal in range(ALL)], dice.choice([0, 1, 1, 2, 5]))
        for name in names:
            book.put(name, dice.choice(STATES))
        book.tell(*names)
        book.check()
        book.world.now += timedelta(seconds=dice.choice([0, 0, 10, LEAST]))
        book.tell()
        book.check()


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        (lambda world: None, True),
        (lambda world: setattr(world, "now", world.now + timedelta(seconds=1)), True),
        (lambda world: setattr(world, "now", world.now - timedelta(seconds=1)), False),
        (lambda world: setattr(world.set.status, "replicas", 7), True),
        (lambda world: setattr(world.set.metadata, "labels", {"new": "label"}), True),
        (lambda world: setattr(world.set.metadata, "uid", "another"), False),
        (lambda world: setattr(world.set.spec, "replicas", 7), False),
        (lambda world: setattr(world.set.status, "collision_count", 1), False),
    ],
)
def test_a_ledger_holds_as_long_as_set_spec_and_update_revision_are_the_same(
    change: Callable[[World], None], holds: bool
) -> None:
    book = Book("Parallel")
    change(book.world)
    assert book.ledger.holds_for(book.view()) is holds


def pod_named(name: str, app: str = "nginx") -> Pod:
    book = Book("Parallel")
    book.put("web-3", ready)
    pod = book.world.pods["web-3"]
    pod.metadata.name, pod.metadata.labels["app"] = name, app
    return pod


@pytest.mark.parametrize(
    ("pod", "complete"),
    [
        (pod_named("web-3"), True),
        (pod_named("web-8"), True),
        (pod_named("web-3", app="debugged"), False),
        (pod_named("web-03"), False),
        (pod_named("web-x"), False),
        (pod_named("web-2147483648"), False),
    ],
)
def test_a_pod_without_its_one_place_leaves_the_ledger_incomplete_until_it_is_gone(pod: Pod, complete: bool) -> None:
    book = Book("Parallel")
    name = pod.metadata.name
    book.ledger.update(book.view(), {name: pod})
    assert book.ledger.complete is complete
    assert book.ledger.census().replicas == complete
    book.ledger.update(book.view(), {name: None})
    assert book.ledger.complete
    assert book.ledger.census().replicas == 0


def test_a_pod_that_no_longer_matches_loses_its_place() -> None:
    book = Book("Parallel")
    book.put("web-3", ready)
    book.tell("web-3")
    book.ledger.update(book.view(), {"web-3": pod_named("web-3", app="debugged")})
    assert (book.ledger.complete, book.ledger.census().replicas, book.ledger.unavailable()) == (False, 0, WANTED)
    book.tell("web-3")
    assert (book.ledger.complete, book.ledger.census().replicas, book.ledger.unavailable()) == (True, 1, WANTED - 1)
