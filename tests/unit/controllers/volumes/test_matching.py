"""Which volume suits a claim: one row a rule."""

import pytest

from petset.api.types import (
    LabelSelector,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectMeta,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    VolumeNodeAffinity,
)
from petset.controllers.volumes.matching import best_match, mismatch
from petset.controllers.volumes.model import ObservedClaim
from tests.unit.controllers.toycluster import claim, volume


def wanted(size: str = "1Gi", *modes: str, **spec: object) -> PersistentVolumeClaim:
    wanted = claim("www", size, "")
    wanted.metadata.uid = "claim-uid"
    wanted.spec.access_modes = list(modes or ["ReadWriteOnce"])
    for name, value in spec.items():
        setattr(wanted.spec, name, value)
    return wanted


def free(name: str = "disk", size: str = "1Gi", *modes: str, phase: str = "Available") -> PersistentVolume:
    free = volume(name, size)
    free.spec.access_modes = list(modes or ["ReadWriteOnce"])
    free.status.phase = phase
    return free


def labelled(**labels: str) -> PersistentVolume:
    labelled = free()
    labelled.metadata.labels = labels
    return labelled


def block() -> PersistentVolume:
    block = free()
    block.spec.volume_mode = "Block"
    return block


def reserved(name: str, claim_name: str = "www", uid: str | None = None, size: str = "1Gi") -> PersistentVolume:
    reserved = free(name, size)
    reserved.spec.claim_ref = ObjectReference(namespace="default", name=claim_name, uid=uid)
    return reserved


def terminating() -> PersistentVolume:
    ending = free()
    ending.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return ending


def in_class(name: str) -> PersistentVolume:
    classed = free()
    classed.spec.storage_class_name = name
    return classed


def in_zone(zone: str) -> PersistentVolume:
    placed = free()
    requirement = NodeSelectorRequirement(key="zone", operator="In", values=[zone])
    selector = NodeSelector(node_selector_terms=[NodeSelectorTerm(match_expressions=[requirement])])
    placed.spec.node_affinity = VolumeNodeAffinity(required=selector)
    return placed


SSD = LabelSelector(match_labels={"disk": "ssd"})


@pytest.mark.parametrize(
    ("asked", "volumes", "chosen"),
    [
        (wanted(), [], None),
        (wanted(), [free()], "disk"),
        (wanted("1Gi"), [free(size="1023Mi")], None),
        (wanted("1G"), [free(size="1Gi")], "disk"),
        (wanted(), [free("large", "9Gi"), free("small", "2Gi"), free("tiny", "1Mi")], "small"),
        (wanted(), [free("b", "2Gi"), free("a", "2Gi")], "a"),
        (wanted("1Gi", "ReadWriteMany"), [free()], None),
        (wanted("1Gi", "ReadWriteMany"), [free("both", "1Gi", "ReadWriteMany", "ReadWriteOnce")], "both"),
        (wanted(), [free("more", "1Gi", "ReadWriteMany", "ReadWriteOnce"), free("just", "5Gi")], "just"),
        (wanted(), [free(phase="Released")], None),
        (wanted(), [free(phase="Bound")], None),
        (wanted(), [free(phase="Pending")], None),
        (wanted(), [terminating()], None),
        (wanted(), [in_class("fast")], None),
        (wanted(storage_class_name="fast"), [in_class("fast")], "disk"),
        (wanted(selector=SSD), [free()], None),
        (wanted(selector=SSD), [labelled(disk="ssd")], "disk"),
        (wanted(selector=SSD), [labelled(disk="hdd")], None),
        (wanted(), [block()], None),
        (wanted(volume_mode="Block"), [block()], "disk"),
        (wanted(volume_mode="Filesystem"), [free()], "disk"),
        (wanted(), [reserved("theirs", "other")], None),
        (wanted(), [free("small"), reserved("mine", size="5Gi")], "mine"),
        (wanted(), [reserved("old", uid="other-uid")], None),
        (wanted(), [reserved("a"), reserved("b", uid="claim-uid")], "b"),
        (wanted("2Gi"), [reserved("mine", size="1Gi")], None),
        (wanted(selector=SSD, storage_class_name="fast"), [reserved("mine")], "mine"),
    ],
)
def test_the_volume_of_a_claim(
    asked: PersistentVolumeClaim, volumes: list[PersistentVolume], chosen: str | None
) -> None:
    found = best_match(ObservedClaim(asked, candidates=tuple(volumes)), delayed=False)
    assert (found.metadata.name if found is not None else None) == chosen


def test_before_a_node_is_selected_only_a_reserved_volume_will_do() -> None:
    assert best_match(ObservedClaim(wanted(), candidates=(free(),)), delayed=True) is None
    found = best_match(ObservedClaim(wanted(), candidates=(free(), reserved("mine"))), delayed=True)
    assert found is not None
    assert found.metadata.name == "mine"


@pytest.mark.parametrize(("zone", "found"), [("a", True), ("b", False)])
def test_a_volume_has_to_be_reachable_from_the_selected_node(zone: str, *, found: bool) -> None:
    node = Node(metadata=ObjectMeta(name="node-1", labels={"zone": "a"}))
    seen = ObservedClaim(wanted(), candidates=(in_zone(zone),), node=node)
    assert (best_match(seen, delayed=False) is not None) == found


@pytest.mark.parametrize(
    ("asked", "named", "why"),
    [
        (wanted(), free(), None),
        (wanted("2Gi"), free(), "requested PV is too small"),
        (wanted(), in_class("fast"), "storageClassName does not match"),
        (wanted(), block(), "incompatible volumeMode"),
        (wanted("1Gi", "ReadWriteMany"), free(), "incompatible accessMode"),
        (wanted(selector=SSD), free(), None),
    ],
)
def test_why_a_named_volume_cannot_be_bound(
    asked: PersistentVolumeClaim, named: PersistentVolume, why: str | None
) -> None:
    assert mismatch(named, asked) == why
