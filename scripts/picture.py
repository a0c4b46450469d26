#!/usr/bin/env python3
"""Runs the demo in a terminal of its own and draws what it shows: docs/live-view.svg and docs/ready.svg.

The first is the screen while the second pod starts, the second the screen at the end. The data directory is a new one,
deleted afterwards; the image is put into the engine before, as `make demo` does.
"""

import codecs
import fcntl
import io
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).resolve().parent.parent
PETSET = [sys.executable, "-m", "petset.cli"]
COLUMNS, ROWS = 168, 50
COMMAND = "petset up -f examples/web.yaml --detach"
MOMENT = ("web-1 created", "1 of 3 pods ready", "╯")
"""What has to be on the screen for the first picture."""

_PIECE = re.compile(r"\x1b(\[[0-9;?]*)?$")
_SEQUENCE = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|([\r\n])|([^\x1b\r\n]+)")


class Screen:
    """As much of a terminal as Rich needs: lines, the cursor going up, lines being erased. Colours stay in the text."""

    def __init__(self) -> None:
        self._lines = [""]
        self._row = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""

    def feed(self, data: bytes) -> None:
        """Take what a program wrote; a sequence may come in pieces."""
        text = self._rest + self._decoder.decode(data)
        whole = _PIECE.sub("", text)
        self._rest = text[len(whole) :]
        for match in _SEQUENCE.finditer(whole):
            self._sequence(match)

    def _sequence(self, match: re.Match[str]) -> None:
        argument, final, control, plain = match.groups()
        if control == "\n":
            self._row += 1
            self._lines += [""] * (self._row + 1 - len(self._lines))
        elif final == "A":
            self._row = max(0, self._row - int(argument or 1))
        elif final == "K":
            self._lines[self._row] = ""
        elif final == "m" or plain:
            self._lines[self._row] += match[0]

    @property
    def text(self) -> str:
        """What is to be seen."""
        return "\n".join(self._lines).rstrip()


def run_in_terminal(command: list[str], environment: dict[str, str]) -> tuple[str, str]:
    """Run a command; the screen at the moment, and at the end. Ends the program when the command fails."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=ROOT)
    os.close(theirs)
    screen, moment = Screen(), ""
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        while chunk := read(terminal):
            screen.feed(chunk)
            if not moment and all(part in screen.text for part in MOMENT):
                moment = screen.text
    if process.wait():
        sys.exit(f"{COMMAND} failed:\n{screen.text}")
    return moment, screen.text


def read(terminal: io.FileIO) -> bytes:
    """What came; nothing at the end, which a pseudo-terminal tells by an error."""
    try:
        return terminal.read(65536) or b""
    except OSError:
        return b""


def draw(screen: str, place: str, path: Path) -> None:
    """Write the screen as a picture, with the usual data directory in place of the temporary one."""
    shown = f"\x1b[1m$ {COMMAND}\x1b[0m\n{screen}".replace(place, "/var/lib/petset")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(shown))
    picture = console.export_svg(title="petset", unique_id=path.stem)
    # a picture in a document loads nothing from elsewhere
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    picture = re.sub(r"<!-- .*? -->\s*", "", picture, flags=re.DOTALL)
    path.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")
    print(path.relative_to(ROOT))


def main() -> None:
    """Run, draw, clean up."""
    # a path as long as /var/lib/petset, so that the columns of the table stay where they are
    place = tempfile.mkdtemp(prefix="pe", dir="/tmp")
    environment = os.environ | {"PETSET_DATA_DIR": place, "TERM": "xterm-256color", "COLUMNS": str(COLUMNS)}
    image = [sys.executable, str(ROOT / "scripts" / "demo_image.py")]
    try:
        subprocess.run(image, env=environment, stdout=subprocess.DEVNULL, check=True)
        moment, end = run_in_terminal([*PETSET, *COMMAND.split()[1:]], environment)
    finally:
        down = [*PETSET, "down", "--delete-volumes"]
        subprocess.run(down, env=environment, stdout=subprocess.DEVNULL, check=True)
        shutil.rmtree(place)
    draw(moment or end, place, ROOT / "docs" / "live-view.svg")
    draw(end, place, ROOT / "docs" / "ready.svg")


if __name__ == "__main__":
    main()
