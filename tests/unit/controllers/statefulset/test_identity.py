"""What the pod of an ordinal looks like, and which damage of a live one is repaired."""

from collections.abc import Callable

import pytest

from petset.api.meta import copy
from petset.api.types import EmptyDirVolumeSource, Pod, StatefulSet, StatefulSetOrdinals, Volume
from petset.controllers.statefulset.identity import (
    claim_names,
    identity_matches,
    new_claim,
    new_pod,
    ordinals,
    repaired,
    storage_matches,
)
from petset.controllers.statefulset.names import POD_INDEX_LABEL, POD_NAME_LABEL
from tests.simulation.world import settled, web


def a_set() -> StatefulSet:
    set_ = web(3)
    meta = set_.spec.template.metadata
    meta.annotations, meta.finalizers = {"backup": "daily"}, ["acme.io/held"]
    set_.spec.template.spec.volumes = [
        Volume(name="cache", empty_dir=EmptyDirVolumeSource()),
        Volume(name="www", empty_dir=EmptyDirVolumeSource()),
    ]
    return set_


def the_pod(set_: StatefulSet, ordinal: int = 1) -> Pod:
    return new_pod(set_, set_.spec.template, "web-rev", ordinal)


@pytest.mark.parametrize(
    ("replicas", "start", "wanted"),
    [(3, None, [0, 1, 2]), (2, 5, [5, 6]), (0, 5, []), (None, 0, [0]), (1, 0, [0])],
)
def test_the_ordinals_of_a_set(replicas: int | None, start: int | None, wanted: list[int]) -> None:
    set_ = web()
    set_.spec.replicas = replicas
    set_.spec.ordinals = StatefulSetOrdinals(start=start) if start is not None else None
    assert list(ordinals(set_)) == wanted


def test_a_pod_has_what_the_template_says_and_who_it_is() -> None:
    set_ = a_set()
    before = copy(set_)
    meta = the_pod(set_).metadata
    assert (meta.name, meta.generate_name, meta.namespace) == ("web-1", "web-", "default")
    assert meta.labels == {
        "app": "nginx",
        "statefulset.kubernetes.io/pod-name": "web-1",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": "web-rev",
    }
    assert (meta.annotations, meta.finalizers) == ({"backup": "daily"}, ["acme.io/held"])
    (owner,) = meta.owner_references
    assert (owner.api_version, owner.kind, owner.name, owner.uid) == ("apps/v1", "StatefulSet", "web", "set-uid")
    assert (owner.controller, owner.block_owner_deletion) == (True, True)
    assert set_ == before, "the set stays as it is"


@pytest.mark.parametrize(("service", "subdomain"), [("nginx", "nginx"), ("", None)])
def test_a_pod_is_named_below_the_service_of_its_set(service: str, subdomain: str | None) -> None:
    set_ = a_set()
    set_.spec.service_name = service
    set_.spec.template.spec.hostname, set_.spec.template.spec.subdomain = "mine", "mine"
    pod = the_pod(set_)
    assert (pod.spec.hostname, pod.spec.subdomain) == ("web-1", subdomain)


def test_claims_come_first_among_the_volumes_in_the_place_of_those_of_their_name() -> None:
    volumes = the_pod(a_set()).spec.volumes
    assert [volume.name for volume in volumes] == ["www", "cache"]
    assert volumes[0].empty_dir is None
    source = volumes[0].persistent_volume_claim
    assert source is not None
    assert (source.claim_name, source.read_only) == ("www-web-1", None)


def test_a_claim_is_that_of_its_ordinal_with_the_labels_of_template_and_selector() -> None:
    set_ = a_set()
    (template,) = set_.spec.volume_claim_templates
    template.metadata.labels = {"tier": "data", "app": "other"}
    claim = new_claim(set_, template, 2)
    assert (claim.metadata.name, claim.metadata.namespace) == ("www-web-2", "default")
    assert claim.metadata.labels == {"tier": "data", "app": "nginx"}
    assert claim.metadata.owner_references == []
    assert template.metadata.labels == {"tier": "data", "app": "other"}
    assert claim_names(set_, 2) == ["www-web-2"]


def lose_name(pod: Pod) -> None:
    del pod.metadata.labels[POD_NAME_LABEL]


def other_name(pod: Pod) -> None:
    pod.metadata.labels[POD_NAME_LABEL] = "web-7"


def elsewhere(pod: Pod) -> None:
    pod.metadata.namespace = "other"


def renamed(pod: Pod) -> None:
    pod.metadata.name = pod.metadata.labels[POD_NAME_LABEL] = "goo-1"


def no_volume(pod: Pod) -> None:
    pod.spec.volumes = [volume for volume in pod.spec.volumes if volume.name != "www"]


def foreign_volume(pod: Pod) -> None:
    pod.spec.volumes[0] = Volume(name="www", empty_dir=EmptyDirVolumeSource())


def foreign_claim(pod: Pod) -> None:
    source = pod.spec.volumes[0].persistent_volume_claim
    assert source is not None
    source.claim_name = "www-web-0"


DAMAGE = [
    (lose_name, False, True),
    (other_name, False, True),
    (elsewhere, False, True),
    (renamed, False, True),
    (no_volume, True, False),
    (foreign_volume, True, False),
    (foreign_claim, True, False),
]


@pytest.mark.parametrize(("damage", "identity", "storage"), DAMAGE)
def test_what_is_damaged_is_seen_and_repaired(damage: Callable[[Pod], None], *, identity: bool, storage: bool) -> None:
    set_ = a_set()
    pod = the_pod(set_)
    assert (identity_matches(pod, set_, 1), storage_matches(pod, set_, 1)) == (True, True)
    whole = copy(pod)
    damage(pod)
    damaged = copy(pod)
    assert (identity_matches(pod, set_, 1), storage_matches(pod, set_, 1)) == (identity, storage)
    assert repaired(pod, set_, 1) == whole
    assert pod == damaged, "what was seen stays as it is"


def test_a_lost_index_alone_is_no_reason_and_comes_back_with_another_repair() -> None:
    world = settled()
    del world.pods["web-1"].metadata.labels[POD_INDEX_LABEL]
    assert list(world.plan().actions()) == []
    del world.pods["web-1"].metadata.labels[POD_NAME_LABEL]
    world.step()
    assert world.pods["web-1"].metadata.labels[POD_INDEX_LABEL] == "1"
    assert world.pods["web-1"].metadata.labels[POD_NAME_LABEL] == "web-1"
