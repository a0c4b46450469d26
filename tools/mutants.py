"""Changes the StatefulSet's decision in one place at a time and looks whether a test notices: mutation testing.

    python -m tools.mutants [--module NAME]... [--list] [--only TEXT] [--jobs NUMBER]

Every mutant lives in a process of its own, forked from one that has collected the tests; nothing is written to the
source tree. The quick tests come first, those that noticed something in the same function before the others. A change
outside of functions needs a process that has not imported the package yet.

`tools/equivalent_mutants.toml` names the mutants that change no behaviour, with the reason. Fails when another one
survives, or when one of these is noticed, or is no more.
"""

import argparse
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from types import CodeType, FunctionType, ModuleType

import pytest
from hypothesis import Phase, settings
from tools.mutation import Mutant, mutants_of

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "petset.controllers.statefulset"
SOURCES = ROOT / "src/petset/controllers/statefulset"
EQUIVALENT = ROOT / "tools/equivalent_mutants.toml"
MODULES = (
    "plan",
    "ranks",
    "retention",
    "claims",
    "identity",
    "revisions",
    "names",
    "status",
    "waiting",
    "ledger",
    "model",
)
UNIT = "tests/unit/controllers/statefulset"
QUICK = [f"{UNIT}/test_{name}.py" for name in ("plan_update", "plan_waits", *MODULES) if name != "ranks"]
"""The ranks are tested by those that ask them."""
SLOW = [f"{UNIT}/test_large_sets.py", "tests/simulation/test_scenarios.py", "tests/simulation/test_ledger.py"]
SECONDS = 20
"""CPU time that one test may take; who needs more is in an endless loop."""
MEMORY = 2**32
NO_WARNING = "ignore::pytest.PytestAssertRewriteWarning"
OPTIONS = ["-q", "-s", "--no-header", "--no-summary", "-p", "no:cacheprovider", "--tb=no", "-W", NO_WARNING]


@cache
def source_of(module: str) -> str:
    """A module of the package as it was when the run began, for whoever goes on working in the tree."""
    return (SOURCES / f"{module}.py").read_text()


# --- in the child -----------------------------------------------------------------------------------------------------


