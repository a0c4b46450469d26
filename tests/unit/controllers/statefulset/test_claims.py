"""What a plan does with the claims of a set, one table or test a rule."""

from collections.abc import Callable

import pytest

from petset.api.meta import owner_reference
from petset.api.types import (
    ObjectMeta,
    OwnerReference,
    PersistentVolumeClaim,
)
from petset.controllers.statefulset import model
from petset.controllers.statefulset.names import POD_NAME_LABEL
from tests.simulation.world import World, retention, said, settled, web

BOSS = OwnerReference(api_version="acme/v1", kind="Backup", name="boss", uid="boss-uid", controller=True)
BOTH = pytest.mark.parametrize("policy", ["OrderedReady", "Parallel"])
NOW = "2026-01-01T00:00:00Z"


def two_claims(world: World) -> World:
    """A second claim template, `log`."""
    second = PersistentVolumeClaim(metadata=ObjectMeta(name="log"), spec=world.set.spec.volume_claim_templates[0].spec)
    world.set.spec.volume_claim_templates.append(second)
    return world


def keep(world: World, when_scaled: str, when_deleted: str) -> World:
    """A retention policy."""
    world.set.spec.persistent_volume_claim_retention_policy = retention(when_scaled, when_deleted)
    return world


def owners(world: World, claim: str) -> str:
    """Who owns a claim, in words."""
    refs = world.claims[claim].metadata.owner_references
    return ", ".join(f"{ref.kind} {ref.name}" for ref in refs) or NOBODY


# --- existence --------------------------------------------------------------------------------------------------------


def test_an_existing_claim_is_used_again() -> None:
    world = settled()
    uid = world.claims["www-web-2"].metadata.uid
    world.scale(0)
    world.settle()
    assert sorted(world.claims) == ["www-web-0", "www-web-1", "www-web-2"]
    world.scale(3)
    world.settle()
    assert world.claims["www-web-2"].metadata.uid == uid


def test_a_terminating_claim_refuses_the_pod() -> None:
    world = World(web(1))
    world.step()
    world.gone("web-0")
    world.claims["www-web-0"].metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    assert said(world.plan()) == ["cannot create pod web-0: pvc www-web-0 is being deleted"]


def test_a_pending_pod_gets_a_lost_claim_back() -> None:
    world = World(web(1))
    world.step()
    del world.claims["www-web-0"]
    assert said(world.step()) == ["create claim www-web-0 for pod web-0"]


def test_a_running_pod_does_not_get_a_lost_claim_back() -> None:
    world = settled(1)
    del world.claims["www-web-0"]
    assert said(world.step()) == []


def test_a_terminating_claim_refuses_the_pod_but_not_the_other_claims() -> None:
    world = two_claims(World(web(1)))
    world.step()
    world.gone("web-0")
    world.claims["www-web-0"].metadata.deletion_timestamp = NOW
    del world.claims["log-web-0"]
    (refusal,) = [action for action in world.plan().actions() if isinstance(action, model.RefusePod)]
    assert refusal.why == "pvc www-web-0 is being deleted"
    assert [claim.metadata.name for claim in refusal.claims] == ["log-web-0"]


def test_every_claim_that_goes_is_named() -> None:
    world = two_claims(World(web(1)))
    world.step()
    world.gone("web-0")
    for claim in world.claims.values():
        claim.metadata.deletion_timestamp = NOW
    why = "pvc www-web-0 is being deleted, pvc log-web-0 is being deleted"
    assert said(world.plan()) == [f"cannot create pod web-0: {why}"]


@BOTH
def test_a_pending_pod_with_a_terminating_claim_is_tried_again_until_the_claim_can_be_made_anew(policy: str) -> None:
    world = two_claims(World(web(1, policy=policy)))
    world.step()
    world.claims["www-web-0"].metadata.deletion_timestamp = NOW
    del world.claims["log-web-0"]
    assert said(world.plan()) == [
        "create claim log-web-0 for pod web-0",
        "cannot restore the claims of pod web-0: pvc www-web-0 is being deleted",
    ]


