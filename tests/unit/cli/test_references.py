import pytest

from petset.cli.failure import Failure
from petset.cli.references import named, references


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["pods"], ["pod"]),
        (["po", "web-0", "web-1"], ["pod/web-0", "pod/web-1"]),
        (["sts/web", "pod/web-0"], ["statefulset.apps/web", "pod/web-0"]),
        (["sts,svc"], ["statefulset.apps", "service"]),
        (["statefulsets.apps"], ["statefulset.apps"]),
        (["all"], ["pod", "service", "statefulset.apps", "horizontalpodautoscaler.autoscaling"]),
    ],
)
def test_words_mean_kinds_and_names(words: list[str], found: list[str]) -> None:
    assert [str(reference) for reference in references(words)] == found


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["foo"], 'the server doesn\'t have a resource type "foo"'),
        (["pod/"], "is no KIND/NAME"),
        (["pod/a", "b"], "is no KIND/NAME"),
        (["pod/a/b"], "is no KIND/NAME"),
    ],
)
def test_other_words_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(Failure, match=message):
        references(words)


def test_a_bare_name_means_the_kind_of_the_command() -> None:
    assert [str(reference) for reference in named(["web-0"], "pod")] == ["pod/web-0"]
    assert [str(reference) for reference in named(["sts", "web"], "pod")] == ["statefulset.apps/web"]


def test_where_a_name_is_needed_a_kind_is_not_enough() -> None:
    with pytest.raises(Failure, match="a name is needed") as caught:
        named(["pods"])
    assert caught.value.exit_code == 2
