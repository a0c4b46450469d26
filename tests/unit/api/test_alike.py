"""What is found out about equal values is found out once, unless they are large."""

from typing import Any

import pytest

from petset.api.alike import LONGEST_REMEMBERED, once_for_equal


@pytest.mark.parametrize(
    ("size", "looks"),
    [
        pytest.param(10, 1, id="small"),
        pytest.param(LONGEST_REMEMBERED - len('["",1]'), 1, id="as large as is remembered"),
        pytest.param(LONGEST_REMEMBERED, 2, id="too large"),
    ],
)
def test_equal_values_have_one_answer(size: int, looks: int) -> None:
    seen: list[Any] = []

    @once_for_equal
    def look(value: Any) -> int:
        seen.append(value)
        return len(value)

    assert [look(["x" * size, 1]), look(["x" * size, 1])] == [2, 2]
    assert len(seen) == looks


def test_what_else_is_asked_makes_another_answer() -> None:
    look = once_for_equal(lambda value, path: [path, value])
    assert look({"a": 1}, "spec") == ["spec", {"a": 1}]
    assert look({"a": 1}, "data") == ["data", {"a": 1}]
    assert look({"a": 2}, "data") == ["data", {"a": 2}]
