"""Changes the StatefulSet's decision in one place at a time and looks whether a test notices: mutation testing.

    tools/mutants.py [--module NAME]... [--list] [--only TEXT]

Every mutant runs in a process of its own, forked from one that has imported what the modules under test do not import;
nothing is written to the source tree. `tools/equivalent_mutants.toml` names the mutants that change no behaviour, with
the reason. Fails when another one survives, or when one of these is noticed, or is no more.
"""

import argparse
import ast
import copy
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "petset.controllers.statefulset"
SOURCES = ROOT / "src/petset/controllers/statefulset"
EQUIVALENT = ROOT / "tools/equivalent_mutants.toml"
CPU_SECONDS = 25
MEMORY = 2**32
UNIT = "tests/unit/controllers/statefulset"
SIMULATION = "tests/simulation"
TESTS = {
    "plan": [
        [f"{UNIT}/test_plan.py", f"{UNIT}/test_plan_waits.py"],
        [f"{UNIT}/test_claims.py"],
        [f"{UNIT}/test_large_sets.py"],
    ],
    "ranks": [
        [f"{UNIT}/test_plan.py", f"{UNIT}/test_plan_waits.py", f"{UNIT}/test_status.py"],
        [f"{UNIT}/test_large_sets.py"],
    ],
    "ledger": [[f"{SIMULATION}/test_ledger.py"], [f"{UNIT}/test_large_sets.py"]],
    "waiting": [[f"{UNIT}/test_waiting.py", f"{UNIT}/test_plan_waits.py"]],
    "status": [[f"{UNIT}/test_status.py", f"{UNIT}/test_plan.py"]],
    "identity": [[f"{UNIT}/test_identity.py", f"{UNIT}/test_plan.py"], [f"{UNIT}/test_claims.py"]],
    "claims": [[f"{UNIT}/test_plan.py", f"{UNIT}/test_retention.py"], [f"{UNIT}/test_claims.py"]],
    "retention": [[f"{UNIT}/test_retention.py"], [f"{UNIT}/test_claims.py"]],
    "names": [[f"{UNIT}/test_names.py"]],
    "revisions": [[f"{UNIT}/test_revisions.py", f"{UNIT}/test_plan.py"]],
}
"""Group by group, the quick ones first; the next is asked when one did not notice."""
AFTERWARDS = [f"{SIMULATION}/test_scenarios.py"]
"""Slower."""

COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
FUNCTIONS = {"max": "min", "min": "max", "any": "all", "all": "any"}
PASSED_THROUGH = ("reversed", "sorted", "tuple", "list")


Place = tuple[tuple[str, int | None], ...]
"""The way to a node: fields, and places in those that are lists."""


@dataclass(frozen=True)
class Mutant:
    """One change. `name` is the same as long as the function has the same text there."""

    module: str
    name: str
    line: int
    place: Place
    new: ast.AST | None
    """What is put there; None: nothing."""

    def tree(self) -> ast.Module:
        """The whole module with the change."""
        return replaced(parsed(self.module), self.place, self.new)


def parsed(module: str) -> ast.Module:
    """A module of the package as it is."""
    return ast.parse((SOURCES / f"{module}.py").read_text())


# --- making mutants ---------------------------------------------------------------------------------------------------