def test_claims_are_made_of_template_and_selector() -> None:
    world = World(web(1))
    (template,) = world.set.spec.volume_claim_templates
    template.metadata.labels = {"tier": "data", "app": "overruled"}
    template.metadata.annotations = {"backup": "daily"}
    template.metadata.finalizers = ["acme.io/backup"]
    world.step()
    meta = world.claims["www-web-0"].metadata
    assert meta.labels == {"tier": "data", "app": "nginx"}
    assert (meta.annotations, meta.finalizers) == ({"backup": "daily"}, ["acme.io/backup"])


@BOTH
def test_a_live_pod_without_its_volume_gets_claim_and_volume(policy: str) -> None:
    world = settled(1, policy)
    world.pods["web-0"].spec.volumes.clear()
    del world.claims["www-web-0"]
    assert said(world.plan()) == ["create claim www-web-0 for pod web-0", "repair identity of pod web-0"]


def lose_label(world: World) -> None:
    del world.pods["web-0"].metadata.labels[POD_NAME_LABEL]


def lose_volume(world: World) -> None:
    world.pods["web-0"].spec.volumes.clear()


def lose_claim(world: World) -> None:
    del world.claims["www-web-0"]


def change_policy(world: World) -> None:
    keep(world, "Retain", "Delete")


def have_another_controller(world: World) -> None:
    change_policy(world)
    world.claims["www-web-0"].metadata.owner_references = [BOSS]


CLAIM, OWNERS = "create claim www-web-0 for pod web-0", "set owners of claim www-web-0 to StatefulSet web"
LEFT, REPAIR = "leave claim www-web-0 to its other controller", "repair identity of pod web-0"

REPAIRS = [
    ("Running", [lose_label], [REPAIR]),
    ("Running", [lose_claim], []),
    ("Running", [lose_claim, lose_label], [REPAIR]),
    ("Running", [lose_claim, lose_volume], [CLAIM, REPAIR]),
    ("Running", [change_policy], [OWNERS, REPAIR]),
    ("Running", [change_policy, lose_volume, lose_label], [OWNERS, REPAIR]),
    ("Running", [have_another_controller], []),
    ("Running", [have_another_controller, lose_label], [REPAIR]),
    ("Pending", [lose_label], [REPAIR]),
    ("Pending", [lose_claim], [CLAIM]),
    ("Pending", [lose_claim, lose_label], [CLAIM, REPAIR]),
    ("Pending", [lose_claim, lose_volume], [CLAIM, REPAIR]),
    ("Pending", [change_policy], [OWNERS]),
    ("Pending", [change_policy, lose_label], [OWNERS, REPAIR]),
    ("Pending", [have_another_controller, lose_label], [LEFT, REPAIR]),
]
"""The phase of a pod, what happens to it, and what a Parallel set does about that."""


@BOTH
@pytest.mark.parametrize(("phase", "happened", "repairs"), REPAIRS)
def test_each_part_of_a_repair_is_made_once_and_only_when_it_is_needed(
    policy: str, phase: str, happened: list[Callable[[World], None]], repairs: list[str]
) -> None:
    world = World(web(1, policy=policy))
    world.step()
    if phase == "Running":
        world.ready("web-0")
    for damage in happened:
        damage(world)
    pending_in_order = phase == "Pending" and policy == "OrderedReady"
    assert said(world.plan()) == [step for step in repairs if not (pending_in_order and step == REPAIR)]


# --- owners -----------------------------------------------------------------------------------------------------------


@BOTH
def test_a_pending_pods_claims_get_their_owners_without_touching_the_pod(policy: str) -> None:
    world = World(web(1, policy=policy))
    world.step()
    assert said(keep(world, "Retain", "Delete").plan()) == ["set owners of claim www-web-0 to StatefulSet web"]


@BOTH
def test_a_ready_pods_claims_get_their_owners_and_the_pod_is_written_too(policy: str) -> None:
    world = keep(settled(1, policy), "Retain", "Delete")
    assert said(world.step()) == [
        "set owners of claim www-web-0 to StatefulSet web",
        "repair identity of pod web-0",
    ]
    assert said(world.step()) == []


def test_an_existing_claim_gets_its_owners_with_the_new_pod() -> None:
    world = keep(settled(1), "Retain", "Delete")
    world.delete("web-0")
    world.gone("web-0")
    assert said(world.step()) == ["create pod web-0", "set owners of claim www-web-0 to StatefulSet web"]


