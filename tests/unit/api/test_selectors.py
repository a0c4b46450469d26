"""Label and field selectors: parse, match, print, refuse."""

from dataclasses import dataclass, field

import pytest

from petset.api import selectors

LABELS = {"app": "web", "tier": "front", "pod-index": "3", "empty": ""}


@dataclass
class Expression:
    key: str
    operator: str
    values: list[str] = field(default_factory=list)


@dataclass
class Spec:
    match_labels: dict[str, str] = field(default_factory=dict)
    match_expressions: list[Expression] = field(default_factory=list)


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=web", True),
        ("app==web", True),
        ("app = web , tier=front", True),
        ("app=db", False),
        ("app=", False),
        ("empty=", True),
        ("empty", True),
        ("app!=db", True),
        ("app!=web", False),
        ("missing!=x", True),
        ("missing notin (x)", True),
        ("missing in (x)", False),
        ("app in (db, web)", True),
        ("app notin (db,web)", False),
        ("empty in ()", True),
        ("tier", True),
        ("!tier", False),
        ("!missing", True),
        ("missing=x", False),
        ("in=x", False),
        ("!in", True),
        ("pod-index>2", True),
        ("pod-index<2", False),
        ("app>2", False),
        ("missing>2", False),
    ],
)
def test_label_selectors_match(text: str, matches: bool) -> None:
    assert selectors.parse_label_selector(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("tier=front,app=web", "app=web,tier=front"),
        ("app==web", "app==web"),
        ("x in (c,a,,b)", "x in (,a,b,c)"),
        ("x notin (,)", "x notin ()"),
        ("x in (in,notin)", "x in (in,notin)"),
        ("!x, y", "!x,y"),
        ("n>1,m<2", "m<2,n>1"),
        ("x=", "x="),
    ],
)
def test_label_selectors_print_in_key_order(text: str, printed: str) -> None:
    assert str(selectors.parse_label_selector(text)) == printed


INVALID_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
INVALID_NAME = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a==!", "unable to parse requirement: found '!', expected: identifier"),
        ("a in x", "unable to parse requirement: found 'x' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a$=b", f'unable to parse requirement: <nil>: Invalid value: "a$": {INVALID_NAME}'),
        ("a=-b", f'unable to parse requirement: values[0][a]: Invalid value: "-b": {INVALID_VALUE}'),
        (
            "a>b",
            (
                'unable to parse requirement: values[0]: Invalid value: "b": '
                "for 'Gt', 'Lt' operators, the value must be an integer"
            ),
        ),
    ],
)
def test_label_selectors_are_refused_with_the_stock_servers_words(text: str, message: str) -> None:
    with pytest.raises(selectors.SelectorError) as raised:
        selectors.parse_label_selector(text)
    assert str(raised.value) == message


def test_the_selector_of_a_spec_joins_labels_and_expressions() -> None:
    spec = Spec(
        match_labels={"tier": "front", "app": "web"},
        match_expressions=[
            Expression("zone", "NotIn", ["b", "a"]),
            Expression("canary", "DoesNotExist"),
            Expression("app", "Exists"),
            Expression("tier", "In", ["front", "back"]),
        ],
    )
    selector = selectors.selector_of(spec)
    assert str(selector) == "app=web,app,!canary,tier=front,tier in (back,front),zone notin (a,b)"
    assert selector.matches(LABELS)
    assert not selector.matches({**LABELS, "zone": "a"})


def test_no_selector_selects_nothing_and_an_empty_one_everything() -> None:
    nothing, everything = selectors.selector_of(None), selectors.selector_of(Spec())
    assert not nothing.matches({})
    assert not nothing.empty
    assert everything.matches(LABELS)
    assert everything.empty
    assert nothing != everything


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (Expression("a", "Near"), '"Near" is not a valid label selector operator'),
        (
            Expression("a", "In"),
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            Expression("a", "Exists", ["x"]),
            'values: Invalid value: ["x"]: values set must be empty for exists and does not exist',
        ),
        (Expression("", "Exists"), f'key: Invalid value: "": name part must be non-empty; {INVALID_NAME}'),
    ],
)
def test_expressions_are_refused_with_the_stock_servers_words(expression: Expression, message: str) -> None:
    with pytest.raises(selectors.SelectorError) as raised:
        selectors.selector_of(Spec(match_expressions=[expression]))
    assert str(raised.value) == message


def test_a_map_of_labels_selects_its_carriers() -> None:
    selector = selectors.selector_of_labels({"tier": "front", "app": "web"})
    assert str(selector) == "app=web,tier=front"
    assert selector.matches(LABELS)
    assert not selector.matches({"app": "web"})


FIELDS = {"metadata.name": "web-0", "spec.nodeName": "", "status.phase": "Running"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("metadata.name=web-0", True),
        ("metadata.name==web-0,status.phase!=Failed", True),
        ("metadata.name!=web-0", False),
        ("spec.nodeName=", True),
        ("spec.unknown=", True),
        ("spec.unknown=x", False),
        (",metadata.name=web-0,", True),
    ],
)
def test_field_selectors_match(text: str, matches: bool) -> None:
    assert selectors.parse_field_selector(text).matches(FIELDS) is matches


def test_field_selectors_tell_their_fields_and_the_value_they_require() -> None:
    selector = selectors.parse_field_selector("status.phase!=Failed,metadata.name=web-0")
    assert selector.fields == {"metadata.name", "status.phase"}
    assert selector.required("metadata.name") == "web-0"
    assert selector.required("status.phase") is None
    assert selector.required("spec.nodeName") is None
    assert str(selector) == "metadata.name=web-0,status.phase!=Failed"


def test_field_values_may_escape_commas_equals_and_backslashes() -> None:
    selector = selectors.parse_field_selector(r"a=x\,y\=z\\,b=c")
    assert selector.required("a") == "x,y=z\\"
    assert selector.required("b") == "c"
    assert str(selector) == r"a=x\,y\=z\\,b=c"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        (r"a=\b", r"invalid field selector: invalid escape sequence: \b"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
    ],
)
def test_field_selectors_are_refused_with_the_stock_servers_words(text: str, message: str) -> None:
    with pytest.raises(selectors.SelectorError) as raised:
        selectors.parse_field_selector(text)
    assert str(raised.value) == message