class OneModule(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module in its changed form, and no other."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != f"{PACKAGE}.{self._mutant.module}":
            return None
        return importlib.util.spec_from_loader(fullname, self, origin=fullname)

    def exec_module(self, module: ModuleType) -> None:
        exec(compiled(self._mutant), module.__dict__)


def compiled(mutant: Mutant) -> CodeType:
    """The code of the whole changed module."""
    return compile(mutant.tree(source_of(mutant.module)), f"{SOURCES}/{mutant.module}.py", "exec")


def function_of(mutant: Mutant) -> FunctionType | None:
    """The function that has the change, as it was imported; None when it must be imported anew."""
    found: object = sys.modules[f"{PACKAGE}.{mutant.module}"]
    for name in filter(None, mutant.function.split(".")):
        found = vars(found).get(name)
    found = found.fget if isinstance(found, property) else found
    return found if isinstance(found, FunctionType) else None


def codes(code: CodeType) -> Iterator[CodeType]:
    """A code and all that are defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from codes(constant)


def put_in(mutant: Mutant) -> None:
    """From now on the function does what the mutant says."""
    function = function_of(mutant)
    assert function is not None
    *_, function.__code__ = (code for code in codes(compiled(mutant)) if code.co_qualname == function.__qualname__)


def limit_time() -> None:
    """The process ends when it takes longer from now on than a test may."""
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (spent + SECONDS, resource.RLIM_INFINITY))


def first_failure(session: pytest.Session, items: Sequence[pytest.Item]) -> str:
    """Runs tests up to the first that fails; its name, or nothing."""
    for number, item in enumerate(items):
        limit_time()
        following = items[number + 1] if number + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return item.nodeid
    return ""


def examine(session: pytest.Session, mutant: Mutant | None, items: Sequence[pytest.Item]) -> str:
    """Puts the mutant in and says which test notices it."""
    if mutant is not None:
        put_in(mutant)
    return first_failure(session, items)


def examine_afresh(mutant: Mutant) -> str:
    """Imports the mutant and everything that is tested, and says whether a test notices it."""
    sys.meta_path.insert(0, OneModule(mutant))
    own = f"{UNIT}/test_{mutant.module}.py"
    tests = sorted(QUICK, key=lambda test: test != own) + SLOW
    return "" if pytest.main([*OPTIONS, "-x", *tests], [TimeLimit()]) == pytest.ExitCode.OK else "a test"


class TimeLimit:
    """A pytest plugin: no test takes forever."""

    def pytest_runtest_setup(self) -> None:
        """Before every test."""
        limit_time()


# --- in the parent ----------------------------------------------------------------------------------------------------


@dataclass
class Children:
    """Processes that look for mutants, some at a time.

    `found` hears of each the test that noticed it: None when no test did, nothing when the process did not come to its
    end.
    """

    jobs: int
    found: Callable[[Mutant | None, str | None], None]
    running: dict[int, tuple[Mutant | None, int]] = field(default_factory=dict)

    def start(self, mutant: Mutant | None, look: Callable[[], str]) -> None:
        """Forks; `look` says in the child which test noticed the mutant."""
        while len(self.running) >= self.jobs:
            self.wait()
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            in_child(look, write)
        os.close(write)
        self.running[child] = (mutant, read)

    def wait(self) -> None:
        """Until one has ended."""
        child, status = os.wait()
        mutant, read = self.running.pop(child)
        with os.fdopen(read) as pipe:
            test = pipe.read()
        survived = os.waitstatus_to_exitcode(status) == 0 and not test
        self.found(mutant, None if survived else test)

    def wait_for_all(self) -> None:
        """Until all have ended."""
        while self.running:
            self.wait()


def in_child(look: Callable[[], str], write: int) -> None:
    """Looks, writes down what was found, and ends: badly, when looking did."""
    code = 70
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        limit_time()
        os.write(write, look().encode())
        code = 0
    finally:
        os._exit(code)


class Examination:
    """A pytest plugin that runs the collected tests once for each mutant instead of once."""

    def __init__(self, mutants: Iterable[Mutant], report: "Report", jobs: int) -> None:
        self._mutants = mutants
        self._report = report
        self._jobs = jobs
        self._noticed: dict[tuple[str, str], list[str]] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Instead of pytest's own."""
        gc.freeze()  # so that children do not search what they share
        children = Children(self._jobs, self._found)
        children.start(None, partial(examine, session, None, session.items))
        children.wait_for_all()
        by_name = {item.nodeid: item for item in session.items}
        for mutant in self._mutants:
            known = [by_name[name] for name in self._noticed.get((mutant.module, mutant.function), [])]
            own = f"{UNIT}/test_{mutant.module}.py"
            others = sorted(set(session.items).difference(known), key=session.items.index)
            items = [*known, *sorted(others, key=lambda item: not item.nodeid.startswith(own))]
            children.start(mutant, partial(examine, session, mutant, items))
        children.wait_for_all()
        return True

    def _found(self, mutant: Mutant | None, test: str | None) -> None:
        """What noticed a mutant comes first for the next mutants of the function."""
        if mutant is None:
            if test is not None:
                sys.exit(f"the tests fail without any mutant: {test}")
            return
        self._report.found(mutant, test)
        if test:
            names = self._noticed.setdefault((mutant.module, mutant.function), [])
            names[:] = [test, *(name for name in names if name != test)]


# --- reporting --------------------------------------------------------------------------------------------------------


@dataclass
class Report:
    """What became of the mutants, each module's counted."""

    reasons: dict[str, str]
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    bad: int = 0

    def found(self, mutant: Mutant | None, test: str | None) -> None:
        """Tells of one that is not as it should be."""
        assert mutant is not None
        survived = test is None
        listed = mutant.name in self.reasons
        outcome = "killed" if not survived else "equivalent" if listed else "survived"
        self.counts.setdefault(mutant.module, Counter())[outcome] += 1
        if survived != listed:
            self.complain(f"{outcome}: line {mutant.line}: {mutant.name}{f' by {test}' if test else ''}")

    def complain(self, what: str) -> None:
        """One more thing that somebody has to judge."""
        self.bad += 1
        print(what, flush=True)

    def tell(self, seconds: float) -> None:
        """The figures, as docs/proof.md has them."""
        print("| module | mutants | killed | equivalent | survived |\n| --- | ---: | ---: | ---: | ---: |")
        total: Counter[str] = Counter()
        for module, counts in [*sorted(self.counts.items(), key=lambda each: MODULES.index(each[0])), ("all", total)]:
            figures = [counts.total(), *(counts[outcome] for outcome in ("killed", "equivalent", "survived"))]
            print("|", " | ".join(map(str, [module, *figures])), "|")
            total += counts if counts is not total else Counter()
        print(f"{seconds / 60:.0f} minutes")


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description="Mutation testing of the StatefulSet's decision.")
    parser.add_argument("--module", action="append", choices=MODULES, help="only this; default: all")
    parser.add_argument("--list", action="store_true", help="name the mutants, and run nothing")
    parser.add_argument("--only", default="", metavar="TEXT", help="the mutants whose name has this")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    options, began = parser.parse_args(), time.monotonic()
    modules = options.module or MODULES
    mutants = [m for module in modules for m in mutants_of(module, source_of(module)) if options.only in m.name]
    if options.list:
        print(*(f"{mutant.line}: {mutant.name}" for mutant in mutants), sep="\n")
        return
    equivalent = tomllib.loads(EQUIVALENT.read_text())["equivalent"]
    report = Report({each["mutant"]: each["because"] for each in equivalent})
    run(mutants, report, options.jobs)
    names = {mutant.name for mutant in mutants}
    for name in report.reasons:
        if not options.only and name.split(".")[0] in modules and name not in names:
            report.complain(f"no such mutant any more: {name}")
    report.tell(time.monotonic() - began)
    sys.exit(1 if report.bad else 0)


def run(mutants: Sequence[Mutant], report: Report, jobs: int) -> None:
    """First those outside of functions, then those that can be put in."""
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT / "src")]
    settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=(Phase.generate,))
    settings.load_profile("mutants")
    for name in ("hypothesis.stateful", "pytest_asyncio", "petset.api.types", "petset.kinds"):
        importlib.import_module(name)
    if loaded := [name for name in sys.modules if name.startswith(PACKAGE)]:
        sys.exit(f"{loaded[0]} is imported too early")
    gc.freeze()
    children = Children(jobs, report.found)
    for mutant in mutants:
        if not mutant.function:
            children.start(mutant, partial(examine_afresh, mutant))
    children.wait_for_all()
    inside = [mutant for mutant in mutants if mutant.function]
    pytest.main([*OPTIONS, *QUICK, *SLOW], [Examination(inside, report, jobs)])


if __name__ == "__main__":
    main()
