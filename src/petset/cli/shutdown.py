"""What `petset down` does: the pods end in order, then the server; volumes stay unless asked."""

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from petset.aio.clock import Clock, SystemClock
from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.api.types import PersistentVolume
from petset.cli.data_directory import DataDirectory
from petset.cli.durations import format_seconds
from petset.cli.failure import Failure
from petset.cli.progress.display import Display, display_for
from petset.cli.progress.ending import remaining
from petset.cli.progress.following import following
from petset.cli.progress.snapshot import directory_of
from petset.cli.running import session
from petset.cli.server_process import ServerOptions, last_words, signal_server, start_server, until_ended
from petset.cli.server_record import ServerRecord, boot_of, read_record, this_boot
from petset.client.http import HttpClient
from petset.client.interface import Client, ConnectionLost
from petset.controllers.volumes.model import PROVISIONED_BY, PROVISIONER

GOES_ON = "the server goes on trying; petset down waits for it again"
TROUBLE_SECONDS = 15.0
"""How long a server may be unable to store anything until nobody waits for it."""
ASK_AGAIN = 1.0


async def shut_down(directory: DataDirectory, *, delete_volumes: bool = False, within: float | None = None) -> None:
    """Ends pods and server of a data directory; does no harm when there are none. Raises Failure.

    After `within` seconds, or when the server cannot end its pods, it fails; the server goes on.
    """
    with display_for() as display:
        record = _running_or_restarted(directory, display)
        volumes = default_volumes(directory)
        if record is None:
            display.say(f"petset is not running on {directory.root}")
        else:
            volumes |= await _end(directory, record, display, within)
        volumes = {volume for volume in volumes if volume.is_dir() and not volume.is_symlink()}
        if delete_volumes:
            for volume in sorted(volumes):
                shutil.rmtree(volume)
                display.say(f"volume {volume} deleted")
        elif volumes:
            display.say(f"{len(volumes)} volumes stay in {', '.join(parents_of(volumes))}")


def default_volumes(directory: DataDirectory) -> set[Path]:
    """The volumes in the data directory itself: a directory per claim, in one per namespace."""
    return set(directory.volumes.glob("*/*"))


def parents_of(volumes: set[Path]) -> list[str]:
    """The directories that volumes are in."""
    return sorted({str(volume.parent) for volume in volumes})


def _running_or_restarted(directory: DataDirectory, display: Display) -> ServerRecord | None:
    """The server to end. One that was killed has left its pods: it has to run again to end them."""
    record = read_record(directory.record)
    if record is None or record.running:
        return record
    if record.started and boot_of(record.started) != this_boot():
        directory.record.unlink(missing_ok=True)
        return None
    display.say("petset was ended without its pods; it runs again to end them")
    start_server(directory, ServerOptions(runtime=record.runtime, cluster_domain=record.cluster_domain))
    return read_record(directory.record)


async def _end(directory: DataDirectory, record: ServerRecord, display: Display, within: float | None) -> set[Path]:
    """Ends a running server, telling how; the directories of its volumes."""
    volumes: set[Path] = set()
    try:
        # whatever the server was asked, it may be killed instead of answering
        patience = Patience(SystemClock(), within)
        await _either(_end_pods(directory, display, volumes, patience, record), until_ended(record))
        # the watches are closed by now: the server would wait for them
        await until_ended(record)
    except (StatusError, ConnectionLost) as error:
        display.say(f"the server does not answer ({error}); waiting for its end")
        signal_server(record, signal.SIGINT)
        await until_ended(record)
    display.waiting(())
    if directory.record.exists():
        raise Failure(f"the server ended before its pods\n{last_words(directory.log)}")
    display.say("petset has ended")
    return volumes


async def _end_pods(
    directory: DataDirectory, display: Display, volumes: set[Path], patience: "Patience", record: ServerRecord
) -> None:
    """Has the server end its pods, and tells how they go. Adds the directories of their volumes to `volumes`."""
    async with session(directory) as opened, following(opened.client, display, record.cluster_domain) as follower:
        volumes |= await provisioned_directories(opened.client)
        signal_server(record, signal.SIGINT)
        try:
            await follower.until_pods_gone(lambda: patience.trouble(lambda: _trouble_of(opened.client)))
        except GivenUp as error:
            left = "\n".join(remaining(follower.snapshot()))
            raise Failure(f"{error}\n{left}\n{GOES_ON}") from None


async def _trouble_of(client: HttpClient) -> str:
    """Why the server cannot store anything at present; empty when it can."""
    try:
        await client.transport.request("GET", "/readyz/etcd")
    except StatusError as error:
        return error.message.removeprefix("internal server error: ").strip() if error.code >= 500 else ""
    return ""


class GivenUp(Exception):
    """There is no point in waiting any longer."""


class Patience:
    """How long `down` waits: for ever while pods can end, but neither for a server in trouble nor over its timeout."""

    def __init__(self, clock: Clock, timeout: float | None) -> None:
        self._clock = clock
        self._timeout = timeout
        self._began = clock.monotonic()
        self._asked = -ASK_AGAIN
        self._well = self._began
        self._trouble = ""

    async def trouble(self, ask: Callable[[], Awaitable[str]]) -> str:
        """Why the server cannot go on, "" when it can; `ask` finds out, now and then. Raises GivenUp."""
        now = self._clock.monotonic()
        if self._timeout is not None and now - self._began >= self._timeout:
            raise GivenUp(f"not ended after {format_seconds(self._timeout)}")
        if now - self._asked >= ASK_AGAIN:
            self._asked = now
            self._trouble = await ask()
        if not self._trouble:
            self._well = now
        elif now - self._well >= TROUBLE_SECONDS:
            raise GivenUp(f"the server cannot end its pods: {self._trouble}")
        return self._trouble


async def _either(*works: Coroutine[Any, Any, None]) -> None:
    """Waits for the first of them, and raises what it raises."""
    async with Supervisor("down") as supervisor:
        tasks = [supervisor.background("wait", work) for work in works]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def provisioned_directories(client: Client) -> set[Path]:
    """The directories that were made for claims. Those that an administrator made into volumes are not ours."""
    volumes = (await client.list(PersistentVolume)).items
    ours = [v for v in volumes if v.metadata.annotations.get(PROVISIONED_BY) == PROVISIONER]
    return {Path(directory) for volume in ours if (directory := directory_of(volume))}