@BOTH
def test_claims_of_all_condemned_pods_change_hands_before_the_first_is_deleted(policy: str) -> None:
    world = keep(settled(3, policy), "Delete", "Delete")
    world.settle()
    world.scale(1)
    first = said(world.step())
    assert first[:2] == ["set owners of claim www-web-2 to Pod web-2", "set owners of claim www-web-1 to Pod web-1"]
    assert first[2] == "delete pod web-2 (scale down)"


@pytest.mark.parametrize(
    ("policy", "handed_over"),
    [("OrderedReady", []), ("Parallel", ["set owners of claim www-web-2 to Pod web-2"])],
)
def test_an_ordered_set_that_waits_for_a_replica_leaves_the_claims_of_condemned_pods(
    policy: str, handed_over: list[str]
) -> None:
    world = keep(settled(3, policy), "Delete", "Retain")
    world.unready("web-0")
    world.scale(2)
    assert [step for step in said(world.plan()) if "claim" in step] == handed_over


SET, POD, NOBODY = "StatefulSet web", "Pod web-1", "nobody"

OWNERS_IN_LIFE = [
    (None, NOBODY, NOBODY),
    (("Retain", "Retain"), NOBODY, NOBODY),
    (("Retain", "Delete"), SET, SET),
    (("Delete", "Retain"), NOBODY, POD),
    (("Delete", "Delete"), SET, POD),
]
"""whenScaled and whenDeleted, who owns the claim of a pod in range, and who that of a condemned one."""


@BOTH
@pytest.mark.parametrize(("kept", "in_range", "condemned"), OWNERS_IN_LIFE)
@pytest.mark.parametrize("index", range(1, 5))
def test_owners_follow_the_policy_and_its_changes(
    policy: str, kept: tuple[str, str] | None, in_range: str, condemned: str, index: int
) -> None:
    """Under every policy, coming from every other; a claim is born without owners."""
    world = World(web(2, policy=policy))
    world.set.spec.persistent_volume_claim_retention_policy = None
    born = [action for action in world.plan().actions() if isinstance(action, model.CreatePod)]
    assert [claim.metadata.owner_references for pod in born for claim in pod.claims] == [[] for _ in born]
    for each in (OWNERS_IN_LIFE[index][0], kept):
        world.set.spec.persistent_volume_claim_retention_policy = retention(*each) if each is not None else None
        world.settle()
    assert owners(world, "www-web-1") == in_range
    world.scale(1)
    world.step()
    assert owners(world, "www-web-1") == condemned
    assert owners(world, "www-web-0") == in_range
    world.settle()
    assert ("www-web-1" in world.claims) is (condemned != POD)


@BOTH
def test_a_claim_of_an_earlier_pod_holds_its_successor_back(policy: str) -> None:
    world = keep(settled(2, policy), "Delete", "Retain")
    world.claims["www-web-1"].metadata.owner_references = [owner_reference(world.pods["web-1"])]
    world.delete("web-1")
    world.gone("web-1")
    plan = world.plan()
    assert said(plan) == []
    assert str(plan.waiting_for) == "claim www-web-1 of an earlier web-1 to be deleted"
    del world.claims["www-web-1"]
    assert said(world.plan()) == ["create pod web-1"]


@BOTH
def test_a_foreign_controller_is_reported_when_we_have_something_to_change_and_only_then(policy: str) -> None:
    world = keep(settled(1, policy), "Retain", "Delete")
    world.settle()
    refs = world.claims["www-web-0"].metadata.owner_references
    refs.insert(0, BOSS)
    assert said(world.step()) == [
        "leave claim www-web-0 to its other controller",
        "set owners of claim www-web-0 to Backup boss",
        "repair identity of pod web-0",
    ]
    assert said(world.step()) == []


@BOTH
def test_a_foreign_controller_of_a_condemned_pods_claim_is_not_reported(policy: str) -> None:
    world = keep(settled(2, policy), "Delete", "Delete")
    world.settle()
    world.claims["www-web-1"].metadata.owner_references = [BOSS]
    world.scale(1)
    assert said(world.plan()) == ["delete pod web-1 (scale down)"]


def test_a_foreign_controller_is_reported_as_long_as_the_pod_is_pending() -> None:
    world = keep(World(web(1)), "Retain", "Delete")
    world.step()
    world.claims["www-web-0"].metadata.owner_references = [BOSS]
    for _ in range(2):
        assert said(world.step()) == ["leave claim www-web-0 to its other controller"]
