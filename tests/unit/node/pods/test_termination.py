"""The last words of containers: their file, or their log."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from petset.api.types import Container as ContainerSpec
from petset.node.pods.termination import termination_message
from petset.node.runtimes.interface import LogSource
from petset.testing.clock import VirtualClock
from tests.unit.node.pods.given import container

FALLBACK = ContainerSpec(name="nginx", termination_message_policy="FallbackToLogsOnError")
FILE = ContainerSpec(name="nginx", termination_message_policy="File")
LINE = "2026-01-01T00:00:00.000000000+00:00 stderr F line {}\n"


@pytest.mark.parametrize(
    ("spec", "code", "file", "expected"),
    [
        (FILE, 1, "the end", "the end"),
        (FILE, 1, "", ""),
        (FALLBACK, 1, "the end", "the end"),
        (FALLBACK, 1, "", "line 1\nline 2\n"),
        (FALLBACK, 0, "", ""),
    ],
)
async def test_file_or_log(spec: ContainerSpec, code: int, file: str, expected: str, tmp_path: Path) -> None:
    path, log = tmp_path / "message", tmp_path / "log"
    path.write_text(file)
    log.write_text(LINE.format(1) + LINE.format(2))
    ended = replace(container(state="exited", code=code), log=LogSource(log, "cri"))
    assert await termination_message(ended, spec, path, VirtualClock()) == expected


async def test_limits(tmp_path: Path) -> None:
    path, log = tmp_path / "message", tmp_path / "log"
    path.write_text("x" * 5000)
    log.write_text("".join(LINE.format("y" * 30) for _ in range(200)))
    ended = replace(container(state="exited", code=1), log=LogSource(log, "cri"))
    assert len(await termination_message(ended, FILE, path, VirtualClock())) == 4096
    assert len(await termination_message(ended, FALLBACK, tmp_path / "none", VirtualClock())) == 2048
