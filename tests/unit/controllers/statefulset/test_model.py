"""A plan in words: each action, each step, and the whole."""

import pytest

from petset.api.types import (
    ControllerRevision,
    ObjectMeta,
    OwnerReference,
    PersistentVolumeClaim,
    Pod,
    StatefulSetStatus,
)
from petset.controllers.statefulset import model
from petset.controllers.statefulset.waiting import Wait

POD = Pod(metadata=ObjectMeta(name="web-1"))
REVISION = ControllerRevision(metadata=ObjectMeta(name="web-abc"), revision=3)


def claim(name: str, *owners: str) -> PersistentVolumeClaim:
    refs = [OwnerReference(kind=kind, name=owner) for kind, owner in (each.split() for each in owners)]
    return PersistentVolumeClaim(metadata=ObjectMeta(name=name, owner_references=refs))


ONE, TWO = (claim("www-web-1"),), (claim("www-web-1"), claim("log-web-1"))
WORDS: list[tuple[model.Action | model.DropRevision, str]] = [
    (model.AdoptRevision("web-abc", "uid"), "adopt revision web-abc"),
    (model.CreateRevision(REVISION), "create revision web-abc (number 3)"),
    (model.RenumberRevision(REVISION, 7), "renumber revision web-abc from 3 to 7"),
    (model.DropRevision("web-abc"), "delete revision web-abc"),
    (model.AdoptPod("web-1", "uid"), "adopt pod web-1"),
    (model.ReleasePod("web-1", "uid"), "release pod web-1"),
    (model.CreatePod(POD, "web-abc", ()), "create pod web-1 at web-abc"),
    (model.CreatePod(POD, "web-abc", ONE), "create pod web-1 at web-abc with claim www-web-1"),
    (model.CreatePod(POD, "web-abc", TWO), "create pod web-1 at web-abc with claim www-web-1, log-web-1"),
    (model.RefusePod("web-1", (), "no room"), "cannot create pod web-1: no room"),
    (model.RestoreClaims("web-1", TWO), "create claim www-web-1, log-web-1 for pod web-1"),
    (model.RefuseClaims("web-1", "no room"), "cannot restore the claims of pod web-1: no room"),
    (model.SetClaimOwners("web-1", claim("www-web-1")), "set owners of claim www-web-1 to nobody"),
    (
        model.SetClaimOwners("web-1", claim("www-web-1", "Backup boss", "Pod web-1")),
        "set owners of claim www-web-1 to Backup boss, Pod web-1",
    ),
    (model.ReportForeignOwner("www-web-1"), "leave claim www-web-1 to its other controller"),
    (model.RepairPod(POD, 1), "repair identity of pod web-1"),
    (model.DeletePod("web-1", "uid", "scale down"), "delete pod web-1 (scale down)"),
]


@pytest.mark.parametrize(("action", "words"), WORDS, ids=[words for _, words in WORDS])
def test_an_action_in_words(action: model.Action | model.DropRevision, words: str) -> None:
    assert str(action) == words


def test_a_plan_says_each_step_then_what_it_forgets_then_what_it_waits_for() -> None:
    update = model.DeletePod("web-2", "uid", "update")
    steps = (model.Step("claiming", ((model.AdoptPod("web-1", "uid"),), (model.ReleasePod("web-x", "uid"),))),)
    whole = model.Plan(
        steps=(*steps, model.Step("update", ((update,),))),
        counted=StatefulSetStatus(),
        status=StatefulSetStatus(),
        cleanup=(model.DropRevision("web-abc"), model.DropRevision("web-def")),
        waiting_for=Wait("web-2", "to be replaced by the update"),
    )
    assert str(whole).splitlines() == [
        "claiming: adopt pod web-1; release pod web-x",
        "update: delete pod web-2 (update)",
        "delete revision web-abc",
        "delete revision web-def",
        "waiting for web-2 to be replaced by the update",
    ]
    assert list(whole.actions()) == [*steps[0].actions, update]


def test_a_plan_of_nothing_says_so() -> None:
    assert str(model.Plan((), StatefulSetStatus(), StatefulSetStatus())) == "nothing to do"
