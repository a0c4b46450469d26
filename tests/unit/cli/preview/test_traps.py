"""Each trap: when it is named, when not, and what it says."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from petset.api.types import (
    LabelSelector,
    PersistentVolumeClaim,
    RollingUpdateStatefulSetStrategy,
    StatefulSet,
)
from petset.cli.preview.situation import Neighbours, Situation
from petset.cli.preview.traps import TRAPS, Trap, traps
from tests.simulation.world import World, retention, settled, web
from tests.unit.cli.preview.samples import COMPLETE, Change, break_pod, changed, created, image, scale, storage_class

Build = Callable[[], Situation]


def one(it: Situation, name: str) -> Trap:
    (found,) = (trap for trap in traps(it) if trap.name == name)
    return found


def both(*changes: Change) -> Change:
    def change(set_: StatefulSet) -> None:
        for each in changes:
            each(set_)

    return change


def rolling(partition: int = 0, max_unavailable: int | str = 1) -> Change:
    def change(set_: StatefulSet) -> None:
        set_.spec.update_strategy.rolling_update = RollingUpdateStatefulSetStrategy(
            partition=partition, max_unavailable=max_unavailable
        )

    return change


def on_delete(set_: StatefulSet) -> None:
    set_.spec.update_strategy.type, set_.spec.update_strategy.rolling_update = "OnDelete", None


def keep(when_scaled: str, when_deleted: str) -> Change:
    def change(set_: StatefulSet) -> None:
        set_.spec.persistent_volume_claim_retention_policy = retention(when_scaled, when_deleted)

    return change


def larger_claims(set_: StatefulSet) -> None:
    set_.spec.volume_claim_templates[0].spec.resources.requests = {"storage": "2Gi"}


def other_service(set_: StatefulSet) -> None:
    set_.spec.service_name = "other"


def other_selector(set_: StatefulSet) -> None:
    set_.spec.selector = LabelSelector(match_labels={"app": "other"})
    set_.spec.template.metadata.labels = {"app": "other"}


def parallel(set_: StatefulSet) -> None:
    set_.spec.pod_management_policy = "Parallel"


def history_limit(value: int) -> Change:
    def change(set_: StatefulSet) -> None:
        set_.spec.revision_history_limit = value

    return change


def named(name: str) -> StatefulSet:
    set_ = web(2)
    set_.metadata.name = name
    return set_


def of_class(name: str | None) -> StatefulSet:
    set_ = web(1)
    set_.spec.volume_claim_templates[0].spec.storage_class_name = name
    return set_


def with_broken(policy: str = "OrderedReady", change: Change | None = None) -> Situation:
    world = settled(policy=policy)
    break_pod(world, "web-1")
    return changed(world, change or image())


def no_block(set_: StatefulSet) -> None:
    set_.spec.update_strategy.type, set_.spec.update_strategy.rolling_update = "RollingUpdate", None


def without_block(policy: str, *, broken: str = "") -> Situation:
    """The manifest gives the type of the update strategy, and nothing else of it."""
    world = settled(policy=policy)
    no_block(world.set)
    world.settle()
    if broken:
        break_pod(world, broken)
    return changed(world, image())


def with_pod_that_does_not_end() -> Situation:
    world = settled()
    world.delete("web-2")
    world.now = world.now.replace(hour=world.now.hour + 1)
    return changed(world, image())


def being_deleted() -> Situation:
    world = settled()
    world.set.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return changed(world, image())


def left_over_claim(size: str) -> Situation:
    world = World(web(1))
    claim = PersistentVolumeClaim()
    claim.metadata.name, claim.metadata.uid = "www-web-0", "left"
    claim.spec.access_modes = ["ReadWriteOnce"]
    claim.spec.resources.requests = {"storage": size}
    world.claims["www-web-0"] = claim
    return Situation(world.observe(), None, COMPLETE)


CASES: list[tuple[str, Build, list[str]]] = [
    ("nothing at all", lambda: changed(settled(), image()), []),
    ("a new set", lambda: created(web(3)), []),
    ("a service name", lambda: changed(settled(), other_service), ["immutable-field", "missing-service"]),
    ("claim templates", lambda: changed(settled(), larger_claims), ["immutable-field", "claims-as-they-are"]),
    ("the policy", lambda: changed(settled(), parallel), ["immutable-field"]),
    ("a long name", lambda: created(named("w" * 60)), ["name-too-long"]),
    ("a rather long name", lambda: created(named("w" * 53)), ["name-too-long"]),
    ("the longest name", lambda: created(named("w" * 52)), []),
    ("a broken pod, ordered", with_broken, ["ordered-ready-broken-pod"]),
    ("a broken pod, parallel", lambda: with_broken("Parallel"), ["parallel-update"]),
    ("a pod that does not end", with_pod_that_does_not_end, ["ordered-ready-broken-pod"]),
    ("a set that goes", being_deleted, ["being-deleted"]),
    ("OnDelete", lambda: changed(settled(), both(image(), on_delete)), ["on-delete"]),
    ("OnDelete with nothing new", lambda: changed(settled(), on_delete), []),
    ("a partition", lambda: changed(settled(), both(image(), rolling(2))), ["partition"]),
    ("a partition above all", lambda: changed(settled(), both(image(), rolling(7))), ["partition"]),
    ("a partition with nothing new", lambda: changed(settled(), rolling(2)), []),
    ("Parallel", lambda: changed(settled(policy="Parallel"), image()), ["parallel-update"]),
    ("Parallel with nothing new", lambda: changed(settled(policy="Parallel"), scale(5)), []),
    ("Parallel and OnDelete", lambda: changed(settled(policy="Parallel"), both(image(), on_delete)), ["on-delete"]),
    ("Parallel, no block", lambda: without_block("Parallel"), ["parallel-update", "parallel-circle"]),
    ("Parallel, no block, nothing new", lambda: changed(settled(policy="Parallel"), both(no_block, scale(5))), []),
    ("ordered, no block", lambda: without_block("OrderedReady"), []),
    ("a typing error", lambda: changed(settled(), scale(2_000_000_000)), ["many-replicas"]),
    ("a new set, a typing error", lambda: created(web(2_000_000_000)), ["many-replicas"]),
    ("many, not suddenly", lambda: changed(settled(101, "Parallel"), scale(1_001)), []),
    ("all at once", lambda: changed(settled(), both(image(), rolling(0, "100%"))), ["all-down"]),
    ("most at once", lambda: changed(settled(), both(image(), rolling(0, 2))), []),
    ("the only one", lambda: changed(settled(1), both(image(), rolling(0, 1))), []),
    ("no history", lambda: changed(settled(), history_limit(0)), ["no-undo"]),
    ("all history", lambda: changed(settled(), history_limit(-1)), []),
    ("fewer, retained", lambda: changed(settled(), scale(1)), ["claims-left-over"]),
    ("fewer, deleted", lambda: changed(settled(), both(scale(1), keep("Delete", "Retain"))), ["when-scaled-delete"]),
    ("whenScaled", lambda: changed(settled(), keep("Delete", "Retain")), ["when-scaled-delete"]),
    ("whenDeleted", lambda: changed(settled(), keep("Retain", "Delete")), ["when-deleted-delete"]),
    ("claims of another size", lambda: left_over_claim("5Gi"), ["claims-as-they-are"]),
    ("claims of the same size", lambda: left_over_claim("1024Mi"), []),
    ("no such class", lambda: created(of_class("fast")), ["storage-class"]),
    ("no class", lambda: created(of_class("")), ["storage-class"]),
    ("claims that are there", lambda: changed(settled(), image(), replace(COMPLETE, classes={})), []),
    ("classes that nobody may read", lambda: created(of_class("fast"), replace(COMPLETE, classes=None)), []),
    ("no Service", lambda: created(web(1), replace(COMPLETE, services=frozenset())), ["missing-service"]),
    ("Services that nobody may read", lambda: created(web(1), replace(COMPLETE, services=None)), []),
]


@pytest.mark.parametrize(("build", "expected"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_which_traps_there_are(build: Build, expected: list[str]) -> None:
    assert [trap.name for trap in traps(build())] == expected


def test_every_trap_of_the_table_occurs_in_the_cases() -> None:
    unseen = {find for find in TRAPS if not any(list(find(build())) for _, build, _ in CASES)}
    assert unseen == set()


@pytest.mark.parametrize(
    ("change", "field", "way"),
    [
        (other_service, "spec.serviceName", "--cascade=orphan"),
        (larger_claims, "spec.volumeClaimTemplates", "kubectl patch pvc"),
        (other_selector, "spec.selector", "have to be deleted by hand"),
        (parallel, "spec.podManagementPolicy", "claims and their data stay"),
    ],
)
def test_an_immutable_field_has_a_way_around(change: Change, field: str, way: str) -> None:
    trap = one(changed(settled(), change), "immutable-field")
    assert trap.weight == "refused"
    assert trap.says.startswith(f"{field} cannot be changed")
    assert way in trap.way_out


def test_pods_that_a_new_selector_does_not_match_are_in_the_way() -> None:
    assert changed(settled(), other_selector).forecast.stops == "pod web-0 exists and is not the set's"


def test_the_broken_pod_is_named_with_the_revision_it_comes_back_at() -> None:
    it = with_broken()
    trap = one(it, "ordered-ready-broken-pod")
    assert "67250" in trap.says
    assert trap.way_out.startswith("after applying: kubectl delete pod web-1 -n default;")
    assert trap.way_out.endswith(it.history.update.metadata.name)


@pytest.mark.parametrize("change", [scale(4), both(image(), rolling(3))], ids=["only scaled", "below the partition"])
def test_deleting_a_broken_pod_does_not_help_when_it_comes_back_the_same(change: Change) -> None:
    trap = one(with_broken(change=change), "ordered-ready-broken-pod")
    assert trap.way_out.startswith("repair what it waits for")


def test_of_broken_pods_that_have_to_go_the_last_one_is_in_the_way() -> None:
    world = settled()
    world.unready("web-1")
    break_pod(world, "web-2")
    it = changed(world, scale(1))
    assert (it.forecast.stops or "").startswith("web-2 to be Running and Ready before it is deleted")
    assert one(it, "ordered-ready-broken-pod").way_out == "kubectl delete pod web-2 -n default; it has to go anyway"


def test_a_pod_that_does_not_end_needs_force() -> None:
    trap = one(with_pod_that_does_not_end(), "ordered-ready-broken-pod")
    assert trap.way_out.endswith("kubectl delete pod web-2 -n default --force")


@pytest.mark.parametrize(
    ("partition", "says"),
    [
        (2, "partition 2 holds a part back: web-0, web-1 stay as they are"),
        (3, "partition 3 holds everything back: web-0, web-1, web-2 stay as they are"),
    ],
)
def test_what_a_partition_holds_back(partition: int, says: str) -> None:
    assert one(changed(settled(), both(image(), rolling(partition))), "partition").says == says


@pytest.mark.parametrize(("broken", "weight"), [("", "note"), ("web-1", "stuck"), ("web-2", "note")])
def test_a_parallel_set_without_a_block_may_go_round_in_circles(broken: str, weight: str) -> None:
    """Only below status.currentReplicas does a pod come back at its old revision; the highest is beyond at once."""
    it = without_block("Parallel", broken=broken)
    assert one(it, "parallel-circle").weight == weight
    assert (it.forecast.stops or "").startswith("web-1 to be Ready before") == (weight == "stuck")
    assert (it.forecast.circles, it.forecast.cut) == (weight == "stuck", False)


def test_what_a_typing_error_would_do_is_told_with_numbers() -> None:
    trap = one(changed(settled(), scale(30_000)), "many-replicas")
    assert trap.says.startswith("30,000 replicas, and there are 3:")


def test_the_highest_name_counts_whatever_the_number_of_replicas() -> None:
    set_ = named("w" * 53)
    image("nginx:3")(set_)
    assert one(created(set_), "name-too-long").weight == "note", "the revision's name fits by chance"
    scale(2_000_000_000)(set_)
    trap = one(created(set_), "name-too-long")
    assert trap.says.startswith(f"pod {'w' * 53}-1999999999 cannot be created: ")


def test_pods_to_delete_by_hand_are_named_from_the_last_on() -> None:
    trap = one(changed(settled(), both(image(), on_delete)), "on-delete")
    assert "web-2, web-1, web-0 keep their revision" in trap.says
    assert trap.way_out.startswith("kubectl delete pod web-2 ")


@pytest.mark.parametrize(
    ("length", "image_name", "weight"), [(53, "nginx:1", "stuck"), (53, "nginx:3", "note"), (63, "nginx:3", "stuck")]
)
def test_how_bad_a_long_name_is_depends_on_the_length_of_the_hash(length: int, image_name: str, weight: str) -> None:
    set_ = named("w" * length)
    image(image_name)(set_)
    it = created(set_)
    assert one(it, "name-too-long").weight == weight
    assert (it.forecast.stops is None) == (weight == "note")


def test_claims_that_would_be_lost_and_kept_are_named() -> None:
    lost = one(changed(settled(), both(scale(1), keep("Delete", "Retain"))), "when-scaled-delete")
    assert lost.weight == "data loss"
    assert "www-web-2, www-web-1" in lost.says or "www-web-1, www-web-2" in lost.says
    assert "www-web-1, www-web-2" in one(changed(settled(), scale(1)), "claims-left-over").says


STORAGE: list[tuple[str | None, Neighbours, str]] = [
    ("fast", Neighbours(classes={}), "does not exist"),
    (None, Neighbours(classes={}), "no default one"),
    ("", Neighbours(classes={}), "made by hand"),
    ("slow", Neighbours(classes={"slow": storage_class("slow", "kubernetes.io/no-provisioner")}), "no provisioner"),
    ("csi", Neighbours(classes={"csi": storage_class("csi", "csi.example.org")}, petset=True), "does not run"),
]


@pytest.mark.parametrize(("class_", "around", "why"), STORAGE)
def test_why_claims_would_stay_pending(class_: str | None, around: Neighbours, why: str) -> None:
    it = created(of_class(class_), around)
    assert why in one(it, "storage-class").says
    assert it.forecast.stops == "web-0 to be Running and Ready (phase Pending)"


SERVED: list[tuple[str | None, Neighbours]] = [
    ("csi", Neighbours(classes={"csi": storage_class("csi", "csi.example.org")})),
    ("here", Neighbours(classes={"here": storage_class("here")}, petset=True)),
    (None, Neighbours(classes={"any": storage_class("any", default=True)})),
]


@pytest.mark.parametrize(("class_", "around"), SERVED)
def test_classes_that_are_served(class_: str | None, around: Neighbours) -> None:
    it = created(of_class(class_), around)
    assert traps(it) == ()
    assert it.forecast.stops is None
