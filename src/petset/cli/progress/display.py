"""Prints progress: on a terminal with a live panel below the lines, elsewhere as plain lines with their time."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self, TextIO

from petset.aio.clock import Clock, SystemClock
from petset.cli.tables import aligned

SILENCE = 3.0
"""Seconds without a line after which plain output says what is waited for."""
REPEAT = 30.0
"""Seconds after which it says the same thing again."""

Rows = Sequence[Sequence[str]]


class Display(Protocol):
    """Where progress is shown, for the length of a `with` block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def say(self, text: str) -> None:
        """Something happened."""
        ...

    def note(self, text: str) -> None:
        """Something to know that did not happen just now."""
        ...

    def waiting(self, lines: Sequence[str]) -> None:
        """What is waited for at present; nothing when there is nothing."""
        ...

    def standing(self, rows: Rows) -> None:
        """The present state as a table, header first, where there is room for one that changes."""
        ...

    def table(self, rows: Rows) -> None:
        """A table that stays, header first."""
        ...


class PlainDisplay:
    """Lines for logs and pipes."""

    def __init__(self, out: TextIO, clock: Clock) -> None:
        self._out = out
        self._clock = clock
        self._spoke_at = clock.monotonic()
        self._waited_for: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._out.flush()

    def say(self, text: str) -> None:
        """A line with its time."""
        self._spoke_at = self._clock.monotonic()
        self._waited_for = ()
        self._print(text)

    def note(self, text: str) -> None:
        """The bare line."""
        print(text, file=self._out, flush=True)

    def waiting(self, lines: Sequence[str]) -> None:
        """Printed when nothing has happened for a while: each text once, and again when it stays so."""
        if not lines:
            return
        silence = self._clock.monotonic() - self._spoke_at
        news = tuple(lines) != self._waited_for
        if silence >= (SILENCE if news else REPEAT):
            self._spoke_at = self._clock.monotonic()
            self._waited_for = tuple(lines)
            self._print("waiting: " + "\n           ".join(lines))

    def standing(self, rows: Rows) -> None:
        """Nothing: a log does not change."""

    def table(self, rows: Rows) -> None:
        """Aligned text."""
        print("", *aligned(rows), sep="\n", file=self._out, flush=True)

    def _print(self, text: str) -> None:
        time = self._clock.now().astimezone().strftime("%H:%M:%S")
        print(f"{time}  {text}", file=self._out, flush=True)


def display_for(out: TextIO = sys.stdout) -> Display:
    """The display that suits where the output goes."""
    if out.isatty():
        from petset.cli.progress.terminal import TerminalDisplay  # noqa: PLC0415 - Rich only where it is used

        return TerminalDisplay(out)
    return PlainDisplay(out, SystemClock())
