"""Label and field selectors: parse, match, print.

`Selector` is what a label selector means, however it was written: as the text of a `labelSelector` query, as the
`LabelSelector` of a spec, or as a plain map of labels. Grammar, messages and printed form are those of apimachinery's
`labels` and `fields` packages.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from petset.api import names

EXISTS: Final = "exists"
DOES_NOT_EXIST: Final = "!"
IN: Final = "in"
NOT_IN: Final = "notin"
EQUALS: Final = "="
DOUBLE_EQUALS: Final = "=="
NOT_EQUALS: Final = "!="
GREATER: Final = "gt"
LESS: Final = "lt"

_BINARY = {
    "in": IN,
    "notin": NOT_IN,
    "=": EQUALS,
    "==": DOUBLE_EQUALS,
    "!=": NOT_EQUALS,
    ">": GREATER,
    "<": LESS,
}
_EXPRESSION_OPERATORS = {"In": IN, "NotIn": NOT_IN, "Exists": EXISTS, "DoesNotExist": DOES_NOT_EXIST}
_SYMBOLS = frozenset({")", ",", "!", "==", "=", ">", "<", "!=", "("})
_END = ""
_LEXEME = re.compile(r"[ \t\r\n]*(!=|==|[=!(),<>]|[^=!(),<> \t\r\n]+)")


class SelectorError(ValueError):
    """The selector cannot be understood or names an impossible label; the message is the one Kubernetes gives."""


class LabelSelectorRequirement(Protocol):
    """One `matchExpressions` entry of a spec."""

    @property
    def key(self) -> str:
        """The label's key."""
        ...

    @property
    def operator(self) -> str:
        """In, NotIn, Exists or DoesNotExist."""
        ...

    @property
    def values(self) -> Sequence[str]:
        """What the label may, or may not, be; empty for the operators that only ask whether it is there."""
        ...


class LabelSelector(Protocol):
    """The `LabelSelector` of a spec, as `petset.api.types` has it."""

    @property
    def match_labels(self) -> Mapping[str, str]:
        """Labels an object must carry."""
        ...

    @property
    def match_expressions(self) -> Sequence[LabelSelectorRequirement]:
        """Further requirements, all of which must hold."""
        ...


@dataclass(frozen=True, slots=True)
class Requirement:
    """What one label has to be. `operator` is one of the constants of this module."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """A missing label satisfies `!=`, `notin` and `!key`, and nothing else."""
        value = labels.get(self.key)
        if value is None:
            return self.operator in {NOT_IN, NOT_EQUALS, DOES_NOT_EXIST}
        if self.operator in {EQUALS, DOUBLE_EQUALS, IN}:
            return value in self.values
        if self.operator in {NOT_EQUALS, NOT_IN}:
            return value not in self.values
        if self.operator in {GREATER, LESS}:
            return _integer_matches(value, self.operator, self.values[0])
        return self.operator == EXISTS

    def __str__(self) -> str:
        values = ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({values})"
            case "gt" | "lt":
                return f"{self.key}{'>' if self.operator == GREATER else '<'}{values}"
            case _:
                return f"{self.key}{self.operator}{values}"


class Selector:
    """A conjunction of requirements, in the order of their keys. The empty one selects everything."""

    __slots__ = ("_equal", "_others", "_selects_nothing", "requirements")

    def __init__(self, requirements: Iterable[Requirement] = (), *, nothing: bool = False) -> None:
        self.requirements = tuple(sorted(requirements, key=lambda requirement: requirement.key))
        self._selects_nothing = nothing
        exact = [r for r in self.requirements if r.operator in {EQUALS, DOUBLE_EQUALS}]
        self._equal = tuple((r.key, r.values[0]) for r in exact)
        self._others = tuple(r for r in self.requirements if r not in exact)

    @property
    def empty(self) -> bool:
        """Whether every object matches."""
        return not self.requirements and not self._selects_nothing

    @property
    def equal(self) -> Sequence[tuple[str, str]]:
        """The labels that an object must have with exactly these values."""
        return self._equal

    @property
    def only_equal(self) -> bool:
        """Whether nothing but `equal` is asked for."""
        return not self._others and not self._selects_nothing

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        for key, value in self._equal:
            if labels.get(key) != value:
                return False
        for requirement in self._others:
            if not requirement.matches(labels):
                return False
        return not self._selects_nothing

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def __repr__(self) -> str:
        return "<Selector nothing>" if self._selects_nothing else f"<Selector {str(self)!r}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Selector):
            return NotImplemented
        return self.requirements == other.requirements and self._selects_nothing == other._selects_nothing

    def __hash__(self) -> int:
        return hash((self.requirements, self._selects_nothing))


EVERYTHING: Final = Selector()
NOTHING: Final = Selector(nothing=True)


def parse_label_selector(text: str) -> Selector:
    """The selector of a `labelSelector` query parameter: `app=web,tier in (a,b),!canary`. Raises SelectorError."""
    return Selector(_LabelParser(text).parse()) if text else EVERYTHING


def selector_of(spec: LabelSelector | None) -> Selector:
    """What the `LabelSelector` of a spec selects: nothing when missing, everything when empty. Raises SelectorError."""
    if spec is None:
        return NOTHING
    requirements = [_requirement(key, EQUALS, (value,)) for key, value in spec.match_labels.items()]
    for expression in spec.match_expressions:
        operator = _EXPRESSION_OPERATORS.get(expression.operator)
        if operator is None:
            raise SelectorError(f"{_quoted(expression.operator)} is not a valid label selector operator")
        requirements.append(_requirement(expression.key, operator, tuple(expression.values)))
    return Selector(requirements)


def selector_of_labels(labels: Mapping[str, str]) -> Selector:
    """Selects the objects that carry all of these labels, as a Service's selector does; no label is validated."""
    return Selector(Requirement(key, EQUALS, (value,)) for key, value in labels.items())


