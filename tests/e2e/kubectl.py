"""kubectl, unmodified, as tests run it."""

import json
import os
import pty
import re
import selectors
import subprocess
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from petset.aio.clock import SystemClock
from tests.e2e.server import program

KUBECTL = program("kubectl")
NO_KUBECTL = "" if KUBECTL else "kubectl is not installed: make setup fetches it"
TIMEOUT = 60.0
CLOCK = SystemClock()
TOO_EARLY = re.compile(r"^E\d{4} .* Unknown stream id 1, discarding message\n", re.MULTILINE)
"""What older kubectl says now and then on a busy machine: it reads before its streams are there, and discards the
empty message that every API server begins a WebSocket with."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl with a kubeconfig, in a namespace, with a cache of its own."""

    kubeconfig: Path
    namespace: str
    cache: Path

    def __call__(self, *arguments: str, stdin: str = "") -> str:
        """What a command that has to succeed prints."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: exit code {done.returncode}\n{done.stderr}"
        return done.stdout

    def fails(self, *arguments: str, stdin: str = "", code: int = 1) -> str:
        """What a command that has to fail complains of."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == code, f"kubectl {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}"
        return done.stderr

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            env=os.environ | {"KUBECACHEDIR": str(self.cache)},
            timeout=TIMEOUT,
            check=False,
        )
        done.stderr = TOO_EARLY.sub("", done.stderr)
        return done

    def command(self, *arguments: str) -> list[str]:
        scope = [] if {"-A", "-n"} & set(arguments) else ["--namespace", self.namespace]
        options, separator, rest = list(arguments), [], []
        if "--" in options:
            at = options.index("--")
            options, separator, rest = options[:at], ["--"], options[at + 1 :]
        return [KUBECTL, "--kubeconfig", str(self.kubeconfig), *scope, *options, *separator, *rest]

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, tree: Any, *options: str) -> str:
        return self("apply", "-f", "-", *options, stdin=yaml.safe_dump(tree))

    def table(self, *arguments: str) -> tuple[list[str], list[list[str]]]:
        """The header's words and the rows' cells, which end where two blanks are."""
        header, *rows = [line for line in self(*arguments).splitlines() if line]
        return _cells(header), [_cells(row) for row in rows]

    @contextmanager
    def following(self, *arguments: str) -> Iterator["Output"]:
        """A command that goes on; it is ended with the block."""
        process = subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | {"KUBECACHEDIR": str(self.cache)},
        )
        assert process.stdout is not None
        try:
            yield Output(process.stdout.fileno(), process)
        finally:
            process.kill()
            process.communicate()

    @contextmanager
    def terminal(self, *arguments: str) -> Iterator["Output"]:
        """A command at a terminal of 50 rows and 132 columns."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(ours, (50, 132))
        try:
            process = subprocess.Popen(
                self.command(*arguments),
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                env=os.environ | {"KUBECACHEDIR": str(self.cache), "TERM": "xterm"},
                start_new_session=True,
            )
            os.close(theirs)
            try:
                yield Output(ours, process)
            finally:
                process.kill()
                process.wait()
        finally:
            os.close(ours)


class Output:
    """What a running command has printed so far."""

    def __init__(self, descriptor: int, process: subprocess.Popen[bytes]) -> None:
        self._descriptor = descriptor
        self._process = process
        self.text = ""

    def until(self, holds: Callable[[str], bool]) -> str:
        """Reads until what was printed is as wanted."""
        deadline = CLOCK.monotonic() + TIMEOUT
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            while not holds(self.text):
                assert selector.select(deadline - CLOCK.monotonic()), f"printed so far:\n{self.text}"
                try:
                    data = os.read(self._descriptor, 65536)
                except OSError:  # a terminal whose other end is closed
                    data = b""
                assert data, f"ended after printing:\n{self.text}"
                self.text += data.decode(errors="replace")
        return self.text

    def soon(self, seconds: float = 1.0) -> bool:
        """Whether something more is there to be read, now or within some seconds."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._descriptor, selectors.EVENT_READ)
            return bool(selector.select(seconds))

    def write(self, text: str) -> None:
        """Types at the terminal."""
        os.write(self._descriptor, text.encode())

    def code(self) -> int:
        """Waits for the end."""
        return self._process.wait(TIMEOUT)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("  ") if cell.strip()]
