"""What `petset down` does: the pods end in order, then the server; volumes stay unless asked."""

import asyncio
import shutil
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.api.types import PersistentVolume
from petset.cli.data_directory import DataDirectory
from petset.cli.failure import Failure
from petset.cli.progress.display import Display, display_for
from petset.cli.progress.following import following
from petset.cli.progress.snapshot import directory_of
from petset.cli.running import session
from petset.cli.server_process import ServerOptions, last_words, signal_server, start_server, until_ended
from petset.cli.server_record import ServerRecord, boot_of, read_record, this_boot
from petset.client.interface import Client, ConnectionLost
from petset.controllers.volumes.model import PROVISIONED_BY, PROVISIONER


async def shut_down(directory: DataDirectory, *, delete_volumes: bool = False) -> None:
    """Ends pods and server of a data directory; does no harm when there are none. Raises Failure."""
    with display_for() as display:
        record = _running_or_restarted(directory, display)
        volumes = default_volumes(directory)
        if record is None:
            display.say(f"petset is not running on {directory.root}")
        else:
            volumes |= await _end(directory, record, display)
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


async def _end(directory: DataDirectory, record: ServerRecord, display: Display) -> set[Path]:
    """Ends a running server, telling how; the directories of its volumes."""
    volumes: set[Path] = set()
    try:
        # whatever the server was asked, it may be killed instead of answering
        await _either(_end_pods(directory, record, display, volumes), until_ended(record))
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


async def _end_pods(directory: DataDirectory, record: ServerRecord, display: Display, volumes: set[Path]) -> None:
    """Has the server end its pods, and tells how they go. Adds the directories of their volumes to `volumes`."""
    async with session(directory) as opened, following(opened.client, display, record.cluster_domain) as follower:
        volumes |= await provisioned_directories(opened.client)
        signal_server(record, signal.SIGINT)
        await follower.until_pods_gone()


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