def validate_label_key(key: str, path: str = "<nil>") -> None:
    """Raises SelectorError when no object can have a label of this key; `path` is the field named in the message."""
    errors = names.qualified_name_errors(key)
    if errors:
        raise SelectorError(f"{path}: Invalid value: {_quoted(key)}: {'; '.join(errors)}")


def validate_label_value(value: str, path: str = "<nil>") -> None:
    """Raises SelectorError when no label can have this value; `path` is the field named in the message."""
    errors = names.label_value_errors(value)
    if errors:
        raise SelectorError(f"{path}: Invalid value: {_quoted(value)}: {'; '.join(errors)}")


@lru_cache(4096)  # controllers read the selectors of their specs again and again
def _requirement(key: str, operator: str, values: tuple[str, ...]) -> Requirement:
    validate_label_key(key, "key")
    if operator in {IN, NOT_IN} and not values:
        raise SelectorError("values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty")
    if operator in {EXISTS, DOES_NOT_EXIST} and values:
        shown = json.dumps(list(values), ensure_ascii=False, separators=(",", ":"))
        raise SelectorError(f"values: Invalid value: {shown}: values set must be empty for exists and does not exist")
    if operator in {GREATER, LESS} and _integer(values[0]) is None:
        rule = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise SelectorError(f"values[0]: Invalid value: {_quoted(values[0])}: {rule}")
    for index, value in enumerate(values):
        validate_label_value(value, f"values[{index}][{key}]")
    return Requirement(key, operator, values)


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[-+]?[0-9]+", text, re.ASCII) else None


def _integer_matches(label: str, operator: str, bound: str) -> bool:
    actual, limit = _integer(label), _integer(bound)
    if actual is None or limit is None:
        return False
    return actual > limit if operator == GREATER else actual < limit


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


