"""What `petset up` does: a server, manifests applied to it, pods that get ready, and what comes then."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from petset.aio.clock import SystemClock
from petset.aio.tasks import Supervisor
from petset.api.errors import StatusError
from petset.api.meta import Key
from petset.api.types import StatefulSet
from petset.cli import hints
from petset.cli.addresses import url_of
from petset.cli.applying import Target, apply, in_order_of_need, targets_of
from petset.cli.data_directory import DataDirectory
from petset.cli.durations import format_seconds
from petset.cli.failure import Failure
from petset.cli.manifests import read_manifests
from petset.cli.progress.display import Display, display_for
from petset.cli.progress.following import Follower, following
from petset.cli.progress.missing import missing
from petset.cli.running import Session, describe, named, session
from petset.cli.server_process import (
    ServerOptions,
    check_agreement,
    last_words,
    missing_for_containers,
    signal_server,
    start_server,
    until_ended,
)
from petset.cli.server_record import ServerRecord, read_record, running_server
from petset.cli.shutdown import shut_down
from petset.client.interface import ConnectionLost

GOES_ON = "petset goes on in the background: petset status, petset down"


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of `petset up`. `timeout` in seconds."""

    directory: DataDirectory
    files: Sequence[str] = ()
    server: ServerOptions = field(default_factory=ServerOptions)
    detach: bool = False
    wait: bool = True
    timeout: float | None = None
    force: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """The server that was found or started; `process` when it is a child of this one."""

    record: ServerRecord
    process: subprocess.Popen[bytes] | None = None


async def bring_up(wishes: Wishes) -> None:
    """The whole of `petset up`. Raises Failure."""
    targets = in_order_of_need(targets_of(await read_manifests(wishes.files)))
    if wishes.files and not targets:
        raise Failure("no objects passed to apply")
    signals: asyncio.Queue[signal.Signals] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signals.put_nowait, number)
    display = display_for()
    with display:
        server = _find_or_start(wishes, display)
    stays = server.process is not None and not wishes.detach
    async with Supervisor("up") as supervisor:
        work = supervisor.background("work", _work(wishes, server, targets, stays=stays))
        interrupted = supervisor.background("signals", signals.get())
        await asyncio.wait((work, interrupted), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            _result(work, server)
            return
        work.cancel()
        await asyncio.wait((work,))
    if interrupted.result() is signal.SIGTERM:
        await _end_server_alone(server, stays=stays)
    elif not stays:
        raise Failure(f"interrupted\n{GOES_ON}")
    else:
        await _end_all(wishes.directory, signals)


def _result(work: asyncio.Task[None], server: Server) -> None:
    """Raises what the work raised; whoever started a server has to know when it goes on."""
    try:
        work.result()
    except (Failure, StatusError, ConnectionLost) as error:
        if server.record.running:
            raise Failure(f"{describe(error)}\n{GOES_ON}") from error
        raise


# --- the server ------------------------------------------------------------------------------------------------------


def _find_or_start(wishes: Wishes, display: Display) -> Server:
    record = running_server(wishes.directory.record)
    if record is not None:
        check_agreement(record, wishes.server)
        display.say(f"API at {url_of(record.address)}, petset runs already (pid {record.pid})")
        return Server(record)
    lacking = missing_for_containers(wishes.server.runtime or "auto", os.geteuid(), sys.platform)
    if lacking:
        raise Failure(lacking)
    clock = SystemClock()
    began = clock.monotonic()
    process, address = start_server(wishes.directory, wishes.server)
    record = read_record(wishes.directory.record)
    if record is None:
        raise Failure(f"the server ended at once\n{last_words(wishes.directory.log)}")
    display.say(f"API ready ({format_seconds(clock.monotonic() - began)}) at {url_of(address)}")
    return Server(record, process)


async def _end_server_alone(server: Server, *, stays: bool) -> None:
    """What a SIGTERM to `up` means: the server that belongs to it ends, the pods live on."""
    if stays:
        signal_server(server.record, signal.SIGTERM)
        await until_ended(server.record)
        print("petset has ended; its pods live on, and the next petset up finds them again")


async def _end_all(directory: DataDirectory, signals: asyncio.Queue[signal.Signals]) -> None:
    """What the first Ctrl-C means; the second leaves at once."""
    async with Supervisor("down") as supervisor:
        ending = supervisor.background("shutdown", shut_down(directory))
        impatient = supervisor.background("signals", signals.get())
        await asyncio.wait((ending, impatient), return_when=asyncio.FIRST_COMPLETED)
        if not ending.done():
            raise Failure("left at once; the pods go on ending in the background (petset status)")
        ending.result()


# --- the pods --------------------------------------------------------------------------------------------------------


async def _work(wishes: Wishes, server: Server, targets: Sequence[Target], *, stays: bool) -> None:
    """Everything between the server's start and its end; returns early when the server ends by itself."""
    async with Supervisor("pods") as supervisor:
        pods = supervisor.background("pods", _bring_pods_up(wishes, server, targets, stays=stays))
        ended = supervisor.background("server", until_ended(server.record))
        await asyncio.wait((pods, ended), return_when=asyncio.FIRST_COMPLETED)
        if pods.done():
            pods.result()
            return
    code = server.process.wait() if server.process is not None else 0
    if code:
        raise Failure(f"the server ended unexpectedly (exit code {code})\n{last_words(wishes.directory.log)}")
    if not stays:
        raise Failure(f"the server ended before everything was ready\n{last_words(wishes.directory.log)}")
    if read_record(wishes.directory.record) is None:
        print("petset has ended, and its pods with it")
    else:
        print("petset has ended; its pods live on, and the next petset up finds them again")


async def _bring_pods_up(wishes: Wishes, server: Server, targets: Sequence[Target], *, stays: bool) -> None:
    directory, domain = wishes.directory, server.record.cluster_domain
    async with session(directory) as opened:
        with display_for() as display:
            async with following(opened.client, display, domain) as follower:
                wanted = await _apply_all(opened, follower, display, targets, wishes)
                if wishes.wait:
                    await _until_ready(follower, wanted if targets else follower.all_sets(), wishes.timeout)
                    display.table(follower.rows())
                program = hints.program(Path(sys.argv[0]), shutil.which("petset"))
                for line in hints.after_up(directory, follower.snapshot(), program, stays=stays):
                    display.note(line)
                if stays:
                    await follower.stand_by(follower.set_rows)


async def _apply_all(
    opened: Session, follower: Follower, display: Display, targets: Sequence[Target], wishes: Wishes
) -> list[Key]:
    """Applies the manifests; the StatefulSets among them."""
    sets = []
    for target in targets:
        with named(target.origin):
            applied = await apply(opened.client, target, force=wishes.force)
        display.say(str(applied))
        if target.resource.type is StatefulSet:
            sets.append(target.key)
            await follower.until_seen(applied.obj.metadata.resource_version)
    return sets


async def _until_ready(follower: Follower, wanted: Sequence[Key], seconds: float | None) -> None:
    try:
        async with asyncio.timeout(seconds):
            await follower.until_ready(wanted)
    except TimeoutError:
        lacking = "\n".join(missing(follower.snapshot(), wanted))
        raise Failure(f"not ready after {format_seconds(seconds or 0.0)}\n{lacking}") from None
