"""The last words of containers: terminationMessagePath, or the end of the log when that is empty.

The limits are the kubelet's: 4096 bytes of the file; 2048 bytes or 80 lines of the log.
"""

from collections import deque
from pathlib import Path

from petset.aio.clock import Clock
from petset.api.types import Container as ContainerSpec
from petset.node.runtimes.interface import Container
from petset.node.runtimes.logfile import LogOptions, read_log

LONGEST = 4096
LONGEST_FROM_LOG = 2048
LINES_FROM_LOG = 80


async def termination_message(container: Container, spec: ContainerSpec | None, path: Path | None, clock: Clock) -> str:
    """What an ended container has left to say."""
    text = _read(path) if path is not None else ""
    fallback = spec is not None and spec.termination_message_policy == "FallbackToLogsOnError"
    if text or not fallback or container.exit_code == 0 or container.log is None:
        return text
    pieces: deque[bytes] = deque()
    async for line in read_log(container.log, LogOptions(tail=LINES_FROM_LOG), clock):
        pieces.append(line.content)
    return b"".join(pieces)[-LONGEST_FROM_LOG:].decode(errors="replace")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LONGEST).decode(errors="replace")
    except OSError:
        return ""
