"""Runs a command's asynchronous part against a server, and says in one sentence what went wrong."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from petset.api.errors import Conflict, StatusError
from petset.cli.applying import FIELD_MANAGER
from petset.cli.data_directory import DataDirectory, data_directory
from petset.cli.failure import Failure
from petset.cli.server_record import read_record
from petset.client.errors import ConfigError
from petset.client.http import HttpClient
from petset.client.interface import ConnectionLost
from petset.client.kubeconfig import read_kubeconfig
from petset.client.pod_streams import HttpPodStreams
from petset.kinds import CATALOGUE

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Session:
    """A server that a command talks to."""

    directory: DataDirectory
    client: HttpClient

    @property
    def streams(self) -> HttpPodStreams:
        """Logs and exec."""
        return HttpPodStreams(self.client.transport)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Runs `work` to its end. Whatever a server or the configuration refuses becomes a Failure."""
    try:
        with asyncio.Runner() as runner:
            return runner.run(work)
    except BrokenPipeError:
        # whoever read the output has enough of it
        raise
    except (StatusError, ConnectionLost, ConfigError, OSError, yaml.YAMLError) as error:
        raise Failure(describe(error)) from error
    except KeyboardInterrupt:
        raise Failure("", 130) from None


def in_session(data_dir: Path | None, work: Callable[[Session], Coroutine[Any, Any, T]]) -> T:
    """Runs `work` with a session on the server of a data directory. Raises Failure, also when none runs."""

    async def connected() -> T:
        async with session(data_directory(data_dir)) as opened:
            return await work(opened)

    return run(connected())


@asynccontextmanager
async def session(directory: DataDirectory) -> AsyncIterator[Session]:
    """A session on the server of a data directory. Raises Failure when none runs."""
    record = read_record(directory.record)
    if record is None or not record.running:
        raise Failure(f"petset is not running on {directory.root}; start it with petset up")
    connection = read_kubeconfig([directory.kubeconfig]).connection()
    client = HttpClient(connection, CATALOGUE, field_manager=FIELD_MANAGER, on_warning=_warn)
    try:
        yield Session(directory, client)
    finally:
        await client.close()


@contextmanager
def named(origin: str) -> Iterator[None]:
    """What the server refuses of a manifest is told with the place the manifest came from. Raises Failure."""
    try:
        yield
    except StatusError as error:
        raise Failure(f"{origin}: {describe(error)}" if origin else describe(error)) from error


def _warn(text: str) -> None:
    print(f"Warning: {text}", file=sys.stderr)


def describe(error: Exception) -> str:
    """An error in one sentence; those of the server in kubectl's words."""
    if isinstance(error, Conflict) and error.details.get("causes"):
        return f"{error.message}\nuse --force-conflicts to take these fields over"
    if isinstance(error, StatusError):
        return f"Error from server ({error.reason}): {error.message}"
    if isinstance(error, ConnectionLost):
        return f"the server does not answer: {error}"
    if isinstance(error, OSError) and error.filename:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return str(error) or type(error).__name__
