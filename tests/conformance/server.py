"""A petset of the tests' own: the whole of it, with a node that only pretends to run containers, as a process."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from petset.client.connection import Connection
from petset.client.kubeconfig import read_kubeconfig

ROOT = Path(__file__).parents[2]
END_TIMEOUT = 30.0


@contextmanager
def served(directory: Path) -> Iterator[Connection]:
    """The process, until the block is left, and the way to it."""
    log = directory / "server.log"
    command = [sys.executable, "-m", "tests.conformance.serve", str(directory)]
    with log.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors)
    assert process.stdout is not None
    try:
        assert process.stdout.readline().strip(), f"the server did not start:\n{log.read_text()}"
        yield read_kubeconfig([directory / "kubeconfig"]).connection()
    finally:
        process.terminate()
        try:
            process.wait(END_TIMEOUT)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
