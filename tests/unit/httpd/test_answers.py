"""How answers are written."""

import pytest

from petset.httpd.answers import warning_texts


@pytest.mark.parametrize(
    ("warning", "text"),
    [
        ('unknown field "spec.x"', r"unknown field \"spec.x\""),
        ("a\\b", r"a\\b"),
        ("a\r\nSet-Cookie: b\0", r"a\r\nSet-Cookie: b\x00"),
        ("é 🐸", "é 🐸"),
    ],
)
def test_warnings_fit_into_headers(warning: str, text: str) -> None:
    assert list(warning_texts([warning])) == [text]


def test_warnings_are_bounded() -> None:
    assert len(list(warning_texts(["x" * 100] * 1000))) == 40
    assert list(warning_texts(["x" * 5000])) == []
