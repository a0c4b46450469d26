"""Texts in JSON and YAML, friendly and hostile."""

from typing import Any

import pytest

from petset.api.documents import (
    DEEPEST,
    LARGEST,
    DocumentError,
    check_json,
    check_tree,
    read_json,
    read_yaml,
    repeated_keys,
)

NINES = b"9" * 5000


def nested(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * levels + closing * levels


def laughs(levels: int) -> bytes:
    """Each line is nine times the one before."""
    lines = [b"a: &a [x,x,x,x,x,x,x,x,x]\n"]
    for level in range(levels):
        here, before = bytes([98 + level]), bytes([97 + level])
        lines.append(here + b": &" + here + b" [" + b",".join([b"*" + before] * 9) + b"]\n")
    return b"".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff", "malformed"),
        (b'"\\udc00', "malformed|truncated"),
        (b'"\\ud8"', "malformed|truncated"),
        (b"\\udc00", "malformed|truncated"),
        (b"[1e400]", "out of range"),
        (b"[NaN]", "malformed"),
        (nested(DEEPEST + 1), "exceeded max depth of 200"),
        (nested(1_000_000), "exceeded max depth of 200"),
        (b'{"a":' * 10_000, "exceeded max depth of 200"),
    ],
)
def test_json_that_is_none(text: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_json(text)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        (rb"\ud800", "\ufffd"),
        (rb"a\uDFFFb\udbffc", "a\ufffdb\ufffdc"),
        (rb"\ud800\ud800", "\ufffd\ufffd"),
        (rb"\ud800\u0041", "\ufffdA"),
        (rb"\ud800\ud83d\ude00\udc00", "\ufffd\U0001f600\ufffd"),
        (rb"\\ud800\\\ud800", "\\ud800\\\ufffd"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"\xf0\x9f\x98", "\ufffd\ufffd\ufffd"),
        (b"\xed\xa0\x80", "\ufffd\ufffd\ufffd"),
        (b"\xff\\ud800", "\ufffd\ufffd"),
    ],
)
def test_what_is_no_character_is_replaced(text: bytes, taken: str) -> None:
    assert read_json(b'["%b"]' % text) == [taken]


def test_bytes_that_are_no_text_are_told_where_they_matter() -> None:
    with pytest.raises(DocumentError, match="invalid UTF-8 at byte 6"):
        check_json(b'{"a":"\xed\xa0\x80"}')


@pytest.mark.parametrize(
    "text",
    [nested(DEEPEST), b'["' + b"[" * 1000 + b'"]', b'["\\"' + b"[" * 1000 + b'"]', b"[" + b"[]," * 1000 + b"1]"],
)
def test_brackets_that_do_not_nest(text: bytes) -> None:
    assert isinstance(read_json(text), list)
    check_json(text)