class _LabelParser:
    """Recursive descent over the lexemes of one selector text; `""` stands for the end."""

    def __init__(self, text: str) -> None:
        self._lexemes: list[str] = [*_LEXEME.findall(text), _END]
        self._position = 0

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        while (lexeme := self._peek()) != _END:
            if lexeme != "!" and lexeme in _SYMBOLS:
                raise SelectorError(f"found '{lexeme}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self._parse_requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            self._expect_separator()
        return requirements

    def _expect_separator(self) -> None:
        lexeme = self._peek()
        if lexeme == _END:
            return
        self._position += 1
        if lexeme != ",":
            raise SelectorError(f"found '{lexeme}', expected: ',' or 'end of string'")
        after = self._peek()
        if after != "!" and (after in _SYMBOLS or after == _END):
            raise SelectorError(f"found '{after}', expected: identifier after ','")

    def _parse_requirement(self) -> Requirement:
        key = self._take()
        negated = key == "!"
        if negated:
            key = self._take()
        if key in _SYMBOLS or key == _END:
            raise SelectorError(f"found '{key}', expected: identifier")
        validate_label_key(key)
        if negated:
            return Requirement(key, DOES_NOT_EXIST)
        if self._peek() in {_END, ","}:
            return Requirement(key, EXISTS)
        lexeme = self._take()
        operator = _BINARY.get(lexeme)
        if operator is None:
            raise SelectorError(f"found '{lexeme}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._parse_set() if operator in {IN, NOT_IN} else {self._parse_value()}
        return _requirement(key, operator, tuple(sorted(values)))

    def _parse_value(self) -> str:
        if self._peek() in {_END, ","}:
            return ""
        lexeme = self._take()
        if lexeme in _SYMBOLS:
            raise SelectorError(f"found '{lexeme}', expected: identifier")
        return lexeme

    def _parse_set(self) -> set[str]:
        """Values between parentheses; nothing before, between or after commas stands for the empty string."""
        lexeme = self._take()
        if lexeme != "(":
            raise SelectorError(f"found '{lexeme}' expected: '('")
        values: set[str] = set()
        while True:
            lexeme = self._take()
            if lexeme in {",", ")"}:
                values.add("")
            elif lexeme in _SYMBOLS or lexeme == _END:
                raise SelectorError(f"found '{lexeme}', expected: ',', ')' or identifier")
            else:
                values.add(lexeme)
                lexeme = self._take()
            if lexeme == ")":
                return values
            if lexeme != ",":
                raise SelectorError(f"found '{lexeme}', expected: ',' or ')'")

    def _peek(self) -> str:
        return self._lexemes[self._position]

    def _take(self) -> str:
        """The next lexeme; the end is never passed, so that every reader may ask again."""
        lexeme = self._lexemes[self._position]
        if lexeme != _END:
            self._position += 1
        return lexeme


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """What one field has to be; `operator` is EQUALS or NOT_EQUALS."""

    field: str
    operator: str
    value: str

    def __str__(self) -> str:
        escaped = re.sub(r"([\\,=])", r"\\\1", self.value)
        return f"{self.field}{self.operator}{escaped}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    """A conjunction of field requirements; the empty one selects everything.

    Whether a kind offers the `fields` is for the caller to check.
    """

    requirements: tuple[FieldRequirement, ...] = ()
    fields: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", frozenset(r.field for r in self.requirements))

    @property
    def empty(self) -> bool:
        """Whether every object matches."""
        return not self.requirements

    def matches(self, values: Mapping[str, str]) -> bool:
        """Whether an object with these field values is selected; a missing field counts as the empty string."""
        return all((values.get(r.field, "") == r.value) == (r.operator == EQUALS) for r in self.requirements)

    def required(self, name: str) -> str | None:
        """The one value that `name` must have, for look-ups by index; None when the selector leaves it open."""
        for requirement in self.requirements:
            if requirement.field == name and requirement.operator == EQUALS:
                return requirement.value
        return None

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))


EVERY_FIELD: Final = FieldSelector()


def parse_field_selector(text: str) -> FieldSelector:
    """The selector of a `fieldSelector` query: `metadata.name=web-0,status.phase!=Failed`. Raises SelectorError."""
    terms = sorted(re.findall(r"(?:[^\\,]|\\.?)+", text, re.DOTALL))
    return FieldSelector(tuple(_parse_field_term(term, text) for term in terms)) if terms else EVERY_FIELD


def _parse_field_term(term: str, text: str) -> FieldRequirement:
    found = re.search("!=|==?", term)
    if found is None:
        raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
    operator = NOT_EQUALS if found[0] == NOT_EQUALS else EQUALS
    return FieldRequirement(term[: found.start()], operator, _unescaped(term[found.end() :]))


def _unescaped(value: str) -> str:
    for sequence in re.findall(r"\\.?|[,=]", value, re.DOTALL):
        if sequence in {",", "="}:
            # the stock server prints the rune's number, and its clients show it
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(sequence)}")
        if sequence[1:] not in {"\\", ",", "="}:
            raise SelectorError(f"invalid field selector: invalid escape sequence: {sequence}")
    return re.sub(r"\\(.)", r"\1", value)
