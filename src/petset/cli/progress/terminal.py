"""Progress on a terminal: lines that stay, and below them a panel that follows what is going on."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

Rows = Sequence[Sequence[str]]

_STYLES = (
    (" warning,", "yellow"),
    (" failed", "red"),
    (" no longer ready", "yellow"),
    (" ready", "green"),
    (" gone", "dim"),
)


class TerminalDisplay:
    """Implements `petset.cli.progress.display.Display` with Rich."""

    def __init__(self, out: TextIO) -> None:
        self._console = Console(file=out, highlight=False)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._waiting: tuple[str, ...] = ()
        self._standing: Rows = ()
        self._spinner = Spinner("dots", style="cyan")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        """A line above the panel."""
        style = next((style for part, style in _STYLES if part in text), "")
        self._console.print(Text.assemble(("• ", "cyan"), (text, style)))

    def note(self, text: str) -> None:
        """A line above the panel, without a mark."""
        self._console.print(Text(text))

    def waiting(self, lines: Sequence[str]) -> None:
        """The panel's text."""
        # the spinner turns with every call, and only then: a display that stands still costs nothing
        if lines or self._waiting:
            self._waiting = tuple(lines)
            self._update()

    def standing(self, rows: Rows) -> None:
        """The table below the lines."""
        if rows != self._standing:
            self._standing = rows
            self._update()

    def table(self, rows: Rows) -> None:
        """A table above the panel."""
        self._console.print("", _table(rows), sep="\n")

    def _update(self) -> None:
        parts: list[RenderableType] = [_table(self._standing)] if len(self._standing) > 1 else []
        if self._waiting:
            first, *others = self._waiting
            self._spinner.update(text=Text(first))
            explained = Text("\n".join(others), style="dim")
            parts.append(Panel(Group(self._spinner, *([explained] if others else [])), border_style="cyan"))
        self._live.update(Group(*parts), refresh=True)


def _table(rows: Rows) -> Table:
    header, *body = rows
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for name in header:
        table.add_column(name, overflow="fold", no_wrap=name in {"POD", "READY", "IP", "STATEFULSET"})
    for row in body:
        table.add_row(*(Text(cell, style="green" if cell == "Running" else "") for cell in row))
    return table
