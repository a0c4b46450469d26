"""Reads and follows the files that engines write containers' output to.

Both engines' own log APIs fall short of kubectl's needs (Podman: timestamps and `since` to the second, following by
polls of 250 ms), while their files have nanoseconds and grow live. Following looks at the file every 100 ms: the
standard library has no file notification, and one `read` that returns nothing costs microseconds.

Formats: `cri`, `TIME STREAM TAG TEXT` with TAG P for a piece of a line that goes on and F for its end; and Docker's
`json-file`, `{"log": ..., "stream": ..., "time": ...}`, where text without a newline goes on.
"""

import os
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from petset.aio.clock import Clock
from petset.node.runtimes.interface import LogFormat, LogSource

FOLLOW_INTERVAL = 0.1
_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class LogLine:
    """One piece of output. `content` ends with a newline unless the line goes on; `begins_line` unless it did."""

    timestamp: str
    stream: Literal["stdout", "stderr"]
    content: bytes
    begins_line: bool = True

    def render(self, *, timestamps: bool = False) -> bytes:
        """The bytes that kubectl prints; the timestamp stands at the beginnings of lines only."""
        return self.timestamp.encode() + b" " + self.content if timestamps and self.begins_line else self.content


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which part of the log: PodLogOptions without the container's name. `tail` counts lines, `limit_bytes` content."""

    follow: bool = False
    since: datetime | None = None
    tail: int | None = None
    limit_bytes: int | None = None
    stream: Literal["stdout", "stderr"] | None = None


async def read_log(
    source: LogSource, options: LogOptions, clock: Clock, is_running: Callable[[], bool] = bool
) -> AsyncIterator[LogLine]:
    """Yield the log's lines, oldest first; when following, until the container has ended and its last words are read.

    `is_running` is asked only when following. A file that does not exist is an empty log: the container has not written
    anything yet, or was removed.
    """
    remaining = options.limit_bytes
    async for line in _wanted(source, options, clock, is_running):
        if remaining is not None:
            if remaining <= 0:
                return
            line = LogLine(line.timestamp, line.stream, line.content[:remaining], line.begins_line)  # noqa: PLW2901
            remaining -= len(line.content)
        yield line


async def _wanted(
    source: LogSource, options: LogOptions, clock: Clock, is_running: Callable[[], bool]
) -> AsyncIterator[LogLine]:
    since = _sortable(_format(options.since)) if options.since else ""
    parse = _PARSERS[source.format]
    goes_on = {"stdout": False, "stderr": False}
    async for raw in _raw_lines(source.path, options, clock, is_running):
        line = parse(raw)
        if line is None or (options.stream and line.stream != options.stream):
            continue
        begins, goes_on[line.stream] = not goes_on[line.stream], not line.content.endswith(b"\n")
        if since and _sortable(line.timestamp) < since:
            continue
        yield line if begins else LogLine(line.timestamp, line.stream, line.content, begins_line=False)


async def _raw_lines(
    path: Path, options: LogOptions, clock: Clock, is_running: Callable[[], bool]
) -> AsyncIterator[bytes]:
    """Complete lines of the file from the tail's start on."""
    partial = b""
    file = _open(path)
    try:
        if file is not None and options.tail is not None:
            file.seek(_tail_offset(file, options.tail))
        while True:
            alive = options.follow and is_running()  # asked before reading: what came until then is not missed
            file = file or _open(path)
            while file is not None and (block := file.read(_BLOCK)):
                *lines, partial = (partial + block).split(b"\n")
                for line in lines:
                    yield line
            if not alive:
                return
            await clock.sleep(FOLLOW_INTERVAL)
            file = _after_rotation(file, path)
    finally:
        if file is not None:
            file.close()


def _open(path: Path) -> BinaryIO | None:
    try:
        return path.open("rb")
    except FileNotFoundError:
        return None


def _after_rotation(file: BinaryIO | None, path: Path) -> BinaryIO | None:
    """The same file, from its start when it was truncated; a new one when another took its place."""
    if file is None:
        return None
    try:
        now, ours = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return file
    if now.st_ino != ours.st_ino:
        file.close()
        return _open(path)
    if now.st_size < file.tell():
        file.seek(0)
    return file


def _tail_offset(file: BinaryIO, lines: int) -> int:
    """Where the last `lines` lines begin, found from the end backwards."""
    position = file.seek(0, os.SEEK_END)
    if lines <= 0:
        return position
    newlines: deque[int] = deque(maxlen=lines + 1)
    while position > 0 and len(newlines) <= lines:
        start = max(0, position - _BLOCK)
        file.seek(start)
        block = file.read(position - start)
        at = block.rfind(b"\n")
        while at >= 0 and len(newlines) <= lines:
            newlines.append(start + at)
            at = block.rfind(b"\n", 0, at)
        position = start
    return newlines[-1] + 1 if len(newlines) > lines else 0


def _parse_cri(raw: bytes) -> LogLine | None:
    parts = raw.split(b" ", 3)
    if len(parts) < 3:
        return None
    text = parts[3] if len(parts) == 4 else b""
    ends = parts[2].split(b":", 1)[0] != b"P"
    stream: Literal["stdout", "stderr"] = "stderr" if parts[1] == b"stderr" else "stdout"
    return LogLine(_utc(parts[0].decode("ascii", "replace")), stream, text + b"\n" if ends else text)


class _JsonLine(msgspec.Struct):
    log: str = ""
    stream: str = "stdout"
    time: str = ""


_decode_json_line = msgspec.json.Decoder(_JsonLine).decode


def _parse_json(raw: bytes) -> LogLine | None:
    try:
        line = _decode_json_line(raw)
    except msgspec.DecodeError:
        return None
    return LogLine(_utc(line.time), "stderr" if line.stream == "stderr" else "stdout", line.log.encode())


_PARSERS: dict[LogFormat, Callable[[bytes], LogLine | None]] = {"cri": _parse_cri, "json-file": _parse_json}


def _utc(stamp: str) -> str:
    """An engine's timestamp as Kubernetes writes it: UTC with a Z, nanoseconds, no trailing zeros."""
    if stamp.endswith("Z"):
        seconds, offset = stamp[:-1], ""
    else:
        cut = max(stamp.rfind("+"), stamp.rfind("-"))
        seconds, offset = (stamp[:cut], stamp[cut:]) if cut > len("2026-01-01T") else (stamp, "")
    whole, _, fraction = seconds.partition(".")
    if offset not in {"", "+00:00", "-00:00"}:
        whole = datetime.fromisoformat(whole + offset).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def _format(moment: datetime) -> str:
    return _utc(moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def _sortable(stamp: str) -> str:
    """Such a timestamp without its Z sorts as text: a fraction is longer than none."""
    return stamp.removesuffix("Z")
