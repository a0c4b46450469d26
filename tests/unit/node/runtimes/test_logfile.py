"""Log files of both formats, whole, in part and while they grow."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from petset.aio.clock import SystemClock
from petset.node.runtimes.interface import LogSource
from petset.node.runtimes.logfile import FOLLOW_INTERVAL, LogLine, LogOptions, read_log
from petset.testing.clock import VirtualClock

CRI = """\
2026-11-23T05:00:00.000000001+00:00 stdout F one
2026-11-23T05:00:01.500000000+00:00 stderr F two
2026-11-23T05:00:02+00:00 stdout P thr
2026-11-23T05:00:02+00:00 stdout F ee
2026-11-23T05:00:03+00:00 stdout F\x20
"""
JSON = r"""{"log":"one\n","stream":"stdout","time":"2026-11-23T05:00:00.000000001Z"}
{"log":"two\n","stream":"stderr","time":"2026-11-23T05:00:01.5Z"}
{"log":"thr","stream":"stdout","time":"2026-11-23T05:00:02Z"}
{"log":"ee\n","stream":"stdout","time":"2026-11-23T05:00:02Z"}
{"log":"\n","stream":"stdout","time":"2026-11-23T05:00:03Z"}
"""


@pytest.fixture(params=["cri", "json-file"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> LogSource:
    path = tmp_path / "log"
    path.write_text(CRI if request.param == "cri" else JSON)
    return LogSource(path, request.param)


async def lines_of(source: LogSource, options: LogOptions) -> list[LogLine]:
    return [line async for line in read_log(source, options, SystemClock())]


async def text_of(source: LogSource, options: LogOptions, *, timestamps: bool = False) -> str:
    return b"".join([line.render(timestamps=timestamps) for line in await lines_of(source, options)]).decode()


async def test_pieces_of_a_line_are_joined_by_printing_them(source: LogSource) -> None:
    assert await text_of(source, LogOptions()) == "one\ntwo\nthree\n\n"


async def test_timestamps_stand_at_beginnings_of_lines_in_utc_with_nanoseconds(source: LogSource) -> None:
    assert (await text_of(source, LogOptions(), timestamps=True)).splitlines() == [
        "2026-11-23T05:00:00.000000001Z one",
        "2026-11-23T05:00:01.5Z two",
        "2026-11-23T05:00:02Z three",
        "2026-11-23T05:00:03Z ",
    ]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (LogOptions(tail=0), ""),
        (LogOptions(tail=1), "\n"),
        (LogOptions(tail=4), "two\nthree\n\n"),
        (LogOptions(tail=5), "one\ntwo\nthree\n\n"),
        (LogOptions(tail=100), "one\ntwo\nthree\n\n"),
        (LogOptions(since=datetime(2026, 11, 23, 5, 0, 2, tzinfo=UTC)), "three\n\n"),
        (LogOptions(since=datetime(2026, 11, 23, 5, 0, 1, 500_001, tzinfo=UTC)), "three\n\n"),
        (LogOptions(since=datetime(2026, 11, 23, 5, 0, 1, 500_000, tzinfo=UTC)), "two\nthree\n\n"),
        (LogOptions(limit_bytes=6), "one\ntw"),
        (LogOptions(limit_bytes=0), ""),
        (LogOptions(stream="stderr"), "two\n"),
    ],
)
async def test_options_select_a_part(source: LogSource, options: LogOptions, text: str) -> None:
    assert await text_of(source, options) == text


@pytest.mark.parametrize("lines", [1, 2, 500, 5_000])
async def test_the_tail_of_a_large_file_is_found_across_blocks(tmp_path: Path, lines: int) -> None:
    path = tmp_path / "log"
    path.write_text("".join(f"2026-11-23T05:00:00Z stdout F {number:0100}\n" for number in range(3_000)))
    tail = await lines_of(LogSource(path, "cri"), LogOptions(tail=lines))
    assert [int(line.content) for line in tail] == list(range(3_000))[-lines:]


async def test_a_file_that_does_not_exist_is_an_empty_log(tmp_path: Path) -> None:
    assert await lines_of(LogSource(tmp_path / "absent", "cri"), LogOptions(tail=3)) == []


@pytest.mark.parametrize("garbage", ["", "word\n", "two words\n"])
async def test_what_is_no_log_line_is_passed_over(tmp_path: Path, garbage: str) -> None:
    path = tmp_path / "log"
    path.write_text(garbage + "2026-11-23T05:00:00Z stdout F ok\n")
    assert await text_of(LogSource(path, "cri"), LogOptions()) == "ok\n"


async def test_an_engines_local_time_becomes_utc(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("2026-11-23T01:30:00.25-03:30 stdout F x\n")
    [line] = await lines_of(LogSource(path, "cri"), LogOptions())
    assert line.timestamp == "2026-11-23T05:00:00.25Z"


class Follower:
    """Follows a log on virtual time."""

    def __init__(self, path: Path, options: LogOptions) -> None:
        self.clock = VirtualClock()
        self.alive = True
        self.seen = b""
        self._source = LogSource(path, "cri")
        self._options = options
        self.task = asyncio.gather(self._run())

    async def _run(self) -> None:
        async for line in read_log(self._source, self._options, self.clock, lambda: self.alive):
            self.seen += line.content

    async def look(self) -> bytes:
        """What has been seen one look later."""
        await self.clock.advance(FOLLOW_INTERVAL)
        return self.seen


class TestFollowing:
    async def test_lines_come_as_they_are_written_and_end_with_the_container(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        follower = Follower(path, LogOptions(follow=True))
        assert await follower.look() == b""
        with path.open("a") as log:
            log.write("2026-11-23T05:00:00Z stdout F one\n2026-11-23T05:00:00Z stdout F tw")
            log.flush()
            assert await follower.look() == b"one\n"
            log.write("o\n")
            log.flush()
            assert await follower.look() == b"one\ntwo\n"
            follower.alive = False
            log.write("2026-11-23T05:00:00Z stdout F last\n")
        assert await follower.look() == b"one\ntwo\nlast\n"
        await follower.task

    async def test_a_rotated_log_is_followed_into_its_new_file(self, tmp_path: Path) -> None:
        path = tmp_path / "log"
        path.write_text("2026-11-23T05:00:00Z stdout F one\n")
        follower = Follower(path, LogOptions(follow=True, tail=1))
        assert await follower.look() == b"one\n"
        path.rename(tmp_path / "log.1")
        await follower.look()
        path.write_text("2026-11-23T05:00:00Z stdout F two\n")
        assert await follower.look() == b"one\ntwo\n"
        path.write_text("2026-11-23T05:00:00Z stdout F 3\n")
        assert await follower.look() == b"one\ntwo\n3\n"
        follower.alive = False
        await follower.look()
        await follower.task
