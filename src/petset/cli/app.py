"""The application: which commands there are, and what becomes of what they raise."""

import logging
import sys
import tempfile
import traceback
from collections.abc import Iterable, Sequence
from importlib import import_module
from types import TracebackType

import typer
from typer.main import get_command

from petset.cli.failure import Failure

COMMANDS = (
    "up",
    "down",
    "status",
    "get",
    "plan",
    "apply",
    "delete",
    "scale",
    "rollout",
    "logs",
    "exec",
    "kubeconfig",
    "version",
    "serve",
)

HIDDEN = frozenset({"serve"})


def application(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """The application with some of its commands; only their modules are imported."""
    app = typer.Typer(
        name="petset",
        help="Kubernetes StatefulSets on one machine, without a Kubernetes cluster.",
        no_args_is_help=True,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name in names:
        module = import_module(f"petset.cli.commands.{name}")
        if isinstance(module.command, typer.Typer):
            app.add_typer(module.command, name=name)
        else:
            app.command(name=name, hidden=name in HIDDEN)(module.command)
    return app


def _root() -> None:
    """Kubernetes StatefulSets on one machine, without a Kubernetes cluster."""


def run(args: Sequence[str] | None = None) -> int:
    """Runs one command line; the exit code."""
    words = list(sys.argv[1:] if args is None else args)
    sys.excepthook = report_bug
    # what a command has to say it says itself; `serve` opens the log
    logging.getLogger().addHandler(logging.NullHandler())
    wanted = words[:1] if words and words[0] in COMMANDS else [name for name in COMMANDS if name not in HIDDEN]
    try:
        get_command(application(wanted))(args=words, prog_name="petset")
    except Failure as failure:
        if str(failure):
            print(f"petset: {failure}", file=sys.stderr)
        return failure.exit_code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    return 0


def report_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What nobody foresaw: the traceback goes to a file, the user gets one line."""
    with tempfile.NamedTemporaryFile("w", prefix="petset-", suffix=".log", delete=False) as file:
        traceback.print_exception(kind, error, trace, file=file)
    print(f"petset: this is a bug in petset, {kind.__name__}: {error}\nDetails are in {file.name}", file=sys.stderr)