def test_trees_made_by_somebody() -> None:
    tree: Any = []
    for _ in range(DEEPEST):
        tree = [tree]
    with pytest.raises(DocumentError, match="max depth"):
        check_tree(tree)
    for _ in range(10 * DEEPEST):
        tree = [tree]
    with pytest.raises(DocumentError, match="max depth"):
        check_tree(tree)
    with pytest.raises(DocumentError, match="larger"):
        check_tree("x" * LARGEST)
    check_tree({"fine": [1]})


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (b"", None),
        (b"# nothing", None),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"a: {b: [c]}", {"a": {"b": ["c"]}}),
        (b"a: [~, null, true, yes, off, 'yes']", {"a": [None, None, True, True, False, "yes"]}),
        (b"a: [1, -1, 0777, 0x1F, 1_000, 0b11]", {"a": [1, -1, 511, 31, 1000, 3]}),
        (b"a: [1.5, 1e3, .5, 1., -2.5e-1]", {"a": [1.5, 1000.0, 0.5, 1.0, -0.25]}),
        (b"a: 99999999999999999999", {"a": 1e20}),
        pytest.param(b"a: 2026-11-23", {"a": "2026-11-23"}, id="days are text"),
        pytest.param(b"a: 2026-99-99T00:00:00Z", {"a": "2026-99-99T00:00:00Z"}, id="so are times, possible or not"),
        pytest.param(b"a: [22:22, 1:2:3.5]", {"a": ["22:22", "1:2:3.5"]}, id="numbers to base sixty are text"),
        pytest.param(b"a: [=, 08, 0x, _, '1']", {"a": ["=", "08", "0x", "_", "1"]}, id="words are text"),
        pytest.param(b"{1: a, 1.5: b, false: c}", {"1": "a", "1.5": "b", "false": "c"}, id="keys are text"),
        (b"x: &x {a: 1}\ny: {<<: *x, b: 2}\nz: *x", {"x": {"a": 1}, "y": {"a": 1, "b": 2}, "z": {"a": 1}}),
    ],
)
def test_yaml_as_go_reads_it(text: bytes, tree: Any) -> None:
    assert read_yaml(text) == tree


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (b"a: 1\n---\na: 2\n", {"a": 1}),
        (b"a: 1\n---\n[", {"a": 1}),
        (b"a: 1\n...\n\t", {"a": 1}),
        (b'{"a": 1}{"b": 2}', {"a": 1}),
        (b"---\n---\na: 1\n", None),
        (b"# nothing\n---\na: 1\n", {"a": 1}),
        (b"a: 1\n---\n" + b"- " * 1000, {"a": 1}),
        (b"", None),
    ],
)
def test_of_several_documents_the_first_is_read(text: bytes, tree: Any) -> None:
    assert read_yaml(text) == tree


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"a: [", "^yaml: line 1: did not find expected node content$"),
        (b"a: 'x", "^yaml: found unexpected end of stream$"),
        (b"- a\nb: c", "^yaml: line 1: did not find expected '-' indicator$"),
        (b"a: b\n c: d", "^yaml: line 2: mapping values are not allowed in this context$"),
        (b"a: |\n x\n y: \n\tz", "^yaml: line 4: found a tab character where an indentation space is expected$"),
        (rb'a: "\ud800"', "^yaml: found invalid Unicode character escape code$"),
        (b'a: "\xff"', "^yaml: invalid leading UTF-8 octet$"),
        (b"\x00", "null|control|special|not allowed"),
        (b"a: *nobody", "undefined alias"),
        (b"&a [*a]", "anchor 'a' value contains itself"),
        (b"a: &a {b: [*a]}", "anchor 'a' value contains itself"),
        (laughs(9), "excessive aliasing"),
        (nested(100_000), "max depth"),
        (b"- " * 100_000, "max depth"),
        (b"{a: " * 100_000, "max depth"),
        (b"~: a", "unsupported map key"),
        (b"? [a]\n: b", "unhashable key"),
        (b"a: .nan", "unsupported value"),
        (b"a: -.inf", "unsupported value"),
        (b"a: " + NINES, "digits"),
        (b"a: !!int x", "invalid literal"),
        (b"a: !!bool maybe", "maybe"),
        (b"a: !!timestamp 2026-11-23", "tag"),
        (b"a: !!set {a, b}", "tag"),
        (b"a: !!python/object/apply:os.getcwd []", "tag"),
        (b"<<: 5", "expected a mapping"),
    ],
)
def test_yaml_that_is_refused(text: bytes, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        read_yaml(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: 1\nb:\n- a: 1\n- {a: 1}\n", []),
        ("a: 1\nb:\n  c: 1\n  d: a\n  c: 2\na: 3\n", ['line 5: key "c" already…', 'line 6: key "a" already…']),
        ("a: [x, x]\nb: {y: 1, z: [1], y: 2}\n", ['line 2: key "y" already set in map']),
        ('{"a": 1,\n "a": 2}', ['line 2: key "a" already set in map']),
        ("a: a\nb: &x b\nc: *x\n", []),
        ('{"a": "\\udb90\\ude58"}', []),  # which only JSON can write so
    ],
)
def test_keys_that_a_mapping_has_twice_are_told_with_their_lines(text: str, found: list[str]) -> None:
    assert repeated_keys(text.encode()) == [each.replace("…", " set in map") for each in found]
