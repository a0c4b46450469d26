"""`petset exec`."""

import sys
from contextlib import nullcontext
from typing import Annotated

import typer

from petset.cli.options import DataDir, Namespace
from petset.cli.references import named
from petset.cli.running import Session, in_session
from petset.cli.terminal import converse, raw_terminal
from petset.client.interface import ExecOptions


def command(
    pod: Annotated[str, typer.Argument(metavar="POD")],
    words: Annotated[list[str], typer.Argument(metavar="-- COMMAND [ARGUMENT]...")],
    stdin: Annotated[bool, typer.Option("-i", "--stdin", help="Hand stdin to the command.")] = False,
    tty: Annotated[bool, typer.Option("-t", "--tty", help="Give the command a terminal.")] = False,
    container: Annotated[str, typer.Option("-c", "--container", help="The container, when the pod has several.")] = "",
    namespace: Namespace = "default",
    data_dir: DataDir = None,
) -> None:
    """Runs a command in a pod's container; its exit code is that of petset."""
    name = named([pod], "pod")[0].name
    if tty and not sys.stdin.isatty():
        print("Unable to use a TTY - input is not a terminal or the right kind of file", file=sys.stderr)
        tty = False
    options = ExecOptions(container=container, command=words, stdin=stdin, stderr=not tty, tty=tty)

    async def work(session: Session) -> int:
        async with session.streams.exec(namespace, name, options) as running:
            with raw_terminal(sys.stdin.fileno()) if tty else nullcontext():
                return await converse(running, stdin=sys.stdin.fileno() if stdin else None, terminal=tty)

    raise typer.Exit(in_session(data_dir, work))
