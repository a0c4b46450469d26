"""Which changes are made to a source, and how the outcome of each is judged."""

import ast

import pytest
from tools.mutants import Report, function_of, source_of
from tools.mutation import Mutant, mutants_of


def changes(line: str) -> list[str]:
    """A statement of a function, in every changed form."""
    before = f"def f(a, b, c):\n    {line}\n"
    trees = (mutant.tree(before) for mutant in mutants_of("m", before))
    functions = (tree.body[0] for tree in trees)
    return ["; ".join(map(ast.unparse, each.body)) for each in functions if isinstance(each, ast.FunctionDef)]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a = b < c", ["a = b <= c", "a = b >= c"]),
        ("a = b < c < 9", ["a = b <= c < 9", "a = b >= c < 9", "a = b < c <= 9", "a = b < c >= 9"]),
        ("a = b is None", ["a = b is not None"]),
        ("a = b and c", ["a = b or c", "a = c", "a = b"]),
        ("a = not b", ["a = b"]),
        ("a = b if c else a", ["a = b", "a = a"]),
        ("a = b + c", ["a = b - c"]),
        ("a = True", ["a = False"]),
        ("a = 1", ["a = 2", "a = 0"]),
        ("a = 'x'", ["a = 'other x'"]),
        ("a = max(b, c)", ["a = min(b, c)", "a = max(b)"]),
        ("a = b.f(c, a)", ["a = b.f(c)"]),
        ("a = sorted(b)", ["a = b"]),
        ("a = (b, c)", ["a = (c,)", "a = (b,)"]),
        ("a = [b]", ["a = []"]),
        ("a = b(c=c)", ["a = b()"]),
        ("a = b[c:a]", ["a = b[:a]", "a = b[c:]"]),
        ("a = {b for b in c if b if a}", ["a = {b for b in c if a}"]),
        ("return a", ["return None"]),
        ("return None", []),
        ("a(b)", ["pass", "a()"]),
        ("a += b", ["pass", "a -= b"]),
        ("a: Literal['x'] = b", []),
        ("'What it does.'", []),
    ],
)
def test_a_statement_is_changed_in_one_place_at_a_time(line: str, expected: list[str]) -> None:
    found = [change for change in changes(line) if "9" not in line or change.endswith("9")]
    assert found == expected


def test_a_condition_is_negated_where_it_cannot_say_its_contrary_itself() -> None:
    assert changes("if a(): b = c") == ["if not a():\n    b = c"]
    assert changes("if a is b: b = c") == ["if a is not b:\n    b = c"]
    assert changes("if not a: b = c") == ["if a:\n    b = c"]


def test_a_mutant_is_called_after_its_function_and_what_is_changed() -> None:
    source = "X = 1\nclass C:\n    def f(self, a=1):\n        def g():\n            return [1, 1]\n        return g\n"
    found = [(mutant.name, mutant.line, mutant.function) for mutant in mutants_of("m", source)]
    assert found == [
        ("m.: 1 -> 2", 1, ""),
        ("m.: 1 -> 0", 1, ""),
        ("m.C.f: 1 -> 2", 3, ""),
        ("m.C.f: 1 -> 0", 3, ""),
        ("m.C.f.g: return [1, 1] -> return None", 5, "C.f"),
        ("m.C.f.g: [1, 1] -> [1]", 5, "C.f"),
        ("m.C.f.g: [1, 1] -> [1] #2", 5, "C.f"),
        ("m.C.f.g: 1 -> 2", 5, "C.f"),
        ("m.C.f.g: 1 -> 0", 5, "C.f"),
        ("m.C.f.g: 1 -> 2 #2", 5, "C.f"),
        ("m.C.f.g: 1 -> 0 #2", 5, "C.f"),
        ("m.C.f: return g -> return None", 6, "C.f"),
    ]


@pytest.mark.parametrize("module", ["plan", "ranks", "ledger"])
def test_every_mutant_inside_of_a_function_can_be_put_in(module: str) -> None:
    __import__(f"petset.controllers.statefulset.{module}")
    mutants = [mutant for mutant in mutants_of(module, source_of(module)) if mutant.function]
    assert len({mutant.name for mutant in mutants}) == len(mutants)
    for mutant in mutants:
        function = function_of(mutant)
        assert function is not None
        assert function.__qualname__ == mutant.function


@pytest.mark.parametrize(
    ("name", "test", "outcome", "complains"),
    [
        ("m.f: 1 -> 2", "a test", "killed", False),
        ("m.f: 1 -> 2", None, "survived", True),
        ("m.f: 1 -> 0", None, "equivalent", False),
        ("m.f: 1 -> 0", "a test", "killed", True),
    ],
)
def test_a_mutant_that_survives_must_be_listed_and_one_that_is_listed_must_survive(
    name: str, test: str | None, outcome: str, complains: bool
) -> None:
    report = Report({"m.f: 1 -> 0": "the result is the same"})
    report.found(Mutant("m", name, 1, (), None, "f"), test)
    assert report.counts["m"] == {outcome: 1}
    assert report.bad == complains
