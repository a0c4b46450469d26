"""Values as messages show them."""

from typing import Any

import pytest

from petset.api.field import shown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", '"plain"'),
        ('"\\', '"\\"\\\\"'),
        ("a\nb\t", '"a\\nb\\t"'),
        ("\x01\x7f", '"\\x01\\x7f"'),
        ("\v\a", '"\\v\\a"'),
        ("\u200b", '"\\u200b"'),
        ("\U000e0001", '"\\U000e0001"'),
        ("é", '"é"'),
        ("\\u0001", '"\\\\u0001"'),
        (True, "true"),
        (1, "1"),
        (["a"], '["a"]'),
    ],
    ids=repr,
)
def test_strings_are_quoted_as_go_does(value: Any, expected: str) -> None:
    assert shown(value) == expected
