import pytest

from petset.api.types import ControllerRevision, ObjectMeta
from petset.cli.failure import Failure
from petset.cli.history import has_template_of, history_rows, revision_to_restore
from petset.controllers.statefulset.revisions import new_revision
from tests.simulation.world import web


def revisions(*numbers: int) -> list[ControllerRevision]:
    return [ControllerRevision(metadata=ObjectMeta(name=f"web-{n}"), revision=n) for n in numbers]


@pytest.mark.parametrize(("numbers", "wanted", "found"), [((1, 3, 2), 0, 2), ((1, 3, 2), 1, 1), ((5, 3), 0, 3)])
def test_the_revision_to_go_back_to(numbers: tuple[int, ...], wanted: int, found: int) -> None:
    assert revision_to_restore(revisions(*numbers), wanted).revision == found


@pytest.mark.parametrize(
    ("numbers", "wanted", "message"),
    [((1,), 0, "no last revision to roll back to"), ((1, 2), 9, "unable to find specified revision 9 in history")],
)
def test_there_may_be_none(numbers: tuple[int, ...], wanted: int, message: str) -> None:
    with pytest.raises(Failure, match=message):
        revision_to_restore(revisions(*numbers), wanted)


def test_history_lists_the_oldest_first_with_its_cause() -> None:
    found = revisions(2, 1)
    found[0].metadata.annotations["kubernetes.io/change-cause"] = "new image"
    assert history_rows(found) == [("REVISION", "CHANGE-CAUSE"), ("1", "<none>"), ("2", "new image")]


def test_a_revision_with_the_present_template_needs_no_rollback() -> None:
    set_ = web()
    same, other = new_revision(set_, 1, 0), new_revision(web(image="nginx:2"), 2, 0)
    assert has_template_of(set_, same)
    assert not has_template_of(set_, other)
