"""A command's streams and this process's."""

import os
import pty
import termios
from collections.abc import AsyncIterator

import pytest

from petset.aio.clock import SystemClock
from petset.cli.terminal import converse, raw_terminal

CLOCK = SystemClock()


class Command:
    """A command that repeats its input and then ends."""

    def __init__(self, output: tuple[tuple[int, bytes], ...] = (), code: int = 0) -> None:
        self._output = output
        self._code = code
        self.sizes: list[tuple[int, int]] = []
        self.input = b""
        self._closed = False

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        for item in self._output:
            yield item

    async def write(self, data: bytes) -> None:
        self.input += data

    async def close_stdin(self) -> None:
        self._closed = True

    async def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def exit_code(self) -> int:
        return self._code


async def test_output_goes_where_it_belongs_and_the_exit_code_comes_back(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    command = Command(((1, b"out\n"), (2, b"err\n"), (1, b"\xff")), code=3)
    assert await converse(command, stdin=None, terminal=False) == 3
    assert capfdbinary.readouterr() == (b"out\n\xff", b"err\n")


class Repeats(Command):
    """Ends when its input does."""

    async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
        while not self._closed:
            yield 1, b""
            await CLOCK.sleep(0.001)


async def test_input_is_handed_through_to_its_end(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"hello")
    os.close(writing)
    command = Repeats()
    assert await converse(command, stdin=reading, terminal=False) == 0
    assert command.input == b"hello"
    os.close(reading)


async def test_the_command_learns_the_size_of_the_terminal(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    class Sized(Command):
        async def __aiter__(self) -> AsyncIterator[tuple[int, bytes]]:
            while not self.sizes:
                yield 1, b""
                await CLOCK.sleep(0.001)

    command = Sized()
    await converse(command, stdin=None, terminal=True)
    assert len(command.sizes) == 1


def test_a_raw_terminal_is_itself_again_afterwards() -> None:
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    with raw_terminal(follower):
        assert termios.tcgetattr(follower)[3] & termios.ICANON == 0
    assert termios.tcgetattr(follower) == before
    os.close(leader)
    os.close(follower)
