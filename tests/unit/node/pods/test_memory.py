"""What is remembered of a pod: one copy of its object, everybody's where there is one."""

from petset.api.types import ObjectMeta, Pod
from petset.node.pods.memory import Memory


def state(revision: int) -> Pod:
    return Pod(metadata=ObjectMeta(name="web-0", resource_version=str(revision)))


def test_the_news_of_a_write_is_kept_when_its_answer_comes_later() -> None:
    memory = Memory("u", state(1))
    shared = memory.take(state(2))
    memory.take_answer(state(2))
    assert memory.pod is shared


def test_the_news_of_a_write_takes_the_place_of_its_answer() -> None:
    memory = Memory("u", state(1))
    memory.take_answer(state(2))
    shared = state(2)
    assert memory.take(shared) is shared
    assert memory.pod is shared


def test_an_answer_tells_more_than_old_news_and_less_than_new() -> None:
    memory = Memory("u")
    for revision, known in ((2, "2"), (1, "2"), (3, "3")):
        memory.take_answer(state(revision))
        assert memory.pod is not None
        assert memory.pod.metadata.resource_version == known
