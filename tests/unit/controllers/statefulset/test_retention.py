"""Who owns a claim, as tables: policy, place of the pod, owners before and after."""

import pytest

from petset.api.meta import owner_reference
from petset.api.types import (
    ObjectMeta,
    OwnerReference,
    PersistentVolumeClaim,
    Pod,
    StatefulSet,
    StatefulSetPersistentVolumeClaimRetentionPolicy,
)
from petset.controllers.statefulset.retention import (
    blocks_creation,
    has_foreign_controller,
    is_stale,
    owners_match,
    with_owners,
)

SET = StatefulSet(metadata=ObjectMeta(name="web", namespace="default", uid="set-uid"))
POD = Pod(metadata=ObjectMeta(name="web-1", namespace="default", uid="pod-uid"))

OURS_SET = owner_reference(SET)
OURS_POD = owner_reference(POD)
WEAK_SET = owner_reference(SET, controller=False)
WEAK_POD = owner_reference(POD, controller=False)
OLD_SET = OwnerReference(api_version="apps/v1", kind="StatefulSet", name="web", uid="old", controller=True)
OLD_POD = OwnerReference(api_version="v1", kind="Pod", name="web-1", uid="old", controller=True)
OLDER_SET = OwnerReference(api_version="apps/v1beta1", kind="StatefulSet", name="web", uid="set-uid")
OLDER_POD = OwnerReference(api_version="v0", kind="Pod", name="web-1", uid="pod-uid")
OTHER = OwnerReference(api_version="v1", kind="ConfigMap", name="friend", uid="friend-uid")
BOSS = OwnerReference(api_version="acme/v1", kind="Backup", name="boss", uid="boss-uid", controller=True)

KEEP, SET_GOES, POD_GOES, BOTH_GO = (
    ("Retain", "Retain"),
    ("Retain", "Delete"),
    ("Delete", "Retain"),
    ("Delete", "Delete"),
)
"""whenScaled, whenDeleted."""

Policy = tuple[str | None, str | None] | None


def set_with(policy: Policy) -> StatefulSet:
    set_ = StatefulSet(metadata=SET.metadata)
    if policy is not None:
        set_.spec.persistent_volume_claim_retention_policy = StatefulSetPersistentVolumeClaimRetentionPolicy(
            when_scaled=policy[0], when_deleted=policy[1]
        )
    return set_


def claim_of(*owners: OwnerReference) -> PersistentVolumeClaim:
    return PersistentVolumeClaim(metadata=ObjectMeta(name="www-web-1", owner_references=list(owners)))


@pytest.mark.parametrize(
    ("policy", "in_range", "wanted"),
    [
        (None, True, []),
        (None, False, []),
        (KEEP, True, []),
        (KEEP, False, []),
        (SET_GOES, True, [OURS_SET]),
        (SET_GOES, False, [OURS_SET]),
        (POD_GOES, True, []),
        (POD_GOES, False, [OURS_POD]),
        (BOTH_GO, True, [OURS_SET]),
        (BOTH_GO, False, [OURS_POD]),
    ],
)
@pytest.mark.parametrize("before", [[], [OURS_SET], [OURS_POD], [OURS_SET, OURS_POD], [WEAK_SET], [WEAK_POD]])
def test_the_policy_says_who_owns_a_claim(
    policy: Policy, in_range: bool, wanted: list[OwnerReference], before: list[OwnerReference]
) -> None:
    set_, claim = set_with(policy), claim_of(*before)
    assert owners_match(claim, set_, POD, in_range=in_range) is (before == wanted)
    owned = with_owners(claim, set_, POD, in_range=in_range)
    assert owned.metadata.owner_references == wanted
    assert owners_match(owned, set_, POD, in_range=in_range)
    assert claim.metadata.owner_references == before, "the claim that was seen stays as it is"


def test_another_owner_stays_in_front_of_ours() -> None:
    owned = with_owners(claim_of(OTHER, WEAK_SET), set_with(SET_GOES), POD, in_range=True)
    assert owned.metadata.owner_references == [OTHER, OURS_SET]


@pytest.mark.parametrize("old", [OLDER_SET, OLDER_POD])
@pytest.mark.parametrize(("policy", "wanted"), [(KEEP, []), (SET_GOES, [OURS_SET]), (BOTH_GO, [OURS_SET])])
def test_an_owner_of_our_uid_in_another_api_version_makes_room(
    policy: Policy, old: OwnerReference, wanted: list[OwnerReference]
) -> None:
    owned = with_owners(claim_of(old), set_with(policy), POD, in_range=True)
    assert owned.metadata.owner_references == wanted


@pytest.mark.parametrize("policy", [SET_GOES, POD_GOES, BOTH_GO, KEEP])
@pytest.mark.parametrize("stale", [OLD_SET, OLD_POD])
@pytest.mark.parametrize("others", [[], [OURS_SET], [OURS_POD], [BOSS, OURS_SET]])
def test_a_claim_of_an_earlier_object_of_the_name_is_left_alone(
    policy: Policy, stale: OwnerReference, others: list[OwnerReference]
) -> None:
    set_, claim = set_with(policy), claim_of(stale, *others)
    assert is_stale(claim, set_) or is_stale(claim, POD)
    assert owners_match(claim, set_, POD, in_range=False)


@pytest.mark.parametrize(
    ("policy", "before", "foreign", "match", "after"),
    [
        (KEEP, [BOSS], False, True, [BOSS]),
        ((None, None), [BOSS], False, True, [BOSS]),
        (KEEP, [BOSS, OURS_SET], False, False, [BOSS]),
        (SET_GOES, [BOSS], True, True, [BOSS]),
        (SET_GOES, [BOSS, OURS_SET], True, False, [BOSS]),
        (POD_GOES, [OURS_POD, BOSS], True, False, [BOSS]),
        (BOTH_GO, [OTHER, BOSS, WEAK_POD], True, False, [OTHER, BOSS]),
        (SET_GOES, [OTHER], False, False, [OTHER, OURS_SET]),
        (SET_GOES, [OURS_SET], False, True, [OURS_SET]),
        (SET_GOES, [OURS_SET, OLD_SET], True, False, []),
        (SET_GOES, [OURS_POD, OLD_POD], True, False, []),
        (SET_GOES, [OLD_SET], True, True, []),
        (None, [BOSS], False, True, [BOSS]),
        (None, [BOSS, OURS_SET], False, False, [BOSS]),
    ],
)
def test_next_to_another_controller_there_is_no_place_for_us(
    policy: Policy, before: list[OwnerReference], foreign: bool, match: bool, after: list[OwnerReference]
) -> None:
    set_, claim = set_with(policy), claim_of(*before)
    assert has_foreign_controller(claim, set_, POD) is foreign
    assert owners_match(claim, set_, POD, in_range=True) is match
    assert with_owners(claim, set_, POD, in_range=True).metadata.owner_references == after


@pytest.mark.parametrize(
    ("policy", "owner", "blocked"),
    [
        (POD_GOES, OLD_POD, True),
        (BOTH_GO, OLD_POD, True),
        (BOTH_GO, OLD_SET, False),
        (BOTH_GO, OTHER, False),
        (SET_GOES, OLD_POD, False),
        (KEEP, OLD_POD, False),
        (None, OLD_POD, False),
    ],
)
def test_a_pod_waits_for_the_claim_that_goes_with_its_predecessor(
    policy: Policy, owner: OwnerReference, blocked: bool
) -> None:
    unborn = Pod(metadata=ObjectMeta(name="web-1", namespace="default"))
    assert blocks_creation(claim_of(owner), set_with(policy), unborn) is blocked
