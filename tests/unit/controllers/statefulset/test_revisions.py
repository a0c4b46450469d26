"""Which revisions a set has, needs and may forget; and that their names are those Kubernetes gives."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from petset.api.meta import copy
from petset.api.types import ControllerRevision, StatefulSet
from petset.controllers.statefulset.model import Observed
from petset.controllers.statefulset.names import REVISION_HASH_LABEL, revision_hash
from petset.controllers.statefulset.revisions import (
    Chooser,
    adoption,
    choose_revisions,
    data_bytes,
    in_order,
    new_revision,
    revision_data,
    surplus_revisions,
)
from petset.kinds import statefulset
from tests.simulation.world import web


def annotated_set() -> StatefulSet:
    """A set whose template Kubernetes 1.34 names `776999688b`; what is left out here the API fills in."""
    set_ = web()
    set_.metadata.name = "test"
    set_.spec.template.metadata.labels = {"app": "foo"}
    set_.spec.template.metadata.annotations = {"test": "value"}
    container = set_.spec.template.spec.containers[0]
    container.name, container.image, container.image_pull_policy = "test", "test", None
    statefulset.RESOURCE.strategy.default(set_)
    return set_


def revision(number: int, image: str, **meta: Any) -> ControllerRevision:
    """A stored revision of the set `web` with another image, as `new_revision` would have made it."""
    made = new_revision(web(image=image), number, 0)
    made.metadata.uid = f"uid-{image}"
    for name, value in meta.items():
        setattr(made.metadata, name, value)
    return made


def observed(
    set_: StatefulSet, *revisions: ControllerRevision, orphans: tuple[ControllerRevision, ...] = ()
) -> Observed:
    return Observed(set_, (), revisions, {}, datetime(2026, 1, 1, tzinfo=UTC), orphan_revisions=orphans)


def spelled_by_1_33(now: ControllerRevision) -> ControllerRevision:
    """The revision as servers before 1.34 wrote it: with a creation timestamp of nothing."""
    old = copy(now)
    old.data["spec"]["template"]["metadata"]["creationTimestamp"] = None
    return old


# --- data and names ---------------------------------------------------------------------------------------------------


def test_a_template_gets_the_name_that_kubernetes_gives_it() -> None:
    made = new_revision(annotated_set(), 1, 0)
    assert made.metadata.name == "test-776999688b"
    assert made.metadata.labels == {"app": "foo", REVISION_HASH_LABEL: "776999688b"}


def test_the_spelling_of_older_servers_gives_the_hash_they_gave_it() -> None:
    old = spelled_by_1_33(new_revision(annotated_set(), 1, 0))
    assert revision_hash(data_bytes(old.data), 0) == "c77f6d978"


def test_a_revision_belongs_to_the_set_and_carries_its_annotations() -> None:
    set_ = web()
    set_.metadata.annotations = {"note": "hello"}
    made = new_revision(set_, 4, 0)
    assert made.revision == 4
    assert made.metadata.annotations == {"note": "hello"}
    (owner,) = made.metadata.owner_references
    assert (owner.kind, owner.name, owner.uid, owner.controller) == ("StatefulSet", "web", "set-uid", True)


def test_a_collision_gives_another_name_to_the_same_data() -> None:
    first, second = new_revision(web(), 1, 0), new_revision(web(), 1, 1)
    assert first.data == second.data
    assert first.metadata.name != second.metadata.name


def test_data_is_spelled_as_gos_encoder_does() -> None:
    set_ = web()
    set_.spec.template.metadata.annotations = {"b": "1 < 2 & 3 > 2", "a": "\u2028\u2029ü"}
    raw = data_bytes(revision_data(set_.spec.template))
    assert rb'"annotations":{"a":"\u2028\u2029' + "ü".encode() + rb'","b":"1 \u003c 2 \u0026 3 \u003e 2"}' in raw


# --- the choice -------------------------------------------------------------------------------------------------------


def test_without_revisions_the_first_is_made() -> None:
    history = choose_revisions(observed(web()))
    (action,) = history.actions
    assert str(action).endswith("(number 1)")
    assert history.current is history.update
    assert history.update.revision == 1


def test_a_known_template_needs_nothing() -> None:
    one = revision(1, "nginx:1")
    history = choose_revisions(observed(web(image="nginx:1"), one))
    assert (history.actions, history.update, history.current) == ((), one, one)


def test_a_new_template_becomes_the_newest_and_the_current_one_stays() -> None:
    one = revision(1, "nginx:1")
    set_ = web(image="nginx:2")
    set_.status.current_revision = one.metadata.name
    history = choose_revisions(observed(set_, one))
    assert [str(action) for action in history.actions] == [f"create revision {history.update.metadata.name} (number 2)"]
    assert history.current is one


def test_two_known_templates_need_nothing() -> None:
    one, two = revision(1, "nginx:1"), revision(2, "nginx:2")
    set_ = web(image="nginx:2")
    set_.status.current_revision = one.metadata.name
    history = choose_revisions(observed(set_, two, one))
    assert (history.actions, history.update, history.current) == ((), two, one)


def test_an_older_template_becomes_the_newest_under_its_old_name() -> None:
    one, two, three = revision(1, "nginx:1"), revision(2, "nginx:2"), revision(3, "nginx:3")
    set_ = web(image="nginx:2")
    set_.status.current_revision = one.metadata.name
    history = choose_revisions(observed(set_, three, two, one))
    assert [str(action) for action in history.actions] == [f"renumber revision {two.metadata.name} from 2 to 4"]
    assert (history.update, history.current) == (two, one)


def test_of_revisions_with_one_number_the_younger_then_the_last_by_name_counts_as_newest() -> None:
    old = revision(1, "nginx:1", creation_timestamp="2026-01-01T00:00:00Z", name="web-z")
    young = revision(1, "nginx:2", creation_timestamp="2026-01-01T00:00:01Z", name="web-a")
    assert choose_revisions(observed(web(image="nginx:2"), young, old)).actions == ()
    (action,) = choose_revisions(observed(web(image="nginx:1"), young, old)).actions
    assert str(action) == "renumber revision web-z from 1 to 2"


@pytest.mark.parametrize("turned", [False, True])
def test_revisions_are_in_order_by_number_then_by_age_then_by_name(turned: bool) -> None:
    early, late = "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"
    expected = [
        revision(1, "nginx:1", creation_timestamp=late, name="web-z"),
        revision(2, "nginx:1", creation_timestamp=None, name="web-y"),
        revision(2, "nginx:1", creation_timestamp=early, name="web-b"),
        revision(2, "nginx:1", creation_timestamp=early, name="web-x"),
        revision(2, "nginx:1", creation_timestamp=late, name="web-a"),
    ]
    assert in_order(reversed(expected) if turned else expected) == expected


@pytest.mark.parametrize(("collisions", "counted"), [(None, 0), (0, 0), (3, 3)])
def test_a_new_revision_is_named_after_the_collisions_so_far(collisions: int | None, counted: int) -> None:
    set_ = web()
    set_.status.collision_count = collisions
    assert choose_revisions(observed(set_)).update.metadata.name == new_revision(web(), 1, counted).metadata.name


def test_the_spelling_of_an_older_server_is_no_new_template() -> None:
    old = spelled_by_1_33(revision(1, "nginx:1"))
    history = choose_revisions(observed(web(image="nginx:1"), old))
    assert (history.actions, history.update) == ((), old)


def test_the_spelling_of_an_older_server_counts_for_the_newest_revision_only() -> None:
    old, newest = spelled_by_1_33(revision(1, "nginx:1")), revision(2, "nginx:2")
    (action,) = choose_revisions(observed(web(image="nginx:1"), old, newest)).actions
    assert str(action).endswith("(number 3)")


def test_a_template_without_a_default_of_today_is_no_new_one() -> None:
    old = revision(1, "nginx:1")
    del old.data["spec"]["template"]["spec"]["dnsPolicy"]
    history = choose_revisions(observed(web(image="nginx:1"), old))
    assert (history.actions, history.update) == ((), old)


def test_the_spelling_of_an_older_server_is_found_behind_other_revisions() -> None:
    other, old = revision(1, "nginx:0"), spelled_by_1_33(revision(2, "nginx:1"))
    history = choose_revisions(observed(web(image="nginx:1"), other, old))
    assert (history.actions, history.update) == ((), old)


def test_of_two_revisions_of_the_template_the_newer_is_used() -> None:
    old, new = revision(1, "nginx:1", name="web-old"), revision(2, "nginx:1", name="web-new")
    history = choose_revisions(observed(web(image="nginx:1"), new, old))
    assert (history.actions, history.update) == ((), new)


@pytest.mark.parametrize("data", [{}, {"spec": None}, {"spec": {"template": {"spec": 7}}}, {"spec": {"template": []}}])
def test_a_revision_that_holds_no_template_is_no_revision_of_this_one(data: dict[str, Any]) -> None:
    broken = revision(1, "nginx:1")
    broken.data = data
    (action,) = choose_revisions(observed(web(image="nginx:1"), broken)).actions
    assert str(action).endswith("(number 2)")


def test_a_current_revision_that_is_gone_is_replaced_by_the_update_revision() -> None:
    two = revision(2, "nginx:2")
    set_ = web(image="nginx:2")
    set_.status.current_revision = "web-gone"
    assert choose_revisions(observed(set_, two)).current is two


def test_orphaned_revisions_are_adopted_and_used() -> None:
    orphan = revision(1, "nginx:1", owner_references=[])
    seen = observed(web(image="nginx:1"), orphans=(orphan,))
    assert [str(action) for action in adoption(seen)] == [f"adopt revision {orphan.metadata.name}"]
    assert (choose_revisions(seen).actions, choose_revisions(seen).update) == ((), orphan)


def test_a_set_that_is_being_deleted_adopts_no_revision() -> None:
    set_ = web(image="nginx:1")
    set_.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    assert adoption(observed(set_, orphans=(revision(1, "nginx:1", owner_references=[]),))) == ()


# --- remembering ------------------------------------------------------------------------------------------------------


def another_uid(seen: Observed) -> Observed:
    seen.set.metadata.uid = "another"
    return seen


def another_annotation(seen: Observed) -> Observed:
    seen.set.metadata.annotations = {"note": "new"}
    return seen


def is_being_deleted(seen: Observed) -> Observed:
    seen.set.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    return seen


def another_current_revision(seen: Observed) -> Observed:
    seen.set.status.current_revision = seen.revisions[0].metadata.name
    return seen


def a_collision(seen: Observed) -> Observed:
    seen.set.status.collision_count = 1
    return seen


def another_template(seen: Observed) -> Observed:
    seen.set.spec.template.spec.containers[0].image = "nginx:9"
    return seen


def a_revision_less(seen: Observed) -> Observed:
    return replace(seen, revisions=seen.revisions[1:])


def an_orphan_less(seen: Observed) -> Observed:
    return replace(seen, orphan_revisions=())


@pytest.mark.parametrize(
    "change",
    [
        another_uid,
        another_annotation,
        is_being_deleted,
        another_current_revision,
        a_collision,
        another_template,
        a_revision_less,
        an_orphan_less,
    ],
)
def test_a_choice_is_made_anew_when_anything_changes_that_it_looks_at(change: Callable[[Observed], Observed]) -> None:
    def seen() -> Observed:
        orphan = revision(7, "nginx:0", owner_references=[])
        return observed(web(image="nginx:3"), revision(1, "nginx:1"), revision(2, "nginx:2"), orphans=(orphan,))

    chooser, changed = Chooser(), change(seen())
    first = chooser.choose(seen())
    assert chooser.choose(seen()) is first, "equal things cost nothing"
    assert chooser.choose(changed) == choose_revisions(changed) != first
    assert chooser.choose(changed) is chooser.choose(changed)


# --- history ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "in_use", "dropped"),
    [
        (0, [], ["nginx:1", "nginx:2", "nginx:3"]),
        (0, ["nginx:2"], ["nginx:1", "nginx:3"]),
        (1, [], ["nginx:1", "nginx:2"]),
        (2, ["nginx:1"], []),
        (3, [], []),
        (None, [], []),
        (-1, [], []),
    ],
)
def test_the_oldest_unused_revisions_beyond_the_limit_are_dropped(
    limit: int | None, in_use: list[str], dropped: list[str]
) -> None:
    known = [revision(number, f"nginx:{number}") for number in (1, 2, 3, 4, 5)]
    set_ = web(image="nginx:5")
    set_.spec.revision_history_limit = limit
    set_.status.current_revision = known[3].metadata.name
    names = {f"nginx:{number}": r.metadata.name for number, r in enumerate(known, 1)}
    labels = [names[image] for image in in_use]
    history = choose_revisions(observed(set_, *known))
    assert [drop.name for drop in surplus_revisions(set_, history, labels)] == [names[image] for image in dropped]


@pytest.mark.parametrize(("limit", "dropped"), [(None, 2), (10, 2), (11, 1), (12, 0)])
def test_ten_unused_revisions_are_kept_unless_the_set_says_otherwise(limit: int | None, dropped: int) -> None:
    known = [revision(number, f"nginx:{number}") for number in range(1, 14)]
    set_ = web(image="nginx:13")
    set_.spec.revision_history_limit = limit
    history = choose_revisions(observed(set_, *known))
    assert [drop.name for drop in surplus_revisions(set_, history, ())] == [r.metadata.name for r in known[:dropped]]