def mutants_of(module: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its lines."""
    tree = parsed(module)
    seen: Counter[str] = Counter()
    for path, function in places(tree):
        node = at(tree, path)
        for new in variants(node):
            before, after = said(node), said(new)
            if before == after:
                continue
            text = f"{module}.{function}: {short(before)} -> {short(after)}"
            seen[text] += 1
            name = text if seen[text] == 1 else f"{text} #{seen[text]}"
            yield Mutant(module, name, getattr(node, "lineno", 0), path, new)


def said(node: ast.AST | None) -> str:
    """A node in one line; of a branch its condition."""
    if node is None:
        return "(nothing)"
    text = f"if {ast.unparse(node.test)}" if isinstance(node, ast.If) else ast.unparse(node)
    return " ".join(text.split())


def short(text: str) -> str:
    """Enough of an expression to find it."""
    return text if len(text) <= 90 else f"{text[:60]} ... {text[-25:]}"


def places(tree: ast.Module) -> Iterator[tuple[Place, str]]:
    """The way to every node that may be changed, and the function it is in."""

    def walk(node: ast.AST, path: Place, function: str) -> Iterator[tuple[Place, str]]:
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns", "decorator_list", "type_params", "bases", "keywords_of_class"):
                continue
            children = enumerate(value) if isinstance(value, list) else [(None, value)]
            for index, child in children:
                if not isinstance(child, ast.AST) or is_docstring(child):
                    continue
                inner = function
                if isinstance(child, ast.FunctionDef | ast.ClassDef):
                    inner = f"{function}.{child.name}".lstrip(".")
                here = (*path, (field, index))
                yield here, inner
                yield from walk(child, here, inner)

    yield from walk(tree, (), "")


def is_docstring(node: ast.AST) -> bool:
    """Of a function or a constant."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def at(tree: ast.AST, path: Place) -> ast.AST:
    """The node at the end of a path."""
    node = tree
    for field, index in path:
        value = getattr(node, field)
        node = value if index is None else value[index]
    return node


def replaced(tree: ast.Module, path: Place, new: ast.AST | None) -> ast.Module:
    """The module with another node at the end of a path; None takes it away."""
    *way, (field, index) = path
    parent = at(tree, tuple(way))
    if index is None:
        setattr(parent, field, new)
    else:
        siblings = getattr(parent, field)
        siblings[index : index + 1] = [new] if new is not None else []
        if field == "body" and not siblings:
            siblings.append(ast.Pass())
    return ast.fix_missing_locations(tree)


def variants(node: ast.AST) -> Iterator[ast.AST | None]:
    """What a node is changed to; None: it is left out."""
    match node:
        case ast.expr():
            yield from expressions(node)
        case ast.Return(value=value) if value is not None and ast.unparse(value) != "None":
            yield ast.Return(ast.Constant(None))
        case ast.Continue() | ast.Break():
            yield ast.Pass()
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            yield ast.Pass()
        case ast.AugAssign():
            yield ast.Pass()
        case ast.If(test=test):
            yield changed(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.comprehension(ifs=[_, *_]):
            yield changed(node, ifs=node.ifs[1:])


def expressions(node: ast.expr) -> Iterator[ast.expr]:  # noqa: C901 - one branch a kind of node
    """What an expression is changed to."""
    match node:
        case ast.Compare(ops=[op]):
            for other in COMPARISONS[type(op)]:
                yield changed(node, ops=[other()])
        case ast.BoolOp(op=op, values=values):
            yield changed(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
            yield from without_one(node, "values", values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.BinOp(op=op) if type(op) in OPERATORS:
            yield changed(node, op=OPERATORS[type(op)]())
        case ast.Constant(value=value):
            yield from constants(value)
        case ast.Call(func=ast.Name(id=name), args=[first, *_]):
            yield from calls(node, name, first)
        case ast.Tuple(elts=elements, ctx=ast.Load()) if len(elements) > 1:
            yield from without_one(node, "elts", elements)
        case ast.Slice(lower=lower, upper=upper):
            yield from (changed(node, lower=None) for _ in (lower,) if lower is not None)
            yield from (changed(node, upper=None) for _ in (upper,) if upper is not None)


def calls(node: ast.Call, name: str, first: ast.expr) -> Iterator[ast.expr]:
    """What the call of a function is changed to."""
    if name in FUNCTIONS:
        yield changed(node, func=ast.Name(FUNCTIONS[name], ast.Load()))
    if name in PASSED_THROUGH:
        yield first


def without_one(node: ast.expr, field: str, values: Sequence[ast.expr]) -> Iterator[ast.expr]:
    """Each time another one is missing."""
    for number in range(len(values)):
        rest = [*values[:number], *values[number + 1 :]]
        yield rest[0] if isinstance(node, ast.BoolOp) and len(rest) == 1 else changed(node, **{field: rest})


def constants(value: object) -> Iterator[ast.expr]:
    """Another value of the same kind."""
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str):
        yield ast.Constant(f"other {value}")


def changed(node: ast.AST, **fields: object) -> ast.expr:
    """A copy with other fields."""
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    assert isinstance(new, ast.AST)
    return new  # type: ignore[return-value] # of the node's own kind


# --- running them -----------------------------------------------------------------------------------------------------


class OneModule(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a tree, and no other."""

    def __init__(self, name: str, tree: ast.Module, path: Path) -> None:
        self._name, self._tree, self._path = name, tree, path

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=str(self._path))

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._tree, str(self._path), "exec"), module.__dict__)


def is_noticed(mutant: Mutant | None, tests: Sequence[str]) -> bool:
    """Whether a test fails with the mutant, takes too long, or cannot even begin."""
    child = os.fork()
    if child == 0:
        run(mutant, tests)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) != 0


def run(mutant: Mutant | None, tests: Sequence[str]) -> None:
    """In the child: imports the mutant and runs the tests."""
    code = 70
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))  # which ends the process
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        if mutant is not None:
            path = SOURCES / f"{mutant.module}.py"
            sys.meta_path.insert(0, OneModule(f"{PACKAGE}.{mutant.module}", mutant.tree(), path))
        import pytest  # noqa: PLC0415 - imported by the parent already

        options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*options, *tests]))
    finally:
        os._exit(code)


def prepare() -> None:
    """Imports what takes long and is no part of what is tested."""
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "src")]
    sys.dont_write_bytecode = False
    for name in ("pytest", "hypothesis", "hypothesis.stateful", "msgspec", "petset.api.types", "petset.kinds"):
        importlib.import_module(name)
    gc.freeze()  # so that children do not search what they share
    loaded = [name for name in sys.modules if name.startswith(PACKAGE)]
    if loaded:
        sys.exit(f"{loaded[0]} is imported too early")


def survives(mutant: Mutant) -> bool:
    """Whether no test notices it."""
    return not any(is_noticed(mutant, tests) for tests in (*TESTS[mutant.module], AFTERWARDS))


# --- reporting --------------------------------------------------------------------------------------------------------


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description="Mutation testing of the StatefulSet's decision.")
    parser.add_argument("--module", action="append", choices=sorted(TESTS), help="only this; default: plan")
    parser.add_argument("--list", action="store_true", help="name the mutants, and run nothing")
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose name has this")
    options = parser.parse_args()
    modules = options.module or ["plan"]
    mutants = [m for module in modules for m in mutants_of(module) if options.only in m.name]
    if options.list:
        print(*(f"{mutant.line}: {mutant.name}" for mutant in mutants), sep="\n")
        return
    equivalent = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    reasons = {each["mutant"]: each["because"] for each in equivalent}
    prepare()
    for module in modules:
        if any(is_noticed(None, tests) for tests in (*TESTS[module], AFTERWARDS)):
            sys.exit(f"the tests of {module} fail without any mutant")
    bad = 0
    counts: Counter[str] = Counter()
    for mutant in mutants:
        outcome = ("equivalent" if mutant.name in reasons else "survived") if survives(mutant) else "killed"
        counts[outcome] += 1
        if outcome == "survived" or (outcome == "killed" and mutant.name in reasons):
            bad += 1
            print(f"{outcome}: line {mutant.line}: {mutant.name}", flush=True)
    names = {mutant.name for mutant in mutants}
    for name in reasons:
        if not options.only and name.split(".")[0] in modules and name not in names:
            bad += 1
            print(f"no such mutant any more: {name}")
    told = ", ".join(f"{number} {what}" for what, number in sorted(counts.items()))
    print(f"{', '.join(modules)}: {len(mutants)} mutants: {told}")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
