"""The command line. `commands` has one file per command; they print and never decide.

What is decided (what to show, what is missing, what a manifest means) are pure functions in the modules beside them.
Talks to a running server over HTTP only; `commands.serve` alone builds a cluster. Modules here import late: starting
must stay fast.
"""

from collections.abc import Sequence


def main(args: Sequence[str] | None = None) -> int:
    """Runs the command line; the process's exit code: 0 done, 1 failed with one message on stderr, 2 usage."""
    from petset.cli.app import run  # noqa: PLC0415 - the package itself must cost nothing to import

    return run(args)
